use super::super::testing::{GRID, answered, info, loaded, trace};
use super::*;
use crate::data::Photo;
use crate::engine::{Event, ImageSource, Timings};
use crate::geometry::{ImageSize, ModelView, PreprocessSpec};
use crate::prompting::{Attribution, LlavaMaps, Maps};
use crate::ui::command::Command;

pub(in crate::ui) fn attributed() -> Arc<Attributed> {
    let size = ImageSize { width_px: 24, height_px: 24 };
    let view = ModelView::new(size, &PreprocessSpec::clip(24), 12);
    let attention = vec![0.1, 0.2, 0.3, 0.4, 0.4, 0.3, 0.2, 0.1];
    assert_eq!(attention.len(), 2 * GRID.len(), "two layers");
    let maps = LlavaMaps { num_layers: 2, num_tokens: 1, image_attention: attention.clone(), attention };
    Arc::new(Attributed {
        photo: Photo::from_rgb(24, 24, vec![100; 24 * 24 * 3]).expect("a photo"),
        attribution: Arc::new(Attribution { view, maps: Maps::Llava(maps) }),
        pre_output: None,
        warnings: Vec::new(),
    })
}

fn command(state: &mut AppState, command: PromptingCommand) -> Vec<Effect> {
    state.apply(Command::Prompting(command))
}

/// The attribution that was sent.
fn sent(effects: &[Effect]) -> Option<(RunId, &AttributionRequest, Option<&ModelSource>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Send(Request::Attribute(id, request, beside)) => Some((*id, &**request, beside.as_ref())),
        _ => None,
    })
}

/// The question that was sent.
fn asked(effects: &[Effect]) -> Option<(RunId, &crate::engine::Question)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Send(Request::Ask(id, question)) => Some((*id, &**question)),
        _ => None,
    })
}

fn finish(state: &mut AppState, id: RunId) {
    state.receive(Event::Started(id, Box::new(trace())), 0.0);
    state.receive(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() }, 1.0);
}

fn options(state: &AppState, change: impl FnOnce(&mut PromptOptions)) -> PromptingCommand {
    let mut settings = state.prompting.settings.clone();
    change(&mut settings.options);
    PromptingCommand::Set(settings)
}

/// Answered, switched on, and answered about the darkened photo.
fn prompted() -> (AppState, RunId) {
    let mut state = answered();
    let effects = command(&mut state, PromptingCommand::Switch(true));
    let (id, ..) = sent(&effects).expect("first where to look");
    let effects = state.receive(Event::Attributed(id, attributed(), info(2, 2)), 4.0);
    let (id, _) = asked(&effects).expect("then the question");
    finish(&mut state, id);
    (state, id)
}

#[test]
fn the_switch_finds_where_to_look_and_asks_the_same_question() {
    let mut state = answered();
    let effects = command(&mut state, PromptingCommand::Switch(true));
    let (id, request, beside) = sent(&effects).expect("where to look");
    assert_eq!((request.query.as_str(), beside), ("What?", Some(&ModelSource::DemoClip)), "the shown question's words");
    assert!(state.is_prompting() && asked(&effects).is_none(), "it is on its way");
    let effects = state.receive(Event::Attributed(id, attributed(), info(2, 2)), 4.0);
    let (_, question) = asked(&effects).expect("the question");
    let plain = state.runs.get(RunId(1)).expect("answered").question.clone();
    assert_eq!(crate::engine::Question { prompted: None, ..question.clone() }, plain, "the same but for the photo");
    assert_eq!(question.image, plain.image, "the history stays with the photo");
    assert!(question.prompted.is_some() && state.is_prompting(), "about the darkened photo");
}

#[test]
fn switching_off_and_on_again_shows_the_answers_that_are_there() {
    let (mut state, id) = prompted();
    let effects = command(&mut state, PromptingCommand::Switch(false));
    assert_eq!((asked(&effects), state.current_run().map(|run| run.id)), (None, Some(RunId(1))), "the plain answer");
    assert!(!state.is_prompting(), "off");
    let effects = command(&mut state, PromptingCommand::Switch(true));
    assert!(asked(&effects).is_none() && sent(&effects).is_none(), "nothing is computed: {effects:?}");
    assert_eq!(state.current_run().map(|run| run.id), Some(id), "the answer about the darkened photo");
    assert!(state.current_run().is_some_and(|run| run.variant().starts_with("API llava, layer 1")), "it says so");
}

