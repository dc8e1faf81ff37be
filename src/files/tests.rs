use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn wrote(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("a writable folder");
}

fn content(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).expect("is there")).into_owned()
}

/// Names and contents.
fn everything(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).expect("readable").flatten();
    let of = |entry: std::fs::DirEntry| {
        let found = std::fs::read(entry.path())
            .map_or_else(|_| "no file".to_owned(), |bytes| String::from_utf8_lossy(&bytes).into());
        (entry.file_name().to_string_lossy().into_owned(), found)
    };
    entries.map(of).collect()
}

#[test]
fn a_file_is_replaced_whole_or_not_at_all() {
    let folder = folder();
    let path = folder.path().join("out");
    wrote(&path, b"before");
    let failed = replace(&path, |file| {
        file.write_all(b"half")?;
        Err(Error::other("stopped"))
    });
    assert!(failed.is_err(), "what went wrong is handed on");
    assert_eq!(content(&path), "before", "what was there stays");
    replace(&path, |file| file.write_all(b"after")).expect("can be written");
    assert_eq!(everything(folder.path()).len(), 1, "nothing half written stays behind");
    assert_eq!(content(&path), "after", "replaced");
    assert!(replace(folder.path(), |_| Ok(())).is_err(), "a folder is not replaced");
    let nowhere = replace(&folder.path().join("none").join("out"), |_| Ok(())).expect_err("no such folder");
    assert_eq!(nowhere.kind(), ErrorKind::NotFound, "in the system's words");
    assert!(!nowhere.to_string().contains(".part"), "which name no other file: {nowhere}");
}

#[test]
fn what_is_read_is_never_written_over_by_any_name() {
    let folder = folder();
    let (photo, other) = (folder.path().join("photo.png"), folder.path().join("other.png"));
    wrote(&photo, b"photo");
    wrote(&other, b"other");
    let mut names = vec![photo.clone(), folder.path().join(".").join("photo.png")];
    std::fs::create_dir(folder.path().join("in")).expect("a writable folder");
    names.push(folder.path().join("in").join("..").join("photo.png"));
    #[cfg(unix)]
    {
        std::fs::hard_link(&photo, folder.path().join("hard.png")).expect("a link");
        std::os::unix::fs::symlink("photo.png", folder.path().join("soft.png")).expect("a link");
        std::os::unix::fs::symlink("soft.png", folder.path().join("softer.png")).expect("a link");
        names.extend(["hard.png", "soft.png", "softer.png"].map(|name| folder.path().join(name)));
    }
    for name in &names {
        let mut outputs = Outputs::default();
        outputs.reads("--image", &photo);
        let refused = outputs.claim("--out", name).expect_err("the photo");
        let sentence = refused.to_string();
        assert!(refused.is_usage() && sentence.contains("--out") && sentence.contains("--image"), "both: {sentence}");
        assert!(sentence.ends_with(&name.display().to_string()), "the file last: {sentence}");
        // Told later, when it is known that it is read.
        let mut outputs = Outputs::default();
        let key = outputs.claim("--out", name).expect("not known to be read");
        outputs.write_bytes(key, b"lost").expect("written aside");
        outputs.reads("the photo of the recipe", &photo);
        assert!(outputs.commit().expect_err("the photo").is_usage(), "found before anything is replaced");
    }
    let mut outputs = Outputs::default();
    outputs.reads("--image", &photo);
    let key = outputs.claim("--out", &other).expect("another file");
    outputs.write_bytes(key, b"new").and_then(|()| outputs.commit()).expect("may be replaced");
    assert_eq!((content(&photo).as_str(), content(&other).as_str()), ("photo", "new"), "the photo is as it was");
}

#[test]
fn two_outputs_have_two_names() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("in")).expect("a writable folder");
    let mut outputs = Outputs::default();
    outputs.claim("--out", &folder.path().join("a.png")).expect("free");
    outputs.claim("--out", &folder.path().join("a.png")).expect("the same output again");
    let other = folder.path().join("in").join("..").join("a.png");
    let refused = outputs.claim("--mask-out", &other).expect_err("the same file");
    assert!(
        refused.is_usage() && refused.to_string().contains("different files for --out and --mask-out"),
        "{refused}"
    );
    outputs.claim("--mask-out", &folder.path().join("b.png")).expect("another name");
}

