//! Values of a question's methods that stand in files: read before the question goes to the worker.

use crate::engine::{Question, RunId, Spec};
use crate::files::text_named;
use crate::ui::shell::jobs::{JobDone, Jobs};

fn specs(question: &Question) -> impl Iterator<Item = &Spec> {
    std::iter::once(&question.strategy).chain(&question.interventions).chain(&question.methods)
}

/// Whether a value of a question's methods stands in a file, which it names behind an `@`.
pub(in crate::ui) fn names_files(question: &Question) -> bool {
    specs(question).flat_map(|spec| &spec.parameters).any(|(_, value)| value.starts_with('@'))
}

/// The question with what the files hold, as the command line asks it.
fn read(mut question: Question) -> Result<Question, String> {
    let Question { strategy, interventions, methods, .. } = &mut question;
    for spec in std::iter::once(strategy).chain(interventions).chain(methods) {
        for (key, value) in &mut spec.parameters {
            let named = |why: String| format!("Cannot read `{key}` of `{}` from a file: {why}", spec.name);
            if let Some(text) = text_named(value).map_err(named)? {
                *value = text;
            }
        }
    }
    Ok(question)
}

impl Jobs {
    /// Reads the values of a question that stand in files.
    pub(in crate::ui) fn read_values(&mut self, id: RunId, question: Box<Question>) {
        self.reading.insert(id);
        self.spawn("gazelens-values", move || Some(JobDone::ValuesRead(id, Box::new(read(*question)))));
    }

    /// A question is not wanted any more, should its values still be read: the worker does not know of it yet.
    pub(in crate::ui) fn stop_reading(&mut self, id: RunId) {
        self.reading.remove(&id);
    }

    /// Whether a question whose values were read is still wanted; asked once.
    pub(in crate::ui) fn takes_read(&mut self, id: RunId) -> bool {
        self.reading.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ImageSource, Prompt};

    fn question(value: &str) -> Question {
        let parameters = vec![("prompt".to_owned(), value.to_owned())];
        let strategy = Spec { name: "icd".to_owned(), parameters };
        let image = ImageSource::Bundled("a.png".to_owned());
        Question { strategy, ..Question::new(image, Prompt::Raw("q".into())) }
    }

    #[test]
    fn a_value_behind_an_at_is_what_the_file_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("prompt.txt");
        std::fs::write(&path, "Once upon <image> a time\n").expect("written");
        let asked = question(&format!("@{}", path.display()));
        assert!(names_files(&asked) && !names_files(&question("mail@me")), "only at the beginning");
        let found = read(asked.clone()).expect("it is there");
        assert_eq!(found.strategy.parameters[0].1, "Once upon <image> a time\n", "word by word");
        std::fs::write(&path, [0xff, 0xfe]).expect("written");
        let why = read(asked.clone()).expect_err("no text");
        let expected = format!("Cannot read `prompt` of `icd` from a file: it is not UTF-8 text: {}", path.display());
        assert_eq!(why, expected, "why, the file last");
        std::fs::remove_file(&path).expect("removed");
        assert!(read(asked).expect_err("gone").contains("no such file: "), "or that it is gone");
    }
}
