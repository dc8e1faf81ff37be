//! What the user does.

use crate::engine::{ModelSource, Request, RunId};
use crate::trace::Trace;
use crate::ui::core::command::{Command, Extend, KeysCommand, PromptView};
use crate::ui::core::settings::{Axis, scale_stepped, scale_within};
use crate::ui::features::session::is_session;
use crate::ui::features::{AppState, Effect, Phase, SessionEffect, TokenPos};
use std::ops::RangeInclusive;
use std::path::PathBuf;

impl AppState {
    /// Carries out a command on the state and says what else is to be done.
    pub fn apply(&mut self, command: Command) -> Vec<Effect> {
        self.notices.settle(&command);
        self.toasts.settle(&command);
        if matches!(command, Command::ClickToken(..) | Command::HoldWord(..) | Command::ExtendByWord(..)) {
            self.prompting.view = PromptView::Attention; // that is what a word is clicked for
        }
        self.say_why_not(&command);
        let before = self.look_before(&command);
        let mut effects = self.carry_out(command);
        self.settle_source();
        self.settle_notices();
        if let Some((before, kind)) = before {
            self.remember(before, kind);
        }
        effects.extend(self.follow_pope());
        effects.extend(self.follow_all_photos());
        effects
    }

    #[expect(clippy::too_many_lines, reason = "one arm a command: one that nobody handles does not compile")]
    fn carry_out(&mut self, command: Command) -> Vec<Effect> {
        match command {
            // What else is to be done comes of these.
            Command::OpenImages => return vec![Effect::PickImages],
            Command::OpenImageFolder => return vec![Effect::PickImageFolder],
            Command::OpenAnnotations => return vec![Effect::PickAnnotations],
            Command::CloseDataset => return self.close_dataset(),
            Command::StopOpening => return vec![Effect::StopOpening],
            Command::SetQuery(query) => {
                self.browse.query = *query;
                return self.search();
            }
            Command::EditNotes(edit) => return self.edit_notes(edit),
            Command::OpenModelBox => {
                self.open.model = true;
                return vec![Effect::ListModels];
            }
            Command::PickModelFolder => return vec![Effect::PickModelFolder],
            Command::PickClipFolder => return vec![Effect::PickClipFolder],
            Command::OpenDemoModel => return self.open_model(ModelSource::Demo),
            Command::OpenModel(source) => return self.open_model(source),
            Command::AddPaths(paths) => return add_paths(paths),
            Command::Session(command) => return self.apply_session(command),
            Command::Canvas(command) => return vec![Effect::Canvas(command)],
            Command::StepWord(step) => return vec![Effect::StepWord(step)],
            Command::Pope(command) => return self.apply_pope(command),
            Command::List(command) => return self.apply_list(command),
            Command::Study(command) => return self.apply_study(command),
            Command::Pairs(command) => return self.apply_pairs(command),
            Command::Compare(command) => return self.apply_compare(command),
            Command::Prompting(command) => return self.apply_prompting(command),
            Command::Figure(command) => return self.apply_figure(command),
            Command::Ask => return self.ask(),
            Command::AskThis(text) => {
                self.ask.text = text;
                return self.ask();
            }
            Command::Regenerate => return self.regenerate(),
            Command::Fork(token_idx, id) => return self.fork(token_idx, id),
            Command::Continue => return self.continue_answer(),
            Command::RaiseLimit => return self.raise_limit(),
            Command::TogglePrompting => return self.toggle_prompting(),
            Command::ToggleStrategy => return self.toggle_strategy(),
            Command::ToggleMethod(id) => {
                self.ask.toggle_method(id);
                return self.methods_settled();
            }
            Command::AskWithMethods => return self.ask_shown_with_methods(),
            Command::PickParameterFile(place) => return vec![Effect::PickParameterFile(place)],
            Command::GiveParameter(place, value) => {
                self.ask.give_parameter(place.method, place.name, value);
                return self.methods_settled();
            }
            Command::MethodsSettled => return self.methods_settled(),
            Command::Stop => return self.stop(),
            Command::StopAnswer(id) => return self.stop_answer(id),
            Command::CopyAnswer => return self.copy_answer(),
            Command::Undo => return self.undo(),
            Command::Redo => return self.redo(),
            Command::ShowPane(pane) => return vec![Effect::BringToFront(pane)],
            Command::TearOff(pane) => return vec![Effect::TearOff(pane)],
            Command::Keys(command) => return self.apply_keys(command),
            Command::Copy(command) => return self.copy(command),
            Command::FocusPrompt => return vec![Effect::FocusPrompt],
            Command::RestartWorker => return self.restart_worker(),
            Command::ResetLayout => return vec![Effect::ResetLayout],
            Command::Quit => return self.quit(),
            Command::SetTheme(_) | Command::SetScale(_) | Command::LargerInterface | Command::SmallerInterface => {
                return self.apply_look(&command);
            }
            // These change nothing but the state.
            Command::CloseModelBox => self.open.model = false,
            Command::ToggleAbout => self.open.about = !self.open.about,
            Command::ToggleHelp => {
                self.open.help = !self.open.help;
                self.open.recording = None;
            }
            Command::TogglePalette => self.open.palette = !self.open.palette,
            Command::ToggleFilter => self.open.filter = !self.open.filter,
            Command::TogglePhotoOnly => self.open.photo_only = !self.open.photo_only,
            Command::ToggleTemplate => self.open.template = !self.open.template,
            Command::NextImage => self.step_image(1),
            Command::PreviousImage => self.step_image(-1),
            Command::SelectImage(idx) => self.select_image(idx),
            Command::JumpToImage(wanted) => self.jump_to_image(&wanted),
            Command::SetTruth(view) => self.truth.view = view,
            Command::ChooseCategory(name) => self.truth.chosen = Some(name),
            Command::ToggleObject(id) => self.truth.toggle_object(id),
            Command::ToggleCategory(id) => self.truth.toggle_category(id),
            Command::OnlyCategory(id) => self.truth.only_category(id),
            Command::HoverObject(id) => self.truth.hovered = id,
            Command::ToggleMasks => self.truth.view.masks_visible = !self.truth.view.masks_visible,
            Command::ToggleNames => {
                // Names without their objects would name nothing.
                let view = &mut self.truth.view;
                view.names_visible = !(view.names_visible && view.masks_visible);
                view.masks_visible |= view.names_visible;
            }
            Command::ToggleOverlap => {
                self.truth.view.overlap = !self.truth.view.overlap;
                self.colour.overlay_visible |= self.truth.view.overlap;
            }
            Command::NextLayer => self.step_layer(1),
            Command::PreviousLayer => self.step_layer(-1),
            Command::NextHead => self.step_head(1),
            Command::PreviousHead => self.step_head(-1),
            Command::JumpTo { layer_idx, head_idx } => {
                let has_heads = self.view.source.has_heads();
                let choice = self.view.layer_head_mut();
                choice.layer = Axis { idx: layer_idx, reduce: None };
                if has_heads {
                    choice.head = Axis { idx: head_idx, reduce: None };
                }
            }
            Command::SwapDirection => self.selection.direction = self.selection.direction.swapped(),
            Command::Clear => self.clear(),
            Command::ToggleOverlay => self.colour.overlay_visible = !self.colour.overlay_visible,
            Command::TogglePatchGrid => self.colour.patch_grid_visible = !self.colour.patch_grid_visible,
            Command::SetPrompt(text) => self.ask.text = text,
            Command::SetAsk(ask) => {
                self.ask = *ask;
                self.ask.remember_contrast();
            }
            Command::SetMethods(choice) => self.ask.choose_methods(&choice),
            Command::SetView(view) => self.view = view,
            Command::SetColour(colour) => self.colour = colour,
            Command::SetChips(chips) => self.chips = chips,
            Command::SetPieces(pieces) => self.pieces = pieces,
            Command::HoverToken(pos) => self.selection.hovered_token = pos,
            Command::ClickToken(pos, extend) => self.click_token(pos, extend),
            Command::HoldWord(first, last) => self.selection.hold_word(first..=last),
            Command::ExtendByWord(first, last, extend) => self.extend_by_word(first..=last, extend),
            Command::ClickPatch(patch_idx, extend) => self.selection.click_patch(patch_idx, extend),
            Command::ShowRun(id) => self.show_run(id),
            Command::NameRun(id, name) => self.name_run(id, &name),
            Command::ForgetRun(id) => {
                self.runs.forget(id);
                self.compare.forget(id);
                self.selection.clear();
            }
            Command::ClearRecent => self.prefs.clear_recent(),
            Command::ShowAnswer(id) => self.show_answer(id),
            Command::Dismiss(id) => self.notices.dismiss(id),
            Command::DismissAll => self.notices.dismiss_all(),
            Command::DismissToast(id) => self.toasts.dismiss(id),
        }
        Vec::new()
    }

