//! Studies: a run that was made elsewhere, its tables and rows, photos by a click, asking in the background.

use crate::demo::{demo_window, wait_until};
use crate::script::Script;
use crate::support::{Window, frames, show, window};
use eframe::egui;
use egui_kittest::kittest::Queryable as _;
use gazelens::engine::{DevicePreference, DtypePreference, LoadRequest, ModelSource, OpenModel};
use gazelens::figure::Format;
use gazelens::figure::chart::Chart;
use gazelens::study::report::{ReportOptions, charts, report};
use gazelens::study::store::{RunHeader, Shard};
use gazelens::study::{Study, StudyData, StudyRun, merge, write_rows};
use gazelens::ui::App;
use gazelens::ui::core::command::{Command, CopyCommand, ReportForm, RowOutcome, StudyCommand, StudyDraft};
use gazelens::ui::core::pane::Pane;
use gazelens::ui::features::{Phase, Run};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// POPE's questions about the demo's photos, greedy and with VCD.
fn toml(photos: usize, more: &str) -> String {
    format!(
        "name = \"Two ways\"\ntemplate = \"pope\"\n[data]\nimages = \"demo\"\nannotations = \"demo\"\n[questions]\n\
            from = \"pope\"\nfile = \"demo\"\nphotos = {photos}\n[model]\nid = \"demo\"\nmax_new_tokens = 8\n\
            [[settings]]\nname = \"greedy\"\n[[settings]]\nname = \"vcd\"\nmethods = [\"vcd\"]\n{more}"
    )
}

/// Asks a study into a folder; at most so many questions.
fn make(text: &str, out: &Path, limit: Option<usize>) {
    let file = Path::new("study.toml");
    let study = Study::read(text, file).expect("a study");
    let never = AtomicBool::new(false);
    let data = StudyData::open(&study, file, &never).expect("the demo's data");
    let request = LoadRequest {
        source: ModelSource::Demo,
        device: DevicePreference::default(),
        dtype: DtypePreference::default(),
    };
    let model = OpenModel::open(&request, &mut |_, _| {}, &never).expect("the demo model");
    let (looker, shard) = (None, Shard::WHOLE);
    let (data, model) = (&data, &model);
    let run = StudyRun { study: &study, file, data, model, looker, out, shard, limit, one_by_one: false };
    run.run(&mut |_| {}, &never, &never).expect("answers");
}

fn open(window: &mut Window, folder: &Path) {
    window.state_mut().command(Command::AddPaths(vec![folder.to_owned()]));
    wait_until(window, "the run", |app| app.state().study.listed.is_some() || app.state().study.problem.is_some());
    frames(window);
}

fn listed(app: &App) -> usize {
    app.state().study.listed.as_ref().map_or(0, |listed| listed.rows.len())
}

fn finished(app: &App) -> bool {
    app.state().current_run().is_some_and(|run| run.phase == Phase::Finished)
}

