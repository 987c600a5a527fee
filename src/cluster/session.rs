//! The credentials of a target: read from their source in the kubeconfig, and renewed when they expire.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::HeaderValue;
use jiff::Timestamp;
use kube::config::AuthInfo;

use super::error::{Error, root_cause};
use super::plugin::{Issued, Plugin};
use super::target::Target;
use super::transport;

/// How long a token from a file is used before it is read again: kubelet writes a new one long before it expires.
const TOKEN_FILE_AGE: Duration = Duration::from_secs(60);
/// Credentials are renewed this long before they expire.
const MARGIN: Duration = Duration::from_secs(10);

/// Where credentials come from.
enum Credentials {
    /// They are in the kubeconfig itself, and kube sends them.
    Fixed,
    /// A token in a file, which may change.
    TokenFile(PathBuf),
    /// The result of a credential plugin.
    Plugin(Box<Plugin>),
}

/// Opens sessions for one target.
pub(super) struct Login {
    target: Target,
    credentials: Credentials,
}

/// A client with its credentials. Its connections are kept alive and reused.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) client: kube::Client,
    pub(super) authorization: Option<HeaderValue>,
    certificate: Option<String>,
    expiry: Option<Timestamp>,
}

impl Session {
    /// Whether it is time to renew the credentials.
    pub(super) fn has_expired(&self) -> bool {
        self.expiry.is_some_and(|expiry| Timestamp::now() >= expiry)
    }

    /// Whether both send the same credentials.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.authorization == other.authorization && self.certificate == other.certificate
    }
}

impl Login {
    /// Prepares to log in. `limit` is the time limit of a plugin that is not interactive.
    ///
    /// Fails with [`Error::Config`] if the kubeconfig needs something that is missing or not supported.
    pub(super) fn new(
        target: Target,
        stdin_is_taken: bool,
        limit: Duration,
    ) -> Result<Self, Error> {
        if let Some(provider) = target
            .user
            .auth_provider
            .as_ref()
            .filter(|provider| provider.name != "oidc")
        {
            return Err(Error::Config(format!(
                "auth-provider {:?} is not supported, as in kubectl: use the credential plugin that replaces it",
                provider.name
            )));
        }
        let credentials = match (&target.user.token_file, &target.user.exec) {
            _ if target.user.auth_provider.is_some() || target.user.password.is_some() => {
                Credentials::Fixed
            }
            (Some(path), _) => Credentials::TokenFile(PathBuf::from(path)),
            _ if target.user.token.is_some() => Credentials::Fixed,
            (None, Some(exec)) => {
                let plugin =
                    Plugin::new(exec.clone(), target.cluster.clone(), stdin_is_taken, limit);
                Credentials::Plugin(Box::new(plugin))
            }
            (None, None) => Credentials::Fixed,
        };
        Ok(Self {
            target,
            credentials,
        })
    }

    /// Gets credentials and creates a client, or reuses the client of the session that this one replaces.
    pub(super) async fn open(&self, previous: Option<&Session>) -> Result<Session, Error> {
        let (token, certificate, expiry) = match &self.credentials {
            Credentials::Fixed => (None, None, None),
            Credentials::TokenFile(path) => {
                let expiry = Timestamp::now().checked_add(TOKEN_FILE_AGE).ok();
                match (read_token(path).await, previous) {
                    // A missing file may have been removed on purpose after it was read.
                    (Err(_), Some(previous)) => {
                        return Ok(Session {
                            expiry,
                            ..previous.clone()
                        });
                    }
                    (token, _) => (Some(token?), None, expiry),
                }
            }
            Credentials::Plugin(plugin) => {
                let issued = plugin.run().await?;
                let expiry = issued
                    .expiry()
                    .and_then(|expiry| expiry.checked_sub(MARGIN).ok());
                (issued.token.clone(), certificate_of(issued), expiry)
            }
        };
        let authorization = token.as_deref().map(bearer).transpose()?;
        let public = certificate
            .as_ref()
            .map(|(certificate, _)| certificate.clone());
        let client = match previous {
            Some(previous) if previous.certificate == public => previous.client.clone(),
            _ => transport::client(&self.target, self.user(certificate))?,
        };
        Ok(Session {
            client,
            authorization,
            certificate: public,
            expiry,
        })
    }

    /// Whether another attempt may give other credentials.
    pub(super) fn is_renewable(&self) -> bool {
        !matches!(self.credentials, Credentials::Fixed)
    }

    /// The credentials that kube handles: those in the kubeconfig itself, which do not change.
    fn user(&self, certificate: Option<(String, String)>) -> AuthInfo {
        let mut user = AuthInfo {
            exec: None,
            token_file: None,
            ..self.target.user.clone()
        };
        if self.is_renewable() {
            user.token = None;
        }
        if let Some((certificate, key)) = certificate {
            user.client_certificate_data = Some(BASE64_STANDARD.encode(&certificate));
            user.client_key_data = Some(BASE64_STANDARD.encode(&key).into());
        }
        user
    }
}

fn certificate_of(issued: Issued) -> Option<(String, String)> {
    issued.client_certificate_data.zip(issued.client_key_data)
}

async fn read_token(path: &Path) -> Result<String, Error> {
    let file = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || std::fs::read_to_string(file));
    match reading.await.expect("reading does not panic") {
        Ok(token) => Ok(token.trim().to_owned()),
        Err(error) => Err(Error::Config(format!(
            "cannot read the token {}: {}",
            path.display(),
            root_cause(&error)
        ))),
    }
}

fn bearer(token: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| Error::Config("the token has invalid characters".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