    /// Shows an earlier question; its words come into the prompt box unless others were typed there.
    pub(in crate::ui) fn show_run(&mut self, id: RunId) {
        let typed = self.ask.text.trim();
        let untouched = typed.is_empty() || self.current_run().is_some_and(|run| run.prompt_text() == typed);
        if untouched && let Some(run) = self.runs.get(id) {
            self.ask.text = run.prompt_text().to_owned();
        }
        self.runs.show(id);
        self.selection.clear();
    }

    /// Shows an answer with its photo.
    fn show_answer(&mut self, id: RunId) {
        let Some(image) = self.runs.get(id).map(|run| run.question.image.clone()) else { return };
        if let Some(idx) = self.library.position(&image) {
            self.select_image(idx);
            self.show_run(id);
        }
    }

    pub(in crate::ui) fn select_image(&mut self, idx: usize) {
        if self.library.current_idx() != Some(idx) && self.library.select(idx) {
            self.notices.another_photo();
            self.selection.clear();
        }
    }

    fn step_image(&mut self, step: isize) {
        self.library.step(step);
        self.notices.another_photo();
        self.selection.clear();
    }

    fn step_layer(&mut self, step: isize) {
        if let Some((layers, _)) = self.shape() {
            let choice = self.view.layer_head_mut();
            choice.layer = choice.layer.stepped(step, layers);
        }
    }

