mod kept;
mod saving;
mod waiting;

use super::*;
use crate::data::dataset::NotesPlaces;
use crate::engine::{AttributionRequest, Event, Fork, ImageSource, ModelSource, Prompting, RunId};
use crate::geometry::{ImageSize, ModelView, PreprocessSpec};
use crate::prompting::{Attribution, LlavaMaps, Maps, PreOutput, PromptOptions, Source};
use crate::session;
use crate::trace::{AttentionRow, RowPrecision, Trace};
use crate::ui::background::link::Waker;
use crate::ui::core::command::{Command, CompareCommand, Extend, FigureCommand, PanelKind, SessionBox, SessionCommand};
use crate::ui::core::settings::{ColourSettings, RangeMode};
use crate::ui::features::mitigation::prompting::tests::{attributed, attributed_by};
use crate::ui::features::session::capture::{KeptTraces, Snapshot};
use crate::ui::features::session::recovery::left_behind;
use crate::ui::features::session::reopen::reopen;
use crate::ui::features::session::writer::{Finished, SessionWriter, write};
use crate::ui::features::testing::{HEADS, LAYERS, answered, question, row, token, trace};
use crate::ui::features::{AppState, Effect, Made, Phase, Pope, PopeAnswer, Run, SessionEffect, TokenPos};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command as Process, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Where the process that is killed saves.
const SAVE_TO: &str = "GAZELENS_TEST_SAVE_TO";
/// The test that is that process.
const VICTIM: &str = "a_process_that_saves_until_it_is_killed";

fn in_folder(check: impl FnOnce(&Path)) {
    check(tempfile::tempdir().expect("a temporary folder").path());
}

fn save(state: &AppState, path: &Path) {
    write(Snapshot::take(state, Value::Null, &mut KeptTraces::default()), path).expect("can be written");
}

fn open(path: &Path) -> Result<Reopened, String> {
    reopen(path, Path::new("no/such/cache"), &NotesPlaces::default(), &AtomicBool::new(false), &mut |_, _| ())
}

fn rows(run: &Run) -> Vec<Vec<f32>> {
    let rows = run.trace.iter().flat_map(|trace: &Trace| &trace.decoder_attention);
    rows.map(|row| row.to_f32().into_owned()).collect()
}

/// Two answers, the second a fork of the first, with a layer, a colour range and a token chosen.
fn worked() -> AppState {
    let mut state = answered();
    state.model.source = Some(ModelSource::Demo);
    let first = state.current_run().expect("answered").id;
    state.apply(Command::Fork(1, Some(9)));
    let fork = state.current_run().expect("asked").id;
    state.receive(Event::Started(fork, Box::new(trace())), 0.0);
    for text in ["A", " cat"] {
        state.receive(Event::Token(fork, Box::new(token(text)), Some(row(0.25))), 1.0);
    }
    state.receive(Event::Finished { id: fork, timings: crate::engine::Timings::default(), warnings: Vec::new() }, 2.0);
    state.apply(Command::NameRun(fork, "the cat".to_owned()));
    state.apply(Command::ShowRun(first));
    state.apply(Command::NextLayer);
    let fixed = ColourSettings { range_mode: RangeMode::Fixed, fixed_range: [0.125, 0.5], ..ColourSettings::default() };
    state.apply(Command::SetColour(fixed));
    state.apply(Command::ClickToken(TokenPos::Output(1), Extend::Replace));
    state.truth.chosen = Some("dog".to_owned());
    state.browse.query.name = "a".to_owned();
    let answer = PopeAnswer {
        model: "w".to_owned(),
        question: question("a.png", "Is there a dog in the image?"),
        run: RunId(7),
        text: Err("It was stopped".to_owned()),
        yes: None,
    };
    state.pope = Pope::restored(state.pope.settings, vec![answer], Vec::new());
    // What no file keeps.
    state.browse.notes.edit("a.png", |notes| {
        notes.star = true;
        notes.tags.insert("blurred".to_owned());
        "the tail is cut off".clone_into(&mut notes.note);
    });
    state.truth.hidden = [7, 11].into();
    let image = state.current_image().cloned().expect("an image");
    state.apply(Command::Compare(CompareCommand::Pin(Some(fork), image.clone())));
    state.apply(Command::Compare(CompareCommand::Toggle(first)));
    state.apply(Command::Compare(CompareCommand::ToggleList));
    state.prompting.restore(vec![looked(image)]);
    state.apply(Command::Figure(FigureCommand::Add(PanelKind::Photo)));
    state.apply(Command::Figure(FigureCommand::Add(PanelKind::Answer)));
    state.apply(Command::Figure(FigureCommand::DataToo(true)));
    state.session.window = Some(WindowPlace { place: Some([40.0, 30.5]), size: [1280.0, 800.0], maximized: false });
    for id in [first, fork] {
        let trace = state.runs.get_mut(id).and_then(|run| run.trace.as_mut()).expect("answered");
        let keys = trace.prompt.len();
        trace.decoder_attention = (0..trace.output.len()).map(|idx| grown(id, keys + idx)).collect();
        let bytes = trace.attention_bytes();
        state.runs.get_mut(id).expect("there").attention_bytes = bytes;
    }
    state
}

