//! Classifies a document by its `apiVersion` and `kind`: one of the four kinds, another kind, no object, or a typo.

use crate::schema::Kind;

use super::problem::{one_line, quoted};
use super::suggest;

/// The kinds of `v1`. Source: the scheme of `k8s.io/api/core/v1`.
const CORE: &[&str] = &[
    "Binding",
    "ComponentStatus",
    "ConfigMap",
    "Endpoints",
    "Event",
    "LimitRange",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "PodTemplate",
    "RangeAllocation",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
    "SerializedReference",
    "Service",
    "ServiceAccount",
    "Status",
];

/// The kinds of `apps/v1`.
const APPS: &[&str] = &[
    "ControllerRevision",
    "DaemonSet",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
];

/// The groups without a dot, except the core group. Custom groups have a dot, so any other group is a typo.
const GROUPS: &[&str] = &["apps", "autoscaling", "batch", "extensions", "policy"];

/// The result of classifying a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// One of the four kinds.
    Ours(Kind),
    /// A kind that is not compared, by the name under which it is counted: `apps/v1 StatefulSet`.
    Other(String),
    /// A list, whose items are classified one by one. Items that name no type have this `apiVersion` and `kind`; those
    /// of a `v1 List` must name one.
    List(Option<(String, String)>),
    /// Not a Kubernetes object.
    Nothing,
    /// Probably meant as one of the four kinds, with a mistake.
    Wrong {
        /// The field with the mistake.
        field: &'static str,
        /// The message about it.
        message: String,
    },
}

/// Classifies a document by its `apiVersion` and `kind`, which are empty if absent. `is_object` says that it has
/// `metadata`, `has_items` that it has a list of `items`.
pub(super) fn judge(api_version: &str, kind: &str, is_object: bool, has_items: bool) -> Claim {
    match (api_version, kind) {
        ("", "") => Claim::Nothing,
        ("", kind) => without_api_version(kind, is_object || has_items),
        ("v1" | "apps/v1", "") if is_object => wrong("kind", "missing"),
        (_, "") => Claim::Nothing,
        ("v1", "List") => Claim::List(None),
        // A kubeconfig.
        ("v1", "Config") if !is_object => other(api_version, kind),
        ("v1" | "apps/v1", kind) => known_group(api_version, kind),
        (_, kind) if has_items && kind.ends_with("List") => list_of(api_version, kind),
        _ => other_group(api_version, kind),
    }
}

fn wrong(field: &'static str, message: impl Into<String>) -> Claim {
    Claim::Wrong {
        field,
        message: message.into(),
    }
}

fn other(api_version: &str, kind: &str) -> Claim {
    Claim::Other(one_line(&format!("{api_version} {kind}")))
}

fn list_of(api_version: &str, kind: &str) -> Claim {
    Claim::List(Some((
        api_version.to_owned(),
        kind.trim_end_matches("List").to_owned(),
    )))
}

/// The `apiVersion` of a kind: `v1` or `apps/v1`.
fn home(kind: &str) -> Option<&'static str> {
    let item = kind.strip_suffix("List").unwrap_or(kind);
    [("v1", CORE), ("apps/v1", APPS)]
        .into_iter()
        .find(|(_, kinds)| kinds.contains(&item))
        .map(|(version, _)| version)
}

/// The compared kind that was meant, exactly or except for a typo.
pub(super) fn meant(kind: &str) -> Option<Kind> {
    let name = suggest::nearest(kind, Kind::ALL.map(Kind::name), |_| true)?;
    let is_slip = suggest::distance_within(kind, name)? <= 2;
    Kind::ALL.into_iter().find(|k| is_slip && k.name() == name)
}

fn without_api_version(kind: &str, is_object: bool) -> Claim {
    if kind == "List" && is_object {
        return wrong("apiVersion", "missing; write v1 for a List");
    }
    match meant(kind) {
        Some(meant) if is_object || meant.name() == kind => wrong(
            "apiVersion",
            format!("missing; write {} for a {meant}", meant.api_version()),
        ),
        _ if is_object => Claim::Other(one_line(kind)),
        _ => Claim::Nothing,
    }
}

/// `v1` and `apps/v1`, whose kinds are all known.
fn known_group(api_version: &str, kind: &str) -> Claim {
    if let Some(kind) = Kind::find(api_version, kind) {
        return Claim::Ours(kind);
    }
    match home(kind) {
        Some(home) if home == api_version && kind.ends_with("List") => list_of(api_version, kind),
        Some(home) if home == api_version => other(api_version, kind),
        Some(home) => wrong(
            "apiVersion",
            format!("{api_version} has no kind {kind}; write {home}"),
        ),
        None => {
            let shown = quoted(kind);
            let lists = CORE
                .iter()
                .chain(APPS)
                .map(|kind| format!("{kind}List"))
                .collect::<Vec<_>>();
            let known = CORE
                .iter()
                .chain(APPS)
                .copied()
                .chain(lists.iter().map(String::as_str))
                .chain(["List"]);
            let nearest = suggest::nearest(kind, known, |name| home_of(name) == Some(api_version));
            let hint = match nearest {
                Some(name) if home_of(name) == Some(api_version) => {
                    format!(", did you mean {name}?")
                }
                Some(name) => format!(
                    ", did you mean {} {name}?",
                    home_of(name).unwrap_or_default()
                ),
                None => String::new(),
            };
            wrong("kind", format!("{api_version} has no kind {shown}{hint}"))
        }
    }
}

