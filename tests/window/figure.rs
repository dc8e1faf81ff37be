//! The figure builder on the demo: what is shown becomes panels, the preview is what is written, and a file brings its
//! panels back.

use crate::demo::{demo_window, wait_until};
use crate::support::{Window, frames};
use eframe::egui;
use egui_kittest::kittest::Queryable as _;
use gazelens::figure::meaning::places;
use gazelens::figure::recipe::{Layout, MapSpec, Recipe, Show};
use gazelens::figure::{Figure, Format, Given, Inputs, Mismatches, recipe_of};
use gazelens::ui::App;
use gazelens::ui::Preview;
use gazelens::ui::core::command::Command;
use gazelens::ui::core::command::{FigureCommand, PanelKind, PromptingCommand};
use gazelens::ui::core::pane::Pane;
use gazelens::ui::features::Phase;
use gazelens::ui::shell::layout::is_in_front;
use std::path::Path;

/// The demo with an answer.
fn answered() -> Window {
    let mut window = demo_window();
    window.get_by_label("Describe this image in detail.").click();
    frames(&mut window);
    wait_until(&mut window, "an answer", |app| {
        app.state().current_run().is_some_and(|run| run.phase == Phase::Finished)
    });
    frames(&mut window);
    window
}

fn recipe(window: &Window) -> Recipe {
    window.state().state().figure.recipe().as_ref().clone()
}

/// Adds a panel by the menu.
fn add(window: &mut Window, label: &str) {
    let before = recipe(window).panels.len();
    window.get_by_label("Add…").click();
    frames(window);
    window.get_by_label(&format!("Add {label}")).click();
    frames(window);
    assert_eq!(recipe(window).panels.len(), before + 1, "{label} was added");
}

/// The preview of all panels.
fn preview(window: &mut Window) -> Preview {
    frames(window);
    wait_until(window, "a preview", |app: &App| {
        let now = app.state().figure.recipe();
        app.figure_preview().is_some_and(|made| made.is_err() || made.is_ok_and(|made| made.recipe == *now))
    });
    frames(window);
    window.state().figure_preview().expect("made").expect("without fault").clone()
}

/// Types a path below the figure.
fn type_path(window: &mut Window, path: &Path) {
    window.get_by_label("Path of the figure").click();
    frames(window);
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    window.event(egui::Event::Text(path.display().to_string()));
    frames(window);
}

fn save(window: &mut Window, path: &Path) {
    type_path(window, path);
    window.get_by_label("Save").click();
    frames(window);
    wait_until(window, "a file", |app| app.state().figure.work.is_none());
    frames(window);
}

fn said(window: &Window) -> String {
    window.state().state().figure.outcome.as_ref().map(|outcome| outcome.text.clone()).unwrap_or_default()
}

