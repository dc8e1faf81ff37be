//! What is on the screen, as panels of a recipe.

use crate::engine::RunId;
use crate::figure::demo_annotations;
use crate::figure::recipe::{
    Choice, FileInput, GridCells, MapSpec, Mark, Norm, PlotKind, PromptSpec, Show, Together, Tokens, Truth,
};
use crate::prompting::{PromptOptions, Source as PromptSource};
use crate::trace::Trace;
use crate::ui::state::{
    AppState, Axis, LayerHead, Normalisation, PromptView, Reduce, Run, Source, TokenPos, ViewState,
};
use std::path::PathBuf;

/// Candidates of a plot, as many as fit into a column of text.
const MOST_CANDIDATES: usize = 8;

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
    /// Attention prompting's map of the answer.
    Attribution,
    /// The darkened photo.
    Prompted,
    /// The shown map against the chosen category.
    Overlap,
    /// Every layer and head.
    Grid,
    /// Attention on the image by layer.
    ImageShare,
    /// What else the held token could have been.
    Candidates,
    /// Question and answer, held words marked.
    Answer,
}

impl PanelKind {
    /// In the menu's order.
    pub const ALL: [Self; 11] = [
        Self::Photo,
        Self::Mask,
        Self::Attention,
        Self::VisionCls,
        Self::Attribution,
        Self::Prompted,
        Self::Overlap,
        Self::Grid,
        Self::ImageShare,
        Self::Candidates,
        Self::Answer,
    ];

    /// In the menu.
    pub fn label(self) -> &'static str {
        match self {
            Self::Photo => "Photo",
            Self::Mask => "Ground-truth mask",
            Self::Attention => "Attention of the held words",
            Self::VisionCls => "Vision [CLS]",
            Self::Attribution => "Attribution (LLaVA)",
            Self::Prompted => "Prompted photo",
            Self::Overlap => "Hits and misses",
            Self::Grid => "Layers × heads",
            Self::ImageShare => "Attention on the image per layer",
            Self::Candidates => "Candidates",
            Self::Answer => "Question and answer",
        }
    }

    /// What it shows.
    pub fn help(self) -> &'static str {
        match self {
            Self::Photo => "The photo of the shown answer, nothing on it",
            Self::Mask => "The objects of the category that is chosen under Objects",
            Self::Attention => {
                "The decoder's attention for the held words (all words if none is held), at the chosen layers and heads"
            }
            Self::VisionCls => "Where the vision encoder's [CLS] looks, at its chosen layers and heads",
            Self::Attribution => {
                "Attention prompting's map of the shown answer's own attention, with the API panel's settings"
            }
            Self::Prompted => {
                "The darkened photo that the shown answer is about; else the one that its own attention makes"
            }
            Self::Overlap => "The shown map, cut at its mean, against the objects of the chosen category",
            Self::Grid => "How much attention goes to the image in every layer (rows) and head (columns)",
            Self::ImageShare => "A line for the held words, or for the whole answer",
            Self::Candidates => "The most probable tokens in place of the held one",
            Self::Answer => "The words, with the held ones marked",
        }
    }
}

/// Annotations of a panel.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Annotations {
    /// Their hash is known.
    Known(FileInput),
    /// It is not.
    File(PathBuf),
}

/// A panel and what it refers to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) show: Show,
    pub(super) runs: Vec<(String, RunId)>,
    pub(super) annotations: Option<(String, Annotations)>,
}

fn axis(axis: Axis, count: usize) -> Choice {
    match axis.reduce {
        Reduce::One => Choice::One(axis.clamped(count).idx),
        Reduce::Mean => Choice::All(Together::Mean),
        Reduce::Max => Choice::All(Together::Max),
    }
}

fn norm(view: &ViewState) -> Norm {
    match view.normalisation {
        Normalisation::Raw => Norm::Raw,
        Normalisation::ShareOfImage => Norm::ImageShare,
    }
}

fn tokens_of(held: &[TokenPos], reduce: Reduce) -> Tokens {
    let mut tokens =
        Tokens { together: if reduce == Reduce::Max { Together::Max } else { Together::Mean }, ..Tokens::default() };
    for pos in held {
        match pos {
            TokenPos::Prompt(idx) => tokens.prompt.push(*idx),
            TokenPos::Output(idx) => tokens.output.push(*idx),
        }
    }
    tokens
}

fn decoder_map(of: &str, trace: &Trace, view: &ViewState, held: &[TokenPos]) -> MapSpec {
    let LayerHead { layer, head } = view.decoder;
    MapSpec::Decoder {
        of: of.to_owned(),
        tokens: tokens_of(held, view.tokens),
        layers: axis(layer, trace.num_hidden_layers),
        heads: axis(head, trace.num_attention_heads),
        normalisation: norm(view),
        suppress_sink: view.suppress_sink,
    }
}

