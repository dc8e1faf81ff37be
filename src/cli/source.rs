//! `--model` and `--image`: names and paths told apart.

use super::common_args::ModelArgs;
use super::failure::Failure;
use super::{inputs, output};
use crate::engine::{ImageSource, LoadRequest, ModelSource};
use crate::hub::{self, FetchEvent, FetchProgress, HubOptions};
use crate::names::hint;
use anyhow::anyhow;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The model that was asked for.
pub(super) fn load_request(args: &ModelArgs) -> Result<LoadRequest, Failure> {
    Ok(args.place.request(model_source(&args.model, args.mmproj.as_deref())?))
}

pub(super) fn model_source(model: &str, mmproj: Option<&Path>) -> Result<ModelSource, Failure> {
    let path = Path::new(model);
    let named = ModelSource::named(model);
    // What is bundled keeps its name, whatever folders are called.
    if path.is_dir() && mmproj.is_none() && !named.is_bundled() {
        return Ok(ModelSource::Folder(path.to_owned()));
    }
    match (named, mmproj) {
        (ModelSource::Gguf { decoder, .. }, mmproj) => {
            Ok(ModelSource::Gguf { decoder, mmproj: mmproj.map(Path::to_owned) })
        }
        (_, Some(file)) => {
            let file = file.display();
            Err(Failure::usage(anyhow!("Expected a GGUF decoder as --model with --mmproj, found {model}: {file}")))
        }
        (named @ (ModelSource::Demo | ModelSource::DemoClip), None) => Ok(named),
        (_, None) if path.exists() => Err(anyhow!("{EXPECTED}, found a file: {model}").into()),
        (named @ ModelSource::Hub { .. }, None) => Ok(named),
        (ModelSource::Folder(_), None) => {
            let known = ["demo", "demo-clip"].into_iter().chain(hub::KNOWN_MODELS.iter().map(|known| known.id));
            let near = hint(model, known);
            Err(anyhow!("{EXPECTED}, found neither such a folder nor the form of an id{near}: {model}").into())
        }
    }
}

/// What `--model` may be.
const EXPECTED: &str = "Expected `demo`, a checkpoint folder or a hub id such as llava-hf/llava-1.5-7b-hf as --model";

/// Brings a model of the hub onto this machine, saying on standard error what is downloaded. Nothing happens when it is
/// there.
pub(super) fn fetch(request: &mut LoadRequest) -> anyhow::Result<()> {
    let ModelSource::Hub { id, folder: folder @ None } = &mut request.source else { return Ok(()) };
    let (options, mut lines) = (HubOptions::from_env()?, DownloadLines::new());
    // Nobody raises it: an interrupt from the keyboard ends the process, and what came so far is continued the next
    // time.
    let fetched = hub::fetch(id, &options, &mut |event| lines.tell(event), &AtomicBool::new(false));
    lines.end();
    *folder = Some(fetched?);
    Ok(())
}

/// Finds a model of the hub among those that are on this machine already. Nobody is asked over the network.
pub(super) fn cached(request: &mut LoadRequest) -> anyhow::Result<()> {
    let ModelSource::Hub { id, folder: folder @ None } = &mut request.source else { return Ok(()) };
    let options = HubOptions { offline: true, ..HubOptions::from_env()? };
    let cached = hub::fetch(id, &options, &mut |_| {}, &AtomicBool::new(false)).map_err(|_| {
        anyhow!(
            "Cannot ask {id} again: the model is not on this machine, and a file that names it downloads nothing \
             unasked; a command with --model {id} downloads it"
        )
    });
    *folder = Some(cached?);
    Ok(())
}

/// A download on standard error: one changing line on a terminal, otherwise one line a file.
struct DownloadLines {
    terminal: bool,
    /// The last line is still to be ended.
    open: bool,
    file_number: usize,
}

impl DownloadLines {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), open: false, file_number: 0 }
    }

    fn tell(&mut self, event: FetchEvent<'_>) {
        match event {
            FetchEvent::Asking(endpoint) if self.terminal => {
                output::changing_line(&format!("Asking {endpoint}"));
                self.open = true;
            }
            FetchEvent::Note(note) => {
                self.end();
                output::note(note);
            }
            FetchEvent::Progress(now) if self.terminal => {
                let FetchProgress { file, file_bytes, file_total, file_number, num_files, .. } = now;
                let (got, of) = (hub::size_label(file_bytes), hub::size_label(file_total));
                let percent = now.share() * 100.0;
                output::changing_line(&format!(
                    "[{file_number}/{num_files}] {file} {got} of {of}, {percent:.0} % of all"
                ));
                self.open = true;
            }
            FetchEvent::Progress(now) if now.file_number != self.file_number => {
                let FetchProgress { file, file_total, file_number, num_files, .. } = now;
                self.file_number = file_number;
                let size = hub::size_label(file_total);
                output::note(&format!("Downloading {file}, {size} (file {file_number} of {num_files})"));
            }
            FetchEvent::Asking(_) | FetchEvent::Progress(_) => {}
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            output::note("");
        }
    }
}