#[test]
fn what_is_shown_becomes_a_figure_that_is_written_and_comes_back() {
    let mut window = answered();
    window.get_by_label("Figure").click();
    frames(&mut window);
    assert!(is_in_front(window.state().tree(), Pane::Figure), "the tab is in front");
    window.get_by_label("No panels yet");
    let word = window
        .state()
        .state()
        .current_run()
        .and_then(|run| run.trace.as_ref())
        .and_then(|trace| trace.output.iter().position(|token| token.text.trim().len() > 3));
    window.get_by_label_contains(&format!("Token {}: ", word.expect("a word"))).click();
    frames(&mut window);
    window.get_by_label("Add what is shown").click();
    frames(&mut window);
    let shown = recipe(&window).panels[0].show.clone();
    let Show::Map { map: MapSpec::Decoder { tokens, .. }, .. } = &shown else { panic!("found {shown:?}") };
    assert!(tokens.by_meaning(), "the held word is known by what it is: {tokens:?}");
    let state = window.state().state();
    let trace = state.current_run().and_then(|run| run.trace.as_ref()).expect("answered");
    let objects = state.truth.image.as_ref().and_then(|image| image.chair.as_ref());
    assert_eq!(places(trace, tokens, objects), word.map(|word| vec![word]), "the held word");
    add(&mut window, "Vision [CLS]");
    add(&mut window, "Question and answer");
    add(&mut window, "Layers × heads");
    let made = preview(&mut window);
    assert!((made.size_mm[0] - 174.0).abs() < 0.1, "two columns of text: {:?}", made.size_mm);
    assert_eq!(made.size_px[0], 2055, "at 300 dots per inch");
    let [columns, rows] = made.raster.size.map(|side| side as usize);
    assert_eq!(made.raster.rgb.len(), 3 * columns * rows, "pixels");
    assert!(made.raster.rgb.iter().any(|level| *level < 200), "and not all of them white");
    window.get_by_label_contains("Figure of 4 panels: ");

    // A title, by its label, and the order.
    window.get_by_label("Title of panel 2").click();
    frames(&mut window);
    window.event(egui::Event::Text("The encoder".to_owned()));
    frames(&mut window);
    window.get_by_label("Move up panel 2").click();
    frames(&mut window);
    assert_eq!(recipe(&window).panels[0].title.as_deref(), Some("The encoder"), "titled and first");
    window.get_by_label("single").click();
    frames(&mut window);
    let made = preview(&mut window);
    assert!(made.titles.contains(&"The encoder".to_owned()), "in the preview too: {:?}", made.titles);

    // Written, and the file holds the builder's recipe.
    let folder = tempfile::tempdir().expect("a folder");
    window.get_by_label("With data").click();
    frames(&mut window);
    let wanted = recipe(&window);
    for name in ["figure.png", "figure.svg", "figure.pdf"] {
        let path = folder.path().join(name);
        save(&mut window, &path);
        let bytes = std::fs::read(&path).unwrap_or_else(|err| panic!("{name}: {err}; said: {}", said(&window)));
        assert_eq!(recipe_of(&bytes, &path).expect("a recipe"), wanted, "inside of {name}");
        assert!(said(&window).starts_with("Written: "), "said: {}", said(&window));
        window.get_by_label_contains(&format!("Written: {}", path.display()));
        assert_eq!(window.state().state().notices.iter().count(), 0, "nothing lies over the preview");
    }
    let beside = folder.path().join("figure.json");
    assert!(beside.exists(), "the recipe beside it");
    window.get_by_label_contains(&format!("Its recipe: {}", beside.display()));
    assert!(folder.path().join("figure_data").is_dir(), "and the numbers");
    let page = folder.path().join("page.html");
    save(&mut window, &page);
    assert!(page.exists(), "a page of the shown answer; said: {}", said(&window));

    // What is there is not replaced without consent.
    save(&mut window, &folder.path().join("figure.pdf"));
    window.get_by_label_contains("There is a file already");
    window.get_by_label("Keep it").click();
    frames(&mut window);

    // Opened again: the same panels.
    window.get_by_label("Clear").click();
    frames(&mut window);
    assert!(recipe(&window).panels.is_empty(), "cleared");
    type_path(&mut window, &folder.path().join("figure.pdf"));
    window.get_by_label("Open").click();
    frames(&mut window);
    wait_until(&mut window, "the recipe", |app| !app.state().figure.recipe().panels.is_empty());
    frames(&mut window);
    assert_eq!(recipe(&window), wanted, "the same recipe");
    assert!(window.state().state().figure_missing().is_empty(), "its answer is still here");
    preview(&mut window);

    // Without the answer, in words.
    let run = window.state().state().current_run().map(|run| run.id).expect("answered");
    window.state_mut().command(Command::ForgetRun(run));
    frames(&mut window);
    window.get_by_label_contains("Answer a is not here: ask");
}

