//! Twenty tasks of a researcher, each with its clicks and keys counted: none needs more than in the window with three
//! stacked panels on the right, which this one replaced, and the ten commonest need at most two.

use crate::demo::wait_until;
use crate::script::Script;
use crate::support::{Window, answered, frames, press, type_text, window};
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use gazelens::ui::core::command::Command;
use gazelens::ui::core::pane::Pane;
use gazelens::ui::core::settings::RangeMode;
use gazelens::ui::features::{AppState, Normalisation, Reduce, Source, TokenPos};

/// Somebody at the window, whose clicks and keys are counted.
struct Person {
    window: Window,
    actions: u32,
}

impl Person {
    fn new(window: Window) -> Self {
        Self { window, actions: 0 }
    }

    /// One click, on what is in sight after scrolling at most.
    fn click(&mut self, label: &str) {
        self.actions += 1;
        self.window.get_by_label(label).click_accesskit();
        frames(&mut self.window);
    }

    /// One click on a thing that the label is a part of the name of.
    fn click_part(&mut self, part: &str) {
        self.actions += 1;
        self.window.get_by_label_contains(part).click_accesskit();
        frames(&mut self.window);
    }

    fn key(&mut self, key: Key) {
        self.actions += 1;
        press(&mut self.window, key);
    }

    fn keys(&mut self, modifiers: Modifiers, key: Key) {
        self.actions += 1;
        self.window.key_press_modifiers(modifiers, key);
        frames(&mut self.window);
    }

    fn state(&self) -> &AppState {
        self.window.state().state()
    }

    fn held(&self) -> Vec<usize> {
        let of = |pos: &TokenPos| if let TokenPos::Output(idx) = pos { Some(*idx) } else { None };
        self.state().selection.tokens.iter().filter_map(of).collect()
    }
}

/// "An umbrella and a bottle." about a beach with an umbrella and without a bottle.
fn asked() -> Person {
    let answer = ["An", " umbrella", " and", " a", " bottle", "."].map(str::to_owned).to_vec();
    let (mut window, _) = answered(Script { answer, ..Script::default() });
    wait_until(&mut window, "what is known", |app| {
        app.state().truth.image.is_some()
            && app.state().pope_items().is_some_and(|items| !items.is_empty())
            && app.derived().truth.marks.words.len() == 2
    });
    frames(&mut window);
    Person::new(window)
}

