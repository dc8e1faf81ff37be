//! Models by hub id become folders before they are opened.

use super::error::EngineError;
use super::messages::ModelSource;
use crate::hub::{FetchEvent, HubId, HubOptions, fetch};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Share of the opening that is over once a model that had to be downloaded is there.
const DOWNLOAD_SHARE: f32 = 0.9;

/// Where a source lies on this machine. A hub id is fetched as far as the cache lacks it, telling `progress`; a folder
/// of that name wins. The number is the share of the opening that this took.
pub(super) fn on_disk(
    source: &ModelSource,
    progress: &mut dyn FnMut(f32, &str),
    cancel: &AtomicBool,
) -> Result<(ModelSource, f32), EngineError> {
    let ModelSource::Hub { id, folder } = source else { return Ok((source.clone(), 0.0)) };
    let at = |folder| ModelSource::Hub { id: id.clone(), folder: Some(folder) };
    if let Some(folder) = folder.clone().or_else(|| namesake(id)) {
        return Ok((at(folder), 0.0));
    }
    let mut share = 0.0;
    let mut tell = |event: FetchEvent<'_>| match event {
        FetchEvent::Asking(endpoint) => progress(share, &format!("Asking {endpoint} about {id}")),
        FetchEvent::Note(note) => progress(share, note),
        FetchEvent::Progress(now) => {
            share = DOWNLOAD_SHARE * now.share();
            progress(share, &now.label());
        }
    };
    let folder = fetch(id, &HubOptions::from_env()?, &mut tell, cancel)?;
    Ok((at(folder), if share > 0.0 { DOWNLOAD_SHARE } else { 0.0 }))
}

/// A folder of the very name.
fn namesake(id: &HubId) -> Option<PathBuf> {
    let name = id.to_string();
    let folder = Path::new(&name);
    folder.is_dir().then(|| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_checkpoint_reads_is_fetched_and_no_more() {
        let most = HubOptions::new("cache".into()).small_file_bytes;
        assert_eq!(most, crate::checkpoint::MAX_TEXT_FILE_BYTES, "of a small file");
    }

    #[test]
    fn a_folder_of_that_name_wins() {
        let id: HubId = "src/engine".parse().expect("an id");
        let mut silent = |_: f32, what: &str| panic!("nobody is asked: {what}");
        let cancel = AtomicBool::new(false);
        let source = ModelSource::Hub { id: id.clone(), folder: None };
        let found = on_disk(&source, &mut silent, &cancel).expect("a folder");
        let at = |folder: &str| ModelSource::Hub { id: id.clone(), folder: Some(folder.into()) };
        assert_eq!(found, (at("src/engine"), 0.0), "the one on disk");
        let given = at("elsewhere");
        let found = on_disk(&given, &mut silent, &cancel).expect("a folder");
        assert_eq!(found, (given, 0.0), "what was fetched before");
        let demo = on_disk(&ModelSource::Demo, &mut silent, &cancel).expect("as it is");
        assert_eq!(demo, (ModelSource::Demo, 0.0), "nothing to do");
    }
}
