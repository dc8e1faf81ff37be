//! How a command ends badly.

/// Exit status 1 or 2, and the sentence for it.
#[derive(Debug)]
pub(super) enum Failure {
    /// The command line was wrong: 2.
    Usage(anyhow::Error),
    /// The work failed: 1.
    Work(anyhow::Error),
}

impl Failure {
    /// The command line was wrong.
    pub(super) fn usage(err: impl Into<anyhow::Error>) -> Self {
        Self::Usage(err.into())
    }

    pub(super) fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Work(_) => 1,
        }
    }

    /// The whole story in one line.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Usage(err) | Self::Work(err) => format!("{err:#}"),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(err: E) -> Self {
        Self::Work(err.into())
    }
}
