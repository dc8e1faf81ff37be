use super::server::{FakeHub, Fault, Repo, git_sha1, sha256};
use super::{Bench, names, weights};
use gazelens::hub::{Endpoint, FetchEvent, HubError, HubId, fetch};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const LARGE: &str = "model.safetensors";

fn bench(large: &[u8]) -> Bench {
    let repo = Repo::new(&[("config.json", b"{}"), (LARGE, large)]);
    Bench::new(FakeHub::with("org/model", repo))
}

#[test]
fn a_download_that_breaks_off_is_continued_where_it_stopped() {
    let large = weights(500_000);
    let mut bench = bench(&large);
    bench.hub.fails(LARGE, Fault::BreaksAfter(150_000), 3);
    let folder = bench.fetch("org/model").expect("fetched all the same");
    assert_eq!(fs::read(folder.join(LARGE)).expect("read"), large, "every byte, once");
    let ranges: Vec<Option<String>> =
        bench.hub.asked("/cdn/").iter().map(|asked| asked.range().map(str::to_owned)).collect();
    let expected =
        [None, Some("bytes=150000-".to_owned()), Some("bytes=300000-".to_owned()), Some("bytes=450000-".to_owned())];
    assert_eq!(ranges, expected, "only what was missing");
    assert!(bench.notes.iter().any(|note| note.contains("broke off")), "said: {:?}", bench.notes);
}

#[test]
fn after_too_many_breaks_trying_again_continues() {
    let large = weights(400_000);
    let mut bench = bench(&large);
    bench.hub.fails(LARGE, Fault::BreaksAfter(100_000), 1);
    assert!(bench.fetch("org/model").is_ok(), "one break is nothing");
    fs::remove_dir_all(&bench.options.cache).expect("removed");
    bench.hub.fails(LARGE, Fault::BreaksAfter(0), 1000);
    let half = bench.blobs().join(format!("{}.incomplete", sha256(&large)));
    fs::create_dir_all(bench.blobs()).expect("made");
    fs::write(&half, &large[..250_000]).expect("written");
    let refusal = bench.refusal("org/model");
    assert!(refusal.contains("Cannot download model.safetensors of org/model"), "{refusal}");
    assert!(
        refusal.contains("at 250.0 kB of 400.0 kB") && refusal.ends_with("trying again continues there"),
        "{refusal}"
    );
    assert_eq!(fs::metadata(&half).expect("kept").len(), 250_000, "what there was is kept");
    bench.hub.state().faults.clear();
    bench.hub.state().asked.clear();
    let folder = bench.fetch("org/model").expect("fetched");
    assert_eq!(
        bench.hub.asked("/cdn/").first().and_then(|asked| asked.range().map(str::to_owned)).as_deref(),
        Some("bytes=250000-"),
        "continued"
    );
    assert_eq!(fs::read(folder.join(LARGE)).expect("read"), large, "whole and checked");
    assert!(!half.exists(), "named as what it is");
}

#[test]
fn a_server_that_cannot_continue_starts_over() {
    let large = weights(200_000);
    let mut bench = bench(&large);
    fs::create_dir_all(bench.blobs()).expect("made");
    let half = bench.blobs().join(format!("{}.incomplete", sha256(&large)));
    fs::write(&half, &large[..50_000]).expect("written");
    bench.hub.fails(LARGE, Fault::IgnoresRange, 1);
    let folder = bench.fetch("org/model").expect("fetched");
    assert_eq!(fs::read(folder.join(LARGE)).expect("read"), large, "from its start");
    fs::remove_dir_all(&bench.options.cache).expect("removed");
    fs::create_dir_all(bench.blobs()).expect("made");
    fs::write(&half, weights(300_000)).expect("written");
    let folder = bench.fetch("org/model").expect("fetched");
    assert_eq!(fs::read(folder.join(LARGE)).expect("read"), large, "a partial file that is too long is none");
}

#[test]
fn damaged_files_are_named_and_removed() {
    for (file, name) in [(LARGE, sha256(b"weights")), ("config.json", git_sha1(b"{}"))] {
        let mut bench = bench(b"weights");
        bench.hub.fails(file, Fault::Corrupt, 1);
        let refusal = bench.refusal("org/model");
        assert!(refusal.contains(&format!("Expected {file} of org/model with the checksum {name}")), "{refusal}");
        assert!(!names(&bench.blobs()).iter().any(|blob| blob.starts_with(&name)), "removed, under either name");
        assert!(bench.fetch("org/model").is_ok(), "trying again helps");
    }
    let mut bench = bench(b"weights");
    fs::create_dir_all(bench.blobs()).expect("made");
    fs::write(bench.blobs().join(format!("{}.incomplete", sha256(b"weights"))), b"WEI").expect("written");
    assert!(bench.refusal("org/model").contains("checksum"), "what was there before is checked too");
    assert!(bench.fetch("org/model").is_ok(), "and does not stand in the way again");
}

#[test]
fn another_size_than_promised_is_refused() {
    let mut bench = bench(b"weights");
    bench.hub.fails(LARGE, Fault::TooLong, 9);
    let refusal = bench.refusal("org/model");
    assert!(refusal.contains("Expected 7 bytes of model.safetensors of org/model, found 8"), "{refusal}");
    assert!(!names(&bench.blobs()).iter().any(|name| name.ends_with(".incomplete")), "nothing is left of it");
}

