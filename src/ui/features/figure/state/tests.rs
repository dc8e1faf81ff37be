use super::*;
use crate::figure::recipe::{FileInput, MapSpec, PlotKind, Show, Tokens, Width, sha256};
use crate::geometry::Framing;
use crate::ui::core::command::{Command, Extend, PanelKind, WordsBy};
use crate::ui::core::pane::Pane;
use crate::ui::features::figure::files::{FigureSaved, OpenedFigure};
use crate::ui::features::testing::{answered, loaded};
use crate::ui::features::{Phase, Source, TokenPos};

fn apply(state: &mut AppState, command: FigureCommand) -> Vec<Effect> {
    state.apply(Command::Figure(command))
}

fn kinds(state: &AppState) -> Vec<&'static str> {
    state.figure.recipe().panels.iter().map(|panel| panel.show.kind()).collect()
}

#[test]
fn what_is_shown_becomes_a_panel_with_its_answer() {
    let mut state = answered();
    state.apply(Command::ClickToken(TokenPos::Output(1), Extend::Replace));
    state.apply(Command::JumpTo { layer_idx: 1, head_idx: 0 });
    let effects = apply(&mut state, FigureCommand::AddShown);
    assert_eq!(effects, [Effect::BringToFront(Pane::Figure)], "the pane comes to the front");
    let recipe = state.figure.recipe();
    let Some(Show::Map { map: MapSpec::Decoder { of, tokens, layers, .. }, .. }) =
        recipe.panels.first().map(|p| &p.show)
    else {
        panic!("found {:?}", recipe.panels)
    };
    assert_eq!((of.as_str(), tokens.object_word), ("a", Some(1)), "the held word of the first answer, by meaning");
    assert_eq!(*layers, crate::analysis::Pick::One(1), "at the shown layer");
    assert_eq!(recipe.inputs.traces.keys().collect::<Vec<_>>(), ["a"], "which the recipe names");
    state.view.source = Source::VISION;
    apply(&mut state, FigureCommand::AddShown);
    let second = state.figure.recipe().panels.get(1).map(|panel| panel.show.clone());
    assert!(matches!(second, Some(Show::Map { map: MapSpec::VisionCls { .. }, .. })), "now [CLS]: {second:?}");
    assert_eq!(state.figure.recipe().inputs.traces.len(), 1, "the same answer keeps its name");
}

fn said(state: &AppState) -> String {
    state.figure.outcome.as_ref().map(|outcome| outcome.text.clone()).unwrap_or_default()
}

#[test]
fn without_an_answer_the_reason_is_said_and_the_photo_can_be_shown() {
    let mut state = loaded();
    for kind in PanelKind::all().filter(|kind| *kind != PanelKind::Photo) {
        let why = state.figure_hindrance(kind).unwrap_or_default();
        let known = ["ask a question", "annotations", "CLIP"].iter().any(|part| why.contains(part));
        assert!(known, "{}: {why}", kind.label());
    }
    apply(&mut state, FigureCommand::Add(PanelKind::Answer));
    assert!(kinds(&state).is_empty() && said(&state).contains("no answer yet"), "said: {}", said(&state));
    let effects = apply(&mut state, FigureCommand::Add(PanelKind::Photo));
    let [Effect::HashFigureInputs(wish)] = effects.as_slice() else { panic!("found {effects:?}") };
    assert!(kinds(&state).is_empty() && state.figure.work.is_some(), "it waits for the photo's hash");
    let input = FileInput { file: wish.files[0].path.display().to_string(), sha256: "ab".to_owned() };
    state.figure_inputs_hashed(wish.as_ref().clone(), Ok(vec![input.clone()]));
    assert_eq!(kinds(&state), ["photo"], "there it is");
    assert_eq!(state.figure.recipe().inputs.images.get("a"), Some(&input), "by its hash");
    assert!(apply(&mut state, FigureCommand::Add(PanelKind::Photo)).len() == 1, "now its hash is known");
    assert_eq!((kinds(&state).len(), state.figure.recipe().inputs.images.len()), (2, 1), "one input for both");
    apply(&mut state, FigureCommand::Clear);
    state.figure_inputs_hashed(wish.as_ref().clone(), Err("gone".to_owned()));
    assert!(kinds(&state).is_empty() && said(&state) == "gone", "what fails is said");
}

