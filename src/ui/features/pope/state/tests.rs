//! The queue against users who do something else meanwhile.

use super::*;
use crate::analysis::pope::{Figures, Label, scorers};
use crate::engine::{Event, ModelInfo, ModelSource, Request, Timings};
use crate::figure::TableForm;
use crate::trace::Candidate;
use crate::ui::core::command::{Command, PopeCommand};
use crate::ui::features::testing::{HEADS, LAYERS, answered, info, row, token, trace};
use crate::ui::features::{Effect, Phase};

/// An answered question, and three questions about objects beside it.
fn ready() -> AppState {
    let mut state = answered();
    state.pope.questions = Some(Arc::from(["dog", "cat", "boat"].map(item)));
    state
}

fn item(object: &str) -> PopeItem {
    let label = if object == "dog" { Label::Yes } else { Label::No };
    PopeItem { text: format!("Is there a {object} in the image?"), label: Some(label), kind: String::new() }
}

fn ask_all(state: &mut AppState) -> Vec<(u64, String)> {
    let effects = state.apply(Command::Pope(PopeCommand::AskAll));
    sent(&effects)
}

/// Questions that went to the worker.
fn sent(effects: &[Effect]) -> Vec<(u64, String)> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Send(Request::Ask(id, question)) => Some((id.0, words(question))),
        _ => None,
    });
    asked.collect()
}

fn words(question: &Question) -> String {
    let (Prompt::Templated(text) | Prompt::Raw(text)) = &question.prompt;
    text.clone()
}

fn about(id: u64, object: &str) -> (u64, String) {
    (id, item(object).text)
}

/// The worker answers with one word.
fn answer(state: &mut AppState, id: u64, word: &str) -> Vec<Effect> {
    let id = RunId(id);
    let candidate = |id, text: &str, logprob| Candidate { id, text: text.to_owned(), logprob };
    let candidates = vec![candidate(1, "Yes", 0.6_f32.ln()), candidate(2, "No", 0.2_f32.ln())];
    let token = crate::trace::OutputToken { candidates, ..token(word) };
    let mut effects = state.receive(Event::Started(id, Box::new(trace())), 0.0);
    effects.extend(state.receive(Event::Token(id, Box::new(token), Some(row(0.1))), 0.1));
    effects.extend(state.receive(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() }, 0.2));
    effects
}

fn shown(state: &AppState) -> Option<u64> {
    state.current_run().map(|run| run.id.0)
}

/// Answers of the table, in its order.
fn table(state: &AppState) -> Vec<Option<String>> {
    let rows = PopeTable::of(state).rows;
    rows.iter().map(|row| row.answer.and_then(|answer| answer.text.clone().ok())).collect()
}

#[test]
fn its_runs_are_listed_together_and_never_a_reference_of_their_own_accord() {
    let mut state = ready();
    ask_all(&mut state);
    answer(&mut state, 2, "Yes");
    let listed: Vec<_> = state.history().iter().map(|entry| (entry.run.0, entry.pope)).collect();
    assert_eq!(listed, [(1, false), (2, true), (3, true)], "the answered one and the one being answered");
    let compared = state.compared().expect("answered");
    assert_eq!((compared.reference, compared.others.len()), (RunId(1), 0), "nobody asked to compare those");
}

#[test]
fn questions_go_out_one_after_another_and_the_view_stays() {
    let mut state = ready();
    state.selection.tokens.insert(crate::ui::features::TokenPos::Output(1));
    assert_eq!(ask_all(&mut state), [about(2, "dog")], "the first only");
    assert!(state.pope.is_behind(RunId(2)) && !state.pope.is_behind(RunId(1)), "behind what is shown");
    assert_eq!(sent(&answer(&mut state, 2, "Yes")), [about(3, "cat")], "the next when it is answered");
    assert_eq!(state.pope.queue().map(|queue| (queue.done, queue.total)), Some((1, 3)), "one of three");
    assert_eq!(sent(&answer(&mut state, 3, "Yes")), [about(4, "boat")], "and so on");
    assert!(answer(&mut state, 4, "No").is_empty() && state.pope.queue().is_none(), "until all are answered");
    assert_eq!((shown(&state), state.selection.tokens.len()), (Some(1), 1), "the shown answer and its held word stay");
    let question = &state.runs.get(RunId(2)).expect("a run of its own").question;
    assert_eq!((question.max_new_tokens, question.sampling), (16, Sampling::default()), "short and greedy");
    let table = PopeTable::of(&state);
    let official = scorers().iter().zip(&table.totals).find(|(scorer, _)| scorer.id == "official");
    let figures = official.map_or(Figures::default(), |(_, counts)| counts.figures());
    assert_eq!((figures.accuracy, figures.recall), (Some(2.0 / 3.0), Some(1.0)), "one absent object was seen");
    let yes = table.rows.first().and_then(|row| row.answer?.yes.clone()).expect("both words are candidates");
    assert!((yes.yes - 0.75).abs() < 1e-6, "0.6 of 0.8, is {}", yes.yes);
}