#[test]
fn outputs_appear_together_or_not_at_all() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    wrote(&path("b"), b"before");
    let write = |last: &dyn Fn(&mut BufWriter<&File>) -> std::io::Result<()>| {
        let mut outputs = Outputs::default();
        for name in ["a", "b"] {
            let key = outputs.claim(name, &path(name))?;
            outputs.write_bytes(key, b"after")?;
        }
        let key = outputs.claim("c", &path("c"))?;
        outputs.write(key, last)?;
        outputs.commit()
    };
    let full = write(&|_| Err(Error::from(ErrorKind::StorageFull))).expect_err("the disk is full");
    assert!(full.to_string().starts_with("Cannot write c: the disk is full: "), "in one sentence: {full}");
    assert_eq!(everything(folder.path()), BTreeMap::from([("b".into(), "before".into())]), "as it was");
    write(&|file| file.write_all(b"after")).expect("room enough");
    let all = ["a", "b", "c"].map(|name| (name.to_owned(), "after".to_owned()));
    assert_eq!(everything(folder.path()), BTreeMap::from(all), "all of them, and nothing else");
}

#[test]
fn what_was_put_in_its_place_is_taken_back_when_a_later_one_cannot_be() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    wrote(&path("b"), b"before");
    for fails in ["a", "b", "c"] {
        let mut outputs = Outputs::default();
        for name in ["a", "b", "c"] {
            let key = outputs.claim(name, &path(name)).expect("free");
            outputs.write_bytes(key, b"after").expect("written aside");
        }
        let staged = std::mem::take(&mut outputs.staged);
        let mut check = |target: &Path| {
            if target.ends_with(fails) { Err(Error::from(ErrorKind::ReadOnlyFilesystem)) } else { Ok(()) }
        };
        let not_put = stage::put_all(staged, &mut check).expect_err("one cannot be");
        assert!(not_put.target.ends_with(fails), "the one that cannot");
        assert_eq!(everything(folder.path()), BTreeMap::from([("b".into(), "before".into())]), "{fails}: as it was");
    }
}

#[test]
fn names_of_our_own_replace_nothing_of_others() {
    let folder = folder();
    let path = folder.path().join("figure.json");
    let write = |bytes: &[u8], ours: &[u8]| {
        let mut outputs = Outputs::default();
        if let Some(key) = outputs.claim_beside("the recipe", &path, Some(bytes), &|found| found == ours)? {
            outputs.write_bytes(key, bytes)?;
        }
        outputs.commit()
    };
    write(b"ours", b"").expect("nothing is there");
    write(b"ours", b"").expect("the same is there");
    let refused = write(b"newer", b"").expect_err("not known");
    assert!(!refused.is_usage() && refused.to_string().contains("another file has its name"), "{refused}");
    write(b"newer", b"ours").expect("known as ours");
    assert_eq!(content(&path), "newer", "replaced");
    std::fs::remove_file(&path).expect("is there");
    std::fs::create_dir(&path).expect("a writable folder");
    assert!(write(b"ours", b"").expect_err("a folder").to_string().contains("a folder has its name"), "a folder");
}

#[test]
fn a_file_that_came_meanwhile_is_not_replaced_by_one_that_we_named() {
    let folder = folder();
    let (ours, named) = (folder.path().join("map"), folder.path().join("figure"));
    let mut outputs = Outputs::default();
    for (path, beside) in [(&named, false), (&ours, true)] {
        let key = if beside {
            outputs.claim_beside("a map", path, Some(b"map"), &|_| false).expect("free").expect("not there yet")
        } else {
            outputs.claim("--out", path).expect("free")
        };
        outputs.write_bytes(key, b"new").expect("written aside");
    }
    wrote(&ours, b"somebody's");
    let refused = outputs.commit().expect_err("it is somebody's");
    assert!(refused.to_string().contains("another file has its name"), "{refused}");
    assert_eq!(content(&ours), "somebody's", "as it was");
    assert!(!named.exists(), "and nothing else is there");
}

