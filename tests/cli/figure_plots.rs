//! Every plot of the window as a panel of a figure.

use super::figure_subjects::{HEADS, LAYERS, SIDE, WORDS, decoder, open, trace};
use super::folder;
use gazelens::analysis::Pick;
use gazelens::analysis::localisation::metric_by_id;
use gazelens::figure::recipe::{Colour, Layout, Panel, PlotKind, Shade, Show, Tokens, Truth};
use gazelens::figure::resolve::Content;
use gazelens::figure::{Figure, Format, Recipe, demo_annotations, recipe_of};
use gazelens::trace::{ContrastCandidate, TextSimilarity, TokenContrast, Trace};
use std::path::Path;
use std::process::Command;

/// A step that chose the second of two tokens: the first would win below 0.5.
fn contrast() -> TokenContrast {
    let candidate = |id, text: &str, logprob: f32, negative_logprob: f32, final_logprob| ContrastCandidate {
        id,
        text: text.to_owned(),
        logprob,
        negative_logprob,
        final_logprob,
    };
    TokenContrast {
        alpha: 1.0,
        plain_id: 3,
        contrasted_id: 5,
        num_removed: 1,
        moved: 0.25,
        branches_differ: true,
        alpha_from: 0.5,
        alpha_to: None,
        candidates: vec![
            candidate(3, " table", -0.5, -0.25, Some(-1.5)),
            candidate(5, " sand", -1.0, -2.0, Some(-0.25)),
            candidate(9, " a word that is far longer than its place", -3.0, -3.0, None),
        ],
    }
}

pub(super) fn subject() -> Trace {
    let mut trace = trace(&WORDS, [LAYERS, HEADS, SIDE], 7);
    trace.output[4].contrast = Some(Box::new(contrast()));
    let text =
        |text: &str, probability| TextSimilarity { text: text.to_owned(), cosine: 0.2, logit: 20.0, probability };
    trace.similarity = vec![text("a dog", 0.25), text("a beach", 0.75)];
    trace
}

fn truth(categories: &[&str]) -> Truth {
    let categories = categories.iter().map(|name| (*name).to_owned()).collect();
    Truth { annotations: "truth".to_owned(), image_id: None, categories, no_crowd: false }
}

pub(super) fn plots() -> Vec<Show> {
    let (of, word) = (|| "a".to_owned(), || Tokens { word: Some("umbrella".to_owned()), ..Tokens::default() });
    let (layers, heads) = (Pick::One(1), Pick::One(2));
    let kinds = [
        PlotKind::ImageSharePerLayer { lines: vec![word()], heads: vec![Pick::default(), heads] },
        PlotKind::ClsPerLayer { heads: vec![Pick::default(), heads] },
        PlotKind::ImageSharePerToken,
        PlotKind::ImageShareOfTokens { layers, heads },
        PlotKind::Candidates { token: 1, word: None, most: 5 },
        PlotKind::Contrast { token: 4, word: None, most: 5 },
        PlotKind::Strength { most: 4.0 },
        PlotKind::Similarity,
        PlotKind::Split { words: vec![word(), Tokens::default()], layers: Pick::default(), heads: Pick::default() },
        PlotKind::Objects { map: decoder(word()), truth: truth(&[]) },
        PlotKind::Threshold { map: decoder(word()), truth: truth(&["umbrella"]), cut: Some(0.25), whole: false },
        PlotKind::Outliers { tokens: word(), head_mean: false },
    ];
    let mut shows: Vec<Show> = kinds.into_iter().map(|plot| Show::Plot { of: of(), plot }).collect();
    let metric = "iou".to_owned();
    shows.push(Show::Scores {
        of: of(),
        vision: false,
        tokens: word(),
        metric,
        truth: truth(&["umbrella"]),
        whole: true,
    });
    let shade = Some(Shade::ImageShare { layers, heads });
    shows.push(Show::Answer { of: of(), question: false, marks: Vec::new(), shade });
    shows
}

/// Panels of one trace, with the bundled annotations as `truth`.
pub(super) fn recipe(trace: &Trace, shows: Vec<Show>) -> Recipe {
    let mut recipe = Recipe::new(Layout { dpi: 60, ..Layout::default() }, Colour::default());
    recipe.add_trace("a", trace, None);
    recipe.inputs.annotations.insert("truth".to_owned(), demo_annotations());
    recipe.panels = shows.into_iter().map(Panel::new).collect();
    recipe
}

