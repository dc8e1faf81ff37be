//! Asking the hub what a model consists of, and fetching that.

use super::cache::RepoCache;
use super::download::{Fetcher, Listener, Task};
use super::error::{HubError, size_label};
use super::id::HubId;
use super::index::{CONFIG, SAFETENSORS, shards};
use super::listing::{self, ContentName, Listing, RemoteFile, Weights};
use super::net::{Head, Hub, NetError};
use super::options::HubOptions;
use super::progress::{FetchEvent, FetchProgress, Tell};
use super::watch::Watch;
use crate::files;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Least time between two reports of progress: each of them wakes the window.
const REPORT_EVERY: Duration = Duration::from_millis(100);
/// Questions to the hub that fail are asked once more, unless the cache has an answer.
const QUESTIONS: u32 = 2;
/// Small files of a model: a checkpoint reads about ten.
const MOST_SMALL_FILES: usize = 200;

/// One model being fetched.
struct Session<'a> {
    id: &'a HubId,
    options: &'a HubOptions,
    hub: Hub,
    cache: RepoCache,
    cancel: &'a AtomicBool,
    questions: u32,
}

/// See [`super::fetch()`]. `has_copy`: the cache holds a complete one, so that a silent hub is not worth a long wait.
pub(super) fn fetch(
    id: &HubId,
    options: &HubOptions,
    has_copy: bool,
    tell: Tell<'_>,
    cancel: &AtomicBool,
) -> Result<PathBuf, HubError> {
    let hub = Hub::new(options);
    if !hub.has_address() {
        return Err(HubError::Endpoint { found: options.endpoint.to_string() });
    }
    tell(FetchEvent::Asking(options.endpoint.address()));
    let session = Session {
        id,
        options,
        hub,
        cache: RepoCache::new(&options.cache, id),
        cancel,
        questions: if has_copy { 1 } else { QUESTIONS },
    };
    let revision = id.revision().unwrap_or("main");
    let listing = session.listing(revision)?;
    match listing::weights(id, &listing) {
        Ok(weights) => session.snapshot(revision, &listing, weights, tell),
        Err(pickles @ HubError::OnlyPickles { .. }) if id.revision().is_none() => {
            let Some(revision) = session.conversion()? else { return Err(pickles) };
            tell(FetchEvent::Note(&format!("{id} holds pickled weights: the hub's conversion {revision} is taken")));
            let listing = session.listing(&revision)?;
            let weights = listing::weights(id, &listing)?;
            session.snapshot(&revision, &listing, weights, tell)
        }
        Err(err) => Err(err),
    }
}

