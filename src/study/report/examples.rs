//! Figures 3 and 4 of Tomita et al.: what attention prompting does to single answers. A row a question: the photo with
//! the object, where the model looked, the photo as it was asked about, with the answers without and with prompting.
//!
//! **Source**: Tomita et al., Figures 3 (the map is CLIP's) and 4 (LLaVA's).

use super::is_right;
use super::tomita::pre_output;
use crate::engine::{Attributed, ImageSource, ModelInfo};
use crate::figure::recipe::{
    Colour, FileInput, Layout, MapSpec, Panel, PromptSpec, Recipe, Scale, Show, Truth, sha256,
};
use crate::figure::{Given, MapFile, MapSubject};
use crate::names::hint;
use crate::prompting::{PromptOptions, PromptingError, Source};
use crate::study::StudyError;
use crate::study::data::StudyData;
use crate::study::file::{PromptingSpec, TemplateId};
use crate::study::row::AnswerRow;
use crate::study::setting::Setting;
use crate::study::store::RunHeader;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Questions of one figure.
const MOST_ROWS: usize = 4;
/// Letters of an answer.
const MOST_LETTERS: usize = 100;
/// Names of the inputs of a recipe.
const PHOTO: &str = "photo";
const OBJECTS: &str = "objects";

/// A question that was answered without and with prompting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// Place of the row without prompting.
    pub plain: usize,
    /// Place of the row with it.
    pub prompted: usize,
}

/// One figure: questions about one photo.
#[derive(Debug, Clone, PartialEq)]
pub struct ExampleFigure {
    /// Name of the photo's file.
    pub photo: String,
    /// How the photo was darkened.
    pub prompting: PromptingSpec,
    /// Its rows.
    pub examples: Vec<Example>,
}

impl ExampleFigure {
    /// 3 where CLIP looked, 4 where LLaVA did.
    pub fn number(&self) -> u8 {
        match self.prompting.source {
            Source::Clip => 3,
            Source::Llava => 4,
        }
    }
}

/// Which figures there are to be. Of each source the first setting with prompting counts, against the first without.
///
/// Of a photo those questions are shown whose answer prompting made right or wrong; where there is none, the first
/// about an object that is there. Without `photos` those are taken that have the first answer of either kind.
///
/// **Errors**: a run without such settings; a photo that the run did not ask about.
pub fn example_figures(
    header: &RunHeader,
    rows: &[AnswerRow],
    photos: Option<&[String]>,
) -> Result<Vec<ExampleFigure>, StudyError> {
    let unfit = |expected: &str, found: String, place: &str| StudyError::Unfit {
        expected: expected.to_owned(),
        found,
        path: Path::new(place).to_owned(),
    };
    if header.study.template != TemplateId::Tomita {
        let found = format!("{:?}", header.study.template).to_lowercase();
        return Err(unfit("a study of the template tomita for its figures", found, "--photos"));
    }
    let asked: BTreeSet<&str> = rows.iter().map(|row| row.photo.as_str()).collect();
    if let Some(other) = photos.unwrap_or_default().iter().find(|name| !asked.contains(name.as_str())) {
        let found = format!("{other}{}", hint(other, asked.iter().copied()));
        return Err(unfit("photos that the run asks about", found, "--photos"));
    }
    let settings = Setting::all(&header.study, Path::new(&header.study.name))?;
    let plain = settings.iter().position(|setting| setting.prompting.is_none());
    let places: HashMap<(usize, usize), usize> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.error.is_none())
        .map(|(place, row)| ((row.item, row.setting_number), place))
        .collect();
    let mut figures = Vec::new();
    for source in [Source::Clip, Source::Llava] {
        let of_source =
            |setting: &Setting| setting.prompting.as_ref().is_some_and(|prompting| prompting.source == source);
        let Some((plain, number)) = plain.zip(settings.iter().position(of_source)) else { continue };
        let Some(prompting) = settings.get(number).and_then(|setting| setting.prompting.clone()) else { continue };
        let both = |item: usize| {
            let (plain, prompted) = (*places.get(&(item, plain))?, *places.get(&(item, number))?);
            Some(Example { plain, prompted })
        };
        let items: BTreeSet<usize> = places.keys().map(|(item, _)| *item).collect();
        let examples: Vec<Example> = items.into_iter().filter_map(both).collect();
        figures.extend(of_setting(rows, &examples, photos, &prompting));
    }
    if figures.is_empty() {
        let expected = "a setting without prompting and one with it that both have answers";
        return Err(unfit(expected, "none".to_owned(), "--photos"));
    }
    Ok(figures)
}