/// Maps that no answer has.
fn looked(image: ImageSource) -> Made {
    Made {
        request: AttributionRequest {
            source: Source::Llava,
            image,
            query: "the dog".to_owned(),
            object: None,
            framing: None,
            max_new_tokens: 20,
        },
        second_model: None,
        attribution: Arc::clone(&attributed_by(Source::Llava).attribution),
        pre_output: Some(PreOutput::of_answer("Yes, a dog".to_owned())),
        model_id: "test".to_owned(),
        weight_hash: "w".to_owned(),
        photo_hash: "p".to_owned(),
    }
}

/// A row as long as files want it: one key more for every token.
fn grown(id: RunId, keys: usize) -> Arc<AttentionRow> {
    let values = (0..LAYERS * HEADS * keys).map(|i| (i as f32 + id.0 as f32) / 1000.0).collect();
    Arc::new(AttentionRow::new(LAYERS, HEADS, keys, values, RowPrecision::F32).expect("the sizes match"))
}

#[test]
fn what_is_saved_comes_back_as_it_was() {
    in_folder(|folder| {
        let (path, saved) = (folder.join("work.gazelens"), worked());
        save(&saved, &path);
        let mut state = AppState { model: saved.model.clone(), ..AppState::default() };
        state.reopened(open(&path).expect("can be read"), None);
        assert_eq!(state.runs.iter().count(), saved.runs.iter().count(), "every answer");
        for (found, saved) in state.runs.iter().zip(saved.runs.iter()) {
            assert_eq!((found.id, &found.name, found.forked_from), (saved.id, &saved.name, saved.forked_from), "a run");
            assert_eq!(found.question, saved.question, "what was asked");
            assert_eq!(found.phase, saved.phase, "how it ended");
            assert_eq!(rows(found), rows(saved), "its rows, bit for bit");
            assert!(!rows(found).is_empty(), "there are some");
            assert_eq!(found.attention_bytes, saved.attention_bytes, "what it takes");
        }
        let shown = |state: &AppState| state.current_run().map(|run| run.id);
        assert_eq!((shown(&state), state.current_image()), (shown(&saved), saved.current_image()), "what is shown");
        assert_eq!(
            (&state.selection.tokens, state.selection.direction),
            (&saved.selection.tokens, saved.selection.direction),
            "the token"
        );
        assert_eq!((state.view, state.colour, &state.ask), (saved.view, saved.colour, &saved.ask), "how it is shown");
        assert!(state.pope.answers().eq(saved.pope.answers()), "yes/no questions");
        assert_eq!(
            (&state.browse.query, &state.truth.chosen),
            (&saved.browse.query, &saved.truth.chosen),
            "what is listed"
        );
        assert_eq!(state.session.path.as_deref(), Some(path.as_path()), "where it is saved next");
        assert!(state.open.session.is_none(), "nothing is missing: {:?}", state.session.missing);
        assert!(state.runs.last_id() >= saved.runs.last_id(), "names are not given twice");
    });
}

#[test]
fn what_comes_late_for_a_question_of_before_changes_no_answer_of_the_session() {
    in_folder(|folder| {
        let path = folder.join("work.gazelens");
        let mut state = worked();
        save(&state, &path);
        let versions: Vec<u64> = state.runs.iter().map(|run| run.version).collect();
        state.apply(Command::Regenerate);
        let asked = state.current_run().expect("asked").id;
        let effects = state.reopened(open(&path).expect("can be read"), None);
        assert!(effects.contains(&crate::ui::features::Effect::Cancel(asked)), "what runs is stopped: {effects:?}");
        for id in [RunId(1), RunId(2), asked] {
            let tokens = |state: &AppState| state.runs.get(id).and_then(|run| Some(run.trace.as_ref()?.output.len()));
            let before = tokens(&state);
            state.receive(Event::Token(id, Box::new(token("late")), Some(row(0.5))), 9.0);
            state.receive(Event::Cancelled(id), 9.0);
            assert_eq!(tokens(&state), before, "nothing changed");
        }
        assert!(state.runs.iter().all(|run| run.phase == Phase::Finished), "they ended before");
        let fresh = state.runs.iter().zip(versions).all(|(run, before)| run.version > before + 1000);
        assert!(fresh, "what was made of the runs of before is not taken for theirs");
    });
}

