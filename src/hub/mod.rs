//! Models by hub id: what is in the cache, what could be, and the way from one to the other.
//!
//! [`fetch`] turns `owner/name` into a folder. The cache is the one that Python's `huggingface_hub` fills, with the
//! same variables ([`HubOptions::from_env`]), so what one fetched the other finds. Only what a checkpoint is read from
//! is fetched: configuration, tokenizer, chat template and safetensors; never pickles, which can run code. Every file
//! is held against the hub's size and checksum before it becomes part of a snapshot; what broke off stays as
//! `.incomplete` and is continued.
//!
//! Every byte is waited for on a thread of its own, which the caller looks after twenty times a second: a raised flag
//! ends [`fetch`] at once, even while the network is silent, and cuts the connection, which ends the thread.
//!
//! # What a hub can make this program do, at most
//!
//! * **Write** the sizes that it lists, as far as the disk has room; 256 MB of each small file, of which there may be
//!   200 (tests `what_has_no_end_is_not_written_for_ever`, `a_file_is_as_large_as_what_reads_it_allows`).
//! * **Read into memory** 32 MB of an answer and 64 KiB of its head (test `answers_without_end_are_given_up`).
//! * **Ask again** a question twice, and for a file five times in a row without another [`Patience::progress_bytes`]
//!   beyond the most that there ever was of it (test `a_hub_that_brings_nothing_new_is_given_up`).
//! * **Wait** for [`Patience::stall`] in silence, for [`Patience::progress_within`] at less than about a kilobyte a
//!   second, and five times that for an answer that is no file (test `what_comes_too_slowly_is_given_up`).
//! * **Learn** the token, at its own scheme, host and port only (test `the_token_stays_with_scheme_host_and_port`).
//!
//! Without the feature `hub` there is no network code; what is in the cache is found all the same.

#[cfg(feature = "hub")]
mod address;
mod cache;
#[cfg(feature = "hub")]
mod download;
mod endpoint;
mod error;
mod fetch;
mod id;
mod index;
mod known;
#[cfg(feature = "hub")]
mod listing;
#[cfg(feature = "hub")]
mod net;
#[cfg(feature = "hub")]
mod online;
mod options;
mod progress;
#[cfg(feature = "hub")]
mod store;
mod token;
#[cfg(feature = "hub")]
mod watch;

pub use cache::{CachedModel, cached_models};
pub use endpoint::Endpoint;
pub use error::{HubError, size_label};
pub use fetch::fetch;
pub use id::{BadHubId, HubId};
pub use known::{KNOWN_MODELS, KnownModel, memory_bytes};
pub use options::{HubOptions, Patience};
pub use progress::{FetchEvent, FetchProgress};
pub use token::Token;
