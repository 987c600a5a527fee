//! The attempts of one request, within its timeout.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::SemaphorePermit;
use tokio::time::timeout_at;

use super::client::Client;
use super::error::Error;
use super::request::Request;
use super::retry::{self, FailedTry, FailureKind};
use super::session::Session;

/// The most connections in a row that may break during a request.
const BROKEN_TRIES: u32 = 4;
/// After this long without a result, a warning says what the program is waiting for.
const SLOW: Duration = Duration::from_secs(10);

/// The attempts of one request. While it exists, it counts as one of the concurrent requests.
pub(super) struct Tries<'a> {
    client: &'a Client,
    request: &'a Request,
    session: Arc<Session>,
    _permit: SemaphorePermit<'a>,
    start: Instant,
    count: u32,
    last: Option<String>,
    renewed: bool,
}

impl<'a> Tries<'a> {
    /// Waits until a request may be sent, and starts its timeout. Fails when there are no credentials for it.
    pub(super) async fn begin(client: &'a Client, request: &'a Request) -> Result<Self, Error> {
        let permit = client.permit().await;
        let session = client.session().await?;
        Ok(Self {
            client,
            request,
            session,
            _permit: permit,
            start: Instant::now(),
            count: 0,
            last: None,
            renewed: false,
        })
    }

    /// Retries until the body of a response has arrived.
    pub(super) async fn call(mut self) -> Result<Vec<u8>, Error> {
        loop {
            let (client, request) = (self.client, self.request);
            match self.one(|session| client.attempt(session, request)).await {
                Ok(body) => return Ok(body),
                Err(failure) => self.fail(failure).await?,
            }
        }
    }

    /// Makes one attempt, which ends at the request's timeout at the latest.
    pub(super) async fn one<T, F>(
        &mut self,
        attempt: impl FnOnce(Arc<Session>) -> F,
    ) -> Result<T, FailedTry>
    where
        F: Future<Output = Result<T, FailedTry>>,
    {
        self.count += 1;
        let result = self.in_time(attempt(self.session.clone())).await;
        if result.as_ref().map_or_else(FailedTry::is_answer, |_| true) {
            self.client.note_result();
        }
        result
    }

    async fn in_time<T>(
        &self,
        attempt: impl Future<Output = Result<T, FailedTry>>,
    ) -> Result<T, FailedTry> {
        let mut attempt = std::pin::pin!(attempt);
        let deadline = self.start + self.client.timeout;
        let slow = Instant::now() + SLOW;
        if slow < deadline {
            match timeout_at(slow.into(), &mut attempt).await {
                Ok(result) => return result,
                Err(_) => self.client.warn(&format!(
                    "{}: no result for {} s, still waiting",
                    self.request.operation,
                    SLOW.as_secs()
                )),
            }
        }
        match timeout_at(deadline.into(), &mut attempt).await {
            Ok(result) => result,
            Err(_) if self.request.writes() => {
                Err(FailedTry::last(self.unknown(self.time_is_up())))
            }
            Err(_) => Err(FailedTry::last(self.out_of_time())),
        }
    }

    /// Waits for the next attempt, or returns the error with which the request finally failed.
    pub(super) async fn fail(&mut self, failure: FailedTry) -> Result<(), Error> {
        match failure.kind {
            FailureKind::Unauthorized if !self.renewed => self.renew(failure).await,
            FailureKind::Lost | FailureKind::Broken if self.request.writes() => {
                Err(self.unknown(failure.cause()))
            }
            FailureKind::Broken if self.count >= BROKEN_TRIES => Err(self.broken(failure)),
            FailureKind::TurnedAway | FailureKind::Lost | FailureKind::Broken => {
                self.wait(failure).await
            }
            FailureKind::Final | FailureKind::Unauthorized => Err(*failure.error),
        }
    }

    async fn renew(&mut self, failure: FailedTry) -> Result<(), Error> {
        self.renewed = true;
        self.session = self
            .client
            .renew(&self.session)
            .await?
            .ok_or(*failure.error)?;
        Ok(())
    }

    async fn wait(&mut self, failure: FailedTry) -> Result<(), Error> {
        let pause = retry::pause(self.count, failure.retry_after, chance());
        let left = self.client.timeout.saturating_sub(self.start.elapsed());
        self.client
            .warn(&format!("{}; trying again", failure.error));
        let asks = failure
            .retry_after
            .map(|pause| format!(" (asks for {} s of pause)", pause.as_secs()));
        self.last = Some(format!("{}{}", failure.error, asks.unwrap_or_default()));
        if pause >= left {
            return Err(self.out_of_time());
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn broken(&self, failure: FailedTry) -> Error {
        if self.client.had_result_since(self.start) {
            let (what, cause) = (self.request.operation.clone(), failure.cause());
            return Error::Interrupted { what, cause };
        }
        *failure.error
    }

    fn unknown(&self, cause: String) -> Error {
        Error::OutcomeUnknown {
            what: self.request.operation.clone(),
            cause,
        }
    }

    fn time_is_up(&self) -> String {
        format!("no result within {} s", self.client.timeout.as_secs_f64())
    }

    /// The error of a request that has timed out. If no other request got a result in that time, the connection is
    /// considered failed.
    fn out_of_time(&self) -> Error {
        let last = self.last.clone();
        if self.client.had_result_since(self.start) {
            let (what, after) = (self.request.operation.clone(), self.client.timeout);
            return Error::Timeout { what, after, last };
        }
        let last = last.map_or_else(String::new, |last| format!(", the last try: {last}"));
        self.client.unreachable(self.time_is_up() + &last)
    }
}

/// Sends a request, with retries. Returns the body of the response.
pub(super) async fn call(client: &Client, request: &Request) -> Result<Vec<u8>, Error> {
    Tries::begin(client, request).await?.call().await
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    f64::from(random as u32) / f64::from(u32::MAX)
}
