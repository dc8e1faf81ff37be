//! The kinds of panels that the window offers.

/// Kinds of panels that can be made from what is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanelKind {
    /// The photo alone.
    Photo,
    /// The chosen category's objects.
    Mask,
    /// Where the decoder looked.
    Attention,
    /// Where the vision encoder's `[CLS]` looked.
    VisionCls,
    /// Attention prompting's map of the answer's own decoder.
    Attribution,
    /// Attention prompting's map of a CLIP.
    ClipAttribution,
    /// The darkened photo.
    Prompted,
    /// The shown map against the chosen category.
    Overlap,
    /// Every layer and head.
    Grid,
    /// A figure of merit of every layer and head.
    Scores,
    /// Attention on the image by layer.
    ImageShare,
    /// Attention on the image token by token.
    TokenShares,
    /// What the held words attended to.
    Split,
    /// Which objects the shown map lies on.
    Objects,
    /// The shown map against the chosen category over the threshold.
    Threshold,
    /// The largest patches of encoder and decoder.
    Outliers,
    /// What else the held token could have been.
    Candidates,
    /// The held token in both branches of a contrast.
    Contrast,
    /// What other strengths of a contrast would change.
    Strength,
    /// Texts that were compared with the photo.
    Similarity,
    /// Question and answer, held words marked.
    Answer,
    /// Question and answer, words coloured as on the screen.
    ShadedAnswer,
}

/// A part of the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanelGroup {
    /// Above it.
    pub label: &'static str,
    /// In its order.
    pub kinds: &'static [PanelKind],
}

impl PanelKind {
    /// In the menu's order.
    pub const GROUPS: [PanelGroup; 3] = [
        PanelGroup {
            label: "Photo and maps",
            kinds: &[
                Self::Photo,
                Self::Mask,
                Self::Attention,
                Self::VisionCls,
                Self::Attribution,
                Self::ClipAttribution,
                Self::Prompted,
                Self::Overlap,
                Self::Grid,
                Self::Scores,
            ],
        },
        PanelGroup {
            label: "Plots",
            kinds: &[
                Self::ImageShare,
                Self::TokenShares,
                Self::Split,
                Self::Objects,
                Self::Threshold,
                Self::Outliers,
                Self::Candidates,
                Self::Contrast,
                Self::Strength,
                Self::Similarity,
            ],
        },
        PanelGroup { label: "Words", kinds: &[Self::Answer, Self::ShadedAnswer] },
    ];

    /// In the menu's order.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::GROUPS.into_iter().flat_map(|group| group.kinds.iter().copied())
    }

    /// In the menu.
    pub fn label(self) -> &'static str {
        match self {
            Self::Photo => "Photo",
            Self::Mask => "Ground-truth mask",
            Self::Attention => "Attention of the selected words",
            Self::VisionCls => "Vision [CLS]",
            Self::Attribution => "Attribution (LLaVA)",
            Self::ClipAttribution => "Attribution (CLIP)",
            Self::Prompted => "Prompted photo",
            Self::Overlap => "Hits and misses",
            Self::Grid => "Layers × heads",
            Self::Scores => "A metric of layers × heads",
            Self::ImageShare => "Attention on the image per layer",
            Self::TokenShares => "Attention on the image word by word",
            Self::Split => "What the selected words looked at",
            Self::Objects => "Objects that the map lies on",
            Self::Threshold => "Precision, recall, IoU over the threshold",
            Self::Outliers => "Outliers of encoder and decoder",
            Self::Candidates => "Candidates",
            Self::Contrast => "Both branches of the selected word",
            Self::Strength => "Changed tokens over the contrast's strength",
            Self::Similarity => "Texts and the photo",
            Self::Answer => "Question and answer",
            Self::ShadedAnswer => "Answer in the words' colours",
        }
    }

    /// What it shows.
    pub fn help(self) -> &'static str {
        match self {
            Self::Photo => "The photo on the screen, nothing on it",
            Self::Mask => "The objects of the category that is chosen under Objects",
            Self::Attention => {
                "The decoder's attention for the selected words (without one, all), at the chosen layers and heads"
            }
            Self::VisionCls => "Where the vision encoder's [CLS] looks, at its chosen layers and heads",
            Self::Attribution => {
                "Attention prompting's map of the shown answer's own attention, with the API panel's settings if LLaVA \
                    is its source"
            }
            Self::ClipAttribution => {
                "Attention prompting's map of the CLIP that looked at this photo; it is written as a file beside the \
                    figure"
            }
            Self::Prompted => {
                "The darkened photo that the shown answer is about; else the one that its own attention or CLIP's makes"
            }
            Self::Overlap => "The shown map, cut at its mean, against the objects of the chosen category",
            Self::Grid => "How much attention goes to the image in every layer (rows) and head (columns)",
            Self::Scores => "The metric that is chosen under Metrics, of every layer (rows) and head (columns)",
            Self::ImageShare => {
                "A line for the selected words or the whole answer, and one for the chosen head; of [CLS] if that is \
                    shown"
            }
            Self::TokenShares => "A column a token, at the chosen layers and heads",
            Self::Split => "Parts of the selected words' attention: first token, system text, image, question, answer",
            Self::Objects => "The share of the shown map inside each category's masks",
            Self::Threshold => "The shown map against the objects of the chosen category",
            Self::Outliers => "Whether the selected words look at the patches that the encoder's [CLS] looks at most",
            Self::Candidates => "The most probable tokens instead of the selected one",
            Self::Contrast => {
                "Candidates of the selected word in both branches of a contrastive strategy, and after it"
            }
            Self::Strength => "How many tokens of a contrastive strategy another strength would change",
            Self::Similarity => "The texts that CLIP compared with the photo, by their probability",
            Self::Answer => "The words, with the selected ones marked",
            Self::ShadedAnswer => {
                "Every word in the colour of its image attention, probability or entropy, as on the screen"
            }
        }
    }

    /// Whether it is about the words of an answer, whatever is shown on the photo.
    pub(in crate::ui) fn needs_words(self) -> bool {
        matches!(
            self,
            Self::Attention
                | Self::Attribution
                | Self::TokenShares
                | Self::Split
                | Self::Outliers
                | Self::Candidates
                | Self::Contrast
                | Self::Strength
                | Self::Answer
                | Self::ShadedAnswer
        )
    }
}
