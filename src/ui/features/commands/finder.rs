//! Everything that can be done, as lines to choose from: named commands, panels, settings that are one choice of few,
//! places to go.

use crate::analysis::sources;
use crate::engine::ModelSource;
use crate::ui::core::command::{
    Command, CompareCommand, FigureCommand, Keymap, Menu, NAMED_COMMANDS, PanelKind, PopeCommand, PromptingCommand,
};
use crate::ui::core::pane::PANES;
use crate::ui::core::settings::{AskSettings, Axis, ChipQuantity, SCALES, ThemeChoice};
use crate::ui::features::{AppState, Normalisation, Reduce, Source};
use eframe::egui::KeyboardShortcut;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// What a title counts more than the sentence that explains it.
const TITLE: u32 = 1000;

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What it does, in few words.
    pub title: String,
    /// Where else it stands.
    pub place: &'static str,
    /// One sentence.
    pub tip: String,
    /// Its keys.
    pub keys: Option<KeyboardShortcut>,
    /// What it does.
    pub command: Command,
    /// Why it would do nothing now.
    pub why_not: Option<&'static str>,
}

/// A line that fits what was typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The line.
    pub entry: Entry,
    /// Letters of its title that were typed, by their place.
    pub letters: Vec<u32>,
}

/// The name of a menu.
pub fn menu_title(menu: Menu) -> &'static str {
    match menu {
        Menu::File => "File",
        Menu::Edit => "Edit",
        Menu::View => "View",
        Menu::Ask => "Question",
        Menu::Go => "Go",
        Menu::Help => "Help",
    }
}

