//! Back and forth between what was shown and held. Questions, answers, files and settings of asking are not touched:
//! nothing that cost time is ever undone.
//!
//! A step keeps what was before and after it, and going back changes only what the step had changed: whatever else
//! became of the window in the meantime stays.

use crate::data::dataset::Query;
use crate::engine::{ImageSource, RunId};
use crate::ui::core::command::{Command, CompareCommand, FigureCommand, PromptView};
use crate::ui::core::settings::{ChipQuantity, ColourSettings, MethodChoice, TruthView, ViewState};
use crate::ui::features::compare::state::Picks;
use crate::ui::features::figure::state::Draft;
use crate::ui::features::{AppState, Effect, Selection};
use std::collections::{BTreeSet, VecDeque};
use std::mem::{Discriminant, discriminant};

/// Steps that are kept.
const MOST_STEPS: usize = 200;

/// The image looked at and the answer shown for it.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    image: Option<ImageSource>,
    run: Option<RunId>,
}

/// Everything that can be undone: how the window looks, and what the figure is made of.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::ui) struct Look {
    place: Place,
    held: Selection,
    hidden: BTreeSet<u64>,
    view: ViewState,
    colour: ColourSettings,
    chips: ChipQuantity,
    pieces: bool,
    truth: TruthView,
    category: Option<String>,
    prompt_view: PromptView,
    query: Query,
    picks: Picks,
    figure: Draft,
    methods: MethodChoice,
}

#[derive(Debug, Clone)]
struct Step {
    before: Look,
    after: Look,
    kind: Discriminant<Command>,
    gesture: u64,
}

impl Step {
    /// What it changed, in words.
    fn what(&self) -> &'static str {
        let (before, after) = (&self.before, &self.after);
        let changed = [
            (before.figure != after.figure, "figure"),
            (before.place.image != after.place.image, "image"),
            (before.methods != after.methods, "mitigation methods"),
            (before.place.run != after.place.run, "answer shown"),
            (before.query != after.query, "filter"),
            (before.held != after.held, "selection"),
            (before.view != after.view, "layer, head or source"),
            (before.colour != after.colour, "colours"),
            (before.picks != after.picks, "comparison"),
            (before.chips != after.chips, "words' colours"),
            (before.pieces != after.pieces, "words or pieces"),
            (
                before.truth != after.truth || before.category != after.category || before.hidden != after.hidden,
                "objects",
            ),
        ];
        changed.into_iter().find(|(is_so, _)| *is_so).map_or("view", |(_, what)| what)
    }
}

/// What was shown and held before, to go back to and forth again.
#[derive(Debug, Clone, Default)]
pub struct History {
    undone: Vec<Step>,
    done: VecDeque<Step>,
    gesture: u64,
}

impl History {
    /// Lets go of tokens of an answer that were taken back: undoing brings none of them.
    pub(in crate::ui) fn let_go(&mut self, run: RunId, to_len: usize) {
        for step in self.done.iter_mut().chain(&mut self.undone) {
            for Look { place, held, .. } in [&mut step.before, &mut step.after] {
                if place.run == Some(run) {
                    held.let_go_from(to_len);
                }
                held.let_go_elsewhere(|token| token.run == run && token.token_idx >= to_len);
            }
        }
    }

    /// What undoing would take back.
    pub fn undoes(&self) -> Option<&'static str> {
        self.done.back().map(Step::what)
    }

    /// What redoing would bring back.
    pub fn redoes(&self) -> Option<&'static str> {
        self.undone.last().map(Step::what)
    }

    /// A button of the mouse or a key went down: what changes from now on is a step of its own. What one drag of a
    /// slider does is one step.
    pub fn another_gesture(&mut self) {
        self.gesture += 1;
    }
}

impl AppState {
    /// How everything looks now.
    pub(in crate::ui) fn look(&self) -> Look {
        let image = self.current_image().cloned();
        Look {
            place: Place { image, run: self.current_run().map(|run| run.id) },
            held: self.selection.held(),
            hidden: self.truth.hidden.clone(),
            view: self.view,
            colour: self.colour,
            chips: self.chips,
            pieces: self.pieces,
            truth: self.truth.view,
            category: self.truth.chosen.clone(),
            prompt_view: self.prompting.view,
            query: self.browse.query.clone(),
            picks: self.compare.picks(),
            figure: self.figure.draft(),
            methods: self.ask.method_choice(),
        }
    }

    /// How things look before a command that may change it.
    pub(in crate::ui) fn look_before(&self, command: &Command) -> Option<(Look, Discriminant<Command>)> {
        let passes = matches!(
            command,
            Command::Undo
                | Command::Redo
                | Command::HoverToken(_)
                | Command::HoverObject(_)
                | Command::SetPrompt(_)
                | Command::SetAsk(_)
                | Command::Session(_)
                | Command::CloseDataset
                | Command::Compare(CompareCommand::Hover(_))
        );
        (!passes).then(|| (self.look(), discriminant(command)))
    }

