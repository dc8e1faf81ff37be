//! The answer: words and their pieces, the folded prompt, the line below, and the room that all of it takes.

use crate::script::{Handle, Script};
use crate::support::{Window, answered, caption, frames, press, type_text, window};
use crate::surviving::Memory;
use eframe::egui::{Key, Modifiers, Rect, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use egui_tiles::{Container, Linear, LinearDir, Tile, Tiles, Tree};
use gazelens::engine::{Event, RunId, Stage, Timings};
use gazelens::trace::{ContrastCandidate, OutputToken, TokenContrast};
use gazelens::ui::core::command::{Command, CompareCommand, TriedStrength};
use gazelens::ui::core::pane::Pane;
use gazelens::ui::core::settings::ChipQuantity;
use gazelens::ui::features::TokenPos;

/// Sixty words, of four letters in the mean.
const SIXTY: &str = "The image shows a man riding a brown horse along a sandy beach in the early morning light. \
    There is a small white dog running next to them, and two boats can be seen far out on the calm blue water. \
    In the background a few people walk under a large red umbrella near the old wooden pier with friends.";

/// Room of the panel in the column beside the photo of a laptop's window, points.
const ROOM_PT: [f32; 2] = [385.0, 380.0];
/// The panel's margins, and the row of its tab.
const AROUND_PT: [f32; 2] = [16.0, 42.0];

/// Tokens of a text: words with the space before them, full stops and commas.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let bare = word.trim_end_matches(['.', ',']);
        tokens.push(format!(" {bare}"));
        tokens.extend(word.get(bare.len()..).filter(|sign| !sign.is_empty()).map(str::to_owned));
    }
    tokens
}

fn saying(words: &[&str]) -> Script {
    Script { answer: words.iter().map(|word| (*word).to_owned()).collect(), ..Script::default() }
}

/// "beach" and "umbrella" are three and two tokens.
fn in_pieces() -> Script {
    saying(&["A", " b", "ea", "ch", " and", " umb", "rella", "."])
}

/// Gives the panel of question and answer this room.
fn give_room(window: &mut Window, [width, height]: [f32; 2]) {
    let mut tiles = Tiles::default();
    let mut tabs = |pane: Pane| {
        let pane = tiles.insert_pane(pane);
        tiles.insert_tab_tile(vec![pane])
    };
    let (photo, question, below) = (tabs(Pane::Photo), tabs(Pane::Question), tabs(Pane::Inspector));
    let mut linear = |dir: LinearDir, shares: [_; 2]| {
        let mut linear = Linear::new(dir, shares.iter().map(|(tile, _)| *tile).collect());
        for (tile, share) in shares {
            linear.shares.set_share(tile, share);
        }
        tiles.insert_new(Tile::Container(Container::Linear(linear)))
    };
    let [whole_width, whole_height] = [window.ctx.content_rect().width() - 4.0, 742.0];
    let [width, height] = [width + AROUND_PT[0], height + AROUND_PT[1]];
    let column = linear(LinearDir::Vertical, [(question, height), (below, whole_height - height)]);
    let root = linear(LinearDir::Horizontal, [(photo, whole_width - width), (column, width)]);
    let tree = Tree::new(eframe::egui::Id::unique("panels"), root, tiles);
    let mut memory = Memory::default();
    let json = serde_json::to_string(&tree).expect("a tree is plain data");
    eframe::Storage::set_string(&mut memory, "gazelens-layout", json);
    window.state_mut().restore(&memory);
    frames(window);
}

/// The line below the answer: what it says and where.
fn detail(window: &Window, part: &str) -> (String, Rect) {
    let line = window.get_by_label_contains(part);
    let node = line.accesskit_node();
    (node.value().or_else(|| node.label()).unwrap_or_default(), line.rect())
}

const HINT: &str = "Point at a word for its numbers";

fn place(window: &Window, idx: usize) -> Rect {
    window.get_by_label_contains(&format!("Token {idx}: ")).rect()
}

fn held(window: &Window) -> Vec<usize> {
    let output = |pos: &TokenPos| if let TokenPos::Output(idx) = pos { Some(*idx) } else { None };
    window.state().state().selection.tokens.iter().filter_map(output).collect()
}

fn click(window: &mut Window, idx: usize, modifiers: Modifiers) {
    window.get_by_label_contains(&format!("Token {idx}: ")).click_modifiers(modifiers);
    frames(window);
}

