//! Questions with their answers, as people read them.

use crate::analysis::pope::{Confusion, Label, Outcome, Scorer, scorers};
use crate::engine::{ImageSource, Question, RunId};
use crate::ui::core::command::PopeItem;
use crate::ui::features::AppState;
use crate::ui::features::pope::state::PopeAnswer;

/// One question.
#[derive(Debug, Clone)]
pub struct PopeRow<'a> {
    /// What is asked.
    pub item: &'a PopeItem,
    /// The same as it goes to the worker.
    pub question: Question,
    /// What the open model answered.
    pub answer: Option<&'a PopeAnswer>,
    /// The run that is answering it.
    pub running: Option<RunId>,
}

/// The questions of the image looked at.
#[derive(Debug, Clone)]
pub struct PopeTable<'a> {
    /// In their order.
    pub rows: Vec<PopeRow<'a>>,
    /// Over the answered ones, for each of [`scorers`].
    pub totals: Vec<Confusion>,
}

impl PopeRow<'_> {
    /// What the answer counts as; `None` without an answer or without a label.
    pub fn outcome(&self, scorer: &Scorer) -> Option<Outcome> {
        let answer = self.answer?.text.as_ref().ok()?;
        Some(scorer.outcome(answer, self.item.label?))
    }

    /// `right`, `wrong`, `left out`, or empty.
    pub fn verdict(&self, scorer: &Scorer) -> &'static str {
        match self.outcome(scorer).zip(self.item.label).map(|(outcome, label)| outcome.is_right(label)) {
            Some(Some(true)) => "right",
            Some(Some(false)) => "wrong",
            Some(None) => "left out",
            None => "",
        }
    }

    /// `yes` or `no`, or empty where nobody knows.
    pub fn label(&self) -> &'static str {
        match self.item.label {
            Some(Label::Yes) => "yes",
            Some(Label::No) => "no",
            None => "",
        }
    }

    /// The run that holds the trace, or will.
    pub fn run(&self) -> Option<RunId> {
        self.running.or(self.answer.map(|answer| answer.run))
    }
}

impl<'a> PopeTable<'a> {
    /// Of the image looked at, as the open model answers.
    pub fn of(state: &'a AppState) -> Self {
        let items = state.pope_items().unwrap_or_default();
        let model = state.pope_model().unwrap_or_default();
        let rows: Vec<PopeRow<'a>> = match state.current_image() {
            None => Vec::new(),
            Some(image) => items
                .iter()
                .map(|item| {
                    let question = state.pope_question(image, &item.text);
                    let answer = state.pope.answer(model, &question);
                    let running = state.pope.pending(&question);
                    PopeRow { item, question, answer, running }
                })
                .collect(),
        };
        let totals = scorers().iter().map(|scorer| {
            let judged = rows.iter().filter_map(|row| Some((row.outcome(scorer)?, row.item.label?)));
            Confusion::of(judged)
        });
        Self { totals: totals.collect(), rows }
    }

    /// How many have an answer.
    pub fn answered(&self) -> usize {
        self.rows.iter().filter(|row| row.answer.is_some_and(|answer| answer.text.is_ok())).count()
    }

    /// The table as text: a row of names, then a question a row.
    pub fn cells(&self, state: &AppState) -> Vec<Vec<String>> {
        let names = ["image", "model", "question", "kind", "label", "answer"];
        let names = names.into_iter().chain(["p_yes", "p_yes_at_least", "p_yes_at_most"]);
        let mut cells: Vec<Vec<String>> =
            vec![names.chain(scorers().iter().map(|scorer| scorer.id)).map(str::to_owned).collect()];
        let model = state.model.info.as_ref().map_or("", |info| info.id.as_str());
        for row in &self.rows {
            let answer = row.answer.and_then(|answer| answer.text.as_deref().ok()).unwrap_or_default();
            let yes = row.answer.and_then(|answer| answer.yes.as_ref());
            let digits = |value: f64| format!("{value:.6}");
            let yes = yes.map_or_else(Default::default, |yes| [yes.yes, yes.at_least, yes.at_most].map(digits));
            let asked = match &row.question.prompt {
                crate::engine::Prompt::Templated(text) | crate::engine::Prompt::Raw(text) => text,
            };
            let image = image_name(&row.question.image);
            let told = [&image, model, asked, &row.item.kind, row.label(), answer].map(str::to_owned);
            let verdicts = scorers().iter().map(|scorer| row.verdict(scorer).to_owned());
            cells.push(told.into_iter().chain::<[String; 3]>(yes).chain(verdicts).collect());
        }
        cells
    }
}

fn image_name(image: &ImageSource) -> String {
    match image {
        ImageSource::Bundled(name) => name.clone(),
        ImageSource::Path(path) => {
            path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
        }
    }
}
