//! Figures of single answers of `gazelens study report`.

use super::super::failure::Failure;
use super::super::{output, source};
use super::args::ReportArgs;
use crate::engine::{Attributed, OpenModel, attribute};
use crate::figure::recipe::FileInput;
use crate::figure::{Besides, Figure, Inputs, Mismatches, Watch, demo_annotations, file_input, with_maps_beside};
use crate::files::Outputs;
use crate::prompting::Source;
use crate::study::file::DEMO;
use crate::study::report::{ExampleFigure, SeenExample, base_of, example_figures, example_recipe, expect_same_data};
use crate::study::store::RunHeader;
use crate::study::{AnswerRow, StudyData, StudyModel, clip_of, looking_for, model_of};
use anyhow::anyhow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Takes the first answers that prompting changed.
const AUTO: &str = "auto";

/// Which figures there are to be.
pub(super) fn wanted(args: &ReportArgs, header: &RunHeader, rows: &[AnswerRow]) -> Result<Vec<ExampleFigure>, Failure> {
    let named = match args.photos.as_slice() {
        [] => return Ok(Vec::new()),
        [one] if one == AUTO => None,
        names => Some(names),
    };
    Ok(example_figures(header, rows, named)?)
}

/// Everything that the figures of a run need.
struct Drawing<'a> {
    args: &'a ReportArgs,
    header: &'a RunHeader,
    rows: &'a [AnswerRow],
    data: StudyData,
    base: PathBuf,
    annotations: Option<FileInput>,
    outputs: Outputs,
}

/// Draws them, each with its recipe and its maps beside it.
pub(super) fn write(
    args: &ReportArgs,
    folder: &Path,
    header: &RunHeader,
    rows: &[AnswerRow],
    figures: &[ExampleFigure],
) -> Result<(), Failure> {
    if figures.is_empty() {
        return Ok(());
    }
    let images = header.study.data.images.display();
    let base = base_of(header, &args.run).ok_or_else(|| {
        anyhow!("Expected the study's files in this folder or above the run, found not all of them there: {images}")
    })?;
    // Nobody raises it: a signal ends the process, and nothing half written stays behind.
    let cancel = AtomicBool::new(false);
    let data = StudyData::open(&header.study, &base.join("study.toml"), &cancel)?;
    expect_same_data(header, &data, &args.run)?;
    let annotations = match header.study.data.annotations.as_deref() {
        None => None,
        Some(path) if path == Path::new(DEMO) => Some(demo_annotations()),
        Some(path) => Some(file_input(&base.join(path))?),
    };
    let mut drawing = Drawing { args, header, rows, data, base, annotations, outputs: Outputs::default() };
    // One model at a time.
    for kind in [Source::Clip, Source::Llava] {
        let mine: Vec<&ExampleFigure> = figures.iter().filter(|figure| figure.prompting.source == kind).collect();
        let Some(first) = mine.first() else { continue };
        let looker = drawing.open(first, &cancel)?;
        for (figure, name) in mine.iter().zip(file_names(&mine)) {
            drawing.draw(figure, &looker, &folder.join(name + args.plots.ending()), &cancel)?;
        }
    }
    Ok(())
}

/// A name for each, with the dot of its ending: by its photo, with a number where that is taken. Letters count as the
/// same in either case, as on some disks.
fn file_names(figures: &[&ExampleFigure]) -> Vec<String> {
    let mut taken = HashSet::new();
    let plain = |letter: char| if letter.is_control() { '_' } else { letter };
    let name = |figure: &&ExampleFigure| {
        let stem = Path::new(&figure.photo).file_stem().unwrap_or_default().to_string_lossy();
        let stem: String = stem.chars().map(plain).collect();
        let whole = format!("figure_{}_{stem}", figure.number());
        let numbered = (2..).map(|number| format!("{whole}_{number}"));
        let free = std::iter::once(whole.clone()).chain(numbered).find(|name| taken.insert(name.to_lowercase()));
        free.unwrap_or(whole) + "."
    };
    figures.iter().map(name).collect()
}

impl Drawing<'_> {
    /// The model that looked, with the weights of then.
    fn open(&self, figure: &ExampleFigure, cancel: &AtomicBool) -> Result<OpenModel, Failure> {
        let (study, file) = (&self.header.study, self.base.join("study.toml"));
        let (name, mmproj, expected) = match figure.prompting.source {
            Source::Clip => {
                let name = clip_of(study, &file).unwrap_or_else(|| "demo-clip".to_owned());
                (name, None, self.header.looker_hash.as_ref())
            }
            Source::Llava => {
                let StudyModel { id, mmproj } = model_of(study, &file);
                (id, mmproj, Some(&self.header.weight_hash))
            }
        };
        let model = source::model_source(&name, mmproj.as_deref())?;
        let mut request = self.args.place.request(model);
        // Nobody is asked over the network because a run names somebody.
        source::cached(&mut request)?;
        let model = OpenModel::open(&request, &mut |_, _| {}, cancel)?;
        let found = &model.info().weight_hash;
        match expected {
            Some(expected) if expected != found => {
                Err(anyhow!("Expected the weights {expected} that looked in the run, found {found}: {name}").into())
            }
            _ => Ok(model),
        }
    }

    fn draw(
        &mut self,
        figure: &ExampleFigure,
        looker: &OpenModel,
        file: &Path,
        cancel: &AtomicBool,
    ) -> Result<(), Failure> {
        let framing = self.header.study.model.framing;
        let mut seen: Vec<(&AnswerRow, &AnswerRow, String, Attributed)> = Vec::new();
        let mut image = None;
        for example in &figure.examples {
            let rows = self.rows.get(example.plain).zip(self.rows.get(example.prompted));
            let Some((plain, prompted)) = rows else { continue };
            let item = self.data.items.get(plain.item);
            let photo = item.and_then(|item| self.data.photos.get(item.photo));
            let Some((item, photo)) = item.zip(photo) else { continue };
            let request = looking_for(item, &figure.prompting, photo.source.clone(), framing);
            // As if nothing had been asked before.
            looker.forget_prompts();
            let attributed = attribute(looker, &request, cancel)?;
            let found = &attributed.photo.sha256;
            if let Some(expected) = plain.photo_sha256.as_ref().filter(|expected| *expected != found) {
                let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
                let (expected, found) = (short(expected), short(found));
                return Err(anyhow!(
                    "Expected the photo that the run asked about (SHA-256 {expected}), found another ({found}): {}",
                    plain.photo
                )
                .into());
            }
            seen.push((plain, prompted, request.query, attributed));
            image = Some(&photo.source);
        }
        let Some(image) = image else { return Ok(()) };
        let examples: Vec<SeenExample<'_>> = seen
            .iter()
            .map(|(plain, prompted, query, attributed)| SeenExample { plain, prompted, query, attributed })
            .collect();
        let (recipe, given) = example_recipe(figure, &examples, image, looker.info(), self.annotations.clone())
            .map_err(|err| anyhow!("{err}: {}", self.args.run.display()))?;
        let inputs = Inputs::open(&recipe, given, file.parent(), Mismatches::Refused)?;
        inputs.files().for_each(|(what, path)| self.outputs.reads(what, path));
        let (recipe, maps) = with_maps_beside(&recipe, &inputs, file);
        let drawn = Figure::new(&recipe, &inputs)?;
        for text in drawn.warnings() {
            output::warning(&text);
        }
        let besides = Besides { maps, ..Besides::default() };
        Ok(drawn.write_with(&besides, &mut self.outputs, ("a figure", file), &mut Watch::quiet())?)
    }
}
