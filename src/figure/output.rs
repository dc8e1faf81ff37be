//! A figure and everything beside it, written together or not at all.
//!
//! The user names the figure's file; everything else is named here, whatever a recipe or a session says, and replaces
//! no file of somebody's:
//!
//! | file | what is there is replaced if |
//! | --- | --- |
//! | the recipe, `F.json` beside `F.svg` | it is inside of `F.png`, `F.svg` or `F.pdf`, and none of another recipe stays |
//! | a map, `map-HASH.safetensors` | never: it is named after its content |
//! | numbers, in the data folder | `gazelens-data.json` lists it: written here, not changed since |
//!
//! A file that holds the same bytes already stays. A link of such a name is never followed.

use super::embed::{json_of, recipe_of};
use super::recipe::{FileInput, Recipe, sha256};
use super::{DataFolder, Figure, FigureError, Format, Inputs, Watch, data_files, recipe};
use crate::files::{self, OutputError, Outputs};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Longest figure that is looked into for its recipe.
pub(crate) const MOST_FIGURE_BYTES: u64 = 1 << 30;
/// What errors call the recipe beside a figure.
const RECIPE: &str = "the recipe next to the figure";

/// An attribution map that comes along with a figure.
#[derive(Debug, Clone)]
pub struct MapBeside {
    file: PathBuf,
    bytes: Arc<[u8]>,
}

/// What is written with a figure, besides its recipe.
#[derive(Debug, Clone, Default)]
pub struct Besides {
    /// The numbers behind it.
    pub data: Option<DataFolder>,
    /// Of [`with_maps_beside`].
    pub maps: Vec<MapBeside>,
    /// The recipe beside it is the one that was read: it stays as it is.
    pub keeps_recipe: bool,
}

/// A recipe whose maps lie beside `figure`, and those that are not there yet. Maps that the recipe names without a
/// folder, or that a session holds, get a name made of their content; those of a folder stay where they are.
pub fn with_maps_beside(recipe: &Recipe, inputs: &Inputs, figure: &Path) -> (Recipe, Vec<MapBeside>) {
    let (mut recipe, mut maps) = (recipe.clone(), Vec::<MapBeside>::new());
    for (name, FileInput { file, .. }) in &mut recipe.inputs.maps {
        let Some((bytes, is_held)) = inputs.map_bytes.get(name) else { continue };
        let mut parts = Path::new(file.as_str()).components();
        let is_plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
        if !is_plain && !is_held {
            continue;
        }
        if is_plain && holds(&figure.with_file_name(file.as_str()), bytes) {
            continue;
        }
        *file = format!("map-{}.safetensors", sha256(bytes).get(..12).unwrap_or_default());
        let beside = figure.with_file_name(file.as_str());
        if maps.iter().all(|map| map.file != beside) {
            maps.push(MapBeside { file: beside, bytes: Arc::clone(bytes) });
        }
    }
    (recipe, maps)
}

/// Whether a file, and no link, has these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|there| there.is_file());
    is_file && files::read(path, bytes.len() as u64).is_ok_and(|found| found == bytes)
}

/// The recipe beside a figure: `F.json` beside `F.svg`.
pub fn recipe_beside(figure: &Path) -> PathBuf {
    figure.with_extension("json")
}

/// Refuses a figure whose name belongs to a figure of another recipe: `F.svg` and `F.pdf` share `F.json`, and their
/// numbers in the window `F_data`. What is replaced may have any recipe.
pub fn expect_own_name(recipe: &Recipe, figure: &Path) -> Result<(), FigureError> {
    expect_no_other(figure, |inside| inside.shows_the_same(recipe))
}

/// The same as far as it can be said before the questions are asked.
pub fn expect_own_panels(recipe: &Recipe, figure: &Path) -> Result<(), FigureError> {
    expect_no_other(figure, |inside| inside.has_panels_of(recipe))
}

fn expect_no_other(figure: &Path, is_same: impl Fn(&Recipe) -> bool) -> Result<(), FigureError> {
    let other = figures_beside(figure).into_iter().find(|other| {
        let inside = files::read(other, MOST_FIGURE_BYTES).ok().and_then(|bytes| recipe_of(&bytes, other).ok());
        inside.is_some_and(|inside| !is_same(&inside)) && !files::is_same_file(other, figure)
    });
    match other {
        None => Ok(()),
        Some(other) => Err(FigureError::OtherRecipe {
            other: other.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            path: recipe_beside(figure),
        }),
    }
}

