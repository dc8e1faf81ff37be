//! Ended at any moment: what is there is whole, and nothing half written stays.

use super::outputs::contents;
use super::{entries, folder, gazelens, path, stderr};
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Of each command by each signal.
const KILLS: u32 = 6;
const SIGNALS: [(&str, i32); 3] = [("TERM", 15), ("INT", 2), ("KILL", 9)];

fn spawn(args: &[&str]) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    command.args(args).env("HF_HUB_OFFLINE", "1").stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

fn parts(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "part")).collect()
}

/// Removes all files.
fn clear(folder: &Path) {
    for path in entries(folder) {
        std::fs::remove_file(path).expect("a file of ours");
    }
}

/// Kills a command at random moments. What it writes is all of `before` or all of what it writes when nobody kills it.
fn killed(folder: &Path, args: &[&str], before: &BTreeMap<PathBuf, Vec<u8>>, moment: &mut u64) {
    let put_back = || {
        clear(folder);
        for (path, bytes) in before {
            std::fs::write(path, bytes).expect("a writable folder");
        }
    };
    put_back();
    let begun = Instant::now();
    let output = gazelens(args);
    assert!(output.status.success(), "{}", stderr(&output));
    let takes = begun.elapsed();
    let after = contents(folder);
    assert_ne!(after, *before, "it writes something");
    for (signal, number) in SIGNALS {
        for kill in 0..KILLS {
            put_back();
            let mut child = spawn(args);
            *moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Most of the work is over when files are written.
            let share = 0.5 + 0.6 * (*moment >> 40) as f64 / f64::from(1 << 24);
            std::thread::sleep(takes.mul_f64(share));
            let id = child.id().to_string();
            Command::new("kill").args([&format!("-{signal}"), &id]).stderr(Stdio::null()).status().expect("kill runs");
            let ended = child.wait().expect("a child");
            let place = format!("{args:?}, {signal} {kill}");
            assert!(ended.success() || ended.signal() == Some(number), "by the signal or well: {place}: {ended:?}");
            let left = parts(folder);
            if signal == "KILL" {
                for part in &left {
                    std::fs::remove_file(part).expect("what a kill left");
                }
                for (path, bytes) in contents(folder) {
                    let whole = before.get(&path) == Some(&bytes) || after.get(&path) == Some(&bytes);
                    assert!(whole, "whole: {place}: {}", path.display());
                }
            } else {
                assert!(left.is_empty(), "nothing half written stays: {place}: {left:?}");
                let found = contents(folder);
                assert!(found == *before || found == after, "all of it or nothing: {place}: {:?}", found.keys());
            }
        }
    }
}

#[test]
fn whatever_ends_a_command_leaves_whole_files_and_no_parts() {
    let (work, dir) = (folder(), folder());
    let trace = path(work.path(), "t.safetensors");
    let asked = ["trace", "--image", "demo_01_beach.png", "--prompt", "a", "--max-new-tokens", "4", "--out", &trace];
    assert!(gazelens(&asked).status.success(), "a trace to start from");
    let out = |name: &str| path(dir.path(), name);
    let mut moment = u64::from(std::process::id());
    let ask = ["trace", "--image", "demo_01_beach.png", "--prompt", "a", "--max-new-tokens", "4"];
    let answer = out("t.safetensors");
    let old = BTreeMap::from([(PathBuf::from(&answer), b"before".to_vec())]);
    killed(dir.path(), &[&ask[..], &["--out", &answer]].concat(), &old, &mut moment);
    let prompt = ["prompt-image", "--attribution", "clip", "--image", "demo_01_beach.png", "--query", "a bird"];
    let [image, mask, map] = ["b.png", "m.png", "a.safetensors"].map(out);
    let to_images = ["--out", &image, "--mask-out", &mask, "--map-out", &map];
    let old = [&image, &mask].map(|name| (PathBuf::from(name), b"before".to_vec()));
    killed(dir.path(), &[&prompt[..], &to_images].concat(), &BTreeMap::from(old), &mut moment);
    // A figure over an older one: a picture never has another's recipe beside it.
    clear(dir.path());
    let picture = out("f.png");
    let figure = ["figure", "--trace", &trace, "--out", &picture];
    let older = gazelens(&[&figure[..], &["--dpi", "40"]].concat());
    assert!(older.status.success(), "{}", stderr(&older));
    let old = contents(dir.path());
    killed(dir.path(), &[&figure[..], &["--dpi", "90"]].concat(), &old, &mut moment);
}

#[test]
fn what_a_kill_left_goes_with_the_next_run_and_what_is_being_written_stays() {
    let dir = folder();
    let old = SystemTime::now() - Duration::from_mins(10);
    let make = |name: &str| {
        let file = std::fs::File::create(dir.path().join(name)).expect("a writable folder");
        file.set_modified(old).expect("a time");
        file
    };
    drop(make(".gazelens-4711-abcdef.part"));
    let held = make(".gazelens-4711-ghijkl.part");
    held.try_lock().expect("nobody else has it");
    let output = gazelens(&["figure", "--demo", "--out", &path(dir.path(), "p.html")]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(parts(dir.path()), [dir.path().join(".gazelens-4711-ghijkl.part")], "the one that somebody holds");
}

#[test]
fn a_program_that_was_told_to_outlive_its_terminal_does() {
    let dir = folder();
    let out = path(dir.path(), "t.safetensors");
    let args = ["trace", "--image", "demo_01_beach.png", "--prompt", "a", "--max-new-tokens", "4", "--out", &out];
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_gazelens")]).args(args);
    let mut child = shell.stdout(Stdio::null()).spawn().expect("a shell");
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(10));
        Command::new("kill").args(["-HUP", &child.id().to_string()]).stderr(Stdio::null()).status().expect("kill runs");
    }
    assert!(child.wait().expect("a child").success(), "as after nohup");
    assert!(Path::new(&out).is_file(), "the trace is there");
}
