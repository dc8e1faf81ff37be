//! Being told to end.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// From now on being told to end (SIGTERM, SIGINT, SIGHUP) for the first time only raises the flag: what is under way
/// ends, and then the program. The second time ends it as [`end_cleanly`] says, which must have been called before.
///
/// Elsewhere than on Unix nothing raises it.
pub fn finish_on_signals() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    *FINISH.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&flag));
    flag
}

/// What the first signal raises.
static FINISH: Mutex<Option<Arc<AtomicBool>>> = Mutex::new(None);

/// From now on being told to end (SIGTERM, SIGINT, SIGHUP) removes files that are only half written, and a file that
/// grows beyond what the shell allows (SIGXFSZ) is an error like any other. The exit status is the usual one: 130 is
/// what a shell makes of SIGINT, 143 of SIGTERM.
///
/// Signals that whoever started the program had ignored (`nohup`) stay ignored. Elsewhere than on Unix this does
/// nothing: what is left is removed by the next run that writes into the folder.
pub fn end_cleanly() {
    #[cfg(unix)]
    unix::end_cleanly();
}

#[cfg(unix)]
pub(super) mod unix {
    use crate::files::left;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    use signal_hook::iterator::Signals;
    use std::os::raw::c_int;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, PoisonError};
    use std::time::{Duration, Instant};

    /// Files are named and moved in a moment; a disk that does not answer must not keep the program from ending.
    const PATIENCE: Duration = Duration::from_secs(5);

    pub(super) fn end_cleanly() {
        // Nobody reads the flag: with a handler the call that writes fails instead. An ignored signal would be
        // inherited by other programs.
        signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).ok();
        let ignored = ignored();
        let signals: Vec<c_int> = [SIGTERM, SIGINT, SIGHUP].into_iter().filter(|signal| !ignored(*signal)).collect();
        let Ok(mut signals) = Signals::new(signals) else { return };
        let wait = move || {
            for signal in signals.forever() {
                let finish = super::FINISH.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(finish) = finish {
                    finish.store(true, Ordering::Relaxed);
                    continue;
                }
                let begun = Instant::now();
                let mut parts = left::parts_at_once();
                while parts.is_none() && begun.elapsed() < PATIENCE {
                    std::thread::sleep(Duration::from_millis(2));
                    parts = left::parts_at_once();
                }
                // Held until the end: nothing is named or moved any more.
                if let Some(parts) = &mut parts {
                    parts.remove();
                }
                signal_hook::low_level::emulate_default_handler(signal).ok();
            }
        };
        std::thread::Builder::new().name("gazelens-signals".to_owned()).spawn(wait).ok();
    }

    /// Which signals were ignored when the program was started.
    pub(in crate::files) fn ignored() -> impl Fn(c_int) -> bool {
        let status = std::fs::read_to_string("/proc/self/status").ok();
        let mask = status.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("SigIgn:")));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // Where the system does not say, a program that was told to outlive its terminal does.
        move |signal| match mask {
            Some(mask) => {
                u32::try_from(signal - 1).is_ok_and(|bit| mask.checked_shr(bit).is_some_and(|mask| mask & 1 == 1))
            }
            None => signal == SIGHUP,
        }
    }
}
