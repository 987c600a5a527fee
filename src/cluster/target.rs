//! Chooses the cluster and the identity: kubeconfig files, contexts and the in-cluster credentials.
//!
//! The sources are tried in a fixed order. One that exists but is broken is an error: falling back to the next one
//! could use another cluster or identity.

use std::fmt;
use std::path::PathBuf;

use kube::config::{AuthInfo, Cluster, Kubeconfig};

use super::environment::{Environment, TargetOptions};
use super::error::Error;
use super::kubeconfig::{read, read_list};
use super::proxy::ProxyVariables;

/// Where a cluster's address and credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConfigOrigin {
    /// These kubeconfig files.
    Kubeconfig(Vec<PathBuf>),
    /// The `ServiceAccount` of the pod in which this program runs.
    InCluster,
}

impl fmt::Display for ConfigOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InCluster => f.write_str("in-cluster"),
            Self::Kubeconfig(paths) => {
                let paths: Vec<_> = paths
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                f.write_str(&paths.join(", "))
            }
        }
    }
}

/// The chosen cluster and the identity to use there. No request has been sent to it.
#[derive(Clone)]
pub(crate) struct Target {
    /// The source of the choice.
    pub origin: ConfigOrigin,
    /// The context, if there is one.
    pub context: Option<String>,
    /// The URL of the server.
    pub server: String,
    /// The namespace that the context names, or in which the pod runs.
    pub namespace: Option<String>,
    pub(super) cluster: Cluster,
    pub(super) user: AuthInfo,
    pub(super) proxies: ProxyVariables,
}

impl fmt::Debug for Target {
    /// Omits the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("origin", &self.origin)
            .field("context", &self.context)
            .field("server", &self.server)
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

impl Target {
    /// Chooses the cluster: the kubeconfig of the command line, else the files of `$KUBECONFIG`, else
    /// `~/.kube/config` if there is one, else the credentials of the pod.
    ///
    /// Fails with [`Error::Config`] when the first of these that exists cannot be used, or when there is none.
    pub(crate) fn choose(
        options: &TargetOptions,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let target = match find_files(options, environment)? {
            Some((config, paths)) => {
                Self::of_kubeconfig(&config, paths, options.context.as_deref())?
            }
            None => Self::in_cluster(options, environment)?,
        };
        Ok(Self {
            proxies: environment.proxies.clone(),
            ..target
        })
    }

