//! The figure that is being put together: its recipe, and which of this session's answers its names stand for.
//!
//! The recipe is what is written, nothing is kept beside it. An answer that was forgotten stays in the recipe by its
//! hashes: its panels cannot be drawn until the same question has the same answer again, and
//! [`AppState::figure_missing`] says so.

pub(in crate::ui) mod files_done;

mod inputs;
mod panels;
mod specs;
#[cfg(test)]
mod tests;
mod wanted;
mod words;

pub use files_done::FigureOutcome;
pub use wanted::{FigureWish, FileWish, InputKind};

use crate::engine::RunId;
use crate::figure::recipe::{Colour, Layout, Panel, Scale};
use crate::figure::{Format, Recipe, answer_among, html};
use crate::render::colormap;
use crate::ui::core::command::FigureCommand;
use crate::ui::core::settings::RangeMode;
use crate::ui::features::{AppState, Effect, Progress, Run};
use inputs::names;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wanted::{HeldMap, is_font};

/// The figure that is being put together: its recipe, and which of this session's answers its names stand for.
#[derive(Debug, Clone)]
pub struct FigureBuilder {
    recipe: Arc<Recipe>,
    /// Answers of this session by their names in the recipe.
    bound: BTreeMap<String, RunId>,
    /// Files of an opened recipe that are not there.
    missing_files: Vec<String>,
    /// Where the opened recipe lies: relative paths are looked for there.
    pub folder: Option<PathBuf>,
    /// The numbers are written beside the figure.
    pub data_too: bool,
    /// Attribution maps of this session by their names in the recipe, and the bytes of their files: written beside the
    /// figure.
    maps: BTreeMap<String, HeldMap>,
    /// What is being done on a thread, in words.
    pub work: Option<String>,
    /// How far that is.
    pub progress: Option<Progress>,
    /// What came of it.
    pub outcome: Option<FigureOutcome>,
    /// A file that would be replaced: waits for consent.
    pub exists: Option<PathBuf>,
    /// Whether the pane stands in front: nothing is drawn for one that does not.
    pub visible: bool,
}

impl Default for FigureBuilder {
    fn default() -> Self {
        Self {
            recipe: Arc::new(Recipe::new(Layout::default(), Colour::default())),
            bound: BTreeMap::new(),
            missing_files: Vec::new(),
            folder: None,
            data_too: false,
            maps: BTreeMap::new(),
            work: None,
            progress: None,
            outcome: None,
            exists: None,
            visible: false,
        }
    }
}

/// What of it can be undone.
#[derive(Debug, Clone)]
pub(in crate::ui) struct Draft {
    recipe: Arc<Recipe>,
    bound: BTreeMap<String, RunId>,
    maps: BTreeMap<String, HeldMap>,
    missing_files: Vec<String>,
    folder: Option<PathBuf>,
}

impl PartialEq for Draft {
    fn eq(&self, other: &Self) -> bool {
        let same = Arc::ptr_eq(&self.recipe, &other.recipe) || self.recipe == other.recipe;
        same && self.bound == other.bound && self.folder == other.folder
    }
}

impl FigureBuilder {
    pub(in crate::ui) fn draft(&self) -> Draft {
        Draft {
            recipe: Arc::clone(&self.recipe),
            bound: self.bound.clone(),
            maps: self.maps.clone(),
            missing_files: self.missing_files.clone(),
            folder: self.folder.clone(),
        }
    }

    /// Puts another draft in the place of this one, unless it has become a third one in the meantime.
    pub(in crate::ui) fn exchange(&mut self, from: &Draft, to: &Draft) -> bool {
        let is_it = self.draft() == *from && self.work.is_none();
        if is_it {
            let Draft { recipe, bound, maps, missing_files, folder } = to.clone();
            *self = Self { recipe, bound, missing_files, folder, maps, ..std::mem::take(self) };
        }
        is_it
    }

    /// The recipe. Another pointer means another recipe.
    pub fn recipe(&self) -> &Arc<Recipe> {
        &self.recipe
    }