/// Every name of a figure whose recipe would lie in the same file, in capitals or not.
fn figures_beside(figure: &Path) -> Vec<PathBuf> {
    let cases = |ending: &str| -> Vec<String> {
        ending.chars().fold(vec![String::new()], |begun, letter| {
            let both = |start: String| [letter, letter.to_ascii_uppercase()].map(|letter| format!("{start}{letter}"));
            begun.into_iter().flat_map(both).collect()
        })
    };
    let endings = ["png", "svg", "pdf"].into_iter().flat_map(cases);
    endings.map(|ending| figure.with_extension(ending)).collect()
}

/// Refuses a figure whose recipe would have to replace something that is no recipe; the work can take minutes.
pub fn expect_room_for_recipe(figure: &Path) -> Result<(), OutputError> {
    let is_recipe = |bytes: &[u8]| {
        let json: Option<serde_json::Value> = serde_json::from_slice(bytes).ok();
        json.is_some_and(|json| json["format"] == recipe::FORMAT)
    };
    Outputs::default().claim_beside(RECIPE, &recipe_beside(figure), None, &is_recipe).map(|_| ())
}

/// Whether a recipe was written with a figure of that name: it is the one inside.
fn is_of_figure(bytes: &[u8], figure: &Path) -> bool {
    figures_beside(figure).iter().any(|figure| {
        let inside = files::read(figure, MOST_FIGURE_BYTES).ok().and_then(|inside| json_of(&inside, figure).ok());
        inside.is_some_and(|inside| inside.as_bytes() == bytes)
    })
}

impl Figure {
    /// Writes the figure, and its recipe beside it: both, or none.
    pub fn write(&self, path: &Path) -> Result<(), FigureError> {
        self.write_watched(path, &mut Watch::quiet())
    }

    /// The same while somebody looks. When it is stopped nothing is written.
    pub fn write_watched(&self, path: &Path, watch: &mut Watch<'_>) -> Result<(), FigureError> {
        self.write_with(&Besides::default(), &mut Outputs::default(), ("the figure", path), watch)
    }

    /// Writes the figure and everything beside it, or nothing. `outputs` knows what is read and must not be written
    /// over; `out` is what the figure's file is called (`--out`) and where it is.
    pub fn write_with(
        &self,
        besides: &Besides,
        outputs: &mut Outputs,
        out: (&str, &Path),
        watch: &mut Watch<'_>,
    ) -> Result<(), FigureError> {
        let (what, path) = out;
        let format = Format::of(path).ok_or_else(|| FigureError::File {
            action: "written",
            reason: "expected the extension png, svg or pdf".to_owned(),
            path: path.to_owned(),
        })?;
        let key = outputs.claim(what, path)?;
        if !besides.keeps_recipe {
            expect_own_name(&self.recipe, path)?;
        }
        let bytes = self.bytes_watched(format, watch)?;
        watch.at(|| "Writing the file".to_owned(), 1.0)?;
        for MapBeside { file, bytes } in &besides.maps {
            if let Some(key) = outputs.claim_beside("a map next to the figure", file, Some(bytes), &|_| false)? {
                outputs.write_bytes(key, bytes)?;
            }
        }
        if let Some(folder) = &besides.data {
            data_files::write(&self.resolved, folder, outputs)?;
        }
        if !besides.keeps_recipe {
            let recipe = self.scene.recipe.as_bytes();
            let is_ours = |found: &[u8]| is_of_figure(found, path);
            if let Some(key) = outputs.claim_beside(RECIPE, &recipe_beside(path), Some(recipe), &is_ours)? {
                outputs.write_bytes(key, recipe)?;
            }
        }
        // The figure comes last: where it is, the rest is too.
        outputs.write_bytes(key, &bytes)?;
        Ok(outputs.commit()?)
    }

    /// Writes the numbers behind the figure into a folder: one CSV and one npy a panel, and the metrics as CSV,
    /// Markdown and LaTeX.
    pub fn write_data(&self, folder: &Path) -> Result<(), FigureError> {
        let mut outputs = Outputs::default();
        data_files::write(&self.resolved, &DataFolder::Named(folder.to_owned()), &mut outputs)?;
        Ok(outputs.commit()?)
    }
}
