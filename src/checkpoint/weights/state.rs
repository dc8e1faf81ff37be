//! Whether the weights on disk are still those that were opened.

use super::hash::weight_hash;
use super::mapping::{Change, MappedFile};
use super::shard::Shard;
use crate::checkpoint::CheckpointError;
use std::path::Path;

/// The files of an open model. Large ones stay on disk, so what happens to them there happens to the model.
#[derive(Debug, Clone)]
pub struct WeightFiles {
    shards: Vec<Shard>,
    /// Of when they were opened.
    hash: String,
}

impl WeightFiles {
    pub(super) fn new(shards: &[Shard], hash: &str) -> Self {
        Self { shards: shards.to_vec(), hash: hash.to_owned() }
    }

    /// Whether every weight that was read was there: to be asked after each step, before its result is believed.
    ///
    /// **Errors**: a file that was truncated, and read where it no longer is.
    pub fn expect_whole(&self) -> Result<(), CheckpointError> {
        let lost = self.shards.iter().find(|shard| shard.mapped_file().is_some_and(MappedFile::is_lost));
        lost.map_or(Ok(()), |shard| Err(CheckpointError::Lost { path: shard.path().to_owned() }))
    }

    /// Whether the files are those that were opened: to be asked before each question. Returns what the user should
    /// know.
    ///
    /// **Errors**: a file that was written into, or truncated.
    pub fn expect_unchanged(&self) -> Result<Vec<String>, CheckpointError> {
        self.expect_whole()?;
        match self.with(Change::Written).first() {
            Some(path) => Err(CheckpointError::Changed { path: (*path).to_owned() }),
            None => Ok(self.replaced()),
        }
    }

    /// What happened to the files while a question was answered, for the user.
    pub fn warnings(&self) -> Vec<String> {
        let written = self.with(Change::Written).into_iter().map(|path| {
            let path = path.display();
            format!(
                "The weights changed while the question was answered, so it may be of two models; open the model \
                 again: {path}"
            )
        });
        written.chain(self.replaced()).collect()
    }

    fn replaced(&self) -> Vec<String> {
        let replaced = self.with(Change::Replaced).into_iter();
        replaced
            .map(|path| {
                format!(
                    "Other weights lie where those of the open model were; the answer is of the open ones: {}",
                    path.display()
                )
            })
            .collect()
    }

    /// The files to which this has happened. What was only touched is compared by its content.
    fn with(&self, change: Change) -> Vec<&Path> {
        let files = self.shards.iter().filter_map(|shard| Some((shard.path(), shard.mapped_file()?)));
        let changes: Vec<_> = files.map(|(path, file)| (path, file, file.change())).collect();
        let was_touched = changes.iter().any(|(.., change)| *change == Change::Touched);
        let is_same = was_touched && weight_hash(&self.shards) == self.hash;
        if is_same {
            changes.iter().filter(|(.., change)| *change == Change::Touched).for_each(|(_, file, _)| file.accept());
        }
        let found = |found: Change| match found {
            Change::Touched if is_same => Change::None,
            Change::Touched => Change::Written,
            other => other,
        };
        changes.into_iter().filter(|(.., one)| found(*one) == change).map(|(path, ..)| path).collect()
    }
}