    /// Answers that its panels show, so that they outlive the others when memory gets short.
    pub(in crate::ui) fn runs(&self) -> impl Iterator<Item = RunId> {
        self.bound.values().copied()
    }

    fn change(&mut self, change: impl FnOnce(&mut Recipe)) {
        change(Arc::make_mut(&mut self.recipe));
    }

    /// Without panels; how it is set stays.
    fn clear(&mut self) {
        let layout = self.recipe.layout.clone();
        let kept = Self { data_too: self.data_too, visible: self.visible, ..Self::default() };
        let fonts = self.recipe.inputs.fonts.clone();
        // Its typeface may lie there.
        let folder = self.folder.take().filter(|_| !fonts.is_empty());
        *self = FigureBuilder { work: self.work.take(), folder, ..kept };
        self.change(|recipe| {
            recipe.inputs.fonts = fonts;
            recipe.layout = Layout { row_labels: Vec::new(), column_titles: Vec::new(), ..layout }
        });
    }

    /// Lets go of inputs that no panel shows any more.
    fn prune(&mut self) {
        if self.work.is_some() {
            return; // a panel may be on its way
        }
        let mut used = BTreeSet::new();
        for panel in &self.recipe.panels {
            names(&panel.show, &mut used);
        }
        self.change(|recipe| {
            let inputs = &mut recipe.inputs;
            inputs.traces.retain(|name, _| used.contains(name));
            for files in [&mut inputs.images, &mut inputs.annotations, &mut inputs.maps] {
                files.retain(|name, _| used.contains(name));
            }
        });
        self.bound.retain(|name, _| used.contains(name));
        self.maps.retain(|name, _| used.contains(name));
    }
}

impl AppState {
    /// The answer that a name of the recipe stands for: the one that was added, else one with the same hashes.
    pub fn figure_run(&self, name: &str) -> Option<&Run> {
        let bound = self.figure.bound.get(name).and_then(|id| self.runs.get(*id)).filter(|run| run.trace.is_some());
        bound.or_else(|| {
            let input = self.figure.recipe.inputs.traces.get(name)?;
            let ended = self.runs.every().filter(|run| !run.phase.is_active());
            answer_among(ended.filter_map(|run| Some((run, run.trace.as_ref()?))), input)
        })
    }

    /// What of the recipe's inputs is not at hand: a sentence each.
    pub fn figure_missing(&self) -> Vec<String> {
        let traces = self.figure.recipe.inputs.traces.iter();
        let absent = traces.filter(|(name, input)| input.file.is_none() && self.figure_run(name).is_none());
        let forgotten = absent.map(|(name, input)| {
            let run = &input.run;
            format!(
                "Answer {name} is not here: ask “{}” about {} again with {}, or remove its panels",
                run.prompt, run.image_path, run.model_id
            )
        });
        forgotten.chain(self.figure.missing_files.iter().cloned()).collect()
    }

