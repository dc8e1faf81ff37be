//! The thread that owns the model.
//!
//! The window sends requests and fetches events; it never waits and shares no lock with the thread. Every request
//! carries its own flag, so a question can be stopped while it runs or while it waits. A panic in a job ends the
//! thread, not the program: the window is told what was being done with which model, and may start another.

use super::error::EngineError;
use super::loading::model_id;
use super::messages::{
    Attributed, AttributionRequest, Event, LoadRequest, ModelInfo, ModelSource, Question, Request, RunId, Timings,
};
use super::photo::image_path;
use crate::panics;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// Requests that may wait: far more than a person asks for, few enough that a runaway caller is told.
const MOST_REQUESTS: usize = 256;
/// Events that may wait. A window drains them every frame; when it cannot (minimised on some systems), the worker waits
/// instead of filling memory: a token of a 7B model weighs over a megabyte.
const MOST_EVENTS: usize = 128;

/// Makes the window draw a frame; called after every event, from the worker's thread.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// What the thread runs. It is made on the thread and never leaves it.
pub trait Backend {
    /// Opens a model in place of the present one, which stays when this fails.
    fn load(
        &mut self,
        request: &LoadRequest,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<Arc<ModelInfo>, EngineError>;

    /// Answers a question, emitting stages, the start and the tokens; returns the timings and the warnings.
    fn ask(
        &mut self,
        id: RunId,
        question: &Question,
        emit: &mut dyn FnMut(Event),
        cancel: &AtomicBool,
    ) -> Result<(Timings, Vec<String>), EngineError>;

    /// Finds out where a model looks: the open one, or an encoder that is opened beside it, of which `progress` tells.
    fn attribute(
        &mut self,
        request: &AttributionRequest,
        beside: Option<&ModelSource>,
        progress: &mut dyn FnMut(f32, &str),
        cancel: &AtomicBool,
    ) -> Result<(Attributed, Arc<ModelInfo>), EngineError>;
}

/// Makes a [`Backend`] on the worker's thread.
pub type BackendFactory = Arc<dyn Fn() -> Box<dyn Backend> + Send + Sync>;

#[derive(Debug, Default)]
struct LoadTicket {
    cancel: AtomicBool,
    /// A later model was asked for: nobody wants to hear of this one any more.
    superseded: AtomicBool,
}

enum Job {
    Load(LoadRequest, Arc<LoadTicket>),
    Ask(RunId, Box<Question>, Arc<AtomicBool>),
    Attribute(RunId, Box<AttributionRequest>, Option<ModelSource>, Arc<AtomicBool>),
}

/// One end of a running thread.
struct Running {
    requests: SyncSender<Job>,
    events: Receiver<Event>,
    thread: JoinHandle<()>,
}

/// The thread that owns the model.
pub struct Worker {
    make_backend: BackendFactory,
    wake: Wake,
    /// `None` after the thread was found dead.
    running: Option<Running>,
    /// Flags of the questions and attributions that have not come to an end.
    questions: BTreeMap<RunId, Arc<AtomicBool>>,
    /// The latest attribution.
    attribution: Option<RunId>,
    load: Option<Arc<LoadTicket>>,
    /// Events of this side: requests that could not be sent.
    own_events: VecDeque<Event>,
}

impl Worker {
    /// Starts a thread on which `make_backend`'s product works.
    pub fn with_backend(make_backend: BackendFactory, wake: Wake) -> Self {
        let mut worker = Self {
            make_backend,
            wake,
            running: None,
            questions: BTreeMap::new(),
            attribution: None,
            load: None,
            own_events: VecDeque::new(),
        };
        worker.start();
        worker
    }

    fn start(&mut self) {
        let (request_sender, requests) = sync_channel(MOST_REQUESTS);
        let (events, event_receiver) = sync_channel(MOST_EVENTS);
        let (make_backend, wake) = (Arc::clone(&self.make_backend), Arc::clone(&self.wake));
        let spawned = std::thread::Builder::new()
            .name("gazelens-engine".to_owned())
            .spawn(move || work(&make_backend, &requests, &Outbox { events, wake }));
        match spawned {
            Ok(thread) => {
                self.running = Some(Running { requests: request_sender, events: event_receiver, thread });
            }
            Err(err) => {
                self.own_events.push_back(Event::WorkerDied(format!("Could not start the engine's thread ({err})")));
            }
        }
    }

