//! Builds the HTTP client for a target: connections, TLS, proxies, compression and fixed headers.
//!
//! The client is built here from kube's parts, because kube's own client leaves Nagle's algorithm on, which delays the
//! first request on each connection by 40 ms, sends no `User-Agent`, and reads the proxy variables wrongly: it matches
//! `NO_PROXY` against the proxy instead of the server, and fails when a part of that variable is invalid.

use std::path::PathBuf;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderValue, Uri, header};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::Config;
use kube::client::{Body, ConfigExt as _};
use kube::config::{AuthInfo, ExecAuthCluster};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tower::{BoxError, ServiceBuilder};
use tower_http::decompression::DecompressionLayer;

use super::error::{Error, one_line, root_cause};
use super::kubeconfig::describe;
use super::proxy::{Proxy, Scheme, parse_proxy};
use super::target::{ConfigOrigin, Target};

/// The time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The interval of TCP keep-alive probes on an idle connection.
const KEEPALIVE: Duration = Duration::from_secs(30);

const USER_AGENT: &str = concat!("gitops-drift/", env!("CARGO_PKG_VERSION"));

/// Creates a client that logs in as `user`. Nothing is sent yet.
///
/// Fails with [`Error::Config`] when an address, a certificate or a proxy cannot be used.
pub(super) fn client(target: &Target, user: AuthInfo) -> Result<kube::Client, Error> {
    let config = config(target, user)?;
    let tls = &config;
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));

    let Some(Proxy { scheme, url, login }) = proxy(target, &config.cluster_url)? else {
        return finish(&config, tls.rustls_https_connector_with_connector(tcp));
    };
    match (scheme, login) {
        (Scheme::Socks5, None) => finish(
            &config,
            tls.rustls_https_connector_with_connector(SocksV5::new(url, tcp)),
        ),
        (Scheme::Socks5, Some((user, password))) => {
            let socks = SocksV5::new(url, tcp).with_auth(user, password);
            finish(&config, tls.rustls_https_connector_with_connector(socks))
        }
        (Scheme::Http, login) => {
            let tunnel = with_login(Tunnel::new(url, tcp), login)?;
            finish(&config, tls.rustls_https_connector_with_connector(tunnel))
        }
        (Scheme::Https, login) => {
            // The name in the server's certificate does not apply to the proxy.
            let mut to_proxy = config.clone();
            to_proxy.tls_server_name = None;
            let secure = to_proxy.rustls_https_connector_with_connector(tcp);
            let tunnel = with_login(Tunnel::new(url, secure.map_err(|e| unusable(&e))?), login)?;
            finish(&config, tls.rustls_https_connector_with_connector(tunnel))
        }
    }
}

/// The server's URL and its proxy, for messages.
pub(super) fn route(target: &Target) -> Result<String, Error> {
    let server = &target.server;
    match proxy(target, &url(target)?)? {
        None => Ok(server.clone()),
        Some(proxy) => Ok(format!(
            "{server} through the proxy {}",
            proxy.url.to_string().trim_end_matches('/')
        )),
    }
}

fn finish<C>(config: &Config, connector: Result<C, kube::Error>) -> Result<kube::Client, Error>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let connector = connector.map_err(|error| unusable(&error))?;
    let client: legacy::Client<_, Body> =
        legacy::Client::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(DecompressionLayer::new().gzip(!config.disable_compression))
        .option_layer(config.auth_layer().map_err(|error| unusable(&error))?)
        .layer(
            config
                .extra_headers_layer()
                .map_err(|error| unusable(&error))?,
        )
        .map_err(BoxError::from)
        .service(client);
    Ok(kube::Client::new(
        service,
        config.default_namespace.as_str(),
    ))
}

fn config(target: &Target, user: AuthInfo) -> Result<Config, Error> {
    let url = url(target)?;
    let cluster = &target.cluster;
    let mut config = Config::new(url);
    config.auth_info = user;
    config.root_cert = certificate_authority(target)?;
    if target.origin == ConfigOrigin::InCluster {
        // A pod may outlive the certificate authority of its cluster.
        config.root_cert_file = cluster.certificate_authority.as_ref().map(PathBuf::from);
    }
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name = cluster
        .tls_server_name
        .clone()
        .filter(|name| !name.is_empty());
    config.disable_compression = cluster.disable_compression.unwrap_or(false);
    config.headers = vec![
        (header::USER_AGENT, HeaderValue::from_static(USER_AGENT)),
        (header::ACCEPT, HeaderValue::from_static("application/json")),
    ];
    Ok(config)
}

fn url(target: &Target) -> Result<Uri, Error> {
    let is_usable =
        |url: &Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    target.server.parse().ok().filter(is_usable).ok_or_else(|| {
        let server = one_line(&target.server);
        Error::Config(format!(
            "{}: the server {server:?} is not an http or https URL",
            target.origin
        ))
    })
}

/// The proxy in the kubeconfig, which `NO_PROXY` does not affect, else that of the environment.
fn proxy(target: &Target, server: &Uri) -> Result<Option<Proxy>, Error> {
    match target
        .cluster
        .proxy_url
        .as_deref()
        .filter(|proxy| !proxy.is_empty())
    {
        None => Ok(target.proxies.proxy_for(server)),
        Some(text) => match parse_proxy(text) {
            Some(proxy) => Ok(Some(proxy)),
            None => Err(Error::Config(format!(
                "{}: the proxy-url is not a URL",
                target.origin
            ))),
        },
    }
}

fn with_login<C>(tunnel: Tunnel<C>, login: Option<(String, String)>) -> Result<Tunnel<C>, Error> {
    let Some((user, password)) = login else {
        return Ok(tunnel);
    };
    let basic = format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{user}:{password}"))
    );
    match HeaderValue::from_str(&basic) {
        Ok(value) => Ok(tunnel.with_auth(value)),
        Err(_) => Err(Error::Config(
            "the password of the proxy cannot be sent".to_owned(),
        )),
    }
}

/// The certificates of the certificate authority; `None` for those of the operating system.
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
            "{}: the certificate authority is not PEM",
            target.origin
        ))),
    }
}

fn unusable(error: &kube::Error) -> Error {
    match error {
        kube::Error::InferKubeconfig(error) => describe(error),
        error => Error::Config(root_cause(error)),
    }
}