    pub(in crate::ui) fn apply_figure(&mut self, command: FigureCommand) -> Vec<Effect> {
        let figure = &mut self.figure;
        figure.outcome = None;
        match command {
            FigureCommand::AddShown => return self.add_panel(self.by_meaning(self.figure_shown())),
            FigureCommand::Add(kind) => return self.add_panel(self.by_meaning(self.figure_panel(kind))),
            FigureCommand::AddObjectWords(marks) => {
                return self.add_panel(self.by_meaning(self.figure_object_words(marks)));
            }
            FigureCommand::AddDifference(of) => return self.add_panel(self.by_meaning(self.figure_difference(&of))),
            FigureCommand::Remove(idx) => {
                if idx < figure.recipe.panels.len() {
                    figure.change(|recipe| drop(recipe.panels.remove(idx)));
                    figure.prune();
                }
            }
            FigureCommand::Up(idx) => figure.swap(idx.checked_sub(1), idx),
            FigureCommand::Down(idx) => figure.swap(Some(idx), idx + 1),
            FigureCommand::Title(idx, title) => figure.change_panel(idx, |panel| panel.title = title),
            FigureCommand::Span(idx, span) => {
                let columns = figure.recipe.layout.columns;
                figure.change_panel(idx, |panel| panel.span = span.clamp(1, columns));
            }
            FigureCommand::Words(idx, by) => return self.choose_words(idx, by),
            FigureCommand::SetLayout(layout) => figure.change(|recipe| {
                for panel in &mut recipe.panels {
                    panel.span = panel.span.clamp(1, layout.columns.max(1));
                }
                recipe.layout = *layout;
            }),
            FigureCommand::SetColour(colour) => figure.change(|recipe| recipe.colour = *colour),
            FigureCommand::Clear => figure.clear(),
            FigureCommand::DataToo(on) => figure.data_too = on,
            FigureCommand::KeepFile => figure.exists = None,
            FigureCommand::Save(path, replace) => return self.save_figure(path, replace),
            FigureCommand::PickFile => return vec![Effect::PickFigureFile],
            FigureCommand::PickSource => return vec![Effect::PickFigureSource],
            FigureCommand::PickTypeface => return vec![Effect::PickTypeface],
            FigureCommand::Typeface(path) => return figure.set_typeface(path),
            FigureCommand::Stop => return figure.work.iter().map(|_| Effect::StopFigure).collect(),
            FigureCommand::DismissOutcome => {}
            FigureCommand::Open(path) if is_font(&path) => return figure.set_typeface(Some(path)),
            FigureCommand::Open(path) => {
                if figure.work.is_none() {
                    figure.work = Some(format!("Reading {}", file_name(&path)));
                    return vec![Effect::OpenFigure(path)];
                }
            }
            FigureCommand::CopyRecipe => {
                let maps = if figure.maps.is_empty() { "" } else { "Its maps are saved next to the figure" };
                figure.tell("The figure's recipe is on the clipboard".to_owned(), maps.to_owned());
                return vec![Effect::Copy(figure.recipe.to_json())];
            }
        }
        Vec::new()
    }

    /// The window's colours, as a recipe has them.
    fn window_colour(&self) -> Colour {
        let style = self.colour.style;
        Colour {
            map: colormap(style.colormap).id.to_owned(),
            scale: match self.colour.range_mode {
                RangeMode::PerMap => Scale::Each,
                RangeMode::SharedOverTokens => Scale::Shared,
                RangeMode::Fixed => Scale::Fixed(self.colour.fixed_range),
            },
            gamma: style.gamma,
            opacity: style.opacity,
            alpha_ramp: style.alpha_ramp,
            resampling: style.resampling,
            regions: style.combine,
            ..Colour::default()
        }
    }

    fn save_figure(&mut self, path: PathBuf, replace: bool) -> Vec<Effect> {
        let refused = if self.figure.work.is_some() {
            return Vec::new(); // the panel shows what is being done
        } else if html::is_page(&path) {
            let answered = self.current_run().is_some_and(|run| run.trace.is_some() && !run.phase.is_active());
            (!answered).then(|| "Expected an answer to make a page of, found none on the screen".to_owned())
        } else if Format::of(&path).is_none() {
            Some(format!("Expected a file that ends in png, svg, pdf or html, found another: {}", path.display()))
        } else {
            self.figure
                .recipe
                .panels
                .is_empty()
                .then(|| "Expected a figure with panels, found none: add one".to_owned())
        };
        self.figure.exists = None;
        if let Some(why) = refused {
            self.figure.tell_problem(why);
            return Vec::new();
        }
        self.figure.work = Some(format!("Writing {}", file_name(&path)));
        vec![Effect::SaveFigure(path, replace)]
    }
}

impl FigureBuilder {
    fn swap(&mut self, first: Option<usize>, second: usize) {
        if let Some(first) = first
            && second < self.recipe.panels.len()
        {
            self.change(|recipe| recipe.panels.swap(first, second));
        }
    }

    fn change_panel(&mut self, idx: usize, change: impl FnOnce(&mut Panel)) {
        self.change(|recipe| {
            if let Some(panel) = recipe.panels.get_mut(idx) {
                change(panel);
            }
        });
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
