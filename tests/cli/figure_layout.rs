//! Where texts of figures lie: apart, on the page, whole, at every width.

use super::figure_plots::{plots, recipe, subject};
use super::figure_subjects::{HEADS, LAYERS, SIDE, WORDS, decoder, everything, open, trace as made_up};
use super::{folder, gazelens, path, stderr};
use gazelens::analysis::{Normalisation, Pick};
use gazelens::figure::recipe::{Bars, Layout, MapSpec, Panel, Scale, Show, Tokens, Width};
use gazelens::figure::scene::{Rect, Text};
use gazelens::figure::{Figure, Recipe};
use gazelens::geometry::{Combine, ImageLayout, PatchGrid, RectPx, Region, RegionKind};
use gazelens::trace::Trace;

/// Every kind of panel.
fn shows() -> Vec<Show> {
    everything().0.panels.into_iter().map(|panel| panel.show).chain(plots()).collect()
}

fn drawn(recipe: &Recipe, trace: &Trace) -> Figure {
    Figure::new(recipe, &open(recipe, trace).expect("everything is there")).expect("can be drawn")
}

/// What is wrong with the texts of a figure.
fn faults(figure: &Figure) -> Vec<String> {
    let scene = figure.scene();
    let all: Vec<(&Text, Rect)> = scene.texts().map(|text| (text, scene.place_of(text))).collect();
    let mut faults = Vec::new();
    for (idx, (text, place)) in all.iter().enumerate() {
        if text.text.contains('…') {
            faults.push(format!("{:?} is cut", text.text));
        }
        if place.x < -0.1 || place.right() > scene.width + 0.1 || place.y < -0.1 || place.bottom() > scene.height + 0.1
        {
            faults.push(format!("{:?} leaves the page: {place:?}", text.text));
        }
        for (other, there) in &all[idx + 1..] {
            let apart = |a: f64, a_end: f64, b: f64, b_end: f64| a_end.min(b_end) - a.max(b) <= 0.1;
            let lies = apart(place.x, place.right(), there.x, there.right())
                || apart(place.y, place.bottom(), there.y, there.bottom());
            if !lies {
                faults.push(format!("{:?} lies on {:?}", text.text, other.text));
            }
        }
    }
    faults
}

#[test]
fn no_text_is_cut_or_lies_on_another_at_any_width() {
    let trace = subject();
    let mut recipe = recipe(&trace, shows());
    let mut whole = 0;
    for width in [60.0, 84.0, 110.0, 140.0, 174.0, 180.0] {
        for columns in 1..=6 {
            recipe.layout = Layout {
                width: Width::Mm(width),
                columns,
                dpi: 60,
                row_labels: vec!["a method with a long name".to_owned(), "second".to_owned()],
                column_titles: vec!["ordinary decoding".to_owned(), "visual contrastive decoding".to_owned()],
                ..Layout::default()
            };
            recipe.colour.scale = [Scale::Each, Scale::Shared, Scale::ZeroToOne][columns % 3];
            let figure = drawn(&recipe, &trace);
            let found = faults(&figure);
            assert!(found.is_empty(), "{width} mm, {columns} columns: {found:#?}");
            let warnings = figure.warnings();
            let is_small = warnings.iter().any(|warning| warning.contains("needs"));
            let left_out: Vec<&String> = warnings.iter().filter(|warning| warning.contains("no room")).collect();
            assert!(is_small || left_out.is_empty(), "{width} mm, {columns} columns: {left_out:#?}");
            whole += usize::from(!is_small);
        }
    }
    assert!(whole >= 6, "many are large enough: {whole}");
}

#[test]
fn every_kind_alone_is_whole_at_its_smallest_width() {
    let trace = subject();
    for show in shows() {
        let mut recipe = recipe(&trace, vec![show.clone()]);
        for mm in [20, 25, 30, 40, 44, 60] {
            recipe.layout = Layout { width: Width::Mm(f64::from(mm)), columns: 1, dpi: 60, ..Layout::default() };
            let figure = drawn(&recipe, &trace);
            let found = faults(&figure);
            assert!(found.is_empty(), "{} at {mm} mm: {found:#?}", show.label());
            let warnings = figure.warnings();
            if !warnings.iter().any(|warning| warning.contains("needs")) {
                let left_out: Vec<&String> = warnings.iter().filter(|text| text.contains("no room")).collect();
                assert!(left_out.is_empty(), "{} at {mm} mm: {left_out:?}", show.label());
            }
        }
    }
}

