use super::server::{COMMIT, FakeHub, Fault, Repo};
use super::{Bench, names, weights};
use gazelens::hub::{Endpoint, Token};
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

const LARGE: &str = "model.safetensors";
/// Long enough for a busy machine, far below what a test may take.
const SOON: Duration = Duration::from_secs(20);

fn bench(large: &[u8]) -> Bench {
    let repo = Repo::new(&[("config.json", b"{}"), (LARGE, large)]);
    let mut bench = Bench::new(FakeHub::with("org/model", repo));
    bench.options.patience.stall = Duration::from_secs(2);
    bench.options.patience.progress_within = Duration::from_secs(2);
    bench.options.patience.progress_bytes = 500;
    bench
}

/// What is said when it is given up, which has to be soon.
fn given_up(bench: &mut Bench) -> String {
    let begun = Instant::now();
    let refusal = bench.refusal("org/model");
    assert!(begun.elapsed() < SOON, "given up after {:?}: {refusal}", begun.elapsed());
    refusal
}

/// Whether the hub notices that nobody waits for its answer any more.
fn was_left(bench: &Bench) -> bool {
    let begun = Instant::now();
    while bench.hub.state().left == 0 && begun.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(10));
    }
    bench.hub.state().left > 0
}

#[test]
fn a_hub_that_brings_nothing_new_is_given_up() {
    let large = weights(20_000);
    let faults = [
        Fault::Lies(100),
        Fault::Lies(10_000),
        Fault::StartsOver(10_000),
        Fault::RefusesRange(10_000),
        Fault::BreaksAfter(1),
        Fault::BreaksAfter(0),
        Fault::Status(503, ""),
    ];
    for fault in faults {
        for lists_blobs in [true, false] {
            let mut bench = bench(&large);
            if let Some(repo) = bench.hub.state().repos.get_mut("org/model") {
                repo.lists_blobs = lists_blobs;
            }
            bench.hub.fails(LARGE, fault, usize::MAX);
            let refusal = given_up(&mut bench);
            if lists_blobs {
                let expected = "Cannot download model.safetensors of org/model: the connection broke off (";
                assert!(refusal.contains(expected), "{fault:?}: {refusal}");
                assert!(refusal.ends_with("trying again continues there"), "{fault:?}: {refusal}");
            }
            let asked = bench.hub.asked(&format!("resolve/{COMMIT}/{LARGE}"));
            let asked = asked.iter().filter(|asked| asked.method == "GET").count();
            assert!(asked <= 4, "{fault:?}: one that brings something and three in vain, found {asked}");
        }
    }
}

#[test]
fn pieces_that_add_up_are_continued_however_many_they_are() {
    let large = weights(20_000);
    let mut bench = bench(&large);
    bench.hub.fails(LARGE, Fault::BreaksAfter(600), usize::MAX);
    bench.options.patience.progress_within = SOON;
    let folder = bench.fetch("org/model").expect("fetched piece by piece");
    assert_eq!(fs::read(folder.join(LARGE)).expect("read"), large, "every byte, once");
    assert_eq!(bench.hub.asked("/cdn/").len(), 34, "as many pieces as that takes");
}

#[test]
fn what_comes_too_slowly_is_given_up() {
    for of in [LARGE, "config.json", "list"] {
        let mut bench = bench(&weights(20_000));
        bench.hub.fails(of, Fault::Drips(1, Duration::from_millis(30)), usize::MAX);
        if of == "config.json"
            && let Some(repo) = bench.hub.state().repos.get_mut("org/model")
        {
            repo.files.insert(of.to_owned(), (weights(20_000), false));
        }
        let refusal = given_up(&mut bench);
        if of == "list" {
            // The list is short: it is its end that does not come.
            assert!(
                refusal.contains("about org/model") && refusal.contains("less than 500 bytes came in 2 s"),
                "{refusal}"
            );
        } else {
            let expected = format!("Cannot download {of} of org/model: less than 500 bytes came in 2 s");
            assert!(refusal.contains(&expected), "{refusal}");
        }
        assert!(was_left(&bench), "{of}: the connection is cut");
    }
}

#[test]
fn what_comes_slowly_enough_is_waited_for() {
    let large = weights(15_000);
    let mut bench = bench(&large);
    // 100 bytes every 20 ms are 10,000 in the time in which 500 have to come.
    bench.hub.fails(LARGE, Fault::Drips(100, Duration::from_millis(20)), 1);
    let begun = Instant::now();
    let folder = bench.fetch("org/model").expect("fetched");
    assert!(begun.elapsed() > bench.options.patience.progress_within, "longer than the time for a part of it");
    assert_eq!(fs::read(folder.join(LARGE)).expect("read"), large, "every byte");
}

