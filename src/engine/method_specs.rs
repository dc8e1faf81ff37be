//! The methods of a question, said in one way whichever options named them.

use super::messages::{Question, Spec};
use crate::decode::{Word, method_named};

/// The methods of a question in the order in which they act: interventions, the strategy, further ones.
///
/// An intervention and a strategy touch different things (the passes of the ordinary branch, and logits), so their
/// order is of no account; that of interventions among each other is, and so is that of all others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct MethodSpecs {
    pub(super) interventions: Vec<Spec>,
    /// The first strategy; plain where there is none.
    pub(super) strategy: Spec,
    /// What the other two cannot say.
    pub(super) methods: Vec<Spec>,
}

impl MethodSpecs {
    /// What `--method` names goes where the older options would have put it, as far as that changes no order.
    pub(super) fn of(question: &Question) -> Self {
        let (interventions, strategy) = (question.interventions.clone(), question.strategy.clone());
        let mut all = Self { interventions, strategy, methods: Vec::new() };
        for spec in &question.methods {
            match word(spec) {
                Some(Word::Strategy) if spec.is_plain() && spec.parameters.is_empty() => {}
                Some(Word::Strategy) if all.methods.is_empty() && all.strategy.is_plain() => {
                    all.strategy = spec.clone();
                }
                Some(Word::Intervention) if all.methods.iter().all(|one| word(one) == Some(Word::Strategy)) => {
                    all.interventions.push(spec.clone());
                }
                _ => all.methods.push(spec.clone()),
            }
        }
        all
    }

    /// Every method in order with the option that takes it; plain decoding is one.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (Word, &Spec)> {
        let interventions = self.interventions.iter().map(|spec| (Word::Intervention, spec));
        let methods = self.methods.iter().map(|spec| (Word::Method, spec));
        interventions.chain([(Word::Strategy, &self.strategy)]).chain(methods)
    }
}

/// Which of the older options takes what `--method` names; `None` if there is nothing of that name.
fn word(spec: &Spec) -> Option<Word> {
    method_named(Word::Method, &spec.name).ok().map(|method| method.info().word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{ImageSource, Prompt};

    fn specs(strategy: &str, interventions: &[&str], methods: &[&str]) -> [String; 3] {
        let named = |text: &&str| text.parse().expect("a SPEC");
        let question = Question {
            max_new_tokens: 1,
            strategy: if strategy.is_empty() { Spec::default() } else { named(&strategy) },
            interventions: interventions.iter().map(named).collect(),
            methods: methods.iter().map(named).collect(),
            ..Question::new(ImageSource::Bundled("a.png".to_owned()), Prompt::Templated("q".to_owned()))
        };
        let MethodSpecs { interventions, strategy, methods } = MethodSpecs::of(&question);
        let list = |specs: Vec<Spec>| specs.iter().map(Spec::to_string).collect::<Vec<_>>().join(" ");
        [list(interventions), strategy.to_string(), list(methods)]
    }

    #[test]
    fn what_older_options_can_say_is_said_by_them() {
        let of_methods = |methods: &[&str]| specs("", &[], methods);
        assert_eq!(of_methods(&["vcd:alpha=2", "knockout"]), ["knockout", "vcd:alpha=2", ""], "one of each");
        assert_eq!(
            of_methods(&["knockout", "vcd:alpha=2"]),
            of_methods(&["vcd:alpha=2", "knockout"]),
            "in either order"
        );
        assert_eq!(of_methods(&["plain"]), ["", "", ""], "nothing at all");
        assert_eq!(of_methods(&["pai"]), ["", "", "pai"], "by `--method` it is more than the intervention");
        assert_eq!(specs("vcd", &["pai"], &["knockout:patches=0.0"]), ["pai knockout:patches=0.0", "vcd", ""], "mixed");
    }

    #[test]
    fn what_they_cannot_say_stays_in_order_behind_them() {
        let stacked = ["", "vcd", "damro m3id"];
        assert_eq!(specs("", &[], &["vcd", "damro", "m3id"]), stacked, "the first strategy has its own place");
        assert_eq!(specs("vcd", &[], &["damro", "m3id"]), stacked, "whichever option named it");
        assert_eq!(
            specs("", &[], &["vcd", "damro", "knockout"]),
            ["knockout", "vcd", "damro"],
            "scores and logits do not meet"
        );
        assert_eq!(
            specs("", &[], &["nothing", "vcd", "knockout"]),
            ["", "", "nothing vcd knockout"],
            "unknown ones may do both"
        );
    }
}