#[test]
fn sixty_words_are_seen_with_their_question_in_a_small_panel() {
    let script = Script { answer: tokens(SIXTY), ..Script::default() };
    assert_eq!(SIXTY.split(' ').count(), 60, "sixty words");
    let (mut window, _) = answered(script.clone());
    give_room(&mut window, ROOM_PT);
    let (_, line) = detail(&window, HINT);
    let question = window.get_by_label("Question about the photo").rect();
    let room = question.union(line);
    assert!(room.width() <= ROOM_PT[0] + 1.0 && room.height() <= ROOM_PT[1] + 1.0, "the panel is small: {room}");
    let legend = window.get_by_label("Words coloured by").rect();
    let prompt = window.get_by_label_contains("Prompt (158 tokens): USER: [144 image tokens]").rect();
    for other in ["Ask", "Again", "Settings", "Mitigation methods", "More"] {
        let other = window.get_by_role_and_label(eframe::egui::accesskit::Role::Button, other).rect();
        assert!(room.expand(1.0).contains_rect(other), "{other} lies in {room}");
    }
    assert!(question.bottom() <= legend.top() && legend.bottom() <= prompt.top(), "from top to bottom");
    for idx in 0..script.answer.len() {
        let chip = place(&window, idx);
        assert!(chip.top() >= prompt.bottom() && chip.bottom() <= line.top(), "word {idx}: {chip} above {line}");
        assert!(chip.left() >= room.left() && chip.right() <= room.right(), "word {idx}: {chip} in {room}");
    }
}

#[test]
fn a_word_of_several_tokens_is_one_chip() {
    let (mut window, _) = answered(in_pieces());
    let places: Vec<Rect> = (0..8).map(|idx| place(&window, idx)).collect();
    for (left, right) in [(1, 2), (2, 3), (5, 6)] {
        assert!((places[left].right() - places[right].left()).abs() < 0.1, "pieces touch: {places:?}");
    }
    assert!(places[1].left() - places[0].right() > 3.0, "words stand apart: {places:?}");
    window.get_by_label("Token 2: ea").hover();
    frames(&mut window);
    assert!(caption(&window).contains("token 2 “ea”"), "a piece previews its own map: {}", caption(&window));
    let (said, _) = detail(&window, "piece 2 of 3 of “beach”");
    assert!(said.starts_with("token 2 “ea”, piece 2 of 3 of “beach” · probability "), "{said}");
    click(&mut window, 2, Modifiers::NONE);
    assert_eq!(held(&window), [1, 2, 3], "a click holds the word");
    click(&mut window, 6, Modifiers::SHIFT);
    assert_eq!(held(&window), [1, 2, 3, 4, 5, 6], "whole words are added");
    click(&mut window, 3, Modifiers::COMMAND);
    assert_eq!(held(&window), [4, 5, 6], "and taken out");
    click(&mut window, 6, Modifiers::NONE);
    click(&mut window, 0, Modifiers::SHIFT);
    assert_eq!(held(&window), [0, 1, 2, 3, 4, 5, 6], "a range backwards has the whole of its first word");
    click(&mut window, 7, Modifiers::NONE);
    assert_eq!(held(&window), [7], "a full stop is a chip of its own");
}

#[test]
fn pieces_are_chips_on_request_and_stay_so() {
    let (mut window, _) = answered(in_pieces());
    window.get_by_label("pieces").click();
    frames(&mut window);
    assert!(place(&window, 2).left() - place(&window, 1).right() > 0.5, "they do not touch");
    click(&mut window, 2, Modifiers::NONE);
    assert_eq!(held(&window), [2], "one token, and no word");
    let mut memory = Memory::default();
    eframe::App::save(window.state_mut(), &mut memory);
    let (mut after, _) = answered(in_pieces());
    assert!(!after.state().state().pieces, "words at first");
    after.state_mut().restore(&memory);
    assert!(after.state().state().pieces, "as it was left");
}

#[test]
fn no_line_breaks_a_word() {
    let words = [" b", "ea", "ch", " umb", "rella", " a"].repeat(30);
    let (mut window, _) = answered(saying(&words));
    give_room(&mut window, ROOM_PT);
    let mut rows = 0;
    for word in (0..180).step_by(6) {
        let row = |idx: usize| place(&window, word + idx).y_range();
        assert_eq!([row(1), row(2), row(4)], [row(0), row(0), row(3)], "word {word} lies in one row");
        rows += usize::from(row(0).max < row(3).min);
    }
    assert!(rows > 0, "there are several rows");
}

