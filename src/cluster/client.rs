//! Sends requests: a few at a time, each with a deadline, tried again where that is safe.

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};

use http::{HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::timeout_at;

use super::error::{Error, root_cause};
use super::request::Request;
use super::retry::{self, Failure, Reach};
use super::session::{Login, Session};

/// How many requests are under way at a time. The server works at more than one, and none of its other clients
/// notices.
pub(super) const AT_A_TIME: usize = 6;
/// How many connections in a row may break under a request.
const BROKEN_TRIES: u32 = 5;
/// After this long without a result a person is told what is being waited for.
const SLOW: Duration = Duration::from_secs(10);
/// How often that is said.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// Sends requests to one server.
pub(super) struct Client {
    server: String,
    login: Login,
    session: Mutex<Arc<Session>>,
    permits: Semaphore,
    timeout: Duration,
    last_result: StdMutex<Instant>,
    last_warning: StdMutex<Option<Instant>>,
}

impl Client {
    pub(super) async fn open(
        server: String,
        login: Login,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let session = login.open(None).await?;
        Ok(Self {
            server,
            login,
            session: Mutex::new(Arc::new(session)),
            permits: Semaphore::new(AT_A_TIME),
            timeout,
            last_result: StdMutex::new(Instant::now()),
            last_warning: StdMutex::new(None),
        })
    }

    /// Makes a request and gives the body of its answer.
    pub(super) async fn call(&self, request: &Request) -> Result<Vec<u8>, Error> {
        self.begin(request).await.call().await
    }

    async fn attempt(&self, request: &Request) -> Result<Vec<u8>, Failure> {
        let response = self.send(request).await?;
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| self.broken(&error))?;
        Ok(body.to_bytes().into())
    }

    /// Waits until a request may be made; its time runs from then on.
    pub(super) async fn begin<'a>(&'a self, request: &'a Request) -> Tries<'a> {
        let permit = self
            .permits
            .acquire()
            .await
            .expect("the semaphore is never closed");
        Tries {
            client: self,
            request,
            _permit: permit,
            start: Instant::now(),
            count: 0,
            last: None,
            renewed: false,
        }
    }

    /// Sends a request once. The answer is a success, and its body has yet to be read.
    pub(super) async fn send(&self, request: &Request) -> Result<Response<Body>, Failure> {
        let session = self.session().await.map_err(Failure::last)?;
        let message = message(request, session.authorization.as_ref())?;
        let start = Instant::now();
        let response = session
            .client
            .send(message)
            .await
            .map_err(|error| self.unsent_or_broken(&error))?;
        let (method, path, status) = (&request.method, &request.path, response.status());
        tracing::debug!(
            "{method} {path}: {} after {:.1?}",
            status.as_u16(),
            start.elapsed()
        );
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = retry::retry_after(response.headers());
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| self.broken(&error))?;
        let error = Error::of_answer(&request.subject, &self.server, status, &body.to_bytes());
        Err(Failure {
            retry_after,
            ..Failure::new(error, retry::reach_of(status))
        })
    }

    /// The failure of an answer that broke off.
    pub(super) fn broken(&self, error: &(dyn std::error::Error + 'static)) -> Failure {
        Failure::new(self.unreachable(root_cause(error)), Reach::Broken)
    }

    /// The failure of an answer that ended before its end, on a connection that did not.
    pub(super) fn broken_off(&self) -> Failure {
        Failure::new(
            self.unreachable("the answer broke off".to_owned()),
            Reach::Broken,
        )
    }

    fn unsent_or_broken(&self, error: &kube::Error) -> Failure {
        let http = match error {
            kube::Error::Service(error) => {
                error.downcast_ref::<hyper_util::client::legacy::Error>()
            }
            _ => None,
        };
        if http.is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return Failure::last(self.unreachable(root_cause(error)));
        }
        self.broken(error)
    }

    fn unreachable(&self, cause: String) -> Error {
        Error::Unreachable {
            server: self.server.clone(),
            cause,
        }
    }

    async fn session(&self) -> Result<Arc<Session>, Error> {
        let mut session = self.session.lock().await;
        if session.has_expired() {
            *session = Arc::new(self.login.open(Some(&session)).await?);
        }
        Ok(session.clone())
    }

    /// Gets new credentials after a refusal. False if there are none, or they are the same.
    async fn renew(&self) -> Result<bool, Error> {
        if !self.login.is_renewable() {
            return Ok(false);
        }
        let mut session = self.session.lock().await;
        let renewed = self.login.open(Some(&session)).await?;
        let changed = !renewed.is_like(&session);
        *session = Arc::new(renewed);
        Ok(changed)
    }

    fn warn(&self, text: &str) {
        let mut last = self
            .last_warning
            .lock()
            .expect("nobody panics while it is held");
        if last.is_none_or(|last| last.elapsed() >= WARNING_INTERVAL) {
            *last = Some(Instant::now());
            tracing::warn!("{text}");
        }
    }

    fn note_result(&self) {
        *self
            .last_result
            .lock()
            .expect("nobody panics while it is held") = Instant::now();
    }

    fn had_result_since(&self, start: Instant) -> bool {
        *self
            .last_result
            .lock()
            .expect("nobody panics while it is held")
            > start
    }
}

