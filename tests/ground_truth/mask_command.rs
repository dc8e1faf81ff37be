//! `gazelens mask` from outside.

use gazelens::data::Photo;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TINY: &str = r#"{"images": [{"id": 7, "file_name": "a.jpg", "width": 4, "height": 3}, {"id": 8, "file_name": "b.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 1, "iscrowd": 0, "segmentation": {"size": [3, 4], "counts": [0, 2, 10]}},
        {"id": 2, "image_id": 7, "category_id": 1, "iscrowd": 1, "segmentation": {"size": [3, 4], "counts": ";1"}},
        {"id": 3, "image_id": 7, "category_id": 2, "iscrowd": 1, "segmentation": {"size": [3, 4], "counts": [11, 1]}},
        {"id": 4, "image_id": 9, "category_id": 1, "iscrowd": 0, "segmentation": []},
        {"id": 5, "image_id": 8, "category_id": 1, "iscrowd": 0, "segmentation": []}],
    "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "hot dog"}, {"id": 3, "name": "zebra"}]}"#;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(annotations: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("a.json"), annotations).expect("can be written");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn mask(&self, image_id: &str, category: &str, more: &[&str]) -> Output {
        mask(&self.path("a.json"), image_id, category, &self.path("m.png"), more)
    }

    fn pixels(&self) -> Vec<u8> {
        let photo = Photo::open(&self.path("m.png")).expect("a picture");
        photo.rgb.iter().step_by(3).copied().collect()
    }

    /// It must fail with this status and one sentence, and write nothing.
    fn refused(&self, image_id: &str, category: &str, status: i32) -> String {
        let output = self.mask(image_id, category, &[]);
        let sentence = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{sentence}");
        assert!(!sentence.contains("panicked"), "{sentence}");
        let written = std::fs::read_dir(self.0.path()).expect("readable").count();
        assert_eq!(written, 1, "only the annotations are there");
        sentence.lines().last().unwrap_or_default().to_owned()
    }
}

fn mask(annotations: &Path, image_id: &str, category: &str, out: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    command.arg("mask").arg("--annotations").arg(annotations).args(["--image-id", image_id, "--category", category]);
    command.arg("--out").arg(out).args(more).env_remove("RUST_BACKTRACE").output().expect("the program starts")
}

#[test]
fn a_category_s_instances_are_united_with_or_without_crowds() {
    let folder = Folder::new(TINY);
    assert!(folder.mask("7", "dog", &[]).status.success(), "written");
    // Down the columns: the first two pixels, and the last one.
    assert_eq!(folder.pixels(), [255, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255], "with the crowd");
    let whole = std::fs::read(folder.path("m.png")).expect("a picture");
    assert_eq!(whole.get(24..26), Some(&[8, 0][..]), "8-bit grey");
    assert!(folder.mask("7", "dog", &["--no-crowd"]).status.success(), "written again");
    assert_eq!(folder.pixels(), [255, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0], "without it");
}

#[test]
fn a_category_that_the_image_does_not_show_is_an_empty_mask_with_a_warning() {
    let folder = Folder::new(TINY);
    for (category, more, said) in
        [("zebra", &[][..], "shows no zebra"), ("hot dog", &["--no-crowd"], "only as a crowd")]
    {
        let output = folder.mask("7", category, more);
        let said_instead = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said_instead.contains(said), "{said_instead}");
        assert_eq!(folder.pixels(), [0; 12], "nothing inside");
    }
}