    /// Keeps the step if anything looks different now.
    pub(in crate::ui) fn remember(&mut self, mut before: Look, kind: Discriminant<Command>) {
        let after = self.look();
        if before.place.run.is_none() && before.place.image == after.place.image {
            before.place.run = after.place.run; // there is no way back to "never asked"
        }
        if before == after {
            return;
        }
        let History { undone, done, gesture } = &mut self.history;
        undone.clear();
        match done.back_mut().filter(|last| last.kind == kind && last.gesture == *gesture) {
            Some(last) => last.after = after,
            None => done.push_back(Step { before, after, kind, gesture: *gesture }),
        }
        if done.len() > MOST_STEPS {
            done.pop_front();
        }
    }

    /// Keeps what came back for the figure as a step.
    pub(in crate::ui) fn remember_figure(&mut self, before: Look) {
        self.remember(before, discriminant(&Command::Figure(FigureCommand::Clear)));
    }

    pub(in crate::ui) fn undo(&mut self) -> Vec<Effect> {
        while let Some(step) = self.history.done.pop_back() {
            if let Some(effects) = self.go(&step.after, &step.before) {
                self.toasts.push(format!("Undone: {}", step.what()));
                self.history.undone.push(step);
                return effects;
            }
        }
        Vec::new()
    }

    pub(in crate::ui) fn redo(&mut self) -> Vec<Effect> {
        while let Some(step) = self.history.undone.pop() {
            if let Some(effects) = self.go(&step.before, &step.after) {
                self.toasts.push(format!("Redone: {}", step.what()));
                self.history.done.push_back(step);
                return effects;
            }
        }
        Vec::new()
    }

    /// Changes what differs between two looks. `None` if nothing of it can be changed any more: the photo or the answer
    /// is gone.
    fn go(&mut self, from: &Look, to: &Look) -> Option<Vec<Effect>> {
        let there = from.place != to.place || from.held != to.held || from.hidden != to.hidden;
        let is_there = there && self.go_to(&to.place);
        let redrawn = from.figure != to.figure && self.figure.exchange(&from.figure, &to.figure);
        let Look { place, held, hidden, figure, .. } = from.clone();
        let nothing_else = Look { place, held, hidden, figure, ..to.clone() } == *from;
        if !is_there && !redrawn && nothing_else {
            return None;
        }
        if is_there {
            self.selection.take_held(&to.held);
            self.truth.hidden.clone_from(&to.hidden);
        }
        // Only what the step changed.
        if from.view != to.view {
            self.view = to.view;
        }
        if from.colour != to.colour {
            self.colour = to.colour;
        }
        if from.chips != to.chips {
            self.chips = to.chips;
        }
        if from.pieces != to.pieces {
            self.pieces = to.pieces;
        }
        if from.truth != to.truth {
            self.truth.view = to.truth;
        }
        if from.category != to.category {
            self.truth.chosen.clone_from(&to.category);
        }
        if from.prompt_view != to.prompt_view {
            self.prompting.view = to.prompt_view;
        }
        if from.methods != to.methods {
            self.ask.choose_methods(&to.methods);
        }
        if from.picks != to.picks {
            self.compare.pick(&to.picks, &self.runs);
        }
        if from.query == to.query {
            return Some(Vec::new());
        }
        self.browse.query = to.query.clone();
        Some(self.search())
    }