#[test]
fn a_darkened_photo_and_a_forced_beginning_are_part_of_a_question() {
    let view = ModelView::new(ImageSize { width_px: 28, height_px: 28 }, &PreprocessSpec::clip(28), 14);
    let attention: Vec<f32> = (0..4_u8).map(|i| 0.1 * f32::from(i) + 1e-9).collect();
    let maps = LlavaMaps { num_layers: 1, num_tokens: 1, image_attention: attention.clone(), attention };
    let prompting = Prompting {
        attribution: Arc::new(Attribution { view, maps: Maps::Llava(maps) }),
        model_id: "demo".to_owned(),
        weight_hash: "0".to_owned(),
        query: "dog".to_owned(),
        options: PromptOptions::default(),
    };
    let mut asked = question("a.png", "What?");
    asked.prompted = Some(Arc::new(prompting));
    asked.fork = Some(Fork { ids: vec![1, 2], known: Some(Arc::new(trace())) });
    let mut text = serde_json::to_value(&asked).expect("plain data");
    let back: crate::engine::Question = serde_json::from_value(text.clone()).expect("read");
    assert_eq!(back, asked, "as it was");
    assert!(back.fork.is_some_and(|fork| fork.known.is_none()), "what was known of it is in its own trace");
    // Another version knows more of some things and less of others.
    text["wished"] = json!(true);
    text["sampling"] = json!({"seed": 7, "flavour": "sweet"});
    let without = text.as_object_mut().expect("an object");
    without.remove("record");
    without.remove("strategy");
    let back: crate::engine::Question = serde_json::from_value(text).expect("still a question");
    assert_eq!(back.sampling.seed, 7, "what is known counts");
}

#[test]
fn what_another_version_wrote_otherwise_is_as_on_the_first_day() {
    let mut text =
        serde_json::to_value(Written { last_id: 5, bundled: true, ..Written::default() }).expect("plain data");
    text["query"] = json!(12);
    text["settings"] = json!({"view": "sideways"});
    text["later"] = json!([1, 2, 3]);
    text.as_object_mut().expect("an object").remove("tokens");
    let back: Written = serde_json::from_value(text).expect("still a state");
    assert_eq!(back, Written { last_id: 5, bundled: true, ..Written::default() }, "the rest stays");
}

#[test]
fn a_session_of_a_newer_version_is_refused_with_a_sentence() {
    in_folder(|folder| {
        let path = folder.join("newer.gazelens");
        let bytes = [&session::MAGIC[..], &(session::VERSION + 1).to_le_bytes(), &0_u64.to_le_bytes()].concat();
        std::fs::write(&path, bytes).expect("written");
        let why = open(&path).expect_err("refused");
        assert!(why.contains("which a newer gazelens wrote") && why.ends_with("newer.gazelens"), "{why}");
    });
}

#[test]
fn a_photo_that_is_gone_is_listed_and_found_again() {
    in_folder(|folder| {
        let (old, new, path) = (folder.join("old"), folder.join("new"), folder.join("work.gazelens"));
        std::fs::create_dir_all(&new).expect("created");
        std::fs::write(new.join("a.png"), b"").expect("written");
        let mut state = worked();
        let moves = [(PathBuf::from("a.png"), old.join("a.png"))].into();
        // As if it had been asked about that file.
        for run in state.runs.iter().map(|run| run.id).collect::<Vec<_>>() {
            state.runs.get_mut(run).expect("there").question.image = ImageSource::Path("a.png".into());
        }
        state.runs.relocate(&moves);
        state.runs.show(RunId(1));
        state.library.add([ImageSource::Path(old.join("a.png"))]);
        state.library.select(state.library.images().len() - 1);
        save(&state, &path);
        let mut state = AppState::default();
        state.reopened(open(&path).expect("can be read"), None);
        assert_eq!(state.session.missing.photos, [old.join("a.png")], "listed");
        assert_eq!(state.open.session, Some(SessionBox::Missing), "shown");
        assert!(state.current_run().is_some_and(|run| run.trace.is_some()), "the answer is there all the same");
        let found = locate(&state.session.missing, &new, &AtomicBool::new(false));
        let effects = state.located(found);
        assert!(state.session.missing.is_empty() && state.open.session.is_none(), "nothing is missing any more");
        let image = ImageSource::Path(new.join("a.png"));
        assert!(state.runs.of_image(&image).count() == 2 && state.runs.shown(&image).is_some(), "the answers followed");
        let joins = |effect: &crate::ui::features::Effect| {
            matches!(effect, crate::ui::features::Effect::Join(_,
            Some(wanted)) if *wanted == image)
        };
        assert!(effects.iter().any(joins), "the data set follows: {effects:?}");
    });
}