fn cls_map(of: &str, trace: &Trace, view: &ViewState) -> Result<MapSpec, String> {
    let vision = trace.vision.as_ref().ok_or("The vision encoder's attention was not recorded")?;
    let LayerHead { layer, head } = view.vision;
    Ok(MapSpec::VisionCls {
        of: of.to_owned(),
        layers: axis(layer, vision.num_hidden_layers),
        heads: axis(head, vision.num_attention_heads),
        normalisation: norm(view),
    })
}

fn on_photo(map: MapSpec) -> Show {
    Show::Map { map, outline: None, grid_lines: false }
}

/// Settings of attention prompting, as a recipe has them.
fn prompt_spec(options: &PromptOptions) -> Result<PromptSpec, String> {
    if options.resample != PromptOptions::default().resample {
        return Err("A figure stretches the mask with Lanczos only: choose that in the API panel".to_owned());
    }
    Ok(PromptSpec {
        layer: options.layer_idx,
        formula: options.formula.id().to_owned(),
        kernel: options.kernel,
        enhance: options.enhance,
        grey: options.grey,
        geometry: options.geometry.id().to_owned(),
        ..PromptSpec::default()
    })
}

impl AppState {
    /// The answer on the screen, complete.
    fn figure_subject(&self) -> Result<(&Run, &Trace), String> {
        let none = "There is no answer yet: ask a question about this photo first";
        let run = self.current_run().ok_or(none)?;
        if run.phase.is_active() {
            return Err("The answer is still being written: wait for its end or stop it".to_owned());
        }
        Ok((run, run.trace.as_ref().ok_or(none)?))
    }

    /// The name of an answer: the one it has, else the first free letter.
    fn figure_name(&self, run: RunId, taken: &[String]) -> String {
        let traces = &self.figure.recipe.inputs.traces;
        if let Some(name) = traces.keys().find(|name| self.figure_run(name).is_some_and(|known| known.id == run)) {
            return name.clone();
        }
        let inputs = &self.figure.recipe.inputs;
        let free = |name: &String| {
            !inputs.traces.contains_key(name) && !inputs.images.contains_key(name) && !taken.contains(name)
        };
        let mut names = ('a'..='z').map(String::from).chain((27_u32..).map(|nr| format!("answer{nr}")));
        names.find(free).unwrap_or_default()
    }

    /// The chosen category and the annotations that it is from.
    fn figure_truth(&self) -> Result<(Truth, (String, Annotations)), String> {
        let none = "No annotated object is known in this photo: open annotations first";
        let image = self.truth.image.as_ref().ok_or(none)?;
        let category = self.truth.category().ok_or(none)?;
        let annotations = if self.browse.bundled {
            Annotations::Known(demo_annotations())
        } else {
            let instances = self.browse.dataset.as_ref().and_then(|dataset| dataset.instances()).ok_or(none)?;
            Annotations::File(instances.path().to_owned())
        };
        let file = match &annotations {
            Annotations::Known(input) => input.file.clone(),
            Annotations::File(path) => path.display().to_string(),
        };
        let known = &self.figure.recipe.inputs.annotations;
        let name = match known.iter().find(|(_, input)| input.file == file) {
            Some((name, _)) => name.clone(),
            None if known.is_empty() => "truth".to_owned(),
            None => format!("truth{}", known.len() + 1),
        };
        let truth = Truth {
            annotations: name.clone(),
            image_id: Some(image.image_id),
            categories: vec![category.name.clone()],
            no_crowd: false,
        };
        Ok((truth, (name, annotations)))
    }

    /// Tokens that are held, in reading order.
    fn held_tokens(&self) -> Vec<TokenPos> {
        self.selection.tokens.iter().copied().collect()
    }

    /// The map of the shown source.
    fn shown_map(&self, of: &str, trace: &Trace) -> Result<MapSpec, String> {
        match self.view.source {
            Source::Decoder => Ok(decoder_map(of, trace, &self.view, &self.held_tokens())),
            Source::Vision => cls_map(of, trace, &self.view),
        }
    }

    /// What the photo's panel shows, as a panel.
    pub(super) fn figure_shown(&self) -> Result<Wanted, String> {
        match self.prompting.view {
            PromptView::Original => self.figure_panel(PanelKind::Photo),
            PromptView::Prompted => self.figure_panel(PanelKind::Prompted),
            PromptView::Attribution | PromptView::Mask => {
                Err("The photo shows attention prompting's map: choose Attention or Prompted in the API panel"
                    .to_owned())
            }
            PromptView::Attention if self.truth.view.overlap => self.figure_panel(PanelKind::Overlap),
            PromptView::Attention if !self.colour.overlay_visible => self.figure_panel(PanelKind::Photo),
            PromptView::Attention if self.view.source == Source::Vision => self.figure_panel(PanelKind::VisionCls),
            PromptView::Attention => self.figure_panel(PanelKind::Attention),
        }
    }

    /// Why the map on the photo makes no panel; `None` when it does.
    pub fn figure_shown_hindrance(&self) -> Option<String> {
        self.figure_shown().err()
    }

    /// Why a kind of panel cannot be made of what is on the screen; `None` when it can.
    pub fn figure_hindrance(&self, kind: PanelKind) -> Option<String> {
        self.figure_panel(kind).err()
    }