    fn step_head(&mut self, step: isize) {
        if let Some((_, heads)) = self.shape().filter(|_| self.view.source.has_heads()) {
            let choice = self.view.layer_head_mut();
            choice.head = choice.head.stepped(step, heads);
        }
    }

    /// Esc closes what is open first, then lets go of what is held, then takes the messages away.
    fn clear(&mut self) {
        if self.open.session.is_some() {
            self.close_session_box();
        } else if self.open.help || self.open.about || self.open.model || self.open.palette {
            self.open.about = false;
            self.open.help = false;
            self.open.palette = false;
            self.open.model = false;
        } else if self.open.filter {
            self.open.filter = false;
        } else if self.open.photo_only && self.selection.is_empty() {
            self.open.photo_only = false;
        } else if !self.selection.is_empty() {
            self.selection.clear();
        } else {
            self.notices.dismiss_all();
        }
    }

    fn click_token(&mut self, pos: TokenPos, extend: Extend) {
        let Self { selection, runs, library, .. } = self;
        let trace = library.current().and_then(|image| runs.shown(&image.source)).and_then(|run| run.trace.as_ref());
        selection.click_token(pos, extend, |first, last| {
            let Some(trace) = trace else { return Vec::new() };
            let prompt = trace.prompt.iter().enumerate().filter(|(_, token)| !token.image);
            let prompt = prompt.map(|(idx, _)| TokenPos::Prompt(idx));
            let output = (0..trace.output.len()).map(TokenPos::Output);
            prompt.chain(output).filter(|pos| (first..=last).contains(pos)).collect()
        });
    }

