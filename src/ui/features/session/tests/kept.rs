//! What a session keeps besides answers and data set, and what a file that says anything does.

use super::*;
use crate::engine::Request;
use crate::ui::core::command::{
    PromptingCommand, RowColumn, RowFilter, RowSort, StudyCommand, StudyDraft, StudyView, TableSort,
};
use crate::ui::features::ShownPrompting;
use crate::ui::features::testing::info;
use proptest::prelude::*;

#[test]
fn what_no_file_keeps_is_part_of_a_session() {
    in_folder(|folder| {
        let (path, saved) = (folder.join("work.gazelens"), worked());
        save(&saved, &path);
        let mut state = AppState { model: saved.model.clone(), ..AppState::default() };
        let effects = state.reopened(open(&path).expect("can be read"), None);
        let notes = |state: &AppState| state.browse.notes.of("a.png").clone();
        assert_eq!(notes(&state), notes(&saved), "tags and the note");
        assert!(notes(&state).star && notes(&state).tags.contains("blurred"), "all of them");
        let image = saved.current_image().cloned();
        assert_eq!(state.truth.kept_hidden, image.clone().map(|image| (image, saved.truth.hidden.clone())), "hidden");
        state.truth.known(Arc::default(), image.as_ref());
        assert_eq!(state.truth.hidden, saved.truth.hidden, "as soon as the objects are known");
        assert_eq!(state.compared(), saved.compared(), "the columns");
        assert!(state.compared().is_some_and(|compared| compared.pinned) && state.compare.list_open, "as pinned");
        let made = |state: &AppState| {
            let made = state.prompting.every_made().last().cloned().expect("kept");
            (made.request.clone(), made.attribution.clone(), made.pre_output.clone(), made.weight_hash.clone())
        };
        assert_eq!(made(&state), made(&saved), "where the model looked, bit for bit");
        assert_eq!(state.figure.recipe(), saved.figure.recipe(), "the figure");
        assert!(state.figure.recipe().panels.len() == 2 && state.figure.data_too, "with its panels");
        let missing = state.figure_missing();
        assert_eq!(missing, ["The photo is not there: a.png"], "its answers are here");
        assert_eq!((state.colour.range_mode, state.colour.fixed_range), (RangeMode::Fixed, [0.125, 0.5]), "the range");
        let place = saved.session.window.expect("known");
        let placed = Effect::Session(SessionEffect::PlaceWindow(place));
        assert!(effects.contains(&placed), "the window goes where it was: {effects:?}");
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::BringToFront(_))), "nothing comes to the front");
        // Saved again, the same bytes.
        state.session.window = saved.session.window;
        let other = folder.join("other.gazelens");
        save(&state, &other);
        let state_of = |path: &Path| session::outline(path).expect("whole").state;
        let (mut once, mut twice) = (state_of(&path), state_of(&other));
        for state in [&mut once, &mut twice] {
            state["path"] = Value::Null;
            state["saved_until"] = Value::Null;
        }
        assert_eq!(once, twice, "nothing was lost on the way");
    });
}

#[test]
fn only_what_no_session_has_is_asked_about_after_a_recovery() {
    in_folder(|folder| {
        let (saved, recovery) = (folder.join("work.gazelens"), folder.join("recovery.gazelens"));
        let mut state = worked();
        save(&state, &saved);
        state.session_saved(saved.clone(), 2);
        assert_eq!(state.num_unsaved(), 0, "both are saved");
        state.apply(Command::AskThis("More?".to_owned()));
        let id = state.current_run().expect("asked").id;
        state.receive(Event::Started(id, Box::new(trace())), 0.0);
        state.receive(Event::Token(id, Box::new(token("Yes")), None), 1.0);
        save(&state, &recovery);
        let restored = || {
            let reopened = open(&recovery).expect("can be read");
            let mut state = AppState::default();
            state.reopened(Reopened { recovery: true, ..reopened }, None);
            state
        };
        let state = restored();
        assert_eq!((state.runs.iter().count(), state.num_unsaved()), (3, 1), "two of three are in the session");
        assert_eq!(state.unsaved_words(), "1 answer is not saved", "and that is said");
        std::fs::remove_file(&saved).expect("removed");
        assert_eq!(restored().num_unsaved(), 3, "the session is gone: all would be lost");
    });
}