#[test]
fn a_panel_that_is_too_small_is_told_in_the_figure_and_on_the_command_line() {
    // A file has texts or an answer.
    let trace = Trace { similarity: Vec::new(), ..subject() };
    let outliers = plots().into_iter().find(|show| show.label() == "outliers plot").expect("offered");
    let mut recipe = recipe(&trace, vec![outliers]);
    recipe.layout = Layout { width: Width::Single, columns: 6, dpi: 60, ..Layout::default() };
    let sentence = "6 columns at 84 mm leave 11.5 mm a panel; the outliers plot (panel 1) needs 40 mm: \
                    fewer columns or a wider figure";
    let warnings = drawn(&recipe, &trace).warnings();
    assert!(warnings.contains(&sentence.to_owned()), "{warnings:?}");
    let folder = folder();
    let (file, trace_file, out) =
        (path(folder.path(), "r.json"), path(folder.path(), "t.safetensors"), path(folder.path(), "f.svg"));
    std::fs::write(&file, recipe.to_json()).expect("a writable folder");
    gazelens::trace::file::write_trace(trace_file.as_ref(), &trace, &gazelens::trace::Extras::default())
        .expect("a writable folder");
    let output = gazelens(&["figure", "--recipe", &file, "--trace", &trace_file, "--out", &out]);
    assert!(output.status.success() && stderr(&output).contains(sentence), "{}", stderr(&output));
}

fn cls() -> Show {
    let map = MapSpec::VisionCls {
        encoder: 0,
        of: "a".to_owned(),
        layers: Pick::default(),
        heads: Pick::default(),
        normalisation: Normalisation::Raw,
    };
    Show::Map { map, outline: None, grid_lines: false }
}

fn word(word: &str) -> Show {
    let map = decoder(Tokens { word: Some(word.to_owned()), ..Tokens::default() });
    Show::Map { map, outline: None, grid_lines: false }
}

/// Left and right ends of the colour bars.
fn bars(figure: &Figure) -> Vec<[f64; 2]> {
    use gazelens::figure::scene::{Node, Pixels};
    let nodes = figure.scene().groups.iter().flat_map(|group| &group.nodes);
    let bars = nodes.filter_map(|node| match node {
        Node::Picture(picture) => match &picture.pixels {
            Pixels::Cells(cells) if cells.size == [256, 1] => Some([picture.rect.x, picture.rect.right()]),
            _ => None,
        },
        _ => None,
    });
    bars.collect()
}

#[test]
fn a_shared_bar_stands_below_its_own_panels_and_what_cannot_share_is_told() {
    let trace = subject();
    let mut recipe = recipe(&trace, vec![cls(), word("umbrella"), word("yellow")]);
    recipe.colour.scale = Scale::Shared;
    let figure = drawn(&recipe, &trace);
    let column = (figure.scene().width - 2.0 * 3.0 * 72.0 / 25.4) / 3.0;
    let [own, shared] = bars(&figure).try_into().expect("two bars");
    assert!(own[0] >= 0.0 && own[1] <= column + 0.1, "below (a): {own:?}");
    assert!(shared[0] > column && shared[1] <= figure.scene().width, "below (b) and (c) alone: {shared:?}");
    let notes = figure.scale_notes();
    let [note] = notes.as_slice() else { panic!("one sentence: {notes:?}") };
    assert!(note.contains("panel 1 ([CLS] attention probability)") && note.contains("panels 2 and 3"), "{note}");
    assert!(note.contains("different units") && note.contains("0 to 1 each"), "{note}");
    assert!(figure.warnings().contains(note), "and on the command line");
    // Apart: a bar each side of the stranger.
    recipe.panels.swap(0, 1);
    assert_eq!(bars(&drawn(&recipe, &trace)).len(), 3, "none reaches over another panel");
    // The same unit everywhere: one bar below all rows.
    recipe.panels = vec![word("umbrella"), word("yellow")].into_iter().map(Panel::new).collect();
    recipe.layout.columns = 1;
    let figure = drawn(&recipe, &trace);
    assert_eq!((bars(&figure).len(), figure.scale_notes().len()), (1, 0), "one bar");
}

#[test]
fn zero_to_one_is_min_max_within_each_map_and_one_bar_says_so() {
    let trace = subject();
    let mut recipe = recipe(&trace, vec![cls(), word("umbrella"), word("yellow")]);
    let raw = drawn(&recipe, &trace);
    recipe.colour.scale = Scale::ZeroToOne;
    recipe.colour.bars = Bars::Labelled;
    let figure = drawn(&recipe, &trace);
    let values = |figure: &Figure, idx: usize| match &figure.resolved().panels[idx].content {
        gazelens::figure::resolve::Content::Photo(photo) => photo.heat.clone().expect("a map").values.to_vec(),
        other => panic!("found {other:?}"),
    };
    for idx in 0..3 {
        let before = values(&raw, idx);
        let lo = before.iter().copied().fold(f32::INFINITY, f32::min);
        let hi = before.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        for (value, part) in before.iter().zip(values(&figure, idx)) {
            assert!(((value - lo) / (hi - lo) - part).abs() < 1e-5, "{value} is {part} of {lo} to {hi}");
        }
        let panel = &figure.resolved().panels[idx];
        assert!(panel.caption.contains("min–max: 0 is "), "{}", panel.caption);
        assert_eq!(panel.data.tensor, raw.resolved().panels[idx].data.tensor, "the numbers stay raw");
        assert_eq!(panel.data.table[0].last().map(String::as_str), Some("0 to 1 (min-max)"), "beside the others");
    }
    assert_eq!(bars(&figure).len(), 1, "one bar for all three, whatever their units");
    assert!(figure.scale_notes().is_empty(), "nothing is refused");
    let texts: Vec<&str> = figure.scene().texts().map(|text| text.text.as_str()).collect();
    assert!(texts.contains(&"0 to 1 within each map (min–max)"), "the bar says so: {texts:?}");
    let folder = folder();
    figure.write_data(folder.path()).expect("can be written");
    let list = std::fs::read_to_string(folder.path().join("gazelens-data.json")).expect("written");
    let list: serde_json::Value = serde_json::from_str(&list).expect("is JSON");
    let said = list["panels"]["panel_01"].as_str().unwrap_or_default();
    assert!(said.starts_with("[CLS] attention probability; min–max: 0 is "), "{list}");
    let figure = drawn(&recipe_each(&recipe), &trace);
    let said = figure.resolved().panels[1].colours.clone().unwrap_or_default();
    assert!(said.contains("share of the image's attention; colours from 0 to "), "{said}");
}