fn of_setting(
    rows: &[AnswerRow],
    examples: &[Example],
    photos: Option<&[String]>,
    prompting: &PromptingSpec,
) -> Vec<ExampleFigure> {
    let photo = |example: &Example| rows.get(example.plain).map_or("", |row| row.photo.as_str());
    let right = |place: usize| rows.get(place).and_then(|row| is_right(TemplateId::Tomita, row));
    let change = |example: &&Example| match (right(example.plain), right(example.prompted)) {
        (Some(before), Some(after)) if before != after => Some(after),
        _ => None,
    };
    let is_there = |example: &&Example| rows.get(example.plain).is_some_and(|row| row.label.as_deref() == Some("yes"));
    let names: Vec<&str> = if let Some(photos) = photos {
        let mut seen = BTreeSet::new();
        photos.iter().map(String::as_str).filter(|name| seen.insert(*name)).collect()
    } else {
        let first = |better: bool| examples.iter().find(|example| change(example) == Some(better));
        let mut chosen: Vec<&str> = [first(true), first(false)].into_iter().flatten().map(photo).collect();
        if chosen.is_empty() {
            chosen.extend(examples.iter().find(is_there).or(examples.first()).map(photo));
        }
        chosen.dedup();
        chosen
    };
    let figure = |name: &str| {
        let mine = || examples.iter().filter(|example| photo(example) == name);
        let mut shown: Vec<Example> =
            mine().filter(|example| change(example).is_some()).take(MOST_ROWS).copied().collect();
        if shown.is_empty() {
            shown.extend(mine().find(is_there).or(mine().next()));
        }
        let figure = ExampleFigure { photo: name.to_owned(), prompting: prompting.clone(), examples: shown };
        (!figure.examples.is_empty()).then_some(figure)
    };
    names.into_iter().filter_map(figure).collect()
}

/// One question of a figure, and where the model looked for it.
#[derive(Debug, Clone, Copy)]
pub struct SeenExample<'a> {
    /// The answer without prompting.
    pub plain: &'a AnswerRow,
    /// The answer with it.
    pub prompted: &'a AnswerRow,
    /// What it looked for.
    pub query: &'a str,
    /// Where the model looked.
    pub attributed: &'a Attributed,
}