#[test]
fn a_control_asks_again_when_it_is_let_go_and_only_while_it_is_on() {
    let (mut state, first) = prompted();
    let change = options(&state, |options| options.kernel = 1);
    assert!(command(&mut state, change).is_empty(), "while it moves nothing is asked");
    let effects = command(&mut state, PromptingCommand::Settle);
    let (second, question) = asked(&effects).expect("asked again");
    assert_eq!(question.prompted.as_ref().map(|prompting| prompting.options.kernel), Some(1), "with the new kernel");
    let change = options(&state, |options| options.grey = 200);
    command(&mut state, change);
    let effects = command(&mut state, PromptingCommand::Settle);
    assert!(effects.contains(&Effect::Cancel(second)), "the latest wins: {effects:?}");
    let (third, _) = asked(&effects).expect("asked once more");
    assert!(state.runs.get(second).is_none(), "half an answer about other darkness is not kept");
    assert!(command(&mut state, PromptingCommand::Settle).is_empty(), "the same is not asked twice");
    finish(&mut state, third);

    let change = options(&state, |options| *options = PromptOptions::default());
    command(&mut state, change);
    let effects = command(&mut state, PromptingCommand::Settle);
    assert_eq!((asked(&effects), state.current_run().map(|run| run.id)), (None, Some(first)), "it was asked before");

    let mut settings = state.prompting.settings.clone();
    settings.live = false;
    settings.options.enhance = 1.0;
    command(&mut state, PromptingCommand::Set(settings));
    assert!(command(&mut state, PromptingCommand::Settle).is_empty(), "not while that is switched off");
    let mut settings = state.prompting.settings.clone();
    settings.live = true;
    command(&mut state, PromptingCommand::Set(settings));
    command(&mut state, PromptingCommand::Switch(false));
    assert!(command(&mut state, PromptingCommand::Settle).is_empty(), "nor while API is");
}

#[test]
fn the_latest_wish_counts_and_what_failed_is_said() {
    let mut state = loaded();
    command(&mut state, PromptingCommand::Query("dog".to_owned()));
    let effects = command(&mut state, PromptingCommand::Find);
    let (first, ..) = sent(&effects).expect("where to look");
    let effects = command(&mut state, PromptingCommand::Find);
    let (second, request, _) = sent(&effects).expect("once more");
    assert_eq!((request.query.as_str(), request.object.as_deref()), ("dog", Some("dog")), "a name is its own object");
    state.receive(Event::Attributed(first, attributed(), info(2, 2)), 0.0);
    assert!(state.made().is_none(), "nobody waits for the first");
    state.receive(Event::Failed(second, "Expected a CLIP, found none: /m".to_owned()), 0.0);
    assert_eq!(state.prompting.failed.as_deref(), Some("Expected a CLIP, found none: /m"), "one sentence");
    assert!(state.prompting.finding.is_none() && state.notices.iter().count() == 1, "and it is over");
    let effects = command(&mut state, PromptingCommand::Find);
    let (third, ..) = sent(&effects).expect("again");
    assert_eq!(command(&mut state, PromptingCommand::Stop), [Effect::Cancel(third)], "it can be stopped");
}

#[test]
fn what_was_found_is_stale_for_other_words_and_belongs_to_its_photo() {
    let mut state = answered();
    let effects = command(&mut state, PromptingCommand::Find);
    let (id, ..) = sent(&effects).expect("where to look");
    state.receive(Event::Attributed(id, attributed(), info(2, 2)), 0.0);
    assert!(state.made_is_fresh() && state.prompting.view == PromptView::Attribution, "it is shown");
    state.apply(Command::ClickToken(crate::ui::state::TokenPos::Output(0), crate::ui::state::Extend::Replace));
    assert_eq!(state.prompting.view, PromptView::Attention, "a word is clicked for its attention");
    command(&mut state, PromptingCommand::Query("a cat".to_owned()));
    assert!(!state.made_is_fresh() && state.made().is_some(), "other words, but it is still there");
    command(&mut state, PromptingCommand::Query("What?".to_owned()));
    assert!(state.made_is_fresh() && state.prompting.query.is_none(), "the question's own words again");
    state.apply(Command::NextImage);
    assert!(state.made().is_none(), "another photo");
}

#[test]
fn an_answer_that_comes_for_another_photo_is_not_asked_about() {
    let mut state = answered();
    let effects = command(&mut state, PromptingCommand::Switch(true));
    let (id, ..) = sent(&effects).expect("where to look");
    state.apply(Command::NextImage);
    let effects = state.receive(Event::Attributed(id, attributed(), info(2, 2)), 0.0);
    assert!(asked(&effects).is_none(), "the photo was left");
    state.apply(Command::PreviousImage);
    assert!(state.made().is_some(), "what was found is kept");
}

#[test]
fn settings_that_were_edited_by_hand_do_no_harm() {
    let mut settings = PromptingSettings::default();
    settings.options.kernel = 4;
    assert_eq!(PromptingState::new(settings).settings.options, PromptOptions::default(), "an even kernel");
    let mut state = answered();
    state.prompting.settings.options.layer_idx = Some(40);
    let made = Made {
        request: AttributionRequest {
            source: Source::Clip,
            image: ImageSource::Bundled("a.png".to_owned()),
            query: "What?".to_owned(),
            object: None,
            framing: None,
            max_new_tokens: ATTRIBUTION_TOKENS,
        },
        beside: Some(ModelSource::DemoClip),
        attribution: Arc::clone(&attributed().attribution),
        pre_output: None,
        model_id: "test".to_owned(),
        weight_hash: "w".to_owned(),
        photo_hash: "p".to_owned(),
    };
    state.prompting.keep(made);
    assert_eq!(state.prompting.settings.options.layer_idx, None, "this model has no such layer");
}