    /// Whether the photo is shown with that answer now.
    fn go_to(&mut self, place: &Place) -> bool {
        let Some(idx) = place.image.as_ref().and_then(|image| self.library.position(image)) else { return false };
        if place.run.is_some_and(|id| self.runs.get(id).is_none()) {
            return false;
        }
        self.select_image(idx);
        if let Some(id) = place.run.filter(|id| self.current_run().is_none_or(|run| run.id != *id)) {
            self.show_run(id);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::core::command::Extend;
    use crate::ui::features::TokenPos;
    use crate::ui::features::testing::{answered, loaded};

    fn click(state: &mut AppState, idx: usize) {
        state.history.another_gesture();
        state.apply(Command::ClickToken(TokenPos::Output(idx), Extend::Replace));
    }

    fn held(state: &AppState) -> Vec<TokenPos> {
        state.selection.tokens.iter().copied().collect()
    }

    #[test]
    fn chosen_methods_and_their_parameters_go_back_and_forth() {
        let mut state = answered();
        let set = |state: &mut AppState, change: &dyn Fn(&mut crate::ui::core::settings::AskSettings)| {
            let mut ask = state.ask.clone();
            change(&mut ask);
            state.history.another_gesture();
            state.apply(Command::SetMethods(Box::new(ask.method_choice())));
        };
        set(&mut state, &|ask| ask.add_method("vcd"));
        set(&mut state, &|ask| ask.add_method("vaf"));
        set(&mut state, &|ask| ask.give_parameter("vcd", "beta", "0.4".to_owned()));
        set(&mut state, &|ask| ask.give_parameter("vcd", "preset", "official".to_owned()));
        assert_eq!(state.history.undoes(), Some("mitigation methods"), "says what");
        state.apply(Command::Undo);
        assert_eq!(
            state.ask.parameter(state.ask.strategy_entry(), "beta").as_deref(),
            Some("0.4"),
            "before the preset"
        );
        state.apply(Command::Undo);
        state.apply(Command::Undo);
        assert_eq!(state.ask.methods_words(), "VCD alpha 1.00", "one of them");
        state.apply(Command::Undo);
        assert!(state.ask.is_plain(), "none");
        for _ in 0..4 {
            state.apply(Command::Redo);
        }
        assert_eq!(state.ask.methods_words(), "VCD alpha 1.00 preset official + VAF", "all again");
    }

    #[test]
    fn selection_and_layer_go_back_and_forth() {
        let mut state = answered();
        click(&mut state, 0);
        click(&mut state, 1);
        state.apply(Command::NextLayer);
        let layer = state.view.layer_head().layer;
        assert_eq!(state.history.undoes(), Some("layer, head or source"), "says what");
        state.apply(Command::Undo);
        assert_ne!(state.view.layer_head().layer, layer, "the layer first");
        state.apply(Command::Undo);
        assert_eq!(held(&state), [TokenPos::Output(0)], "then the second click");
        state.apply(Command::Redo);
        state.apply(Command::Redo);
        assert_eq!((held(&state), state.view.layer_head().layer), (vec![TokenPos::Output(1)], layer), "and forth");
        assert_eq!(state.history.redoes(), None, "nothing more");
    }

    #[test]
    fn a_new_change_ends_what_could_be_redone() {
        let mut state = answered();
        click(&mut state, 0);
        state.apply(Command::Undo);
        state.apply(Command::ToggleOverlay);
        assert_eq!(state.history.redoes(), None, "another way was taken");
        state.apply(Command::Redo);
        assert!(state.selection.is_empty(), "nothing comes back");
    }

    #[test]
    fn a_drag_of_a_slider_is_one_step() {
        let mut state = answered();
        let before = state.colour;
        state.history.another_gesture();
        for i in 1..30_u8 {
            let mut colour = state.colour;
            colour.style.opacity = f32::from(i) / 40.0;
            state.apply(Command::SetColour(colour));
        }
        state.apply(Command::Undo);
        assert_eq!(state.colour, before, "all of it");
    }

    #[test]
    fn the_photo_comes_back_with_what_was_held_on_it() {
        let mut state = answered();
        click(&mut state, 1);
        state.history.another_gesture();
        state.apply(Command::NextImage);
        assert!(state.selection.is_empty(), "another photo");
        state.apply(Command::Undo);
        assert_eq!(held(&state), [TokenPos::Output(1)], "with what was held");
        assert_eq!(state.history.undoes(), Some("selection"), "one step, not two");
    }

    #[test]
    fn what_happened_in_between_stays() {
        let mut state = answered();
        state.apply(Command::ToggleOverlay);
        state.view.suppress_sink = true; // not a step
        state.apply(Command::Undo);
        assert!(state.colour.overlay_visible && state.view.suppress_sink, "only what the step had changed");
    }

    #[test]
    fn steps_of_an_answer_that_is_gone_are_passed_over() {
        let mut state = answered();
        state.apply(Command::ToggleOverlay);
        click(&mut state, 0);
        let id = state.current_run().map(|run| run.id).expect("answered");
        state.runs.forget(id);
        state.apply(Command::Undo);
        assert!(state.colour.overlay_visible, "the step before it was undone");
    }

    #[test]
    fn asking_is_undone_by_showing_the_answer_before() {
        let mut state = answered();
        let first = state.current_run().map(|run| run.id);
        state.apply(Command::AskThis("And now?".to_owned()));
        let second = state.current_run().map(|run| run.id);
        assert_ne!(first, second, "the new question is shown");
        state.apply(Command::Undo);
        assert_eq!(state.current_run().map(|run| run.id), first, "the one before");
        state.apply(Command::Redo);
        assert_eq!(state.current_run().map(|run| run.id), second, "both are there");
    }

    #[test]
    fn the_first_question_is_no_step() {
        let mut state = loaded();
        state.apply(Command::AskThis("One?".to_owned()));
        assert_eq!(state.history.undoes(), None, "there was no answer to go back to");
    }

    #[test]
    fn a_panel_that_was_removed_comes_back() {
        let mut state = answered();
        for kind in [FigureCommand::AddShown, FigureCommand::Remove(0)] {
            state.history.another_gesture();
            state.apply(Command::Figure(kind));
        }
        let panels = |state: &AppState| state.figure.recipe().panels.len();
        assert_eq!((panels(&state), state.history.undoes()), (0, Some("figure")), "removed");
        state.apply(Command::Undo);
        assert_eq!(panels(&state), 1, "it is back");
        assert!(state.figure_missing().is_empty(), "with the answer that it shows");
        state.apply(Command::Undo);
        assert_eq!(panels(&state), 0, "and not even added");
        state.apply(Command::Redo);
        assert_eq!(panels(&state), 1, "and forth");
    }

    #[test]
    fn few_steps_are_kept() {
        let mut state = answered();
        for _ in 0..3 * MOST_STEPS {
            state.history.another_gesture();
            state.apply(Command::ToggleOverlay);
        }
        assert_eq!(state.history.done.len(), MOST_STEPS, "the oldest went");
    }
}