#[test]
fn a_run_is_opened_and_a_click_leads_from_a_cell_to_a_photo() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make(&toml(2, ""), folder.path(), None);
    let mut window = demo_window();
    open(&mut window, folder.path());
    let rows = listed(window.state());
    assert!(rows >= 8, "questions about two photos in two settings: {rows}");
    window.get_by_label("Two ways");
    window.get_by_label(&format!("{rows} of {rows} rows"));
    window.get_by_label("Yes/no questions about objects (POPE)");
    window.get_by_label_contains("setting of greedy: greedy");
    // A cell lists what it is made of.
    window.get_by_label_contains("setting of vcd: vcd").click();
    wait_until(&mut window, "the rows of the cell", |app| listed(app) == rows / 2);
    frames(&mut window);
    assert!(window.query_by_label_contains("Row 1: greedy").is_none(), "those of the other setting are not listed");
    window.get_by_label("Show the rows of all cells").click();
    wait_until(&mut window, "all rows", |app| listed(app) == rows);
    // Another table.
    window.get_by_label("Table: pope by object").click();
    frames(&mut window);
    window.get_by_label("Yes/no questions about objects (POPE), by category");
    window.get_by_label("Bars").click();
    window.run();
    window.get_by_label_contains("as bars, with intervals of 95 %").click();
    wait_until(&mut window, "the rows of a bar", |app| (1..rows).contains(&listed(app)));
    frames(&mut window);
    window.get_by_label("Show the rows of all cells").click();
    wait_until(&mut window, "all rows again", |app| listed(app) == rows);
    // A row opens its photo and asks, as if by hand.
    let run = window.state().state().study.run.clone().expect("it is open");
    let place = run.rows.iter().position(|row| row.setting == "vcd").expect("a row of VCD");
    let row = run.rows[place].clone();
    frames(&mut window);
    window.get_by_label_contains(&format!("Row {}: vcd, {}", place + 1, row.photo)).click();
    wait_until(&mut window, "its answer", finished);
    frames(&mut window);
    let state = window.state().state();
    let shown = state.current_run().expect("it was asked");
    assert_eq!(shown.prompt_text(), row.prompt, "the very question");
    assert_eq!(shown.question.methods[0].name, "vcd", "in its setting");
    assert_eq!(shown.question.max_new_tokens, 8, "with its limit");
    let text = shown.trace.as_ref().map(gazelens::trace::Trace::text).unwrap_or_default();
    assert_eq!(Some(text.trim()), row.answer.as_deref(), "and the same answer");
    assert!(!state.selection.is_empty(), "its word is selected, and has its map");
    assert!(window.state().is_in_sight(Pane::Photo), "the photo is in front");
    // The same row again shows that answer.
    let before = shown.id;
    show(&mut window, Pane::Study);
    window.state_mut().command(Command::Study(StudyCommand::ShowRow(place)));
    wait_until(&mut window, "the photo", |app| app.is_in_sight(Pane::Photo));
    assert_eq!(window.state().state().current_run().map(|run| run.id), Some(before), "nothing is asked twice");
}

/// Shows a row and waits for its answer.
fn show_row(window: &mut Window, place: usize) {
    window.state_mut().command(Command::Study(StudyCommand::ShowRow(place)));
    wait_until(window, "its answer", |app| app.is_in_sight(Pane::Photo) && finished(app));
    frames(window);
}

fn is_said(window: &Window, words: &str) -> bool {
    window.state().state().notices.iter().any(|notice| notice.text.contains(words))
}

#[test]
fn a_row_whose_answer_is_another_one_here_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make(&toml(1, "[[settings]]\nname = \"api\"\n[settings.prompting]\nsource = \"llava\"\n"), folder.path(), None);
    let rows = folder.path().join("rows-0-of-1.jsonl");
    let text = std::fs::read_to_string(&rows).expect("rows");
    let first: serde_json::Value = serde_json::from_str(text.lines().next().expect("a row")).expect("JSON");
    let own = format!("\"answer\":{}", first["answer"]);
    std::fs::write(&rows, text.replacen(&own, "\"answer\":\"Perhaps\"", 1)).expect("written");
    let mut window = demo_window();
    open(&mut window, folder.path());
    let run = window.state().state().study.run.clone().expect("it is open");
    let other = run.rows.iter().position(|row| row.answer.as_deref() == Some("Perhaps")).expect("the edited row");
    show_row(&mut window, other);
    wait_until(&mut window, "what differs", |app| {
        app.state().notices.iter().any(|notice| notice.text.contains("which was “Perhaps”"))
    });
    show(&mut window, Pane::Study);
    let place = run.rows.iter().position(|row| row.setting == "api").expect("a prompted row");
    show_row(&mut window, place);
    assert!(is_said(&window, "the study darkened it, and the answer was “"), "why the answer may be another");
    assert!(!is_said(&window, "which was “Perhaps”"), "what was said of the question before is gone");
}

