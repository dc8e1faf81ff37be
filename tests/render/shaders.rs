//! Every WGSL file of the project.

use std::path::Path;

#[test]
fn every_shader_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.extension().is_some_and(|e| e == "wgsl"), "only shaders live here: {}", path.display());
        let source = std::fs::read_to_string(&path).unwrap();
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|err| panic!("{}:\n{}", path.display(), err.emit_to_string(&source)));
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|err| panic!("{}:\n{}", path.display(), err.emit_to_string(&source)));
        for stage in [naga::ShaderStage::Vertex, naga::ShaderStage::Fragment] {
            assert!(module.entry_points.iter().any(|e| e.stage == stage), "{} lacks {stage:?}", path.display());
        }
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(
        names,
        ["grid.wgsl", "heat.wgsl", "mask.wgsl", "overlap.wgsl", "prompt.wgsl"],
        "a new shader needs a CPU twin and a comparison in this folder"
    );
}
