use super::*;
use crate::data::Photo;
use crate::engine::{ATTRIBUTION_TOKENS, Attributed, Request};
use crate::engine::{Event, ImageSource, Timings};
use crate::geometry::{ImageSize, ModelView, PreprocessSpec};
use crate::prompting::{Attribution, ClipMaps, LlavaMaps, Maps, Source};
use crate::ui::core::command::Command;
use crate::ui::features::testing::{GRID, answered, info, loaded, trace};

/// Where CLIP looked.
pub(in crate::ui) fn attributed() -> Arc<Attributed> {
    attributed_by(Source::Clip)
}

/// Where a model of that kind looked.
pub(in crate::ui) fn attributed_by(source: Source) -> Arc<Attributed> {
    let size = ImageSize { width_px: 24, height_px: 24 };
    let view = ModelView::new(size, &PreprocessSpec::clip(24), 12);
    let values = vec![0.1, 0.2, 0.3, 0.4, 0.4, 0.3, 0.2, 0.1];
    assert_eq!(values.len(), 2 * GRID.len(), "two layers");
    let maps = match source {
        Source::Clip => Maps::Clip(ClipMaps {
            num_layers: 2,
            contributions: values.clone(),
            similarities: values.iter().map(|value| 1.0 - value).collect(),
            last_cosines: values[..GRID.len()].to_vec(),
        }),
        Source::Llava => {
            Maps::Llava(LlavaMaps { num_layers: 2, num_tokens: 1, image_attention: values.clone(), attention: values })
        }
    };
    Arc::new(Attributed {
        photo: Photo::from_rgb(24, 24, vec![100; 24 * 24 * 3]).expect("a photo"),
        attribution: Arc::new(Attribution { view, maps }),
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
        Effect::Send(Request::Attribute(id, request, second_model)) => Some((*id, &**request, second_model.as_ref())),
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
    let (id, request, second_model) = sent(&effects).expect("where to look");
    assert_eq!(
        (request.query.as_str(), second_model),
        ("What?", Some(&ModelSource::DemoClip)),
        "the shown question's words"
    );
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
    assert!(!state.is_prompting() && !state.prompting_is_on(), "off");
    let effects = command(&mut state, PromptingCommand::Switch(true));
    assert!(asked(&effects).is_none() && sent(&effects).is_none(), "nothing is computed: {effects:?}");
    assert_eq!(state.current_run().map(|run| run.id), Some(id), "the answer about the darkened photo");
    assert!(state.current_run().is_some_and(|run| run.variant().starts_with("API clip, layer 0")), "it says so");
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
    state.apply(Command::ClickToken(
        crate::ui::features::TokenPos::Output(0),
        crate::ui::core::command::Extend::Replace,
    ));
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
        second_model: Some(ModelSource::DemoClip),
        attribution: Arc::clone(&attributed().attribution),
        pre_output: None,
        model_id: "test".to_owned(),
        weight_hash: "w".to_owned(),
        photo_hash: "p".to_owned(),
    };
    state.prompting.keep(made);
    assert_eq!(state.prompting.settings.options.layer_idx, None, "this model has no such layer");
}

fn settings(state: &AppState, change: impl FnOnce(&mut PromptingSettings)) -> PromptingCommand {
    let mut settings = state.prompting.settings.clone();
    change(&mut settings);
    PromptingCommand::Set(settings)
}

/// The window says of the shown answer what it is: API is on only where the answer is one by the source, the words and
/// the numbers that are set.
#[track_caller]
fn agrees(state: &AppState) {
    let prompted = state.current_run().and_then(|run| run.question.prompted.clone());
    let shown = state.shown_prompting();
    let Some(prompted) = prompted else {
        return assert!(
            matches!(shown, ShownPrompting::Original | ShownPrompting::Coming),
            "the answer is about the original photo: {shown:?}"
        );
    };
    let set = &state.prompting.settings;
    let layer_idx = set.options.layer_idx.unwrap_or_else(|| prompted.attribution.default_layer());
    let same = prompted.attribution.source() == set.source
        && prompted.query == state.prompting_query()
        && prompted.layer_idx() == layer_idx
        && PromptOptions { layer_idx: None, ..prompted.options } == PromptOptions { layer_idx: None, ..set.options };
    assert_eq!(shown == ShownPrompting::AsSet, same && shown != ShownPrompting::Coming, "{shown:?}");
    assert!(same || shown == ShownPrompting::Coming || !state.prompting_is_on(), "on for another one's answer");
}

#[test]
fn another_source_is_asked_at_once_while_asking_is_live() {
    let (mut state, of_clip) = prompted();
    agrees(&state);
    let set = settings(&state, |settings| settings.source = Source::Llava);
    let effects = command(&mut state, set);
    let (id, request, second_model) = sent(&effects).expect("LLaVA is asked where it looks");
    assert_eq!((request.source, second_model), (Source::Llava, None), "the open model");
    assert_eq!(state.shown_prompting(), ShownPrompting::Coming, "its answer is on the way");
    let effects = state.receive(Event::Attributed(id, attributed_by(Source::Llava), info(2, 2)), 5.0);
    let (of_llava, question) = asked(&effects).expect("and the question again");
    let source = question.prompted.as_ref().map(|prompting| prompting.attribution.source());
    assert_eq!(source, Some(Source::Llava), "by the new map");
    finish(&mut state, of_llava);
    agrees(&state);
    // Back: its answer is there.
    let set = settings(&state, |settings| settings.source = Source::Clip);
    let effects = command(&mut state, set);
    assert!(asked(&effects).is_none() && sent(&effects).is_none(), "nothing is computed: {effects:?}");
    assert_eq!(state.current_run().map(|run| run.id), Some(of_clip), "CLIP's answer is shown");
    agrees(&state);
}

#[test]
fn another_source_is_off_until_it_is_asked_where_asking_is_not_live() {
    let (mut state, of_clip) = prompted();
    let set = settings(&state, |settings| settings.live = false);
    command(&mut state, set);
    let set = settings(&state, |settings| settings.source = Source::Llava);
    assert!(command(&mut state, set).is_empty(), "nobody asked for that");
    assert_eq!((state.shown_prompting(), state.prompting_is_on()), (ShownPrompting::Otherwise, false), "off");
    let effects = command(&mut state, PromptingCommand::Find);
    let (id, ..) = sent(&effects).expect("where LLaVA looks");
    assert!(!state.prompting_is_on(), "it is only looked at");
    let effects = state.receive(Event::Attributed(id, attributed_by(Source::Llava), info(2, 2)), 5.0);
    assert!(asked(&effects).is_none() && !state.prompting_is_on(), "still CLIP's answer: {effects:?}");
    assert_eq!(state.current_run().map(|run| run.id), Some(of_clip), "which stays");
    agrees(&state);
    let effects = command(&mut state, PromptingCommand::Switch(true));
    let (id, _) = asked(&effects).expect("now it is asked");
    finish(&mut state, id);
    assert!(state.prompting_is_on(), "and on");
    agrees(&state);
}

#[test]
fn finding_by_the_button_asks_again_while_api_is_on() {
    let (mut state, _) = prompted();
    let set = settings(&state, |settings| settings.live = false);
    command(&mut state, set);
    let set = settings(&state, |settings| {
        settings.source = Source::Llava;
        settings.live = true;
    });
    // Both at once, as a session may have it.
    command(&mut state, set);
    command(&mut state, PromptingCommand::Stop);
    agrees(&state);
    let effects = command(&mut state, PromptingCommand::Find);
    let (id, ..) = sent(&effects).expect("looked for");
    let effects = state.receive(Event::Attributed(id, attributed_by(Source::Llava), info(2, 2)), 5.0);
    assert!(asked(&effects).is_some(), "the answer of before does not stand beside the new map");
    assert_eq!(state.prompting.view, PromptView::Attribution, "the map that was asked for is shown");
    agrees(&state);
}

#[test]
fn a_source_that_is_changed_while_another_one_looks_is_the_one_that_is_asked() {
    let mut state = answered();
    let effects = command(&mut state, PromptingCommand::Switch(true));
    let (of_clip, ..) = sent(&effects).expect("CLIP looks");
    let set = settings(&state, |settings| settings.source = Source::Llava);
    let effects = command(&mut state, set);
    let (of_llava, request, _) = sent(&effects).expect("LLaVA is asked in its place");
    assert_eq!(request.source, Source::Llava, "the one that is set now");
    let effects = state.receive(Event::Attributed(of_clip, attributed(), info(2, 2)), 5.0);
    assert!(asked(&effects).is_none(), "nobody waits for CLIP's any more");
    let effects = state.receive(Event::Attributed(of_llava, attributed_by(Source::Llava), info(2, 2)), 6.0);
    let (id, question) = asked(&effects).expect("the question");
    assert_eq!(question.prompted.as_ref().map(|p| p.attribution.source()), Some(Source::Llava), "by LLaVA's map");
    // And while the question is being answered.
    state.receive(Event::Started(id, Box::new(trace())), 6.0);
    let set = settings(&state, |settings| settings.source = Source::Clip);
    let effects = command(&mut state, set);
    assert!(sent(&effects).is_some(), "CLIP looks again: its map did not come before: {effects:?}");
    agrees(&state);
}

#[test]
fn other_words_are_off_until_they_are_looked_for() {
    let (mut state, _) = prompted();
    command(&mut state, PromptingCommand::Query("a dog".to_owned()));
    assert_eq!(state.shown_prompting(), ShownPrompting::Otherwise, "while they are typed");
    agrees(&state);
    let effects = command(&mut state, PromptingCommand::Settle);
    let (id, request, _) = sent(&effects).expect("when the box is left they are looked for");
    assert_eq!(request.query, "a dog", "the new words");
    command(&mut state, PromptingCommand::Query("a cat".to_owned()));
    let effects = state.receive(Event::Attributed(id, attributed(), info(2, 2)), 5.0);
    assert!(asked(&effects).is_none() && !state.prompting_is_on(), "the words are others by now");
    agrees(&state);
    let effects = command(&mut state, PromptingCommand::Switch(true));
    let (id, request, _) = sent(&effects).expect("the words of now");
    assert_eq!(request.query, "a cat", "those");
    let effects = state.receive(Event::Attributed(id, attributed(), info(2, 2)), 6.0);
    let (id, _) = asked(&effects).expect("asked");
    finish(&mut state, id);
    assert!(state.prompting_is_on(), "on");
    agrees(&state);
}

#[test]
fn other_numbers_are_off_until_they_are_asked_and_every_one_counts() {
    let changes: [fn(&mut PromptOptions); 6] = [
        |options| options.kernel = 1,
        |options| options.enhance = 9.0,
        |options| options.grey = 100,
        |options| options.layer_idx = Some(1),
        |options| options.formula = crate::prompting::Formula::Paper,
        |options| options.geometry = crate::prompting::MaskGeometry::Aligned,
    ];
    for change in changes {
        let (mut state, _) = prompted();
        let set = options(&state, change);
        command(&mut state, set);
        assert_eq!(state.shown_prompting(), ShownPrompting::Otherwise, "while the control moves");
        let effects = command(&mut state, PromptingCommand::Settle);
        assert!(asked(&effects).is_some(), "asked when it is let go");
        assert_eq!(state.shown_prompting(), ShownPrompting::AsSet, "its answer is shown");
        agrees(&state);
    }
    let (mut state, _) = prompted();
    let set = options(&state, |options| options.layer_idx = Some(0));
    command(&mut state, set);
    assert_eq!(state.shown_prompting(), ShownPrompting::AsSet, "the published layer by its number is the same one");
    let set = settings(&state, |settings| settings.clip = "/another/clip".to_owned());
    command(&mut state, set);
    assert_eq!(state.shown_prompting(), ShownPrompting::Otherwise, "another CLIP");
}

#[test]
fn a_source_that_fails_leaves_api_off() {
    let (mut state, of_clip) = prompted();
    let set = settings(&state, |settings| settings.source = Source::Llava);
    let effects = command(&mut state, set);
    let (id, ..) = sent(&effects).expect("LLaVA is asked");
    state.receive(Event::Failed(id, "Out of memory".to_owned()), 5.0);
    assert_eq!(state.current_run().map(|run| run.id), Some(of_clip), "CLIP's answer is still shown");
    assert!(!state.prompting_is_on(), "and is not taken for LLaVA's");
    agrees(&state);
}

#[test]
fn undoing_and_other_answers_say_whose_they_are() {
    let (mut state, of_clip) = prompted();
    state.history.another_gesture();
    let set = options(&state, |options| options.kernel = 1);
    command(&mut state, set);
    let effects = command(&mut state, PromptingCommand::Settle);
    let (id, _) = asked(&effects).expect("asked again");
    finish(&mut state, id);
    agrees(&state);
    state.apply(Command::Undo);
    assert_eq!(state.current_run().map(|run| run.id), Some(of_clip), "the answer before");
    assert_eq!(state.shown_prompting(), ShownPrompting::Otherwise, "which had another kernel");
    agrees(&state);
    state.apply(Command::ShowRun(RunId(1)));
    assert_eq!((state.shown_prompting(), state.prompting_is_on()), (ShownPrompting::Original, false), "the plain one");
    state.apply(Command::ShowRun(id));
    assert!(state.prompting_is_on(), "the latest one");
    // Another photo, and back with other numbers.
    state.apply(Command::NextImage);
    assert!(state.prompting_is_on(), "nothing was asked there: the next question will be");
    let set = options(&state, |options| options.kernel = 5);
    command(&mut state, set);
    state.apply(Command::PreviousImage);
    assert_eq!(state.shown_prompting(), ShownPrompting::Otherwise, "its answer has the kernel of before");
    agrees(&state);
}

#[test]
fn the_next_question_is_asked_as_it_was_switched() {
    let (mut state, _) = prompted();
    state.apply(Command::ToggleStrategy);
    assert_eq!(state.next_question(), "VCD alpha 1.00, photo prompted (CLIP)", "both stay");
    let effects = state.apply(Command::AskThis("Is there a dog in the image?".to_owned()));
    let (id, request, _) = sent(&effects).expect("first where CLIP looks for it");
    assert_eq!(request.query, "Is there a dog in the image?", "for the new words");
    assert_eq!(request.object.as_deref(), Some("dog"), "and their object");
    assert!(asked(&effects).is_none() && state.prompting_is_on(), "it is on its way");
    // Another photo is looked at in the meantime: the question is still about its own.
    state.apply(Command::NextImage);
    let effects = state.receive(Event::Attributed(id, attributed(), info(2, 2)), 5.0);
    let (id, question) = asked(&effects).expect("then the question");
    assert_eq!((question.strategy.name.as_str(), question.prompted.is_some()), ("vcd", true), "with both");
    assert_eq!(question.image, ImageSource::Bundled("a.png".to_owned()), "about the photo that it was asked about");
    assert!(!effects.contains(&Effect::ReleaseFocus), "what is being typed goes on");
    finish(&mut state, id);
    state.apply(Command::PreviousImage);
    assert_eq!(state.current_run().map(|run| run.id), Some(id), "its answer is there");
    agrees(&state);
    // The same question again needs no second look.
    let effects = state.apply(Command::Regenerate);
    let (_, again) = asked(&effects).expect("at once");
    assert_eq!(again.prompted, question_prompted(&state, id), "by the same map");
    state.apply(Command::TogglePrompting);
    assert!(state.next_question().ends_with("original photo"), "off for the next one, too");
    let effects = state.apply(Command::AskThis("And now?".to_owned()));
    assert!(asked(&effects).is_some_and(|(_, question)| question.prompted.is_none()), "about the original photo");
}

fn question_prompted(state: &AppState, id: RunId) -> Option<Arc<Prompting>> {
    state.runs.get(id).and_then(|run| run.question.prompted.clone())
}

#[test]
fn a_question_that_waits_for_a_map_can_be_stopped_and_asked_plainly() {
    let (mut state, _) = prompted();
    let effects = state.apply(Command::AskThis("More?".to_owned()));
    let (id, ..) = sent(&effects).expect("looked for");
    assert_eq!(state.apply(Command::Stop), [Effect::Cancel(id)], "stopped");
    assert!(state.prompting.finding.is_none(), "nothing waits");
    state.apply(Command::AskThis("More?".to_owned()));
    let effects = command(&mut state, PromptingCommand::Switch(false));
    let (_, question) = asked(&effects).expect("without waiting");
    assert!(
        question.prompted.is_none() && question.prompt == crate::engine::Prompt::Templated("More?".to_owned()),
        "plainly"
    );
}

#[test]
fn a_warning_of_a_map_goes_with_it() {
    let mut state = answered();
    let effects = command(&mut state, PromptingCommand::Find);
    let (id, ..) = sent(&effects).expect("looked for");
    let warned = Attributed { warnings: vec!["The words were cut".to_owned()], ..(*attributed()).clone() };
    state.receive(Event::Attributed(id, Arc::new(warned), info(2, 2)), 0.0);
    assert_eq!(state.notices.iter().count(), 1, "said");
    state.apply(Command::HoverToken(None));
    assert_eq!(state.notices.iter().count(), 1, "it stands");
    command(&mut state, PromptingCommand::Query("a cat".to_owned()));
    assert_eq!(state.notices.iter().count(), 0, "other words: it speaks of nothing any more");
}

#[test]
fn a_question_whose_map_fails_is_not_lost() {
    let (mut state, _) = prompted();
    let effects = state.apply(Command::AskThis("More?".to_owned()));
    let (first, ..) = sent(&effects).expect("looked for");
    // A control moves meanwhile: the question waits for the map that is wanted now.
    let set = options(&state, |options| options.kernel = 1);
    command(&mut state, set);
    let effects = command(&mut state, PromptingCommand::Settle);
    let (second, request, _) = sent(&effects).expect("it is still to be asked");
    assert!(second != first && request.query == "More?", "for its own words");
    state.receive(Event::Failed(second, "Out of memory".to_owned()), 1.0);
    let action = state.notices.iter().find_map(|notice| notice.action.clone());
    let (_, ask) = action.expect("a way on");
    let effects = state.apply(ask);
    let (_, question) = asked(&effects).expect("the very question");
    assert_eq!(question.prompt, crate::engine::Prompt::Templated("More?".to_owned()), "its words");
    assert!(question.prompted.is_none() && !state.next_is_prompted(), "about the original photo, and so the next");
}