/// The recipe of a figure, and what is at hand for it. `annotations` are those of the study.
///
/// **Errors**: options that do not fit the map.
pub fn example_recipe(
    figure: &ExampleFigure,
    seen: &[SeenExample<'_>],
    image: &ImageSource,
    looker: &ModelInfo,
    annotations: Option<FileInput>,
) -> Result<(Recipe, Given), PromptingError> {
    let options = &figure.prompting.options;
    let colour = Colour { scale: Scale::Each, ..Colour::default() };
    let mut recipe = Recipe::new(Layout { columns: 3, letters: false, ..Layout::default() }, colour);
    let mut given = Given::default();
    let name = match image {
        ImageSource::Path(path) => path.display().to_string(),
        ImageSource::Bundled(name) => name.clone(),
    };
    let has_objects = annotations.is_some();
    recipe.inputs.annotations.extend(annotations.map(|file| (OBJECTS.to_owned(), file)));
    for (number, example) in (1..).zip(seen) {
        let photo = &example.attributed.photo;
        let input = FileInput { file: name.clone(), sha256: photo.sha256.clone() };
        recipe.inputs.images.insert(PHOTO.to_owned(), input);
        given.photos.insert(PHOTO.to_owned(), photo.clone());
        let subject = MapSubject {
            attribution: &example.attributed.attribution,
            options,
            model_id: &looker.id,
            weight_hash: &looker.weight_hash,
            query: example.query,
            image: &name,
            image_hash: &photo.sha256,
        };
        let bytes: Arc<[u8]> = MapFile::bytes(&subject)?.into();
        let map = format!("map {number}");
        // It gets a name made of its content.
        let input = FileInput { file: format!("map-{number}.safetensors"), sha256: sha256(&bytes) };
        recipe.inputs.maps.insert(map.clone(), input);
        given.maps.insert(map.clone(), bytes);
        let is_there = example.plain.label.as_deref() == Some("yes");
        let object = example.plain.object.clone().filter(|_| has_objects && is_there);
        let truth = object.zip(example.plain.image_id).map(|(object, image_id)| Truth {
            annotations: OBJECTS.to_owned(),
            image_id: Some(image_id),
            categories: vec![object],
            no_crowd: false,
        });
        let of = || PHOTO.to_owned();
        let spec = MapSpec::File { map: map.clone(), of: of() };
        let titles = titles(figure.prompting.source, example);
        let shows = [
            match truth.clone() {
                Some(truth) => Show::Mask { of: of(), truth },
                None => Show::Photo { of: of() },
            },
            Show::Map { map: spec, outline: truth, grid_lines: false },
            Show::Prompted { of: of(), map: Some(map), options: prompt_spec(options, example.attributed) },
        ];
        let panels = shows.into_iter().zip(titles);
        recipe.panels.extend(panels.map(|(show, title)| Panel { title: Some(title), ..Panel::new(show) }));
    }
    Ok((recipe, given))
}

fn prompt_spec(options: &PromptOptions, attributed: &Attributed) -> PromptSpec {
    PromptSpec {
        layer: Some(options.layer_idx.unwrap_or_else(|| attributed.attribution.default_layer())),
        formula: options.formula.id().to_owned(),
        kernel: options.kernel,
        enhance: options.enhance,
        grey: options.grey,
        geometry: options.geometry.id().to_owned(),
        ..PromptSpec::default()
    }
}

/// The question; what the model that looked says itself; both answers.
fn titles(source: Source, example: &SeenExample<'_>) -> [String; 3] {
    let SeenExample { plain, prompted, .. } = *example;
    let looker = match source {
        Source::Clip => "CLIP",
        Source::Llava => "LLaVA",
    };
    let label = plain.label.as_deref().map_or(String::new(), |label| format!(" (label: {label})"));
    let own = prompted.pre_output.as_deref().map_or(String::new(), |said| {
        let verdict = pre_output(prompted).map_or("", |right| if right { " (right)" } else { " (wrong)" });
        format!("; says {said} itself{verdict}")
    });
    [
        format!("“{}”{label}", one_line(&plain.prompt)),
        format!("Where {looker} looked{own}"),
        format!("Without prompting: {}. With it: {}", answer(plain), answer(prompted)),
    ]
}

/// What was said, and whether it is right.
fn answer(row: &AnswerRow) -> String {
    let said = one_line(row.answer.as_deref().unwrap_or_default());
    let said = said.trim_end_matches('.');
    match is_right(TemplateId::Tomita, row) {
        Some(true) => format!("{said} (right)"),
        Some(false) => format!("{said} (wrong)"),
        None => format!("{said} (counts as neither)"),
    }
}

fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST_LETTERS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(&line)),
        None => line,
    }
}