#[test]
fn whose_the_shown_answer_is_survives_a_session() {
    in_folder(|folder| {
        let path = folder.join("work.gazelens");
        let mut state = worked();
        let sent = |effects: &[Effect]| {
            effects.iter().find_map(|effect| match effect {
                Effect::Send(Request::Attribute(id, ..) | Request::Ask(id, _)) => Some(*id),
                _ => None,
            })
        };
        let id = sent(&state.apply(Command::Prompting(PromptingCommand::Switch(true)))).expect("looked for");
        let effects = state.receive(Event::Attributed(id, attributed(), info(LAYERS, HEADS)), 0.0);
        let id = sent(&effects).expect("asked");
        state.receive(Event::Started(id, Box::new(trace())), 0.0);
        state.receive(Event::Finished { id, timings: crate::engine::Timings::default(), warnings: Vec::new() }, 1.0);
        let reopened = |state: &AppState| {
            save(state, &path);
            let mut again = AppState { model: state.model.clone(), ..AppState::default() };
            again.reopened(open(&path).expect("can be read"), None);
            again
        };
        let on = reopened(&state);
        assert!(on.prompting_is_on() && on.next_is_prompted(), "on, and so is the next question");
        let mut settings = state.prompting.settings.clone();
        settings.live = false;
        settings.source = Source::Llava;
        state.apply(Command::Prompting(PromptingCommand::Set(settings)));
        let off = reopened(&state);
        assert_eq!(off.shown_prompting(), ShownPrompting::Otherwise, "CLIP's answer is not taken for LLaVA's");
        assert!(!off.prompting_is_on(), "off");
    });
}

#[test]
fn studies_are_kept_and_a_run_that_is_gone_gets_a_sentence() {
    in_folder(|folder| {
        let (path, run) = (folder.join("work.gazelens"), folder.join("run"));
        std::fs::create_dir(&run).expect("a folder");
        let mut saved = worked();
        saved.apply(Command::Study(StudyCommand::Template("pope")));
        let text = saved.study.draft.text.clone();
        let draft = StudyDraft {
            text,
            file: Some(folder.join("s.toml")),
            out: "rows".to_owned(),
            part: "1/4".to_owned(),
            limit: "12".to_owned(),
        };
        saved.apply(Command::Study(StudyCommand::SetDraft(Box::new(draft))));
        saved.apply(Command::Study(StudyCommand::Open(run.clone())));
        let sort = Some(TableSort { table: "pope".to_owned(), column: "F1".to_owned(), reversed: true });
        let rows = Some(RowSort { column: RowColumn::Photo, reversed: false });
        let filter = RowFilter { words: "boat".to_owned(), sort: rows, ..RowFilter::default() };
        let view = StudyView { table: "pope".to_owned(), plot: true, sort, filter, ..StudyView::default() };
        saved.apply(Command::Study(StudyCommand::SetView(Box::new(view))));
        save(&saved, &path);
        let mut state = AppState::default();
        let reopened = open(&path).expect("can be read");
        assert!(reopened.problems.is_empty(), "the folder is there: {:?}", reopened.problems);
        state.reopened(reopened, None);
        assert_eq!(state.study.draft, saved.study.draft, "the study that is being written");
        assert_eq!((&state.study.view, &state.study.folder), (&saved.study.view, &Some(run.clone())), "what is shown");
        assert!(matches!(state.study.checked, Some(Ok(_))), "it is checked again");
        // The folder is gone.
        std::fs::remove_dir(&run).expect("removed");
        let reopened = open(&path).expect("can be read all the same");
        let sentence = format!("The folder of the study's run is not where it was: {}", run.display());
        assert_eq!(reopened.problems, [sentence], "one sentence");
        // A session of before, and one that says something else there.
        for study in [None, Some(json!(5)), Some(json!({"folder": null, "view": {"sort": 1}}))] {
            let mut session = session::read(&path).expect("whole");
            let members = session.state.as_object_mut().expect("members");
            members.remove("study");
            members.extend(study.map(|study| ("study".to_owned(), study)));
            session::write(&path, &session).expect("written");
            state.reopened(open(&path).expect("can be read"), None);
            assert_eq!((&state.study.folder, state.study.draft.text.as_str()), (&None, ""), "no study is open");
        }
    });
}

#[test]
fn maps_that_an_answer_has_are_written_once() {
    let mut state = worked();
    let made = looked(state.current_image().cloned().expect("an image"));
    let prompted = Prompting {
        attribution: Arc::clone(&made.attribution),
        model_id: made.model_id.clone(),
        weight_hash: made.weight_hash.clone(),
        query: made.request.query.clone(),
        options: PromptOptions::default(),
    };
    state.prompting.restore(vec![made]);
    state.runs.get_mut(RunId(1)).expect("answered").question.prompted = Some(Arc::new(prompted));
    in_folder(|folder| {
        let path = folder.join("work.gazelens");
        save(&state, &path);
        let maps = session::outline(&path).expect("whole").state["maps"].clone();
        assert_eq!((&maps[0]["of_run"], &maps[0]["maps"]), (&json!(1), &Value::Null), "by the answer: {maps}");
        let mut back = AppState::default();
        back.reopened(open(&path).expect("can be read"), None);
        let made = back.prompting.every_made().first().cloned().expect("kept");
        let run = back.runs.get(RunId(1)).and_then(|run| run.question.prompted.clone()).expect("its question");
        assert!(Arc::ptr_eq(&made.attribution, &run.attribution), "shared as before");
    });
}

