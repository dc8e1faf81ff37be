//! One question about many photos, against users who do something else meanwhile.

use super::*;
use crate::engine::{Event, ModelSource, Prompt, Request, Timings};
use crate::ui::features::testing::{HEADS, LAYERS, info, loaded, row, token, trace};
use crate::ui::features::{Library, LibraryImage};
use std::sync::Arc;

const NAMES: [&str; 4] = ["a.png", "b.png", "c.png", "d.png"];

/// Four photos, the first looked at, a model, and a question in the box.
fn ready() -> AppState {
    let mut state = loaded();
    let images = (0..).zip(NAMES).map(|(row, name)| {
        let image = LibraryImage::new(image(name));
        LibraryImage { row: Some(row), ..image }
    });
    state.library.replace(Library::of(images.collect()));
    state.apply(Command::SetPrompt("What?".to_owned()));
    state
}

fn image(name: &str) -> ImageSource {
    ImageSource::Bundled(name.to_owned())
}

/// Names of photos that the worker was asked about.
fn sent(effects: &[Effect]) -> Vec<(u64, String)> {
    let asked = effects.iter().filter_map(|effect| match effect {
        Effect::Send(Request::Ask(id, question)) => match &question.image {
            ImageSource::Bundled(name) => Some((id.0, name.clone())),
            ImageSource::Path(_) => None,
        },
        _ => None,
    });
    asked.collect()
}

fn about(id: u64, name: &str) -> Vec<(u64, String)> {
    vec![(id, name.to_owned())]
}

fn ask_all(state: &mut AppState) -> Vec<(u64, String)> {
    sent(&state.apply(Command::List(ListCommand::AskAll)))
}

fn answer(state: &mut AppState, id: u64) -> Vec<(u64, String)> {
    let id = RunId(id);
    let mut effects = state.receive(Event::Started(id, Box::new(trace())), 0.0);
    effects.extend(state.receive(Event::Token(id, Box::new(token("A")), Some(row(0.1))), 0.1));
    effects.extend(state.receive(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() }, 0.2));
    sent(&effects)
}

fn toasts(state: &AppState) -> Vec<String> {
    state.toasts.iter().map(|toast| toast.text.clone()).collect()
}

fn progress(state: &AppState) -> Option<(usize, usize)> {
    state.all_photos.queue().map(|queue| (queue.done, queue.total))
}

/// The answer shown for each photo.
fn shown(state: &AppState) -> Vec<Option<u64>> {
    NAMES.map(|name| state.runs.shown(&image(name)).map(|run| run.id.0)).to_vec()
}

#[test]
fn each_listed_photo_is_asked_about_and_shows_its_answer() {
    let mut state = ready();
    state.library.list(Some(&[0, 2, 3]));
    assert_eq!(ask_all(&mut state), about(1, "a.png"), "the first of the list");
    assert_eq!(progress(&state), Some((0, 3)), "three are listed");
    assert_eq!(answer(&mut state, 1), about(2, "c.png"), "then the next");
    assert_eq!(progress(&state), Some((1, 3)), "one is answered");
    assert_eq!(answer(&mut state, 2), about(3, "d.png"), "then the last");
    assert!(answer(&mut state, 3).is_empty() && state.all_photos.queue().is_none(), "until all are answered");
    assert_eq!(shown(&state), [Some(1), None, Some(2), Some(3)], "on each of them");
    assert_eq!(toasts(&state), ["Asked about 3 photos"], "said once, not for every photo");
    let counts = NAMES.map(|name| state.num_answers(&image(name)));
    assert_eq!(counts, [1, 0, 1, 1], "they count as answers");
}

#[test]
fn photos_that_have_the_very_answer_are_skipped() {
    let mut state = ready();
    state.apply(Command::AskThis("What?".to_owned()));
    answer(&mut state, 1);
    assert_eq!(ask_all(&mut state), about(2, "b.png"), "the first has it");
    assert_eq!(progress(&state), Some((1, 4)), "it counts as answered");
    for id in 2..=4 {
        answer(&mut state, id);
    }
    assert_eq!(toasts(&state), ["Asked about 3 photos; 1 had the answer already"], "said");
    assert!(ask_all(&mut state).is_empty(), "all have it");
    assert!(toasts(&state).contains(&"4 listed photos, all answered already".to_owned()), "{:?}", toasts(&state));
    let mut ask = state.ask.clone();
    ask.max_new_tokens += 1;
    state.apply(Command::SetAsk(Box::new(ask)));
    assert_eq!(ask_all(&mut state), about(5, "a.png"), "asked otherwise it is another answer");
}

