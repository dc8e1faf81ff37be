//! The panels by name, and the tables that they show.

use serde::{Deserialize, Serialize};

/// Where a panel stands by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the left.
    List,
    /// Where the photo is.
    Stage,
    /// The question, with the inspector below it.
    Answer,
    /// Beside the inspector.
    Tools,
    /// A section of the inspector, until it is made a panel of its own.
    Section(Group),
}

/// What a section of the inspector is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The selected word.
    Word,
    /// The heat map.
    Map,
    /// The photo.
    Photo,
}

/// A panel as the window lists it.
#[derive(Debug, Clone, Copy)]
pub struct PaneEntry {
    /// Which one.
    pub pane: Pane,
    /// On its tab.
    pub title: &'static str,
    /// What it is for, in a sentence.
    pub help: &'static str,
    /// Where it stands by default.
    pub place: Place,
}

macro_rules! panes {
    ($($(#[$doc:meta])* $pane:ident, $title:literal, $help:literal, $place:expr;)*) => {
        /// A panel. Layouts are stored by these names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Pane {
            $($(#[$doc])* $pane,)*
        }

        /// Every panel, in the order of the menu; sections in that of the inspector.
        pub const PANES: &[PaneEntry] = &[
            $(PaneEntry { pane: Pane::$pane, title: $title, help: $help, place: $place },)*
        ];
    };
}

panes! {
    /// Images on offer.
    Images, "Images", "The images on offer, by name, number, objects, tags", Place::List;
    /// The photo with its overlay.
    Photo, "Photo", "The photo with its heat map", Place::Stage;
    /// Runs side by side.
    Compare, "Compare", "Up to four answers side by side, with the difference of their maps", Place::Stage;
    /// What is on the screen as a figure for a paper.
    Figure, "Figure", "What is on the screen as a figure for a paper", Place::Stage;
    /// Studies and their tables.
    Study, "Study", "One set of questions asked of a whole data set: tables, rows, running", Place::Stage;
    /// Pairs of photos that two encoders see differently.
    Pairs, "Pairs", "Pairs of photos that one encoder takes for nearly the same and another does not", Place::Stage;
    /// The question and the answer.
    Question, "Question and answer", "The question, how it is decoded, and the answer", Place::Answer;
    /// Everything about the word, the map and the photo, in sections that fold.
    Inspector, "Inspector", "Everything about the selected word, the map and the photo, in sections", Place::Tools;
    /// Methods against hallucination.
    Mitigation, "Mitigation", "Methods against hallucination: which act, what they are set to, what they did",
        Place::Tools;
    /// Attention prompting on the photo.
    Prompting, "API", "Attention prompting (API): the photo darkened where a model does not look", Place::Tools;
    /// What else the token could have been.
    Candidates, "Candidates", "What else the model could have said, and forks of the answer",
        Place::Section(Group::Word);
    /// Where a word came from.
    Origin, "Origin", "How much of a word comes from the image, the question and the answer so far",
        Place::Section(Group::Word);
    /// The encoder's outliers against the decoder's.
    Outliers, "Outliers", "Patches that the vision encoder's [CLS] over-attends", Place::Section(Group::Word);
    /// Layers x heads.
    Heads, "Layers × heads", "A small map for every layer and head", Place::Section(Group::Map);
    /// Image attention of every layer.
    Layers, "Per layer", "Attention on the image by layer, or by word", Place::Section(Group::Map);
    /// The map against the objects.
    Metrics, "Metrics", "How well the map agrees with the chosen objects", Place::Section(Group::Map);
    /// Colours of the overlay.
    Colours, "Colours", "Colour map, range, opacity of the heat map", Place::Section(Group::Map);
    /// Annotated objects of the photo.
    Objects, "Objects", "The annotated objects of the photo", Place::Section(Group::Photo);
    /// Tags and a note.
    Notes, "Notes", "Tags and a note about the photo", Place::Section(Group::Photo);
    /// Yes/no questions about objects.
    Pope, "POPE", "Yes/no questions about objects, and how they were answered", Place::Section(Group::Photo);
}

impl Pane {
    /// How the window lists it.
    pub fn entry(self) -> PaneEntry {
        let listed = PANES.iter().find(|entry| entry.pane == self);
        // Both lists are written by one macro.
        listed.copied().unwrap_or(PaneEntry { pane: self, title: "", help: "", place: Place::Tools })
    }

    /// What it is for, in a sentence.
    pub fn help(self) -> &'static str {
        self.entry().help
    }

    /// On its tab.
    pub fn title(self) -> &'static str {
        self.entry().title
    }

    /// What a section of the inspector is about; `None` for a panel that is never one.
    pub fn section(self) -> Option<Group> {
        match self.entry().place {
            Place::Section(group) => Some(group),
            Place::List | Place::Stage | Place::Answer | Place::Tools => None,
        }
    }
}

/// A panel that has a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// The map against the chosen objects.
    Metrics,
    /// Yes/no questions with their answers.
    Pope,
    /// What each scorer makes of all answers together.
    PopeFigures,
    /// The encoder's largest patches against the decoder's.
    Outliers,
    /// Annotated objects.
    Objects,
    /// What else the token could have been.
    Candidates,
    /// Attention on the image, layer by layer or word by word.
    Layers,
    /// Attention on the image of every layer and head.
    Heads,
    /// Every run about the photo.
    Runs,
    /// The shown table of a study.
    Study,
}

impl TableKind {
    /// Every one; of several that are in sight, the first is the one that is most likely meant.
    pub const ALL: [Self; 10] = [
        Self::Study,
        Self::Metrics,
        Self::Pope,
        Self::PopeFigures,
        Self::Outliers,
        Self::Objects,
        Self::Candidates,
        Self::Layers,
        Self::Heads,
        Self::Runs,
    ];

    /// What it is a table of.
    pub fn label(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Pope => "POPE questions",
            Self::PopeFigures => "POPE scores",
            Self::Outliers => "outliers",
            Self::Objects => "objects",
            Self::Candidates => "candidates",
            Self::Layers => "attention on the image",
            Self::Heads => "layers and heads",
            Self::Runs => "runs",
            Self::Study => "the study",
        }
    }

    /// The panel that shows it.
    pub fn pane(self) -> Pane {
        match self {
            Self::Metrics => Pane::Metrics,
            Self::Pope | Self::PopeFigures => Pane::Pope,
            Self::Outliers => Pane::Outliers,
            Self::Objects => Pane::Objects,
            Self::Candidates => Pane::Candidates,
            Self::Layers => Pane::Layers,
            Self::Heads => Pane::Heads,
            Self::Runs => Pane::Compare,
            Self::Study => Pane::Study,
        }
    }
}