#[test]
fn the_prompt_is_one_line_that_unfolds() {
    let (mut window, _) = answered(Script::default());
    assert!(window.query_by_label_contains("Prompt token").is_none(), "folded");
    window.get_by_label_contains("[144 image tokens] Describe this image in detail.").click();
    frames(&mut window);
    window.get_by_label("[144 image tokens]");
    window.get_by_label("Prompt token 148: Describe").click();
    frames(&mut window);
    window.get_by_label("Prompt (158 tokens)").click();
    frames(&mut window);
    assert!(window.query_by_label_contains("Prompt token").is_none(), "folded by a click");
    press(&mut window, Key::Escape);
    window
        .state_mut()
        .command(Command::ClickToken(TokenPos::Prompt(148), gazelens::ui::core::command::Extend::Replace));
    frames(&mut window);
    window.get_by_label("Prompt token 148: Describe");
    press(&mut window, Key::Escape);
    assert!(window.query_by_label_contains("Prompt token").is_none(), "and folded again when nothing of it is held");
}

#[test]
fn the_line_below_the_answer_says_what_is_pointed_at_and_covers_no_word() {
    let (mut window, _) = answered(Script::default());
    let before = detail(&window, HINT).1;
    for idx in [4, 11, 17] {
        let words: Vec<Rect> = (0..19).map(|idx| place(&window, idx)).collect();
        window.get_by_label_contains(&format!("Token {idx}: ")).hover();
        // Long enough for any tooltip.
        window.run_steps(40);
        let (said, at) = detail(&window, " nats · image attention 0.");
        assert!(said.starts_with(&format!("token {idx} “")) && said.contains("probability 0."), "{said}");
        assert_eq!(at, before, "it keeps its place");
        assert!(words.iter().all(|word| word.bottom() <= at.top()), "below every word: {at}");
        assert_eq!(words, (0..19).map(|idx| place(&window, idx)).collect::<Vec<_>>(), "and none moves");
    }
    window.get_by_label("Token 11: bench").hover();
    frames(&mut window);
    detail(&window, " · bench: ");
    window.get_by_label("Grid of layers and heads").hover();
    frames(&mut window);
    assert_eq!(detail(&window, HINT).1, before, "back to the hint");
}

#[test]
fn an_object_word_brings_its_origin_forward() {
    let (mut window, _) = answered(Script::default());
    let front = |window: &Window| window.state().is_in_sight(Pane::Origin);
    let fold = |window: &mut Window| {
        window.get_by_label("Origin").click_accesskit();
        frames(window);
    };
    fold(&mut window);
    click(&mut window, 4, Modifiers::NONE);
    assert!(!front(&window), "no object word");
    click(&mut window, 1, Modifiers::NONE);
    assert!(front(&window), "a dog is an object");
    fold(&mut window);
    click(&mut window, 1, Modifiers::NONE);
    assert!(held(&window).is_empty() && !front(&window), "letting go of it changes no panel");
    press(&mut window, Key::E);
    assert!(held(&window) == [1] && !front(&window), "nor does walking: the chosen panel follows the words");
}

#[test]
fn sixty_words_are_seen_in_the_default_layout_of_a_laptop() {
    let script = Script { answer: tokens(SIXTY), ..Script::default() };
    let (window, _) = answered(script.clone());
    let line = detail(&window, HINT).1;
    let tiles = &window.state().tree().tiles;
    let panel = tiles.find_pane(&Pane::Question).and_then(|tile| tiles.rect(tile)).expect("in sight");
    assert!(panel.contains_rect(line), "the line below the words, {line}, in {panel}");
    for idx in 0..script.answer.len() {
        let chip = place(&window, idx);
        assert!(panel.contains_rect(chip) && chip.bottom() <= line.top(), "word {idx}: {chip} above {line} in {panel}");
    }
}

#[test]
fn the_legend_is_a_list_in_one_row() {
    let (mut window, _) = answered(Script::default());
    give_room(&mut window, ROOM_PT);
    window.get_by_label("Words coloured by").click();
    frames(&mut window);
    window.get_by_label("entropy").click();
    frames(&mut window);
    assert_eq!(window.state().state().chips, ChipQuantity::Entropy, "chosen");
    let (list, pieces) = (window.get_by_label("Words coloured by").rect(), window.get_by_label("pieces").rect());
    assert!(pieces.left() > list.right() && (pieces.center().y - list.center().y).abs() < 2.0, "{list} and {pieces}");
}