#[test]
fn every_plot_is_drawn_in_every_format_and_has_its_numbers() {
    let trace = subject();
    let recipe = recipe(&trace, plots());
    let inputs = open(&recipe, &trace).expect("everything is there");
    let figure = Figure::new(&recipe, &inputs).expect("can be drawn");
    for format in [Format::Svg, Format::Pdf, Format::Png] {
        let bytes = figure.bytes(format).expect("can be written");
        assert_eq!(recipe_of(&bytes, Path::new("figure")).expect("inside"), recipe, "{format:?} keeps every field");
        let again = Figure::new(&recipe, &inputs).and_then(|figure| figure.bytes(format)).expect("can be written");
        assert!(bytes == again, "{format:?}: the same bytes");
    }
    for (group, panel) in figure.scene().groups.iter().zip(&figure.resolved().panels) {
        assert!(group.nodes.len() > 8, "{} is drawn: {} things", panel.title, group.nodes.len());
        let is_plot = !matches!(panel.content, Content::Words(_));
        assert!(panel.data.table.len() > 2 && panel.data.tensor.is_some() == is_plot, "{} has numbers", panel.title);
        let columns = panel.data.table[0].len();
        assert!(panel.data.table.iter().all(|row| row.len() == columns), "{}: {:?}", panel.title, panel.data.table);
    }
    let folder = folder();
    figure.write_data(folder.path()).expect("can be written");
    let csv = |number: usize| {
        std::fs::read_to_string(folder.path().join(format!("panel_{number:02}.csv"))).expect("is there")
    };
    assert!(csv(1).starts_with("layer,mean over heads,head 2\n0,"), "{}", csv(1));
    assert!(csv(6).contains("“sand”") && csv(6).contains("“table”"), "{}", csv(6));
    assert!(csv(10).starts_with("name,share of the map,part of the seen photo,times chance\n"), "{}", csv(10));
    assert!(csv(12).contains("quartiles, lower"), "{}", csv(12));
    assert_eq!(csv(13).lines().count(), 1 + LAYERS * HEADS, "a line a head");
    assert!(
        csv(14).starts_with(
            "token,text,log-probability,entropy (nats),mark,\"attention on the image, layer 1, head 2\"\n"
        ),
        "{}",
        csv(14)
    );
}

#[test]
fn plots_say_what_the_analysis_says() {
    let trace = subject();
    let recipe = recipe(&trace, plots());
    let inputs = open(&recipe, &trace).expect("everything is there");
    let figure = Figure::new(&recipe, &inputs).expect("can be drawn");
    let panel = |idx: usize| &figure.resolved().panels[idx];
    let Content::Lines(strength) = &panel(6).content else { panic!("found {:?}", panel(6).content) };
    let flips = |idx: usize| strength.series[0].1[idx];
    assert_eq!(
        (flips(0), flips(12), flips(13), flips(100)),
        (Some(1.0), Some(1.0), Some(0.0), Some(0.0)),
        "flips below 0.5"
    );
    assert_eq!(strength.rule, Some(("recorded".to_owned(), 1.0)), "the recorded strength is marked");
    let Content::Bars(split) = &panel(8).content else { panic!("found {:?}", panel(8).content) };
    let sum: f32 = split.bars.iter().filter_map(|(_, values)| values[0]).sum();
    assert!((sum - 1.0).abs() < 1e-3, "parts sum to one: {sum}");
    let Content::Bars(both) = &panel(5).content else { panic!("found {:?}", panel(5).content) };
    assert_eq!((both.marked, both.bars[2].1[2]), (Some(1), None), "chosen and removed");
    let Content::Words(answer) = &panel(13).content else { panic!("found {:?}", panel(13).content) };
    assert!(answer.spans.iter().all(|span| span.value.is_some()), "every token is coloured: {:?}", answer.spans);
    let scale =
        gazelens::figure::scales(figure.resolved(), &recipe.colour).into_iter().find(|scale| scale.panels == [13]);
    assert!(scale.is_some_and(|scale| scale.unit.starts_with("attention on the image")), "and a bar says by what");
    let Content::Cells(scores) = &panel(12).content else { panic!("found {:?}", panel(12).content) };
    assert_eq!(scores.unit, metric_by_id("iou").expect("registered").label, "its unit is its name");
    assert!(scores.values.iter().all(|value| (0.0..=1.0).contains(value)), "parts: {:?}", scores.values);
}