#[test]
fn answers_without_end_are_given_up() {
    for (fault, why) in [
        // As many bytes as a head may have or as long as it may take, whatever is first.
        (Fault::Hundreds(Duration::ZERO), ""),
        (Fault::Hundreds(Duration::from_millis(5)), "no answer in time"),
        (Fault::Headers, "head"), // too many of them, or too long
        (Fault::Endless, "an answer of more than"),
    ] {
        for of in ["list", LARGE] {
            if (of, fault) == (LARGE, Fault::Endless) {
                continue; // Its size is known: the next test.
            }
            let mut bench = bench(&weights(20_000));
            bench.options.patience.progress_within = SOON;
            bench.hub.fails(of, fault, usize::MAX);
            let refusal = given_up(&mut bench);
            assert!(refusal.contains(why) && refusal.contains("org/model"), "{of}, {fault:?}: {refusal}");
            assert!(was_left(&bench), "{of}, {fault:?}: the connection is cut");
        }
    }
}

#[test]
fn what_has_no_end_is_not_written_for_ever() {
    const MOST: u64 = 1_000_000;
    let mirror = |file: &str, fault: Fault, lists_blobs: bool| {
        let mut bench = bench(&weights(20_000));
        bench.options.small_file_bytes = MOST;
        if let Some(repo) = bench.hub.state().repos.get_mut("org/model") {
            (repo.lists_blobs, repo.tells_sizes) = (lists_blobs, false);
        }
        bench.hub.fails(file, fault, usize::MAX);
        let refusal = given_up(&mut bench);
        let blobs = bench.blobs();
        let left =
            names(&blobs).iter().map(|name| fs::metadata(blobs.join(name)).map_or(0, |meta| meta.len())).sum::<u64>();
        assert!(left <= MOST, "{left} bytes were written");
        refusal
    };
    let refusal = mirror("config.json", Fault::Endless, false);
    assert!(refusal.contains("config.json of org/model: it is larger than 1 MB"), "{refusal}");
    for fault in [Fault::Endless, Fault::Unsized] {
        let refusal = mirror(LARGE, fault, false);
        assert!(refusal.contains("model.safetensors of org/model: the hub does not say how large it is"), "{refusal}");
        let listed = mirror("config.json", Fault::Endless, true);
        assert!(listed.contains("Expected 2 bytes of config.json of org/model"), "more than was listed: {listed}");
    }
}

#[test]
fn a_file_is_as_large_as_what_reads_it_allows() {
    let files: [(&str, &[u8]); 3] = [("config.json", b"{}"), ("results.json", b"{}"), (LARGE, b"weights")];
    let mut repo = Repo::new(&files);
    repo.sizes = BTreeMap::from([("results.json".to_owned(), 1 << 40)]);
    let mut bench = Bench::new(FakeHub::with("org/model", repo.clone()));
    let folder = bench.fetch("org/model").expect("fetched without it");
    assert_eq!(names(&folder), ["config.json", LARGE], "what can be read");
    let left_out = "results.json of org/model is left out: it is larger than what is read";
    assert!(bench.notes.iter().any(|note| note == left_out), "said: {:?}", bench.notes);
    repo.sizes = BTreeMap::from([("config.json".to_owned(), 1 << 40)]);
    bench.hub.state().repos.insert("org/odd".to_owned(), repo.clone());
    assert!(
        bench.refusal("org/odd").contains("config.json of org/odd: it is larger than 268 MB"),
        "which cannot do without"
    );
    for number in 0..300 {
        repo.files.insert(format!("{number}.json"), (b"{}".to_vec(), false));
    }
    repo.sizes.clear();
    bench.hub.state().repos.insert("org/many".to_owned(), repo);
    assert!(bench.refusal("org/many").contains("302 files of configuration"), "more than a checkpoint has");
    assert!(bench.hub.asked("org/many/resolve").is_empty(), "none of them was fetched");
}

