//! The box in which a model is picked.

use crate::script::Script;
use crate::support::{frames, type_text, window, window_with};
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::{Event, ModelSource, Request};
use std::path::Path;

fn asked_for(sent: &[Request]) -> Option<ModelSource> {
    match sent.last() {
        Some(Request::Load(load)) => Some(load.source.clone()),
        _ => None,
    }
}

/// A complete model in a cache as Python lays it out.
fn cached(cache: &Path, folder: &str) {
    let repo = cache.join(folder);
    let commit = "0".repeat(40);
    let snapshot = repo.join("snapshots").join(&commit);
    std::fs::create_dir_all(&snapshot).expect("made");
    std::fs::create_dir_all(repo.join("refs")).expect("made");
    std::fs::write(repo.join("refs/main"), commit).expect("written");
    std::fs::write(snapshot.join("config.json"), r#"{"model_type": "clip", "torch_dtype": "float32"}"#)
        .expect("written");
    std::fs::write(snapshot.join("model.safetensors"), vec![0; 4000]).expect("written");
}

#[test]
fn cached_and_known_models_are_listed_with_what_they_need() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    cached(dir.path(), "models--openai--clip-vit-base-patch32");
    let cache = dir.path().to_owned();
    let (mut window, handle) = window_with(Script::default(), |options| options.hub_cache = Some(cache));
    window.get_by_label("Model: demo").click();
    // The cache is looked through beside the window.
    for _ in 0..200 {
        frames(&mut window);
        if window.query_by_label("openai/clip-vit-base-patch32").is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    window.get_by_label("4.0 kB on disk, about 4.5 kB of memory");
    assert!(window.query_by_label("CLIP ViT-B/32").is_none(), "what is there is not offered for download");
    window.get_by_label("14.1 GB to download, about 17.7 GB of memory in 16 bit, 31.8 GB in f32");
    window.get_by_label("LLaVA-1.5 7B");
    window.get_by_label("openai/clip-vit-base-patch32").click();
    frames(&mut window);
    let expected = ModelSource::Hub { id: "openai/clip-vit-base-patch32".parse().expect("an id"), folder: None };
    assert_eq!(handle.wire(|wire| asked_for(&wire.sent)), Some(expected), "a click opens it");
    assert!(window.query_by_label("Open a model").is_none(), "the box is gone");
}

#[test]
fn a_hub_id_is_typed_downloaded_and_stopped() {
    let (mut window, handle) = window(Script { opens: false, ..Script::default() });
    handle.say(Event::Loaded(Script::default().info()));
    frames(&mut window);
    window.get_by_label("Model: demo").click();
    frames(&mut window);
    window.get_by_label("Folder, GGUF file or hub id").focus();
    frames(&mut window);
    type_text(&mut window, "llava-hf/llava-1.5-7b-hf");
    window.get_by_label("Open").click();
    frames(&mut window);
    let expected = ModelSource::Hub { id: "llava-hf/llava-1.5-7b-hf".parse().expect("an id"), folder: None };
    assert_eq!(handle.wire(|wire| asked_for(&wire.sent)), Some(expected), "the typed id is asked for");
    let what = "Downloading model-00001-of-00003.safetensors: 1.2 GB of 5.0 GB (file 7 of 9, 1.2 GB of 14.1 GB in all)";
    handle.say(Event::Loading { share: 0.08, what: what.to_owned() });
    frames(&mut window);
    window.get_by_label(what);
    window.get_by_label("Cancel loading").click();
    frames(&mut window);
    assert_eq!(handle.wire(|wire| wire.cancelled_all), 1, "the worker is told");
    handle.say(Event::LoadFailed("Stopped on request".to_owned()));
    frames(&mut window);
    window.get_by_label_contains("demo is still loaded");
    assert!(window.state().state().prefs.recent_models.is_empty(), "what was not opened is not remembered");
}

#[test]
fn a_model_of_the_hub_is_remembered_by_its_id() {
    let (mut window, handle) = window(Script::default());
    window.get_by_label("Model: demo").click();
    frames(&mut window);
    window.get_by_label("Folder, GGUF file or hub id").focus();
    frames(&mut window);
    type_text(&mut window, "org/model@v2");
    window.get_by_label("Open").click();
    frames(&mut window);
    window.get_by_label("Model: demo").click();
    frames(&mut window);
    handle.wire(|wire| wire.sent.clear());
    window.get_by_label("org/model@v2").click();
    frames(&mut window);
    let expected = ModelSource::Hub { id: "org/model@v2".parse().expect("an id"), folder: None };
    assert_eq!(handle.wire(|wire| asked_for(&wire.sent)), Some(expected), "opened again by a click");
}
