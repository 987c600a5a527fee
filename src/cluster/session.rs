//! An HTTP client for a target, and the credentials that it sends: made once, renewed when they run out.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Uri, header};
use jiff::Timestamp;
use kube::Config;
use kube::config::{AuthInfo, ExecAuthCluster};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::error::{Error, one_line, root_cause};
use super::kubeconfig::{Origin, Target, describe};
use super::plugin::{Issued, Plugin};
use super::proxy::parse_proxy;

/// How long a server may take to accept a connection and to shake hands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a token that is kept in a file is read again: kubelet writes a new one long before the old one expires.
const TOKEN_FILE_AGE: Duration = Duration::from_secs(60);
/// Credentials are renewed this long before they expire.
const MARGIN: Duration = Duration::from_secs(10);

const USER_AGENT: &str = concat!("gitops-drift/", env!("CARGO_PKG_VERSION"));

/// Where credentials come from.
enum Credentials {
    /// The kubeconfig itself has them, and kube sends them.
    Fixed,
    /// A file has a token, which changes.
    TokenFile(PathBuf),
    /// A plugin makes them.
    Plugin(Box<Plugin>),
}

/// Opens sessions for one target.
pub(super) struct Login {
    target: Target,
    credentials: Credentials,
}

/// A client with its credentials. Its connections are kept and used again.
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
    /// Prepares to log in. `limit` is the time that a plugin has which nobody can talk to.
    ///
    /// Fails with [`Error::Config`] where the kubeconfig asks for something that there is not.
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
                "auth-provider {:?} is not supported, as in kubectl: use the credential plugin that took its place",
                provider.name
            )));
        }
        let credentials = match (&target.user.token_file, &target.user.exec) {
            _ if target.user.auth_provider.is_some() || target.user.username.is_some() => {
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

    /// Gets credentials and makes a client, or takes the one of the session that is to be replaced.
    pub(super) async fn open(&self, previous: Option<&Session>) -> Result<Session, Error> {
        let (token, certificate, expiry) = match &self.credentials {
            Credentials::Fixed => (None, None, None),
            Credentials::TokenFile(path) => {
                let expiry = Timestamp::now().checked_add(TOKEN_FILE_AGE).ok();
                match (read_token(path), previous) {
                    // A file that is gone may have been taken away on purpose, once it had been read.
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
            _ => self.client(certificate)?,
        };
        Ok(Session {
            client,
            authorization,
            certificate: public,
            expiry,
        })
    }

    /// Whether asking again may give other credentials.
    pub(super) fn is_renewable(&self) -> bool {
        !matches!(self.credentials, Credentials::Fixed)
    }

    fn client(&self, certificate: Option<(String, String)>) -> Result<kube::Client, Error> {
        let mut config = config(&self.target)?;
        config.auth_info = self.auth_info(certificate)?;
        kube::Client::try_from(config).map_err(|error| match error {
            kube::Error::InferKubeconfig(error) => describe(&error),
            error => Error::Config(root_cause(&error)),
        })
    }

    /// What is left for kube to do: what it finds in the kubeconfig itself, not what changes.
    fn auth_info(&self, certificate: Option<(String, String)>) -> Result<AuthInfo, Error> {
        let mut user = AuthInfo {
            exec: None,
            token_file: None,
            ..self.target.user.clone()
        };
        if !matches!(self.credentials, Credentials::Fixed) {
            user.token = None;
        }
        if let Some((certificate, key)) = certificate {
            user.client_certificate_data = Some(base64(&certificate)?);
            user.client_key_data = Some(base64(&key)?.into());
        }
        Ok(user)
    }
}

/// The configuration of a client without its credentials.
///
/// It is put together here because kube's own reading of a kubeconfig holds `NO_PROXY` against the proxy instead of
/// the server, and fails when a part of that variable is odd.
fn config(target: &Target) -> Result<Config, Error> {
    let url: Uri = target.server.parse().map_err(|_| invalid_server(target))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none() {
        return Err(invalid_server(target));
    }
    let mut config = Config::new(url);
    config.proxy_url =
        match target
            .cluster
            .proxy_url
            .as_deref()
            .filter(|proxy| !proxy.is_empty())
        {
            Some(proxy) => Some(parse_proxy(proxy).ok_or_else(|| {
                Error::Config("the kubeconfig's proxy-url is not a URL".to_owned())
            })?),
            None => target.proxies.proxy_for(&config.cluster_url),
        };
    config.root_cert = certificate_authority(target)?;
    if target.origin == Origin::InCluster {
        config.root_cert_file = target
            .cluster
            .certificate_authority
            .as_ref()
            .map(PathBuf::from);
    }
    config.accept_invalid_certs = target.cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name = target
        .cluster
        .tls_server_name
        .clone()
        .filter(|name| !name.is_empty());
    config.disable_compression = target.cluster.disable_compression.unwrap_or(false);
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    // Each request has a deadline of its own, which covers what a limit on a single read would, and its retries.
    config.read_timeout = None;
    config.default_retry = false;
    config.headers = vec![
        (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
        (
            HeaderName::from_static("accept"),
            HeaderValue::from_static("application/json"),
        ),
    ];
    Ok(config)
}

fn invalid_server(target: &Target) -> Error {
    Error::Config(format!(
        "{}: the server {:?} is not a URL",
        target.origin,
        one_line(&target.server)
    ))
}

/// The certificates that the server's must come from, or nothing for those of the operating system.
fn certificate_authority(target: &Target) -> Result<Option<Vec<Vec<u8>>>, Error> {
    let loaded = ExecAuthCluster::try_from(&target.cluster).map_err(|error| describe(&error))?;
    let Some(pem) = loaded.certificate_authority_data else {
        return Ok(None);
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem)
        .map(|der| der.map(|der| der.to_vec()))
        .collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(Some(certificates)),
        _ => Err(Error::Config(format!(
            "{}: the certificate authority holds no PEM certificate",
            target.origin
        ))),
    }
}

fn certificate_of(issued: Issued) -> Option<(String, String)> {
    issued.client_certificate_data.zip(issued.client_key_data)
}

fn read_token(path: &Path) -> Result<String, Error> {
    match std::fs::read_to_string(path) {
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
        .map_err(|_| Error::Config("the token has characters that no token has".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Text in base64, which is how a kubeconfig holds it.
fn base64(text: &str) -> Result<String, Error> {
    let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
    match serde_json::to_value(bytes) {
        Ok(serde_json::Value::String(encoded)) => Ok(encoded),
        _ => Err(Error::Config(
            "the credential plugin's certificate cannot be used".to_owned(),
        )),
    }
}