/// By what the words of the first panel are known.
fn words(state: &AppState) -> Option<Tokens> {
    match &state.figure.recipe().panels.first()?.show {
        Show::Map { map: MapSpec::Decoder { tokens, .. }, .. } => Some(tokens.clone()),
        other => panic!("found {other:?}"),
    }
}

#[test]
fn words_are_known_by_what_they_are_until_somebody_chooses_otherwise() {
    // "A dog."
    let mut state = answered();
    state.apply(Command::ClickToken(TokenPos::Output(1), Extend::Replace));
    apply(&mut state, FigureCommand::AddShown);
    let object = |nr| Tokens { object_word: Some(nr), ..Tokens::default() };
    assert_eq!(words(&state), Some(object(1)), "an object word");
    let show = state.figure.recipe().panels[0].show.clone();
    let ways = [WordsBy::WholeAnswer, WordsBy::ObjectWord(1), WordsBy::ThisWord(1), WordsBy::Number];
    assert_eq!(state.figure_words(&show), ways, "without annotations no word is hallucinated");
    let this = Tokens { word: Some("dog".to_owned()), ..Tokens::default() };
    let number = Tokens { output: vec![1], ..Tokens::default() };
    for (by, expected) in [
        (WordsBy::ThisWord(1), this.clone()),
        (WordsBy::Number, number),
        (WordsBy::ThisWord(1), this.clone()),
        (WordsBy::ThisWord(2), Tokens { occurrence: Some(2), ..this.clone() }),
        (WordsBy::ThisWord(1), this),
        (WordsBy::ObjectWord(1), object(1)),
        (WordsBy::WholeAnswer, Tokens::default()),
        (WordsBy::ObjectWord(1), object(1)),
    ] {
        apply(&mut state, FigureCommand::Words(0, by));
        assert_eq!(words(&state), Some(expected), "{by:?}");
    }
    apply(&mut state, FigureCommand::Words(0, WordsBy::FirstHallucinated));
    assert_eq!(words(&state), Some(object(1)), "nobody knows which word that is");
    assert!(said(&state).contains("cannot be known"), "said: {}", said(&state));
    // A word that names nothing, and a plot of one word.
    state.apply(Command::ClickToken(TokenPos::Output(0), Extend::Replace));
    apply(&mut state, FigureCommand::Clear);
    apply(&mut state, FigureCommand::AddShown);
    assert_eq!(words(&state), Some(Tokens { word: Some("A".to_owned()), ..Tokens::default() }), "a plain word");
}

#[test]
fn a_typeface_stays_until_the_bundled_one_is_wanted() {
    let mut state = answered();
    let effects = apply(&mut state, FigureCommand::Open("fonts/Own.otf".into()));
    let [Effect::HashFigureInputs(wish)] = effects.as_slice() else { panic!("found {effects:?}") };
    assert_eq!(wish.files[0].kind, InputKind::Typeface, "a font is no recipe");
    let input = FileInput { file: "fonts/Own.otf".to_owned(), sha256: "cd".to_owned() };
    state.figure_inputs_hashed(wish.as_ref().clone(), Ok(vec![input]));
    apply(&mut state, FigureCommand::Add(PanelKind::Photo));
    apply(&mut state, FigureCommand::Clear);
    let recipe = state.figure.recipe();
    assert!(recipe.layout.typeface.is_some() && recipe.inputs.fonts.len() == 1, "clearing panels keeps it");
    apply(&mut state, FigureCommand::Typeface(None));
    let recipe = state.figure.recipe();
    assert!(recipe.layout.typeface.is_none() && recipe.inputs.fonts.is_empty(), "and it goes as a whole");
}