#[test]
fn asking_again_asks_what_is_missing_and_then_everything() {
    let mut state = ready();
    ask_all(&mut state);
    answer(&mut state, 2, "Yes");
    state.apply(Command::Pope(PopeCommand::Stop));
    state.receive(Event::Cancelled(RunId(3)), 1.0);
    assert_eq!(ask_all(&mut state), [about(4, "cat")], "the first without an answer");
    answer(&mut state, 4, "No");
    answer(&mut state, 5, "No");
    assert_eq!(ask_all(&mut state), [about(6, "dog")], "from the beginning");
}

#[test]
fn stopping_keeps_answers_and_forgets_what_was_begun() {
    let mut state = ready();
    ask_all(&mut state);
    answer(&mut state, 2, "Yes");
    assert_eq!(
        state.apply(Command::Pope(PopeCommand::Stop)),
        [Effect::Cancel(RunId(3))],
        "the one that runs is stopped"
    );
    assert!(state.receive(Event::Cancelled(RunId(3)), 1.0).is_empty(), "and no other is sent");
    assert!(state.runs.get(RunId(3)).is_none(), "nobody asked to see it");
    assert_eq!(state.pope.ended_early.as_deref(), Some("Stopped after 1 of 3"), "said");
    assert_eq!(table(&state), [Some("Yes".to_owned()), None, None], "what was answered stays");
    ask_all(&mut state);
    assert_eq!(state.apply(Command::Stop), [Effect::Cancel(RunId(4))], "the general stop stops it, too");
    assert!(state.pope.queue().is_none() && state.pope.ended_early.is_some(), "and the queue");
}

#[test]
fn a_question_of_the_user_goes_first_and_the_queue_goes_on_after_it() {
    let mut state = ready();
    ask_all(&mut state);
    let effects = state.apply(Command::AskThis("What?".to_owned()));
    assert_eq!(effects.first(), Some(&Effect::Cancel(RunId(2))), "the one that runs makes room");
    assert_eq!(sent(&effects), [(3, "What?".to_owned())], "for the user's");
    assert!(state.receive(Event::Cancelled(RunId(2)), 1.0).is_empty(), "the queue waits");
    assert!(state.pope.queue().is_some_and(AskAll::is_waiting), "and says so");
    assert_eq!(sent(&answer(&mut state, 3, "A dog")), [about(4, "dog")], "the interrupted one is asked again");
    assert_eq!(shown(&state), Some(3), "the user's answer stays in sight");
    answer(&mut state, 4, "Yes");
    assert_eq!(state.pope.queue().map(|queue| (queue.done, queue.total)), Some((1, 3)), "counted once");
}

#[test]
fn answers_outlive_their_runs() {
    let mut state = ready();
    state.ask.budget_mib = 0;
    ask_all(&mut state);
    for id in 2..=4 {
        answer(&mut state, id, "No");
    }
    assert!(state.runs.get(RunId(2)).is_none(), "its attention was over the budget");
    assert_eq!(shown(&state), Some(1), "what is looked at is not forgotten");
    assert_eq!(table(&state), [(); 3].map(|()| Some("No".to_owned())), "the answers are there");
    let effects = state.apply(Command::Pope(PopeCommand::Ask(item("dog"))));
    assert_eq!((sent(&effects), shown(&state)), (vec![about(5, "dog")], Some(5)), "asked again, in sight");
    answer(&mut state, 5, "Yes");
    assert_eq!(table(&state).first(), Some(&Some("Yes".to_owned())), "the newest answer counts");
}

#[test]
fn asking_goes_on_behind_another_photo() {
    let mut state = ready();
    ask_all(&mut state);
    let image = state.current_image().cloned();
    state.apply(Command::NextImage);
    assert_eq!(sent(&answer(&mut state, 2, "Yes")), [about(3, "cat")], "the queue goes on");
    let asked = state.runs.get(RunId(3)).map(|run| run.question.image.clone());
    assert!(asked == image && state.pope.asked_image() == image.as_ref(), "about the photo it was asked about");
    assert_eq!(table(&state), [None, None, None], "the other photo has no answers");
    assert_eq!(shown(&state), None, "and shows none");
    state.apply(Command::PreviousImage);
    assert_eq!(table(&state).first(), Some(&Some("Yes".to_owned())), "back at the photo they are there");
}

