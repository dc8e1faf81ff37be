//! Scripts for a cluster: an array of tasks that are shards of one run, and a job behind it that merges them.

use std::fmt::Write as _;
use std::path::Path;

/// What a run on a cluster is started with. Paths are absolute.
#[derive(Debug, Clone, Copy)]
pub struct SlurmJob<'a> {
    /// The program.
    pub program: &'a Path,
    /// The study's file.
    pub study: &'a Path,
    /// Folder of the run.
    pub out: &'a Path,
    /// Shards, each a task of the array.
    pub num_tasks: usize,
    /// Options of `sbatch` for the array, such as `--gres=gpu:1`.
    pub options: &'a [String],
    /// Further words of `gazelens study run`.
    pub arguments: &'a [String],
}

/// Seconds before the time limit at which a task is told to end behind a row.
const SECONDS_BEFORE: u32 = 120;

/// Options that say where and for whom a job runs: they count for the merge job, too.
const FOR_BOTH: [&str; 10] =
    ["--partition", "-p", "--account", "-A", "--qos", "-q", "--clusters", "-M", "--reservation", "--wckey"];

impl SlurmJob<'_> {
    /// The array. A task that comes near its time limit ends behind a row and is put into the queue again.
    pub fn array_script(&self) -> String {
        let mut text = self.head("gazelens", &format!("{}/logs/%A-%a.out", for_slurm(self.out)));
        let _ = writeln!(text, "#SBATCH --array=0-{}", self.num_tasks.saturating_sub(1));
        text += "#SBATCH --open-mode=append\n#SBATCH --requeue\n";
        let _ = writeln!(text, "#SBATCH --signal=B:USR1@{SECONDS_BEFORE}");
        for option in self.options {
            let _ = writeln!(text, "#SBATCH {option}");
        }
        text += "\n# Near the time limit the program ends behind a row, and the task waits for its next turn.\n\
            requeue=\n\
            child=\n\
            trap 'requeue=yes; [ -z \"$child\" ] || kill -TERM \"$child\"' USR1\n\
            trap '[ -z \"$child\" ] || kill -TERM \"$child\"' TERM INT\n";
        let words: Vec<String> = self.arguments.iter().map(|word| quoted(word)).collect();
        let threads = if self.arguments.iter().any(|word| word == "--threads") {
            ""
        } else {
            " ${SLURM_CPUS_PER_TASK:+--threads \"$SLURM_CPUS_PER_TASK\"}"
        };
        let _ = writeln!(
            text,
            "{} study run {} --out {} --shard \"$SLURM_ARRAY_TASK_ID/{}\"{threads}{}{} &",
            shown(self.program),
            shown(self.study),
            shown(self.out),
            self.num_tasks,
            if words.is_empty() { "" } else { " " },
            words.join(" "),
        );
        text += "child=$!\n\
            wait \"$child\"\n\
            status=$?\n\
            # A signal ends the first wait before the program ends.\n\
            while kill -0 \"$child\" 2>/dev/null; do\n    wait \"$child\"\n    status=$?\ndone\n\
            if [ -n \"$requeue\" ] && [ \"$status\" -eq 0 ]; then\n\
            \x20   scontrol requeue \"${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}\"\nfi\n\
            exit \"$status\"\n";
        text
    }

    /// The job behind the array.
    pub fn merge_script(&self) -> String {
        let mut text = self.head("gazelens-merge", &format!("{}/logs/merge-%j.out", for_slurm(self.out)));
        for option in self.options {
            let name = option.split(['=', ' ']).next().unwrap_or_default();
            // Short options may have their value behind them without a space.
            let is_short = FOR_BOTH.iter().any(|known| known.len() == 2 && name.starts_with(known));
            if is_short || FOR_BOTH.contains(&name) {
                let _ = writeln!(text, "#SBATCH {option}");
            }
        }
        let _ = write!(text, "\nexec {} study merge {}\n", shown(self.program), shown(self.out));
        text
    }

    fn head(&self, name: &str, output: &str) -> String {
        format!(
            "#!/bin/bash\n#SBATCH --job-name={name}\n#SBATCH --output=\"{output}\"\n#SBATCH --chdir=\"{}\"\n",
            self.out.display()
        )
    }
}

/// A path as Slurm takes it in the name of an output: % begins a number.
fn for_slurm(path: &Path) -> String {
    path.display().to_string().replace('%', "%%")
}

fn shown(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// One word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_name_everything_by_its_whole_path() {
        let options = ["--gres=gpu:1".to_owned(), "--partition=long".to_owned(), "-Ame".to_owned()];
        let arguments = ["--model".to_owned(), "/m/it's mine".to_owned()];
        let job = SlurmJob {
            program: Path::new("/usr/bin/gazelens"),
            study: Path::new("/data/a b/s.toml"),
            out: Path::new("/data/100%"),
            num_tasks: 4,
            options: &options,
            arguments: &arguments,
        };
        let array = job.array_script();
        let run = "/usr/bin/gazelens study run '/data/a b/s.toml' --out /data/100% --shard \"$SLURM_ARRAY_TASK_ID/4\" \
            ${SLURM_CPUS_PER_TASK:+--threads \"$SLURM_CPUS_PER_TASK\"} --model '/m/it'\\''s mine' &\n";
        for line in
            [run, "#SBATCH --array=0-3\n", "#SBATCH --output=\"/data/100%%/logs/%A-%a.out\"\n", "--gres=gpu:1\n"]
        {
            assert!(array.contains(line), "{line}: {array}");
        }
        let merge = job.merge_script();
        assert!(merge.ends_with("\nexec /usr/bin/gazelens study merge /data/100%\n"), "{merge}");
        assert!(merge.contains("#SBATCH --partition=long\n#SBATCH -Ame\n") && !merge.contains("gres"), "{merge}");
    }
}