/// A file, or a bundled image where no file has that name. What is made of it tells its name.
pub(super) fn image_source(path: &Path) -> Result<ImageSource, Failure> {
    match inputs::text_of("the photo", path)? {
        name if !path.exists() && crate::data::demo::image(name).is_some() => Ok(ImageSource::Bundled(name.to_owned())),
        // A name without a folder may be meant for a bundled image.
        name if !path.exists() && path.parent() == Some(Path::new("")) => {
            let near = hint(name, crate::data::demo::IMAGES.iter().map(|image| image.file_name));
            if near.is_empty() {
                return Ok(ImageSource::Path(path.to_owned()));
            }
            Err(anyhow!("Cannot open {name}: no such file, and no bundled image has that name{near}").into())
        }
        _ => Ok(ImageSource::Path(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(model: &str) -> String {
        model_source(model, None).expect_err("no model of this version").sentence()
    }

    #[test]
    fn what_is_no_model_is_refused_by_what_it_is() {
        let neither = refusal("./nowhere");
        assert!(neither.contains("a checkpoint folder or a hub id"), "both possibilities: {neither}");
        assert!(
            neither.contains("neither such a folder") && neither.ends_with("./nowhere"),
            "a mistyped path: {neither}"
        );
        assert!(refusal("llava").contains("neither such a folder"), "half a hub id");
        assert!(refusal("Cargo.toml").contains("found a file"), "a file");
        assert!(refusal("src/lib.rs").contains("found a file"), "a file that looks like an id");
        let projector = model_source("x", Some(Path::new("mmproj.gguf"))).expect_err("half a pair");
        assert!(projector.sentence().ends_with("mmproj.gguf"), "{}", projector.sentence());
        assert_eq!(projector.status(), 2, "options that do not go together");
        assert!(refusal("DEMO").contains("(near: demo, demo-clip)"), "{}", refusal("DEMO"));
        assert!(refusal("llava-1.5-7b-hf").contains("(near: llava-hf/llava-1.5-7b-hf)"), "an id without its owner");
    }

    #[test]
    fn a_bundled_image_that_there_is_not_is_answered_with_the_nearest() {
        let refused = image_source(Path::new("demo_01_beech.png")).expect_err("no such image");
        let expected = "Cannot open demo_01_beech.png: no such file, and no bundled image has that name \
            (near: demo_01_beach.png";
        assert!(refused.sentence().starts_with(expected), "{}", refused.sentence());
        assert_eq!(refused.status(), 1, "a file that there is not");
        let path = image_source(Path::new("holiday.jpg")).ok();
        assert_eq!(path, Some(ImageSource::Path("holiday.jpg".into())), "the reader says what is wrong");
    }

    #[test]
    fn a_hub_id_is_a_model_unless_a_folder_has_its_name() {
        let id = "llava-hf/llava-1.5-7b-hf@main";
        let hub = ModelSource::Hub { id: id.parse().expect("an id"), folder: None };
        assert_eq!(model_source(id, None).ok(), Some(hub), "a model of the hub");
        assert_eq!(model_source("src/cli", None).ok(), Some(ModelSource::Folder("src/cli".into())), "a folder");
    }

    #[test]
    fn a_folder_and_the_demo_are_models() {
        assert_eq!(model_source("demo", None).ok(), Some(ModelSource::Demo), "the bundled model");
        assert_eq!(model_source("demo-clip", None).ok(), Some(ModelSource::DemoClip), "the bundled CLIP");
        let pair = ModelSource::Gguf { decoder: "a.GGUF".into(), mmproj: Some("b.gguf".into()) };
        assert_eq!(model_source("a.GGUF", Some(Path::new("b.gguf"))).ok(), Some(pair), "a pair of files");
        assert_eq!(model_source("src", None).ok(), Some(ModelSource::Folder("src".into())), "a folder");
    }
}
