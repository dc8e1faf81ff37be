//! Models by hub id: what is in the cache, what could be, and the way from one to the other.
//!
//! [`fetch`] turns `owner/name` into a folder. The cache is the one that Python's `huggingface_hub` fills, with the same variables
//! ([`HubOptions::from_env`]), so what one fetched the other finds. Only what a checkpoint is read from is fetched: configuration,
//! tokenizer, chat template and safetensors; never pickles, which can run code. Every file is held against the hub's size and checksum before it
//! becomes part of a snapshot; what broke off stays as `.incomplete` and is continued.
//!
//! Every byte is waited for on a thread of its own, which the caller looks after ten times a second: a raised flag ends [`fetch`] at once, even while the
//! network is silent; the thread ends with its connection, [`Patience::stall`] later at the most.
//!
//! Without the feature `hub` there is no network code; what is in the cache is found all the same.

mod cache;
#[cfg(feature = "hub")]
mod download;
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
#[cfg(feature = "hub")]
mod store;

pub use cache::{CachedModel, cached_models};
pub use error::{HubError, size_label};
pub use fetch::{FetchEvent, FetchProgress, fetch};
pub use id::{BadHubId, HubId};
pub use known::{KNOWN_MODELS, KnownModel, memory_bytes};
pub use options::{HubOptions, Patience, Token};
