//! OPERA: beams that lean on one token are penalised, and go back to choose it again.

use crate::decode::method::{ActiveMethod, Asks, Method, OverTrust, OwnSearch, QuestionContext};
use crate::decode::{Acts, DecodeError, MethodInfo, PRESET, ParameterInfo, Parameters, Preset, Registered};
use crate::ids::TokenSpan;

const ID: &str = "opera";
/// For menus; what counts is the model's vocabulary.
const MOST_CANDIDATES: usize = 1_000_000;

const INFO: MethodInfo = MethodInfo {
    id: ID,
    label: "OPERA: over-trust penalty",
    help: "Follows several answers, prefers those that look at the photo and do not lean on one earlier token, and \
        goes back to choose again where all of them keep leaning on the same token",
    paper: "Huang et al., OPERA: Alleviating Hallucination in Multi-Modal Large Language Models via Over-Trust Penalty \
        and Retrospection-Allocation, CVPR 2024, arXiv:2311.17911",
    acts: Acts::Search,
    cost: "beams times candidates rows a token, and tokens that are taken back",
    parameters: &[
        ParameterInfo::choice(PRESET, "paper", &["paper", "official"], "Published values to start from"),
        ParameterInfo::whole("beams", "5", (2, 64), "Answers that are followed at once").usual(2.0, 8.0),
        ParameterInfo::whole("candidates", "5", (1, MOST_CANDIDATES), "Next tokens tried for each answer")
            .usual(1.0, 10.0),
        ParameterInfo::real("scale", "50", (0.0, 1e4), "Factor of every attention value in a column").usual(1.0, 100.0),
        ParameterInfo::whole(
            "threshold",
            "15",
            (1, usize::MAX),
            "How often all answers have to lean on a token before the search goes back to it",
        )
        .usual(1.0, 50.0),
        ParameterInfo::real("weight", "1", (0.0, 1e3), "Weight of the penalty; 0 is none").usual(0.0, 10.0),
        ParameterInfo::whole(
            "warm-up",
            "10",
            (0, usize::MAX),
            "For so many first tokens, attention on the image is added in place of the penalty",
        )
        .usual(0.0, 30.0),
        ParameterInfo::real(
            "factor",
            "1e-7",
            (0.0, 1.0),
            "Scale of the column score, the product of the attention in a column",
        ),
        ParameterInfo::whole("window", "512", (1, usize::MAX), "Last tokens that count").usual(1.0, 512.0),
        ParameterInfo::choice(
            "history",
            "beam",
            &["beam", "slot"],
            "Where places are remembered: with the answer that they are of, or by its number as in the official code",
        ),
    ],
    presets: &[
        Preset {
            id: "paper",
            help: "Each answer remembers the tokens that it leaned on",
            values: &[("history", "beam")],
        },
        Preset {
            id: "official",
            help: "Tokens are remembered by the beam's number, never forgotten, as in the authors' code",
            values: &[("history", "slot")],
        },
    ],
    ..MethodInfo::NONE
};

/// OPERA.
///
/// Attention is the largest of all heads in the last layer, each row over its sum over all keys. For every candidate,
/// run as well, a column's product is `factor prod scale W[i, j]` over the answer's tokens `i` from `j` to the
/// candidate; the penalty is `weight` times the largest in the window, its place that `j`. During the warm-up the
/// candidate's attention on the image is added instead. What is left of the candidates competes as in beam search. The
/// place that most candidates of a beam have is entered in its history; where every beam has the place of most of them
/// `threshold` times in the window, and it is behind the warm-up, the search goes back to the token behind it, at most
/// `candidates` times, then to the place itself, and chooses once from all tokens but those that it chose there.
/// **Source**: Huang et al. 2024, section 3; `transformers-4.29.2/src/transformers/generation/utils.py` lines 3116-3640
/// of the authors' code. **Differs** from that code, whose histories belong to the numbers of the beams and are never
/// cut, so that they mix answers and count what was taken back (`history=slot`; golden `opera_slot`), in having no
/// rounding to f16, in which products overflow, and in going back only where a token is taken back (test
/// `opera_searches_as_pytorch_does`).
pub(super) struct Opera;

impl Registered for Opera {
    fn info(&self) -> &'static MethodInfo {
        &INFO
    }
}

impl Method for Opera {
    fn build(&self, parameters: &mut Parameters) -> Result<Box<dyn ActiveMethod>, DecodeError> {
        let how = OverTrust {
            beams: parameters.count("beams")?,
            candidates: parameters.count("candidates")?,
            scale: parameters.number("scale")?,
            threshold: parameters.count("threshold")?,
            weight: parameters.number("weight")?,
            warm_up: parameters.count("warm-up")?,
            factor: parameters.number("factor")?,
            window: parameters.count("window")?,
            by_slot: parameters.choice("history")? == "slot",
            last_layer_idx: 0,
            image: TokenSpan::default(),
        };
        Ok(Box::new(ActiveOpera { how }))
    }
}

#[derive(Clone)]
struct ActiveOpera {
    how: OverTrust,
}

impl ActiveMethod for ActiveOpera {
    fn fork(&self) -> Option<Box<dyn ActiveMethod>> {
        Some(Box::new(self.clone()))
    }

    fn prepare(&mut self, parameters: &mut Parameters, question: &QuestionContext<'_>) -> Result<(), DecodeError> {
        self.how.image = question.image_span(ID)?;
        self.how.last_layer_idx = question.num_hidden_layers().saturating_sub(1);
        parameters.whole("candidates", 1..=question.model.decoder().config().vocab_size).map(drop)
    }

    fn asks(&self) -> Asks {
        Asks { attention: vec![self.how.last_layer_idx], ..Asks::default() }
    }

    fn search(&self) -> Option<OwnSearch> {
        Some(OwnSearch::Opera(self.how))
    }
}
