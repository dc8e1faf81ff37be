//! Data sets as people have them on their disks, opened from where people open them.

use super::*;
use crate::data::dataset::{NotesPlaces, coco_image_id, keep};
use crate::data::demo;
use crate::engine::ImageSource;
use crate::ui::core::command::ListCommand;
use crate::ui::features::dataset::opening;
use std::sync::atomic::AtomicBool;

/// A folder with these files; photos are empty, annotations name what they are given.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(files: &[&str]) -> Self {
        let disk = Self(tempfile::tempdir().expect("a temporary folder"));
        for name in files {
            disk.write(name, b"");
        }
        disk
    }

    fn at(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.0.path().to_owned() } else { self.0.path().join(name) }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.at(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("can be made");
        std::fs::write(path, bytes).expect("can be written");
    }

    fn instances(&self, name: &str, photos: &[&str]) -> PathBuf {
        let images: Vec<_> = (1..)
            .zip(photos)
            .map(|(nr, name)| (coco_image_id(name).unwrap_or(nr), name))
            .map(|(id, name)| format!(r#"{{"id": {id}, "file_name": "{name}"}}"#))
            .collect();
        let first = photos.first().and_then(|name| coco_image_id(name)).unwrap_or(1);
        let objects =
            format!(r#"[{{"id": 1, "image_id": {first}, "category_id": 1, "area": 4, "bbox": [0, 0, 2, 2]}}]"#);
        let categories = r#"[{"id": 1, "name": "dog"}]"#;
        let text =
            format!(r#"{{"images": [{}], "annotations": {objects}, "categories": {categories}}}"#, images.join(", "));
        self.write(name, text.as_bytes());
        self.at(name)
    }

    fn captions(&self, name: &str, photos: &[&str]) -> PathBuf {
        let images: Vec<_> = (1..)
            .zip(photos)
            .map(|(nr, name)| (coco_image_id(name).unwrap_or(nr), name))
            .map(|(id, name)| format!(r#"{{"id": {id}, "file_name": "{name}"}}"#))
            .collect();
        let text =
            format!(r#"{{"images": [{}], "annotations": [{{"image_id": 1, "caption": "a dog"}}]}}"#, images.join(", "));
        self.write(name, text.as_bytes());
        self.at(name)
    }

    fn questions(&self, name: &str, photos: &[&str]) -> PathBuf {
        let line = |name: &&str| format!(r#"{{"image": "{name}", "text": "Is there a dog?", "label": "yes"}}"#);
        self.write(name, photos.iter().map(line).collect::<Vec<_>>().join("\n").as_bytes());
        self.at(name)
    }
}

/// The window's state as it starts.
fn first_day() -> AppState {
    let mut state = AppState::default();
    state.joined(0, opening::join(opening::bundled(), None));
    state
}

/// What the window does about effects of opening.
fn carry_out(state: &mut AppState, effects: Vec<Effect>) {
    for effect in effects {
        match effect {
            Effect::Scan(paths) => {
                let opened = opening::open(&paths, state.browse.before(), &AtomicBool::new(false), &mut |_, _| ());
                let effects = state.opened(opened);
                carry_out(state, effects);
            }
            Effect::WriteNotes(change) => {
                for folder in &change.folders {
                    keep(folder, &NotesPlaces::default(), &[&change], &[]).expect("a folder that can be written");
                }
            }
            Effect::OpenBundled(generation) => {
                let effects = state.joined(generation, opening::join(opening::bundled(), None));
                carry_out(state, effects);
            }
            Effect::Join(generation, wanted) => {
                let sources = state.browse.sources.clone();
                let joined = opening::join_with_notes(sources, wanted, &NotesPlaces::default());
                let effects = state.joined(generation, joined);
                carry_out(state, effects);
            }
            _ => {}
        }
    }
}

fn open(state: &mut AppState, paths: &[PathBuf]) {
    let effects = state.apply(Command::AddPaths(paths.to_vec()));
    carry_out(state, effects);
}

/// Presses a message's button.
fn press(state: &mut AppState, label: &str) {
    let buttons = state.notices.iter().flat_map(|notice| notice.action.iter().chain(&notice.more));
    let command = buttons.filter(|(text, _)| text == label).map(|(_, command)| command.clone()).next();
    let effects = state.apply(command.unwrap_or_else(|| panic!("a button {label}: {:?}", notices(state))));
    carry_out(state, effects);
}

/// Messages with their buttons.
fn notices(state: &AppState) -> Vec<(String, Vec<String>)> {
    let labels = |notice: &crate::ui::features::Notice| {
        notice.action.iter().chain(&notice.more).map(|(label, _)| label.clone()).collect()
    };
    state.notices.iter().map(|notice| (notice.text.clone(), labels(notice))).collect()
}

/// Does something about the image of this name.
fn on(state: &mut AppState, name: &str, edit: NotesEdit) {
    state.apply(Command::JumpToImage(name.to_owned()));
    let effects = state.apply(Command::EditNotes(edit));
    carry_out(state, effects);
}

/// What is noted about the image of this name.
fn noted(state: &mut AppState, name: &str) -> ImageNotes {
    state.apply(Command::JumpToImage(name.to_owned()));
    state.current_notes().cloned().expect("an image of a data set")
}

fn names(state: &AppState) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let images = state.library.images().iter();
    images
        .map(|image| match &image.source {
            ImageSource::Path(path) => name(path),
            ImageSource::Bundled(bundled) => bundled.clone(),
        })
        .collect()
}

const PHOTOS: [&str; 2] = ["images/a.jpg", "images/b.jpg"];

#[test]
fn a_root_opens_with_its_annotations_and_says_so_in_one_message() {
    let disk = Disk::new(&PHOTOS);
    disk.instances("instances.json", &["a.jpg", "b.jpg"]);
    disk.captions("captions.json", &["a.jpg", "b.jpg"]);
    disk.questions("pope.jsonl", &["a.jpg"]);
    disk.write("person_keypoints_val2014.json", b"{}");
    disk.write("package.json", br#"{"name": "x"}"#);
    disk.write("images/.hidden.jpg", b"");
    let mut state = first_day();
    open(&mut state, &[disk.at("")]);
    assert_eq!(names(&state), ["a.jpg", "b.jpg"], "the photos below, the demo's are gone");
    assert!(!state.browse.bundled, "the user's own");
    let joined = state.browse.dataset.clone().expect("joined");
    let all = [joined.instances().is_some(), joined.captions().is_some(), joined.questions().is_some()];
    assert_eq!(all, [true; 3], "all are open");
    let said: Vec<_> = state.toasts.iter().map(|toast| toast.text.clone()).collect();
    let expected = "Opened the photos in images, captions.json, instances.json and pope.jsonl: 2 photos, 1 of them \
        annotated, 1 listed without an object, 1 with captions, 1 question";
    assert_eq!(said, [expected], "in one message");
    assert_eq!(notices(&state), [], "and nothing is left to offer");
    assert_eq!(state.prefs.recent_data.len(), 1, "the root alone is remembered: it opens the rest");
    open(&mut state, &[disk.at("")]);
    assert_eq!(notices(&state), [], "what is open is not offered");
}

#[test]
fn of_two_annotations_of_a_kind_and_beside_open_ones_none_is_opened_unasked() {
    let disk = Disk::new(&PHOTOS);
    let theirs = disk.instances("instances.json", &["a.jpg", "b.jpg"]);
    for kind in ["random", "popular"] {
        disk.questions(&format!("pope_{kind}.jsonl"), &["a.jpg"]);
    }
    let instances = |state: &AppState| {
        let dataset = state.browse.dataset.as_ref();
        dataset.and_then(|dataset| dataset.instances()).map(|file| file.path().to_owned())
    };
    let has_questions = |state: &AppState| state.browse.sources.questions.is_some();
    let mut state = first_day();
    open(&mut state, &[disk.at("")]);
    assert_eq!((instances(&state), has_questions(&state)), (Some(theirs.clone()), false), "one of each kind");
    let buttons = ["Open pope_popular.jsonl", "Open pope_random.jsonl"].map(str::to_owned).to_vec();
    let text = "Found pope_popular.jsonl and pope_random.jsonl: open them too?".to_owned();
    assert_eq!(notices(&state), [(text, buttons)], "you choose");
    let elsewhere = Disk::new(&[]);
    let own = elsewhere.instances("mine.json", &["a.jpg", "b.jpg"]);
    let mut state = first_day();
    open(&mut state, std::slice::from_ref(&own));
    open(&mut state, &[disk.at("")]);
    assert_eq!(instances(&state), Some(own.clone()), "what waited for its photos stays");
    let mut state = first_day();
    open(&mut state, &[disk.at(""), own.clone()]);
    assert_eq!(instances(&state), Some(own), "what is opened along with it, too");
}

#[test]
fn annotations_can_be_opened_one_by_one() {
    let disk = Disk::new(&PHOTOS);
    disk.instances("annotations/instances.json", &["a.jpg", "b.jpg"]);
    disk.captions("annotations/captions.json", &["a.jpg"]);
    let mut state = first_day();
    open(&mut state, &[disk.at("images")]);
    assert_eq!(names(&state), ["a.jpg", "b.jpg"], "photos alone, as they were asked for");
    press(&mut state, "Open instances.json");
    let text = "Found captions.json and instances.json: open them too?".to_owned();
    assert_eq!(notices(&state), [(text, vec!["Open captions.json".to_owned()])], "the other is still offered");
    assert!(state.browse.dataset.as_ref().is_some_and(|dataset| dataset.instances().is_some()), "open");
}

#[test]
fn of_several_folders_of_photos_the_user_chooses() {
    let disk = Disk::new(&["coco/train2014/t.jpg", "coco/val2014/v.jpg", "coco/other/o.txt"]);
    for subset in ["train", "val"] {
        disk.instances(&format!("coco/annotations/instances_{subset}2014.json"), &["v.jpg"]);
        disk.captions(&format!("coco/annotations/captions_{subset}2014.json"), &["v.jpg"]);
    }
    let mut state = first_day();
    let before = names(&state);
    open(&mut state, &[disk.at("")]);
    assert_eq!(names(&state), before, "the demo stays until something takes its place");
    let said = notices(&state);
    let [(text, buttons)] = said.as_slice() else { panic!("one choice: {said:?}") };
    let expected = format!(
        "There are photos in 2 folders below this one, coco/train2014 and coco/val2014: {}",
        disk.at("").display()
    );
    assert_eq!(*text, expected, "both are named");
    assert_eq!(*buttons, ["Open coco/train2014", "Open coco/val2014", "Open both"], "each is one click away");
    press(&mut state, "Open coco/val2014");
    assert_eq!(names(&state), ["v.jpg"], "the chosen one");
    let offers = notices(&state).pop().expect("an offer").1;
    assert_eq!(offers, ["Open both", "Open captions_val2014.json", "Open instances_val2014.json"], "of its subset");
}

#[test]
fn of_several_folders_the_one_that_is_named_as_people_name_them_is_opened() {
    let disk = Disk::new(&["thumbnails/t.png", "images/a.png"]);
    let mut state = first_day();
    open(&mut state, &[disk.at("")]);
    assert_eq!(names(&state), ["a.png"], "images");
    let expected = format!("There are photos also in 1 folder below this one, thumbnails: {}", disk.at("").display());
    assert_eq!(notices(&state), [(expected, vec!["Open thumbnails".to_owned()])], "the other is a click away");
}

#[test]
fn photos_are_looked_for_two_levels_down_and_no_further() {
    let disk =
        Disk::new(&["two/a/b/photo.png", "three/a/b/c/photo.png", "hidden/.cache/photo.png", "model/m/photo.png"]);
    disk.write("model/m/config.json", b"{}");
    let mut state = first_day();
    open(&mut state, &[disk.at("two")]);
    assert_eq!(names(&state), ["photo.png"], "two levels down");
    for name in ["three", "hidden", "model"] {
        let mut state = first_day();
        let before = names(&state);
        open(&mut state, &[disk.at(name)]);
        let why = "No photos in this folder, nor in the folders up to two levels below it";
        assert_eq!(notices(&state), [(format!("{why}: {}", disk.at(name).display()), Vec::new())], "{name}");
        assert_eq!(names(&state), before, "{name}: nothing changed");
    }
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_end() {
    let disk = Disk::new(&["root/images/a.png"]);
    for (link, to) in
        [("root/again", "root"), ("root/images/up", "root"), ("root/same", "root/images"), ("root/none", "no")]
    {
        std::os::unix::fs::symlink(disk.at(to), disk.at(link)).expect("a link");
    }
    let mut state = first_day();
    open(&mut state, &[disk.at("root")]);
    assert_eq!((names(&state), notices(&state)), (vec!["a.png".to_owned()], Vec::new()), "once, and nothing else");
}

#[test]
fn annotations_first_find_their_photos_beside_them() {
    let long = ["COCO_val2014_000000000009.jpg", "COCO_val2014_000000000010.jpg"];
    for (folder, named) in [
        ("images", ["a.jpg", "b.jpg"]),
        ("val2014", long),
        ("images/val2014", long),
        ("annotations", ["a.jpg", "b.jpg"]),
        ("../images", ["a.jpg", "b.jpg"]),
        ("../val2014", long),
        ("../val2017", ["000000000009.jpg", "000000000010.jpg"]),
        ("..", ["sub/a.jpg", "sub/b.jpg"]),
    ] {
        let at =
            if folder == "annotations" { "root/annotations".to_owned() } else { format!("root/annotations/{folder}") };
        let disk = Disk::new(&["root/annotations/x", "root/annotations/images/unrelated.png"]);
        for name in named.iter().chain(&["none_of_it.jpg"]) {
            disk.write(&format!("{at}/{name}"), b"");
        }
        let instances = disk.instances("root/annotations/instances_val2014.json", &named);
        let questions = disk.questions("root/annotations/coco_pope_random.json", &named);
        for file in [instances, questions] {
            let mut state = first_day();
            open(&mut state, std::slice::from_ref(&file));
            let base = named.map(|name| name.trim_start_matches("sub/").to_owned());
            assert_eq!(names(&state), base, "{folder}: what {} names", file.display());
            assert_eq!((state.browse.bundled, notices(&state)), (false, Vec::new()), "{folder}: nothing is asked");
            let told: Vec<_> = state.toasts.iter().map(|toast| toast.text.clone()).collect();
            let said = "Opened the photos that the annotations name, from ";
            assert!(told.iter().any(|text| text.starts_with(said)), "{folder}: where they are is said: {told:?}");
        }
    }
}

#[test]
fn coco_numbers_are_found_in_either_naming() {
    let disk = Disk::new(&["val2014/COCO_val2014_000000000009.jpg", "other/x.jpg"]);
    let instances = disk.instances("instances_val2017.json", &["000000000009.jpg"]);
    let mut state = first_day();
    open(&mut state, &[instances]);
    assert_eq!(names(&state), ["COCO_val2014_000000000009.jpg"], "by its number");
}

#[test]
fn annotations_whose_photos_are_elsewhere_wait_for_them() {
    let disk = Disk::new(&["elsewhere/deep/a.jpg", "elsewhere/deep/b.jpg", "notes/images/c.jpg"]);
    let instances = disk.instances("notes/instances.json", &["a.jpg", "../../etc/b.jpg", "/etc/passwd"]);
    let captions = disk.captions("notes/captions.json", &["a.jpg"]);
    let mut state = first_day();
    let demo = names(&state);
    open(&mut state, &[instances]);
    let wanted = "3 images annotated, no photos yet: choose their folder";
    assert_eq!(state.browse.photos_wanted.as_deref(), Some(wanted), "said in the list and in Objects");
    assert_eq!((names(&state), state.browse.bundled), (demo, true), "the demo stays until then");
    open(&mut state, &[captions]);
    assert_eq!(state.browse.photos_wanted.as_deref(), Some(wanted), "both wait");
    open(&mut state, &[disk.at("elsewhere/deep")]);
    assert_eq!((names(&state).len(), state.browse.photos_wanted.clone()), (2, None), "the photos");
    let dataset = state.browse.dataset.clone().expect("joined");
    assert!(dataset.instances().is_some() && dataset.captions().is_some(), "with what waited for them");
    let told: Vec<_> = state.toasts.iter().map(|toast| toast.text.clone()).collect();
    assert!(
        told.contains(&"2 photos, 1 of them annotated, 1 listed without an object, 1 with captions".to_owned()),
        "{told:?}"
    );
    drop(state.apply(Command::CloseDataset));
    assert!(state.browse.bundled && state.browse.waiting.is_none(), "back to the demo");
}

#[test]
fn questions_and_captions_that_wait_say_what_they_are() {
    let disk = Disk::new(&[]);
    for (file, wanted) in [
        (disk.captions("captions.json", &["a.jpg"]), "1 image with captions, no photos yet: choose their folder"),
        (
            disk.questions("p.jsonl", &["a.jpg", "b.jpg", "a.jpg"]),
            "Questions about 2 images, no photos yet: choose their folder",
        ),
    ] {
        let mut state = first_day();
        open(&mut state, &[file]);
        assert_eq!(state.browse.photos_wanted.as_deref(), Some(wanted), "counted");
    }
}

#[test]
fn a_text_opened_by_mistake_is_refused_and_not_listed() {
    let disk = Disk::new(&[]);
    disk.write("readme.txt", b"not a photo");
    disk.write("photo", b"\x89PNG\r\n\x1a\n");
    let mut state = first_day();
    let before = names(&state);
    open(&mut state, &[disk.at("readme.txt"), disk.at("gone.png")]);
    assert_eq!(names(&state), before, "no row");
    let said: Vec<String> = notices(&state).into_iter().map(|(text, _)| text).collect();
    assert!(said[0].starts_with("Expected a PNG, ") && said[0].ends_with("readme.txt"), "{said:?}");
    assert_eq!(said[1], format!("Cannot open {}: no such file", disk.at("gone.png").display()), "the other");
    open(&mut state, &[disk.at("photo")]);
    assert_eq!(names(&state), ["photo"], "a photo without an ending, in place of the demo's");
}

#[test]
fn a_star_stays_with_its_photo_whatever_is_opened() {
    let disk = Disk::new(&["set/images/a.jpg", "set/images/b.jpg", "more/c.jpg", "more/a.jpg"]);
    let instances = disk.instances("set/instances.json", &["a.jpg", "b.jpg"]);
    let captions = disk.captions("set/captions.json", &["a.jpg", "b.jpg"]);
    let questions = disk.questions("set/pope.jsonl", &["a.jpg"]);
    let mut state = first_day();
    open(&mut state, std::slice::from_ref(&instances));
    on(&mut state, "a.jpg", NotesEdit::Toggle(Tag::Star));
    on(&mut state, "b.jpg", NotesEdit::Text("odd".to_owned()));
    for other in [&captions, &questions, &disk.at("more")] {
        open(&mut state, std::slice::from_ref(other));
        assert!(noted(&mut state, "a.jpg").star, "still there with {}", other.display());
        assert_eq!(noted(&mut state, "b.jpg").note, "odd", "with {}", other.display());
        let tag = other.file_name().expect("a name").to_string_lossy().into_owned();
        on(&mut state, "a.jpg", NotesEdit::Toggle(Tag::Own(tag)));
    }
    // The next day, any of them alone.
    for path in
        [&instances, &captions, &questions, &disk.at("set"), &disk.at("set/images"), &disk.at("set/images/a.jpg")]
    {
        let mut state = first_day();
        open(&mut state, std::slice::from_ref(path));
        let noted = noted(&mut state, "a.jpg");
        assert_eq!((noted.star, noted.tags.len()), (true, 3), "all of it with {}", path.display());
    }
    assert!(!disk.at("set/instances.json.gazelens.json").exists(), "one place");
}

#[test]
fn what_was_noted_comes_back_with_the_photos_in_the_same_window() {
    let disk = Disk::new(&["one/a.jpg", "two/b.jpg"]);
    let mut state = first_day();
    let demo = names(&state)[0].clone();
    on(&mut state, &demo, NotesEdit::Toggle(Tag::Star));
    open(&mut state, &[disk.at("one")]);
    // Nothing reaches the disk: it is full, or slow.
    state.apply(Command::EditNotes(NotesEdit::Toggle(Tag::Star)));
    let effects = state.apply(Command::CloseDataset);
    carry_out(&mut state, effects);
    assert!(noted(&mut state, &demo).star, "of the bundled image");
    open(&mut state, &[disk.at("two")]);
    open(&mut state, &[disk.at("one")]);
    assert_eq!((noted(&mut state, "a.jpg").star, noted(&mut state, "b.jpg").star), (true, false), "of the photo");
}

#[test]
fn notes_of_an_earlier_version_are_taken_over_and_it_is_said() {
    let disk = Disk::new(&["images/a.jpg", "images/b.jpg"]);
    let instances = disk.instances("instances.json", &["a.jpg", "b.jpg"]);
    let captions = disk.captions("captions.json", &["a.jpg", "b.jpg"]);
    let text = |noted: &str| format!(r#"{{"format": "gazelens-notes", "version": 1, "images": {{"a.jpg": {noted}}}}}"#);
    let olds =
        [("instances.json.gazelens.json", r#"{"star": true}"#), ("captions.json.gazelens.json", r#"{"tags": ["x"]}"#)];
    for (name, noted) in &olds {
        disk.write(name, text(noted).as_bytes());
    }
    let mut state = first_day();
    open(&mut state, &[instances.clone(), captions]);
    let said: Vec<_> = state.toasts.iter().map(|toast| toast.text.clone()).collect();
    assert!(said.iter().any(|text| text.starts_with("Tags and notes of 1 photo are kept beside")), "{said:?}");
    assert!(noted(&mut state, "a.jpg").star && noted(&mut state, "a.jpg").tags.contains("x"), "both halves");
    let mut state = first_day();
    open(&mut state, &[disk.at("images")]);
    assert!(noted(&mut state, "a.jpg").star && noted(&mut state, "a.jpg").tags.contains("x"), "without them too");
    on(&mut state, "a.jpg", NotesEdit::Toggle(Tag::Star));
    open(&mut state, &[instances]);
    assert!(!noted(&mut state, "a.jpg").star, "what was taken back does not come back");
    for (name, noted) in olds {
        assert_eq!(std::fs::read_to_string(disk.at(name)).ok(), Some(text(noted)), "{name}: as it was");
    }
}

#[test]
fn what_another_window_says_comes_into_this_one() {
    let disk = Disk::new(&["a.jpg"]);
    let mut state = first_day();
    open(&mut state, &[disk.at("")]);
    on(&mut state, "a.jpg", NotesEdit::Toggle(Tag::Star));
    let after = noted(&mut state, "a.jpg");
    let mut merged = after.clone();
    merged.tags.insert("theirs".to_owned());
    let told = NotesTold::Merged { key: "a.jpg".to_owned(), after: Box::new(after), merged: Box::new(merged.clone()) };
    state.noted(told.clone());
    assert_eq!(noted(&mut state, "a.jpg"), merged, "both");
    on(&mut state, "a.jpg", NotesEdit::Toggle(Tag::Hallucinates));
    let mine = noted(&mut state, "a.jpg");
    state.noted(told);
    assert_eq!(noted(&mut state, "a.jpg"), mine, "what came too late changes nothing");
}

#[test]
fn where_notes_are_kept_is_said_when_it_is_not_beside_the_photos() {
    let disk = Disk::new(&["a.jpg"]);
    let mut state = first_day();
    open(&mut state, &[disk.at("")]);
    let (folder, to) = (disk.at(""), disk.at("settings/x.json"));
    let kept_in = |state: &AppState| state.browse.notes.kept_in(&disk.at("a.jpg"));
    assert_eq!(kept_in(&state), Some(disk.at("gazelens-notes.json")), "beside the photos");
    state.noted(NotesTold::Moved { folder, to: to.clone(), why: "permission denied".to_owned() });
    let text = notices(&state).pop().expect("said").0;
    let expected = "Tags and notes of these photos cannot be written beside them (permission denied); they are \
                    kept with your settings: ";
    assert_eq!(text, format!("{expected}{}", to.display()), "why and where");
    assert_eq!(kept_in(&state), Some(to), "and the panel says so too");
}

#[test]
fn notes_on_bundled_images_survive_a_restart_and_the_sessions_of_others() {
    let mut state = first_day();
    drop(state.apply(Command::EditNotes(NotesEdit::Text("odd umbrella".to_owned()))));
    drop(state.apply(Command::EditNotes(NotesEdit::Toggle(Tag::Star))));
    let noted = state.current_notes().cloned().expect("noted");
    assert_eq!((noted.note.as_str(), noted.star), ("odd umbrella", true), "noted");
    let restart = |state: &AppState| {
        let saved = serde_json::to_string(&state.saved()).expect("settings");
        let mut next = AppState::restored(serde_json::from_str(&saved).expect("settings"));
        next.joined(0, opening::join(opening::bundled(), None));
        next
    };
    let mut next = restart(&state);
    assert_eq!(next.current_notes(), Some(&noted), "as they were");
    // Taken back again they are gone.
    drop(next.apply(Command::EditNotes(NotesEdit::Text(String::new()))));
    drop(next.apply(Command::EditNotes(NotesEdit::Toggle(Tag::Star))));
    assert!(next.prefs.bundled_notes.is_empty(), "nothing is kept");
    assert_eq!(restart(&next).current_notes(), Some(&ImageNotes::default()), "nor said");
    // Opened later, another's session says nothing about one's own notes.
    let mut later = restart(&state);
    later.browse.edits.clear();
    assert_eq!(restart(&later).current_notes(), Some(&noted), "still one's own");
}

fn remove(state: &mut AppState, name: &str) {
    let images = state.library.images().iter();
    let image = images.map(|image| image.source.clone()).find(|source| match source {
        ImageSource::Path(path) => path.ends_with(name),
        ImageSource::Bundled(bundled) => bundled == name,
    });
    let effects = state.apply(Command::List(ListCommand::Remove(image.expect("listed"))));
    carry_out(state, effects);
}

#[test]
fn a_photo_taken_off_the_list_can_be_put_back_and_its_file_stays() {
    let disk = Disk::new(&["images/a.jpg", "images/b.jpg", "images/c.jpg"]);
    disk.instances("instances.json", &["a.jpg", "b.jpg"]);
    let mut state = first_day();
    open(&mut state, &[disk.at("")]);
    state.apply(Command::JumpToImage("b.jpg".to_owned()));
    let filter = Query { any_of: vec![1], ..Query::default() };
    state.browse.query = filter.clone();
    remove(&mut state, "b.jpg");
    assert_eq!(
        (names(&state), state.browse.query.clone()),
        (vec!["a.jpg".to_owned(), "c.jpg".to_owned()], filter),
        "off"
    );
    let looked_at = state.library.current().map(|image| image.name.clone());
    assert_eq!(looked_at.as_deref(), Some("c.jpg"), "the one after it");
    assert!(disk.at("images/b.jpg").exists(), "the file is not touched");
    let put_back = state.toasts.iter().find_map(|toast| toast.action.clone()).expect("a way back").1;
    let effects = state.apply(put_back);
    carry_out(&mut state, effects);
    assert_eq!(names(&state).len(), 3, "back");
    for name in ["a.jpg", "b.jpg", "c.jpg"] {
        remove(&mut state, name);
    }
    assert!(state.browse.bundled && names(&state).len() == demo::IMAGES.len(), "the bundled images come back");
    assert!(state.browse.photos_wanted.is_some(), "and the annotations wait for photos");
}

#[test]
fn bundled_images_taken_off_the_list_come_back_with_the_data_set() {
    let mut state = first_day();
    assert!(state.why_not(&Command::CloseDataset).is_some(), "nothing to close");
    remove(&mut state, demo::IMAGES[0].file_name);
    assert_eq!(names(&state).len(), demo::IMAGES.len() - 1, "off");
    assert!(state.why_not(&Command::CloseDataset).is_none(), "a way back");
    let effects = state.apply(Command::CloseDataset);
    carry_out(&mut state, effects);
    assert_eq!(names(&state).len(), demo::IMAGES.len(), "all of them again");
}

#[test]
fn an_image_is_tagged_without_being_looked_at() {
    let disk = Disk::new(&["images/a.jpg", "images/b.jpg"]);
    let mut state = first_day();
    open(&mut state, &[disk.at("images")]);
    let b = ImageSource::Path(disk.at("images/b.jpg"));
    let effects = state.apply(Command::List(ListCommand::Tag(b, Tag::Star)));
    assert!(matches!(effects.as_slice(), [Effect::WriteNotes(_)]), "written: {effects:?}");
    assert!(!state.current_notes().expect("a.jpg is looked at").star, "not the one that is looked at");
    assert!(noted(&mut state, "b.jpg").star, "the one that was meant");
}
