//! The options and environment variables that choose the cluster.

use std::ffi::OsString;
use std::path::PathBuf;

use super::proxy::ProxyVariables;

/// The directory in a pod with the credentials of its `ServiceAccount`.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The command-line options about the cluster.
#[derive(Clone, Debug, Default)]
pub struct TargetOptions {
    /// `--kubeconfig`.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`.
    pub context: Option<String>,
}

/// The environment variables about the cluster.
#[derive(Clone)]
pub(crate) struct Environment {
    /// `$KUBECONFIG`; an empty value counts as unset.
    pub kubeconfig: Option<OsString>,
    /// The home directory, which may contain `.kube/config`.
    pub home: Option<PathBuf>,
    /// `$KUBERNETES_SERVICE_HOST`, which is set in every pod.
    pub service_host: Option<String>,
    /// `$KUBERNETES_SERVICE_PORT`.
    pub service_port: Option<String>,
    /// The directory with the `token`, `ca.crt` and `namespace` of a pod's `ServiceAccount`.
    pub service_account: PathBuf,
    /// The proxy settings.
    pub proxies: ProxyVariables,
}

impl Environment {
    /// Reads the environment of this process.
    #[must_use]
    pub(crate) fn from_process() -> Self {
        let text = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            kubeconfig: std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
            home: std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            service_host: text("KUBERNETES_SERVICE_HOST"),
            service_port: text("KUBERNETES_SERVICE_PORT"),
            service_account: PathBuf::from(SERVICE_ACCOUNT),
            proxies: ProxyVariables::from_env(),
        }
    }
}
