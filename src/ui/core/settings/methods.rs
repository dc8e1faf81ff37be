//! The methods of the next questions: which are on, in which order, with which parameters.

use super::ask::{AskSettings, FIRST_CONTRAST, PLAIN, StackedMethod};
use crate::engine::{Catalog, Entry, Question, Spec};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The parameter that sets others, see [`Entry::presets`].
pub(in crate::ui) const PRESET: &str = "preset";

/// Made once: it does not change while the program runs.
fn registered() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(crate::engine::catalog)
}

impl AskSettings {
    /// Every method there is, in the order of the registry, but for plain decoding.
    pub fn all_methods() -> impl Iterator<Item = &'static Entry> {
        registered().methods.iter().filter(|entry| entry.id != PLAIN)
    }

    /// A method by its name.
    pub fn method_entry(id: &str) -> Option<&'static Entry> {
        registered().methods.iter().find(|entry| entry.id == id)
    }

    /// Those that were chosen, in the order in which they act, and whether each is on.
    pub fn chosen_methods(&self) -> Vec<(&'static Entry, bool)> {
        let (before, behind) = self.methods.split_at(self.before_strategy.min(self.methods.len()));
        let strategy = (!self.is_plain_but_for_pause()).then(|| (self.strategy_entry(), true));
        let stacked = |method: &StackedMethod| Some((Self::method_entry(&method.id)?, method.on));
        before.iter().filter_map(stacked).chain(strategy).chain(behind.iter().filter_map(stacked)).collect()
    }

    /// Names of those that act, in order.
    pub fn acting_names(&self) -> Vec<String> {
        self.acting().map(|entry| Self::method_name(entry.id)).collect()
    }

    fn acting(&self) -> impl Iterator<Item = &'static Entry> {
        let chosen = if self.paused { Vec::new() } else { self.chosen_methods() };
        chosen.into_iter().filter(|(_, on)| *on).map(|(entry, _)| entry)
    }

    /// Whether a method was chosen, on or off.
    pub fn has_method(&self, id: &str) -> bool {
        self.strategy == id && id != PLAIN || self.methods.iter().any(|method| method.id == id)
    }

    /// Puts a method to those that act, as the last one.
    pub fn add_method(&mut self, id: &str) {
        if self.has_method(id) {
            return;
        }
        self.paused = false;
        if self.has_room_for_strategy(id) {
            id.clone_into(&mut self.strategy);
        } else {
            self.methods.push(StackedMethod { id: id.to_owned(), on: true });
        }
    }

    /// Puts a method to those that act, or takes it away. Whether it is there now.
    pub fn toggle_method(&mut self, id: &str) -> bool {
        let is_there = !self.has_method(id);
        if is_there {
            self.add_method(id);
        } else {
            self.remove_method(id);
        }
        is_there
    }

    /// Takes a method away; its parameters are as published when it is chosen again.
    pub fn remove_method(&mut self, id: &str) {
        if self.strategy == id {
            PLAIN.clone_into(&mut self.strategy);
        }
        let before = self.methods.iter().take(self.before_strategy);
        self.before_strategy = before.filter(|method| method.id != id).count();
        self.methods.retain(|method| method.id != id);
        self.strategy_parameters.remove(id);
    }

    /// Switches a chosen method on or off.
    pub fn switch_method(&mut self, id: &str, on: bool) {
        if self.strategy == id && !on {
            self.remember_contrast();
            PLAIN.clone_into(&mut self.strategy);
            // In its place, where it is found when it is switched on again.
            let at = self.before_strategy.min(self.methods.len());
            self.methods.insert(at, StackedMethod { id: id.to_owned(), on: false });
        } else if let Some(at) = self.methods.iter().position(|method| method.id == id) {
            if on && self.has_room_for_strategy(id) {
                self.methods.remove(at);
                self.before_strategy = at;
                id.clone_into(&mut self.strategy);
            } else if let Some(method) = self.methods.get_mut(at) {
                method.on = on;
            }
        }
        self.paused &= !on;
    }

    /// Lets a chosen method act before the one that it follows.
    pub fn raise_method(&mut self, id: &str) {
        let at = self.methods.iter().position(|method| method.id == id);
        let is_behind = |at: usize| at == self.before_strategy && !self.is_plain_but_for_pause();
        match at {
            None if self.strategy == id => self.before_strategy = self.before_strategy.saturating_sub(1),
            Some(at) if is_behind(at) => self.before_strategy += 1,
            Some(at) if at > 0 => self.methods.swap(at - 1, at),
            _ => {}
        }
    }

    /// Takes every method away.
    pub fn clear_methods(&mut self) {
        self.remember_contrast();
        PLAIN.clone_into(&mut self.strategy);
        self.methods.clear();
        self.before_strategy = 0;
        self.paused = false;
    }

    /// Every strategy.
    pub fn strategies(&self) -> &'static [Entry] {
        &registered().strategies
    }

    /// The chosen one; the plain one if what was chosen is not there any more.
    pub fn strategy_entry(&self) -> &'static Entry {
        let strategies = &registered().strategies;
        strategies.iter().find(|entry| entry.id == self.strategy).unwrap_or(&strategies[0])
    }

    /// Whether a method is one of which a question has one, and none is chosen.
    fn has_room_for_strategy(&self, id: &str) -> bool {
        self.is_plain_but_for_pause() && registered().strategies.iter().any(|entry| entry.id == id)
    }

    fn is_plain_but_for_pause(&self) -> bool {
        self.strategy_entry().id == PLAIN
    }

    /// Whether no method acts: tokens are chosen from the model's own logits.
    pub fn is_plain(&self) -> bool {
        self.paused || (self.is_plain_but_for_pause() && !self.methods.iter().any(|method| method.on))
    }

    /// A contrastive strategy that is chosen is the one that is switched on again.
    pub(in crate::ui) fn remember_contrast(&mut self) {
        if !self.is_plain_but_for_pause() {
            self.contrast.clone_from(&self.strategy);
        }
    }

    /// The chosen methods for the next questions, or none. Where nothing was ever chosen, a contrast.
    pub(in crate::ui) fn switch_methods(&mut self, on: bool) {
        self.remember_contrast();
        self.paused = !on;
        if !on || !self.is_plain() {
            return;
        }
        if self.methods.is_empty() {
            self.strategy.clone_from(&self.contrast);
            if self.is_plain_but_for_pause() {
                FIRST_CONTRAST.clone_into(&mut self.strategy); // a strategy of another version of the program
            }
        } else {
            self.methods.iter_mut().for_each(|method| method.on = true);
        }
    }

    /// Parameters of a method that are not as published.
    pub fn given_parameters(&self, id: &str) -> Option<&BTreeMap<String, String>> {
        self.strategy_parameters.get(id)
    }

    /// A parameter as it is in force: given, of the chosen preset, or published.
    pub fn parameter(&self, entry: &Entry, name: &str) -> Option<String> {
        let given = self.given_parameters(entry.id).and_then(|given| given.get(name)).cloned();
        let parameter = entry.parameters.iter().find(|parameter| parameter.name == name)?;
        given.or_else(|| self.of_preset(entry, name)).or_else(|| Some(parameter.default.to_owned()))
    }

    /// What the chosen preset sets a parameter to.
    pub fn of_preset(&self, entry: &Entry, name: &str) -> Option<String> {
        let default = || entry.parameters.iter().find(|parameter| parameter.name == PRESET);
        let chosen = self.given_parameters(entry.id).and_then(|given| given.get(PRESET));
        let chosen = chosen.map(String::as_str).or_else(|| default().map(|parameter| parameter.default))?;
        let preset = entry.presets.iter().find(|preset| preset.id == chosen)?;
        preset.values.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned())
    }

    /// Sets a parameter of a method.
    pub fn give_parameter(&mut self, id: &str, name: &str, value: String) {
        let given = self.strategy_parameters.entry(id.to_owned()).or_default();
        if name == PRESET {
            given.clear(); // a preset sets all of them
        }
        given.insert(name.to_owned(), value);
    }

    /// One parameter as published again, or as the chosen preset has it.
    pub fn reset_parameter(&mut self, id: &str, name: &str) {
        let Some(given) = self.strategy_parameters.get_mut(id) else { return };
        given.remove(name);
        if given.is_empty() {
            self.strategy_parameters.remove(id);
        }
    }

    /// The published parameters again.
    pub fn reset_parameters(&mut self, id: &str) {
        self.strategy_parameters.remove(id);
    }

    /// The methods that act with their strengths and what is not as published: "VCD alpha 1.00", "plain decoding".
    pub fn methods_words(&self) -> String {
        said(&self.acting().map(|entry| self.method_words(entry)).collect::<Vec<_>>())
    }

    /// Their names alone: "VCD + PAI", "plain decoding".
    pub fn methods_names(&self) -> String {
        said(&self.acting_names())
    }

    fn method_words(&self, entry: &Entry) -> String {
        let mut words = Self::method_name(entry.id);
        let strength = entry.strength.map(|strength| strength.parameter);
        let given = self.given_parameters(entry.id).into_iter().flatten().map(|(name, _)| name.as_str());
        let names = strength.into_iter().chain(given.filter(|name| Some(*name) != strength));
        let values = names.map(|name| {
            let value = self.parameter(entry, name).unwrap_or_default();
            format!(" {name} {}", value.parse::<f64>().map_or(value, two_digits))
        });
        words.extend(values);
        words
    }

    /// A method by the name that it has in sentences: "VCD", "PAI (no image)".
    pub fn method_name(id: &str) -> String {
        if id == PLAIN {
            return said(&[]);
        }
        let Some(entry) = Self::method_entry(id) else { return id.to_owned() };
        match entry.label.split_once(": ") {
            Some((name, _)) if name.eq_ignore_ascii_case(entry.id) => name.to_owned(),
            Some((name, what)) => format!("{name} ({what})"),
            None => entry.label.to_owned(),
        }
    }

    fn spec_of(&self, id: &str) -> Spec {
        let given = self.given_parameters(id).into_iter().flatten();
        Spec { name: id.to_owned(), parameters: given.map(|(k, v)| (k.clone(), v.clone())).collect() }
    }

    /// Strategy and further methods as the worker takes them: a strategy acts before all others, so one that others
    /// precede is one of them.
    pub(in crate::ui) fn specs(&self) -> (Spec, Vec<Spec>) {
        if self.paused {
            return (Spec::default(), Vec::new());
        }
        let (before, behind) = self.methods.split_at(self.before_strategy.min(self.methods.len()));
        let on = |methods: &[StackedMethod]| -> Vec<Spec> {
            let known = methods.iter().filter(|method| method.on && Self::method_entry(&method.id).is_some());
            known.map(|method| self.spec_of(&method.id)).collect()
        };
        let (mut all, behind) = (on(before), on(behind));
        let strategy = (!self.is_plain_but_for_pause()).then(|| self.spec_of(&self.strategy));
        if all.is_empty() {
            return (strategy.unwrap_or_default(), behind);
        }
        all.extend(strategy);
        all.extend(behind);
        (Spec::default(), all)
    }

    /// The strategy as the worker takes it.
    pub fn spec(&self) -> Spec {
        self.specs().0
    }

    /// A question with the methods as they are set, in place of its own.
    pub(in crate::ui) fn with_methods(&self, question: Question) -> Question {
        let (strategy, methods) = self.specs();
        Question { strategy, methods, interventions: Vec::new(), ..question }
    }

    /// Whether a question's methods are those that are set.
    pub(in crate::ui) fn has_methods_of(&self, question: &Question) -> bool {
        let (strategy, methods) = self.specs();
        question.strategy == strategy && question.methods == methods && question.interventions.is_empty()
    }
}