fn recipe_each(recipe: &Recipe) -> Recipe {
    let mut each = recipe.clone();
    each.colour.scale = Scale::Each;
    each
}

#[test]
fn a_caption_stands_below_its_own_panel_beside_a_long_answer() {
    let words: Vec<String> = (0..300).map(|idx| format!(" word{idx}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let trace = super::figure_subjects::trace(&words, [2, 1, super::figure_subjects::SIDE], 7);
    let answer = Show::Answer { of: "a".to_owned(), question: false, marks: Vec::new(), shade: None };
    let map = Show::Map { map: decoder(Tokens::default()), outline: None, grid_lines: false };
    let mut recipe = recipe(&trace, vec![map, answer]);
    recipe.layout.columns = 2;
    let figure = drawn(&recipe, &trace);
    assert!(faults(&figure).is_empty(), "{:?}", faults(&figure));
    let scene = figure.scene();
    let top = |words: &str| {
        let found = scene.texts().find(|text| text.text.contains(words));
        scene.place_of(found.unwrap_or_else(|| panic!("{words} is set"))).y
    };
    let [map_caption, answer_caption, last_word] = [top("Decoder, "), top("made-up/model"), top("word299")];
    assert!(map_caption < last_word / 2.0, "right below the map: {map_caption} of {last_word}");
    assert!(answer_caption > last_word, "below the answer: {answer_caption} after {last_word}");
}

/// The made-up answer about a photo that the model saw whole, and its right half once more.
fn seen_twice() -> Trace {
    let mut trace = made_up(&WORDS, [LAYERS, HEADS, SIDE], 7);
    let image = trace.layout.image();
    let whole = RectPx::of(image);
    let region = |kind, first_token, rect_px| {
        let grid = PatchGrid { rows: 3, cols: 6 };
        Region { kind, first_token, grid, row_stride: 6, rect_px: Some(rect_px), encoder: 0 }
    };
    let right = RectPx { x0: whole.x1 / 2.0, ..whole };
    let regions = vec![region(RegionKind::Photo, 0, whole), region(RegionKind::Tile, 18, right)];
    trace.layout = std::sync::Arc::new(ImageLayout::new(image, 36, regions).expect("36 tokens"));
    trace
}

#[test]
fn figures_say_how_regions_that_overlap_were_combined() {
    let (twice, once) = (seen_twice(), made_up(&WORDS, [LAYERS, HEADS, SIDE], 7));
    let map = || Show::Map { map: decoder(Tokens::default()), outline: None, grid_lines: false };
    let with = |regions: Combine, trace: &Trace| {
        let mut recipe =
            Recipe::new(Layout::default(), gazelens::figure::recipe::Colour { regions, ..Default::default() });
        recipe.add_trace("a", trace, None);
        recipe.panels = vec![Panel::new(map())];
        let text = serde_json::to_string(&recipe).expect("plain data");
        assert_eq!(serde_json::from_str::<Recipe>(&text).expect("as written"), recipe, "read back");
        let figure = drawn(&recipe, trace);
        let caption = figure.resolved().panels[0].caption.clone();
        (text, caption, figure.raster(60).expect("pixels").rgb)
    };
    let said = "regions that overlap: ";
    let (text, caption, mean) = with(Combine::Mean, &twice);
    assert!(caption.contains(&format!("{said}their mean by area")), "{caption}");
    assert!(!text.contains("regions"), "the default is not written: {text}");
    let (text, caption, largest) = with(Combine::Largest, &twice);
    assert!(caption.contains(&format!("{said}the largest value")), "{caption}");
    assert!(text.contains(r#""regions":"largest""#), "{text}");
    let (text, caption, alone) = with(Combine::Region(1), &twice);
    assert!(caption.contains(&format!("{said}tile alone")), "{caption}");
    assert!(text.contains(r#""regions":{"region":1}"#), "{text}");
    assert!(mean != largest && largest != alone && mean != alone, "three pictures");
    let (_, caption, lacking) = with(Combine::Region(5), &twice);
    assert!(caption.contains(&format!("{said}their mean by area")), "a region that is not there: {caption}");
    assert!(lacking == mean, "and drawn so");
    let (_, caption, _) = with(Combine::Largest, &once);
    assert!(!caption.contains(said), "nothing to say of one region: {caption}");
}