#[test]
fn what_cannot_be_masked_is_one_sentence() {
    let folder = Folder::new(TINY);
    let sentence = folder.refused("7", "dogs", 1);
    assert!(sentence.contains("found `dogs` (near: dog"), "near names are offered: {sentence}");
    assert!(sentence.ends_with("a.json"), "the file last: {sentence}");
    assert!(folder.refused("12", "dog", 1).contains("found 12"), "an unknown image");
    let nameless = Folder::new(
        &TINY.replace(r#"{"id": 7, "file"#, r#"{"id": -7, "file"#).replace(r#"{"id": 1, "name"#, r#"{"name"#),
    );
    let sentence = nameless.refused("7", "zebra", 1);
    assert!(sentence.contains("found 7 (image 0: expected `id` as a whole number from 0, found `-7`): "), "{sentence}");
    let sentence = nameless.refused("8", "dog", 1);
    assert!(sentence.contains("found `dog` (near: hot dog) (category 0: expected `id`, found a record"), "{sentence}");
    assert!(folder.refused("8", "dog", 1).contains("found 0 x 0 pixels"), "an image without a size");
    folder.refused("-1", "dog", 2);
    folder.refused("x", "dog", 2);
    for (text, found) in [
        ("", "found an empty file"),
        ("[]", "found `[]` at byte 0"),
        ("{\"images\": []}", "found no list `annotations`"),
        ("{\"annotations\": [], \"images\": []}", "found no list `categories`"),
        ("{\"images\": [], \"annotations\": [{\"id\": 1", "found the end of the file inside record 0 of `annotations`"),
    ] {
        let sentence = Folder::new(text).refused("7", "dog", 1);
        assert!(sentence.contains(found) && sentence.ends_with("a.json"), "{sentence}");
    }
    let nowhere = mask(Path::new("no/such/file.json"), "7", "dog", &folder.path("m.png"), &[]);
    assert_eq!(nowhere.status.code(), Some(1), "no such file");
    let said = String::from_utf8_lossy(&nowhere.stderr).into_owned();
    assert_eq!(said, "error: Cannot open no/such/file.json: no such file\n", "in plain words");
}

#[test]
fn a_mask_that_rests_on_damaged_annotations_is_refused_and_not_written() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (from, to, said) in [
        (r#"{"size": [3, 4], "counts": [0, 2, 10]}"#, deep.as_str(), "in annotation 1, found `[[["),
        (
            r#"{"size": [3, 4], "counts": [0, 2, 10]}"#,
            "[[[[",
            "because of annotation 0 (counted from 0): expected brackets that match",
        ),
        (
            r#""image_id": 7, "category_id": 1, "iscrowd": 1"#,
            r#""image_id": 7"#,
            "because of annotation 1 (counted from 0): expected `category_id`",
        ),
        (
            r#"{"id": 4, "image_id": 9,"#,
            r#"{"id": 4,"#,
            "because of annotation 3 (counted from 0): expected `image_id`, found a record without it",
        ),
        (
            r#""image_id": 7, "category_id": 1"#,
            r#""image_id": 7, "category_id": "dog""#,
            "because of annotation 0 (counted from 0): ",
        ),
    ] {
        let sentence = Folder::new(&TINY.replace(from, to)).refused("7", "dog", 1);
        assert!(sentence.contains(said) && sentence.ends_with("a.json"), "{sentence}");
    }
    let panoptic = r#"{"images": [], "annotations": [{"image_id": 7, "segments_info": []}, {}], "categories": [{"id": 1, "name": "dog"}]}"#;
    let sentence = Folder::new(panoptic).refused("7", "dog", 1);
    assert!(sentence.contains("None of 2 annotations is usable: annotation 0: expected `category_id`"), "{sentence}");
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_without_waiting() {
    let folder = Folder::new(TINY);
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success(), "a pipe");
    for path in [pipe.as_path(), Path::new("/dev/zero")] {
        let refused = mask(path, "7", "dog", &folder.path("m.png"), &[]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(said, format!("error: Cannot open {}: a device, pipe or socket\n", path.display()), "at once");
    }
}

#[test]
fn records_that_cannot_be_used_are_told_and_the_rest_is_masked() {
    let folder = Folder::new(&TINY.replace(r#""counts": [11, 1]"#, r#""counts": [11, -1]"#));
    let output = folder.mask("7", "zebra", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("1 record gives no mask: annotation 2: expected `counts` as a list of whole numbers"),
        "{said}"
    );
    assert!(output.status.success(), "{said}");
    let hot_dog = folder.mask("7", "hot dog", &[]);
    assert_eq!(hot_dog.status.code(), Some(1), "a mask that is not known is not written as empty");
}
