//! The questions of one image.

use super::{Label, ObjectStatistics, PopeQuestion, Template};
use crate::analysis::seeded::Seeded;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How absent objects are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Negatives {
    /// `random`: any object of the data set, each as likely.
    #[default]
    Random,
    /// `popular`: the most frequent of the data set.
    Popular,
    /// `adversarial`: what most often occurs together with the present object just asked about.
    Adversarial,
}

impl Negatives {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Random, Self::Popular, Self::Adversarial];

    /// Its name, as in the names of POPE's files.
    pub fn id(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Popular => "popular",
            Self::Adversarial => "adversarial",
        }
    }

    /// The way of that name.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.id() == id)
    }
}

/// How questions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PopeOptions {
    /// How absent objects are chosen.
    pub negatives: Negatives,
    /// How questions are worded.
    pub template: Template,
    /// Present objects asked about, the first ones; POPE's files have 3. `None`: all.
    pub most_positives: Option<usize>,
    /// Seed of the random choices.
    pub seed: u64,
}

/// For each present object its question and then one about an absent object, until the data set has no other absent
/// object: so there are as many of each, as in POPE's files. An absent object is asked about once.
///
/// **Source**: `pope` of POPE's `utils.py`. **Differs**: random choices come from our own generator; an image that has
/// everything ends, where the script runs forever; objects of the image are taken once each, in their order.
pub fn questions<O: AsRef<str>>(
    objects: &[O],
    statistics: &ObjectStatistics,
    options: &PopeOptions,
) -> Vec<PopeQuestion> {
    let mut seeded = Seeded::new(options.seed);
    let mut present: Vec<&str> = Vec::new();
    for object in objects {
        if !present.contains(&object.as_ref()) {
            present.push(object.as_ref());
        }
    }
    let mut taken: BTreeSet<&str> = present.iter().copied().collect();
    let question = |category: &str, label| PopeQuestion {
        category: category.to_owned(),
        text: options.template.question(category),
        label,
    };
    let mut made = Vec::new();
    for &object in present.iter().take(options.most_positives.unwrap_or(usize::MAX)) {
        made.push(question(object, Label::Yes));
        let ranked = match options.negatives {
            Negatives::Random => Vec::new(),
            Negatives::Popular => statistics.by_frequency(),
            Negatives::Adversarial => statistics.by_co_occurrence(object),
        };
        let best = ranked.into_iter().find(|candidate| !taken.contains(candidate));
        let absent = best.or_else(|| {
            let free: Vec<&str> =
                statistics.objects().iter().map(String::as_str).filter(|o| !taken.contains(o)).collect();
            seeded.choose(&free).copied()
        });
        if let Some(absent) = absent {
            taken.insert(absent);
            made.push(question(absent, Label::No));
        }
    }
    made
}
