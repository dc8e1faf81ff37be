//! What is on the screen, as panels of a recipe.

use crate::analysis::localisation::metrics;
use crate::engine::RunId;
use crate::figure::demo_annotations;
use crate::figure::recipe::{FileInput, GridCells, MapSpec, Mark, PlotKind, PromptSpec, Shade, Show, Tokens, Truth};
use crate::prompting::{PromptOptions, Source as PromptSource};
use crate::trace::Trace;
use crate::ui::core::command::{PanelKind, PromptView};
use crate::ui::core::settings::{ChipQuantity, Cut, LayerHead};
use crate::ui::features::figure::state::specs::{
    cls_map, decoder_map, head_lines, on_photo, prompt_spec, source_map, tokens_of,
};
use crate::ui::features::figure::state::wanted::{FileWish, InputKind, Subject, Wanted, WantedMap, file_of};
use crate::ui::features::{AppState, Run, TokenPos};

/// Candidates of a plot, as many as fit into a column of text.
const MOST_CANDIDATES: usize = 8;
/// Where a plot of strengths ends, unless the recorded one is larger; and the strategies' own bound.
const MOST_STRENGTH: f64 = 4.0;
const STRENGTH_BOUND: f64 = 10.0;

const NO_ANSWER: &str = "There is no answer yet: ask a question about this photo first";

/// A plot of one held word, or of what needs none.
fn token_plot(kind: PanelKind, trace: &Trace, held: &Tokens) -> Result<PlotKind, String> {
    let (word, held) = (Some(held.clone()), held.output.first().copied());
    let one = || held.ok_or("Select a word of the answer to show what else the model could have said");
    let recorded = |token: usize| trace.output.get(token).ok_or("The selected word is not in this answer");
    Ok(match kind {
        PanelKind::Candidates => {
            let token = one()?;
            if recorded(token)?.candidates.is_empty() {
                return Err("No candidates were recorded for the selected word".to_owned());
            }
            PlotKind::Candidates { token, word, most: MOST_CANDIDATES }
        }
        PanelKind::Contrast => {
            let token = one()?;
            recorded(token)?
                .contrast
                .as_ref()
                .ok_or("The selected word has no second branch: ask with a contrastive strategy")?;
            PlotKind::Contrast { token, word, most: MOST_CANDIDATES }
        }
        PanelKind::Strength => {
            let first = trace.output.iter().find_map(|token| token.contrast.as_deref());
            let first = first.ok_or("This answer has no second branch: ask with a contrastive strategy")?;
            PlotKind::Strength { most: MOST_STRENGTH.max(2.0 * first.alpha).min(STRENGTH_BOUND) }
        }
        _ if trace.similarity.is_empty() => {
            return Err("No texts were compared with this photo: open a CLIP and compare some".to_owned());
        }
        _ => PlotKind::Similarity,
    })
}