    /// Ranges reach from word to word: no end cuts one in two.
    fn extend_by_word(&mut self, word: RangeInclusive<usize>, extend: Extend) {
        let words = self.current_run().and_then(|run| run.trace.as_ref()).map(Trace::words).unwrap_or_default();
        let whole = |idx: usize| words.iter().find(|word| word.contains(&idx)).cloned().unwrap_or(idx..=idx);
        match (extend, self.selection.anchor()) {
            (Extend::Toggle, _) => self.selection.toggle_word(word),
            (Extend::Range, Some(TokenPos::Output(anchor))) => {
                let from = whole(anchor);
                let (first, last) = (*word.start().min(from.start()), *word.end().max(from.end()));
                self.selection.hold_range(first..=last);
            }
            (Extend::Range, Some(TokenPos::Prompt(_))) => self.click_token(TokenPos::Output(*word.end()), extend),
            _ => self.selection.hold_word(word),
        }
    }

    fn open_model(&mut self, source: ModelSource) -> Vec<Effect> {
        self.open.model = false;
        let active: Vec<RunId> = self.runs.active().map(|run| run.id).collect();
        let mut effects: Vec<Effect> = active.into_iter().map(Effect::Cancel).collect();
        effects.push(Effect::Send(Request::Load(self.model.open(source))));
        effects
    }

    fn restart_worker(&mut self) -> Vec<Effect> {
        self.model.worker_dead = false;
        self.prompting.finding = None;
        self.runs.end_active(&Phase::Failed("The worker was restarted".to_owned()));
        let source = self.model.after_restart();
        vec![Effect::RestartWorker, Effect::Send(Request::Load(self.model.open(source)))]
    }

    fn apply_look(&mut self, command: &Command) -> Vec<Effect> {
        let scale = match command {
            Command::SetTheme(theme) => {
                self.prefs.theme = *theme;
                self.prefs.scale
            }
            Command::SetScale(scale) => *scale,
            _ => scale_stepped(self.prefs.scale, *command == Command::LargerInterface),
        };
        self.prefs.scale = scale_within(scale);
        vec![Effect::ApplyLook]
    }
}

impl AppState {
    fn apply_keys(&mut self, command: KeysCommand) -> Vec<Effect> {
        self.open.recording = if let KeysCommand::Record(name) = command { name } else { None };
        self.prefs.keys.apply(command);
        vec![Effect::ApplyLook]
    }
}