#[test]
fn rarer_buttons_are_in_a_menu_where_there_is_no_room() {
    let (mut window, _) = answered(Script::default());
    window.set_size(vec2(1920.0, 1080.0));
    frames(&mut window);
    window.get_by_label("Template");
    window.get_by_label("Suggestions");
    window.set_size(vec2(1280.0, 800.0));
    frames(&mut window);
    give_room(&mut window, ROOM_PT);
    assert!(window.query_by_label("Suggestions").is_none(), "in the menu");
    let mut ask = window.state().state().ask.clone();
    "pai-cfg".clone_into(&mut ask.strategy);
    window.state_mut().command(Command::SetAsk(Box::new(ask)));
    frames(&mut window);
    let [first, last] = ["Again", "More"].map(|label| window.get_by_label(label).rect());
    assert!((first.center().y - last.center().y).abs() < 1.0, "one row: {first} and {last}");
    window.get_by_label("More").click();
    frames(&mut window);
    window.get_by_label("Template").click();
    frames(&mut window);
    assert!(window.state().state().open.template, "switched");
}

#[test]
fn the_question_grows_to_five_lines_and_then_scrolls() {
    let (mut window, _) = window(Script::default());
    give_room(&mut window, ROOM_PT);
    let ask = |window: &Window| window.get_by_role_and_label(eframe::egui::accesskit::Role::Button, "Ask").rect().top();
    let empty = ask(&window);
    window.get_by_label("Question about the photo").click();
    frames(&mut window);
    type_text(&mut window, &"What is on the left of the red umbrella? ".repeat(3));
    let three = ask(&window) - empty;
    type_text(&mut window, &"What is on the left of the red umbrella? ".repeat(5));
    let eight = ask(&window) - empty;
    type_text(&mut window, &"What is on the left of the red umbrella? ".repeat(9));
    assert!(three > 13.0, "it grows: {three}");
    assert!((60.0..90.0).contains(&eight), "to four lines more than one: {eight}");
    assert!((ask(&window) - empty - eight).abs() < 1.0, "and no further");
}

#[test]
fn earlier_questions_say_what_differs() {
    let (mut window, _) = answered(Script::default());
    press(&mut window, Key::V);
    window.get_by_label("1 · plain");
    window.get_by_label("2 · vcd");
    window.get_by_label("All 2 in Compare");
    window.state_mut().command(Command::AskThis("Is there a dog in the image?".to_owned()));
    frames(&mut window);
    window.get_by_label("1 · plain · Describe this image in detai…");
    window.get_by_label("3 · vcd · Is there a dog in the image?");
}

#[test]
fn the_chosen_one_of_the_earlier_questions_is_in_sight() {
    let (mut window, _) = answered(Script::default());
    give_room(&mut window, ROOM_PT);
    for nr in 2..8 {
        window.state_mut().command(Command::AskThis(format!("What is the object number {nr} in this image?")));
        frames(&mut window);
    }
    let room = window.get_by_label("Question about the photo").rect();
    for id in [1, 7, 5] {
        window.state_mut().command(Command::ShowRun(RunId(id)));
        frames(&mut window);
        let chip = window.get_by_label_contains(&format!("{id} · ")).rect();
        let inside = chip.left() >= room.left() - 1.0 && chip.left() < room.right() - 40.0;
        assert!(inside, "{id}: {chip} in {room}");
    }
}

fn say_started(script: &Script, handle: &Handle, id: RunId) {
    handle.say(Event::Started(id, Box::new(script.trace())));
    handle.say(Event::Stage(id, Stage::Decode));
}

#[test]
fn the_newest_word_is_in_sight_while_an_answer_runs_and_when_it_has_ended() {
    let script = Script { answers: false, answer: tokens(&[SIXTY; 4].join(" ")), ..Script::default() };
    let (mut window, handle) = answered(script.clone());
    give_room(&mut window, ROOM_PT);
    let id = RunId(1);
    say_started(&script, &handle, id);
    frames(&mut window);
    let line = detail(&window, HINT).1;
    window.get_by_label_contains("[144 image tokens] Describe").click();
    frames(&mut window);
    for idx in 0..script.answer.len() {
        handle.say(script.token_event(id, idx));
    }
    frames(&mut window);
    frames(&mut window);
    let last = script.answer.len() - 1;
    let is_seen = |window: &Window, idx| place(window, idx).bottom() <= line.top() + 1.0;
    assert!(is_seen(&window, last), "{} above {line}", place(&window, last));
    handle.say(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() });
    frames(&mut window);
    assert!(is_seen(&window, last), "{} above {line}", place(&window, last));
}