#[test]
fn what_is_looked_at_stays() {
    let mut state = ready();
    state.apply(Command::AskThis("Before?".to_owned()));
    answer(&mut state, 1);
    state.selection.tokens.insert(crate::ui::features::TokenPos::Output(0));
    state.apply(Command::SetPrompt("What?".to_owned()));
    ask_all(&mut state);
    for id in 2..=5 {
        answer(&mut state, id);
    }
    assert_eq!(shown(&state), [Some(1), Some(3), Some(4), Some(5)], "the shown answer stays in sight");
    assert_eq!((state.num_answers(&image("a.png")), state.selection.tokens.len()), (2, 1), "the new one is beside it");
}

#[test]
fn a_photo_that_fails_is_reported_and_the_others_go_on() {
    let mut state = ready();
    ask_all(&mut state);
    let effects = state.receive(Event::Failed(RunId(1), "the file is truncated: a.png".to_owned()), 1.0);
    assert_eq!(sent(&effects), about(2, "b.png"), "the next");
    for id in 2..=4 {
        answer(&mut state, id);
    }
    assert_eq!(toasts(&state), ["Asked about 4 photos; 1 failed"], "counted");
    let notice = state.notices.iter().next().cloned().expect("reported");
    assert_eq!(notice.text, "The question failed for 1 of 4: a (the file is truncated: a.png)", "which one, and why");
    let again = notice.action.expect("a way to ask again").1;
    assert_eq!(sent(&state.apply(again)), about(5, "a.png"), "about that one alone");
}

#[test]
fn a_question_of_the_user_goes_first_and_the_rest_go_on_after_it() {
    let mut state = ready();
    ask_all(&mut state);
    answer(&mut state, 1);
    let effects = state.apply(Command::AskThis("And this?".to_owned()));
    assert_eq!(effects.first(), Some(&Effect::Cancel(RunId(2))), "the one that runs makes room");
    assert!(state.receive(Event::Cancelled(RunId(2)), 1.0).is_empty(), "and waits");
    assert!(state.all_photos.queue().is_some_and(AskAll::is_waiting), "which is said");
    assert!(state.runs.get(RunId(2)).is_none(), "its beginning is forgotten");
    assert_eq!(answer(&mut state, 3), about(4, "b.png"), "it is asked again");
    let question = &state.runs.get(RunId(4)).expect("asked").question.prompt;
    assert_eq!(*question, Prompt::Templated("What?".to_owned()), "the question that was in the box at the time");
}

#[test]
fn stopping_keeps_answers_and_one_photo_can_be_left_out() {
    let mut state = ready();
    ask_all(&mut state);
    assert_eq!(state.apply(Command::StopAnswer(RunId(1))), [Effect::Cancel(RunId(1))], "this one");
    let effects = state.receive(Event::Cancelled(RunId(1)), 1.0);
    assert_eq!(sent(&effects), about(2, "b.png"), "is not asked again");
    answer(&mut state, 2);
    let effects = state.apply(Command::List(ListCommand::StopAsking));
    assert_eq!(effects, [Effect::Cancel(RunId(3))], "the one that runs");
    assert!(state.receive(Event::Cancelled(RunId(3)), 2.0).is_empty(), "and no other is asked");
    assert_eq!(shown(&state), [Some(1), Some(2), None, None], "answers stay");
    assert!(toasts(&state).contains(&"Stopped after 2 of 4".to_owned()), "{:?}", toasts(&state));
    assert_eq!(ask_all(&mut state), about(4, "a.png"), "what was stopped has no answer");
    state.apply(Command::Stop);
    assert!(state.all_photos.queue().is_none(), "the general stop stops it, too");
}

#[test]
fn another_model_ends_it_and_what_left_the_list_is_not_asked_about() {
    let mut state = ready();
    ask_all(&mut state);
    let images = (0..).zip(["a.png", "d.png"]).map(|(row, name)| {
        let image = LibraryImage::new(image(name));
        LibraryImage { row: Some(row), ..image }
    });
    state.library.replace(Library::of(images.collect()));
    assert_eq!(answer(&mut state, 1), about(2, "d.png"), "the others are gone");
    assert_eq!(progress(&state), Some((1, 2)), "and not counted");
    state.apply(Command::OpenModel(ModelSource::Folder("/m".into())));
    assert!(state.all_photos.queue().is_none(), "another model gives other answers");
    let notice = state.notices.iter().next().expect("said");
    assert_eq!(notice.text, "Stopped after 1 of 2: a model is being opened", "why");
}

