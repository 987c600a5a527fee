//! The live side: finds the cluster, fetches what is wanted from it, and writes what is to be repaired.
//!
//! This is the only user of kube, and it uses little of it: its types for kubeconfig files, and its HTTP client with
//! TLS and proxies. Choosing a cluster ([`Target`]), running credential plugins, retries and decoding are done here,
//! because kube's ways of doing them choose silently, run the plugin three times, wait for ever, or log the bodies.

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
pub mod snapshot;
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
pub use self::environment::{Environment, TargetOptions};
pub use self::error::{Cause, Error};
pub use self::fetch::{Fetched, Fetching};
pub use self::object::Live;
use self::request::Request;
use self::session::Login;
pub use self::target::Target;
pub use self::version::Version;
use crate::schema::ResourceId;

/// No request is waited for any longer, whatever time it is given: sums of times stay in their range.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// How to talk to a cluster.
#[derive(Clone, Copy, Debug)]
pub struct ConnectOptions {
    /// The time for each request, its retries included.
    pub request_timeout: Duration,
    /// Standard input is being read, so that a credential plugin must not.
    pub stdin_is_taken: bool,
}

/// A cluster to which requests are made.
#[derive(Clone)]
pub struct Cluster {
    client: Arc<Client>,
}

impl Cluster {
    /// Gets ready to talk to this cluster: reads certificates, runs the credential plugin if there is one. The
    /// connection itself is made with the first request.
    ///
    /// Fails with [`Error::Config`].
    pub async fn connect(target: Target, options: ConnectOptions) -> Result<Self, Error> {
        let server = transport::route(&target)?;
        let timeout = options.request_timeout.min(LONGEST_TIMEOUT);
        let login = Login::new(target, options.stdin_is_taken, timeout)?;
        let client = Client::open(server, login, timeout).await?;
        Ok(Self {
            client: Arc::new(client),
        })
    }

    /// Fetches these objects with as few requests as it takes, several at a time. Each is answered once, as soon as it
    /// is there; an error is that of the object alone unless [`Error::is_about_connection`].
    #[must_use]
    pub fn fetch(&self, wanted: &[ResourceId]) -> Fetching {
        Fetching::start(&self.client, wanted)
    }

    /// Reads one object. Fails with [`Error::NotFound`] if it does not exist.
    pub async fn get(&self, id: &ResourceId) -> Result<Live, Error> {
        self.object(id, &Request::get(id)?).await
    }

    /// Replaces an object by `body`, which should carry the `resourceVersion` and `uid` of the one that was read.
    /// Gives what the server made of it.
    ///
    /// Fails with [`Error::Conflict`] when the object is another by now, with [`Error::Invalid`] when the server
    /// refuses a value, and with [`Error::OutcomeUnknown`] when no answer came: read again before the next try.
    pub async fn replace(&self, id: &ResourceId, body: &Value) -> Result<Live, Error> {
        self.object(id, &Request::replace(id, body)?).await
    }

    /// Creates an object. Gives what the server made of it.
    ///
    /// Fails with [`Error::AlreadyExists`], with [`Error::NotFound`] when its namespace is not there, and as
    /// [`replace`](Self::replace) does.
    pub async fn create(&self, id: &ResourceId, body: &Value) -> Result<Live, Error> {
        self.object(id, &Request::create(id, body)?).await
    }

    /// The version of the server.
    pub async fn version(&self) -> Result<Version, Error> {
        let request = Request::version();
        let body = tries::call(&self.client, &request).await?;
        let read = version::read(&body);
        read.ok_or_else(|| Error::not_kubernetes(&request.operation, &body, "no version"))
    }

    async fn object(&self, id: &ResourceId, request: &Request) -> Result<Live, Error> {
        let body = tries::call(&self.client, request).await?;
        fetch::whole(request, id.kind, &body).map_err(|error| match error {
            // Something on the way answered. It may have passed the write on.
            error if request.writes() => Error::OutcomeUnknown {
                what: request.operation.clone(),
                cause: error.cause(),
            },
            error => error,
        })
    }
}