#[test]
fn a_kept_trace_is_opened_in_place_of_asking() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make(&toml(1, "[signals]\ntraces = true\n"), folder.path(), Some(1));
    let (mut window, handle) = window(Script::default());
    open(&mut window, folder.path());
    let run = window.state().state().study.run.clone().expect("it is open");
    window.get_by_label_contains("Row 1: greedy").click();
    wait_until(&mut window, "its trace", finished);
    let asked = handle.wire(|wire| wire.sent.len());
    let shown = window.state().state().current_run().map(Run::prompt_text);
    assert_eq!(shown, Some(run.rows[0].prompt.as_str()), "its question");
    frames(&mut window);
    assert_eq!(handle.wire(|wire| wire.sent.len()), asked, "the model is not asked");
    assert!(window.state().derived().shown.is_some(), "its map is there");
}

#[test]
fn rows_are_filtered_by_words_and_outcome() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make(&toml(2, ""), folder.path(), None);
    let (mut window, _) = window(Script::default());
    open(&mut window, folder.path());
    let all = listed(window.state());
    window.get_by_label("Filter the rows").click();
    frames(&mut window);
    window.event(egui::Event::Text("vcd".to_owned()));
    wait_until(&mut window, "half of the rows", |app| listed(app) == all / 2);
    let right = |app: &App| app.state().study.listed.as_ref().map_or(0, |listed| listed.right);
    let number = right(window.state());
    window.get_by_label("right").click();
    let is_chosen = |app: &App| app.state().study.view.filter.outcome == RowOutcome::Right;
    wait_until(&mut window, "right rows alone", |app| is_chosen(app) && listed(app) == number);
}

#[test]
fn what_is_no_run_gets_one_sentence() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("run.json"), "{}").expect("written");
    let (mut window, _) = window(Script::default());
    open(&mut window, folder.path());
    window.get_by_label_contains("Expected a run of a study");
    let none = folder.path().join("nothing");
    window.state_mut().command(Command::Study(StudyCommand::Open(none)));
    wait_until(&mut window, "another sentence", |app| {
        app.state().study.problem.as_ref().is_some_and(|why| why.starts_with("Cannot open the run"))
    });
}

#[test]
fn a_run_that_grows_is_read_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = toml(2, "");
    make(&text, folder.path(), Some(1));
    let (mut window, _) = window(Script::default());
    open(&mut window, folder.path());
    assert_eq!(listed(window.state()), 2, "one question in two settings");
    window.get_by_label_contains("Continue here").click();
    frames(&mut window);
    let file = window.state().state().study.draft.file.clone().expect("where its paths are seen from");
    let lay = merge(folder.path()).expect("the run").0.folder.expect("where it lay");
    assert_eq!(file.parent(), Some(lay.as_path()), "where the study lay");
    make(&text, folder.path(), Some(3));
    wait_until(&mut window, "what was asked since", |app| listed(app) == 6);
}