#[test]
fn folders_for_outputs_go_again_when_nothing_comes_of_them() {
    let folder = folder();
    let data = folder.path().join("a").join("data");
    let mut outputs = Outputs::default();
    outputs.make_folder("the numbers", &data).expect("a writable folder");
    assert!(data.is_dir(), "made");
    drop(outputs);
    assert!(!folder.path().join("a").exists(), "gone");
    let mut outputs = Outputs::default();
    outputs.make_folder("the numbers", &data).expect("a writable folder");
    let key = outputs.claim("x", &data.join("x")).expect("free");
    outputs.write_bytes(key, b"x").and_then(|()| outputs.commit()).expect("written");
    drop(outputs);
    assert_eq!(content(&data.join("x")), "x", "stays");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::process::Command;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).expect("is there").permissions().mode() & 0o777
    }

    #[test]
    fn a_file_keeps_its_permissions_and_a_new_one_has_the_usual_ones() {
        let folder = folder();
        for wanted in [0o600, 0o640, 0o444, 0o755] {
            let path = folder.path().join(format!("{wanted:o}"));
            wrote(&path, b"before");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(wanted)).expect("ours");
            replace(&path, |file| file.write_all(b"after")).expect("can be written");
            assert_eq!((mode(&path), content(&path).as_str()), (wanted, "after"), "{wanted:o} as before");
        }
        let (usual, new) = (folder.path().join("usual"), folder.path().join("new"));
        wrote(&usual, b"");
        replace(&new, |_| Ok(())).expect("can be written");
        assert_eq!(mode(&new), mode(&usual), "as the umask has it");
    }

    #[test]
    fn files_that_need_a_name_while_they_are_written_leave_none() {
        let folder = folder();
        let path = folder.path().join("out");
        wrote(&path, b"before");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("ours");
        let staged = || Staged::with_name(&place::target(&path).expect("a place"), true).expect("a writable folder");
        let mut dropped = staged();
        dropped.write(|file| file.write_all(b"half")).expect("written aside");
        assert_eq!(everything(folder.path()).len(), 2, "it has a name");
        drop(dropped);
        assert_eq!(everything(folder.path()).len(), 1, "it has none any more");
        let mut whole = staged();
        whole.write(|file| file.write_all(b"after")).expect("written aside");
        stage::put_all(vec![whole], &mut |_| Ok(())).expect("put");
        assert_eq!((content(&path).as_str(), mode(&path)), ("after", 0o640), "with the permissions of before");
        assert_eq!(everything(folder.path()).len(), 1, "and nothing else");
    }

    /// Where the process that is told to end writes.
    const WRITE_TO: &str = "GAZELENS_TEST_WRITE_TO";

    #[test]
    fn a_process_that_writes_until_it_is_told_to_end() {
        let Some(path) = std::env::var_os(WRITE_TO) else { return };
        end_cleanly();
        let target = place::target(Path::new(&path)).expect("a place");
        let mut staged = Staged::with_name(&target, true).expect("a writable folder");
        let for_ever = |file: &mut BufWriter<&File>| {
            file.write_all(b"half")?;
            file.flush()?;
            std::thread::sleep(std::time::Duration::from_mins(1));
            Ok(())
        };
        staged.write(for_ever).expect("somebody ends it before");
    }

    #[test]
    fn being_told_to_end_leaves_no_half_written_file() {
        use std::os::unix::process::ExitStatusExt as _;
        const VICTIM: &str = "a_process_that_writes_until_it_is_told_to_end";
        let is_ignored = signals::unix::ignored();
        for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1)] {
            if is_ignored(number) {
                println!("not run: {signal}, which whoever started the tests ignores");
                continue;
            }
            let folder = folder();
            let mut victim = Command::new(std::env::current_exe().expect("this program"));
            victim.arg(VICTIM).env(WRITE_TO, folder.path().join("out")).stdout(std::process::Stdio::null());
            let mut victim = victim.spawn().expect("started");
            while everything(folder.path()).is_empty() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            let sent = Command::new("kill").args([&format!("-{signal}"), &victim.id().to_string()]).status();
            assert!(sent.is_ok_and(|sent| sent.success()), "sent");
            let ended = victim.wait().expect("a child");
            assert_eq!(ended.signal(), Some(number), "as whoever waits for it expects: {signal}");
            assert_eq!(everything(folder.path()), BTreeMap::new(), "nothing stays: {signal}");
        }
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_made_or_replaced() {
        let folder = folder();
        std::fs::create_dir(folder.path().join("in")).expect("a writable folder");
        let real = folder.path().join("in").join("real");
        for (name, to) in [("link", "in/real"), ("link2", "link")] {
            symlink(to, folder.path().join(name)).expect("a link");
        }
        for name in ["link", "link2"] {
            // Nothing is there, then something.
            for text in ["made", "replaced"] {
                replace(&folder.path().join(name), |file| file.write_all(text.as_bytes())).expect("can be written");
                assert_eq!(content(&real), text, "through {name}");
                let there = std::fs::symlink_metadata(folder.path().join(name)).expect("is there");
                assert!(there.is_symlink(), "{name} is still a link");
            }
            std::fs::remove_file(&real).expect("is there");
        }
        symlink("loop2", folder.path().join("loop1")).expect("a link");
        symlink("loop1", folder.path().join("loop2")).expect("a link");
        symlink("nowhere/real", folder.path().join("far")).expect("a link");
        for name in ["loop1", "far"] {
            let path = folder.path().join(name);
            let why = replace(&path, |_| Ok(())).expect_err(name);
            assert!(std::fs::symlink_metadata(&path).is_ok_and(|there| there.is_symlink()), "{name} stays: {why}");
            let sentence = Outputs::default().claim("--out", &path).expect_err(name).to_string();
            assert!(sentence.starts_with("Expected --out as a file in a folder that exists, found "), "{sentence}");
        }
    }

    #[test]
    fn a_link_of_a_name_of_our_own_is_never_followed() {
        let folder = folder();
        let (profile, map) = (folder.path().join("profile"), folder.path().join("map"));
        wrote(&profile, b"mine");
        for to in ["profile", "not there"] {
            symlink(to, &map).expect("a link");
            let mut outputs = Outputs::default();
            let refused = outputs.claim_beside("a map", &map, Some(b"mine"), &|_| true).expect_err("a link");
            assert!(refused.to_string().contains("a link has its name"), "{refused}");
            std::fs::remove_file(&map).expect("is there");
        }
        symlink(folder.path(), folder.path().join("data")).expect("a link");
        let refused = Outputs::default().make_folder_beside("the numbers", &folder.path().join("data"));
        assert!(refused.expect_err("a link").to_string().contains("a link has its name"), "folders too");
        assert_eq!(content(&profile), "mine", "as it was");
    }

    #[test]
    fn what_is_no_file_is_no_output() {
        let folder = folder();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().is_ok_and(|made| made.success()), "a pipe");
        for path in [pipe.clone(), folder.path().to_owned(), "/dev/null".into(), folder.path().join("none/")] {
            assert!(Outputs::default().claim("--out", &path).is_err(), "{}", path.display());
            assert!(replace(&path, |_| Ok(())).is_err(), "{}", path.display());
        }
        assert!(!pipe.is_file() && pipe.exists(), "still a pipe");
        assert!(!folder.path().join("none").exists(), "a name that ends like a folder's makes no file");
    }
}