/// Lines for what was typed, best first; everything when nothing was. `used` are titles chosen lately, newest first:
/// they come first.
pub fn find(state: &AppState, keymap: &Keymap, typed: &str, used: &[String]) -> Vec<Found> {
    let typed = typed.trim();
    if typed.is_empty() {
        let mut entries = entries(state, keymap);
        entries.sort_by_key(|entry| used.iter().position(|title| *title == entry.title).unwrap_or(usize::MAX));
        return entries.into_iter().map(|entry| Found { entry, letters: Vec::new() }).collect();
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::parse(typed, CaseMatching::Ignore, Normalization::Smart);
    let mut found = Vec::new();
    for entry in entries(state, keymap) {
        let (mut letters, mut buffer) = (Vec::new(), Vec::new());
        let title = Utf32Str::new(&entry.title, &mut buffer);
        let score = if let Some(score) = pattern.indices(title, &mut matcher, &mut letters) {
            score + TITLE
        } else {
            letters.clear();
            let words = format!("{} {} {}", entry.place, entry.title, entry.tip);
            let mut buffer = Vec::new();
            let score = pattern.score(Utf32Str::new(&words, &mut buffer), &mut matcher);
            // Letters scattered over a sentence are no match.
            let Some(score) = score.filter(|_| has_every_word(&words, typed)) else { continue };
            score
        };
        letters.sort_unstable();
        letters.dedup();
        let lately =
            used.iter().rev().zip(1_u32..).find_map(|(title, points)| (*title == entry.title).then_some(points));
        found.push((score + lately.unwrap_or_default(), Found { entry, letters }));
    }
    // Letters scattered over other titles are no match where a title has them together.
    let best = found.iter().map(|(score, _)| *score).max().unwrap_or_default();
    if best > TITLE {
        found.retain(|(score, _)| *score < TITLE || 4 * (score - TITLE) >= 3 * (best - TITLE));
    }
    found.sort_by_key(|(score, found)| (std::cmp::Reverse(*score), found.entry.why_not.is_some()));
    let mut found: Vec<Found> = found.into_iter().map(|(_, found)| found).collect();
    let places = typed_places(state, typed).into_iter().map(|entry| Found { entry, letters: Vec::new() });
    found.extend(places);
    found
}

fn has_every_word(text: &str, typed: &str) -> bool {
    let text = text.to_lowercase();
    typed.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

fn entries(state: &AppState, keymap: &Keymap) -> Vec<Entry> {
    let named = NAMED_COMMANDS.iter().filter(|named| *named.command != Command::TogglePalette);
    let mut entries: Vec<Entry> = named
        .map(|named| Entry {
            title: named.label.to_owned(),
            place: menu_title(named.menu),
            tip: named.tooltip.to_owned(),
            keys: keymap.of(named).first().copied(),
            command: named.command.clone(),
            why_not: state.why_not(named.command),
        })
        .collect();
    entries.extend(
        PANES
            .iter()
            .map(|entry| one("Panel", format!("Show {}", entry.title), entry.help, Command::ShowPane(entry.pane))),
    );
    entries.extend(views(state));
    entries.extend(of_panels());
    let kinds = PanelKind::GROUPS.into_iter().flat_map(|group| group.kinds).copied();
    entries.extend(kinds.map(|kind| {
        let title = format!("Figure: add {}", lower_first(kind.label()));
        one("Figure", title, kind.help(), Command::Figure(FigureCommand::Add(kind)))
    }));
    entries.extend(AskSettings::all_methods().map(|entry| {
        let verb = if state.ask.has_method(entry.id) { "Remove" } else { "Add" };
        let title = format!("{verb} method {}", AskSettings::method_name(entry.id));
        one("Mitigation", title, entry.help, Command::ToggleMethod(entry.id))
    }));
    entries.extend(ThemeChoice::ALL.map(|(theme, label)| {
        one("View", format!("Theme: {}", lower_first(label)), "Colours of the window", Command::SetTheme(theme))
    }));
    for scale in SCALES {
        let title = format!("Interface size: {:.0} %", scale * 100.0);
        entries.push(one("View", title, "Text and controls", Command::SetScale(scale)));
    }
    for name in &state.prefs.recent_models {
        let title = format!("Open model {name}");
        entries.push(one("Recent models", title, "Recently opened", Command::OpenModel(ModelSource::named(name))));
    }
    entries
}

fn one(place: &'static str, title: String, tip: &str, command: Command) -> Entry {
    Entry { title, place, tip: tip.to_owned(), keys: None, command, why_not: None }
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_lowercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

/// Buttons of panels that are worth finding without looking for the panel.
fn of_panels() -> impl Iterator<Item = Entry> {
    let all: [(&'static str, &str, &str, Command); 7] = [
        (
            "API",
            "API: compute heat map",
            "Where the model of the API panel looks for its query",
            Command::Prompting(PromptingCommand::Find),
        ),
        ("POPE", "POPE: ask all questions", "Those of the table without an answer", Command::Pope(PopeCommand::AskAll)),
        (
            "Compare",
            "Compare all answers about this photo",
            "Side by side, with the list of runs",
            Command::Compare(CompareCommand::ShowAll),
        ),
        (
            "Figure",
            "Figure: save as…",
            "PNG, SVG, PDF or a page, with its recipe",
            Command::Figure(FigureCommand::PickFile),
        ),
        ("Figure", "Figure: copy its recipe", "As JSON to the clipboard", Command::Figure(FigureCommand::CopyRecipe)),
        (
            "Figure",
            "Figure: remove every panel",
            "How it is set stays; can be undone",
            Command::Figure(FigureCommand::Clear),
        ),
        (
            "Recent",
            "Clear the list of recent files",
            "Forgets what was opened; no file is touched",
            Command::ClearRecent,
        ),
    ];
    all.into_iter().map(|(place, title, tip, command)| one(place, title.to_owned(), tip, command))
}

/// What is one choice of few under Attention and Colours.
fn views(state: &AppState) -> Vec<Entry> {
    let with = |change: &dyn Fn(&mut crate::ui::core::settings::ViewState)| {
        let mut view = state.view;
        change(&mut view);
        Command::SetView(view)
    };
    let attention = |title: &str, tip: &str, command| one("Attention", title.to_owned(), tip, command);
    let mut entries = vec![
        attention(
            "Source: decoder",
            "Attention of the words of the answer",
            with(&|view| view.source = Source::DECODER),
        ),
        attention(
            "Source: vision encoder [CLS]",
            "Attention of the vision encoder's [CLS] token",
            with(&|view| view.source = Source::VISION),
        ),
    ];
    let trace = state.current_run().and_then(|run| run.trace.as_ref());
    for source in sources().filter(|source| ![Source::DECODER, Source::VISION].contains(source)) {
        if trace.is_some_and(|trace| source.is_in(trace, state.view.encoder)) {
            let title = format!("Source: {}", lower_first(source.name()));
            entries.push(attention(&title, source.help(), with(&|view| view.source = source)));
        }
    }
    entries.extend([
        attention(
            "Layers: mean of all",
            "The mean over layers",
            with(&|view| view.layer_head_mut().layer.reduce = Some(Reduce::Mean)),
        ),
        attention(
            "Heads: mean of all",
            "The mean over heads",
            with(&|view| view.layer_head_mut().head.reduce = Some(Reduce::Mean)),
        ),
        attention(
            "Normalisation: raw",
            "Probability over all keys",
            with(&|view| view.normalisation = Normalisation::Raw),
        ),
        attention(
            "Normalisation: share of the image",
            "Divided by the sum over all patches",
            with(&|view| view.normalisation = Normalisation::ImageShare),
        ),
        attention(
            if state.view.suppress_sink { "Sink: keep it" } else { "Sink: leave it out" },
            "The first position's attention",
            with(&|view| view.suppress_sink = !view.suppress_sink),
        ),
    ]);
    let chips = [
        (ChipQuantity::ImageShare, "attention on the image"),
        (ChipQuantity::Probability, "probability"),
        (ChipQuantity::Entropy, "entropy"),
        (ChipQuantity::ElbowK, "elbow k"),
        (ChipQuantity::BaseRank, "base rank"),
    ];
    let (title, tip) = if state.pieces {
        ("Answer: whole words", "One chip for each word, whatever its tokens")
    } else {
        ("Answer: pieces of words", "One chip for each token")
    };
    entries.push(one("Question", title.to_owned(), tip, Command::SetPieces(!state.pieces)));
    entries.extend(chips.map(|(chips, label)| {
        one("Question", format!("Words coloured by {label}"), "Colours of the answer's words", Command::SetChips(chips))
    }));
    entries
}

/// What the typed text itself may name: a layer and a head, an image, a question.
fn typed_places(state: &AppState, typed: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    if let (Some([layer_idx, head_idx]), Some((layers, heads))) = (layer_and_head(typed), state.shape())
        && layer_idx < layers
        && head_idx < heads
    {
        let mut view = state.view;
        let axis = |idx| Axis { idx, reduce: None };
        view.layer_head_mut().layer = axis(layer_idx);
        view.layer_head_mut().head = axis(head_idx);
        let title = format!("Go to layer {layer_idx}, head {head_idx}");
        entries.push(one("Attention", title, "Counted from 0", Command::SetView(view)));
    }
    let image = format!("Go to image {typed}");
    entries.push(one("Go", image, "By number or name", Command::JumpToImage(typed.to_owned())));
    let ask = format!("Ask: {typed}");
    entries.push(one("Question", ask, "About the photo that is shown", Command::AskThis(typed.to_owned())));
    if typed.contains(char::is_whitespace) {
        entries.reverse(); // several words are a question rather than a name
    }
    entries
}

/// "L3 H5", "layer 3 head 5", "3 5", "3,5": layer and head, from 0.
fn layer_and_head(typed: &str) -> Option<[usize; 2]> {
    let is_number = |letter: char| letter.is_ascii_digit();
    let words = typed.to_lowercase();
    let known = words
        .split(|letter: char| is_number(letter) || letter.is_whitespace() || letter == ',')
        .filter(|word| !word.is_empty());
    let mut known = known.peekable();
    known.peek();
    if !known.all(|word| ["l", "h", "layer", "head"].contains(&word)) {
        return None;
    }
    let mut numbers = words.split(|letter| !is_number(letter)).filter(|number| !number.is_empty()).map(str::parse);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(layer)), Some(Ok(head)), None) => Some([layer, head]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::features::testing::{answered, loaded};
    use std::collections::HashSet;

    fn titles(state: &AppState, typed: &str) -> Vec<String> {
        find(state, &Keymap::default(), typed, &[]).into_iter().map(|found| found.entry.title).collect()
    }

    #[test]
    fn every_named_command_is_found_by_its_name() {
        let state = loaded();
        for named in NAMED_COMMANDS.iter().filter(|named| *named.command != Command::TogglePalette) {
            let first = titles(&state, named.label.trim_end_matches('…')).into_iter().next();
            assert_eq!(first.as_deref(), Some(named.label), "the first that is found");
        }
    }

    #[test]
    fn no_two_lines_look_the_same() {
        let mut state = loaded();
        state.prefs.recent_models = vec!["/m".to_owned()];
        let all = titles(&state, "");
        let distinct: HashSet<&String> = all.iter().collect();
        assert_eq!(distinct.len(), all.len(), "each title stands once");
        assert!(all.len() > NAMED_COMMANDS.len() + PANES.len(), "and there is more than the menus have");
    }

    #[test]
    fn a_few_letters_find_a_command_and_say_which() {
        let found = find(&loaded(), &Keymap::default(), "zomin", &[]);
        let first = found.first().expect("something is found");
        assert_eq!(
            (first.entry.title.as_str(), first.letters.len()),
            ("Zoom in", 5),
            "with the letters that were typed"
        );
        assert!(titles(&loaded(), "qqzzxx").iter().all(|title| title.contains("qqzzxx")), "only what names it itself");
    }

    #[test]
    fn words_of_the_explanation_find_it_too() {
        assert!(titles(&loaded(), "mask").contains(&"Objects on or off".to_owned()), "masks are another word for them");
        assert!(titles(&loaded(), "clipboard").contains(&"Copy the answer".to_owned()), "by what it does");
    }

    #[test]
    fn what_cannot_be_done_now_says_why() {
        let found = find(&loaded(), &Keymap::default(), "undo", &[]);
        assert!(found.first().is_some_and(|found| found.entry.why_not.is_some()), "nothing to undo");
    }

    #[test]
    fn layers_images_and_questions_are_typed() {
        let state = answered();
        let (layers, heads) = state.shape().expect("answered");
        assert!(titles(&state, "l0 h1").contains(&"Go to layer 0, head 1".to_owned()), "a layer and a head");
        assert!(
            !titles(&state, &format!("{layers} {heads}")).iter().any(|title| title.contains("layer ")),
            "not beyond"
        );
        let first = titles(&state, "What is this?").into_iter().next();
        assert_eq!(first.as_deref(), Some("Ask: What is this?"), "a question");
        for (typed, expected) in [("layer 3 head 5", Some([3, 5])), ("3,5", Some([3, 5])), ("3", None), ("a 3 5", None)]
        {
            assert_eq!(layer_and_head(typed), expected, "{typed}");
        }
    }

    #[test]
    fn what_was_used_comes_first() {
        let used = ["Quit".to_owned()];
        let first = find(&loaded(), &Keymap::default(), "", &used).into_iter().next();
        assert_eq!(first.map(|found| found.entry.title).as_deref(), Some("Quit"), "lately used");
    }
}
