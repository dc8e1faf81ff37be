//! CHAIR from the command line.

use super::*;

/// Writes these files and gives their paths.
fn written<const N: usize>(folder: &Path, files: [(&str, &str); N]) -> [String; N] {
    files.map(|(name, text)| {
        std::fs::write(folder.join(name), text).expect("a writable folder");
        path(folder, name)
    })
}

#[test]
fn captions_are_scored_by_the_objects_they_name() {
    let folder = folder();
    let captions = "{\"image_id\": 1, \"caption\": \"Ein \u{c4}: a dog, two cats on a sofa\"}\n\
        {\"image_id\": 2, \"caption\": \"A kite.\"}\n{\"image\": 7}\n{\"image_id\": 9, \"caption\": \"A zebra.\"}\n";
    let reference = r#"{"annotations": [{"id": 1, "image_id": 2, "caption": "Somebody flies a kite."}]}"#;
    let [captions, instances, reference] =
        written(folder.path(), [("c.jsonl", captions), ("i.json", INSTANCES), ("r.json", reference)]);
    let base = ["chair", "--captions", &captions, "--annotations", &instances];
    let output = gazelens(&[&base[..], &["--json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(json["CHAIRs"], 1.0, "both captions name what is not annotated: {json}");
    assert_eq!(json["CHAIRi"], 0.5, "the cats and the kite of four");
    assert_eq!(json["recall"], 1.0, "dog and couch are named");
    assert_eq!((&json["num_captions"], &json["num_captions_without_ground_truth"]), (&2.into(), &1.into()), "image 9");
    let cats = &json["captions"][0]["mentions"][1];
    assert_eq!(
        (&cats["text"], &cats["category"], &cats["status"]),
        (&"cats".into(), &"cat".into(), &"hallucinated".into()),
        ""
    );
    assert_eq!(cats["bytes"][0].as_u64(), Some(19), "bytes");
    assert_eq!(cats["characters"][0].as_u64(), Some(18), "characters");
    assert_eq!(json["captions"][2]["mentions"][0]["status"], "unknown", "nobody annotated image 9");
    let said = stderr(&output);
    for expected in
        ["Record 2: Expected caption", "1 of 3 captions are about images without", "1 categories are not among"]
    {
        assert!(said.contains(expected), "{expected} in {said}");
    }

    let both = gazelens(&[&base[..], &["--reference-captions", &reference]].concat());
    let text = stdout(&both);
    assert!(text.contains("CHAIRs 50.0 %  CHAIRi 25.0 %"), "the kite is there: {text}{}", stderr(&both));
    assert!(text.contains("ground truth: instances and reference captions"), "what it was made from: {text}");
    assert!(text.contains("hallucinated: cat  grounded: dog, sofa (couch)"), "word by word: {text}");
}

#[test]
fn captions_that_cannot_be_scored_are_one_sentence() {
    let folder = folder();
    let [good, empty, no_caption, instances] = written(
        folder.path(),
        [
            ("c.json", r#"[{"image_id": 1, "caption": "a dog"}]"#),
            ("e.json", ""),
            ("n.json", "[{}, 5]"),
            ("i.json", INSTANCES),
        ],
    );
    let missing = path(folder.path(), "nowhere.json");
    let chair = |captions: &str, annotations: &str| {
        ["chair", "--captions", captions, "--annotations", annotations].map(str::to_owned)
    };
    for (args, file, expected) in [
        (chair(&missing, &instances), "nowhere.json", "captions file that can be read"),
        (chair(&empty, &instances), "e.json", "found nothing"),
        (chair(&no_caption, &instances), "n.json", "in 2 records (Record 0: Expected caption"),
        (chair(&good, &missing), "nowhere.json", "instances"),
        (chair(&good, &good), "c.json", "instances"),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let sentence = one_sentence(&args, 1);
        assert!(sentence.contains(expected) && sentence.trim_end().ends_with(file), "{sentence}");
    }
    refused(&["chair", "--captions", &good], 2);
    let sentence = one_sentence(&["chair", "--captions", &good, "--annotations", &instances, "--lemmatiser", "x"], 2);
    assert!(sentence.contains("vocabulary, wordnet, pattern"), "what there is: {sentence}");
}
