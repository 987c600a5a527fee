//! The in-cluster credentials: those of the pod's `ServiceAccount`.

use kube::config::{AuthInfo, Cluster};

use super::environment::{Environment, TargetOptions};
use super::error::Error;
use super::kubeconfig::unreadable;
use super::proxy::ProxyVariables;
use super::target::{ConfigOrigin, Target, config_error};

impl Target {
    /// The cluster that this pod runs in.
    ///
    /// Fails with [`Error::Config`] outside a pod, and when the credentials cannot be read.
    pub(super) fn in_cluster(
        wishes: &TargetOptions,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let (Some(host), Some(port)) = (&environment.service_host, &environment.service_port)
        else {
            return config_error(nothing_found(environment));
        };
        if let Some(context) = &wishes.context {
            return config_error(format!(
                "there is no kubeconfig that could have a context {context:?}"
            ));
        }
        let file = |name: &str| environment.service_account.join(name);
        let readable = |name: &str| match std::fs::read_to_string(file(name)) {
            Ok(text) => Ok(text),
            Err(error) => Err(unreadable(
                "the in-cluster credentials",
                &file(name),
                &error,
            )),
        };
        readable("token")?;
        readable("ca.crt")?;

        let text = |name: &str| file(name).to_string_lossy().into_owned();
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        let server = format!("https://{host}:{port}");
        let certificate_authority = Some(text("ca.crt"));
        Ok(Self {
            origin: ConfigOrigin::InCluster,
            context: None,
            namespace: readable("namespace")
                .ok()
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty()),
            cluster: Cluster {
                server: Some(server.clone()),
                certificate_authority,
                ..Cluster::default()
            },
            user: AuthInfo {
                token_file: Some(text("token")),
                ..AuthInfo::default()
            },
            server,
            proxies: ProxyVariables::default(),
        })
    }
}

fn nothing_found(environment: &Environment) -> String {
    let home = environment
        .home
        .as_ref()
        .map(|home| home.join(".kube").join("config"));
    let home = home.map_or_else(
        || "there is no home directory".to_owned(),
        |path| format!("{} does not exist", path.display()),
    );
    format!(
        "no cluster found: neither --kubeconfig nor $KUBECONFIG is set, {home}, and this is not a pod \
         ($KUBERNETES_SERVICE_HOST and $KUBERNETES_SERVICE_PORT are not both set)"
    )
}