#[test]
fn objects_and_plots_of_the_demo_are_drawn_and_what_fails_is_one_sentence() {
    let mut window = answered();
    window.get_by_label("Figure").click();
    frames(&mut window);
    for kind in [PanelKind::Photo, PanelKind::Mask, PanelKind::Overlap, PanelKind::Attribution, PanelKind::Prompted] {
        let hindrance = window.state().state().figure_hindrance(kind);
        if kind == PanelKind::Prompted {
            assert!(hindrance.is_some_and(|why| why.contains("No CLIP has looked")), "CLIP is the source");
            continue;
        }
        assert_eq!(hindrance, None, "{}", kind.label());
        window.state_mut().command(Command::Figure(FigureCommand::Add(kind)));
        frames(&mut window);
    }
    window.state_mut().command(Command::Figure(FigureCommand::Add(PanelKind::ImageShare)));
    frames(&mut window);
    let made = preview(&mut window);
    assert_eq!(made.titles.len(), 5, "photo, mask, hits and misses, attribution, plot: {:?}", made.titles);
    // An answer about a darkened photo shows that photo, whoever looked.
    window.state_mut().command(Command::Prompting(PromptingCommand::Switch(true)));
    wait_until(&mut window, "an answer about the darkened photo", |app| {
        app.state().current_run().is_some_and(|run| run.question.prompted.is_some() && run.phase == Phase::Finished)
    });
    let light = |preview: &Preview| preview.raster.rgb.iter().map(|level| u64::from(*level)).sum::<u64>();
    let mut lights = Vec::new();
    for kind in [PanelKind::Photo, PanelKind::Prompted] {
        window.state_mut().command(Command::Figure(FigureCommand::Clear));
        // Nothing but the two photos may differ.
        let layout = Layout { captions: false, ..recipe(&window).layout };
        window.state_mut().command(Command::Figure(FigureCommand::SetLayout(Box::new(layout))));
        window.state_mut().command(Command::Figure(FigureCommand::Add(kind)));
        window.state_mut().command(Command::Figure(FigureCommand::Title(0, Some("Photo".to_owned()))));
        frames(&mut window);
        lights.push(light(&preview(&mut window)));
    }
    assert!(lights[1] < lights[0], "darker: {lights:?}");
    let nowhere = Path::new("/no/such/folder/figure.pdf");
    save(&mut window, nowhere);
    assert!(said(&window).contains("/no/such/folder"), "where it failed: {}", said(&window));
    type_path(&mut window, nowhere);
    window.get_by_label("Open").click();
    frames(&mut window);
    wait_until(&mut window, "an end", |app| app.state().figure.work.is_none());
    assert!(said(&window).starts_with("Expected a figure or a recipe"), "said: {}", said(&window));
}

/// Adds a panel by the menu whose inputs are hashed first.
fn add_later(window: &mut Window, label: &str) {
    let before = recipe(window).panels.len();
    window.get_by_label("Add…").click();
    frames(window);
    window.get_by_label(&format!("Add {label}")).click();
    frames(window);
    wait_until(window, label, |app| app.state().figure.recipe().panels.len() == before + 1);
    frames(window);
}

#[test]
fn every_plot_on_the_screen_becomes_a_panel_by_its_label() {
    let mut window = answered();
    let token = |window: &Window| {
        let run = window.state().state().current_run().and_then(|run| run.trace.clone());
        run.and_then(|trace| trace.output.iter().position(|token| token.text.trim().len() > 3)).expect("a word")
    };
    let word = token(&window);
    window.get_by_label_contains(&format!("Token {word}: ")).click();
    frames(&mut window);
    window.get_by_label("Figure").click();
    frames(&mut window);
    let plots = [
        "Attention on the image per layer",
        "Attention on the image word by word",
        "What the selected words looked at",
        "Objects that the map lies on",
        "Precision, recall, IoU over the threshold",
        "Outliers of encoder and decoder",
        "Candidates",
        "A metric of layers × heads",
        "Answer in the words' colours",
    ];
    for label in plots {
        add(&mut window, label);
    }
    add(&mut window, "answer with object words");
    let marks = recipe(&window).panels.last().map(|panel| panel.show.clone());
    let Some(Show::Answer { marks, .. }) = marks else { panic!("found {marks:?}") };
    assert!(marks.iter().any(|mark| mark.label == "in the photo"), "the demo names what is there: {marks:?}");
    let made = preview(&mut window);
    assert_eq!(made.titles.len(), plots.len() + 1, "all of them are drawn: {:?}", made.titles);
    window.get_by_label_contains("Figure of 10 panels: ");
    for (kind, why) in [(PanelKind::Contrast, "contrastive"), (PanelKind::Similarity, "No texts were compared")] {
        let hindrance = window.state().state().figure_hindrance(kind).unwrap_or_default();
        assert!(hindrance.contains(why), "{}: {hindrance}", kind.label());
    }
}