impl Session<'_> {
    /// What a refusal of a question about the model means.
    fn refusal(&self, revision: &str, status: u16, code: Option<&str>, what: &str) -> HubError {
        let (id, token_file) = (self.id.clone(), self.options.token_file.clone());
        match (status, code) {
            (_, Some("RevisionNotFound")) => HubError::NoRevision { id, revision: revision.to_owned() },
            (_, Some("RepoNotFound")) | (404, None) => HubError::NotFound { id, token_file },
            (401 | 403, _) => {
                let page = format!("{}/{}", self.options.endpoint, id.repo());
                HubError::Gated { id, status, page, token_file }
            }
            _ => HubError::Status { what: format!("{what} of {id}"), status },
        }
    }

    /// What a refusal of one of its files means.
    fn refusal_of_file(&self, revision: &str, status: u16, code: Option<&str>, file: &str) -> HubError {
        match (status, code) {
            // The model was found, or there would be no list of its files.
            (404, None) | (_, Some("EntryNotFound")) => HubError::NoFile { file: self.title(file) },
            _ => self.refusal(revision, status, code, file),
        }
    }

    fn title(&self, file: &str) -> String {
        format!("{file} of {}", self.id)
    }

    /// Asks until there is an answer that says something, as often and as long as a question is worth.
    fn answer<T>(
        &self,
        refusal: &dyn Fn(&Head) -> HubError,
        ask: impl Fn(&mut Watch) -> Result<(Head, T), NetError>,
    ) -> Result<(Head, T), HubError> {
        let mut watch = Watch::of_answer(self.options.patience);
        let mut last = String::new();
        for _ in 0..self.questions {
            match ask(&mut watch) {
                Ok((head, answer)) if (200..400).contains(&head.status) => return Ok((head, answer)),
                Ok((head, _)) if head.status == 429 || head.status >= 500 => last = format!("status {}", head.status),
                Ok((head, _)) => return Err(refusal(&head)),
                Err(NetError::Cancelled) => return Err(HubError::Cancelled),
                Err(NetError::TooSlow) => return Err(self.no_connection(watch.too_slow())),
                Err(NetError::Broken(reason)) => last = reason,
            }
        }
        Err(self.no_connection(last))
    }

    /// The answer to a small question.
    fn ask(&self, path: &str, revision: &str, what: &str) -> Result<Vec<u8>, HubError> {
        let refusal = |head: &Head| self.refusal(revision, head.status, head.header("x-error-code"), what);
        let (head, body) = self.answer(&refusal, |watch| {
            let mut incoming = self.hub.get(path, 0, self.cancel, watch)?;
            let body = incoming.whole(watch)?;
            Ok((incoming.head.clone(), body))
        })?;
        if head.status == 200 { Ok(body) } else { Err(refusal(&head)) }
    }

    fn no_connection(&self, reason: String) -> HubError {
        HubError::NoConnection { id: self.id.clone(), endpoint: self.options.endpoint.to_string(), reason }
    }

    fn unreadable(&self, what: &str) -> impl FnOnce(String) -> HubError {
        let what = format!("{what} of {}", self.id);
        move |found| HubError::Response { what, found }
    }

    fn listing(&self, revision: &str) -> Result<Listing, HubError> {
        const WHAT: &str = "the list of files";
        let path = format!("/api/models/{}/revision/{}?blobs=true", self.id.repo(), escaped(revision));
        listing::listing(&self.ask(&path, revision, WHAT)?).map_err(self.unreadable(WHAT))
    }

    /// A revision with safetensors that the hub made of pickles; no answer is none.
    fn conversion(&self) -> Result<Option<String>, HubError> {
        let path =
            format!("/api/models/{}/discussions?author=SFconvertbot&type=pull_request&status=open", self.id.repo());
        match self.ask(&path, "main", "the conversions") {
            Ok(body) => Ok(listing::conversion(&body)),
            Err(HubError::Cancelled) => Err(HubError::Cancelled),
            Err(_) => Ok(None),
        }
    }

    /// Fetches what is missing of a snapshot; only then the revision's name points to it.
    fn snapshot(
        &self,
        revision: &str,
        listing: &Listing,
        weights: Weights,
        tell: Tell<'_>,
    ) -> Result<PathBuf, HubError> {
        let folder = self.cache.snapshot(&listing.commit);
        let (mut files, left) = listing::small_files(listing, self.options.small_file_bytes);
        if let Some(config) = left.iter().find(|file| file.name == CONFIG) {
            let most = size_label(self.options.small_file_bytes);
            return Err(HubError::TooLarge { file: self.title(&config.name), most });
        }
        for file in left {
            tell(FetchEvent::Note(&format!("{} is left out: it is larger than what is read", self.title(&file.name))));
        }
        let (id, most) = (self.id.clone(), MOST_SMALL_FILES);
        if !files.iter().any(|file| file.name == CONFIG) {
            return Err(HubError::NoCheckpoint { expected: CONFIG, id, found: "none".to_owned() });
        }
        if files.len() > most {
            let found = format!("{} files of configuration, which is more than {most}", files.len());
            return Err(HubError::NoCheckpoint { expected: "a few small files", id, found });
        }
        match weights {
            Weights::Files(weights) => files.extend(weights),
            Weights::Index(index) => {
                let path = folder.join(&index.name);
                self.files(revision, listing, vec![index], tell)?;
                let bytes = files::read(&path, self.options.small_file_bytes)
                    .map_err(HubError::disk("read the index of the weights", &path))?;
                let names = shards(&bytes).map_err(self.unreadable("the index of the weights"))?;
                for name in names {
                    let shard = listing.files.iter().find(|file| file.name == name).cloned();
                    files.push(shard.ok_or_else(|| HubError::NoCheckpoint {
                        expected: "every shard of its index",
                        id: self.id.clone(),
                        found: format!("no {name}"),
                    })?);
                }
            }
        }
        self.files(revision, listing, files, tell)?;
        self.cache.remember(revision, &listing.commit)?;
        Ok(folder)
    }

    /// Fetches those files that the snapshot lacks.
    fn files(&self, revision: &str, listing: &Listing, files: Vec<RemoteFile>, tell: Tell<'_>) -> Result<(), HubError> {
        let folder = self.cache.snapshot(&listing.commit);
        let missing = files.into_iter().filter(|file| !folder.join(&file.name).is_file());
        let tasks =
            missing.map(|file| self.task(revision, &listing.commit, file)).collect::<Result<Vec<Task>, HubError>>()?;
        self.expect_room(self.to_come(&tasks))?;
        let mut report = Report::new(&tasks, tell);
        let refusal =
            |status: u16, code: Option<&str>, task: &Task| self.refusal_of_file(revision, status, code, &task.name);
        let expect_room = |bytes: u64| self.expect_room(bytes);
        let fetcher = Fetcher {
            hub: &self.hub,
            cache: &self.cache,
            patience: self.options.patience,
            cancel: self.cancel,
            refusal: &refusal,
            expect_room: &expect_room,
        };
        for task in &tasks {
            report.next(task);
            fetcher.fetch(task, &mut report)?;
            self.cache.link(&listing.commit, &task.name, task.content.file_name())?;
            report.done();
        }
        Ok(())
    }

    /// Size and checksum of a file: of the list, or asked for.
    fn task(&self, revision: &str, commit: &str, file: RemoteFile) -> Result<Task, HubError> {
        let path = format!("/{}/resolve/{commit}/{}", self.id.repo(), escaped(&file.name));
        let RemoteFile { name, size, content } = file;
        let title = self.title(&name);
        let most = Some(self.options.small_file_bytes).filter(|_| !name.ends_with(SAFETENSORS));
        if let (Some(_), Some(content)) = (size, &content) {
            return Ok(Task { name, title, path, size, most, content: content.clone() });
        }
        let refusal = |head: &Head| self.refusal_of_file(revision, head.status, head.header("x-error-code"), &name);
        let (head, ()) =
            self.answer(&refusal, |watch| self.hub.head(&path, self.cancel, watch).map(|head| (head, ())))?;
        let linked = head.header("x-linked-etag").or_else(|| head.header("etag"));
        let content = content.or_else(|| linked.and_then(ContentName::from_etag)).map(|content| content.of(&name));
        let own_size = Some(head.status).filter(|status| *status == 200).and_then(|_| head.number("content-length"));
        let size = size.or_else(|| head.number("x-linked-size")).or(own_size);
        match content {
            Some(content) => Ok(Task { name, title, path, size, most, content }),
            None => Err(self.unreadable(&name)("no ETag that names its content".to_owned())),
        }
    }

    /// What there is still to come of these files, as far as the hub says. **Units** bytes.
    fn to_come(&self, tasks: &[Task]) -> u64 {
        let there = |path: PathBuf| fs::metadata(path).map_or(0, |meta| meta.len());
        let to_come = tasks.iter().map(|task| {
            let name = task.content.file_name();
            let size = task.size.unwrap_or(0);
            if there(self.cache.blob(name)) > 0 { 0 } else { size.saturating_sub(there(self.cache.partial(name))) }
        });
        to_come.fold(0, u64::saturating_add)
    }

    /// Room on the disk for so many bytes, where the system tells.
    fn expect_room(&self, needed: u64) -> Result<(), HubError> {
        match free_bytes(&self.options.cache) {
            Some(free) if free < needed => Err(HubError::DiskSpace {
                id: self.id.clone(),
                needed: size_label(needed),
                free: size_label(free),
                cache: self.options.cache.clone(),
            }),
            _ => Ok(()),
        }
    }
}

