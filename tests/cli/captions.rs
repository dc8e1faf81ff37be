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
    for expected in [
        "1 record was left out: line 3: expected `caption`, found a record without it",
        "1 of 3 captions is about an image without annotations and takes part in no figure",
        "1 category is not among CHAIR's 80",
    ] {
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
    let panoptic = r#"{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 18, "name": "dog"}],
        "annotations": [{"image_id": 1, "segments_info": [{"id": 1, "category_id": 18}]}, {"image_id": 1, "segments_info": []}]}"#;
    let foreign = r#"{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "lynx"}, {"id": 2, "name": "elk"}],
        "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 1, "category_id": 2}]}"#;
    let [good, elsewhere, empty, no_caption, instances, nothing, panoptic, foreign] = written(
        folder.path(),
        [
            ("c.json", r#"[{"image_id": 1, "caption": "a dog"}]"#),
            ("w.json", r#"[{"image_id": 99, "caption": "a dog"}]"#),
            ("e.json", ""),
            ("n.json", "[{}, 5]"),
            ("i.json", INSTANCES),
            ("z.json", r#"{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}"#),
            ("p.json", panoptic),
            ("f.json", foreign),
        ],
    );
    let missing = path(folder.path(), "nowhere.json");
    let chair = |captions: &str, annotations: &str| {
        ["chair", "--captions", captions, "--annotations", annotations].map(str::to_owned)
    };
    for (args, file, expected) in [
        (chair(&missing, &instances), "nowhere.json: no such file", "Cannot open "),
        (chair(&empty, &instances), "e.json", "found an empty file"),
        (chair(&no_caption, &instances), "n.json", "None of 2 captions is usable: caption 0: expected `caption`"),
        (chair(&good, &missing), "nowhere.json: no such file", "Cannot open "),
        (chair(&good, &good), "c.json", "instances"),
        (chair(&good, &nothing), "z.json", "Expected at least one annotation, found an empty list `annotations`"),
        (chair(&elsewhere, &instances), "i.json", "The only caption is about an image without annotations"),
        (chair(&good, &panoptic), "p.json", "None of 2 annotations is usable: annotation 0: expected `category_id`"),
        (chair(&good, &foreign), "f.json", "None of 2 categories is among CHAIR's 80"),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let sentence = one_sentence(&args, 1);
        assert!(sentence.contains(expected) && sentence.trim_end().ends_with(file), "{sentence}");
    }
    refused(&["chair", "--captions", &good], 2);
    let sentence = one_sentence(&["chair", "--captions", &good, "--annotations", &instances, "--lemmatiser", "x"], 2);
    assert!(sentence.contains("vocabulary, wordnet, pattern"), "what there is: {sentence}");
}

#[test]
fn captions_that_name_files_are_about_the_images_of_those_files() {
    let folder = folder();
    let instances = r#"{"images": [{"id": 3, "file_name": "val/frame_12.png"}, {"id": 12, "file_name": "frame_40.png"},
            {"id": 21, "file_name": "train/frame_7.png"}, {"id": 22, "file_name": "val/frame_7.png"}],
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [{"image_id": 3, "category_id": 1}, {"image_id": 12, "category_id": 2},
            {"image_id": 21, "category_id": 1}, {"image_id": 22, "category_id": 2}]}"#;
    let captions = r#"[{"image": "frame_12.png", "text": "a dog"}, {"image": "frame_40.png", "text": "a cat"},
        {"image": "COCO_val2014_000000000012.jpg", "text": "a cat"}, {"image": "x3.png", "text": "a dog"},
        {"image": "val/frame_7.png", "text": "a cat"}]"#;
    let [captions, instances] = written(folder.path(), [("c.json", captions), ("i.json", instances)]);
    let output = gazelens(&["chair", "--captions", &captions, "--annotations", &instances, "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let ids: Vec<_> = (0..5).map(|idx| json["captions"][idx]["image_id"].as_u64()).collect();
    assert_eq!(ids, [3, 12, 12, 3, 22].map(Some), "by the annotations' names, else by the number: {json}");
    assert_eq!(json["CHAIRs"], 0.0, "everything is there: {json}");
    let said = stderr(&output);
    assert!(said.contains("1 caption names a photo that the annotations do not list (such as x3.png)"), "{said}");
}

#[test]
fn an_image_whose_objects_were_all_left_out_takes_part_in_no_figure() {
    let folder = folder();
    let instances = r#"{"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}], "categories": [{"id": 1, "name": "dog"}],
        "annotations": [{"image_id": 1, "category_id": 1}, {"image_id": 2, "category_id": NaN}]}"#;
    let captions = r#"[{"image_id": 1, "caption": "a dog"}, {"image_id": 2, "caption": "a dog"}]"#;
    let [captions, instances] = written(folder.path(), [("c.json", captions), ("i.json", instances)]);
    let output = gazelens(&["chair", "--captions", &captions, "--annotations", &instances]);
    let (text, said) = (stdout(&output), stderr(&output));
    assert!(text.contains("CHAIRs 0.0 %") && text.contains("1 caption, 1 without ground truth"), "{text}");
    let left_out = "1 record was left out: annotation 1: expected `category_id` as a whole number from 0, found `NaN`";
    assert!(said.contains(left_out), "{said}");
}
