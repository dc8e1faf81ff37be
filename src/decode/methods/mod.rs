//! The registry of methods: everything that changes how an answer comes about.

mod ad_hh;
mod avisc;
mod base_rank;
mod causalmm;
mod cutoff;
mod damro;
mod deco;
mod devils;
mod dola;
mod eah;
mod flip;
mod icd;
mod knockout;
mod m3id;
mod only;
mod opera;
mod pai;
mod pai_both;
mod pai_cfg;
mod plain;
mod rules;
mod sid;
mod spin;
mod steer;
mod vaf;
mod var;
mod vcd;
mod vdgd;
mod vista;
mod vti;
mod yes_suffix;

use super::method::{ActiveMethod, Method};
use super::parameters::{ParameterInfo, Registered, names};
use super::{DecodeError, Parameters, Word};
use crate::names::hint;
use crate::registry::{Added, NameTaken};

/// The methods that the crate brings, in the order of menus.
pub const METHODS: &[&dyn Method] = &[
    &plain::Plain,
    &vcd::Vcd,
    &damro::Damro,
    &icd::Icd,
    &pai_cfg::PaiCfg,
    &m3id::M3id,
    &sid::Sid,
    &avisc::Avisc,
    &only::Only,
    &causalmm::Causalmm,
    &vdgd::Vdgd,
    &opera::Opera,
    &base_rank::BaseRank,
    &cutoff::Cutoff,
    &flip::Flip,
    &yes_suffix::YesSuffix,
    &knockout::Knockout,
    &pai::Pai,
    &pai_both::PaiBoth,
    &vaf::Vaf,
    &var::Var,
    &eah::Eah,
    &devils::Devils,
    &spin::Spin,
    &ad_hh::AdHh,
    &vti::Vti,
    &vista::Vista,
    &dola::Dola,
    &deco::Deco,
];

/// Most methods cut off what the ordinary branch finds implausible.
const BETA: ParameterInfo =
    ParameterInfo::real("beta", "0.1", (0.0, 1.0), "Tokens below this share of the largest probability are removed")
        .usual(0.0, 0.5);

/// The strength of a contrast, with its published value.
const fn alpha(default: &'static str) -> ParameterInfo {
    ParameterInfo::real("alpha", default, (0.0, 10.0), "Strength of the contrast; 0 is none").usual(0.0, 4.0)
}

static ADDED: Added<dyn Method> = Added::new();

/// Adds a method to them: it is found by its name wherever one is.
///
/// **Errors**: a name that another has.
pub fn add_method(method: &'static dyn Method) -> Result<(), NameTaken> {
    let own: Vec<&str> = METHODS.iter().map(|method| method.id()).collect();
    ADDED.add(method, |method| method.id(), &own)
}

/// Every method that an option takes, in the order of menus; [`Word::Method`] has all of them but those whose name
/// means another method there.
pub fn methods(word: Word) -> impl Iterator<Item = &'static dyn Method> + Clone {
    let all = || METHODS.iter().copied().chain(ADDED.all());
    let is_hidden = move |method: &&'static dyn Method| {
        let is_own = |other: &'static dyn Method| other.id() == method.id() && other.info().word == Word::Method;
        method.info().word != Word::Method && all().any(is_own)
    };
    all().filter(move |method| if word == Word::Method { !is_hidden(method) } else { method.info().word == word })
}

/// What `--strategy` takes; the first is the default.
pub fn strategies() -> impl Iterator<Item = &'static dyn Method> + Clone {
    methods(Word::Strategy)
}

/// What `--intervene` takes.
pub fn interventions() -> impl Iterator<Item = &'static dyn Method> + Clone {
    methods(Word::Intervention)
}

/// The registered method of that name among those that an option takes; no name is `plain`, where that is one.
///
/// Where two have a name, `--method` means the one that no other option takes.
pub fn method_named(word: Word, name: &str) -> Result<&'static dyn Method, DecodeError> {
    let named = |method: &&'static dyn Method| method.id() == if name.is_empty() { "plain" } else { name };
    let own = methods(word).find(|method| named(method) && method.info().word == word);
    own.or_else(|| methods(word).find(named)).ok_or_else(|| DecodeError::UnknownName {
        kind: match word {
            Word::Strategy => "strategies",
            Word::Intervention => "interventions",
            Word::Method => "methods",
        },
        known: names(methods(word).map(Registered::id)),
        found: name.to_owned(),
        hint: hint(name, methods(word).map(Registered::id)),
    })
}

/// A registered method, what it made for one answer, and the parameters as they are used.
pub type Built = (&'static dyn Method, Box<dyn ActiveMethod>, Parameters);

/// Makes a registered method, its parameters checked by themselves. They come back as they are used, for the trace.
pub fn build(word: Word, name: &str, given: &[(String, String)]) -> Result<Built, DecodeError> {
    let method = method_named(word, name)?;
    let mut parameters = Parameters::resolve(method, given)?;
    Ok((method, method.build(&mut parameters)?, parameters))
}