    /// Queues a request; a later `Load` or `Attribute` takes the place of an earlier one that has not ended.
    pub fn send(&mut self, request: Request) {
        match request {
            Request::Load(request) => {
                if let Some(earlier) = self.load.take() {
                    earlier.superseded.store(true, Ordering::Relaxed);
                    earlier.cancel.store(true, Ordering::Relaxed);
                }
                let ticket = Arc::new(LoadTicket::default());
                self.load = Some(Arc::clone(&ticket));
                if let Err(why) = self.queue(Job::Load(request, ticket)) {
                    self.own_events.push_back(Event::LoadFailed(why));
                }
            }
            Request::Ask(id, question) => self.send_named(id, |cancel| Job::Ask(id, question, cancel)),
            Request::Attribute(id, request, beside) => {
                if let Some(earlier) = self.attribution.replace(id) {
                    self.cancel(earlier);
                }
                self.send_named(id, |cancel| Job::Attribute(id, request, beside, cancel));
            }
        }
    }

    /// Queues what can be stopped by its name.
    fn send_named(&mut self, id: RunId, job: impl FnOnce(Arc<AtomicBool>) -> Job) {
        let cancel = Arc::new(AtomicBool::new(false));
        self.questions.insert(id, Arc::clone(&cancel));
        if let Err(why) = self.queue(job(cancel)) {
            self.questions.remove(&id);
            self.own_events.push_back(Event::Failed(id, why));
        }
    }

    fn queue(&mut self, job: Job) -> Result<(), String> {
        let gone = || "The engine is not running: restart it".to_owned();
        let sent = self.running.as_ref().ok_or_else(gone)?.requests.try_send(job);
        sent.map_err(|err| match err {
            TrySendError::Full(_) => format!("Expected at most {MOST_REQUESTS} waiting requests, found one more"),
            TrySendError::Disconnected(_) => gone(),
        })
    }

    /// The next event, if one is ready.
    pub fn try_recv(&mut self) -> Option<Event> {
        if let Some(event) = self.own_events.pop_front() {
            return Some(event);
        }
        let event = match self.running.as_ref()?.events.try_recv() {
            Ok(event) => event,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Event::WorkerDied("The engine's thread ended unexpectedly".to_owned()),
        };
        match &event {
            Event::Finished { id, .. }
            | Event::Attributed(id, ..)
            | Event::Cancelled(id)
            | Event::Failed(id, _)
            | Event::Outdated(id, _) => {
                self.questions.remove(id);
            }
            Event::WorkerDied(_) => self.stop(),
            _ => {}
        }
        Some(event)
    }

    /// Stops one question or attribution, whether it runs or still waits; `Cancelled` follows unless it ended before.
    pub fn cancel(&mut self, id: RunId) {
        if let Some(flag) = self.questions.get(&id) {
            flag.store(true, Ordering::Relaxed);
        }
    }

    /// Stops everything, opening a model included.
    pub fn cancel_all(&mut self) {
        for flag in self.questions.values() {
            flag.store(true, Ordering::Relaxed);
        }
        if let Some(ticket) = &self.load {
            ticket.cancel.store(true, Ordering::Relaxed);
        }
    }

    /// Starts a new thread in place of the present one; no model is open on it yet.
    pub fn restart(&mut self) {
        self.stop();
        self.start();
    }