#[test]
fn the_token_stays_with_scheme_host_and_port() {
    let large = weights(1000);
    for path in ["/api/models/org/model/revision", "resolve"] {
        let mut bench = bench(&large);
        let stranger = FakeHub::with("org/model", Repo::new(&[("config.json", b"{}"), (LARGE, &large)]));
        let (own, other) = (bench.hub.address.port(), stranger.address.port());
        bench.options.token = Token::new("hf_secret");
        for to in [
            format!("http://127.0.0.1:{other}"),
            format!("http://localhost:{other}"),
            format!("//127.0.0.1:{other}"),
            format!("http://127.0.0.1:{own}@127.0.0.1:{other}"),
            format!("http://hf_secret@127.0.0.1:{other}"),
        ] {
            let _ = fs::remove_dir_all(&bench.options.cache);
            bench.hub.state().redirects = vec![(path, to.clone())];
            bench.fetch("org/model").expect("fetched from the other");
            let asked = std::mem::take(&mut stranger.state().asked);
            assert!(!asked.is_empty(), "{to} was asked for {path}");
            for one in asked {
                let told = one.headers.values().any(|value| value.contains("hf_secret"));
                assert!(!told && !one.headers.contains_key("authorization"), "{to}: {one:?}");
            }
        }
        assert!(bench.hub.asked(path).iter().all(|one| one.headers.contains_key("authorization")), "its own hub knows");
    }
}

#[test]
fn a_token_that_was_left_behind_does_not_come_back() {
    let mut bench = bench(b"weights");
    let stranger = FakeHub::start();
    bench.options.token = Token::new("hf_secret");
    // There and back: the hub itself is asked the second time, by somebody who was elsewhere in between.
    bench.hub.state().redirects = vec![("revision/main", stranger.url())];
    let back = format!("{}/again?x=", bench.hub.url());
    stranger.state().redirects = vec![("revision", back)];
    bench.refusal("org/model");
    let again = bench.hub.asked("/again");
    assert!(!again.is_empty() && again.iter().all(|one| !one.headers.contains_key("authorization")), "{again:?}");
}

#[test]
fn redirects_end() {
    let mut bench = bench(b"weights");
    let own = bench.hub.url();
    bench.hub.state().redirects = vec![("revision", own)];
    let refusal = given_up(&mut bench);
    assert!(refusal.contains("more than 10 redirects"), "{refusal}");
    for (to, why) in
        [("file:///etc", "no http address"), ("ftp://127.0.0.1", "no http address"), ("http://", "no http address")]
    {
        bench.hub.state().redirects = vec![("revision", to.to_owned())];
        let refusal = given_up(&mut bench);
        assert!(refusal.contains(why), "{to}: {refusal}");
    }
}

#[test]
fn a_file_that_the_hub_does_not_have_is_named() {
    for lists_blobs in [true, false] {
        for code in ["", "EntryNotFound"] {
            let mut bench = bench(b"weights");
            if let Some(repo) = bench.hub.state().repos.get_mut("org/model") {
                repo.lists_blobs = lists_blobs;
            }
            bench.hub.fails("config.json", Fault::Status(404, code), 1);
            let refusal = bench.refusal("org/model");
            assert!(refusal.contains("Cannot download config.json of org/model"), "{code}: {refusal}");
        }
    }
}

#[test]
fn who_stands_in_the_address_asks_and_is_never_named() {
    let mut bench = bench(b"weights");
    let port = bench.hub.address.port();
    bench.options.endpoint = Endpoint::new(&format!("http://user:hunter2@127.0.0.1:{port}/"));
    bench.options.token = Token::new("hf_secret");
    bench.fetch("org/model").expect("fetched");
    let asked = bench.hub.state().asked.clone();
    // What `printf user:hunter2 | base64` prints.
    let basic = Some("Basic dXNlcjpodW50ZXIy");
    assert!(
        asked
            .iter()
            .filter(|one| !one.path.starts_with("/cdn/"))
            .all(|one| { one.headers.get("authorization").map(String::as_str) == basic }),
        "{asked:?}"
    );
    bench.hub.state().repos.clear();
    fs::remove_dir_all(&bench.options.cache).expect("removed");
    let mut told = vec![bench.refusal("org/model")];
    bench.options.endpoint = Endpoint::new("http://user:hunter2@127.0.0.1:9");
    told.push(bench.refusal("org/model"));
    bench.options.endpoint = Endpoint::new("user:hunter2@mirror");
    told.push(bench.refusal("org/model"));
    told.append(&mut bench.notes);
    assert!(told.iter().any(|text| text.contains("Asking http://127.0.0.1")), "something was told: {told:?}");
    assert!(told.iter().all(|text| !text.contains("hunter2")), "{told:?}");
}

#[test]
fn what_is_no_address_is_refused_before_anybody_is_asked() {
    for odd in ["mirror.example", "ftp://mirror.example", "https://", "https://mirror.example:99999", "/x"] {
        let mut bench = bench(b"weights");
        bench.options.endpoint = Endpoint::new(odd);
        let refusal = bench.refusal("org/model");
        assert!(refusal.contains("HF_ENDPOINT"), "{odd}: {refusal}");
        assert!(bench.notes.is_empty(), "nobody is asked: {:?}", bench.notes);
    }
}
