//! The wish to stop: the first signal is a wish, the second ends the program at once.

use tokio::sync::watch;
use tokio::time::Instant;

/// Whether somebody has asked to stop.
pub(super) struct Stop {
    asked: watch::Receiver<bool>,
}

impl Stop {
    /// Listens for SIGTERM and SIGINT from now on.
    pub(super) fn on_signals() -> Self {
        let (tell, asked) = watch::channel(false);
        tokio::spawn(async move {
            let mut signals = Signals::new();
            signals.next().await;
            tracing::info!("stopping after the object in hand; a second signal ends at once");
            // The receiver is dropped only when the run is over.
            let _ = tell.send(true);
            signals.next().await;
            std::process::exit(130);
        });
        Self { asked }
    }

    pub(super) fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Comes back when somebody has asked.
    pub(super) async fn asked(&self) {
        let mut asked = self.asked.clone();
        if asked.wait_for(|asked| *asked).await.is_err() {
            // Nobody listens for signals any more: there will be none.
            std::future::pending::<()>().await;
        }
    }

    /// Waits until that instant, or less long if somebody asks; gives whether somebody did.
    pub(super) async fn asked_before(&self, instant: Instant) -> bool {
        tokio::time::timeout_at(instant, self.asked()).await.is_ok()
    }
}

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

    #[cfg(unix)]
    async fn next(&mut self) {
        let Some((terminate, interrupt)) = &mut self.streams else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
