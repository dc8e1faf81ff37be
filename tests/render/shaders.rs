//! Every WGSL file of the project.

use gazelens::render::gpu::SHADERS;
use std::collections::BTreeMap;
use std::path::Path;

fn names(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert!(path.extension().is_some_and(|e| e == "wgsl"), "only shaders live here: {}", path.display());
            names.push(path.file_stem().unwrap().to_string_lossy().into_owned());
        }
    }
    names.sort();
    names
}

#[test]
fn every_shader_is_valid() {
    for shader in SHADERS {
        let (name, source) = (shader.name, shader.source());
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|err| panic!("{name}:\n{}", err.emit_to_string(&source)));
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|err| panic!("{name}:\n{}", err.emit_to_string(&source)));
        for stage in [naga::ShaderStage::Vertex, naga::ShaderStage::Fragment] {
            assert!(module.entry_points.iter().any(|e| e.stage == stage), "{name} lacks {stage:?}");
        }
    }
    let mut there: Vec<&str> = SHADERS.iter().map(|shader| shader.name).collect();
    there.sort_unstable();
    assert_eq!(there, names("shaders"), "a new shader needs a line, a CPU twin and a comparison in this folder");
}

#[test]
fn parts_are_shared_and_written_once() {
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for shader in SHADERS {
        for (part, _) in shader.parts {
            users.entry(part).or_default().push(shader.name);
        }
    }
    assert_eq!(users.keys().copied().collect::<Vec<_>>(), names("shaders/parts"), "every part is used");
    for (part, users) in users {
        assert!(users.len() > 1, "{part} is used by {users:?} alone: it belongs into that file");
    }
}
