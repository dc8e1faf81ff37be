use super::server::{COMMIT, FakeHub, Repo, git_sha1, sha256};
use super::{Bench, names, weights};
use gazelens::hub::{HubId, Token, cached_models};
use std::fs;
use std::path::Path;

fn model(large: &[u8]) -> Repo {
    Repo::new(&[
        ("config.json", br#"{"model_type": "clip"}"#),
        ("tokenizer.json", b"{}"),
        ("chat_template.jinja", b"{{ messages }}"),
        ("README.md", b"# A model"),
        ("model.safetensors", large),
        ("pytorch_model.bin", b"pickled"),
    ])
}

#[test]
fn a_model_lands_in_the_cache_as_python_lays_it_out() {
    let large = weights(300_000);
    let mut bench = Bench::new(FakeHub::with("org/model", model(&large)));
    let folder = bench.fetch("org/model").expect("fetched");
    let repo = bench.options.cache.join("models--org--model");
    assert_eq!(folder, repo.join("snapshots").join(COMMIT), "the commit's snapshot");
    let expected = ["chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json"];
    assert_eq!(names(&folder), expected, "what is needed and no pickle");
    assert_eq!(fs::read(folder.join("model.safetensors")).expect("read"), large, "every byte");
    assert_eq!(fs::read_to_string(repo.join("refs/main")).expect("read"), COMMIT, "the branch");
    assert_eq!(fs::read(repo.join("blobs").join(sha256(&large))).expect("read"), large, "named by its SHA-256");
    assert!(repo.join("blobs").join(git_sha1(b"{}")).is_file(), "a small one by git's name");
    if cfg!(unix) {
        let link = fs::read_link(folder.join("config.json")).expect("a link");
        assert!(link.starts_with("../../blobs"), "a relative one: {}", link.display());
    }
    let last = bench.progress.last().expect("progress");
    assert_eq!((last.1, last.2), (last.2, 300_038), "all bytes of the four files were told: {last:?}");
    assert!(bench.progress.iter().any(|told| told.0 == "model.safetensors" && told.1 < told.2), "on the way too");

    bench.hub.state().asked.clear();
    assert_eq!(bench.fetch("org/model").ok(), Some(folder), "again");
    assert_eq!(bench.hub.state().asked.len(), 1, "only the list is asked for: {:?}", bench.hub.state().asked);
    let cached = cached_models(&bench.options.cache);
    assert_eq!(
        cached.first().map(|model| (model.id.to_string(), model.weight_bytes)),
        Some(("org/model".to_owned(), 300_000)),
        "found again"
    );
}

#[test]
fn shards_are_those_of_the_index() {
    let index = br#"{"weight_map": {"x": "model-1-of-2.safetensors", "y": "model-2-of-2.safetensors"}}"#;
    let repo = Repo::new(&[
        ("config.json", b"{}"),
        ("model.safetensors.index.json", index),
        ("model-1-of-2.safetensors", b"one"),
        ("model-2-of-2.safetensors", b"two"),
        ("other.safetensors", b"another layout"),
    ]);
    let mut bench = Bench::new(FakeHub::with("org/model", repo));
    let folder = bench.fetch("org/model").expect("fetched");
    let expected =
        ["config.json", "model-1-of-2.safetensors", "model-2-of-2.safetensors", "model.safetensors.index.json"];
    assert_eq!(names(&folder), expected, "the shards of the index");
    let mut lacking = Repo::new(&[("config.json", b"{}"), ("model.safetensors.index.json", index)]);
    lacking.files.insert("model-1-of-2.safetensors".to_owned(), (b"one".to_vec(), true));
    bench.hub.state().repos.insert("org/lacking".to_owned(), lacking);
    let refusal = bench.refusal("org/lacking");
    assert!(refusal.contains("every shard of its index") && refusal.contains("no model-2-of-2"), "{refusal}");
}

#[test]
fn a_mirror_that_lists_only_names_is_asked_for_each_file() {
    let mut repo = model(b"weights");
    repo.lists_blobs = false;
    let mut bench = Bench::new(FakeHub::with("org/model", repo));
    let folder = bench.fetch("org/model").expect("fetched");
    assert_eq!(fs::read(folder.join("model.safetensors")).expect("read"), b"weights", "the content");
    let heads = bench.hub.state().asked.iter().filter(|asked| asked.method == "HEAD").count();
    assert_eq!(heads, 4, "one question a file");
    assert!(bench.blobs().join(sha256(b"weights")).is_file(), "named by the header's checksum");
}

#[test]
fn a_mirror_that_gives_all_files_one_name_is_not_believed() {
    let mut repo = model(b"weights");
    (repo.lists_blobs, repo.etag) = (false, Some("of-the-day"));
    let mut bench = Bench::new(FakeHub::with("org/model", repo));
    let folder = bench.fetch("org/model").expect("fetched");
    for (file, content) in
        [("model.safetensors", "weights"), ("tokenizer.json", "{}"), ("config.json", r#"{"model_type": "clip"}"#)]
    {
        assert_eq!(fs::read_to_string(folder.join(file)).expect("read"), content, "{file} has its own content");
    }
}

#[test]
fn the_token_goes_to_the_hub_and_to_nobody_else() {
    let mut bench = Bench::new(FakeHub::with("org/model", model(b"weights")));
    let port = bench.hub.address.port();
    bench.hub.state().cdn = format!("http://localhost:{port}");
    bench.options.token = Token::new("hf_secret");
    bench.fetch("org/model").expect("fetched");
    let asked = bench.hub.state().asked.clone();
    let (cdn, hub): (Vec<_>, Vec<_>) = asked.iter().partition(|asked| asked.path.starts_with("/cdn/"));
    assert!(!cdn.is_empty() && cdn.iter().all(|asked| !asked.headers.contains_key("authorization")), "{cdn:?}");
    let knows = |asked: &&super::server::Asked| {
        asked.headers.get("authorization").is_some_and(|value| value == "Bearer hf_secret")
    };
    assert!(hub.iter().all(knows), "{hub:?}");
}

#[test]
fn a_renamed_model_is_found_under_its_old_name() {
    let mut old = model(b"weights");
    old.renamed_to = Some("org/new".to_owned());
    old.lists_blobs = false;
    let mut new = model(b"weights");
    new.lists_blobs = false;
    let mut bench = Bench::new(FakeHub::with("org/model", old));
    bench.hub.state().repos.insert("org/new".to_owned(), new);
    let folder = bench.fetch("org/model").expect("fetched");
    assert_eq!(fs::read(folder.join("model.safetensors")).expect("read"), b"weights", "the content");
}

#[test]
fn a_revision_is_fetched_beside_main_and_a_commit_is_never_asked_for_again() {
    let mut bench = Bench::new(FakeHub::with("org/model", model(b"main")));
    let mut other = model(b"tagged");
    other.commit = "f".repeat(40);
    bench.hub.state().repos.insert("org/model@v1.0".to_owned(), other);
    let main = bench.fetch("org/model").expect("fetched");
    let tagged = bench.fetch("org/model@v1.0").expect("fetched");
    assert_ne!(main, tagged, "two snapshots");
    assert_eq!(fs::read(tagged.join("model.safetensors")).expect("read"), b"tagged", "its content");
    bench.hub.state().asked.clear();
    assert_eq!(bench.fetch(&format!("org/model@{}", "f".repeat(40))).ok(), Some(tagged), "by its commit");
    assert!(bench.hub.state().asked.is_empty(), "a commit never changes");
    let refusal = bench.refusal("org/model@v9");
    assert!(refusal.contains("Cannot find v9 of org/model"), "{refusal}");
}

#[test]
fn the_hubs_own_conversion_stands_in_for_pickles() {
    let mut pickled = Repo::new(&[("config.json", b"{}"), ("pytorch_model.bin", b"pickled")]);
    pickled.discussions = serde_json::json!({"count": 1, "discussions": [{
        "num": 12, "title": "Adding `safetensors` variant of this model", "isPullRequest": true, "status": "open",
        "author": {"name": "SFconvertbot"},
    }]})
    .to_string();
    let mut converted = model(b"weights");
    converted.commit = "e".repeat(40);
    let mut bench = Bench::new(FakeHub::with("org/model", pickled));
    bench.hub.state().repos.insert("org/model@refs/pr/12".to_owned(), converted);
    let folder = bench.fetch("org/model").expect("fetched");
    assert!(bench.notes.iter().any(|note| note.contains("conversion refs/pr/12")), "said: {:?}", bench.notes);
    assert!(!folder.join("pytorch_model.bin").exists(), "no pickle");
    bench.options.offline = true;
    assert_eq!(bench.fetch("org/model").ok(), Some(folder), "found again without the hub");
}

#[test]
fn a_new_commit_replaces_the_old_one_and_shares_its_files() {
    let mut bench = Bench::new(FakeHub::with("org/model", model(b"weights")));
    let old = bench.fetch("org/model").expect("fetched");
    let mut newer = model(b"weights");
    newer.commit = "d".repeat(40);
    newer.files.insert("tokenizer.json".to_owned(), (b"{\"new\": 1}".to_vec(), false));
    bench.hub.state().repos.insert("org/model".to_owned(), newer);
    bench.hub.state().asked.clear();
    let new = bench.fetch("org/model").expect("fetched");
    assert_ne!(old, new, "another snapshot");
    assert!(bench.hub.asked("model.safetensors").is_empty(), "the same weights are not fetched twice");
    assert_eq!(fs::read(new.join("tokenizer.json")).expect("read"), b"{\"new\": 1}", "the new file");
    let id: HubId = "org/model".parse().expect("an id");
    let cached = cached_models(Path::new(&bench.options.cache));
    assert_eq!(cached.iter().map(|model| (&model.id, &model.folder)).collect::<Vec<_>>(), [(&id, &new)], "the new one");
    assert!(bench.dir.path().is_dir(), "the cache lives as long as the test");
}
