//! Attention prompting is that of the published formulas (`tests/golden/prompting.py`): maps within 1e-4, pictures
//! within one grey level.

use super::reference::Golden;
use super::{ask, golden_folder, open, question, root};
use gazelens::analysis::pope::Said;
use gazelens::data::write_rgb_png;
use gazelens::engine::{
    ATTRIBUTION_TOKENS, Attributed, AttributionRequest, EngineError, ImageSource, ModelSource, OpenModel, Prompt,
    attribute,
};
use gazelens::geometry::{Framing, Resample};
use gazelens::prompting::{
    Formula, LlavaMaps, Maps, MaskGeometry, PreOutputBasis, PromptOptions, PromptingError, Source, prompt_image,
};
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The golden photo as a file, and the models on it.
struct Prompting {
    golden: Golden,
    folder: tempfile::TempDir,
    clip: OpenModel,
    llava: OpenModel,
}

impl Prompting {
    fn new() -> Self {
        let golden = Golden::open(&golden_folder().join("prompting.safetensors"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        let photo = folder.path().join("photo.png");
        write_rgb_png(&photo, 63, 40, &golden.levels("photo")).expect("a photo");
        let clip = open(ModelSource::Folder(root().join("assets/demo/clip")));
        Self { golden, folder, clip, llava: open(ModelSource::Demo) }
    }

    fn photo(&self) -> std::path::PathBuf {
        self.folder.path().join("photo.png")
    }

    fn clip(&self) -> Attributed {
        run(&self.clip, &request(Source::Clip, &self.photo(), self.golden.word("query"), None))
    }

    fn llava(&self, framing: &str) -> Attributed {
        let question = self.golden.word(&format!("{framing}_question"));
        let framing = if framing == "pad" { Framing::Pad } else { Framing::Crop };
        run(&self.llava, &request(Source::Llava, &self.photo(), question, Some(framing)))
    }

    fn expect(&self, name: &str, found: &[f32]) {
        let (_, expected) = self.golden.floats(name);
        assert_eq!(found.len(), expected.len(), "as many values of {name}");
        let differences = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0, f32::max);
        assert!(worst < 1e-4, "{name} differs by {worst}");
    }
}

fn request(source: Source, photo: &Path, query: &str, framing: Option<Framing>) -> AttributionRequest {
    AttributionRequest {
        source,
        image: ImageSource::Path(photo.to_owned()),
        query: query.to_owned(),
        object: (source == Source::Clip).then(|| "dog".to_owned()),
        framing,
        max_new_tokens: ATTRIBUTION_TOKENS,
    }
}

fn run(model: &OpenModel, request: &AttributionRequest) -> Attributed {
    attribute(model, request, &AtomicBool::new(false)).unwrap_or_else(|err| panic!("{}: {err}", request.query))
}

#[test]
fn clip_s_maps_are_those_of_the_published_formulas() {
    let prompting = Prompting::new();
    let found = prompting.clip();
    let Maps::Clip(maps) = &found.attribution.maps else { panic!("CLIP's maps") };
    prompting.expect("cls_map", &maps.contributions);
    prompting.expect("token_map", &maps.similarities);
    prompting.expect("last_cosines", &maps.last_cosines);
    let pre_output = found.pre_output.expect("an object was given");
    let PreOutputBasis::Probability { yes_probability, .. } = &pre_output.basis else { panic!("a probability") };
    prompting.expect("yes_probability", &[*yes_probability]);
    assert_eq!(pre_output.said, Said::Yes, "from one half on");
}

#[test]
fn llava_s_maps_are_those_of_the_published_formulas() {
    let prompting = Prompting::new();
    for framing in ["crop", "pad"] {
        let found = prompting.llava(framing);
        let text = prompting.golden.word(&format!("{framing}_answer")).to_owned();
        let answered = found.pre_output.as_ref().map(|pre_output| &pre_output.basis);
        assert_eq!(answered, Some(&PreOutputBasis::Answer { text }), "the same answer, {framing}");
        for (formula, name) in [(Formula::Official, "image_attention"), (Formula::Paper, "attention")] {
            let layers = (0..found.attribution.num_layers()).map(|idx| found.attribution.map(Some(idx), formula));
            let all: Vec<f32> = layers.flat_map(|map| map.expect("a layer")).collect();
            prompting.expect(&format!("{framing}_{name}"), &all);
        }
    }
}

fn options(case: &Value) -> PromptOptions {
    let word = |name: &str| case[name].as_str().unwrap_or_default();
    let number = |name: &str| case[name].as_u64().and_then(|number| usize::try_from(number).ok()).expect("a number");
    PromptOptions {
        layer_idx: Some(number("layer")),
        formula: Formula::by_id(word("formula")).expect("a formula"),
        kernel: number("kernel"),
        enhance: case["enhance"].as_f64().expect("a coefficient"),
        resample: match word("resample") {
            "lanczos" => Resample::Lanczos,
            "bicubic" => Resample::Bicubic,
            "bilinear" => Resample::Bilinear,
            _ => Resample::Nearest,
        },
        grey: u8::try_from(number("grey")).expect("a grey level"),
        geometry: MaskGeometry::by_id(word("geometry")).expect("a geometry"),
    }
}

#[test]
fn prompted_photos_are_those_of_pillow() {
    let prompting = Prompting::new();
    let cases = prompting.golden.words()["cases"].as_array().expect("cases").clone();
    assert_eq!(cases.len(), 5, "both sources, formulas and geometries, every filter");
    for (number, case) in cases.iter().enumerate() {
        let found = match case["source"].as_str() {
            Some("clip") => prompting.clip(),
            _ => prompting.llava(case["framing"].as_str().unwrap_or_default()),
        };
        let prompted = prompt_image(&found.photo, &found.attribution, &options(case)).expect("a prompted photo");
        prompting.expect(&format!("{number}_grid"), &prompted.grid.values);
        for (what, found) in [("mask", &prompted.mask), ("blend", &prompted.rgb)] {
            let expected = prompting.golden.levels(&format!("{number}_{what}"));
            assert_eq!(found.len(), expected.len(), "{what} of {case}");
            let worst = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst <= Some(1), "{what} differs by {worst:?} grey levels: {case}");
        }
    }
}

#[test]
fn a_raised_flag_ends_an_attribution() {
    let prompting = Prompting::new();
    for (source, model) in [(Source::Clip, &prompting.clip), (Source::Llava, &prompting.llava)] {
        let request = request(source, &prompting.photo(), "Is there a dog in the image?", None);
        let stopped = attribute(model, &request, &AtomicBool::new(true)).map_err(Box::new);
        assert!(matches!(stopped.as_ref().map_err(|err| &**err), Err(EngineError::Cancelled)), "{source:?}");
    }
}

#[test]
fn an_encoder_s_trace_holds_no_answer() {
    let prompting = Prompting::new();
    let question = question(ImageSource::Path(prompting.photo()), Prompt::Templated("a dog".to_owned()), 1);
    let trace = ask(&prompting.clip, &question).trace;
    let found = LlavaMaps::from_trace(&trace, ATTRIBUTION_TOKENS);
    assert!(matches!(found, Err(PromptingError::NoRows { .. })), "{found:?}");
    let question = self::question(ImageSource::Path(prompting.photo()), Prompt::Templated("a dog".to_owned()), 0);
    let found = LlavaMaps::from_trace(&ask(&prompting.llava, &question).trace, ATTRIBUTION_TOKENS);
    assert!(matches!(found, Err(PromptingError::NoRows { .. })), "no token, no row: {found:?}");
}