fn home_of(name: &str) -> Option<&'static str> {
    if name == "List" {
        Some("v1")
    } else {
        home(name)
    }
}

/// All other groups: kinds that are not compared, unless one of the four kinds was meant.
fn other_group(api_version: &str, kind: &str) -> Claim {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let meant = if group.contains('.') || matches!(group, "autoscaling" | "batch" | "policy") {
        None
    } else {
        meant(kind)
    };
    match meant {
        // `extensions` had Deployments, but never a Service or ConfigMap.
        Some(meant) if group == "extensions" && meant != Kind::Deployment => {
            other(api_version, kind)
        }
        Some(meant) if GROUPS.contains(&group) && meant.name() == kind => {
            let home = meant.api_version();
            wrong(
                "apiVersion",
                format!("{api_version} has no kind {kind} any more; write {home}"),
            )
        }
        Some(meant) => {
            let (shown, home) = (quoted(api_version), meant.api_version());
            wrong(
                "apiVersion",
                format!("expected {home} for a {meant}, found {shown}"),
            )
        }
        None => other(api_version, kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_classified_by_api_version_and_kind() {
        for (api_version, kind, claim) in [
            ("apps/v1", "Deployment", Claim::Ours(Kind::Deployment)),
            ("v1", "Service", Claim::Ours(Kind::Service)),
            (
                "apps/v1",
                "StatefulSet",
                Claim::Other("apps/v1 StatefulSet".to_owned()),
            ),
            ("v1", "Pod", Claim::Other("v1 Pod".to_owned())),
            (
                "serving.knative.dev/v1",
                "Service",
                Claim::Other("serving.knative.dev/v1 Service".to_owned()),
            ),
            ("batch/v1", "Job", Claim::Other("batch/v1 Job".to_owned())),
            (
                "apps/v1beta1",
                "StatefulSet",
                Claim::Other("apps/v1beta1 StatefulSet".to_owned()),
            ),
            (
                "skaffold/v4",
                "Config",
                Claim::Other("skaffold/v4 Config".to_owned()),
            ),
            ("", "Pod", Claim::Other("Pod".to_owned())),
            ("v1", "List", Claim::List(None)),
            (
                "v1",
                "PodList",
                Claim::List(Some(("v1".to_owned(), "Pod".to_owned()))),
            ),
            (
                "example.com/v1",
                "FooList",
                Claim::List(Some(("example.com/v1".to_owned(), "Foo".to_owned()))),
            ),
            ("", "", Claim::Nothing),
            ("v2", "", Claim::Nothing),
        ] {
            assert_eq!(
                judge(api_version, kind, true, true),
                claim,
                "{api_version} {kind}"
            );
        }
        assert_eq!(judge("", "Pod", false, false), Claim::Nothing);
        assert_eq!(judge("v1", "", false, false), Claim::Nothing);
    }

    #[test]
    fn errors_suggest_what_was_meant() {
        for (api_version, kind, field, message) in [
            (
                "extensions/v1beta1",
                "Deployment",
                "apiVersion",
                "extensions/v1beta1 has no kind Deployment any more; write apps/v1",
            ),
            (
                "apps/v1beta2",
                "Deployment",
                "apiVersion",
                "apps/v1beta2 has no kind Deployment any more; write apps/v1",
            ),
            (
                "v1",
                "Deployment",
                "apiVersion",
                "v1 has no kind Deployment; write apps/v1",
            ),
            (
                "apps/v1",
                "Service",
                "apiVersion",
                "apps/v1 has no kind Service; write v1",
            ),
            (
                "apps/v1",
                "Deploymnet",
                "kind",
                "apps/v1 has no kind \"Deploymnet\", did you mean Deployment?",
            ),
            (
                "v1",
                "deployment",
                "kind",
                "v1 has no kind \"deployment\", did you mean apps/v1 Deployment?",
            ),
            (
                "v1",
                "configmap",
                "kind",
                "v1 has no kind \"configmap\", did you mean ConfigMap?",
            ),
            ("v1", "Ingress", "kind", "v1 has no kind \"Ingress\""),
            (
                "app/v1",
                "Deployment",
                "apiVersion",
                "expected apps/v1 for a Deployment, found \"app/v1\"",
            ),
            (
                "apps",
                "Deployment",
                "apiVersion",
                "expected apps/v1 for a Deployment, found \"apps\"",
            ),
            (
                "V1",
                "Service",
                "apiVersion",
                "expected v1 for a Service, found \"V1\"",
            ),
            (
                "",
                "Deploymnet",
                "apiVersion",
                "missing; write apps/v1 for a Deployment",
            ),
            ("", "List", "apiVersion", "missing; write v1 for a List"),
            ("v1", "", "kind", "missing"),
        ] {
            let expected = Claim::Wrong {
                field,
                message: message.to_owned(),
            };
            assert_eq!(judge(api_version, kind, true, false), expected);
        }
    }
}