#[test]
fn another_model_ends_the_queue_and_has_its_own_answers() {
    let mut state = ready();
    ask_all(&mut state);
    answer(&mut state, 2, "Yes");
    state.apply(Command::OpenModel(ModelSource::Folder("/m".into())));
    let early = state.pope.ended_early.clone().unwrap_or_default();
    assert_eq!(early, "Stopped after 1 of 3: a model is being opened", "said");
    assert!(state.receive(Event::Cancelled(RunId(3)), 1.0).is_empty(), "nothing more is sent");
    let other = ModelInfo { weight_hash: "other".to_owned(), ..(*info(LAYERS, HEADS)).clone() };
    state.receive(Event::Loaded(Arc::new(other)), 1.0);
    assert_eq!(table(&state), [None, None, None], "the new model has answered nothing");
    state.receive(Event::Loaded(info(LAYERS, HEADS)), 2.0);
    assert_eq!(table(&state).first(), Some(&Some("Yes".to_owned())), "the first model's answers are kept");
}

#[test]
fn a_dead_worker_ends_the_queue() {
    let mut state = ready();
    ask_all(&mut state);
    assert!(state.receive(Event::WorkerDied("it panicked".to_owned()), 1.0).is_empty(), "nothing is sent to it");
    let early = state.pope.ended_early.clone().unwrap_or_default();
    assert_eq!(early, "Stopped after 0 of 3: the model's worker is not running", "said");
    assert_eq!(ask_all(&mut state), [], "nor later");
}

#[test]
fn a_question_that_fails_says_so_in_its_row_and_the_others_go_on() {
    let mut state = ready();
    ask_all(&mut state);
    let effects = state.receive(Event::Failed(RunId(2), "Out of memory".to_owned()), 1.0);
    assert_eq!(sent(&effects), [about(3, "cat")], "the next");
    assert_eq!(state.notices.iter().count(), 0, "no message about a question nobody looks at");
    let table = PopeTable::of(&state);
    let why = table.rows.first().and_then(|row| row.answer?.text.clone().err());
    assert_eq!(why.as_deref(), Some("Out of memory"), "in the table");
    assert_eq!(table.answered(), 0, "that is no answer");
}

#[test]
fn the_same_question_is_asked_once() {
    let mut state = ready();
    state.pope.questions = Some(Arc::from(["dog", "cat", "dog"].map(item)));
    ask_all(&mut state);
    assert_eq!(state.pope.queue().map(|queue| queue.total), Some(2), "of three two are different");
    answer(&mut state, 2, "Yes");
    answer(&mut state, 3, "No");
    assert_eq!(PopeTable::of(&state).answered(), 3, "the answer stands in both rows");
}

#[test]
fn settings_make_other_questions() {
    let mut state = ready();
    ask_all(&mut state);
    for id in 2..=4 {
        answer(&mut state, id, "Yes");
    }
    let settings = PopeSettings { suffix: 1, ..state.pope.settings };
    state.apply(Command::Pope(PopeCommand::Set(settings)));
    assert_eq!(table(&state), [None, None, None], "in other words nothing was asked yet");
    let asked = ask_all(&mut state);
    let expected = "Is there a dog in the image? Please answer this question with one word.";
    assert_eq!(asked.first().map(|(_, text)| text.as_str()), Some(expected), "the suffix follows the question");
    assert_eq!(AppState::restored(state.saved()).pope.settings, settings, "settings outlive a restart");
}

#[test]
fn an_object_word_is_confirmed_or_taken_back() {
    let mut state = ready();
    assert_eq!(state.word_said("dog"), None, "not asked yet");
    state.apply(Command::Pope(PopeCommand::AskWords(vec![item("dog"), item("cat")])));
    assert_eq!(state.pope_source(), PopeSource::Words, "the table shows them");
    assert_eq!(state.word_said("dog"), Some(WordSaid::Asking), "on its way");
    answer(&mut state, 2, "Yes, there is");
    answer(&mut state, 3, "No");
    let verdict = |state: &AppState, word| match state.word_said(word) {
        Some(WordSaid::Answered(verdict, _)) => Some(verdict),
        _ => None,
    };
    assert_eq!(verdict(&state, "dog"), Some(NounVerdict::Confirmed), "it says yes");
    assert_eq!(verdict(&state, "cat"), Some(NounVerdict::TakenBack), "it says no");
    assert_eq!(verdict(&state, "boat"), None, "not a word of the answer");
    state.apply(Command::NextImage);
    assert_eq!(state.pope_source(), PopeSource::Made, "the words belong to one photo");
}