#[test]
fn a_study_is_described_run_paused_and_resumed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let (mut window, _) = window(Script::default());
    show(&mut window, Pane::Study);
    window.get_by_label("No study is open");
    window.get_by_label("Describe and run").click();
    frames(&mut window);
    window.get_by_label("Template…").click();
    frames(&mut window);
    window.get_by_label("chair").click();
    frames(&mut window);
    window.get_by_label("A study of 3 settings");
    // Long enough to be paused before its end.
    let text = toml(8, "");
    let draft =
        |text: &str| StudyDraft { text: text.to_owned(), out: out.display().to_string(), ..StudyDraft::default() };
    window.state_mut().command(Command::Study(StudyCommand::SetDraft(Box::new(draft("name = 1")))));
    frames(&mut window);
    window.get_by_label_contains("Expected a study");
    window.state_mut().command(Command::Study(StudyCommand::SetDraft(Box::new(draft(&text)))));
    frames(&mut window);
    window.get_by_label("Estimate").click();
    wait_until(&mut window, "the estimate", |app| app.state().study.count.is_some());
    frames(&mut window);
    window.get_by_label_contains("8 photos, ");
    window.get_by_label("Start").click();
    let done =
        |app: &App| app.state().study.asking.as_ref().and_then(|asking| asking.progress).map_or(0, |now| now.done);
    wait_until(&mut window, "the first rows", |app| done(app) >= 2 || app.state().study.ended.is_some());
    window.state_mut().command(Command::Study(StudyCommand::Pause));
    wait_until(&mut window, "the pause", |app| app.state().study.ended.is_some());
    frames(&mut window);
    let ended = window.state().state().study.ended.clone().expect("it ended").expect("no error");
    assert!(ended.is_stopped && ended.progress.done < ended.progress.total, "before its end: {ended:?}");
    window.get_by_label_contains("Paused: ");
    window.get_by_label("Resume").click();
    frames(&mut window);
    wait_until(&mut window, "all rows", |app| app.state().study.ended.is_some());
    let ended = window.state().state().study.ended.clone().expect("it ended").expect("no error");
    assert!(ended.progress.before >= 2 && ended.progress.done == ended.progress.total, "it went on: {ended:?}");
    // Its rows are looked at meanwhile.
    wait_until(&mut window, "its rows", |app| listed(app) == ended.progress.total);
    let (_, rows, report) = merge(&out).expect("a run");
    assert!(report.is_complete() && report.doubles == 0, "every row once: {}", report.words());
    assert_eq!(rows.len(), ended.progress.total, "all of them");
}

#[test]
fn a_table_is_copied() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make(&toml(1, ""), folder.path(), Some(1));
    let (mut window, _) = window(Script::default());
    open(&mut window, folder.path());
    window.get_by_label("Copy the table of the study").click();
    frames(&mut window);
    window.get_by_label("as LaTeX").click();
    frames(&mut window);
    window.get_by_label("Copied the table as LaTeX");
    let path = folder.path().join("table.csv");
    window.state_mut().command(Command::Study(StudyCommand::SaveTable(ReportForm::Csv, path.clone())));
    wait_until(&mut window, "the file", |_| path.is_file());
    assert!(std::fs::read_to_string(&path).expect("written").starts_with("setting,"), "a table");
}

/// Settings of the listed rows, in order.
fn settings(app: &App) -> Vec<String> {
    let state = &app.state().study;
    let (Some(run), Some(listed)) = (&state.run, &state.listed) else { return Vec::new() };
    listed.rows.iter().map(|place| run.rows[*place].setting.clone()).collect()
}

#[test]
fn headers_sort_and_cells_keep_their_rows() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make(&toml(2, ""), folder.path(), None);
    let (mut window, _) = window(Script::default());
    open(&mut window, folder.path());
    let all = listed(window.state());
    let top = |window: &Window, name: &str| window.get_by_label_contains(name).rect().top();
    let is_first = |window: &Window| top(window, "setting of vcd: vcd") < top(window, "setting of greedy: greedy");
    assert!(!is_first(&window), "the report's order");
    for (click, vcd_first) in [(1, false), (2, true)] {
        window.get_by_label("Sort the table by setting").click();
        frames(&mut window);
        assert_eq!(is_first(&window), vcd_first, "after click {click}");
    }
    // What stands on top now lists its own rows.
    window.get_by_label_contains("setting of vcd: vcd").click();
    wait_until(&mut window, "the rows of vcd", |app| settings(app) == vec!["vcd"; all / 2]);
    frames(&mut window);
    window.get_by_label("Show the rows of all cells").click();
    window.get_by_label("Sort the table by setting").click();
    frames(&mut window);
    assert!(!is_first(&window) && window.state().state().study.view.sort.is_none(), "as it was");
    // The rows' own order.
    wait_until(&mut window, "all rows", |app| listed(app) == all);
    let before = settings(window.state());
    let sorted = |name: &str, rest: &str| [vec![name.to_owned(); all / 2], vec![rest.to_owned(); all / 2]].concat();
    for expected in [sorted("greedy", "vcd"), sorted("vcd", "greedy"), before] {
        window.get_by_label("Sort the rows by setting").click();
        wait_until(&mut window, "the sorted rows", |app| settings(app) == expected);
        frames(&mut window);
    }
    window.get_by_label("Sort the rows by photo").click();
    wait_until(&mut window, "rows by photo", |app| app.state().study.view.filter.sort.is_some());
}

