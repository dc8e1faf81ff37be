//! The window's end of the wire to the worker.

use crate::engine::{Event, Request, RunId};

/// Makes the window draw a frame; called by the worker whenever an event is ready. Cheap, and callable from any thread.
pub use crate::engine::Wake as Waker;

/// What the window needs from an engine. Nothing here waits: requests are queued, events are fetched when there are
/// some.
///
/// The worker thread implements it; tests implement it with a script.
pub trait EngineLink: Send {
    /// Queues a request.
    fn send(&mut self, request: Request);

    /// The next event, if one is ready.
    fn try_recv(&mut self) -> Option<Event>;

    /// Stops one question, whether it runs or still waits.
    fn cancel(&mut self, id: RunId);

    /// Stops everything, opening a model included.
    fn cancel_all(&mut self);

    /// Starts a new worker in place of a dead one. The window opens its model again afterwards.
    fn restart(&mut self);
}
