//! The figure builder on the demo: what is shown becomes panels, the preview is what is written, and a file brings its panels back.

use crate::demo::{demo_window, wait_until};
use crate::support::{Window, frames};
use eframe::egui;
use egui_kittest::kittest::Queryable as _;
use gazelens::figure::recipe::{Layout, MapSpec, Recipe, Show};
use gazelens::figure::recipe_of;
use gazelens::ui::layout::{Pane, is_in_front};
use gazelens::ui::state::{FigureCommand, PanelKind, Phase, PromptingCommand};
use gazelens::ui::{App, Command, Preview};
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
    let state = window.state().state();
    let toast = state.toasts.iter().last().map(|toast| toast.text.clone());
    toast.or(state.notices.iter().last().map(|notice| notice.text.clone())).unwrap_or_default()
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
    assert_eq!(tokens.output, word.into_iter().collect::<Vec<_>>(), "the held word");
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
    window.get_by_label("Data too").click();
    frames(&mut window);
    let wanted = recipe(&window);
    for name in ["figure.png", "figure.svg", "figure.pdf"] {
        let path = folder.path().join(name);
        save(&mut window, &path);
        let bytes = std::fs::read(&path).unwrap_or_else(|err| panic!("{name}: {err}; said: {}", said(&window)));
        assert_eq!(recipe_of(&bytes, &path).expect("a recipe"), wanted, "inside of {name}");
        assert!(said(&window).starts_with("Written: "), "said: {}", said(&window));
    }
    assert!(folder.path().join("figure.json").exists(), "the recipe beside it");
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
        if matches!(kind, PanelKind::Attribution | PanelKind::Prompted) {
            assert!(hindrance.is_some_and(|why| why.contains("LLaVA")), "CLIP is the source: {}", kind.label());
            continue;
        }
        assert_eq!(hindrance, None, "{}", kind.label());
        window.state_mut().command(Command::Figure(FigureCommand::Add(kind)));
        frames(&mut window);
    }
    window.state_mut().command(Command::Figure(FigureCommand::Add(PanelKind::ImageShare)));
    frames(&mut window);
    let made = preview(&mut window);
    assert_eq!(made.titles.len(), 4, "photo, mask, hits and misses, plot: {:?}", made.titles);
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