impl AppState {
    /// What a panel is about: the answer on the screen, if it is complete, else the photo.
    fn figure_subject(&self) -> Result<Subject<'_>, String> {
        let image = self.current_image().ok_or("There is no photo on the screen")?;
        let answered = self.current_run().filter(|run| !run.phase.is_active());
        Ok(match answered.and_then(|run| Some((run, run.trace.as_ref()?))) {
            Some((run, trace)) => Subject::Answer(run, trace),
            None => Subject::Photo(image),
        })
    }

    /// The name of a subject, and what has to be added for it.
    fn name_subject(&self, subject: Subject<'_>, wanted: &mut Wanted) -> String {
        match subject {
            Subject::Answer(run, _) => {
                let name = self.figure_name(run.id, &[]);
                wanted.runs.push((name.clone(), run.id));
                name
            }
            Subject::Photo(image) => {
                let (path, file) = file_of(image);
                let images = &self.figure.recipe.inputs.images;
                if let Some((name, _)) = images.iter().find(|(_, input)| input.file == file) {
                    return name.clone();
                }
                let name = self.free_name(&[]);
                wanted.files.push(FileWish { kind: InputKind::Photo, name: name.clone(), path });
                name
            }
        }
    }

    /// The name of an answer: the one it has, else the first free letter.
    fn figure_name(&self, run: RunId, taken: &[String]) -> String {
        let traces = &self.figure.recipe.inputs.traces;
        let known = traces.keys().find(|name| self.figure_run(name).is_some_and(|known| known.id == run));
        known.cloned().unwrap_or_else(|| self.free_name(taken))
    }

    fn free_name(&self, taken: &[String]) -> String {
        let inputs = &self.figure.recipe.inputs;
        let free = |name: &String| {
            !inputs.traces.contains_key(name) && !inputs.images.contains_key(name) && !taken.contains(name)
        };
        let mut names = ('a'..='z').map(String::from).chain((27_u32..).map(|nr| format!("answer{nr}")));
        names.find(free).unwrap_or_default()
    }

    /// The chosen category, or all of them, and the annotations that it is from.
    fn figure_truth(&self, all: bool, wanted: &mut Wanted) -> Result<Truth, String> {
        let none = "No annotated object is known in this photo: open annotations first";
        let image = self.truth.image.as_ref().ok_or(none)?;
        let category = self.truth.category().ok_or(none)?;
        let annotations = self.figure_annotations(wanted)?;
        let categories = if all { Vec::new() } else { vec![category.name.clone()] };
        Ok(Truth { annotations, image_id: Some(image.image_id), categories, no_crowd: false })
    }

    /// The name of the annotations that are open, and what has to be added for them.
    pub(super) fn figure_annotations(&self, wanted: &mut Wanted) -> Result<String, String> {
        let none = "No annotated object is known in this photo: open annotations first";
        let known = &self.figure.recipe.inputs.annotations;
        let name_of = |file: &str| match known.iter().find(|(_, input)| input.file == file) {
            Some((name, _)) => name.clone(),
            None if known.is_empty() => "truth".to_owned(),
            None => format!("truth{}", known.len() + 1),
        };
        Ok(if self.browse.bundled {
            let input: FileInput = demo_annotations();
            let name = name_of(&input.file);
            wanted.annotations = Some((name.clone(), input));
            name
        } else {
            let instances = self.browse.dataset.as_ref().and_then(|dataset| dataset.instances()).ok_or(none)?;
            let path = instances.path().to_owned();
            let name = name_of(&path.display().to_string());
            if !known.contains_key(&name) {
                let is_wanted = wanted.files.iter().any(|wish| wish.name == name);
                if !is_wanted {
                    wanted.files.push(FileWish { kind: InputKind::Annotations, name: name.clone(), path });
                }
            }
            name
        })
    }

    /// Tokens that are held, in reading order.
    fn held_tokens(&self) -> Vec<TokenPos> {
        self.selection.tokens.iter().copied().collect()
    }

    /// The map of the shown source.
    fn shown_map(&self, of: &str, trace: &Trace) -> Result<MapSpec, String> {
        source_map(of, trace, &self.view, &self.held_tokens())
    }

    /// What the photo's panel shows, as a panel.
    pub(super) fn figure_shown(&self) -> Result<Wanted, String> {
        let attribution = match self.prompting.settings.source {
            PromptSource::Clip => PanelKind::ClipAttribution,
            PromptSource::Llava => PanelKind::Attribution,
        };
        match self.prompting.view {
            PromptView::Original => self.figure_panel(PanelKind::Photo),
            PromptView::Prompted => self.figure_panel(PanelKind::Prompted),
            PromptView::Attribution => self.figure_panel(attribution),
            PromptView::Mask => {
                Err("The photo shows attention prompting's mask: choose Attribution or Prompted above it".to_owned())
            }
            PromptView::Attention if self.truth.view.overlap => self.figure_panel(PanelKind::Overlap),
            PromptView::Attention if !self.colour.overlay_visible => self.figure_panel(PanelKind::Photo),
            PromptView::Attention if self.view.source.is_encoder() => self.figure_panel(PanelKind::VisionCls),
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
        let subject = self.figure_subject()?;
        let mut wanted = Wanted::default();
        let of = self.name_subject(subject, &mut wanted);
        let show = match kind {
            PanelKind::Photo => Show::Photo { of },
            PanelKind::Mask => Show::Mask { of, truth: self.figure_truth(false, &mut wanted)? },
            PanelKind::ClipAttribution => on_photo(MapSpec::File { map: self.clip_map(&mut wanted)?, of }),
            PanelKind::Prompted => self.prompted_panel(of, subject, &mut wanted)?,
            _ => {
                let Subject::Answer(_, trace) = subject else {
                    let writing = self.current_run().is_some_and(|run| run.phase.is_active());
                    let why = if writing {
                        "The answer is still being written: wait for its end or stop it"
                    } else {
                        NO_ANSWER
                    };
                    return Err(why.to_owned());
                };
                if kind.needs_words() && (!trace.has_decoder() || trace.output.is_empty()) {
                    return Err(
                        "This model compares texts with the photo: it has no decoder and no answer in words".to_owned()
                    );
                }
                self.answer_panel(kind, of, trace, &mut wanted)?
            }
        };
        wanted.show = Some(show);
        Ok(wanted)
    }

    fn answer_panel(&self, kind: PanelKind, of: String, trace: &Trace, wanted: &mut Wanted) -> Result<Show, String> {
        let held = tokens_of(&self.held_tokens(), self.view.tokens);
        let (vision, shown) = (self.view.source.is_encoder(), |of: &str| self.shown_map(of, trace));
        Ok(match kind {
            PanelKind::Attention if !vision => on_photo(shown(&of)?),
            PanelKind::Attention => on_photo(decoder_map(&of, trace, &self.view, &self.held_tokens())),
            PanelKind::VisionCls if vision => on_photo(shown(&of)?),
            PanelKind::VisionCls => on_photo(cls_map(&of, trace, &self.view)?),
            PanelKind::Attribution => on_photo(MapSpec::Llava { of, options: self.prompting_of_answer()? }),
            PanelKind::Grid | PanelKind::Scores if vision && self.view.encoder > 0 => {
                return Err("Figures have layers and heads of the first encoder only: choose encoder 0".to_owned());
            }
            PanelKind::Overlap => {
                let truth = self.figure_truth(false, wanted)?;
                Show::Overlap { map: shown(&of)?, truth, colour_blind_safe: self.truth.view.colour_blind_safe }
            }
            PanelKind::Grid | PanelKind::Scores if !self.view.source.is_attention() => {
                let name = self.view.source.name();
                return Err(format!("{name}: no layers and heads of attention, choose another source"));
            }
            PanelKind::Grid => {
                drop(shown(&of)?);
                Show::Grid { of, vision, tokens: held, cells: GridCells::Share }
            }
            PanelKind::Scores => {
                drop(shown(&of)?);
                let metric =
                    metrics().nth(self.truth.view.grid_metric.0).ok_or("This metric is not in this version")?;
                let (truth, whole) = (self.figure_truth(false, wanted)?, self.truth.view.paper_area);
                Show::Scores { of, vision, tokens: held, metric: metric.id.to_owned(), truth, whole }
            }
            PanelKind::Answer => {
                let tokens = Tokens { output: held.output, ..Tokens::default() };
                let marked = !tokens.output.is_empty();
                let marks = marked.then(|| Mark { tokens, label: "selected".to_owned() }).into_iter().collect();
                Show::Answer { of, question: true, marks, shade: None }
            }
            PanelKind::ShadedAnswer => {
                let LayerHead { layer, head } = self.view.decoder;
                let shade = match self.chips {
                    ChipQuantity::ImageShare => Shade::ImageShare {
                        layers: layer.clamped(trace.num_hidden_layers).pick(),
                        heads: head.clamped(trace.num_attention_heads).pick(),
                    },
                    ChipQuantity::Probability => Shade::Probability,
                    ChipQuantity::Entropy => Shade::Entropy,
                    ChipQuantity::ElbowK => Shade::ElbowK,
                    ChipQuantity::BaseRank => Shade::BaseRank,
                };
                Show::Answer { of, question: true, marks: Vec::new(), shade: Some(shade) }
            }
            _ => {
                let plot = self.answer_plot(kind, &of, trace, wanted)?;
                Show::Plot { of, plot }
            }
        })
    }

    fn answer_plot(&self, kind: PanelKind, of: &str, trace: &Trace, wanted: &mut Wanted) -> Result<PlotKind, String> {
        let held = tokens_of(&self.held_tokens(), self.view.tokens);
        let LayerHead { layer, head } = self.view.decoder;
        let (layers, heads) =
            (layer.clamped(trace.num_hidden_layers).pick(), head.clamped(trace.num_attention_heads).pick());
        Ok(match kind {
            PanelKind::ImageShare if !self.view.source.is_attention() => {
                return Err(format!("{}: no attention, choose another source", self.view.source.name()));
            }
            PanelKind::ImageShare if self.view.source.is_encoder() && self.view.encoder > 0 => {
                return Err("Figures have layers and heads of the first encoder only: choose encoder 0".to_owned());
            }
            PanelKind::ImageShare if self.view.source.is_encoder() => {
                let vision = trace.vision.as_ref().ok_or("The vision encoder's attention was not recorded")?;
                PlotKind::ClsPerLayer { heads: head_lines(self.view.vision, vision.num_attention_heads) }
            }
            PanelKind::ImageShare => {
                let heads = head_lines(self.view.decoder, trace.num_attention_heads);
                PlotKind::ImageSharePerLayer { lines: vec![held], heads }
            }
            PanelKind::TokenShares => PlotKind::ImageShareOfTokens { layers, heads },
            PanelKind::Split => PlotKind::Split { words: vec![held], layers, heads },
            PanelKind::Objects => {
                PlotKind::Objects { map: self.shown_map(of, trace)?, truth: self.figure_truth(true, wanted)? }
            }
            PanelKind::Threshold => {
                let (map, truth) = (self.shown_map(of, trace)?, self.figure_truth(false, wanted)?);
                let cut = if let Cut::OfMax(part) = self.truth.view.cut { Some(part) } else { None };
                PlotKind::Threshold { map, truth, cut, whole: self.truth.view.paper_area }
            }
            PanelKind::Outliers => {
                let vision = trace.vision.as_ref().ok_or("The vision encoder's attention was not recorded")?;
                let head_mean = self.truth.view.cls_head_mean;
                if !head_mean && vision.cls_unsplit.is_empty() {
                    return Err(
                        "The unsplit [CLS] was not recorded: choose the mean over heads under Outliers".to_owned()
                    );
                }
                let tokens = Tokens { prompt: Vec::new(), ..held };
                if tokens.output.is_empty() {
                    return Err("Select a word of the answer first".to_owned());
                }
                PlotKind::Outliers { tokens, head_mean }
            }
            _ => token_plot(kind, trace, &Tokens { prompt: Vec::new(), ..held })?,
        })
    }

    /// The API panel's settings where they are about the answer's own attention; else how it is made without any.
    fn prompting_of_answer(&self) -> Result<PromptSpec, String> {
        let settings = &self.prompting.settings;
        let options = if settings.source == PromptSource::Llava { settings.options } else { PromptOptions::default() };
        prompt_spec(&options)
    }

    /// The map that a CLIP made of this photo, as an input.
    fn clip_map(&self, wanted: &mut Wanted) -> Result<String, String> {
        let none = "No CLIP has looked at this photo yet: choose CLIP in the API panel and press Find";
        let made = self.made_by(PromptSource::Clip).ok_or(none)?;
        let settings = &self.prompting.settings;
        // Another source's layer is none of CLIP's.
        let options = if settings.source == PromptSource::Clip {
            settings.options
        } else {
            PromptOptions { layer_idx: None, ..settings.options }
        };
        // A photo without an answer: its hash is known already.
        let hash = &made.photo_hash;
        for FileWish { name, path, .. } in wanted.files.extract_if(.., |wish| wish.kind == InputKind::Photo) {
            let input = FileInput { file: path.display().to_string(), sha256: hash.clone() };
            wanted.image = Some((name, input));
        }
        let name = self.figure.map_name(made, &options);
        wanted.map = Some(WantedMap { name: name.clone(), made: made.clone(), options });
        Ok(name)
    }

    fn prompted_panel(&self, of: String, subject: Subject<'_>, wanted: &mut Wanted) -> Result<Show, String> {
        let prompting = if let Subject::Answer(run, _) = subject { run.question.prompted.as_ref() } else { None };
        if let Some(prompting) = prompting {
            // The picture itself is at hand; the options say how it was made.
            let options = PromptOptions { resample: PromptOptions::default().resample, ..prompting.options };
            let options = prompt_spec(&PromptOptions { layer_idx: Some(prompting.layer_idx()), ..options })?;
            return Ok(Show::Prompted { of, map: None, options });
        }
        let has_words = matches!(subject, Subject::Answer(_, trace) if trace.has_decoder() && !trace.output.is_empty());
        if self.prompting.settings.source == PromptSource::Llava {
            if !has_words {
                return Err(NO_ANSWER.to_owned());
            }
            return Ok(Show::Prompted { of, map: None, options: self.prompting_of_answer()? });
        }
        let options = prompt_spec(&self.prompting.settings.options)?;
        Ok(Show::Prompted { of, map: Some(self.clip_map(wanted)?), options })
    }

    /// The answer with its object words marked.
    pub(super) fn figure_object_words(&self, marks: Vec<Mark>) -> Result<Wanted, String> {
        let mut wanted = self.figure_panel(PanelKind::Answer)?;
        if let Some(Show::Answer { marks: held, .. }) = &mut wanted.show {
            *held = marks;
        }
        Ok(wanted)
    }

    /// One answer's map minus another's.
    pub(super) fn figure_difference(&self, of: &[(RunId, Vec<TokenPos>); 2]) -> Result<Wanted, String> {
        let [(first, first_tokens), (second, second_tokens)] = of;
        let trace = |id: RunId| {
            let run: Option<&Run> = self.runs.get(id).filter(|run| !run.phase.is_active());
            run.and_then(|run| run.trace.as_ref()).ok_or("One of the two answers is not complete")
        };
        let (first_trace, second_trace) = (trace(*first)?, trace(*second)?);
        let first_name = self.figure_name(*first, &[]);
        let second_name = self.figure_name(*second, std::slice::from_ref(&first_name));
        let map = |name: &str, trace: &Trace, tokens: &[TokenPos]| source_map(name, trace, &self.view, tokens);
        let show = Show::Difference {
            first: map(&first_name, first_trace, first_tokens)?,
            second: map(&second_name, second_trace, second_tokens)?,
        };
        let runs = vec![(first_name, *first), (second_name, *second)];
        Ok(Wanted { show: Some(show), runs, ..Wanted::default() })
    }
}