#[test]
fn the_recovery_file_follows_changes_and_goes_with_a_proper_end() {
    in_folder(|folder| {
        let (woken, wakes) = std::sync::mpsc::channel();
        let wake: Waker = Arc::new(move || {
            woken.send(()).ok();
        });
        let (mut session_writer, why) = SessionWriter::new(&wake, Some(folder), Duration::ZERO);
        assert_eq!(why, None, "the folder can be used");
        session_writer.touch();
        assert!(session_writer.follow(&AppState::default(), || Value::Null).is_none(), "an empty window loses nothing");
        let mut state = worked();
        let written = |session_writer: &mut SessionWriter, state: &AppState| {
            session_writer.touch();
            let limit = Instant::now() + Duration::from_secs(20);
            while session_writer.follow(state, || Value::Null).is_some() {
                assert!(Instant::now() < limit, "the disk has time enough");
                std::thread::sleep(Duration::from_millis(1));
            }
            wakes.recv_timeout(Duration::from_millis(500)).is_ok()
        };
        assert!(written(&mut session_writer, &state), "something is there now");
        assert!(session_writer.poll().is_empty(), "nothing to say");
        state.apply(Command::HoverToken(Some(TokenPos::Output(0))));
        assert!(!written(&mut session_writer, &state), "what is pointed at does not count");
        state.apply(Command::NextHead);
        assert!(written(&mut session_writer, &state), "another head does");
        session_writer.poll();
        assert!(session_writer.keep_before(&state, Value::Null), "there are answers");
        wakes.recv_timeout(Duration::from_secs(20)).expect("written");
        let mut kept = session_writer.poll();
        let Some(Finished::Kept(Ok(path))) = kept.pop() else { panic!("expected what was kept, found {kept:?}") };
        assert_eq!(session::outline(&path).expect("whole").answers.len(), 2, "everything of before");
        session_writer.save(&state, Value::Null, folder.join("elsewhere").join("x.gazelens"));
        wakes.recv_timeout(Duration::from_secs(20)).expect("tried");
        let finished = session_writer.poll();
        assert!(matches!(finished.as_slice(), [Finished::Failed(why)] if why.ends_with("x.gazelens")), "{finished:?}");
        assert!(left_behind(folder).0.is_empty(), "a running window's files are not offered");
        drop(session_writer);
        let rest = std::fs::read_dir(folder).expect("readable").count();
        assert_eq!(rest, 0, "nothing is left");
    });
}

/// Saves again and again and says so after each time; only [`VICTIM`] runs it.
fn save_for_ever(path: &Path) -> ! {
    let (mut state, mut kept) = (worked(), KeptTraces::default());
    let mut count = 0_u64;
    loop {
        count += 1;
        state.apply(Command::NameRun(RunId(1), count.to_string()));
        // As fast as it goes: most of the time is spent in the middle of saving.
        write(Snapshot::take(&state, Value::Null, &mut kept), path).expect("can be written");
        writeln!(std::io::stdout(), "saved {count}").expect("the other end reads");
    }
}

#[test]
fn a_process_that_saves_until_it_is_killed() {
    if let Some(path) = std::env::var_os(SAVE_TO) {
        save_for_ever(Path::new(&path));
    }
}

#[test]
fn a_kill_at_any_moment_costs_at_most_the_save_under_way() {
    in_folder(|folder| {
        let path = folder.join("recovery.gazelens");
        let mut moment = u64::from(std::process::id());
        for kill in 0..40 {
            let me = std::env::current_exe().expect("this program");
            let mut victim = Process::new(me);
            let (_, module) = module_path!().split_once("::").expect("below the crate");
            victim
                .args(["--exact", &format!("{module}::{VICTIM}"), "--nocapture"])
                .env(SAVE_TO, &path)
                .stdout(Stdio::piped());
            let mut victim = victim.spawn().expect("started");
            let mut said = BufReader::new(victim.stdout.take().expect("piped")).lines().map_while(Result::ok);
            let number = |line: String| line.strip_prefix("saved ").and_then(|rest| rest.parse::<u64>().ok());
            // libtest speaks first.
            let mut last = said.by_ref().find_map(number).expect("the first save");
            moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_micros(moment >> 32 & 0x3fff));
            victim.kill().expect("killed"); // SIGKILL where there are signals
            last = said.filter_map(number).last().unwrap_or(last);
            victim.wait().expect("gone");
            let reopened = open(&path).unwrap_or_else(|why| panic!("kill {kill}: expected a whole file, found {why}"));
            assert_eq!(reopened.runs.len(), 2, "every answer");
            assert!(reopened.runs.iter().all(|run| !rows(run).is_empty()), "with its rows");
            let found: u64 = reopened.runs.first().and_then(|run| run.name.parse().ok()).expect("a number");
            assert!((last..=last + 1).contains(&found), "kill {kill}: save {last} was done, found {found}");
        }
    });
}