#[test]
fn bars_become_a_figure_and_the_table_in_front_is_copied() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    make(&toml(2, ""), folder.path(), None);
    let (mut window, _) = window(Script::default());
    open(&mut window, folder.path());
    window.state_mut().command(Command::Copy(CopyCommand::TableInFront));
    frames(&mut window);
    window.get_by_label_contains("Copied the table of the study: 2 rows as ");
    let mut view = window.state().state().study.view.clone();
    (view.plot, view.column) = (true, "accuracy".to_owned());
    window.state_mut().command(Command::Study(StudyCommand::SetView(Box::new(view))));
    frames(&mut window);
    window.get_by_label("Save the bars as a figure");
    let (header, rows, _) = merge(folder.path()).expect("a run");
    let tables = report(&header, &rows, &ReportOptions::default()).expect("tables");
    let (name, chart) = charts(&tables[0]).into_iter().find(|(name, _)| name.ends_with("accuracy")).expect("plotted");
    assert_eq!(name, "pope_accuracy", "its file");
    for (ending, format) in [("svg", Format::Svg), ("pdf", Format::Pdf), ("png", Format::Png)] {
        let path = folder.path().join("bars").with_extension(ending);
        window.state_mut().command(Command::Study(StudyCommand::SaveFigure(path.clone())));
        wait_until(&mut window, "the figure", |_| path.is_file());
        let bytes = std::fs::read(&path).expect("written");
        assert_eq!(bytes, chart.bytes(format).expect("drawn"), "the plot of gazelens study report as {ending}");
        assert_eq!(Chart::of_bytes(&bytes, &path).as_ref(), Some(&chart), "it carries what it is made of");
    }
    let says = |app: &App, words: &str| {
        let notices = app.state().notices.iter().map(|notice| notice.text.clone());
        notices.chain(app.state().toasts.iter().map(|toast| toast.text.clone())).any(|text| text.contains(words))
    };
    wait_until(&mut window, "the message", |app| says(app, "Written: "));
    let path = folder.path().join("bars.docx");
    window.state_mut().command(Command::Study(StudyCommand::SaveFigure(path)));
    wait_until(&mut window, "why not", |app| says(app, "Expected a figure's ending, pdf, svg or png, found docx"));
    window.state_mut().command(Command::Study(StudyCommand::Close));
    frames(&mut window);
    window.state_mut().command(Command::Study(StudyCommand::PickFigure));
    wait_until(&mut window, "why not", |app| says(app, "There are no bars of a study to save yet"));
}

