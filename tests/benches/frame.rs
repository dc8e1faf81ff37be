//! CPU time of a frame of the window, painting on the graphics card left out: a 300-token answer of a model with 32
//! layers, 32 heads and 24 x 24 patches. Run it with `cargo bench --bench frame`; the target is under 4 ms a frame.
#![expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]

mod screenless;
#[path = "../window/script.rs"]
mod script;

use cpu_time::ThreadTime;
use gazelens::engine::{Event, RunId, Timings};
use gazelens::geometry::PatchGrid;
use gazelens::ui::core::command::{Command, Extend};
use gazelens::ui::core::pane::Pane;
use gazelens::ui::features::TokenPos;
use screenless::Screenless;
use script::{Handle, Script, ScriptedLink};
use std::time::{Duration, Instant};

const NUM_TOKENS: usize = 300;
const NUM_FRAMES: usize = 120;
const TARGET_MS: f64 = 4.0;

fn main() {
    let script = Script {
        layers: 32,
        heads: 32,
        grid: PatchGrid { rows: 24, cols: 24 },
        answer: (0..NUM_TOKENS).map(|idx| format!(" word{idx}")).collect(),
        answers: false,
        ..Script::default()
    };
    let mut window = Window::new(script.clone());
    answer(&mut window, &script);
    let mut report = Vec::new();
    report.push(("nothing changes", window.measure(|_, _| ())));
    report.push((
        "the pointer moves over the answer",
        window.measure(|window, frame| {
            window.screen.app.command(Command::HoverToken(Some(TokenPos::Output(frame % NUM_TOKENS))));
        }),
    ));
    window.screen.app.command(Command::ClickToken(TokenPos::Output(7), Extend::Replace));
    report.push((
        "the layer changes",
        window.measure(|window, frame| {
            let (layer_idx, head_idx) = (frame % 32, frame / 32 % 32);
            window.screen.app.command(Command::JumpTo { layer_idx, head_idx });
        }),
    ));
    for pane in [Pane::Metrics, Pane::Compare] {
        window.screen.app.command(Command::ShowPane(pane));
        window.settle();
        report.push((
            if pane == Pane::Compare { "the same beside Compare" } else { "the same beside Metrics" },
            window.measure(|window, frame| {
                let (layer_idx, head_idx) = (frame % 32, frame / 32 % 32);
                window.screen.app.command(Command::JumpTo { layer_idx, head_idx });
            }),
        ));
    }
    window.screen.app.command(Command::TogglePalette);
    report.push(("the box that finds commands is open", window.measure(|_, _| ())));
    window.screen.app.command(Command::TogglePalette);
    println!("{:<36} {:>10} {:>10}", "CPU time of a frame", "median ms", "worst ms");
    for (what, (median, worst)) in report {
        let verdict = if median < TARGET_MS { "" } else { "  over the target" };
        println!("{what:<36} {median:>10.2} {worst:>10.2}{verdict}");
    }
    println!("frames until all maps are made and the window asks for none: {}", window.idle_frames());
}

/// The window with a scripted engine.
struct Window {
    screen: Screenless,
    handle: Handle,
    repaint_after: Duration,
}

impl Window {
    fn new(script: Script) -> Self {
        let (link, handle) = ScriptedLink::new(script);
        Self { screen: Screenless::new(|_| Box::new(link)), handle, repaint_after: Duration::ZERO }
    }

    fn draw(&mut self) {
        self.repaint_after = self.screen.draw();
    }

    /// Median and worst CPU time, milliseconds.
    fn measure(&mut self, mut change: impl FnMut(&mut Self, usize)) -> (f64, f64) {
        let mut times: Vec<f64> = (0..NUM_FRAMES)
            .map(|frame| {
                change(self, frame);
                let before = ThreadTime::now();
                self.draw();
                before.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[times.len() - 1])
    }

    /// Draws until nothing is under way, or for a while.
    fn settle(&mut self) {
        for _ in 0..200 {
            self.draw();
            if self.repaint_after == Duration::MAX {
                return;
            }
        }
    }

    /// Frames until none is asked for any more; at most a hundred are drawn.
    fn idle_frames(&mut self) -> usize {
        let mut frames = 0;
        for _ in 0..100 {
            self.draw();
            if self.repaint_after == Duration::MAX {
                break;
            }
            frames += 1;
        }
        frames
    }
}

/// Asks, answers, and draws until all maps are made and the photo is there.
fn answer(window: &mut Window, script: &Script) {
    window.draw();
    window.screen.app.command(Command::AskThis("Describe this image in detail.".to_owned()));
    window.draw();
    let id = RunId(1);
    window.handle.say(Event::Started(id, Box::new(script.trace())));
    // A few rows serve all tokens: what a frame costs does not depend on how many different ones there are.
    let rows: Vec<_> = (0..4).map(|idx| script.row(idx)).collect();
    for idx in 0..NUM_TOKENS {
        let row = rows[idx % rows.len()].clone();
        window.handle.say(Event::Token(id, Box::new(script.token(idx)), Some(row)));
    }
    window.handle.say(Event::Finished { id, timings: Timings::default(), warnings: Vec::new() });
    let limit = Instant::now() + Duration::from_mins(2);
    loop {
        window.draw();
        let made = window.screen.app.derived().tokens.answer().count();
        if made == NUM_TOKENS && window.repaint_after == Duration::MAX {
            break;
        }
        assert!(Instant::now() < limit, "expected {NUM_TOKENS} maps within two minutes, found {made}");
    }
    assert!(window.screen.app.is_in_sight(Pane::Heads), "the grid is in sight");
}
