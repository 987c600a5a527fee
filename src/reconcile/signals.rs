//! Signals that stop the run: the first one asks it to stop, the second ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio::time::Instant;

/// Whether the run has been asked to stop.
pub(super) struct StopSignal {
    asked: watch::Receiver<bool>,
    /// Whether objects are being written, in which case the current one is finished first.
    is_writing: Arc<AtomicBool>,
}

impl StopSignal {
    /// Listens for SIGTERM and SIGINT from now on.
    pub(super) fn on_signals() -> Self {
        let (tell, asked) = watch::channel(false);
        let is_writing = Arc::new(AtomicBool::new(false));
        let writes = Arc::clone(&is_writing);
        let mut signals = Signals::new();
        tokio::spawn(async move {
            signals.next().await;
            if writes.load(Ordering::Relaxed) {
                tracing::info!("finishing the current object; interrupt again to quit now");
            } else {
                tracing::info!("stopping");
            }
            // The receiver is dropped only when the run is over.
            let _ = tell.send(true);
            let exit = signals.next().await;
            std::process::exit(exit);
        });
        Self { asked, is_writing }
    }

    /// Sets whether objects are being written from now on.
    pub(super) fn set_writing(&self, is_writing: bool) {
        self.is_writing.store(is_writing, Ordering::Relaxed);
    }

    /// The result of some work, or `None` if a signal arrives before it is done.
    pub(super) async fn unless_asked<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // Finished work is not discarded.
            biased;
            outcome = work => Some(outcome),
            () = self.asked() => None,
        }
    }

    pub(super) fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Completes when a signal has arrived.
    pub(super) async fn asked(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            // The task that listens for signals has ended, so none will arrive.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until that instant or until a signal arrives; returns whether one did.
    pub(super) async fn asked_before(&self, instant: Instant) -> bool {
        tokio::time::timeout_at(instant, self.asked()).await.is_ok()
    }
}

/// The exit codes of a program that SIGINT or SIGTERM has ended.
const INTERRUPTED: i32 = 130;
#[cfg(unix)]
const TERMINATED: i32 = 143;

/// The signals that ask to stop.
struct Signals {
    #[cfg(unix)]
    streams: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            streams: signal(SignalKind::terminate())
                .ok()
                .zip(signal(SignalKind::interrupt()).ok()),
        }
    }

    /// Waits for the next signal, and returns the exit code of a program ended by it.
    #[cfg(unix)]
    async fn next(&mut self) -> i32 {
        let Some((terminate, interrupt)) = &mut self.streams else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => TERMINATED,
            _ = interrupt.recv() => INTERRUPTED,
        }
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        INTERRUPTED
    }
}