/// A session among photos and annotations is opened, the rest is scanned.
fn add_paths(paths: Vec<PathBuf>) -> Vec<Effect> {
    let (sessions, rest): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| is_session(path));
    let session = sessions.into_iter().next_back().map(|path| Effect::Session(SessionEffect::Read(path, false)));
    let rest = (!rest.is_empty()).then_some(Effect::Scan(rest));
    rest.into_iter().chain(session).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::features::testing::{answered, info, loaded};
    use crate::ui::features::{Direction, Severity, Until};

    #[test]
    fn asking_without_a_model_says_what_to_do() {
        let mut state = AppState::default();
        state.library.add([crate::engine::ImageSource::Bundled("a.png".to_owned())]);
        state.library.select(0);
        let effects = state.apply(Command::AskThis("What?".to_owned()));
        assert!(effects.is_empty(), "nothing is sent");
        let action = state.notices.iter().next().and_then(|notice| notice.action.clone());
        assert_eq!(action.map(|(_, command)| command), Some(Command::OpenModelBox), "a button that opens a model");
    }

    #[test]
    fn a_new_question_stops_the_one_that_runs() {
        let mut state = loaded();
        let first = state.apply(Command::AskThis("One?".to_owned()));
        assert!(matches!(first.first(), Some(Effect::Send(Request::Ask(RunId(1), _)))), "sent: {first:?}");
        let second = state.apply(Command::AskThis("Two?".to_owned()));
        assert_eq!(second.first(), Some(&Effect::Cancel(RunId(1))), "the first is stopped before the second goes out");
        assert_eq!(state.current_run().map(crate::ui::features::Run::prompt_text), Some("Two?"), "the newest is shown");
    }

    #[test]
    fn an_earlier_question_comes_back_into_the_box_unless_another_is_being_typed() {
        let mut state = loaded();
        state.apply(Command::AskThis("One?".to_owned()));
        state.apply(Command::AskThis("Two?".to_owned()));
        state.apply(Command::ShowRun(RunId(1)));
        assert_eq!(state.ask.text, "One?", "the box was untouched");
        state.apply(Command::SetPrompt("Thr".to_owned()));
        state.apply(Command::ShowRun(RunId(2)));
        assert_eq!(state.ask.text, "Thr", "what is being typed stays");
    }

    #[test]
    fn advice_offers_suggestions_only_if_there_are_some() {
        let mut state = AppState::default();
        assert!(!state.question_advice().contains("suggested"), "there are none without a model");
        state.model.info = loaded().model.info;
        let some = state.model.info.as_ref().is_some_and(|info| !info.suggested_prompts.is_empty());
        assert_eq!(state.question_advice().contains("suggested"), some, "as many as the model knows");
    }

    #[test]
    fn an_empty_question_is_not_sent() {
        let mut state = loaded();
        assert_eq!(state.apply(Command::AskThis("  \n".to_owned())), [Effect::FocusPrompt], "only the cursor moves");
    }

    #[test]
    fn arrows_move_layer_and_head_within_the_model() {
        let mut state = loaded();
        state.model.info = Some(info(4, 2));
        for _ in 0..9 {
            state.apply(Command::NextLayer);
            state.apply(Command::NextHead);
        }
        let choice = state.view.layer_head();
        assert_eq!((choice.layer.idx, choice.head.idx), (3, 1), "the last layer and head");
        assert_eq!((choice.layer.reduce, choice.head.reduce), (None, None), "one each");
    }

    #[test]
    fn escape_closes_a_box_before_it_lets_go() {
        let mut state = answered();
        state.apply(Command::ClickToken(TokenPos::Output(0), Extend::Replace));
        state.apply(Command::ToggleHelp);
        state.apply(Command::Clear);
        assert!(!state.open.help && !state.selection.is_empty(), "the box is closed, the token still held");
        state.notices.push((Severity::Error, Until::Dismissed), "No such file", "", None);
        state.apply(Command::Clear);
        assert!(state.selection.is_empty(), "now it is let go");
        assert_eq!(state.notices.iter().count(), 1, "the message still stands");
        state.apply(Command::Clear);
        assert_eq!(state.notices.iter().count(), 0, "nothing else took the key");
    }

    #[test]
    fn another_image_lets_go_but_keeps_the_direction() {
        let mut state = answered();
        state.apply(Command::SwapDirection);
        state.apply(Command::ClickPatch(3, Extend::Replace));
        state.apply(Command::NextImage);
        assert!(state.selection.is_empty(), "positions belong to one trace");
        assert_eq!(state.selection.direction, Direction::PatchesToTokens, "the direction is the user's");
    }

    #[test]
    fn shift_selects_no_image_tokens() {
        let mut state = answered();
        state.apply(Command::ClickToken(TokenPos::Prompt(0), Extend::Replace));
        state.apply(Command::ClickToken(TokenPos::Output(1), Extend::Range));
        let trace = state.current_run().and_then(|run| run.trace.clone()).expect("answered");
        let text = trace.prompt.iter().filter(|token| !token.image).count();
        assert_eq!(state.selection.tokens.len(), text + 2, "the text of the prompt and two answer tokens");
    }

    #[test]
    fn the_interface_scale_stays_usable() {
        let mut state = AppState::default();
        for _ in 0..100 {
            state.apply(Command::LargerInterface);
        }
        assert!((state.prefs.scale - 2.0).abs() < 1e-6, "largest, is {}", state.prefs.scale);
        state.apply(Command::SetScale(0.0));
        assert!((state.prefs.scale - 0.75).abs() < 1e-6, "smallest, is {}", state.prefs.scale);
    }

    #[test]
    fn opening_a_model_keeps_the_old_one_until_the_new_one_is_there() {
        let mut state = loaded();
        let effects = state.apply(Command::OpenModel(ModelSource::Folder("/m".into())));
        assert!(matches!(effects.as_slice(), [Effect::Send(Request::Load(_))]), "asked for: {effects:?}");
        assert!(state.model.info.is_some() && state.model.loading.is_some(), "both at once");
    }
}