#[test]
fn the_table_is_copied_with_tabs() {
    let mut state = ready();
    ask_all(&mut state);
    answer(&mut state, 2, "Yes, there\tis\none");
    let text = TableForm::Tsv.text(&PopeTable::of(&state).cells(&state));
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 4, "names and three questions: {text}");
    let columns = 9 + scorers().len();
    assert!(lines.iter().all(|line| line.len() == columns), "as many columns everywhere: {text}");
    assert_eq!(
        lines[1][..7],
        ["a.png", "test", "Is there a dog in the image?", "", "yes", "Yes, there is one", "0.750000"],
        "the answer on one line"
    );
    assert!(lines[1][9..].iter().all(|verdict| *verdict == "right"), "every scorer agrees: {text}");
    assert_eq!(state.runs.get(RunId(2)).map(|run| run.phase.clone()), Some(Phase::Finished), "nothing else changed");
}

#[test]
fn its_answers_are_not_counted_and_take_each_others_place() {
    let mut state = ready();
    let image = state.current_image().cloned().expect("an image");
    ask_all(&mut state);
    for (id, word) in [(2, "Yes"), (3, "No"), (4, "No")] {
        answer(&mut state, id, word);
    }
    assert_eq!((state.num_answers(&image), state.runs.of_image(&image).count()), (1, 4), "one of its user's");
    ask_all(&mut state);
    for (id, word) in [(5, "No"), (6, "No"), (7, "No")] {
        answer(&mut state, id, word);
    }
    let runs: Vec<u64> = state.runs.of_image(&image).map(|run| run.id.0).collect();
    assert_eq!(runs, [1, 5, 6, 7], "the answers of before have gone");
    let listed = state.history().iter().filter(|entry| !entry.pope).count();
    assert_eq!((listed, state.num_answers(&image)), (1, 1), "nothing of it among its user's answers");
    // One that is looked at stays, and is still POPE's.
    state.apply(Command::ShowRun(RunId(5)));
    ask_all(&mut state);
    answer(&mut state, 8, "Yes");
    assert!(state.runs.get(RunId(5)).is_some() && state.pope.is_run(RunId(5)), "it is looked at");
    assert_eq!(state.num_answers(&image), 1, "and not counted");
    assert_eq!(state.unsaved_words(), "1 answer and 4 POPE answers are not saved", "apart here, too");
}

#[test]
fn after_a_contrast_the_probability_of_yes_is_the_one_that_was_drawn_from() {
    use crate::trace::{ContrastCandidate, TokenContrast};
    let candidate = |id, text: &str, before: f32, after: Option<f32>| ContrastCandidate {
        id,
        text: text.to_owned(),
        logprob: before.ln(),
        negative_logprob: before.ln(),
        final_logprob: after.map(f32::ln),
    };
    let contrast = |candidates| TokenContrast {
        alpha: 1.0,
        plain_id: 1,
        contrasted_id: 2,
        num_removed: 0,
        moved: 0.5,
        branches_differ: true,
        alpha_from: 0.0,
        alpha_to: None,
        candidates,
    };
    let ordinary = [(1, "Yes", 0.6_f32), (2, "No", 0.2)].map(|(id, text, p)| Candidate {
        id,
        text: text.to_owned(),
        logprob: p.ln(),
    });
    let first = |candidates| crate::trace::OutputToken {
        candidates: ordinary.to_vec(),
        contrast: Some(Box::new(contrast(candidates))),
        ..token("No")
    };
    let of = |token: &crate::trace::OutputToken| YesProbability::of_token(token, YesNoWords::Pair).expect("both words");
    let both = of(&first(vec![candidate(1, "Yes", 0.6, Some(0.2)), candidate(2, "No", 0.2, Some(0.6))]));
    assert!((both.yes - 0.25).abs() < 1e-6, "after the contrast, not before: {both:?}");
    let removed = of(&first(vec![candidate(1, "Yes", 0.6, Some(0.9)), candidate(2, "No", 0.2, None)]));
    assert_eq!((removed.yes, removed.at_least), (1.0, 1.0), "the cut-off took no away: {removed:?}");
    let plain = of(&crate::trace::OutputToken { contrast: None, ..first(Vec::new()) });
    assert!((plain.yes - 0.75).abs() < 1e-6, "without a second branch the model's own");
}