    /// Ends the thread within one layer and waits for it.
    fn stop(&mut self) {
        self.cancel_all();
        self.questions.clear();
        self.attribution = None;
        self.load = None;
        if let Some(Running { requests, events, thread }) = self.running.take() {
            // Both ends first: the thread may be waiting at either.
            drop(requests);
            drop(events);
            // A panic was already told as an event.
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let running = self.running.is_some();
        f.debug_struct("Worker")
            .field("running", &running)
            .field("questions", &self.questions.len())
            .finish_non_exhaustive()
    }
}

/// The thread's way to the window.
struct Outbox {
    events: SyncSender<Event>,
    wake: Wake,
}

impl Outbox {
    /// Whether the window is still there.
    fn put(&self, event: Event) -> bool {
        let there = self.events.send(event).is_ok();
        if there {
            (self.wake)();
        }
        there
    }
}

/// The thread's life: one job after the other until the window is gone or a job panics.
fn work(make_backend: &BackendFactory, requests: &Receiver<Job>, outbox: &Outbox) {
    let doing = RefCell::new(Doing { what: "starting".to_owned(), model: "the engine".to_owned() });
    let lived = catch_unwind(AssertUnwindSafe(|| {
        let mut backend = make_backend();
        let mut open = "no model".to_owned();
        // Set between a load that was given up for a later one and that one: questions meant for the model in between
        // have no model.
        let mut orphaned = false;
        while let Ok(job) = requests.recv() {
            doing.replace(Doing::of(&job, &open));
            let there = match job {
                Job::Load(request, ticket) => {
                    let there = load(&mut *backend, &request, &ticket, &mut orphaned, outbox);
                    open = model_id(&request.source);
                    there
                }
                Job::Ask(id, question, cancel) => {
                    if orphaned {
                        cancel.store(true, Ordering::Relaxed);
                    }
                    ask(&mut *backend, id, &question, &cancel, outbox)
                }
                Job::Attribute(id, request, beside, cancel) => {
                    // An encoder beside the open model has nothing to do with which model that is.
                    if orphaned && beside.is_none() {
                        cancel.store(true, Ordering::Relaxed);
                    }
                    attribute(&mut *backend, id, (&request, beside.as_ref()), &cancel, outbox)
                }
            };
            if !there {
                break;
            }
        }
    }));
    if let Err(panic) = lived {
        let Doing { what, model } = doing.into_inner();
        outbox.put(Event::WorkerDied(format!("Internal error while {what} ({}): {model}", panics::words(&*panic))));
    }
}

/// What the thread is at, for the sentence that a panic becomes.
struct Doing {
    /// "opening the model".
    what: String,
    /// Which model that is about.
    model: String,
}

impl Doing {
    fn of(job: &Job, open: &str) -> Self {
        match job {
            Job::Load(request, _) => Self { what: "opening the model".to_owned(), model: model_id(&request.source) },
            Job::Ask(_, question, _) => {
                let what = format!("answering a question about {}", image_path(&question.image));
                Self { what, model: open.to_owned() }
            }
            Job::Attribute(_, request, beside, _) => Self {
                what: format!("looking for the words of a query in {}", image_path(&request.image)),
                model: beside.as_ref().map_or_else(|| open.to_owned(), model_id),
            },
        }
    }
}

fn load(
    backend: &mut dyn Backend,
    request: &LoadRequest,
    ticket: &LoadTicket,
    orphaned: &mut bool,
    outbox: &Outbox,
) -> bool {
    let result = if ticket.cancel.load(Ordering::Relaxed) {
        Err(EngineError::Cancelled)
    } else {
        let mut progress = |share: f32, what: &str| {
            if !outbox.put(Event::Loading { share, what: what.to_owned() }) {
                ticket.cancel.store(true, Ordering::Relaxed);
            }
        };
        backend.load(request, &mut progress, &ticket.cancel)
    };
    *orphaned = result.is_err() && ticket.superseded.load(Ordering::Relaxed);
    match result {
        Ok(info) => outbox.put(Event::Loaded(info)),
        Err(_) if *orphaned => true,
        Err(err) => outbox.put(Event::LoadFailed(err.to_string())),
    }
}

fn ask(backend: &mut dyn Backend, id: RunId, question: &Question, cancel: &AtomicBool, outbox: &Outbox) -> bool {
    let result = if cancel.load(Ordering::Relaxed) {
        Err(EngineError::Cancelled)
    } else {
        let mut emit = |event: Event| {
            if !outbox.put(event) {
                cancel.store(true, Ordering::Relaxed);
            }
        };
        backend.ask(id, question, &mut emit, cancel)
    };
    outbox.put(match result {
        Ok((timings, warnings)) => Event::Finished { id, timings, warnings },
        Err(err) => ended(id, &err),
    })
}

fn attribute(
    backend: &mut dyn Backend,
    id: RunId,
    (request, beside): (&AttributionRequest, Option<&ModelSource>),
    cancel: &AtomicBool,
    outbox: &Outbox,
) -> bool {
    let result = if cancel.load(Ordering::Relaxed) {
        Err(EngineError::Cancelled)
    } else {
        let mut progress = |share: f32, what: &str| {
            if !outbox.put(Event::Attributing { id, share, what: what.to_owned() }) {
                cancel.store(true, Ordering::Relaxed);
            }
        };
        backend.attribute(request, beside, &mut progress, cancel)
    };
    outbox.put(match result {
        Ok((attributed, info)) => Event::Attributed(id, Arc::new(attributed), info),
        Err(err) => ended(id, &err),
    })
}

/// How a job ends that has no result.
fn ended(id: RunId, err: &EngineError) -> Event {
    match err {
        EngineError::Cancelled => Event::Cancelled(id),
        outdated if outdated.is_outdated() => Event::Outdated(id, outdated.to_string()),
        other => Event::Failed(id, other.to_string()),
    }
}

#[cfg(test)]
mod tests;