/// A token that the contrast chose in place of " dog": at half its strength it would not have.
fn contrasted(script: &Script, id: RunId, idx: usize) -> Event {
    let candidate = |id, text: &str, logprob: f32, negative_logprob| ContrastCandidate {
        id,
        text: text.to_owned(),
        logprob,
        negative_logprob,
        final_logprob: Some(-1.0),
    };
    let contrast = TokenContrast {
        alpha: 1.0,
        plain_id: 3,
        contrasted_id: 5,
        num_removed: 0,
        moved: 0.25,
        branches_differ: true,
        alpha_from: 0.5,
        alpha_to: None,
        candidates: vec![candidate(3, " dog", -1.0, -1.0), candidate(5, " kite", -1.5, -2.5)],
    };
    let token = OutputToken { contrast: Some(Box::new(contrast)), ..script.token(idx) };
    Event::Token(id, Box::new(token), Some(script.row(idx)))
}

#[test]
fn trying_a_strength_moves_nothing_and_takes_no_more_room_than_there_is() {
    let script = Script { answers: false, ..Script::default() };
    let (mut window, handle) = answered(script.clone());
    give_room(&mut window, ROOM_PT);
    let (id, count) = (RunId(1), script.answer.len());
    say_started(&script, &handle, id);
    for idx in 0..count {
        handle.say(contrasted(&script, id, idx));
    }
    handle.say(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() });
    frames(&mut window);
    let line = detail(&window, HINT).1;
    let places = |window: &Window| (0..count).map(|idx| place(window, idx)).collect::<Vec<_>>();
    let before = places(&window);
    let button = window.get_by_label("Strength").rect();
    let mut all = before.iter().chain([&button]);
    assert!(all.all(|rect| rect.right() <= line.right() + 0.5), "within {line}: {button}, {before:?}");
    let tried = TriedStrength { run: id, value: 0.25 };
    window.state_mut().command(Command::Compare(CompareCommand::Try(Some(tried))));
    frames(&mut window);
    window.get_by_label("Token 0: A, changed by the strategy, first to flip").hover();
    frames(&mut window);
    assert_eq!(places(&window), before, "every word keeps its place");
    let (said, at) = detail(&window, " nats · image attention 0.");
    assert!(said.contains("at the tried strength this token would be “dog”"), "{said}");
    assert_eq!(at, line, "and so does the line");
}

#[test]
fn a_word_that_a_key_leads_to_comes_into_sight() {
    let (mut window, _) = answered(Script { answer: tokens(&[SIXTY; 4].join(" ")), ..Script::default() });
    give_room(&mut window, ROOM_PT);
    let line = detail(&window, HINT).1;
    window.key_press_modifiers(Modifiers::SHIFT, Key::W);
    frames(&mut window);
    window.run_steps(20);
    let [last] = held(&window)[..] else { panic!("the last word, found {:?}", held(&window)) };
    assert!(last > 200 && place(&window, last).bottom() <= line.top() + 1.0, "{} above {line}", place(&window, last));
}

#[test]
fn a_right_click_on_a_word_offers_what_can_be_done_with_it() {
    let (mut window, _) = answered(in_pieces());
    window.get_by_label_contains("Token 2: ea").click_secondary();
    frames(&mut window);
    window.get_by_label("Copy “beach”");
    window.get_by_label("Where it came from").click();
    frames(&mut window);
    assert_eq!(held(&window), [1, 2, 3], "the whole word");
    assert!(window.state().is_in_sight(Pane::Origin), "and where it came from");
}

#[test]
fn the_answer_is_whole_in_a_small_window() {
    let (mut window, _) = answered(Script { answer: tokens(SIXTY), ..Script::default() });
    window.set_size(egui::vec2(1000.0, 600.0));
    frames(&mut window);
    window.run_steps(20);
    let right = window.ctx.content_rect().right();
    let words: Vec<_> = window.query_all_by_label_contains("Token ").map(|word| word.rect()).collect();
    assert!(words.len() > 30, "the words are there: {}", words.len());
    let cut = words.iter().find(|word| word.right() > right);
    assert_eq!(cut, None, "within the window, {right} wide");
    assert!(window.get_by_label("pieces").rect().right() <= right, "and so is the row above it");
}
