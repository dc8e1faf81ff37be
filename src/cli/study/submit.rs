//! `gazelens study submit`: a study as an array of jobs on a cluster, with a job behind it that merges.

use super::super::common_args::{Dtype, at_least_one, thread_count};
use super::super::failure::Failure;
use super::super::output;
use crate::engine::DevicePreference;
use crate::files;
use crate::study::{Setting, SlurmJob, Study};
use anyhow::anyhow;
use clap::{Args, ValueEnum as _};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of `gazelens study submit`.
#[derive(Debug, Args)]
pub(in crate::cli) struct SubmitArgs {
    /// The study, a TOML file.
    #[arg(value_name = "S.toml")]
    pub(super) study: PathBuf,
    /// Folder of the run, which every node of the cluster sees.
    #[arg(long, value_name = "RUN")]
    pub(super) out: PathBuf,
    /// Tasks of the array, each a part of the study.
    #[arg(long, value_name = "N", value_parser = at_least_one, allow_negative_numbers = true)]
    pub(super) tasks: usize,
    /// Write the scripts and submit nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// An option of sbatch for every task, such as --gres=gpu:1 or --time=04:00:00. Repeatable.
    #[arg(long, value_name = "OPTION", value_parser = sbatch_option, allow_hyphen_values = true)]
    pub(super) sbatch_option: Vec<String>,
    /// In place of the study's model: `demo`, a folder, a GGUF decoder or a hub id.
    #[arg(long, value_name = "MODEL", help_heading = "Model")]
    pub(super) model: Option<String>,
    /// Where to run: auto, cpu, cuda[:N] or metal[:N].
    #[arg(long, value_name = "DEVICE", value_parser = device, help_heading = "Model")]
    pub(super) device: Option<String>,
    /// Type to compute in.
    #[arg(long, value_enum, help_heading = "Model")]
    pub(super) dtype: Option<Dtype>,
    /// Threads of a task; the CPUs that Slurm gives it unless given.
    #[arg(long, value_name = "N", value_parser = thread_count, help_heading = "Model", allow_negative_numbers = true)]
    pub(super) threads: Option<usize>,
}

fn sbatch_option(text: &str) -> Result<String, String> {
    let is_option = text.starts_with('-') && !text.contains(char::is_control);
    if is_option {
        Ok(text.to_owned())
    } else {
        Err("expected an option of sbatch, such as --time=04:00:00".to_owned())
    }
}

fn device(text: &str) -> Result<String, String> {
    text.parse::<DevicePreference>().map(|_| text.to_owned())
}

pub(super) fn run(args: &SubmitArgs) -> Result<(), Failure> {
    let study = Study::open(&args.study)?;
    Setting::all(&study, &args.study)?;
    let absolute = |path: &Path| {
        let found = std::path::absolute(path).map_err(|err| anyhow!("{}: {}", files::reason(&err), path.display()))?;
        // Slurm reads its own lines of a script, and has no way to write these.
        match found.to_str().filter(|text| !text.contains(|c: char| c.is_control() || c == '"')) {
            Some(_) => Ok(found),
            None => Err(anyhow!("Expected a path that a script can name, found {}", path.display())),
        }
    };
    let program = std::env::current_exe().map_err(|err| anyhow!("Cannot find this program: {err}"))?;
    let (program, file, out) = (absolute(&program)?, absolute(&args.study)?, absolute(&args.out)?);
    let arguments = arguments(args)?;
    let job = SlurmJob {
        program: &program,
        study: &file,
        out: &out,
        num_tasks: args.tasks,
        options: &args.sbatch_option,
        arguments: &arguments,
    };
    let write = |path: &Path, err: &std::io::Error| {
        anyhow!("Cannot write the scripts: {}: {}", files::reason(err), path.display())
    };
    let logs = out.join("logs");
    std::fs::create_dir_all(&logs).map_err(|err| write(&logs, &err))?;
    let [array, merge] = ["submit.sh", "merge.sh"].map(|name| out.join(name));
    for (path, text) in [(&array, job.array_script()), (&merge, job.merge_script())] {
        files::replace(path, |file| file.write_all(text.as_bytes())).map_err(|err| write(path, &err))?;
    }
    if args.dry_run {
        let (array, merge) = (array.display(), merge.display());
        return Ok(output::line(&format!("sbatch {array}\nsbatch --dependency=afterany:JOB {merge}"))?);
    }
    let first = submit(&["--parsable"], &array, &[&array, &merge])?;
    let dependency = format!("--dependency=afterany:{first}");
    let second = submit(&["--parsable", &dependency], &merge, &[&merge])?;
    let tasks = if args.tasks == 1 { "1 task".to_owned() } else { format!("{} tasks", args.tasks) };
    Ok(output::line(&format!("Job {first}: {tasks}\nJob {second}: merges behind them"))?)
}

/// What passes on to every task.
fn arguments(args: &SubmitArgs) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    if let Some(model) = &args.model {
        let path = Path::new(model);
        let is_path = path.exists();
        let whole = std::path::absolute(path).ok().and_then(|path| path.to_str().map(str::to_owned));
        let whole = whole.ok_or_else(|| anyhow!("Cannot use the name of --model, as it is not UTF-8: {model}"))?;
        words.extend(["--model".to_owned(), if is_path { whole } else { model.clone() }]);
    }
    if let Some(device) = &args.device {
        words.extend(["--device".to_owned(), device.clone()]);
    }
    if let Some(dtype) = args.dtype.and_then(|dtype| dtype.to_possible_value()) {
        words.extend(["--dtype".to_owned(), dtype.get_name().to_owned()]);
    }
    if let Some(threads) = args.threads {
        words.extend(["--threads".to_owned(), threads.to_string()]);
    }
    Ok(words)
}

/// Gives a script to `sbatch`; returns the job's number.
fn submit(options: &[&str], script: &Path, left: &[&PathBuf]) -> Result<String, Failure> {
    let waiting = left.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ");
    let found = Command::new("sbatch").args(options).arg(script).output().map_err(|err| match err.kind() {
        ErrorKind::NotFound => anyhow!("Expected Slurm's sbatch, found no such program; not submitted: {waiting}"),
        _ => anyhow!("Cannot run sbatch: {}; not submitted: {waiting}", files::reason(&err)),
    })?;
    let text = String::from_utf8_lossy(&found.stdout);
    // `NUMBER`, or `NUMBER;CLUSTER`.
    let number = text.trim().split(';').next().unwrap_or_default().to_owned();
    if found.status.success() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(number);
    }
    let told = String::from_utf8_lossy(&found.stderr);
    let why = told.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(anyhow!("sbatch refused: {}; not submitted: {waiting}", if why.is_empty() { text.trim() } else { &why }).into())
}