fn message(
    request: &Request,
    authorization: Option<&HeaderValue>,
) -> Result<http::Request<Body>, Failure> {
    let mut message = http::Request::builder()
        .method(&request.method)
        .uri(&request.path);
    if request.writes() {
        message = message.header(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
    }
    if let Some(authorization) = authorization {
        message = message.header(header::AUTHORIZATION, authorization);
    }
    message
        .body(Body::from(request.body.clone()))
        .map_err(|error| Failure::last(Error::Config(format!("{}: {error}", request.subject))))
}

/// The tries of one request. While it lives it counts as one of those under way.
pub(super) struct Tries<'a> {
    client: &'a Client,
    request: &'a Request,
    _permit: SemaphorePermit<'a>,
    start: Instant,
    count: u32,
    last: Option<Box<Error>>,
    renewed: bool,
}

impl Tries<'_> {
    /// Tries until the body of an answer is there.
    pub(super) async fn call(mut self) -> Result<Vec<u8>, Error> {
        loop {
            match self.one(self.client.attempt(self.request)).await {
                Ok(body) => return Ok(body),
                Err(failure) => self.fail(failure).await?,
            }
        }
    }

    /// One try, which ends with the time of the request at the latest.
    pub(super) async fn one<T>(
        &mut self,
        attempt: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        self.count += 1;
        let result = self.in_time(attempt).await;
        if result.as_ref().map_or_else(Failure::is_answer, |_| true) {
            self.client.note_result();
        }
        result
    }

    async fn in_time<T>(
        &self,
        attempt: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut attempt = std::pin::pin!(attempt);
        let deadline = self.start + self.client.timeout;
        let slow = Instant::now() + SLOW;
        if slow < deadline {
            match timeout_at(slow.into(), &mut attempt).await {
                Ok(result) => return result,
                Err(_) => self.client.warn(&format!(
                    "{}: no result for {} s, still waiting",
                    self.request.subject,
                    SLOW.as_secs()
                )),
            }
        }
        match timeout_at(deadline.into(), &mut attempt).await {
            Ok(result) => result,
            Err(_) if self.request.writes() => Err(Failure::last(self.unknown(self.time_is_up()))),
            Err(_) => Err(Failure::last(self.out_of_time())),
        }
    }

    /// Waits for the next try, or gives the error with which the request has failed for good.
    pub(super) async fn fail(&mut self, failure: Failure) -> Result<(), Error> {
        match failure.reach {
            Reach::Unauthorized if !self.renewed && self.client.renew().await? => {
                self.renewed = true;
                Ok(())
            }
            Reach::Lost | Reach::Broken if self.request.writes() => {
                Err(self.unknown(failure.cause()))
            }
            Reach::Broken if self.count >= BROKEN_TRIES => Err(*failure.error),
            Reach::TurnedAway | Reach::Lost | Reach::Broken => self.wait(failure).await,
            Reach::Final | Reach::Unauthorized => Err(*failure.error),
        }
    }

    async fn wait(&mut self, failure: Failure) -> Result<(), Error> {
        let pause = retry::pause(self.count, failure.retry_after, chance());
        let left = self.client.timeout.saturating_sub(self.start.elapsed());
        self.client
            .warn(&format!("{}; trying again", failure.error));
        self.last = Some(failure.error);
        if pause >= left {
            return Err(self.out_of_time());
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn unknown(&self, cause: String) -> Error {
        Error::OutcomeUnknown {
            what: self.request.subject.clone(),
            cause,
        }
    }

    fn time_is_up(&self) -> String {
        format!("no result within {} s", self.client.timeout.as_secs_f64())
    }

    /// The error of a request whose time has run out. Where no other request got a result in all that time, it is the
    /// connection that has failed.
    fn out_of_time(&self) -> Error {
        let last = self.last.as_ref().map(ToString::to_string);
        if self.client.had_result_since(self.start) {
            let (what, after) = (self.request.subject.clone(), self.client.timeout);
            return Error::Timeout { what, after, last };
        }
        let last = last.map_or_else(String::new, |last| format!(", the last try: {last}"));
        self.client.unreachable(self.time_is_up() + &last)
    }
}

/// A number from 0 to 1.
fn chance() -> f64 {
    let random = std::hash::RandomState::new().build_hasher().finish();
    f64::from(random as u32) / f64::from(u32::MAX)
}