#[test]
fn refusals_say_what_to_do() {
    let mut bench = bench(b"weights");
    let refusal = bench.refusal("org/nobody");
    assert!(refusal.contains("Cannot find org/nobody on the hub") && refusal.contains("HF_TOKEN"), "{refusal}");
    for (status, code) in [(401, "GatedRepo"), (403, "GatedRepo"), (403, "")] {
        bench.hub.fails("config.json", Fault::Status(status, code), 1);
        let refusal = bench.refusal("org/model");
        assert!(refusal.contains("accept the model's licence at") && refusal.contains("/org/model"), "{refusal}");
        assert!(refusal.contains("HF_TOKEN") && refusal.ends_with("token"), "where the token goes: {refusal}");
    }
    bench.hub.state().faults.clear();
    if let Some(repo) = bench.hub.state().repos.get_mut("org/model") {
        repo.refuses = Some((418, ""));
    }
    let refusal = bench.refusal("org/model");
    assert!(refusal.contains("the list of files of org/model") && refusal.contains("418"), "{refusal}");
}

#[test]
fn what_is_no_checkpoint_is_refused_before_anything_is_fetched() {
    let mut bench = bench(b"weights");
    for (id, files, found) in [
        (
            "org/pickled",
            vec![("config.json", b"{}".as_slice()), ("pytorch_model.bin", b"x")],
            "only pickled weights such as pytorch_model.bin",
        ),
        ("org/gguf", vec![("llava-q4.gguf", b"x".as_slice())], "GGUF files such as llava-q4.gguf"),
        ("org/bare", vec![("model.safetensors", b"x".as_slice())], "checkpoint with config.json"),
    ] {
        bench.hub.state().repos.insert(id.to_owned(), Repo::new(&files));
        let refusal = bench.refusal(id);
        assert!(refusal.contains(found), "{id}: {refusal}");
        assert!(bench.hub.asked(&format!("{id}/resolve")).is_empty(), "nothing of {id} was fetched");
    }
}

#[test]
fn without_the_hub_the_copy_in_the_cache_is_taken() {
    let mut bench = bench(b"weights");
    let folder = bench.fetch("org/model").expect("fetched");
    bench.options.endpoint = Endpoint::new("http://127.0.0.1:9");
    assert_eq!(bench.fetch("org/model").ok(), Some(folder.clone()), "the copy");
    assert!(
        bench.notes.last().is_some_and(|note| note.contains("the copy in the cache is taken")),
        "{:?}",
        bench.notes
    );
    let refusal = bench.refusal("org/other");
    assert!(refusal.contains("Cannot ask http://127.0.0.1:9 about org/other: the connection was refused"), "{refusal}");
    bench.options.offline = true;
    bench.notes.clear();
    assert_eq!(bench.fetch("org/model").ok(), Some(folder), "offline");
    assert!(bench.notes.is_empty(), "nobody is asked: {:?}", bench.notes);
}

/// Fetches on a thread, raises the flag once `ready`, and returns how long the end took.
fn stopped(bench: &Bench, ready: impl Fn(&str) -> bool + Send + 'static) -> (Result<(), HubError>, Duration) {
    let (cancel, options) = (Arc::new(AtomicBool::new(false)), bench.options.clone());
    let raised = Arc::clone(&cancel);
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let id: HubId = "org/model".parse().expect("an id");
        let mut tell = |event: FetchEvent<'_>| {
            let text = match event {
                FetchEvent::Asking(text) | FetchEvent::Note(text) => text.to_owned(),
                FetchEvent::Progress(told) => format!("{} {}", told.file, told.file_bytes),
            };
            if ready(&text) {
                let _ = sender.send(());
            }
        };
        fetch(&id, &options, &mut tell, &cancel).map(|_| ())
    });
    receiver.recv_timeout(Duration::from_secs(30)).expect("it came so far");
    std::thread::sleep(Duration::from_millis(100));
    let begun = Instant::now();
    raised.store(true, Ordering::Relaxed);
    let result = thread.join().expect("no panic");
    (result, begun.elapsed())
}

#[test]
fn stopping_takes_less_than_a_second_and_keeps_what_came() {
    let large = weights(300_000);
    let bench = bench(&large);
    bench.hub.fails(LARGE, Fault::StallsAfter(100_000), 1);
    let (result, took) = stopped(&bench, |told| told.starts_with(LARGE));
    assert!(matches!(result, Err(HubError::Cancelled)), "stopped: {result:?}");
    assert!(took < Duration::from_secs(1), "after {took:?}");
    let half = bench.blobs().join(format!("{}.incomplete", sha256(&large)));
    assert_eq!(fs::metadata(half).expect("kept").len(), 100_000, "to be continued");
}

#[test]
fn a_silent_connection_counts_as_broken() {
    let large = weights(300_000);
    let mut bench = bench(&large);
    bench.options.patience.stall = Duration::from_millis(300);
    bench.hub.fails(LARGE, Fault::StallsAfter(100_000), 1);
    let folder = bench.fetch("org/model").expect("fetched");
    assert_eq!(fs::read(folder.join(LARGE)).expect("read"), large, "after another start");
    assert_eq!(bench.hub.asked("/cdn/").len(), 2, "one for each part");
}

#[test]
fn a_file_that_another_program_fetches_is_waited_for() {
    let bench = bench(b"weights");
    let lock = bench.options.cache.join(".locks/models--org--model").join(format!("{}.lock", sha256(b"weights")));
    fs::create_dir_all(lock.parent().expect("in a folder")).expect("made");
    let held = fs::File::create(&lock).expect("made");
    held.lock().expect("locked");
    let (result, took) = stopped(&bench, |told| told.contains("Waiting for another program"));
    assert!(matches!(result, Err(HubError::Cancelled)), "stopped: {result:?}");
    assert!(took < Duration::from_secs(1), "after {took:?}");
    assert!(bench.hub.asked("/cdn/").is_empty(), "nothing was fetched twice");
}