/// What a user may still write to the disk of a folder, which need not be there yet.
#[cfg(unix)]
fn free_bytes(folder: &std::path::Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.is_dir())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(not(unix))]
fn free_bytes(_folder: &std::path::Path) -> Option<u64> {
    None
}

/// Part of an address.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Bytes of one file become progress of all.
struct Report<'a> {
    tell: Tell<'a>,
    file: String,
    file_total: u64,
    file_bytes: u64,
    number: usize,
    num_files: usize,
    /// Of the files before this one.
    before: u64,
    total: u64,
    told: Option<Instant>,
}

impl<'a> Report<'a> {
    fn new(tasks: &[Task], tell: Tell<'a>) -> Self {
        let total = tasks.iter().filter_map(|task| task.size).fold(0, u64::saturating_add);
        let (file, num_files) = (String::new(), tasks.len());
        Self { tell, file, file_total: 0, file_bytes: 0, number: 0, num_files, before: 0, total, told: None }
    }

    fn next(&mut self, task: &Task) {
        self.file.clone_from(&task.name);
        (self.file_total, self.file_bytes) = (task.size.unwrap_or(0), 0);
        self.number += 1;
        self.say();
    }

    fn done(&mut self) {
        self.file_bytes = self.file_total;
        self.say();
        self.before = self.before.saturating_add(self.file_total);
    }

    fn say(&mut self) {
        self.told = Some(Instant::now());
        (self.tell)(FetchEvent::Progress(FetchProgress {
            file: &self.file,
            file_bytes: self.file_bytes,
            file_total: self.file_total,
            file_number: self.number,
            num_files: self.num_files,
            bytes: self.before.saturating_add(self.file_bytes),
            total: self.total,
        }));
    }
}

impl Listener for Report<'_> {
    fn bytes(&mut self, got: u64, of: Option<u64>) {
        self.file_bytes = got;
        if let Some(size) = of.filter(|size| *size > self.file_total) {
            self.total = self.total.saturating_add(size - self.file_total);
            self.file_total = size;
        }
        if self.told.is_none_or(|told| told.elapsed() >= REPORT_EVERY) {
            self.say();
        }
    }

    fn event(&mut self, event: FetchEvent<'_>) {
        (self.tell)(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_escaped() {
        assert_eq!(escaped("refs/pr/7"), "refs%2Fpr%2F7", "as Python asks for it");
        assert_eq!(escaped("a b+é.json"), "a%20b%2B%C3%A9.json", "every byte that could mean something else");
    }

    #[cfg(unix)]
    #[test]
    fn the_disk_of_a_folder_that_is_not_there_yet_is_measured() {
        let free = free_bytes(&std::env::temp_dir().join("not/there/yet"));
        assert!(free.is_some_and(|free| free > 0), "{free:?}");
    }
}
