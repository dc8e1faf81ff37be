//! Notes that lie beside the photos, and what becomes of those of earlier versions.

use super::file::NotesFile;
use super::*;
use crate::data::coco::{Captions, Instances};
use crate::data::dataset::Sources;
use std::sync::Arc;

const PHOTOS: [&str; 3] = ["COCO_val2014_000000000009.jpg", "b.jpg", "c.jpg"];

/// A data set on a disk: annotations, and photos in a folder below.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        let disk = Self(tempfile::tempdir().expect("a temporary folder"));
        std::fs::create_dir_all(disk.photos()).expect("can be made");
        disk
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn photos(&self) -> PathBuf {
        self.at("photos")
    }

    fn home(&self) -> PathBuf {
        notes_in_folder(&self.photos())
    }

    fn write(&self, name: &str, images: &str) -> String {
        let text = format!(r#"{{"format": "gazelens-notes", "version": 1, "images": {images}}}"#);
        std::fs::write(self.at(name), &text).expect("can be written");
        text
    }

    fn places(&self) -> NotesPlaces {
        NotesPlaces { spare: Some(self.at("settings/notes")) }
    }

    fn photo(&self, name: &str) -> PhotoPlace {
        PhotoPlace::File(self.photos().join(name))
    }

    /// With instances, or captions, or neither.
    fn dataset(&self, annotations: &str) -> Dataset {
        let photos = PHOTOS.map(|name| self.photo(name)).to_vec();
        let images = r#"[{"id": 9, "file_name": "000000000009.jpg"}, {"id": 2, "file_name": "b.jpg"}, {"id": 3, "file_name": "c.jpg"}]"#;
        let text = |record: &str| {
            format!(r#"{{"images": {images}, "annotations": [{record}], "categories": [{{"id": 1, "name": "dog"}}]}}"#)
        };
        let (objects, captions) =
            (text(r#"{"image_id": 9, "category_id": 1}"#), text(r#"{"image_id": 9, "caption": "x"}"#));
        let path = self.at(annotations);
        let mut sources = Sources { photos, ..Sources::default() };
        if annotations.contains("instances") {
            sources.instances = Instances::from_bytes(objects.into_bytes(), &path).ok().map(Arc::new);
        }
        if annotations.contains("captions") {
            sources.captions = Captions::from_bytes(captions.as_bytes(), &path).ok().map(Arc::new);
        }
        Dataset::join(sources)
    }

    fn read(&self, annotations: &str) -> ReadNotes {
        let photos = PHOTOS.map(|name| self.photo(name));
        Notes::of_dataset(&self.dataset(annotations), &photos, &self.places(), &[])
    }

    /// As the window does when a data set is opened.
    fn open(&self, annotations: &str) -> ReadNotes {
        let read = self.read(annotations);
        let taken: Vec<_> = read.taken.values().flatten().cloned().collect();
        if !taken.is_empty() {
            keep(&self.photos(), &self.places(), &[], &taken).expect("can be kept");
        }
        read
    }

    /// As the window does when something is noted.
    fn note(&self, annotations: &str, key: &str, change: impl FnOnce(&mut ImageNotes)) -> Kept {
        let mut notes = self.read(annotations).notes;
        let dataset = self.dataset(annotations);
        let row = dataset.row_of_name(key).and_then(|row| dataset.rows().get(row)).expect("a row");
        let Some(PhotoPlace::File(photo)) = &row.photo else { panic!("a photo") };
        let change = notes.change(&row.key, photo, change);
        keep(&self.photos(), &self.places(), &[&change], &[]).expect("can be kept")
    }
}

fn said(change: impl FnOnce(&mut ImageNotes)) -> ImageNotes {
    let mut noted = ImageNotes::default();
    change(&mut noted);
    noted
}

fn tagged(noted: &mut ImageNotes, tag: &str) {
    noted.tags.insert(tag.to_owned());
}

#[test]
fn a_note_is_found_with_whatever_annotations_the_photo_is_opened() {
    let disk = Disk::new();
    disk.note("instances.json", "b.jpg", |noted| noted.star = true);
    disk.note("captions.json", "000000000009.jpg", |noted| tagged(noted, "night"));
    for annotations in ["instances.json", "captions.json", "none"] {
        let notes = disk.open(annotations).notes;
        assert!(notes.of("b.jpg").star, "{annotations}: the star");
        // The row is called as the annotations call it.
        let key = if annotations == "none" { PHOTOS[0] } else { "000000000009.jpg" };
        assert!(notes.of(key).tags.contains("night"), "{annotations}: the tag");
    }
    disk.note("none", "b.jpg", |noted| noted.star = false);
    assert_eq!(disk.open("instances.json").notes.of("b.jpg"), &ImageNotes::default(), "taken back is taken back");
    let files: Vec<_> = std::fs::read_dir(disk.photos()).expect("readable").collect();
    assert_eq!(files.len(), 1, "one file, and no temporary one stays");
}

#[test]
fn files_of_earlier_versions_are_put_together_and_stay_as_they_are() {
    let disk = Disk::new();
    let texts = [
        (
            "instances.json.gazelens.json",
            r#"{"b.jpg": {"star": true, "tags": ["x"], "note": "left"}, "gone.jpg": {"star": true}}"#,
        ),
        (
            "captions.json.gazelens.json",
            r#"{"b.jpg": {"tags": ["y"], "note": "right"}, "000000000009.jpg": {"hallucinates": true}}"#,
        ),
        ("photos/gazelens-notes.json", r#"{"c.jpg": {"annotation_wrong": true}, "b.jpg": {"note": "left"}}"#),
        // Of another data set in the same folder.
        ("other.json.gazelens.json", r#"{"b.jpg": {"tags": ["other"]}, "elsewhere.jpg": {"star": true}}"#),
    ]
    .map(|(name, images)| (name, disk.write(name, images)));
    let read = disk.open("instances.json");
    let expected = said(|noted| {
        (noted.star, noted.note) = (true, "left\nright".to_owned());
        noted.tags.extend(["x".to_owned(), "y".to_owned()]);
    });
    assert_eq!(read.notes.of("b.jpg"), &expected, "tags of all, and both texts");
    assert!(read.notes.of("000000000009.jpg").hallucinates && read.notes.of("c.jpg").annotation_wrong, "the others");
    let words = "Tags and notes of 2 photos are kept beside the photos now; they were in captions.json.gazelens.json, \
        instances.json.gazelens.json";
    assert_eq!(read.taken_words().as_deref(), Some(words), "it is said");
    for (name, text) in &texts {
        let unchanged = std::fs::read_to_string(disk.at(name)).ok().as_deref() == Some(text);
        assert_eq!(unchanged, !name.starts_with("photos"), "{name}: only the one beside the photos is written");
    }
    // Without the annotations it is there too, and nothing is taken over twice.
    let again = disk.open("none");
    assert_eq!((again.notes.of("b.jpg"), again.taken.len()), (&expected, 0), "once");
    disk.note("captions.json", "b.jpg", |noted| {
        noted.star = false;
        noted.note.clear();
        noted.tags.remove("y");
    });
    let expected = said(|noted| tagged(noted, "x"));
    for annotations in ["instances.json", "captions.json", "none"] {
        assert_eq!(disk.open(annotations).notes.of("b.jpg"), &expected, "{annotations}: what was taken back stays so");
    }
    // An earlier version has written since: that is new.
    disk.write("captions.json.gazelens.json", r#"{"b.jpg": {"tags": ["later"]}}"#);
    assert!(disk.open("captions.json").notes.of("b.jpg").tags.contains("later"), "read again");
}

#[test]
fn what_is_not_this_data_sets_is_left_for_when_it_is() {
    let disk = Disk::new();
    disk.write("instances.json.gazelens.json", r#"{"gone.jpg": {"star": true}, "b.jpg": {"star": true}}"#);
    disk.open("instances.json");
    std::fs::write(disk.photos().join("gone.jpg"), b"").expect("can be written");
    let photos = [disk.photo("gone.jpg")];
    let dataset = Dataset::join(Sources { photos: photos.to_vec(), ..disk.sources_of("instances.json") });
    let read = Notes::of_dataset(&dataset, &photos, &disk.places(), &[]);
    assert!(read.notes.of("gone.jpg").star, "a photo that came later has its star");
}

impl Disk {
    fn sources_of(&self, annotations: &str) -> Sources {
        let dataset = self.dataset(annotations);
        Sources { instances: dataset.instances().cloned(), ..Sources::default() }
    }
}

#[test]
fn two_windows_lose_nothing_of_each_other() {
    let disk = Disk::new();
    let mut windows = [disk.read("instances.json").notes, disk.read("none").notes];
    let photo = disk.photos().join("b.jpg");
    let mut write = |window: usize, change: fn(&mut ImageNotes)| {
        let change = windows[window].change("b.jpg", &photo, change);
        keep(&disk.photos(), &disk.places(), &[&change], &[]).expect("can be kept").said.remove(0)
    };
    write(0, |noted| noted.star = true);
    write(1, |noted| tagged(noted, "x"));
    write(0, |noted| noted.note = "f".to_owned());
    write(1, |noted| noted.note = "s".to_owned());
    write(0, |noted| noted.note = "first".to_owned());
    write(1, |noted| noted.note = "second\nline".to_owned());
    let last = write(0, |noted| noted.hallucinates = true);
    let expected = said(|noted| {
        (noted.star, noted.hallucinates, noted.note) = (true, true, "first\nsecond\nline".to_owned());
        tagged(noted, "x");
    });
    assert_eq!(last, expected, "what each of them wrote");
    assert_eq!(disk.open("captions.json").notes.of("b.jpg"), &expected, "and so it is read");
    write(1, |noted| noted.note.clear());
    write(1, |noted| noted.tags.clear());
    let expected = said(|noted| (noted.star, noted.hallucinates, noted.note) = (true, true, "first".to_owned()));
    assert_eq!(disk.open("none").notes.of("b.jpg"), &expected, "one takes back only its own");
}

#[test]
fn many_windows_at_once_lose_nothing() {
    let disk = Disk::new();
    std::thread::scope(|scope| {
        for window in 0..4 {
            let disk = &disk;
            scope.spawn(move || {
                for nr in 0..5 {
                    disk.note("none", "b.jpg", |noted| tagged(noted, &format!("{window}-{nr}")));
                }
            });
        }
    });
    assert_eq!(disk.open("none").notes.of("b.jpg").tags.len(), 20, "every tag of every window");
}

#[test]
fn what_later_versions_wrote_beside_it_survives() {
    let disk = Disk::new();
    let text = r#"{"format": "gazelens-notes", "version": 1, "colour": [1], "images": {"b.jpg": {"mood": 3}, "not open.jpg": {"star": true}}}"#;
    std::fs::write(disk.home(), text).expect("can be written");
    disk.note("none", "b.jpg", |noted| noted.star = true);
    disk.note("none", "b.jpg", |noted| noted.star = false);
    let text = std::fs::read_to_string(disk.home()).expect("is there");
    for part in ["\"mood\": 3", "\"colour\"", "not open.jpg"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn damaged_notes_and_those_of_later_versions_are_told_and_never_overwritten() {
    for (text, found) in [
        ("{\"format\": \"gazelens-no", "found \"EOF"),
        ("{}", "missing field `format`"),
        ("{\"format\": \"gazelens-notes\", \"version\": 2}", "version=2"),
        ("{\"format\": \"other\", \"version\": 1}", "format=other"),
        ("", "found \"EOF"),
    ] {
        for name in ["photos/gazelens-notes.json", "instances.json.gazelens.json"] {
            let disk = Disk::new();
            std::fs::write(disk.at(name), text).expect("can be written");
            let read = disk.open("instances.json");
            let [refusal] = read.problems.as_slice() else { panic!("{name}: one sentence: {:?}", read.problems) };
            assert!(refusal.contains(found) && refusal.ends_with(name), "{name}: {refusal}");
            let kept = disk.note("instances.json", "b.jpg", |noted| noted.star = true);
            let is_home = name.starts_with("photos");
            let why = is_home.then(|| "the file there is not one of notes".to_owned());
            assert_eq!(
                (kept.moved, kept.path == disk.home()),
                (why, !is_home),
                "{name}: kept elsewhere only if it must"
            );
            assert_eq!(std::fs::read_to_string(disk.at(name)).ok().as_deref(), Some(text), "{name}: as it was");
            assert!(disk.open("none").notes.of("b.jpg").star, "{name}: nothing is lost");
        }
    }
}

#[test]
fn notes_of_a_folder_that_cannot_be_written_lie_in_the_users_own_until_it_can() {
    let disk = Disk::new();
    // A link that leads nowhere: whoever made it chose where notes would be.
    #[cfg(unix)]
    std::os::unix::fs::symlink(disk.at("nowhere"), disk.home()).expect("a link");
    #[cfg(not(unix))]
    std::fs::create_dir(disk.home()).expect("a folder");
    let kept = disk.note("none", "b.jpg", |noted| noted.star = true);
    let spare = disk.places().spare_of(&disk.photos()).expect("a place");
    assert_eq!(kept.path, spare, "in the user's own folder");
    assert!(kept.moved.is_some() && !disk.at("nowhere").exists(), "it is said, and nothing is made");
    let read = disk.open("instances.json");
    assert!(read.notes.of("b.jpg").star, "found again");
    assert_eq!(read.notes.kept_in(&disk.photos().join("b.jpg")), Some(spare.clone()), "and where it is");
    let text = std::fs::read_to_string(&spare).expect("is there");
    assert!(text.contains("photos"), "it names the folder: {text}");
    let nowhere = NotesPlaces::default();
    let change = Notes::in_memory().change("b.jpg", &disk.photos().join("b.jpg"), |noted| noted.star = true);
    let why = keep(&disk.photos(), &nowhere, &[&change], &[]).expect_err("no place").to_string();
    assert!(why.ends_with("gazelens-notes.json"), "{why}");
    // Now it can be written: everything comes back, and what is taken back stays so.
    #[cfg(unix)]
    std::fs::remove_file(disk.home()).expect("is there");
    #[cfg(not(unix))]
    std::fs::remove_dir(disk.home()).expect("is there");
    let kept = disk.note("none", "c.jpg", |noted| tagged(noted, "x"));
    assert_eq!((kept.path, kept.moved), (disk.home(), None), "beside the photos");
    assert!(disk.open("none").notes.of("b.jpg").star, "with what was kept elsewhere");
    disk.note("none", "b.jpg", |noted| noted.star = false);
    assert!(!disk.open("none").notes.of("b.jpg").star, "taken back is taken back");
    assert!(spare.is_file(), "the other file stays");
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_read_and_left() {
    use std::os::unix::fs::PermissionsExt as _;
    let disk = Disk::new();
    disk.write("photos/gazelens-notes.json", r#"{"c.jpg": {"star": true}, "b.jpg": {"star": true}}"#);
    let mode =
        |mode| std::fs::set_permissions(disk.photos(), std::fs::Permissions::from_mode(mode)).expect("own folder");
    mode(0o555);
    if std::fs::write(disk.photos().join("probe"), b"").is_ok() {
        mode(0o755);
        println!("not run: this user may write everywhere");
        return;
    }
    let kept = disk.note("none", "c.jpg", |noted| noted.star = false);
    let notes = disk.open("none").notes;
    mode(0o755);
    assert_eq!(kept.moved.as_deref(), Some("permission denied"), "why");
    assert_eq!((notes.of("c.jpg").star, notes.of("b.jpg").star), (false, true), "the later word counts");
}

#[test]
fn a_photo_that_lies_in_two_folders_has_the_notes_of_both() {
    let disk = Disk::new();
    std::fs::create_dir(disk.at("second")).expect("can be made");
    disk.write("photos/gazelens-notes.json", r#"{"b.jpg": {"star": true}}"#);
    disk.write("second/gazelens-notes.json", r#"{"b.jpg": {"star": true, "tags": ["x"]}}"#);
    let photos = [disk.photo("b.jpg"), PhotoPlace::File(disk.at("second/b.jpg"))];
    let dataset = Dataset::join(Sources { photos: photos.to_vec(), ..Sources::default() });
    let read = || Notes::of_dataset(&dataset, &photos, &disk.places(), &[]).notes;
    let mut notes = read();
    assert!(notes.of("b.jpg").tags.contains("x"), "of the second folder");
    let change = notes.change("b.jpg", &disk.photos().join("b.jpg"), |noted| noted.star = false);
    assert_eq!(change.folders, [disk.photos(), disk.at("second")], "written to both");
    for folder in &change.folders {
        keep(folder, &disk.places(), &[&change], &[]).expect("can be kept");
    }
    assert!(!read().of("b.jpg").star && read().of("b.jpg").tags.contains("x"), "taken back everywhere");
}

#[test]
fn putting_the_same_together_again_changes_nothing() {
    let parts = ["", "a", "b", "a\nb", "b\na", "a\n\nc"];
    for left in parts {
        for right in parts {
            let mut both = said(|noted| noted.note = left.to_owned());
            both.merge(&said(|noted| noted.note = right.to_owned()));
            for part in [left, right] {
                assert!(both.note.contains(part), "{left:?} and {right:?}: {:?}", both.note);
                let once = both.clone();
                both.merge(&said(|noted| noted.note = part.to_owned()));
                assert_eq!(both, once, "{left:?} and {right:?}, again {part:?}");
            }
        }
    }
}

#[test]
fn a_file_of_notes_is_known_by_its_name() {
    let beside = notes_beside_annotations(Path::new("a/instances.json"));
    assert_eq!(beside, Path::new("a/instances.json.gazelens.json"), "as earlier versions called it");
    assert!(is_notes_name(&beside) && is_notes_name(&notes_in_folder(Path::new("a"))), "both are");
    assert!(!is_notes_name(Path::new("a/.profile")), "others are not");
    assert!(NotesFile::read(Path::new("no/such/file")).is_ok_and(|found| found.is_none()), "none yet");
}