#[test]
fn every_plot_of_the_screen_is_offered() {
    let mut state = answered();
    state.apply(Command::ClickToken(TokenPos::Output(1), Extend::Replace));
    for kind in [PanelKind::ImageShare, PanelKind::TokenShares, PanelKind::Split, PanelKind::Outliers] {
        assert_eq!(state.figure_hindrance(kind), None, "{}", kind.label());
        apply(&mut state, FigureCommand::Add(kind));
    }
    assert_eq!(kinds(&state), ["plot"; 4], "as plots");
    state.view.source = Source::VISION;
    apply(&mut state, FigureCommand::Add(PanelKind::ImageShare));
    let last = state.figure.recipe().panels.last().map(|panel| panel.show.clone());
    assert!(matches!(last, Some(Show::Plot { plot: PlotKind::ClsPerLayer { .. }, .. })), "of [CLS]: {last:?}");
    for (kind, part) in [
        (PanelKind::Threshold, "annotations"),
        (PanelKind::Objects, "annotations"),
        (PanelKind::Scores, "annotations"),
        (PanelKind::Contrast, "contrastive"),
        (PanelKind::Strength, "contrastive"),
        (PanelKind::Similarity, "CLIP"),
        (PanelKind::Candidates, "candidates"),
    ] {
        let why = state.figure_hindrance(kind).unwrap_or_default();
        assert!(why.contains(part), "{}: {why}", kind.label());
    }
}

#[test]
fn panels_move_go_and_let_go_of_their_inputs() {
    let mut state = answered();
    for kind in [PanelKind::Photo, PanelKind::VisionCls, PanelKind::Answer] {
        apply(&mut state, FigureCommand::Add(kind));
    }
    assert_eq!(kinds(&state), ["photo", "map", "answer"], "in the order of adding");
    apply(&mut state, FigureCommand::Up(2));
    apply(&mut state, FigureCommand::Up(0));
    apply(&mut state, FigureCommand::Down(2));
    assert_eq!(kinds(&state), ["photo", "answer", "map"], "the ends stay");
    apply(&mut state, FigureCommand::Title(0, Some("Input".to_owned())));
    assert_eq!(state.figure.recipe().panels[0].title.as_deref(), Some("Input"), "a title of one's own");
    for _ in 0..3 {
        apply(&mut state, FigureCommand::Remove(0));
    }
    assert!(state.figure.recipe().inputs.traces.is_empty(), "nothing refers to the answer any more");
}

#[test]
fn columns_bound_what_a_panel_takes() {
    let mut state = answered();
    apply(&mut state, FigureCommand::Add(PanelKind::Photo));
    apply(&mut state, FigureCommand::Span(0, 9));
    assert_eq!(state.figure.recipe().panels[0].span, 3, "no more than there are");
    let layout = Layout { columns: 2, width: Width::Single, ..Layout::default() };
    apply(&mut state, FigureCommand::SetLayout(Box::new(layout)));
    assert_eq!(state.figure.recipe().panels[0].span, 2, "nor afterwards");
    assert!(state.figure.recipe().check().is_ok(), "it can be drawn");
}

#[test]
fn a_forgotten_answer_is_said_and_comes_back_with_its_hashes() {
    let mut state = answered();
    apply(&mut state, FigureCommand::Add(PanelKind::Photo));
    assert!(state.figure_missing().is_empty(), "everything is here");
    let recipe = state.figure.recipe().as_ref().clone();
    state.apply(Command::ForgetRun(RunId(1)));
    let missing = state.figure_missing();
    assert!(missing.len() == 1 && missing[0].contains("Answer a is not here"), "in words: {missing:?}");
    let mut other = answered();
    let opened = OpenedFigure { recipe, path: "F.json".into(), missing: Vec::new() };
    other.figure_opened(Ok(opened));
    assert!(other.figure_missing().is_empty(), "the same question has the same answer");
    apply(&mut other, FigureCommand::Add(PanelKind::ImageShare));
    let Some(Show::Plot { of, plot: PlotKind::ImageSharePerLayer { .. } }) =
        other.figure.recipe().panels.get(1).map(|panel| &panel.show)
    else {
        panic!("found {:?}", other.figure.recipe().panels)
    };
    assert_eq!(of, "a", "which goes on under its name");
}

