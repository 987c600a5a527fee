//! Sends requests: a few at a time, each with a deadline, and retried where that is safe.

use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};

use http::{HeaderValue, Response, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use kube::client::Body;
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use super::error::{Error, root_cause};
use super::request::Request;
use super::retry::{self, FailedTry, FailureKind};
use super::session::{Login, Session};
use super::status::is_status;

/// The most concurrent requests: enough to keep the server busy, too few to affect its other clients.
pub(super) const AT_A_TIME: usize = 6;
/// The shortest time between two warnings that the server is slow.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// More bytes than one object has as JSON, or a list without its objects: etcd accepts 1.5 MiB by default, and a few
/// times as much where it is configured to.
pub(super) const LARGEST: usize = 64 << 20;

/// Sends requests to one server.
pub(super) struct Client {
    server: String,
    login: Login,
    session: Mutex<Arc<Session>>,
    permits: Semaphore,
    pub(super) timeout: Duration,
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

    /// Waits until another request may be sent.
    pub(super) async fn permit(&self) -> SemaphorePermit<'_> {
        let permit = self.permits.acquire().await;
        permit.expect("the semaphore is never closed")
    }

    /// Sends a request once. Returns the body of the response.
    pub(super) async fn attempt(
        &self,
        session: Arc<Session>,
        request: &Request,
    ) -> Result<Vec<u8>, FailedTry> {
        let response = self.send(&session, request).await?;
        self.read(request, response.into_body()).await
    }

    /// Reads a body to its end. Fails if it is larger than any object.
    async fn read(&self, request: &Request, body: Body) -> Result<Vec<u8>, FailedTry> {
        match Limited::new(body, LARGEST).collect().await {
            Ok(body) => Ok(body.to_bytes().into()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large(request)),
            Err(error) => Err(self.broken(&*error)),
        }
    }

    /// Sends a request once. Returns a successful response whose body has not been read.
    pub(super) async fn send(
        &self,
        session: &Session,
        request: &Request,
    ) -> Result<Response<Body>, FailedTry> {
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
        let body = self.read(request, response.into_body()).await?;
        let error = Error::of_answer(&request.operation, &self.server, status, &body);
        let kind = retry::kind_of(status, is_status(&body), request.writes());
        Err(FailedTry {
            retry_after,
            ..FailedTry::new(error, kind)
        })
    }

    /// The failure of a response that broke off.
    pub(super) fn broken(&self, error: &(dyn std::error::Error + 'static)) -> FailedTry {
        FailedTry::new(self.unreachable(root_cause(error)), FailureKind::Broken)
    }

    /// The failure of a response that was incomplete although the connection was not closed.
    pub(super) fn broken_off(&self) -> FailedTry {
        FailedTry::new(
            self.unreachable("the response ended early".to_owned()),
            FailureKind::Broken,
        )
    }

    fn unsent_or_broken(&self, error: &kube::Error) -> FailedTry {
        let http = match error {
            kube::Error::Service(error) => {
                error.downcast_ref::<hyper_util::client::legacy::Error>()
            }
            _ => None,
        };
        if http.is_some_and(hyper_util::client::legacy::Error::is_connect) {
            return FailedTry::last(self.unreachable(root_cause(error)));
        }
        self.broken(error)
    }

    pub(super) fn unreachable(&self, cause: String) -> Error {
        Error::Unreachable {
            server: self.server.clone(),
            cause,
        }
    }

    pub(super) async fn session(&self) -> Result<Arc<Session>, Error> {
        let mut session = self.session.lock().await;
        if session.has_expired() {
            *session = Arc::new(self.login.open(Some(&session)).await?);
        }
        Ok(session.clone())
    }

    /// Gets other credentials than the refused ones, if there are any.
    pub(super) async fn renew(
        &self,
        refused: &Arc<Session>,
    ) -> Result<Option<Arc<Session>>, Error> {
        if !self.login.is_renewable() {
            return Ok(None);
        }
        let mut session = self.session.lock().await;
        // Several requests may be refused at once. The first one renews the credentials for all.
        if Arc::ptr_eq(&session, refused) {
            *session = Arc::new(self.login.open(Some(&session)).await?);
        }
        Ok((!session.is_like(refused)).then(|| session.clone()))
    }

    /// Logs a warning about a delay, at most once in each interval.
    pub(super) fn warn(&self, text: &str) {
        let mut last = self
            .last_warning
            .lock()
            .expect("nobody panics while it is held");
        if last.is_none_or(|last| last.elapsed() >= WARNING_INTERVAL) {
            *last = Some(Instant::now());
            tracing::warn!("{text}");
        }
    }

    pub(super) fn note_result(&self) {
        *self
            .last_result
            .lock()
            .expect("nobody panics while it is held") = Instant::now();
    }

    /// Whether any request has received its final response since then.
    pub(super) fn had_result_since(&self, start: Instant) -> bool {
        *self
            .last_result
            .lock()
            .expect("nobody panics while it is held")
            > start
    }
}

/// The failure of a response larger than any of an API server: no object comes near [`LARGEST`].
pub(super) fn too_large(request: &Request) -> FailedTry {
    let problem = format!("more than {} MiB", LARGEST >> 20);
    let error = Error::not_kubernetes(&request.operation, &[], &problem);
    let kind = if request.writes() {
        FailureKind::Lost
    } else {
        FailureKind::Final
    };
    FailedTry::new(error, kind)
}

fn message(
    request: &Request,
    authorization: Option<&HeaderValue>,
) -> Result<http::Request<Body>, FailedTry> {
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
        .map_err(|error| FailedTry::last(Error::Config(format!("{}: {error}", request.operation))))
}
