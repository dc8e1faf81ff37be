//! Two hundred questions to the demo model through the worker, a part of them stopped at random moments: nothing leaks,
//! fails or hangs.

use gazelens::engine::{
    DevicePreference, DtypePreference, Event, ImageSource, LoadRequest, ModelInfo, ModelSource, Prompt, PromptRows,
    Question, RecordOptions, Request, RunId, Worker,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

const QUESTIONS: u64 = 200;
/// By then caches, thread stacks and the allocator's pools have their size.
const WARM: u64 = 60;
/// An answer holds about 2 MB of rows; keeping one in ten would show.
const MOST_GROWTH_BYTES: u64 = 24 << 20;
const STUCK: Duration = Duration::from_mins(2);

/// Xorshift: the same moments in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

fn next(worker: &mut Worker) -> Event {
    let started = Instant::now();
    loop {
        if let Some(event) = worker.try_recv() {
            return event;
        }
        assert!(started.elapsed() < STUCK, "the worker is stuck");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn open(worker: &mut Worker) -> Arc<ModelInfo> {
    let request = LoadRequest { source: ModelSource::Demo, device: DevicePreference::Cpu, dtype: DtypePreference::F32 };
    worker.send(Request::Load(request));
    loop {
        match next(worker) {
            Event::Loaded(info) => return info,
            Event::Loading { .. } => {}
            other => panic!("the demo model opens, found {other:?}"),
        }
    }
}

fn question(image: &str, words: &str, prompt_rows: PromptRows) -> Question {
    Question {
        max_new_tokens: 40,
        record: RecordOptions { prompt_rows, ..RecordOptions::default() },
        ..Question::new(ImageSource::Bundled(image.to_owned()), Prompt::Templated(words.to_owned()))
    }
}

/// When a question is stopped.
#[derive(Debug, Clone, Copy)]
enum Stop {
    Never,
    AfterTokens(u64),
    AfterMicros(u64),
}

/// The text, and, if it came to its end, the bytes kept for further questions.
fn ask(worker: &mut Worker, id: u64, question: Question, stop: Stop) -> (String, Option<u64>) {
    let id = RunId(id);
    worker.send(Request::Ask(id, Box::new(question)));
    if let Stop::AfterMicros(micros) = stop {
        std::thread::sleep(Duration::from_micros(micros));
        worker.cancel(id);
    }
    let (mut text, mut tokens, mut started) = (String::new(), 0, false);
    loop {
        match next(worker) {
            Event::Stage(of, _) => assert_eq!(of, id, "stages are those of this question"),
            Event::Started(of, trace) => {
                assert!(of == id && !started, "a question starts once");
                assert!(trace.vision.is_some() && trace.output.is_empty(), "the start knows the vision and no token");
                started = true;
            }
            Event::Token(of, token, row) => {
                assert!(of == id && started, "tokens come after the start");
                let row = row.expect("the budget holds every row of the demo");
                assert!(row.to_f32().iter().all(|value| value.is_finite()), "every value is finite");
                tokens += 1;
                if !token.special {
                    text.push_str(&token.text);
                }
                if let Stop::AfterTokens(limit) = stop
                    && tokens == limit
                {
                    worker.cancel(id);
                }
            }
            Event::Finished { id: of, timings, .. } => {
                assert_eq!(of, id, "the end is that of this question");
                return (text, Some(timings.kept.held_bytes));
            }
            Event::Cancelled(of) => {
                assert!(of == id && !matches!(stop, Stop::Never), "only what was stopped stops");
                return (text, None);
            }
            other => panic!("no error in any of the questions, found {other:?}"),
        }
    }
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

#[test]
fn two_hundred_questions_leave_nothing_behind() {
    let mut worker = Worker::new(Arc::new(|| {}));
    let info = open(&mut worker);
    let images = gazelens::data::demo::IMAGES;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let reference = || question(images[0].file_name, &info.suggested_prompts[0], PromptRows::None);
    let (before, _) = ask(&mut worker, 0, reference(), Stop::Never);

    let (mut finished, mut cancelled, mut kept, mut warm) = (0, 0, 0, None);
    for id in 1..=QUESTIONS {
        let image = images[usize::try_from(random.below(images.len() as u64)).expect("small")].file_name;
        let prompts = &info.suggested_prompts;
        let words = &prompts[usize::try_from(random.below(prompts.len() as u64)).expect("small")];
        let rows = if random.below(4) == 0 { PromptRows::All } else { PromptRows::None };
        let stop = match random.below(4) {
            0 => Stop::AfterTokens(1 + random.below(12)),
            1 => Stop::AfterMicros(random.below(60_000)),
            _ => Stop::Never,
        };
        match ask(&mut worker, id, question(image, words, rows), stop) {
            (_, Some(bytes)) => {
                finished += 1;
                kept = bytes;
            }
            (_, None) => cancelled += 1,
        }
        if id == WARM {
            warm = resident_bytes().map(|bytes| (bytes, kept));
        }
    }
    assert!(finished > 50 && cancelled > 30, "both ways to end were taken: {finished} finished, {cancelled} stopped");

    let (after, kept_last) = ask(&mut worker, QUESTIONS + 1, reference(), Stop::Never);
    assert_eq!(before, after, "what was stopped leaves no trace in later answers");
    match (warm, resident_bytes()) {
        (Some((warm, kept_warm)), Some(now)) => {
            // What is kept between questions grows to its budget, on purpose.
            let kept = kept_last.unwrap_or(kept).saturating_sub(kept_warm);
            let growth = now.saturating_sub(warm).saturating_sub(kept);
            println!(
                "{finished} finished, {cancelled} stopped; after question {WARM} memory grew by {growth} bytes besides \
                    {kept} kept for further questions"
            );
            assert!(growth < MOST_GROWTH_BYTES, "memory is flat, found {growth} bytes more after question {WARM}");
        }
        _ => println!("Not run: this system does not tell how much memory a process holds"),
    }
}