/// A task: its name, what it took before, whether it is among the commonest, and how it is done now.
type Task = (&'static str, u32, bool, fn() -> u32);

const TASKS: [Task; 20] = [
    ("ask a question about the photo", 1, true, || {
        let mut person = Person::new(window(Script::default()).0);
        person.click("Describe this image in detail.");
        assert!(person.state().current_run().is_some(), "asked");
        person.actions
    }),
    ("see where a word looked, and keep it", 1, true, || {
        let mut person = asked();
        person.click("Token 1: umbrella");
        assert_eq!(person.held(), [1], "selected");
        person.actions
    }),
    ("go to the next word", 1, true, || {
        let mut person = asked();
        person.key(Key::W);
        assert_eq!(person.held(), [0], "the first");
        person.actions
    }),
    ("go to the next hallucinated word", 1, true, || {
        let mut person = asked();
        person.key(Key::X);
        assert_eq!(person.held(), [4], "the bottle");
        person.actions
    }),
    ("read where an object word came from", 2, true, || {
        let mut person = asked();
        // Folded, to see that it comes forward.
        person.window.get_by_label("Origin").click_accesskit();
        frames(&mut person.window);
        assert!(!person.window.state().is_in_sight(Pane::Origin), "folded");
        person.click("Token 1: umbrella");
        assert!(person.window.state().is_in_sight(Pane::Origin), "its section is open");
        person.window.get_by_label_contains("Attention split: first token");
        person.actions
    }),
    ("read what else a word could have been", 1, true, || {
        let mut person = asked();
        person.click("Token 1: umbrella");
        assert!(person.window.query_by_label_contains("Candidate 2 ").is_some(), "listed");
        person.actions
    }),
    ("go on with another candidate", 2, false, || {
        let mut person = asked();
        person.click("Token 1: umbrella");
        person.click_part("Candidate 2 ");
        assert_eq!(person.state().runs.iter().count(), 2, "a fork");
        person.actions
    }),
    ("look at the encoder's [CLS]", 1, true, || {
        let mut person = asked();
        person.click("Vision [CLS]");
        assert_eq!(person.state().view.source, Source::VISION, "shown");
        person.actions
    }),
    ("go to the next layer", 1, true, || {
        let mut person = asked();
        person.key(Key::ArrowRight);
        assert!(person.state().view.decoder.layer.reduce.is_none(), "one layer");
        person.actions
    }),
    ("look at one head of one layer", 1, true, || {
        let mut person = asked();
        person.click("Layer 1, head 2");
        let shown = person.state().view.decoder;
        assert_eq!([shown.layer.idx, shown.head.idx], [1, 2], "shown");
        assert!(shown.layer.reduce.is_none() && shown.head.reduce.is_none(), "alone");
        person.actions
    }),
    ("take the largest over heads", 1, false, || {
        let mut person = asked();
        person.click("Head max");
        assert_eq!(person.state().view.decoder.head.reduce, Some(Reduce::Max), "in force");
        person.actions
    }),
    ("read values as a share of the image's attention", 1, false, || {
        let mut person = asked();
        person.click("share");
        assert_eq!(person.state().view.normalisation, Normalisation::ImageShare, "in force");
        person.actions
    }),
    ("use one range for all words", 2, false, || {
        let mut person = asked();
        person.click("Range");
        person.click("shared");
        assert_eq!(person.state().colour.range_mode, RangeMode::SharedOverTokens, "in force");
        person.actions
    }),
    ("score the map against an object", 3, false, || {
        let mut person = asked();
        person.click("Token 1: umbrella");
        person.click("Metrics");
        person.window.get_by_label("Precision");
        assert!(person.state().truth.category().is_some_and(|category| category.name == "umbrella"), "this one");
        person.actions
    }),
    ("see hits and misses on the photo", 1, false, || {
        let mut person = asked();
        person.key(Key::H);
        assert!(person.state().truth.view.overlap, "shown");
        person.actions
    }),
    ("ask POPE's questions about the photo", 2, true, || {
        let mut person = asked();
        person.click("POPE");
        person.click("Ask all");
        assert!(person.state().runs.iter().count() > 1, "asked");
        person.actions
    }),
    ("ask the same with contrastive decoding", 1, false, || {
        let mut person = asked();
        person.key(Key::V);
        assert_eq!(person.state().runs.iter().count(), 2, "asked again");
        person.actions
    }),
    ("copy the metrics", 2, false, || {
        let mut person = asked();
        person.click("Metrics");
        person.keys(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::T);
        assert!(person.state().toasts.iter().any(|toast| toast.text.contains("metrics")), "copied");
        person.actions
    }),
    ("add what is shown to the figure", 1, false, || {
        let mut person = asked();
        person.keys(Modifiers::COMMAND.plus(Modifiers::SHIFT), Key::F);
        assert_eq!(person.state().figure.recipe().panels.len(), 1, "a panel");
        person.actions
    }),
    ("go to the next photo", 1, false, || {
        let mut person = asked();
        let before = person.state().current_image().cloned();
        person.key(Key::D);
        assert_ne!(person.state().current_image().cloned(), before, "another");
        person.actions
    }),
];

#[test]
fn no_task_takes_more_than_before_and_the_commonest_take_two() {
    for (name, before, _, now) in TASKS {
        let actions = now();
        assert!(actions <= before, "{name}: {actions} clicks and keys, {before} before");
    }
    let common = TASKS.iter().filter(|(_, _, is_common, _)| *is_common);
    assert_eq!(common.clone().count(), 10, "the commonest ten");
    assert!(common.clone().all(|(_, before, ..)| *before <= 2), "at most two, and no more than before");
}

#[test]
fn moving_to_the_question_needs_one_key() {
    let mut person = asked();
    person.window.state_mut().command(Command::TogglePhotoOnly);
    frames(&mut person.window);
    person.key(Key::Q);
    assert!(!person.state().open.photo_only, "the box is in sight again");
    type_text(&mut person.window, "Why?");
    assert!(person.state().ask.text.contains("Why?"), "and takes what is typed");
}