    fn of_kubeconfig(
        config: &Kubeconfig,
        paths: Vec<PathBuf>,
        wanted: Option<&str>,
    ) -> Result<Self, Error> {
        let origin = ConfigOrigin::Kubeconfig(paths);
        let name = context_name(config, &origin, wanted)?;
        let context = config
            .contexts
            .iter()
            .find(|c| c.name == name)
            .and_then(|c| c.context.clone());
        let Some(context) = context else {
            return config_error(format!(
                "{origin}: context {name:?} does not exist; {}",
                known_contexts(config)
            ));
        };

        let cluster = config
            .clusters
            .iter()
            .find(|c| c.name == context.cluster)
            .and_then(|c| c.cluster.clone());
        let Some(cluster) = cluster else {
            return config_error(format!(
                "{origin}: context {name:?} names cluster {:?}, which does not exist",
                context.cluster
            ));
        };
        let Some(server) = cluster.server.clone().filter(|server| !server.is_empty()) else {
            return config_error(format!(
                "{origin}: cluster {:?} has no server",
                context.cluster
            ));
        };

        // A context may name no user. But a missing user must not result in anonymous requests.
        let user = match context.user.as_deref().filter(|user| !user.is_empty()) {
            None => AuthInfo::default(),
            Some(user) => match config.auth_infos.iter().find(|u| u.name == user) {
                Some(found) => found.auth_info.clone().unwrap_or_default(),
                None => {
                    return config_error(format!(
                        "{origin}: context {name:?} names user {user:?}, which does not exist"
                    ));
                }
            },
        };
        let namespace = context.namespace.filter(|namespace| !namespace.is_empty());
        let proxies = ProxyVariables::default();
        Ok(Self {
            origin,
            context: Some(name),
            server,
            namespace,
            cluster,
            user,
            proxies,
        })
    }
}

/// The kubeconfig and the files it was read from; `None` if none is named and there is none in the home directory.
fn find_files(
    options: &TargetOptions,
    environment: &Environment,
) -> Result<Option<(Kubeconfig, Vec<PathBuf>)>, Error> {
    if let Some(path) = &options.kubeconfig {
        return Ok(Some((read(path)?, vec![path.clone()])));
    }
    if let Some(list) = &environment.kubeconfig {
        return read_list(list).map(Some);
    }
    match environment
        .home
        .as_ref()
        .map(|home| home.join(".kube").join("config"))
    {
        // A dangling link exists, but is broken.
        Some(path) if path.symlink_metadata().is_ok() => Ok(Some((read(&path)?, vec![path]))),
        _ => Ok(None),
    }
}

pub(super) fn config_error<T>(message: String) -> Result<T, Error> {
    Err(Error::Config(message))
}

fn context_name(
    config: &Kubeconfig,
    origin: &ConfigOrigin,
    wanted: Option<&str>,
) -> Result<String, Error> {
    match wanted.or(config.current_context.as_deref()) {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => config_error(format!(
            "{origin}: there is no current-context: choose one with --context; {}",
            known_contexts(config)
        )),
    }
}

fn known_contexts(config: &Kubeconfig) -> String {
    if config.contexts.is_empty() {
        return "there are no contexts".to_owned();
    }
    let names: Vec<_> = config
        .contexts
        .iter()
        .map(|context| context.name.as_str())
        .collect();
    format!("the contexts are: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = r"
apiVersion: v1
kind: Config
current-context: one
contexts:
- {name: one, context: {cluster: c, user: u, namespace: shop}}
- {name: lost, context: {cluster: c, user: nobody}}
- {name: astray, context: {cluster: nowhere, user: u}}
- {name: anonymous, context: {cluster: c}}
clusters:
- {name: c, cluster: {server: 'https://one:6443', certificate-authority: ca.crt}}
users:
- {name: u, user: {token: s3cr3t}}
";
    const B: &str = r"
current-context: two
contexts:
- {name: two, context: {cluster: d}}
clusters:
- {name: d, cluster: {server: 'https://two:6443'}}
- {name: c, cluster: {server: 'https://other:6443'}}
";

    struct House {
        dir: tempfile::TempDir,
        environment: Environment,
    }

    impl House {
        fn new(files: &[(&str, &str)]) -> Self {
            let dir = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = dir.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            let environment = Environment {
                kubeconfig: None,
                home: Some(dir.path().join("home")),
                service_host: None,
                service_port: None,
                service_account: dir.path().join("sa"),
                proxies: ProxyVariables::default(),
            };
            Self { dir, environment }
        }

        fn list(mut self, names: &[&str]) -> Self {
            let paths = names.iter().map(|name| self.dir.path().join(name));
            self.environment.kubeconfig = Some(std::env::join_paths(paths).unwrap());
            self
        }

        fn pod(mut self) -> Self {
            self.environment.service_host = Some("fd00::1".into());
            self.environment.service_port = Some("443".into());
            self
        }

        fn choose(
            &self,
            kubeconfig: Option<&str>,
            context: Option<&str>,
        ) -> Result<Target, String> {
            let options = TargetOptions {
                kubeconfig: kubeconfig.map(|name| self.dir.path().join(name)),
                context: context.map(str::to_owned),
            };
            Target::choose(&options, &self.environment).map_err(|error| {
                error
                    .to_string()
                    .replace(&self.dir.path().display().to_string(), "DIR")
            })
        }
    }

    #[test]
    fn the_first_existing_source_is_used() {
        let files = [
            ("a", A),
            ("b", B),
            ("home/.kube/config", B),
            ("sa/token", "t"),
            ("sa/ca.crt", "c"),
            ("sa/namespace", "ci\n"),
        ];
        let house = House::new(&files).list(&["b"]).pod();
        let target = house.choose(Some("a"), None).unwrap();
        assert_eq!(
            (target.server.as_str(), target.namespace.as_deref()),
            ("https://one:6443", Some("shop"))
        );
        assert_eq!(
            target.cluster.certificate_authority,
            Some(house.dir.path().join("ca.crt").display().to_string())
        );
        assert_eq!(house.choose(None, None).unwrap().server, "https://two:6443");

        let house = House::new(&files).pod();
        assert_eq!(
            house.choose(None, None).unwrap().origin.to_string(),
            format!("{}/home/.kube/config", house.dir.path().display())
        );

        let house = House::new(&files[3..]).pod();
        let target = house.choose(None, None).unwrap();
        assert_eq!(
            (target.origin.to_string().as_str(), target.server.as_str()),
            ("in-cluster", "https://[fd00::1]:443")
        );
        assert_eq!(target.namespace.as_deref(), Some("ci"));
    }

    #[test]
    fn a_list_is_merged_without_its_missing_files() {
        let house = House::new(&[("a", A), ("b", B)]).list(&["gone", "a", "b"]);
        assert_eq!(house.choose(None, None).unwrap().server, "https://one:6443");
        let target = house.choose(None, Some("two")).unwrap();
        assert_eq!(target.server, "https://two:6443");
        assert_eq!(
            target.origin,
            ConfigOrigin::Kubeconfig(vec![house.dir.path().join("a"), house.dir.path().join("b")])
        );
    }

    #[test]
    fn a_broken_source_is_an_error_and_never_changes_the_identity() {
        let broken = "users:\n- name: u\n  user: {token: s3cr3t\n";
        let files = [
            ("a", A),
            ("broken", broken),
            ("empty", ""),
            ("sa/token", "t"),
            ("sa/ca.crt", "c"),
        ];
        let listed = |names: &[&str]| House::new(&files).list(names).pod();
        let cases = [
            (
                listed(&["a"]).choose(Some("gone"), None),
                "cannot read the kubeconfig DIR/gone: no such file or directory",
            ),
            (
                listed(&["gone", "lost"]).choose(None, None),
                "KUBECONFIG=DIR/gone:DIR/lost: there is no such file",
            ),
            (
                listed(&["a", "broken"]).choose(None, None),
                "DIR/broken:3:9: this is not a valid kubeconfig",
            ),
            (
                listed(&["empty"]).choose(None, None),
                "DIR/empty: there is no current-context: choose one with --context; there are no contexts",
            ),
            (
                listed(&["a"]).choose(None, Some("nope")),
                "DIR/a: context \"nope\" does not exist; the contexts are: one, lost, astray, anonymous",
            ),
            (
                listed(&["a"]).choose(None, Some("lost")),
                "DIR/a: context \"lost\" names user \"nobody\", which does not exist",
            ),
            (
                listed(&["a"]).choose(None, Some("astray")),
                "DIR/a: context \"astray\" names cluster \"nowhere\", which does not exist",
            ),
            (
                House::new(&files).pod().choose(None, Some("one")),
                "there is no kubeconfig that could have a context \"one\"",
            ),
            (
                House::new(&[]).pod().choose(None, None),
                "cannot read the in-cluster credentials DIR/sa/token: no such file or directory",
            ),
            (
                House::new(&[]).choose(None, None),
                "no cluster found: neither --kubeconfig nor $KUBECONFIG is set, DIR/home/.kube/config does not exist, \
                 and this is not a pod ($KUBERNETES_SERVICE_HOST and $KUBERNETES_SERVICE_PORT are not both set)",
            ),
            (
                House::new(&[("home/.kube/config", broken), files[3], files[4]])
                    .pod()
                    .choose(None, None),
                "DIR/home/.kube/config:3:9: this is not a valid kubeconfig",
            ),
        ];
        for (result, wanted) in cases {
            assert_eq!(result.unwrap_err(), wanted);
        }
        assert!(listed(&["a"]).choose(None, Some("anonymous")).is_ok());
    }
}