#[test]
fn plots_that_cannot_be_are_refused_in_a_sentence() {
    let trace = subject();
    let of = || "a".to_owned();
    let plot = |plot| Show::Plot { of: of(), plot };
    let none = truth(&["zebra crossing"]);
    let cases = [
        (plot(PlotKind::Contrast { token: 0, word: None, most: 5 }), "second branch"),
        (plot(PlotKind::Strength { most: f64::NAN }), "strength"),
        (plot(PlotKind::Strength { most: 11.0 }), "up to 10"),
        (plot(PlotKind::Outliers { tokens: Tokens { output: vec![99], ..Tokens::default() }, head_mean: true }), "99"),
        (
            plot(PlotKind::Threshold {
                map: decoder(Tokens::default()),
                truth: truth(&[]),
                cut: Some(2.0),
                whole: true,
            }),
            "cut",
        ),
        (plot(PlotKind::Objects { map: decoder(Tokens::default()), truth: none.clone() }), "zebra crossing"),
        (plot(PlotKind::ImageShareOfTokens { layers: Pick::One(9), heads: Pick::default() }), "layer"),
        (plot(PlotKind::ClsPerLayer { heads: vec![Pick::One(9)] }), "head"),
        (
            Show::Scores {
                of: of(),
                vision: true,
                tokens: Tokens::default(),
                metric: "best".to_owned(),
                truth: truth(&[]),
                whole: false,
            },
            "`metric`",
        ),
    ];
    for (show, part) in cases {
        let recipe = recipe(&trace, vec![show]);
        let inputs = open(&recipe, &trace).expect("everything is there");
        let why = Figure::new(&recipe, &inputs).expect_err("cannot be drawn").to_string();
        assert!(why.starts_with("Expected ") && why.contains(part) && why.lines().count() == 1, "{part}: {why}");
    }
}

#[test]
fn a_pdf_drawn_by_another_program_looks_like_the_png() {
    let trace = subject();
    let recipe = recipe(&trace, plots());
    let inputs = open(&recipe, &trace).expect("everything is there");
    let figure = Figure::new(&recipe, &inputs).expect("can be drawn");
    let folder = folder();
    let (file, out) = (folder.path().join("f.pdf"), folder.path().join("f"));
    std::fs::write(&file, figure.bytes(Format::Pdf).expect("can be written")).expect("a writable folder");
    let drawn = Command::new("pdftoppm").args(["-r", "100", "-singlefile"]).arg(&file).arg(&out).output();
    if !drawn.is_ok_and(|output| output.status.success()) {
        println!("Not run: the PDF drawn by another program, pdftoppm is not installed");
        return;
    }
    let ppm = std::fs::read(out.with_extension("ppm")).expect("drawn");
    let expected = figure.raster(100).expect("drawn");
    // "P6", width and height, 255: three lines, then the pixels.
    let start = ppm.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(2).expect("a header").0 + 1;
    let header = String::from_utf8_lossy(&ppm[..start]).into_owned();
    let sides: Vec<usize> =
        header.split_whitespace().skip(1).take(2).map(|side| side.parse().expect("a number")).collect();
    let [w, h] = expected.size.map(|side| side as usize);
    assert!(sides[0].abs_diff(w) <= 1 && sides[1].abs_diff(h) <= 1, "{sides:?} pixels, not {w} x {h}");
    let difference = |shift: usize| {
        let (mut sum, mut count) = (0_u64, 0_u64);
        for row in 0..h.min(sides[1]) {
            for at in 0..3 * (w.min(sides[0]) - shift) {
                let (a, b) = (expected.rgb[3 * (w * row + shift) + at], ppm[start + 3 * sides[0] * row + at]);
                sum += u64::from(a.abs_diff(b));
                count += 1;
            }
        }
        sum as f64 / count as f64
    };
    // Edges of letters and thin lines are drawn otherwise; a pixel further to the side everything differs.
    let (mean, beside) = (difference(0), difference(1));
    assert!(mean < 8.0 && mean < 0.75 * beside, "levels of 255 on average: {mean}, and {beside} a pixel beside");
    println!("The PDF differs by {mean:.2} levels of 255 on average");
}