/// Methods in one line.
fn said(methods: &[String]) -> String {
    if methods.is_empty() { "plain decoding".to_owned() } else { methods.join(" + ") }
}

/// "1.00", "0.125", "3": two digits behind the point of what is no whole number, more where they say something.
fn two_digits(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() >= 10.0 {
        return value.to_string();
    }
    let short = format!("{value:.2}");
    if short.parse() == Ok(value) { short } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ImageSource, Prompt};

    #[test]
    fn a_strategy_keeps_its_own_parameters() {
        let mut ask = AskSettings::default();
        assert_eq!(ask.spec(), Spec::default(), "plain");
        ask.strategy = "vcd".to_owned();
        ask.give_parameter("vcd", "alpha", "0.5".to_owned());
        let parameters = vec![("alpha".to_owned(), "0.5".to_owned())];
        assert_eq!(ask.spec(), Spec { name: "vcd".to_owned(), parameters }, "as it was set");
        assert_eq!(ask.methods_words(), "VCD alpha 0.50", "and said");
        ask.give_parameter("vcd", "preset", "official".to_owned());
        ask.give_parameter("vcd", "beta", "0.25".to_owned());
        assert_eq!(ask.methods_words(), "VCD alpha 1.00 beta 0.25 preset official", "strength first, of the preset");
        ask.strategy = "pai-cfg".to_owned();
        assert_eq!(ask.methods_words(), "PAI (no image) gamma 1.10", "as published");
        ask.strategy = "damro".to_owned();
        assert!(ask.spec().parameters.is_empty(), "another one has its own");
        ask.strategy = "vcd".to_owned();
        ask.reset_parameters("vcd");
        assert!(ask.spec().parameters.is_empty(), "as published again");
        ask.strategy = "gone".to_owned();
        assert!(ask.is_plain(), "a strategy of another version of the program");
    }

    #[test]
    fn methods_are_stacked_switched_and_taken_away() {
        let mut ask = AskSettings::default();
        ask.add_method("pai");
        ask.add_method("vcd");
        ask.add_method("damro");
        ask.add_method("pai"); // it is there
        let order =
            |ask: &AskSettings| ask.chosen_methods().iter().map(|(entry, on)| (entry.id, *on)).collect::<Vec<_>>();
        assert_eq!(ask.strategy, "vcd", "the first that chooses from branches has its own place");
        assert_eq!(order(&ask), [("vcd", true), ("pai", true), ("damro", true)], "in the order in which they act");
        ask.give_parameter("pai", "alpha", "0.5".to_owned());
        let question =
            ask.with_methods(Question::new(ImageSource::Bundled("a.png".to_owned()), Prompt::Raw("q".into())));
        let methods: Vec<String> = question.methods.iter().map(ToString::to_string).collect();
        assert_eq!(
            (question.strategy.to_string().as_str(), methods.as_slice()),
            ("vcd", &["pai:alpha=0.5".to_owned(), "damro".to_owned()][..])
        );
        assert!(ask.has_methods_of(&question), "the question's are those that are set");
        let ids = |ask: &AskSettings| order(ask).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        ask.raise_method("damro");
        assert_eq!(ids(&ask), ["vcd", "damro", "pai"], "earlier");
        ask.raise_method("damro");
        assert_eq!(ids(&ask), ["damro", "vcd", "pai"], "before the strategy");
        let (strategy, methods) = ask.specs();
        let methods: Vec<String> = methods.iter().map(ToString::to_string).collect();
        assert!(strategy.is_plain(), "which is then one of them");
        assert_eq!(methods, ["damro", "vcd", "pai:alpha=0.5"], "in that order");
        ask.switch_method("vcd", false);
        ask.switch_method("vcd", true);
        assert_eq!(ids(&ask), ["damro", "vcd", "pai"], "its place stays");
        ask.switch_method("pai", false);
        assert_eq!(ask.specs().1.len(), 2, "one is off");
        assert!(
            !ask.is_plain() && ask.methods_words() == "DAMRO alpha 2.00 + VCD alpha 1.00",
            "{}",
            ask.methods_words()
        );
        ask.switch_methods(false);
        assert!(ask.is_plain() && ask.spec().is_plain() && ask.specs().1.is_empty(), "all off");
        ask.switch_methods(true);
        assert_eq!(ask.methods_words(), "DAMRO alpha 2.00 + VCD alpha 1.00", "and on again as they were");
        ask.remove_method("vcd");
        ask.remove_method("damro");
        assert!(ask.is_plain(), "what is left is off");
        ask.switch_methods(false);
        ask.switch_methods(true);
        assert_eq!(ask.specs().1.len(), 1, "the one that is there is switched on");
        ask.clear_methods();
        assert_eq!((order(&ask), ask.methods_words().as_str()), (vec![], "plain decoding"), "none");
        ask.switch_methods(true);
        assert_eq!(ask.strategy, "vcd", "the contrast that was chosen last");
    }
}