#[test]
fn a_reopened_figure_takes_the_answer_that_it_was_made_of() {
    type Change = fn(&mut crate::engine::Question, &mut crate::trace::RunInfo);
    let changes: [Change; 3] = [
        |question, run| {
            question.framing = Some(Framing::Pad);
            run.preprocessing.framing = Framing::Pad;
        },
        // The darkened photo; what darkened it is of no matter here.
        |_, run| run.prompting = Some(run.strategy.clone()),
        |question, run| {
            question.sampling.repetition_penalty = 1.5;
            run.repetition_penalty = 1.5;
        },
    ];
    for change in changes {
        let mut state = answered();
        let first = state.current_run().expect("answered").clone();
        let (mut question, mut trace) = (first.question, first.trace.expect("answered"));
        change(&mut question, Arc::make_mut(&mut trace.run));
        let other = state.runs.begin(question);
        let run = state.runs.get_mut(other).expect("just asked");
        run.start(trace);
        run.phase = Phase::Finished;
        for id in [other, first.id] {
            state.runs.show(id);
            apply(&mut state, FigureCommand::Clear);
            apply(&mut state, FigureCommand::Add(PanelKind::Photo));
            let recipe = state.figure.recipe().as_ref().clone();
            state.figure_opened(Ok(OpenedFigure { recipe, path: "F.json".into(), missing: Vec::new() }));
            assert!(state.figure.bound.is_empty(), "known by its recipe alone");
            assert_eq!(state.figure_run("a").map(|run| run.id), Some(id), "the same words, tokens, photo and weights");
        }
    }
}

#[test]
fn a_file_is_written_once_at_a_time_and_only_if_it_can_be() {
    let mut state = answered();
    assert!(apply(&mut state, FigureCommand::Save("F.pdf".into(), false)).is_empty(), "there is no panel");
    assert!(said(&state).contains("panels"), "said: {}", said(&state));
    apply(&mut state, FigureCommand::Add(PanelKind::Photo));
    assert!(apply(&mut state, FigureCommand::Save("F.gif".into(), false)).is_empty(), "no such format");
    assert!(said(&state).contains("png, svg, pdf or html"), "said: {}", said(&state));
    let wanted = apply(&mut state, FigureCommand::Save("F.pdf".into(), false));
    assert_eq!(wanted, [Effect::SaveFigure("F.pdf".into(), false)], "on a thread");
    assert!(apply(&mut state, FigureCommand::Save("G.pdf".into(), false)).is_empty(), "one at a time");
    state.figure_saved(Ok(FigureSaved::Exists("F.pdf".into())));
    assert_eq!(state.figure.exists.as_deref(), Some(Path::new("F.pdf")), "somebody is asked");
    assert!(state.figure.work.is_none(), "and it is not being written");
    apply(&mut state, FigureCommand::KeepFile);
    assert!(state.figure.exists.is_none(), "it stays");
    apply(&mut state, FigureCommand::Save("F.pdf".into(), true));
    assert_eq!(apply(&mut state, FigureCommand::Stop), [Effect::StopFigure], "it can be stopped");
    state.figure_saved(Ok(FigureSaved::Stopped));
    assert!(said(&state).contains("nothing was written") && state.figure.work.is_none(), "said: {}", said(&state));
    assert!(apply(&mut state, FigureCommand::Stop).is_empty(), "nothing to stop");
    apply(&mut state, FigureCommand::DismissOutcome);
    assert!(state.figure.outcome.is_none(), "read");
}

#[test]
fn the_recipe_is_copied_as_it_would_be_written() {
    let mut state = answered();
    apply(&mut state, FigureCommand::Add(PanelKind::Grid));
    let effects = apply(&mut state, FigureCommand::CopyRecipe);
    let [Effect::Copy(json)] = effects.as_slice() else { panic!("found {effects:?}") };
    let back = Recipe::from_json(json, Path::new("clipboard")).expect("a recipe");
    assert_eq!(&back, state.figure.recipe().as_ref(), "the same");
}

#[test]
fn a_map_of_a_session_is_held_only_if_it_is_the_recipes() {
    let (mut figure, bytes) = (FigureBuilder::default(), b"a map".to_vec());
    let file = "map-1.safetensors".to_owned();
    let input = FileInput { sha256: sha256(&bytes), file: file.clone() };
    figure.change(|recipe| drop(recipe.inputs.maps.insert("map".to_owned(), input)));
    figure.missing_files = vec![format!("The map is not there: {file}")];
    let held = |figure: &FigureBuilder| (figure.map_bytes().count(), figure.missing_files.len());
    figure.hold_map("map".to_owned(), b"another".to_vec());
    figure.hold_map("unknown".to_owned(), bytes.clone());
    assert_eq!(held(&figure), (0, 1), "other bytes, or for nothing");
    figure.hold_map("map".to_owned(), bytes);
    assert_eq!(held(&figure), (1, 0), "written beside the figure again");
}