#[test]
fn a_photo_without_a_question_and_a_map_of_clip_are_written_with_what_they_need() {
    let mut window = demo_window();
    window.get_by_label("Figure").click();
    frames(&mut window);
    add_later(&mut window, "Photo");
    add(&mut window, "Ground-truth mask");
    window.state_mut().command(Command::Prompting(PromptingCommand::Query("a bird".to_owned())));
    window.state_mut().command(Command::Prompting(PromptingCommand::Find));
    wait_until(&mut window, "a map of CLIP", |app| app.state().made().is_some());
    frames(&mut window);
    add(&mut window, "Attribution (CLIP)");
    add(&mut window, "Prompted photo");
    let made = preview(&mut window);
    assert_eq!(made.titles.len(), 4, "{:?}", made.titles);
    assert_eq!(recipe(&window).inputs.maps.len(), 1, "one map for both");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("clip.png");
    save(&mut window, &path);
    let bytes = std::fs::read(&path).unwrap_or_else(|err| panic!("{err}; said: {}", said(&window)));
    let written = recipe_of(&bytes, &path).expect("a recipe");
    let map = &written.inputs.maps.values().next().expect("a map").file;
    assert!(folder.path().join(map).exists(), "the map lies beside the figure: {map}");
    // Without the window: from the files alone.
    let inputs = Inputs::open(&written, Given::default(), Some(folder.path()), Mismatches::Refused).expect("all there");
    let again = Figure::new(&written, &inputs).and_then(|figure| figure.bytes(Format::Png)).expect("drawn");
    assert!(again == bytes, "the same bytes");
}

#[test]
fn a_typeface_is_opened_by_its_path_and_let_go_by_its_label() {
    let font = Path::new("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf");
    if !font.exists() {
        println!("Not run: a typeface of the system, there is no {}", font.display());
        return;
    }
    let mut window = answered();
    window.get_by_label("Figure").click();
    frames(&mut window);
    window.get_by_label("Add what is shown").click();
    frames(&mut window);
    window.state_mut().command(Command::Figure(FigureCommand::Title(0, Some("\u{2603} and \u{2192}".to_owned()))));
    frames(&mut window);
    assert!(
        preview(&mut window).missing_letters.contains('\u{2603}'),
        "a snowman is no letter of the bundled typeface"
    );
    type_path(&mut window, font);
    window.get_by_label("Open").click();
    frames(&mut window);
    wait_until(&mut window, "a typeface", |app| app.state().figure.recipe().layout.typeface.is_some());
    frames(&mut window);
    assert_eq!(preview(&mut window).missing_letters, "", "the other typeface has it");
    window.get_by_label("if missing").click();
    frames(&mut window);
    assert!(recipe(&window).layout.typeface.is_some_and(|typeface| typeface.missing_only), "for that letter alone");
    assert_eq!(preview(&mut window).missing_letters, "", "which it still draws");
    window.get_by_label("Back to the bundled typeface").click();
    frames(&mut window);
    assert!(recipe(&window).inputs.fonts.is_empty(), "nothing of it is left");
    let none = tempfile::tempdir().expect("a folder");
    let broken = none.path().join("broken.ttf");
    std::fs::write(&broken, b"no font").expect("a writable folder");
    type_path(&mut window, &broken);
    window.get_by_label("Open").click();
    frames(&mut window);
    wait_until(&mut window, "an end", |app| app.state().figure.work.is_none());
    frames(&mut window);
    assert!(said(&window).starts_with("Expected a typeface"), "said: {}", said(&window));
    window.get_by_label_contains("Expected a typeface");
}

#[test]
fn writing_a_figure_says_how_far_it_is_and_can_be_stopped() {
    let mut window = answered();
    window.get_by_label("Figure").click();
    frames(&mut window);
    for _ in 0..6 {
        window.state_mut().command(Command::Figure(FigureCommand::AddShown));
    }
    let layout = Layout { dpi: 1200, columns: 2, ..Layout::default() };
    window.state_mut().command(Command::Figure(FigureCommand::SetLayout(Box::new(layout))));
    frames(&mut window);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("large.png");
    type_path(&mut window, &path);
    window.get_by_label("Save").click();
    frames(&mut window);
    wait_until(&mut window, "its progress", |app| {
        app.state().figure.work.is_none() || app.state().figure.progress.as_ref().is_some_and(|now| now.share > 0.0)
    });
    let told = window.state().state().figure.progress.clone();
    assert!(told.is_some_and(|now| now.share < 1.0), "it is told while it lasts; said: {}", said(&window));
    frames(&mut window);
    window.get_by_label("Stop writing the figure").click();
    frames(&mut window);
    wait_until(&mut window, "an end", |app| app.state().figure.work.is_none());
    frames(&mut window);
    assert_eq!(said(&window), "Stopped: nothing was written", "and that it was stopped");
    assert!(!path.exists() && !path.with_extension("json").exists(), "nothing is there");
}