#[test]
fn nothing_is_asked_without_a_model_or_words() {
    let mut state = ready();
    let command = Command::List(ListCommand::AskAll);
    state.apply(Command::SetPrompt(" ".to_owned()));
    assert_eq!(state.why_not(&command), Some("The question is empty"), "no words");
    assert!(state.apply(command.clone()).is_empty() && !toasts(&state).is_empty(), "said");
    state.apply(Command::SetPrompt("What?".to_owned()));
    assert_eq!(state.why_not(&command), None, "all is there");
    state.apply(command.clone());
    assert!(state.why_not(&command).is_some(), "once at a time");
    state.model.info = None;
    assert_eq!(state.why_not(&command), Some("No model is ready to answer questions"), "no model");
    state.receive(Event::Loaded(Arc::clone(&info(LAYERS, HEADS))), 0.0);
}

#[test]
fn beyond_the_budget_the_attention_goes_and_the_words_stay() {
    let mut state = ready();
    ask_all(&mut state);
    answer(&mut state, 1);
    let one = state.runs.attention_bytes();
    let kept = |id: u64| RunId(id);
    state.runs.let_go_of_rows(one, |_| true);
    assert!(state.runs.get(kept(1)).is_some_and(|run| run.row(0).is_some()), "within the budget all stays");
    state.runs.let_go_of_rows(one - 1, |id| id != kept(1));
    assert!(state.runs.get(kept(1)).is_some_and(|run| run.row(0).is_some()), "so does what is looked at");
    state.runs.let_go_of_rows(one - 1, |_| true);
    let run = state.runs.get(kept(1)).expect("the answer is there");
    let trace = run.trace.as_ref().expect("with its trace");
    assert_eq!((trace.text().as_str(), run.row(0).is_some()), ("A", false), "its words without their attention");
    assert!(trace.warnings.iter().any(|text| text.contains("ask again")), "which is said: {:?}", trace.warnings);
    assert!(state.runs.attention_bytes() < one, "room was made");
}

#[test]
fn what_failed_is_asked_again_as_it_was() {
    let mut state = ready();
    ask_all(&mut state);
    answer(&mut state, 1);
    state.receive(Event::Failed(RunId(2), "the file is truncated".to_owned()), 0.0);
    answer(&mut state, 3);
    answer(&mut state, 4);
    let notice = state.notices.iter().next().expect("said");
    let (_, again) = notice.action.clone().expect("with what to do");
    state.apply(Command::SetPrompt("Something else?".to_owned()));
    let effects = state.apply(again.clone());
    assert_eq!(sent(&effects), about(5, "b.png"), "this photo alone");
    let text = state.runs.get(RunId(5)).map(|run| run.prompt_text().to_owned());
    assert_eq!(text.as_deref(), Some("What?"), "the question that failed, not what is in the box");
    answer(&mut state, 5);
    assert!(state.apply(again).is_empty(), "once");
}

#[test]
fn more_photos_than_answers_are_kept_are_refused_and_nothing_is_forgotten() {
    let mut state = ready();
    ask_all(&mut state);
    (1..=4).for_each(|id| drop(answer(&mut state, id)));
    let images = (0..).take(MOST_RUNS).map(|row| {
        let image = LibraryImage::new(image(&format!("{row}.png")));
        LibraryImage { row: Some(row), ..image }
    });
    state.library.replace(Library::of(images.collect()));
    assert!(ask_all(&mut state).is_empty(), "not begun");
    let notice = state.notices.iter().next().expect("said");
    assert!(
        notice.text.contains("4,000 photos are listed") || notice.text.contains("4000 photos are listed"),
        "{}",
        notice.text
    );
    assert_eq!(state.runs.iter().count(), 4, "the answers of before are there");
}

#[test]
fn names_come_with_their_objects() {
    let mut state = ready();
    let shown = |state: &AppState| (state.truth.view.names_visible, state.truth.view.masks_visible);
    state.truth.view.names_visible = true;
    state.truth.view.masks_visible = false;
    state.apply(Command::ToggleNames);
    assert_eq!(shown(&state), (true, true), "hidden objects come back");
    state.apply(Command::ToggleNames);
    assert_eq!(shown(&state), (false, true), "off");
}
