use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn id() -> HubId {
    "a/b".parse().expect("an id")
}

fn with_files(names: &[&str]) -> Listing {
    let siblings: Vec<Value> = names.iter().map(|name| json!({ "rfilename": name })).collect();
    listing(json!({"sha": COMMIT, "siblings": siblings}).to_string().as_bytes()).expect("a list")
}

fn names(files: &[RemoteFile]) -> Vec<&str> {
    files.iter().map(|file| file.name.as_str()).collect()
}

#[test]
fn sizes_and_checksums_are_read() {
    let sha256 = "A".repeat(64);
    let text = json!({
        "sha": COMMIT,
        "siblings": [
            {"rfilename": "config.json", "size": 7, "blobId": "b".repeat(40)},
            {
                "rfilename": "model.safetensors", "size": 1, "blobId": "c".repeat(40),
                "lfs": {"sha256": sha256, "size": 9},
            },
            {"rfilename": "merges.txt"},
        ],
    });
    let list = listing(text.to_string().as_bytes()).expect("a list");
    let [config, weights, merges] = list.files.as_slice() else { panic!("three files: {list:?}") };
    assert_eq!((config.size, &config.content), (Some(7), &Some(ContentName::GitSha1("b".repeat(40)))), "git's");
    let large = Some(ContentName::Sha256("a".repeat(64)));
    assert_eq!((weights.size, &weights.content), (Some(9), &large), "the large file's, not its pointer's");
    assert_eq!((merges.size, &merges.content), (None, &None), "unknown");
}

#[test]
fn names_that_leave_their_folder_are_not_listed() {
    let list =
        with_files(&["config.json", "../evil.json", "/etc/evil.json", "a/b.json", "c:evil.json", "a\\b.json", ".x"]);
    assert_eq!(names(&list.files), ["config.json"], "the plain one");
    let bad = json!({"sha": "../../x", "siblings": []}).to_string();
    assert!(listing(bad.as_bytes()).is_err(), "a commit that is a path");
}

#[test]
fn small_files_are_those_that_a_checkpoint_reads() {
    let list = with_files(&[
        "README.md",
        "config.json",
        "tokenizer.json",
        "chat_template.jinja",
        "merges.txt",
        "tokenizer.model",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        "model.safetensors.index.json",
        "trainer_state.json",
        "flax_model.msgpack",
    ]);
    let (small, large) = small_files(&list, 1000);
    assert!(large.is_empty(), "none of an unknown size is too large: {large:?}");
    let expected = ["config.json", "tokenizer.json", "chat_template.jinja", "merges.txt", "tokenizer.model"];
    assert_eq!(names(&small), expected, "and no more");
}

#[test]
fn weights_are_taken_once_and_never_pickled() {
    let of = |names: &[&str]| weights(&id(), &with_files(names));
    let both = of(&["model.safetensors", "open_clip_model.safetensors", "pytorch_model.bin"]).expect("weights");
    let Weights::Files(files) = both else { panic!("files: {both:?}") };
    assert_eq!(names(&files), ["model.safetensors"], "a second layout of the same weights is left");
    let sharded = of(&["model-00001-of-00001.safetensors", "model.safetensors.index.json"]).expect("weights");
    assert!(matches!(sharded, Weights::Index(index) if index.name == INDEX), "the index says which");
    let refusal = of(&["config.json", "pytorch_model.bin"]).expect_err("pickles").to_string();
    assert!(refusal.contains("it has only pickled weights such as pytorch_model.bin"), "{refusal}");
    let refusal = of(&["llava-Q4_K.gguf"]).expect_err("another format").to_string();
    assert!(refusal.contains("found GGUF files such as llava-Q4_K.gguf"), "{refusal}");
    let refusal = of(&["README.md"]).expect_err("nothing").to_string();
    assert!(refusal.contains("found none at all"), "{refusal}");
}

#[test]
fn only_the_hubs_own_bot_is_believed() {
    let title = "Adding `safetensors` variant of this model";
    let one = |num: u64, name: &str, status: &str, pull: bool| {
        json!({"num": num, "title": title,
        "isPullRequest": pull, "status": status, "author": {"name": name}})
    };
    let of = |list: Vec<Value>| conversion(json!({"discussions": list, "count": 1}).to_string().as_bytes());
    let offered = of(vec![one(3, "SFconvertbot", "open", true), one(9, "mallory", "open", true)]);
    assert_eq!(offered.as_deref(), Some("refs/pr/3"), "not the stranger's");
    assert_eq!(of(vec![one(3, "SFconvertbot", "closed", true)]), None, "withdrawn");
    assert_eq!(of(vec![one(3, "SFconvertbot", "open", false)]), None, "a discussion");
}

#[test]
fn etags_are_told_apart() {
    let of = ContentName::from_etag;
    assert_eq!(of(&format!("\"{}\"", "a".repeat(64))), Some(ContentName::Sha256("a".repeat(64))), "a large file");
    assert_eq!(of(&format!("W/\"{}\"", "b".repeat(40))), Some(ContentName::GitSha1("b".repeat(40))), "a small file");
    assert_eq!(of("\"some-mirror_1\""), Some(ContentName::Other("some-mirror_1".to_owned())), "a mirror's");
    assert_eq!(of("\"../../x\""), None, "a path");
    assert_eq!(of(""), None, "nothing");
}

/// JSON of the right shape with anything in it.
fn odd_listing() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(Value::from),
        "[./\\\\a-f0-9]{0,70}".prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let file = (leaf.clone(), leaf.clone(), leaf.clone(), leaf.clone()).prop_map(|(name, size, blob, sha)| {
        json!({"rfilename": name, "size": size, "blobId": blob, "lfs": {"sha256": sha, "size": size}})
    });
    (prop_oneof![Just(Value::from(COMMIT)), leaf], prop::collection::vec(file, 0..4))
        .prop_map(|(sha, files)| json!({"sha": sha, "siblings": files}).to_string().into_bytes())
}

fn is_harmless(list: &Listing) -> bool {
    let plain = |name: &str| !name.contains(['/', '\\']) && name != ".." && !name.is_empty();
    plain(&list.commit)
        && list
            .files
            .iter()
            .all(|file| plain(&file.name) && file.content.as_ref().is_none_or(|content| plain(content.file_name())))
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(list) = listing(&bytes) {
            prop_assert!(is_harmless(&list), "{list:?}");
        }
        let _ = (conversion(&bytes), ContentName::from_etag(&String::from_utf8_lossy(&bytes)));
    }

    #[test]
    fn any_list_of_files_stays_in_the_cache(bytes in odd_listing()) {
        if let Ok(list) = listing(&bytes) {
            prop_assert!(is_harmless(&list), "{list:?}");
            let _ = (small_files(&list, 1000), weights(&id(), &list));
        }
    }
}
