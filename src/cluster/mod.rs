//! The live side: chooses the cluster, fetches objects, and writes repairs.
//!
//! This is the only user of kube, and it uses little of it: its types for kubeconfig files, and its HTTP client with
//! TLS and proxies. Choosing a cluster ([`Target`]), running credential plugins, retries and decoding are done here,
//! because kube chooses silently, runs the plugin three times, waits forever, or logs the bodies.
//!
//! It knows no manifests and compares nothing. The rules for kubeconfig files, credential plugins and proxies are those of
//! kubectl (client-go).

mod client;
mod environment;
mod error;
mod fetch;
mod in_cluster;
mod kubeconfig;
mod object;
mod page;
mod plan;
mod plugin;
mod proxy;
mod request;
mod retry;
mod session;
pub(crate) mod snapshot;
mod status;
mod target;
#[cfg(test)]
mod tests;
mod transport;
mod tries;
mod version;
mod wanted;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use self::client::Client;
pub(crate) use self::environment::{Environment, TargetOptions};
pub(crate) use self::error::{Cause, Error};
pub(crate) use self::fetch::{Arrival, Fetched, Fetching};
pub(crate) use self::object::Live;
use self::request::Request;
use self::session::Login;
pub(crate) use self::target::Target;
pub(crate) use self::version::Version;
use crate::schema::{Kind, ResourceId};

/// The upper limit of request timeouts, so that sums of times do not overflow.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Options for requests to a cluster.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions {
    /// The timeout of each request, including its retries.
    pub request_timeout: Duration,
    /// Whether standard input is used already, so that a credential plugin must not read it.
    pub stdin_is_taken: bool,
}

/// A connection to a cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    client: Arc<Client>,
}

impl Cluster {
    /// Prepares requests to this cluster: reads certificates, and runs the credential plugin if there is one. The first
    /// request opens the connection.
    ///
    /// Fails with [`Error::Config`] when the credentials or certificates cannot be used.
    pub(crate) async fn connect(target: Target, options: ConnectOptions) -> Result<Self, Error> {
        let server = transport::route(&target)?;
        let timeout = options.request_timeout.min(LONGEST_TIMEOUT);
        let login = Login::new(target, options.stdin_is_taken, timeout)?;
        let client = Client::open(server, login, timeout).await?;
        Ok(Self {
            client: Arc::new(client),
        })
    }

    /// Fetches these objects with few requests, several at a time. Each object is returned once, as soon as it has
    /// arrived; an error concerns only that object unless [`Error::is_about_connection`]. For the kinds and namespaces
    /// in `whole`, all objects are returned, with only the metadata of those not in `wanted`.
    #[must_use]
    pub(crate) fn fetch(&self, wanted: &[ResourceId], whole: &[(Kind, String)]) -> Fetching {
        Fetching::start(&self.client, wanted, whole)
    }

    /// Reads one object. Fails with [`Error::NotFound`] if it does not exist.
    pub(crate) async fn get(&self, id: &ResourceId) -> Result<Live, Error> {
        self.object(id, &Request::get(id)?).await
    }

    /// Replaces an object with `body`, which should have the `resourceVersion` and `uid` of the object that was read.
    /// Returns the object as stored by the server.
    ///
    /// Fails with [`Error::Conflict`] when the object has changed, with [`Error::Invalid`] when the server refuses a
    /// value, and with [`Error::OutcomeUnknown`] without a response: read the object before the next attempt.
    pub(crate) async fn replace(&self, id: &ResourceId, body: &Value) -> Result<Live, Error> {
        self.object(id, &Request::replace(id, body)?).await
    }

    /// Creates an object. Returns the object as stored by the server.
    ///
    /// Fails with [`Error::AlreadyExists`], with [`Error::NotFound`] when its namespace does not exist, and as
    /// [`replace`](Self::replace) does.
    pub(crate) async fn create(&self, id: &ResourceId, body: &Value) -> Result<Live, Error> {
        self.object(id, &Request::create(id, body)?).await
    }

    /// The version of the server.
    pub(crate) async fn version(&self) -> Result<Version, Error> {
        let request = Request::version();
        let body = tries::call(&self.client, &request).await?;
        let read = version::read(&body);
        read.ok_or_else(|| Error::not_kubernetes(&request.operation, &body, "no version"))
    }

    async fn object(&self, id: &ResourceId, request: &Request) -> Result<Live, Error> {
        let body = tries::call(&self.client, request).await?;
        fetch::whole(request, id.kind, &body).map_err(|error| match error {
            // A proxy responded. It may have forwarded the write.
            error if request.writes() => Error::OutcomeUnknown {
                what: request.operation.clone(),
                cause: error.cause(),
            },
            error => error,
        })
    }
}
