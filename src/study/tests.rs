//! Files of strangers: whatever is in them, a sentence comes out and nothing panics.

use super::benchmarks::{amber, mmvp};
use super::file::Study;
use super::merge::merge;
use super::mmvp_vlm::MmvpVlm;
use super::report::{ReportOptions, report};
use super::setting::Setting;
use super::store::{RowFile, RunHeader};
use super::templates::TEMPLATES;
use proptest::prelude::*;
use std::path::Path;

/// Bytes that look like the files that are read: pieces of real ones among noise.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just("[{\"id\": 1, \"image\": \"a.jpg\", \"query\": \"Is it?\", \"truth\": \"yes\"}]".to_owned()),
        Just("{\"key\": \"k\", \"item\": 3, \"setting\": \"s\", \"words\": [{}]}\n".to_owned()),
        Just("{\"key\": 1}\n".to_owned()),
        Just("Index,Question,Options,Correct Answer\n1,a,\"(a) b\",(a)\n".to_owned()),
        Just("[[settings]]\nname = \"x\"\nmethods = [\"vcd:alpha=1\"]\n".to_owned()),
        Just("name = \"x\"\ntemplate = \"pope\"\n[data]\nimages = \"demo\"\n".to_owned()),
        "\\PC{0,40}",
    ];
    proptest::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat().into_bytes())
}

fn written(bytes: &[u8], name: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("can be written");
    (folder, path)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_study_of_a_stranger_is_read_or_refused(cut in 0_usize..4000, noise in bytes()) {
        let text: String = TEMPLATES.iter().map(|template| template.toml).collect();
        let start: String = text.chars().take(cut).collect();
        let noise = String::from_utf8_lossy(&noise).into_owned();
        for text in [start.clone() + &noise, noise, start] {
            if let Ok(study) = Study::read(&text, Path::new("s.toml")) {
                drop(Setting::all(&study, Path::new("s.toml")));
            }
        }
    }

    #[test]
    fn rows_and_questions_of_a_stranger_are_read_or_refused(noise in bytes()) {
        let (_folder, path) = written(&noise, "rows-0-of-1.jsonl");
        let mut rows = RowFile::open(&path).expect("a file");
        while let Ok(Some(_)) = rows.next_row() {}
        drop(amber(&path, Some(&path)));
        drop(mmvp(&path));
        let (folder, _path) = written(&noise, "Questions.csv");
        std::fs::create_dir(folder.path().join("MMVP_VLM_Images")).expect("a folder");
        drop(MmvpVlm::open(folder.path()));
        let (folder, _path) = written(&noise, "run.json");
        drop(RunHeader::open(folder.path()));
    }

    #[test]
    fn a_run_of_a_stranger_makes_tables_or_a_sentence(
        rows in proptest::collection::vec(
            (0_usize..5, 0_usize..3, any::<Option<f64>>(), "[a-z(]{0,4}", any::<bool>()),
            0..30,
        ),
        template in 0_usize..8,
    ) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let template = TEMPLATES.get(template).expect("eight");
        let study = Study::read(template.toml, Path::new(template.id)).expect("a study");
        let header = serde_json::json!({
            "format": "gazelens-study-run", "version": 1, "study": study, "model": "m", "weight_hash": "w",
            "dtype": "f32", "data_hash": "d", "num_items": 5, "num_settings": 3, "program": "p",
        });
        std::fs::write(folder.path().join("run.json"), header.to_string()).expect("can be written");
        let line = |(item, setting, number, answer, is_yes): &(usize, usize, Option<f64>, String, bool)| {
            let value = number.filter(|number| number.is_finite());
            serde_json::json!({
                "key": format!("{item}-{setting}"), "item": item, "setting_number": setting, "photo": answer,
                "setting": setting.to_string(), "label": if *is_yes { "yes" } else { "no" }, "answer": answer,
                "hallucinated": is_yes, "pair": item, "expected": "(a)", "objects": [2, 1], "num_words": item,
                "pre_output": "yes", "signals": {"iou": value, "h_mean": [1.0, value]},
                "words": [{"status": "grounded", "signals": {"head_image_share": [0.5, 0.25]}},
                    {"status": "hallucinated", "signals": {"head_image_share": [0.5]}}],
            }).to_string() + "\n"
        };
        let text: String = rows.iter().map(line).collect();
        std::fs::write(folder.path().join("rows-0-of-1.jsonl"), text).expect("can be written");
        if let Ok((header, rows, _)) = merge(folder.path()) {
            for table in report(&header, &rows, &ReportOptions::default()).expect("a scorer that there is") {
                prop_assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.id);
                prop_assert!(!table.markdown().contains("NaN"), "{}", table.markdown());
            }
            let mut bytes = Vec::new();
            super::write_answers(&rows, &mut bytes).expect("a table");
            super::write_words(&rows, &mut bytes).expect("a table");
        }
    }
}