#[test]
fn a_part_with_a_limit_is_counted_and_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("run");
    let (mut window, _) = window(Script::default());
    show(&mut window, Pane::Study);
    window.get_by_label("Describe and run").click();
    frames(&mut window);
    let draft = |part: &str, limit: &str| StudyDraft {
        text: toml(8, "[signals]\ntraces = true\n"),
        out: out.display().to_string(),
        part: part.to_owned(),
        limit: limit.to_owned(),
        ..StudyDraft::default()
    };
    let set = |window: &mut Window, draft: StudyDraft| {
        window.state_mut().command(Command::Study(StudyCommand::SetDraft(Box::new(draft))));
        frames(window);
    };
    for (wrong, words) in [(draft("4", ""), "I/N, counted from 0"), (draft("", "0"), "a number from 1")] {
        set(&mut window, wrong);
        let why = window.state().state().study.why_not_start().unwrap_or_default();
        assert!(why.contains(words), "{why}");
    }
    set(&mut window, draft("1/4", "3"));
    window.get_by_label("Part of the study");
    window.get_by_label("Most questions");
    let estimate = |window: &mut Window| {
        window.get_by_label("Estimate").click();
        frames(window);
        wait_until(window, "the estimate", |app| !app.state().study.is_counting);
        frames(window);
    };
    estimate(&mut window);
    window.get_by_label_contains("1 photo, 3 questions × 2 settings = 6 rows; the time is known after the first photo");
    window.get_by_label_contains(" of rows, and traces: how large is known after the first photo");
    window.get_by_label("Start").click();
    frames(&mut window);
    wait_until(&mut window, "its end", |app| app.state().study.ended.is_some());
    let ended = window.state().state().study.ended.clone().expect("it ended").expect("no error");
    assert_eq!((ended.progress.done, ended.progress.total), (6, 6), "three questions in two settings");
    let (_, rows, _) = merge(&out).expect("a run");
    assert_eq!(rows.len(), 6, "all of them");
    assert!(out.join("rows-1-of-4.jsonl").is_file(), "the second part of four");
    // Now that there are rows, traces and a rate, all of it is measured.
    estimate(&mut window);
    let count = window.state().state().study.count.clone().expect("counted").expect("no error");
    let long = std::fs::metadata(out.join("rows-1-of-4.jsonl")).expect("rows").len();
    assert!((count.row_bytes.expect("measured") * 6.0 - long as f64).abs() < 0.5, "bytes of a row: {count:?}");
    assert!(count.trace_bytes.is_some_and(|bytes| bytes > 1000.0), "bytes of a trace: {count:?}");
    window.get_by_label_contains(" at the last study's rate; about ");
    window.get_by_label_contains(" of traces");
}

/// Frames of a window that shows the middle of so many rows.
fn frame_secs(folder: &Path) -> f64 {
    let (mut window, _) = window(Script::default());
    open(&mut window, folder);
    for _ in 0..20 {
        window.step();
    }
    let (frames, started) = (60, Instant::now());
    for frame in 0..frames {
        // The list scrolls meanwhile.
        let at = egui::pos2(500.0, 700.0 + (frame % 2) as f32);
        window.hover_at(at);
        window.step();
    }
    started.elapsed().as_secs_f64() / f64::from(frames)
}

#[test]
fn a_hundred_thousand_rows_cost_no_more_than_a_hundred() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let small = folder.path().join("small");
    make(&toml(2, ""), &small, None);
    let (header, rows, _) = merge(&small).expect("a run");
    let copies = |name: &str, number: usize| {
        let out = folder.path().join(name);
        std::fs::create_dir_all(&out).expect("a folder");
        let many: Vec<_> = (0..number)
            .map(|place| {
                let mut row = rows[place % rows.len()].clone();
                (row.item, row.setting_number) = (place / 2, place % 2);
                row.setting = if place % 2 == 0 { "greedy" } else { "vcd" }.to_owned();
                row
            })
            .collect();
        let header = RunHeader { num_items: number / 2, ..header.clone() };
        std::fs::write(out.join("run.json"), serde_json::to_vec(&header).expect("text")).expect("written");
        let mut file = std::fs::File::create(out.join("rows-0-of-1.jsonl")).expect("a file");
        write_rows(&many, &mut file).expect("written");
        frame_secs(&out)
    };
    let (few, many) = (copies("few", 100), copies("many", 100_000));
    println!("a frame with 100 rows: {:.2} ms, with 100,000: {:.2} ms", 1e3 * few, 1e3 * many);
    assert!(many < 1.0, "a frame is no wait: {:?}", Duration::from_secs_f64(many));
}
