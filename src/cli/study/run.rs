//! `gazelens study run`.

use super::super::failure::Failure;
use super::super::{output, source};
use super::args::RunArgs;
use crate::engine::{LoadRequest, OpenModel};
use crate::files;
use crate::study::store::Shard;
use crate::study::{Study, StudyData, StudyProgress, StudyRun, StudySummary, clip_of, model_of};
use anyhow::anyhow;
use serde_json::json;
use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let mut study = Study::open(&args.study)?;
    if let Some(model) = &args.model {
        study.model.id.clone_from(model);
    }
    let shard = shard(args)?;
    crate::study::Setting::all(&study, &args.study)?;
    let mut request = request(&study, args)?;
    let looker_name = clip_of(&study, &args.study);
    let mut looker = looker_name.as_deref().map(|name| load(name, None, args)).transpose()?;
    // Until the first row a signal ends the program; from then on it ends it behind a row.
    let cancel = AtomicBool::new(false);
    let data = StudyData::open(&study, &args.study, &cancel)?;
    for text in &data.warnings {
        output::warning(text);
    }
    source::fetch(&mut request)?;
    if let Some(looker) = &mut looker {
        source::fetch(looker)?;
    }
    let model = OpenModel::open(&request, &mut |_, _| {}, &cancel)?;
    let looker = looker.map(|request| OpenModel::open(&request, &mut |_, _| {}, &cancel)).transpose()?;
    for text in &model.info().warnings {
        output::warning(text);
    }
    let finish = files::finish_on_signals();
    let run = StudyRun {
        study: &study,
        file: &args.study,
        data: &data,
        model: &model,
        looker: looker.as_ref(),
        out: &args.out,
        shard,
        limit: args.limit,
        one_by_one: args.one_by_one,
    };
    let mut lines = Lines::new(args.json);
    let summary = run.run(&mut |now| lines.tell(now), &finish, &cancel);
    lines.end();
    let summary = summary?;
    for text in &summary.failures {
        output::warning(&format!("No answer: {text}"));
    }
    output::note(&words(&summary, args));
    Ok(())
}

fn words(summary: &StudySummary, args: &RunArgs) -> String {
    let StudyProgress { total, done, failed, before, .. } = summary.progress;
    let answered = if before > 0 {
        format!("{done} of {total} rows, {before} of them from before")
    } else {
        format!("{done} of {total} rows")
    };
    let failed =
        if failed > 0 { format!(", {failed} without an answer (asked again the next time)") } else { String::new() };
    let stopped = if summary.is_stopped { "Stopped: the same command goes on. " } else { "" };
    format!("{stopped}{answered}{failed}: {}", args.out.display())
}

/// The part that was named, or that of a task of a Slurm array.
fn shard(args: &RunArgs) -> Result<Shard, Failure> {
    if let Some(shard) = args.shard {
        return Ok(shard);
    }
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.trim().parse::<usize>().ok());
    let Some(id) = number("SLURM_ARRAY_TASK_ID") else { return Ok(Shard::WHOLE) };
    let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(0);
    let count = number("SLURM_ARRAY_TASK_COUNT").unwrap_or(1);
    match id.checked_sub(first) {
        Some(index) if index < count => Ok(Shard { index, count }),
        _ => Err(Failure::usage(anyhow!(
            "Expected a Slurm array with task numbers in a row (such as --array=0-3), found task {id} of {count} from \
                {first}; give --shard"
        ))),
    }
}

fn request(study: &Study, args: &RunArgs) -> Result<LoadRequest, Failure> {
    let found = model_of(study, &args.study);
    // What stands on the command line is seen from where one is.
    load(args.model.as_ref().unwrap_or(&found.id), found.mmproj.as_deref(), args)
}

fn load(name: &str, mmproj: Option<&Path>, args: &RunArgs) -> Result<LoadRequest, Failure> {
    Ok(args.place.request(source::model_source(name, mmproj)?))
}

/// Progress: one changing line on a terminal, a line now and then elsewhere, JSON lines if wanted.
struct Lines {
    json: bool,
    terminal: bool,
    told: Option<Instant>,
    open: bool,
}

impl Lines {
    const PAUSE: Duration = Duration::from_secs(10);

    fn new(json: bool) -> Self {
        Self { json, terminal: std::io::stderr().is_terminal(), told: None, open: false }
    }

    fn tell(&mut self, now: StudyProgress) {
        if self.json {
            let line = json!({
                "total": now.total, "done": now.done, "failed": now.failed, "before": now.before,
                "elapsed_secs": now.elapsed_secs, "rows_per_sec": now.per_sec(), "secs_left": now.secs_left(),
                "rss_bytes": output::rss_bytes(),
            });
            // A reader that has gone away ends no study.
            let _ = output::json_line(&line);
            return;
        }
        let pause = if self.terminal { Duration::from_millis(100) } else { Self::PAUSE };
        if self.told.is_some_and(|told| told.elapsed() < pause) && now.done < now.total {
            return;
        }
        self.told = Some(Instant::now());
        let left = now.secs_left().map_or(String::new(), |secs| format!(", {} left", duration(secs)));
        let memory =
            output::rss_bytes().map_or(String::new(), |bytes| format!(", {:.1} GB of memory", bytes as f64 / 1e9));
        let text = format!("{} of {} rows, {:.2} a second{left}{memory}", now.done, now.total, now.per_sec());
        if self.terminal {
            output::changing_line(&text);
            self.open = true;
        } else {
            output::note(&text);
        }
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            output::note("");
        }
    }
}

fn duration(secs: f64) -> String {
    match secs {
        secs if secs < 90.0 => format!("{secs:.0} s"),
        secs if secs < 5400.0 => format!("{:.0} min", secs / 60.0),
        secs => format!("{:.1} h", secs / 3600.0),
    }
}
