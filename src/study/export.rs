//! Answers of one setting in the forms that other programs read.
//!
//! **Source**: LLaVA, `llava/eval/model_vqa_loader.py`; CHAIR's captions as OPERA writes them; lmms-eval 0.6,
//! `loggers/evaluation_tracker.py`; AMBER, `inference.py`.

use super::row::AnswerRow;
use crate::analysis::pope::{Said, scorer};
use serde_json::{Value, json};

/// Who is to read the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// LLaVA's evaluation, and that of VCD and its descendants: JSON lines.
    Llava,
    /// CHAIR: JSON lines with COCO's number of the photo and the caption.
    Chair,
    /// lmms-eval: a sample a line.
    LmmsEval,
    /// AMBER: one array.
    Amber,
}

impl ExportFormat {
    /// Ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Llava | Self::Chair | Self::LmmsEval => "jsonl",
            Self::Amber => "json",
        }
    }
}

/// A written file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exported {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Answers in it.
    pub num_answers: usize,
    /// Rows that are not in it: those without an answer, and those without what the form needs.
    pub num_left_out: usize,
}

/// Writes the answers of rows, in their order.
pub fn export(rows: &[&AnswerRow], format: ExportFormat, model: &str) -> Exported {
    let records = rows.iter().filter_map(|row| {
        let answer = row.answer.as_deref()?;
        match format {
            ExportFormat::Llava => Some(llava(row, answer, model)),
            ExportFormat::Chair => Some(json!({"image_id": row.image_id?, "caption": answer})),
            ExportFormat::LmmsEval => Some(lmms_eval(row, answer)),
            ExportFormat::Amber => Some(json!({"id": whole(&row.question_id)?, "response": amber(row, answer)})),
        }
    });
    let records: Vec<Value> = records.collect();
    let text = if format == ExportFormat::Amber {
        format!("{:#}\n", Value::Array(records.clone()))
    } else {
        records.iter().fold(String::new(), |text, record| text + &record.to_string() + "\n")
    };
    Exported { bytes: text.into_bytes(), num_answers: records.len(), num_left_out: rows.len() - records.len() }
}

/// The question's name, or its place where it has none.
fn id(row: &AnswerRow) -> Value {
    if row.question_id.is_null() { Value::from(row.item) } else { row.question_id.clone() }
}

/// A whole number, also one in quotes.
fn whole(id: &Value) -> Option<u64> {
    id.as_u64().or_else(|| id.as_str()?.trim().parse().ok())
}

fn llava(row: &AnswerRow, answer: &str, model: &str) -> Value {
    json!({
        "question_id": id(row),
        "prompt": row.prompt,
        "text": answer,
        "answer_id": row.key,
        "model_id": model,
        "image": row.photo,
        "metadata": {"setting": row.setting, "seed": row.seed},
    })
}

fn lmms_eval(row: &AnswerRow, answer: &str) -> Value {
    let target = row.label.as_deref().or(row.expected.as_deref()).unwrap_or_default();
    let mut sample = json!({
        "doc_id": row.item,
        "input": row.prompt,
        "target": target,
        "resps": answer,
        "filtered_resps": answer,
        "question_id": id(row),
        "image": row.photo,
    });
    if let (Some(label), Some(sample)) = (&row.label, sample.as_object_mut()) {
        // As its task `pope` scores: the answer itself, without anything around it.
        let prediction = answer.trim().to_lowercase();
        let score = f64::from(u8::from(prediction == *label));
        sample.insert(
            "pope_accuracy".to_owned(),
            json!({"question_id": id(row), "score": score, "prediction": prediction, "ground_truth": label}),
        );
    }
    sample
}

/// Exactly `Yes` or `No` where the first word says so: AMBER takes everything else for wrong.
fn amber(row: &AnswerRow, answer: &str) -> String {
    let said = row.label.as_ref().and_then(|_| scorer("s0")).map(|scorer| scorer.said(answer));
    match said {
        Some(Said::Yes) => "Yes".to_owned(),
        Some(Said::No) => "No".to_owned(),
        _ => answer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> AnswerRow {
        AnswerRow {
            key: "k".to_owned(),
            item: 3,
            setting: "greedy".to_owned(),
            seed: 42,
            photo: "a.jpg".to_owned(),
            image_id: Some(42),
            question_id: Value::from("7"),
            prompt: "Is there a dog in the image?".to_owned(),
            label: Some("no".to_owned()),
            answer: Some("No, there is none.".to_owned()),
            ..AnswerRow::default()
        }
    }

    fn written(format: ExportFormat, rows: &[&AnswerRow]) -> (Value, usize) {
        let found = export(rows, format, "m");
        let first = String::from_utf8(found.bytes).expect("text");
        let first = if format == ExportFormat::Amber { &first } else { first.lines().next().expect("a line") };
        (serde_json::from_str(first).expect("JSON"), found.num_left_out)
    }

    #[test]
    fn each_program_gets_its_form() {
        let (mut answered, failed) = (row(), AnswerRow { answer: None, error: Some("x".to_owned()), ..row() });
        let (llava, left) = written(ExportFormat::Llava, &[&answered, &failed]);
        assert_eq!(left, 1, "a row without an answer");
        let expected = json!({
            "question_id": "7", "prompt": "Is there a dog in the image?", "text": "No, there is none.",
            "answer_id": "k", "model_id": "m", "image": "a.jpg", "metadata": {"setting": "greedy", "seed": 42},
        });
        assert_eq!(llava, expected, "LLaVA's");
        let (chair, _) = written(ExportFormat::Chair, &[&answered]);
        assert_eq!(chair, json!({"image_id": 42, "caption": "No, there is none."}), "CHAIR's");
        let (amber, _) = written(ExportFormat::Amber, &[&answered]);
        assert_eq!(amber, json!([{"id": 7, "response": "No"}]), "AMBER's, one word");
        let (sample, _) = written(ExportFormat::LmmsEval, &[&answered]);
        assert_eq!((&sample["doc_id"], &sample["target"]), (&json!(3), &json!("no")), "lmms-eval's");
        assert_eq!(sample["pope_accuracy"]["score"], json!(0.0), "its task takes the word alone: {sample}");
        answered.image_id = None;
        assert_eq!(export(&[&answered], ExportFormat::Chair, "m").num_left_out, 1, "CHAIR needs the number");
    }
}