/// What a run does with one name.
#[derive(Debug, Clone)]
enum Step {
    Claim(usize),
    Beside(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![(0..8_usize).prop_map(Step::Claim), (0..8_usize).prop_map(Step::Beside)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is claimed in whatever order by whatever names: what is read, and what nobody named, is as it was.
    #[test]
    fn inputs_and_strangers_survive_every_order_of_claims(
        steps in proptest::collection::vec(step(), 1..12),
        read in proptest::collection::vec(0..8_usize, 0..4),
    ) {
        let folder = folder();
        // Four files, two of them by a second name of some kind, one name that is free, and one link to nowhere.
        let names = ["a", "b", "c", "d", "a again", "b again", "free", "dangling"].map(|name| folder.path().join(name));
        for name in &names[..4] {
            wrote(name, name.to_string_lossy().as_bytes());
        }
        std::fs::hard_link(&names[0], &names[4]).expect("a link");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("b", &names[5]).expect("a link");
            std::os::unix::fs::symlink("made", &names[7]).expect("a link");
        }
        let before = everything(folder.path());
        let mut outputs = Outputs::default();
        outputs.reads_all("an input", read.iter().map(|idx| &names[*idx]));
        let mut named = Vec::<PathBuf>::new();
        for (nr, step) in steps.iter().enumerate() {
            let what = format!("output {nr}");
            let key = match step {
                Step::Claim(idx) => outputs.claim(&what, &names[*idx]).ok().inspect(|_| {
                    named.push(names[*idx].canonicalize().unwrap_or_else(|_| names[*idx].clone()));
                }),
                Step::Beside(idx) => outputs.claim_beside(&what, &names[*idx], Some(b"new"), &|_| false).ok().flatten(),
            };
            if let Some(key) = key {
                outputs.write_bytes(key, b"new").expect("written aside");
            }
        }
        let done = outputs.commit();
        let after = everything(folder.path());
        prop_assert!(after.keys().all(|name| !name.starts_with(".gazelens-")), "nothing half written: {after:?}");
        for (idx, name) in names.iter().enumerate().take(6) {
            let key = name.file_name().expect("a name").to_string_lossy().into_owned();
            let is_read = read.iter().any(|read| is_same_file(&names[*read], name));
            let is_named = named.iter().any(|named| *named == name.canonicalize().expect("is there"));
            if is_read || !is_named || done.is_err() {
                prop_assert_eq!(after.get(&key), before.get(&key), "{} is as it was", idx);
            }
        }
    }
}