#[test]
fn a_session_of_before_these_fields_opens() {
    in_folder(|folder| {
        let path = folder.join("work.gazelens");
        save(&worked(), &path);
        let mut old = session::read(&path).expect("whole");
        let fields = old.state.as_object_mut().expect("an object");
        for field in ["noted", "hidden", "maps", "compared", "runs_listed", "figure", "window"] {
            assert!(fields.remove(field).is_some(), "{field} is a field of now");
        }
        session::write(&path, &old).expect("can be written");
        let mut state = AppState::default();
        state.reopened(open(&path).expect("can be read"), None);
        assert_eq!(state.runs.iter().count(), 2, "with its answers");
        assert!(
            state.figure.recipe().panels.is_empty() && state.prompting.every_made().is_empty(),
            "the rest is empty"
        );
    });
}

/// Every place of a value.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            places(value, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), found);
        }),
        Value::Array(values) => {
            values.iter().enumerate().for_each(|(idx, value)| places(value, &format!("{at}/{idx}"), found));
        }
        _ => {}
    }
}

/// What may stand in a file in the place of anything.
fn others() -> [Value; 11] {
    let texts = [json!(""), json!("\u{0}/../x")];
    let numbers = [json!(-1), json!(0), json!(u64::MAX), json!(1e300), json!(1e-300)];
    let [a, b] = texts;
    let [c, d, e, f, g] = numbers;
    [Value::Null, json!(true), json!([]), json!({"a": [1]}), a, b, c, d, e, f, g]
}

/// A session as it was saved, with something else at some places: each is one of the window's state (0) or of what is
/// said about an answer (1 for the first).
fn reopened_with(mut session: session::Session, changes: &[(usize, &str, Value)]) {
    for (whose, place, other) in changes {
        let answers = session.answers.iter_mut().map(|answer| &mut answer.about);
        let value = std::iter::once(&mut session.state).chain(answers).nth(*whose);
        if let Some(value) = value.and_then(|value| value.pointer_mut(place)) {
            value.clone_from(other);
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("work.gazelens");
    session::write(&path, &session).expect("can be written");
    let mut state = AppState::default();
    if let Ok(reopened) = open(&path) {
        drop(state.reopened(reopened, None));
        state.compared();
        state.figure_missing();
        state.runs.begin(question("a.png", "And then?"));
        save(&state, &path);
    }
}

/// Places of a session's state (0) and of what is said about its answers.
fn places_of(session: &session::Session) -> Vec<(usize, String)> {
    let abouts = session.answers.iter().map(|answer| &answer.about);
    let all = std::iter::once(&session.state).chain(abouts).enumerate();
    all.flat_map(|(whose, value)| {
        let mut found = Vec::new();
        places(value, "", &mut found);
        found.into_iter().map(move |place| (whose, place))
    })
    .collect()
}

fn saved_session() -> session::Session {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("work.gazelens");
    save(&worked(), &path);
    session::read(&path).expect("whole")
}

/// Found by chance: `u64::MAX` rows of patches, whose number could not be counted.
#[test]
fn numbers_that_nothing_can_have_never_panic() {
    let session = saved_session();
    let is_number = |(whose, place): &(usize, String)| {
        let value = if *whose == 0 { Some(&session.state) } else { session.answers.get(whose - 1).map(|a| &a.about) };
        value.and_then(|value| value.pointer(place)).is_some_and(Value::is_number)
    };
    let numbers: Vec<_> = places_of(&session).into_iter().filter(is_number).collect();
    assert!(numbers.iter().any(|(_, place)| place.ends_with("/view/grid/rows")), "patches among them: {numbers:?}");
    // One of a list stands for all of it.
    let first =
        |place: &str| !place.rsplit('/').next().is_some_and(|last| last.parse().is_ok_and(|idx: usize| idx > 0));
    for (whose, place) in numbers.iter().filter(|(_, place)| first(place)) {
        for other in [json!(u64::MAX), json!(0), json!(1e300)] {
            reopened_with(session.clone(), &[(*whose, place.as_str(), other)]);
        }
    }
    // Two answers about one photo, the first with the last number that there is.
    reopened_with(session, &[(1, "/nr", json!(u64::MAX)), (2, "/nr", json!(u64::MAX))]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_state_that_says_anything_never_panics(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..11), 1..5),
    ) {
        let session = saved_session();
        let all = places_of(&session);
        let changes: Vec<_> = changes
            .iter()
            .map(|(at, what)| {
                let (whose, place) = at.get(&all);
                (*whose, place.as_str(), others()[*what].clone())
            })
            .collect();
        reopened_with(session, &changes);
    }
}
