//! `gazelens study run` ended at any moment and continued: the same rows byte for byte.

use super::{folder, gazelens, path, stderr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// Kills of each number of shards.
const KILLS: [(usize, u32); 3] = [(1, 8), (2, 8), (7, 8)];
/// Chooses the moments.
const SEED: u64 = 42;
const PATIENCE: Duration = Duration::from_mins(5);

/// Two questions about each of 7 photos, answered plainly and drawn twice: 42 rows with words.
const CAPTIONS: &str = "name = \"Captions\"\ntemplate = \"chair\"\n[data]\nimages = \"demo\"\nannotations = \"demo\"\n\
    [questions]\nfrom = \"lines\"\nfile = \"q.jsonl\"\nphotos = 7\n\
    [model]\nmax_new_tokens = 8\n[[settings]]\nname = \"greedy\"\n\
    [[settings]]\nname = \"sampling\"\ntemperature = 1.0\nseeds = [1, 2]\n\
    [signals]\nmeasured = [\"image_share\", \"confidence\"]\n";
const NUM_ROWS: usize = 42;

fn study(folder: &Path) -> String {
    let file = path(folder, "captions.toml");
    std::fs::write(&file, CAPTIONS).expect("a writable folder");
    let asked = ["Describe this image in detail.", "What is in this image?"];
    let of_photo = |image: &gazelens::data::demo::DemoImage| {
        asked.map(|text| format!("{{\"image\": \"{}\", \"text\": \"{text}\"}}\n", image.file_name)).concat()
    };
    let lines: String = gazelens::data::demo::IMAGES.iter().map(of_photo).collect();
    std::fs::write(folder.join("q.jsonl"), lines).expect("a writable folder");
    file
}

fn start(args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gazelens"));
    command.args(args).env("HF_HUB_OFFLINE", "1").stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("the program starts")
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    Command::new("kill").args([&format!("-{name}"), &id]).stderr(Stdio::null()).status().expect("kill runs");
}

/// Whole rows of all shards so far.
fn rows(run: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(run) else { return 0 };
    let files = entries.map(|entry| entry.expect("a readable folder").path());
    let files = files.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    let lines = |path: PathBuf| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).matches('\n').count();
    files.map(lines).sum()
}