    /// What is on the screen as a panel of that kind, or why there is none.
    pub(super) fn figure_panel(&self, kind: PanelKind) -> Result<Wanted, String> {
        let (run, trace) = self.figure_subject()?;
        let of = self.figure_name(run.id, &[]);
        let needs_decoder =
            !matches!(kind, PanelKind::Photo | PanelKind::Mask | PanelKind::VisionCls | PanelKind::Overlap);
        if needs_decoder && (!trace.has_decoder() || trace.output.is_empty()) {
            return Err("This model compares texts with the photo: it has no decoder and no answer in words".to_owned());
        }
        let mut annotations = None;
        let held = tokens_of(&self.held_tokens(), self.view.tokens);
        let show = match kind {
            PanelKind::Photo => Show::Photo { of: of.clone() },
            PanelKind::Mask => {
                let (truth, from) = self.figure_truth()?;
                annotations = Some(from);
                Show::Mask { of: of.clone(), truth }
            }
            PanelKind::Attention => on_photo(decoder_map(&of, trace, &self.view, &self.held_tokens())),
            PanelKind::VisionCls => on_photo(cls_map(&of, trace, &self.view)?),
            PanelKind::Attribution => on_photo(MapSpec::Llava { of: of.clone(), options: self.prompting_of_answer()? }),
            PanelKind::Prompted => self.prompted_panel(&of, run)?,
            PanelKind::Overlap => {
                let (truth, from) = self.figure_truth()?;
                annotations = Some(from);
                let colour_blind_safe = self.truth.view.colour_blind_safe;
                Show::Overlap { map: self.shown_map(&of, trace)?, truth, colour_blind_safe }
            }
            PanelKind::Grid => {
                let vision = self.view.source == Source::Vision;
                Show::Grid { of: of.clone(), vision, tokens: held, cells: GridCells::Share }
            }
            PanelKind::ImageShare => {
                Show::Plot { of: of.clone(), plot: PlotKind::ImageSharePerLayer { lines: vec![held] } }
            }
            PanelKind::Candidates => {
                let token =
                    *held.output.first().ok_or("Hold a word of the answer to show what else it could have been")?;
                if trace.output.get(token).is_none_or(|token| token.candidates.is_empty()) {
                    return Err("No candidates were recorded for the held word".to_owned());
                }
                Show::Plot { of: of.clone(), plot: PlotKind::Candidates { token, most: MOST_CANDIDATES } }
            }
            PanelKind::Answer => {
                let tokens = Tokens { output: held.output, ..Tokens::default() };
                let marked = !tokens.output.is_empty();
                let marks = marked.then(|| Mark { tokens, label: "selected".to_owned() }).into_iter().collect();
                Show::Answer { of: of.clone(), question: true, marks }
            }
        };
        Ok(Wanted { show, runs: vec![(of, run.id)], annotations })
    }

    /// The API panel's settings, where they fit the shown answer's own attention.
    fn prompting_of_answer(&self) -> Result<PromptSpec, String> {
        let settings = &self.prompting.settings;
        if settings.source == PromptSource::Llava {
            return prompt_spec(&settings.options);
        }
        Err("A figure of this window shows LLaVA's attribution: choose LLaVA as the source in the API panel".to_owned())
    }

    fn prompted_panel(&self, of: &str, run: &Run) -> Result<Show, String> {
        let options = match &run.question.prompted {
            // The picture itself is at hand; the options say how it was made.
            Some(prompting) => {
                let options = PromptOptions { resample: PromptOptions::default().resample, ..prompting.options };
                prompt_spec(&PromptOptions { layer_idx: Some(prompting.layer_idx()), ..options })?
            }
            None => self.prompting_of_answer().map_err(|_| {
                "The shown answer is about the photo as it is: switch API on first, or choose LLaVA as its source"
                    .to_owned()
            })?,
        };
        Ok(Show::Prompted { of: of.to_owned(), options })
    }

    /// One answer's map minus another's.
    pub(super) fn figure_difference(&self, of: &[(RunId, Vec<TokenPos>); 2]) -> Result<Wanted, String> {
        let [(first, first_tokens), (second, second_tokens)] = of;
        let trace = |id: RunId| {
            let run = self.runs.get(id).filter(|run| !run.phase.is_active());
            run.and_then(|run| run.trace.as_ref()).ok_or("One of the two answers is not complete")
        };
        let (first_trace, second_trace) = (trace(*first)?, trace(*second)?);
        let first_name = self.figure_name(*first, &[]);
        let second_name = self.figure_name(*second, std::slice::from_ref(&first_name));
        let map = |name: &str, trace: &Trace, tokens: &[TokenPos]| match self.view.source {
            Source::Decoder => Ok(decoder_map(name, trace, &self.view, tokens)),
            Source::Vision => cls_map(name, trace, &self.view),
        };
        let show = Show::Difference {
            first: map(&first_name, first_trace, first_tokens)?,
            second: map(&second_name, second_trace, second_tokens)?,
        };
        Ok(Wanted { show, runs: vec![(first_name, *first), (second_name, *second)], annotations: None })
    }
}
