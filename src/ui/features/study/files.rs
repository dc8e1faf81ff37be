//! What studies need of the disk, in the background: a row's photo and trace, study files, tables.

use super::job::StudyCount;
use crate::data::demo;
use crate::engine::ImageSource;
use crate::figure::Format;
use crate::figure::chart::Chart;
use crate::files;
use crate::study::file::DEMO;
use crate::trace::Trace;
use crate::trace::file::TraceFile;
use crate::ui::features::open_files::OpenFiles;
use std::path::{Path, PathBuf};

/// Longest study file.
const MOST_BYTES: u64 = 1 << 20;
/// Folders above a run in which the study's photos are looked for: its file lay in one of them, as a rule.
const MOST_ABOVE: usize = 4;

/// What came of something that studies need.
#[derive(Debug)]
pub(in crate::ui) enum StudyDone {
    /// Photo and trace of a row were looked for.
    Row(Box<FoundRow>),
    /// A study was read, or a sentence.
    FileRead(PathBuf, Result<String, String>),
    /// A study was written, or a sentence.
    StudyWritten(PathBuf, Result<(), String>),
    /// A table was written, or a sentence.
    TableWritten(PathBuf, Result<(), String>),
    /// Bars were written as a figure, or a sentence.
    FigureWritten(PathBuf, Result<(), String>),
    /// Questions were counted, or a sentence.
    Counted(Result<StudyCount, String>),
}

/// A row whose photo and trace are to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowWish {
    /// Place of the row in the run.
    pub(in crate::ui) place: usize,
    /// The run's folder.
    pub(in crate::ui) folder: PathBuf,
    /// Where the study lay, where the run says so.
    pub(in crate::ui) base: Option<PathBuf>,
    /// The study's folder of photos, or `demo`.
    pub(in crate::ui) images: PathBuf,
    /// Name of the photo's file.
    pub(in crate::ui) photo: String,
    /// Key of the row.
    pub(in crate::ui) key: String,
    /// The photo, where it is among the open ones.
    pub(in crate::ui) open: Option<ImageSource>,
}

/// What was found of a row.
#[derive(Debug)]
pub(in crate::ui) struct FoundRow {
    pub(in crate::ui) wish: RowWish,
    /// The photo, or a sentence.
    pub(in crate::ui) photo: Result<ImageSource, String>,
    /// What was seen, where the run keeps traces; a sentence where it cannot be read.
    pub(in crate::ui) trace: Option<Result<Box<Trace>, String>>,
}

/// Looks for a row's photo and trace.
pub(in crate::ui) fn find(wish: RowWish) -> FoundRow {
    let photo = wish.open.clone().map_or_else(|| photo_of(&wish), Ok);
    let path = wish.folder.join("traces").join(format!("{}.safetensors", wish.key));
    let trace = path.is_file().then(|| {
        let read = TraceFile::read(&path).map_err(|err| err.to_string());
        read.map(|file| Box::new(file.trace))
    });
    FoundRow { wish, photo, trace }
}

fn photo_of(wish: &RowWish) -> Result<ImageSource, String> {
    if wish.images == Path::new(DEMO) {
        return match demo::image(&wish.photo) {
            Some(image) => Ok(ImageSource::Bundled(image.file_name.to_owned())),
            None => Err(format!("Expected one of the bundled photos, found {}", wish.photo)),
        };
    }
    // An older run does not say where the study's file lay, and it may have moved: beside it, or above it, as a rule.
    let above = std::iter::successors(Some(wish.folder.as_path()), |folder| folder.parent());
    let above = above.take(MOST_ABOVE).map(|folder| folder.join(&wish.images));
    let base = wish.base.iter().map(|base| base.join(&wish.images));
    let folders = base.chain([wish.images.clone()]).chain(above);
    let found = folders.map(|folder| folder.join(&wish.photo)).find(|path| path.is_file());
    found.map(ImageSource::Path).ok_or_else(|| {
        format!(
            "The photo {} is neither among the open ones nor in the study's folder: open the folder that it is in: {}",
            wish.photo,
            wish.images.display()
        )
    })
}

/// Reads a study's text.
pub(in crate::ui) fn read(path: &Path) -> Result<String, String> {
    let cannot = |why: String| format!("Cannot open the study: {why}: {}", path.display());
    let bytes = files::read(path, MOST_BYTES).map_err(|err| cannot(files::reason(&err)))?;
    String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8 text".to_owned()))
}

/// Writes a study or a table: the whole file, or what was there before. Nothing that is open is written over.
pub(in crate::ui) fn write(what: &str, path: &Path, bytes: &[u8], open: &OpenFiles) -> Result<(), String> {
    let mut outputs = open.outputs();
    let written = outputs.claim(what, path).and_then(|key| {
        outputs.write_bytes(key, bytes)?;
        outputs.commit()
    });
    written.map_err(|err| err.to_string())
}

/// Writes bars as a figure of the kind that the file's ending names.
pub(in crate::ui) fn write_chart(path: &Path, chart: &Chart, open: &OpenFiles) -> Result<(), String> {
    let Some(format) = Format::of(path) else {
        let found = path.extension().map_or_else(|| "none".to_owned(), |ending| ending.display().to_string());
        return Err(format!("Expected a figure's ending, pdf, svg or png, found {found}: {}", path.display()));
    };
    let bytes = chart.bytes(format).map_err(|err| format!("Cannot draw the figure: {err}: {}", path.display()))?;
    write("the figure", path, &bytes, open)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_are_found_beside_and_above_the_run() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (run, photos) = (folder.path().join("runs").join("one"), folder.path().join("photos"));
        std::fs::create_dir_all(&run).expect("a folder");
        std::fs::create_dir_all(&photos).expect("a folder");
        std::fs::write(photos.join("a.png"), b"x").expect("written");
        let wish = |photo: &str, images: &str| RowWish {
            place: 0,
            folder: run.clone(),
            base: None,
            images: images.into(),
            photo: photo.to_owned(),
            key: "k".to_owned(),
            open: None,
        };
        let found = find(wish("a.png", "photos"));
        assert_eq!(found.photo, Ok(ImageSource::Path(photos.join("a.png"))), "two folders above");
        assert!(found.trace.is_none(), "no traces were written");
        let elsewhere = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(elsewhere.path().join("photos")).expect("a folder");
        std::fs::write(elsewhere.path().join("photos/c.png"), b"x").expect("written");
        let of_base = RowWish { base: Some(elsewhere.path().to_owned()), ..wish("c.png", "photos") };
        let expected = ImageSource::Path(elsewhere.path().join("photos/c.png"));
        assert_eq!(find(of_base).photo, Ok(expected), "where the study lay");
        let why = find(wish("b.png", "photos")).photo.expect_err("not there");
        assert!(why.contains("The photo b.png is neither") && why.ends_with(": photos"), "{why}");
        let bundled = demo::IMAGES[0].file_name;
        assert_eq!(find(wish(bundled, "demo")).photo, Ok(ImageSource::Bundled(bundled.to_owned())), "bundled");
        std::fs::create_dir_all(run.join("traces")).expect("a folder");
        std::fs::write(run.join("traces/k.safetensors"), b"damaged").expect("written");
        assert!(matches!(find(wish("a.png", "photos")).trace, Some(Err(_))), "a damaged trace is said");
    }
}