/// Waits for so many more rows, or for the end of the program.
fn wait_for_rows(child: &mut Child, run: &Path, count: usize) -> Option<ExitStatus> {
    let begun = Instant::now();
    loop {
        let status = child.try_wait().expect("a child");
        if status.is_some() || rows(run) >= count {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "{count} rows in time");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What merging writes.
fn merged(run: &Path) -> [Vec<u8>; 3] {
    let output = gazelens(&["study", "merge", &run.display().to_string(), "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let counts = ["answered", "failed", "missing", "doubles", "differing", "torn"].map(|key| report[key].as_u64());
    assert_eq!(counts, [Some(NUM_ROWS as u64), Some(0), Some(0), Some(0), Some(0), Some(0)], "complete: {report}");
    ["rows.jsonl", "answers.parquet", "words.parquet"].map(|name| std::fs::read(run.join(name)).expect(name))
}

/// Names the first row that differs: files are long.
fn expect_same(found: &[Vec<u8>; 3], expected: &[Vec<u8>; 3], place: &str) {
    let [rows, expected_rows] = [found, expected].map(|files| String::from_utf8_lossy(&files[0]).into_owned());
    for (found, expected) in rows.lines().zip(expected_rows.lines()) {
        assert_eq!(found, expected, "{place}");
    }
    assert!(found == expected, "{place}: every file byte for byte");
}

fn finish(study: &str, run: &Path, shard: &str) {
    let run = run.display().to_string();
    let output = gazelens(&["study", "run", study, "--out", &run, "--shard", shard, "--threads", "1"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

/// From 0 to below 1.
struct Moments(u64);

impl Moments {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / f64::from(1 << 24)
    }

    /// From 0 to below a count.
    fn below(&mut self, count: usize) -> usize {
        self.next();
        usize::try_from(self.0 >> 40).expect("24 bits") % count
    }
}

#[test]
fn shards_that_are_killed_at_any_moment_make_the_rows_of_one_process() {
    let dir = folder();
    let file = study(dir.path());
    let whole = dir.path().join("whole");
    let begun = Instant::now();
    finish(&file, &whole, "0/1");
    // With the start among it: longer than a row takes.
    let a_row = begun.elapsed() / u32::try_from(NUM_ROWS).expect("a small number");
    let expected = merged(&whole);
    let mut moments = Moments(SEED);
    for (count, wanted) in KILLS {
        let (mut kills, mut round) = (0, 0);
        while kills < wanted {
            round += 1;
            let run = dir.path().join(format!("{count}-{round}"));
            let out = run.display().to_string();
            let mut left: Vec<usize> = (0..count).collect();
            while !left.is_empty() {
                let place = moments.below(left.len());
                let shard = format!("{}/{count}", left[place]);
                if kills == wanted {
                    finish(&file, &run, &shard);
                    left.remove(place);
                    continue;
                }
                let args = ["study", "run", &file, "--out", &out, "--shard", &shard, "--threads", "1"];
                let mut child = start(&args);
                // Some are killed before their first row.
                let more = moments.below(3);
                let wait = if more == 0 { a_row.mul_f64(4.0 * moments.next()) } else { a_row.mul_f64(moments.next()) };
                let before = rows(&run);
                let mut ended = (more > 0).then(|| wait_for_rows(&mut child, &run, before + more)).flatten();
                if ended.is_none() {
                    std::thread::sleep(wait);
                    ended = child.try_wait().expect("a child");
                }
                if ended.is_none() {
                    signal(&child, "KILL");
                    ended = Some(child.wait().expect("a child"));
                }
                match ended {
                    Some(status) if status.success() => drop(left.remove(place)),
                    Some(status) if status.code().is_none() => kills += 1,
                    other => panic!("by the signal or well: {other:?}"),
                }
            }
            expect_same(&merged(&run), &expected, &format!("{count} shards, round {round}, {kills} kills"));
        }
    }
}

#[test]
fn shards_at_the_same_time_share_a_folder() {
    let dir = folder();
    let file = study(dir.path());
    let [together, whole] = ["together", "whole"].map(|name| dir.path().join(name));
    let out = together.display().to_string();
    let shards =
        ["0/2", "1/2"].map(|shard| start(&["study", "run", &file, "--out", &out, "--shard", shard, "--threads", "1"]));
    for mut child in shards {
        assert!(child.wait().expect("a child").success(), "each of them is done");
    }
    finish(&file, &whole, "0/1");
    expect_same(&merged(&together), &merged(&whole), "two at the same time");
}

#[test]
fn a_signal_ends_a_study_behind_a_row() {
    for name in ["TERM", "INT"] {
        let dir = folder();
        let file = study(dir.path());
        let run = dir.path().join("run");
        let out = run.display().to_string();
        let mut child = start(&["study", "run", &file, "--out", &out, "--threads", "1"]);
        let ended = wait_for_rows(&mut child, &run, 2);
        assert!(ended.is_none(), "{name}: it is still running: {ended:?}");
        signal(&child, name);
        let Output { status, stderr, .. } = child.wait_with_output().expect("a child");
        let stderr = String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(0), "{name}: {stderr}");
        let last = stderr.lines().last().unwrap_or_default();
        let found = rows(&run);
        let expected = format!("Stopped: the same command goes on. {found} of {NUM_ROWS} rows: {out}");
        assert_eq!(last, expected, "{name}: a sentence");
        assert!((2..NUM_ROWS).contains(&found), "{name}: behind the row that was being made, not at the end: {found}");
        let text = std::fs::read(run.join("rows-0-of-1.jsonl")).expect("rows");
        assert_eq!(text.last(), Some(&b'\n'), "{name}: whole rows");
    }
}
