//! The panels by name, and the tables that they show.

use serde::{Deserialize, Serialize};

/// A panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Pane {
    /// Images on offer.
    Images,
    /// The photo with its overlay.
    Photo,
    /// Runs side by side.
    Compare,
    /// What is on the screen as a figure for a paper.
    Figure,
    /// The question and the answer.
    Question,
    /// Source, layer, head.
    Attention,
    /// Colours of the overlay.
    Colours,
    /// Layers x heads.
    Heads,
    /// Image attention of every layer.
    Layers,
    /// What else the token could have been.
    Candidates,
    /// Annotated objects of the photo.
    Objects,
    /// The map against the objects.
    Metrics,
    /// Where a word came from.
    Origin,
    /// The encoder's outliers against the decoder's.
    Outliers,
    /// Yes/no questions about objects.
    Pope,
    /// Attention prompting on the photo.
    Prompting,
}

impl Pane {
    /// Every panel.
    pub const ALL: [Self; 16] = [
        Self::Images,
        Self::Photo,
        Self::Compare,
        Self::Figure,
        Self::Question,
        Self::Attention,
        Self::Colours,
        Self::Heads,
        Self::Layers,
        Self::Candidates,
        Self::Objects,
        Self::Metrics,
        Self::Origin,
        Self::Outliers,
        Self::Pope,
        Self::Prompting,
    ];

    /// What it is for, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::Images => "The images on offer, by name, number, objects, tags",
            Self::Photo => "The photo with its heat map",
            Self::Compare => "Up to four answers side by side, with the difference of their maps",
            Self::Figure => "What is on the screen as a figure for a paper",
            Self::Question => "The question, how it is decoded, and the answer",
            Self::Attention => "Whose attention: source, layer, head, normalisation",
            Self::Colours => "Colour map, range, opacity of the heat map",
            Self::Heads => "A small map for every layer and head",
            Self::Layers => "Attention on the image by layer, or by word",
            Self::Candidates => "What else the model could have said, and forks of the answer",
            Self::Objects => "The annotated objects of the photo",
            Self::Metrics => "How well the map agrees with the chosen objects",
            Self::Origin => "How much of a word comes from the image, the question and the answer so far",
            Self::Outliers => "Patches that the vision encoder's [CLS] over-attends",
            Self::Pope => "Yes/no questions about objects, and how they were answered",
            Self::Prompting => "Attention prompting: the photo darkened where a model does not look",
        }
    }

    /// On its tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Images => "Images",
            Self::Photo => "Photo",
            Self::Compare => "Compare",
            Self::Figure => "Figure",
            Self::Question => "Question and answer",
            Self::Attention => "Attention",
            Self::Colours => "Colours",
            Self::Heads => "Layers × heads",
            Self::Layers => "Per layer",
            Self::Candidates => "Candidates",
            Self::Objects => "Objects",
            Self::Metrics => "Metrics",
            Self::Origin => "Origin",
            Self::Outliers => "Outliers",
            Self::Pope => "POPE",
            Self::Prompting => "API",
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
}

impl TableKind {
    /// Every one; of several that are in sight, the first is the one that is most likely meant.
    pub const ALL: [Self; 9] = [
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
            Self::PopeFigures => "POPE figures",
            Self::Outliers => "outliers",
            Self::Objects => "objects",
            Self::Candidates => "candidates",
            Self::Layers => "attention on the image",
            Self::Heads => "layers and heads",
            Self::Runs => "runs",
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
        }
    }
}
