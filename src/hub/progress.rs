//! What is told while a model is fetched.

use super::error::size_label;

/// How far fetching has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchProgress<'a> {
    /// The file at hand.
    pub file: &'a str,
    /// What there is of it, **units** bytes.
    pub file_bytes: u64,
    /// Its size.
    pub file_total: u64,
    /// Which of the files it is, from 1.
    pub file_number: usize,
    /// Files to fetch.
    pub num_files: usize,
    /// What there is of all of them.
    pub bytes: u64,
    /// Their size.
    pub total: u64,
}

impl FetchProgress<'_> {
    /// 0..=1 of all bytes.
    pub fn share(&self) -> f32 {
        #[expect(clippy::cast_possible_truncation, reason = "a share in 0..=1")]
        let share = (self.bytes as f64 / self.total.max(1) as f64).min(1.0) as f32;
        share
    }

    /// One line for people.
    pub fn label(&self) -> String {
        let Self { file, file_bytes, file_total, file_number, num_files, bytes, total } = *self;
        format!(
            "Downloading {file}: {} of {} (file {file_number} of {num_files}, {} of {} in all)",
            size_label(file_bytes),
            size_label(file_total),
            size_label(bytes),
            size_label(total)
        )
    }
}

/// What is told while a model is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchEvent<'a> {
    /// The hub at this address is asked; nothing may come of it when everything is there.
    Asking(&'a str),
    /// Something a user should know: "The connection broke off, trying again".
    Note(&'a str),
    /// Bytes came.
    Progress(FetchProgress<'a>),
}

/// Gets what is told.
pub(super) type Tell<'a> = &'a mut dyn FnMut(FetchEvent<'_>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_one_line_with_the_file_and_the_whole() {
        let progress = FetchProgress {
            file: "model-00001-of-00003.safetensors",
            file_bytes: 1_200_000_000,
            file_total: 4_900_000_000,
            file_number: 5,
            num_files: 9,
            bytes: 3_500_000_000,
            total: 14_000_000_000,
        };
        assert_eq!(progress.share().to_string(), "0.25", "of all bytes");
        let label = progress.label();
        let expected = "model-00001-of-00003.safetensors: 1.2 GB of 4.9 GB (file 5 of 9, 3.5 GB of 14.0 GB in all)";
        assert!(label.ends_with(expected), "{label}");
    }
}