/// The folder that the paths of a run's study are seen from: where its file lay, the folder that the program was
/// started in, the run's own, or one above it; `None` where no folder has all that the study names.
pub fn base_of(header: &RunHeader, run: &Path) -> Option<std::path::PathBuf> {
    let data = &header.study.data;
    let named = [Some(&data.images), data.annotations.as_ref(), data.captions.as_ref()];
    let named = named.into_iter().chain([header.study.questions.file.as_ref(), header.study.questions.labels.as_ref()]);
    let named: Vec<&Path> =
        named.flatten().map(std::path::PathBuf::as_path).filter(|path| *path != Path::new(super::DEMO)).collect();
    let run = std::path::absolute(run).unwrap_or_else(|_| run.to_owned());
    let above = run.ancestors().take(MOST_ABOVE).map(Path::to_owned);
    let first = header.folder.iter().cloned().chain([Path::new("").to_owned()]);
    let mut folders = first.chain(above);
    folders.find(|folder| named.iter().all(|path| folder.join(path).exists()))
}

/// The run's own folder and those above it in which the files of its study are looked for.
const MOST_ABOVE: usize = 5;

/// Whether what is there is what the run asked about.
///
/// **Errors**: other photos, questions or labels.
pub fn expect_same_data(header: &RunHeader, data: &StudyData, run: &Path) -> Result<(), StudyError> {
    if data.fingerprint() == header.data_hash {
        return Ok(());
    }
    Err(StudyError::Unfit {
        expected: "the photos and questions that the run asked about".to_owned(),
        found: "others where its study names them".to_owned(),
        path: run.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run of the template with the answers of every question without prompting and with CLIP's.
    fn run(answers: &[(&str, &str, &str, &str)]) -> (RunHeader, Vec<AnswerRow>) {
        let study = crate::study::Study::read(
            crate::study::templates::template("tomita").expect("a template").toml,
            Path::new("s.toml"),
        );
        let header = RunHeader {
            format: String::new(),
            version: 1,
            study: study.expect("a study"),
            model: "demo".to_owned(),
            weight_hash: String::new(),
            looker_hash: None,
            dtype: "f32".to_owned(),
            data_hash: String::new(),
            num_items: answers.len(),
            num_settings: 3,
            one_by_one: false,
            program: String::new(),
            folder: None,
        };
        let rows = answers.iter().enumerate().flat_map(|(item, (photo, label, plain, prompted))| {
            [(0, plain), (1, prompted)].map(|(setting_number, answer)| AnswerRow {
                item,
                setting_number,
                photo: (*photo).to_owned(),
                label: Some((*label).to_owned()),
                answer: Some((*answer).to_owned()),
                ..AnswerRow::default()
            })
        });
        (header, rows.collect())
    }

    #[test]
    fn the_first_answers_that_changed_are_taken_or_those_of_named_photos() {
        let (header, rows) = run(&[
            ("a.png", "no", "No", "No"),
            ("a.png", "yes", "Yes", "Yes"),
            ("b.png", "yes", "Yes", "No"),
            ("c.png", "no", "Yes", "No"),
            ("c.png", "yes", "Maybe", "Yes"),
            ("d.png", "yes", "No", "Yes"),
        ]);
        let shown = |photos: Option<&[String]>| -> Vec<(String, Vec<usize>)> {
            let figures = example_figures(&header, &rows, photos).expect("figures");
            assert!(figures.iter().all(|figure| figure.number() == 3), "LLaVA has no answer yet");
            let items = |figure: &ExampleFigure| figure.examples.iter().map(|one| rows[one.plain].item).collect();
            figures.iter().map(|figure| (figure.photo.clone(), items(figure))).collect()
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            shown(None),
            [("c.png".to_owned(), vec![3]), ("b.png".to_owned(), vec![2])],
            "made right, made wrong"
        );
        let named = shown(Some(&names(&["a.png", "d.png"])));
        assert_eq!(named, [("a.png".to_owned(), vec![1]), ("d.png".to_owned(), vec![5])], "an object that is there");
        let why = example_figures(&header, &rows, Some(&names(&["e.png"]))).expect_err("not asked about").to_string();
        assert!(why.starts_with("Expected photos that the run asks about, found e.png"), "{why}");
        let (header, rows) = run(&[]);
        let why = example_figures(&header, &rows, None).expect_err("no answer").to_string();
        assert!(why.contains("a setting without prompting and one with it"), "{why}");
    }
}
