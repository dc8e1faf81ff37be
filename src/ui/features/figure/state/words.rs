//! Words of panels by what they are, so that a figure fits other answers.

use crate::analysis::chair::Objects;
use crate::figure::meaning::{annotated_objects, described, described_mark, object_words, places, word_at};
use crate::figure::recipe::selections;
use crate::figure::recipe::{Show, Tokens};
use crate::trace::Trace;
use crate::ui::core::command::WordsBy;
use crate::ui::features::figure::state::wanted::Wanted;
use crate::ui::features::figure::state::{FigureWish, names};
use crate::ui::features::{AppState, Effect};
use std::collections::BTreeSet;

impl AppState {
    /// What the open annotations alone say is in the photo: a recipe names no captions.
    fn annotated(&self) -> Option<Objects> {
        let image_id = self.truth.image.as_ref()?.image_id;
        annotated_objects(self.browse.dataset.as_ref()?.instances()?, image_id)
    }

    /// A panel that is about to be added, its words by what they are.
    pub(super) fn by_meaning(&self, wanted: Result<Wanted, String>) -> Result<Wanted, String> {
        let mut wanted = wanted?;
        let Some(mut show) = wanted.show.take() else { return Ok(wanted) };
        let objects = self.annotated();
        let mut judging = Wanted { files: wanted.files.clone(), ..Wanted::default() };
        let name = objects.as_ref().and_then(|_| self.figure_annotations(&mut judging).ok());
        let judged = name.as_deref().zip(objects.as_ref());
        let runs = wanted.runs.clone();
        let trace = |of: &str| {
            let named = runs.iter().find(|(name, _)| name == of).and_then(|(_, id)| self.runs.get(*id));
            named.or_else(|| self.figure_run(of)).and_then(|run| run.trace.as_ref())
        };
        for (of, tokens) in selections(&mut show) {
            if let Some(meant) = trace(of).and_then(|trace| described(trace, tokens, judged)) {
                *tokens = meant;
            }
        }
        if let Show::Answer { of, marks, .. } = &mut show {
            for mark in marks {
                let meant = trace(of).and_then(|trace| {
                    described(trace, &mark.tokens, judged).or_else(|| described_mark(trace, &mark.tokens, judged))
                });
                mark.tokens = meant.unwrap_or_else(|| mark.tokens.clone());
            }
        }
        let mut used = BTreeSet::new();
        names(&show, &mut used);
        if name.is_some_and(|name| used.contains(&name)) {
            wanted.annotations = judging.annotations.or(wanted.annotations);
            wanted.files = judging.files;
        }
        wanted.show = Some(show);
        Ok(wanted)
    }

    /// The selections of a panel as they would be by `by`; none where that cannot be.
    fn words_by(&self, show: &Show, by: WordsBy, annotations: Option<&str>) -> Option<Show> {
        let objects = self.annotated();
        let mut show = show.clone();
        let all = selections(&mut show);
        if all.is_empty() {
            return None;
        }
        for (of, tokens) in all {
            let trace = self.figure_run(of)?.trace.as_ref()?;
            *tokens = one_by(trace, tokens, by, (objects.as_ref(), annotations))?;
        }
        Some(show)
    }

    /// By what the words of a panel can be known, the present one included.
    pub fn figure_words(&self, show: &Show) -> Vec<WordsBy> {
        let now = selections(&mut show.clone()).first().and_then(|(_, tokens)| WordsBy::of(tokens));
        let nr = if let Some(WordsBy::ObjectWord(nr) | WordsBy::ThisWord(nr)) = now { nr } else { 1 };
        let all = [
            WordsBy::WholeAnswer,
            WordsBy::ObjectWord(if matches!(now, Some(WordsBy::ObjectWord(_))) { nr } else { 1 }),
            WordsBy::FirstHallucinated,
            WordsBy::ThisWord(if matches!(now, Some(WordsBy::ThisWord(_))) { nr } else { 1 }),
            WordsBy::Number,
        ];
        let can = |by: &WordsBy| Some(*by) == now || self.words_by(show, *by, Some("")).is_some();
        all.into_iter().filter(can).collect()
    }

    pub(super) fn choose_words(&mut self, idx: usize, by: WordsBy) -> Vec<Effect> {
        let Some(panel) = self.figure.recipe().panels.get(idx).cloned() else { return Vec::new() };
        let mut judging = Wanted::default();
        let name = if by == WordsBy::FirstHallucinated { self.figure_annotations(&mut judging).ok() } else { None };
        let Some(show) = self.words_by(&panel.show, by, name.as_deref()) else {
            self.figure.tell_problem("This panel's words cannot be known in that way".to_owned());
            return Vec::new();
        };
        let figure = &mut self.figure;
        if !judging.files.is_empty() && figure.work.is_some() {
            return Vec::new(); // the panel shows what is being done
        }
        figure.change(|recipe| recipe.inputs.annotations.extend(judging.annotations));
        figure.change_panel(idx, |panel| panel.show = show);
        if judging.files.is_empty() {
            figure.prune();
            return Vec::new();
        }
        figure.hash(FigureWish { files: judging.files, panel: None })
    }
}

fn one_by(
    trace: &Trace,
    tokens: &Tokens,
    by: WordsBy,
    (objects, annotations): (Option<&Objects>, Option<&str>),
) -> Option<Tokens> {
    let same = Tokens { together: tokens.together, ..Tokens::default() };
    let here = || places(trace, tokens, objects).filter(|here| !here.is_empty());
    Some(match by {
        WordsBy::WholeAnswer => same,
        WordsBy::Number if tokens.prompt.is_empty() => Tokens { output: here()?, ..same },
        WordsBy::Number => tokens.clone(),
        WordsBy::ObjectWord(nr) => {
            // The one that it is, unless another is asked for.
            let all = object_words(trace);
            let own = here().and_then(|here| all.iter().position(|word| word.tokens == here));
            let nr = if tokens.object_word.is_some() { nr } else { own.map_or(nr, |own| own + 1) };
            all.get(nr.checked_sub(1)?)?;
            Tokens { object_word: Some(nr), ..same }
        }
        WordsBy::FirstHallucinated => {
            objects?;
            Tokens { first_hallucinated: Some(annotations?.to_owned()), ..same }
        }
        WordsBy::ThisWord(nr) => {
            if let Some(word) = &tokens.word {
                return Some(Tokens { word: Some(word.clone()), occurrence: (nr > 1).then_some(nr), ..same });
            }
            let (word, nr) = word_at(trace, &here()?)?;
            Tokens { word: Some(word), occurrence: (nr > 1).then_some(nr), ..same }
        }
    })
}
