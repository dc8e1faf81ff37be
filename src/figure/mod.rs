//! Figures for papers: a recipe and its inputs become a scene, and the scene becomes PNG, SVG or PDF.
//!
//! ```text
//! Recipe + Inputs -> Resolved (values and words) -> Scene (places) -> PNG | SVG | PDF,
//!                                                                     and CSV, npy, tables of the numbers behind it
//! ```
//!
//! - [`Recipe`] is the description as plain data. It is embedded in every file and written beside it; [`recipe_of`]
//!   reads it back.
//! - [`Inputs::open`] opens what a recipe names and says what is not as it was *before* anything is drawn.
//! - [`Figure::new`] resolves and lays out; a preview is [`Figure::raster`], the same pixels as the PNG.
//! - [`Figure::write`] writes one file and the recipe beside it, [`Figure::write_data`] the numbers;
//!   [`Figure::write_with`] writes all of that and maps together, or nothing, and never over what is read.
//! - [`default_recipe`] is what a trace shows when nobody says what to show.
//! - [`html`] is one trace as a page that needs nothing else.
//! - [`chart`] is rows of numbers with intervals, its own recipe: the plots of a study.
//!
//! The same recipe and inputs give the same bytes: no dates, no random names, a typeface that is bundled or named by
//! its hash, fixed compression, colours from the CPU renderer. A change of this code may change them; the version of
//! the program is in the recipe.

pub mod chart;
mod data_files;
mod defaults;
mod embed;
mod error;
mod font;
pub mod html;
mod inputs;
mod inside;
mod layout;
mod map_file;
pub mod meaning;
mod number;
mod output;
mod pdf;
mod pixels;
mod png_file;
mod raster;
pub mod recipe;
pub mod resolve;
mod scale;
pub mod scene;
mod svg;
mod watch;
mod xml;

pub use data_files::{DataFolder, TableForm};
pub use defaults::default_recipe;
pub use embed::recipe_of;
pub use error::FigureError;
pub use inputs::{
    DEMO_ANNOTATIONS, Given, Inputs, Mismatches, demo_annotations, file_input, font_input, named_files, open_photo,
    photo_input,
};
pub use map_file::{MapFile, MapSubject};
pub(crate) use output::MOST_FIGURE_BYTES;
pub use output::{
    Besides, MapBeside, expect_own_name, expect_own_panels, expect_room_for_recipe, recipe_beside, with_maps_beside,
};
pub use raster::Raster;
pub use recipe::{Recipe, answer_among, is_answer_of};
pub use scale::{ColourScale, scales};
pub use watch::Watch;

use resolve::Resolved;
use scene::Scene;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Parts of the work at which panels begin to be computed, and end; and at which they begin to be drawn, and end.
const COMPUTED: [f32; 2] = [0.05, 0.4];
const DRAWN: [f32; 2] = [0.4, 0.9];

/// What a figure's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Pixels at the recipe's resolution.
    Png,
    /// Text, lines and embedded pictures.
    Svg,
    /// The same for print.
    Pdf,
}

impl Format {
    /// By the file's extension.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "png" => Some(Self::Png),
            "svg" => Some(Self::Svg),
            "pdf" => Some(Self::Pdf),
            _ => None,
        }
    }
}

/// A figure, ready to be written in any format.
#[derive(Debug, Clone)]
pub struct Figure {
    recipe: Recipe,
    resolved: Resolved,
    scene: Scene,
    /// What has no room, a sentence each.
    without_room: Vec<String>,
}

impl Figure {
    /// Resolves every panel and lays them out. Nothing is drawn yet.
    pub fn new(recipe: &Recipe, inputs: &Inputs) -> Result<Self, FigureError> {
        Self::watched(recipe, inputs, &mut Watch::quiet())
    }

    /// The same while somebody looks.
    pub fn watched(recipe: &Recipe, inputs: &Inputs, watch: &mut Watch<'_>) -> Result<Self, FigureError> {
        let mut resolved = resolve::resolve(recipe, inputs, watch)?;
        scale::say(&mut resolved, &recipe.colour);
        let (scene, without_room) = layout::scene(recipe, &resolved, &inputs.typeface(&recipe.layout)?);
        Ok(Self { recipe: recipe.clone(), resolved, scene, without_room })
    }

    /// Where everything lies.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// What every panel shows.
    pub fn resolved(&self) -> &Resolved {
        &self.resolved
    }

    /// Pixels at any resolution: a preview. At the recipe's own they are those of the PNG.
    pub fn raster(&self, dpi: u32) -> Result<Raster, FigureError> {
        raster::raster(&self.scene, dpi, &mut Watch::quiet())
    }

    /// The bytes of a file.
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>, FigureError> {
        self.bytes_watched(format, &mut Watch::quiet())
    }

    fn bytes_watched(&self, format: Format, watch: &mut Watch<'_>) -> Result<Vec<u8>, FigureError> {
        match format {
            Format::Svg => Ok(svg::write(&self.scene, watch)?.into_bytes()),
            Format::Pdf => pdf::write(&self.scene, watch),
            Format::Png => {
                let dpi = self.recipe.layout.dpi;
                let Raster { size, rgb } = raster::raster(&self.scene, dpi, watch)?;
                watch.at(|| "Packing the pixels".to_owned(), DRAWN[1])?;
                png_file::figure(size, &rgb, dpi, &self.scene.title, &self.scene.recipe).map_err(|err| {
                    FigureError::File { action: "written", reason: err.to_string(), path: PathBuf::from("PNG") }
                })
            }
        }
    }

    /// What is not as the recipe wants it, a sentence each: words that an answer does not have, panels that are too
    /// small, scales that cannot be
    /// shared.
    pub fn warnings(&self) -> Vec<String> {
        let absent = self.resolved.panels.iter().enumerate();
        let absent = absent.filter_map(|(idx, panel)| Some((idx, panel.absent.as_ref()?)));
        let absent = absent.map(|(idx, why)| format!("Panel {} is empty: {why}", idx + 1));
        absent.chain(self.without_room.iter().cloned()).chain(self.scale_notes()).collect()
    }

    /// Why maps do not share one scale although the recipe asks for it: a sentence.
    pub fn scale_notes(&self) -> Vec<String> {
        scale::unshared(&self.resolved, &self.recipe.colour).into_iter().collect()
    }

    /// Letters that the typeface does not have; a box stands in their place.
    pub fn missing_letters(&self) -> BTreeSet<char> {
        self.scene.texts().flat_map(|text| self.scene.typeface.missing(&text.text)).collect()
    }
}
