//! What the server does with a write: what it refuses to change, and what else it changes.
//!
//! Source: Kubernetes' validation (`ValidateDeploymentUpdate`, `ValidateServiceUpdate`, `ValidateConfigMapUpdate`) and
//! the Service strategy.

use serde_json::Value;

use super::rows::Immutable;

const fn never_changes(at: &'static str) -> Immutable {
    Immutable {
        at,
        when: |_, _| true,
        advice: RECREATE,
    }
}

/// Fields that cannot be changed on a live object.
pub(super) static IMMUTABLE: &[Immutable] = &[
    never_changes("DeploymentSpec.selector"),
    Immutable {
        at: "ServiceSpec.clusterIP",
        when: has_cluster_ip,
        advice: RECREATE,
    },
    Immutable {
        at: "ServiceSpec.clusterIPs",
        when: has_cluster_ip,
        advice: RECREATE,
    },
    Immutable {
        at: "ServiceSpec.ipFamilies",
        when: loses_primary_family,
        advice: "the first IP family of a Service with a cluster IP is immutable: delete and recreate the object",
    },
    Immutable {
        at: "ServiceSpec.healthCheckNodePort",
        when: |live, planned| needs_health_check_port(live) && needs_health_check_port(planned),
        advice: "set externalTrafficPolicy to Cluster and back, or delete and recreate the Service",
    },
    Immutable {
        at: "ServiceSpec.loadBalancerClass",
        when: |live, planned| is_load_balancer(live) && is_load_balancer(planned),
        advice: "change the type first, or delete and recreate the Service",
    },
    Immutable {
        at: "ConfigMap.data",
        when: is_immutable,
        advice: RENAME,
    },
    Immutable {
        at: "ConfigMap.binaryData",
        when: is_immutable,
        advice: RENAME,
    },
    Immutable {
        at: "ConfigMap.immutable",
        when: is_immutable,
        advice: RENAME,
    },
];

const RECREATE: &str = "it is immutable: delete and recreate the object";
const RENAME: &str = "the ConfigMap is immutable: give it a new name, or delete and recreate it";

fn text<'a>(live: &'a Value, pointer: &str) -> &'a str {
    live.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn has_cluster_ip(live: &Value, _: &Value) -> bool {
    !text(live, "/spec/clusterIP").is_empty()
}

/// A headless Service may change the order of its families.
fn loses_primary_family(live: &Value, planned: &Value) -> bool {
    let first = |service| text(service, "/spec/ipFamilies/0");
    !matches!(text(live, "/spec/clusterIP"), "" | "None")
        && has_address(planned)
        && first(live) != first(planned)
}

fn is_load_balancer(service: &Value) -> bool {
    text(service, "/spec/type") == "LoadBalancer"
}

fn needs_health_check_port(service: &Value) -> bool {
    is_load_balancer(service) && text(service, "/spec/externalTrafficPolicy") == "Local"
}

fn is_immutable(live: &Value, _: &Value) -> bool {
    live.pointer("/immutable") == Some(&Value::Bool(true))
}

/// A field that the server allows only in some objects of a kind.
struct Conditional {
    kind: &'static str,
    /// The keys to the field; `*` means any item of a list.
    at: &'static [&'static str],
    may_stand_in: fn(&Value) -> bool,
}

const fn of_service(at: &'static [&'static str], may_stand_in: fn(&Value) -> bool) -> Conditional {
    Conditional {
        kind: "Service",
        at,
        may_stand_in,
    }
}

/// `ValidateService`. When the type changes, the server removes some of them, but only if nothing else about them
/// changes; it never removes the source ranges.
static CONDITIONAL: &[Conditional] = &[
    of_service(&["spec", "loadBalancerSourceRanges"], is_load_balancer),
    of_service(
        &[
            "metadata",
            "annotations",
            "service.beta.kubernetes.io/load-balancer-source-ranges",
        ],
        is_load_balancer,
    ),
    of_service(&["spec", "loadBalancerClass"], is_load_balancer),
    of_service(&["spec", "allocateLoadBalancerNodePorts"], is_load_balancer),
    of_service(&["spec", "healthCheckNodePort"], needs_health_check_port),
    of_service(&["spec", "externalTrafficPolicy"], is_external),
    of_service(&["spec", "ports", "*", "nodePort"], |service| {
        !is_cluster_ip(service)
    }),
    of_service(&["spec", "clusterIP"], has_address),
    of_service(&["spec", "clusterIPs"], has_address),
    of_service(&["spec", "ipFamilies"], has_address),
    of_service(&["spec", "ipFamilyPolicy"], has_address),
];

fn is_cluster_ip(service: &Value) -> bool {
    matches!(text(service, "/spec/type"), "ClusterIP" | "")
}

fn has_address(service: &Value) -> bool {
    text(service, "/spec/type") != "ExternalName"
}

/// Whether it is reachable from outside the cluster (pkg/api/v1/service/util.go, `ExternallyAccessible`).
fn is_external(service: &Value) -> bool {
    let ips = service.pointer("/spec/externalIPs");
    match text(service, "/spec/type") {
        "NodePort" | "LoadBalancer" => true,
        "ExternalName" => false,
        _ => ips
            .and_then(Value::as_array)
            .is_some_and(|ips| !ips.is_empty()),
    }
}

/// The paths of the fields that an object must not have, given its other fields; `*` means any item of a list.
pub(crate) fn forbidden(object: &Value) -> impl Iterator<Item = &'static [&'static str]> {
    let kind = text(object, "/kind");
    CONDITIONAL
        .iter()
        .filter(move |row| row.kind == kind && !(row.may_stand_in)(object))
        .map(|row| row.at)
}

/// Maps that must not share keys: the kind and the two fields.
static EXCLUSIVE: &[(&str, &str, &str)] = &[("ConfigMap", "data", "binaryData")];

/// The field of this kind's objects that must not share a key with `field`.
#[must_use]
pub(crate) fn exclusive_sibling(kind: &str, field: &str) -> Option<&'static str> {
    EXCLUSIVE
        .iter()
        .filter(|(of, ..)| *of == kind)
        .find_map(|(_, a, b)| match field {
            _ if field == *a => Some(*b),
            _ if field == *b => Some(*a),
            _ => None,
        })
}

/// Kinds with an immutable selector of their pods.
static SELECTING: &[&str] = &["Deployment"];

/// Whether the immutable selector of this object requires this key of the labels at this pointer.
#[must_use]
pub(crate) fn is_selected(live: &Value, labels: &str, key: &str) -> bool {
    let selector = live.pointer("/spec/selector");
    let (true, Some(selector), "/spec/template/metadata/labels") =
        (SELECTING.contains(&text(live, "/kind")), selector, labels)
    else {
        return false;
    };
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    let has_expression = expressions
        .into_iter()
        .flatten()
        .any(|expression| expression.get("key").and_then(Value::as_str) == Some(key));
    has_expression
        || selector
            .get("matchLabels")
            .is_some_and(|labels| labels.get(key).is_some())
}

/// The kinds and paths whose changes make the controller replace the pods.
static RESTARTING: &[(&str, [&str; 2])] = &[("Deployment", ["spec", "template"])];

/// Whether a change at this path makes the object's controller replace the pods.
#[must_use]
pub(crate) fn restarts_pods(kind: &str, keys: &[&str]) -> bool {
    let mut rows = RESTARTING.iter();
    rows.any(|(of, place)| *of == kind && keys.starts_with(place))
}

/// What else the server changes when a field changes.
pub(super) static CONSEQUENCES: &[(&str, &[&str])] = &[
    (
        "ServiceSpec.type",
        &[
            "spec.allocateLoadBalancerNodePorts",
            "spec.clusterIP",
            "spec.clusterIPs",
            "spec.externalTrafficPolicy",
            "spec.healthCheckNodePort",
            "spec.internalTrafficPolicy",
            "spec.ipFamilies",
            "spec.ipFamilyPolicy",
            "spec.loadBalancerClass",
            "spec.loadBalancerSourceRanges",
            "spec.ports[*].nodePort",
            "status.loadBalancer",
        ],
    ),
    ("DeploymentStrategy.type", &["spec.strategy.rollingUpdate"]),
    (
        "ServiceSpec.sessionAffinity",
        &["spec.sessionAffinityConfig"],
    ),
    (
        "ServiceSpec.externalTrafficPolicy",
        &["spec.healthCheckNodePort"],
    ),
    (
        "ServiceSpec.allocateLoadBalancerNodePorts",
        &["spec.ports[*].nodePort"],
    ),
    ("ServiceSpec.externalIPs", &["spec.externalTrafficPolicy"]),
    (
        "ServiceSpec.ipFamilyPolicy",
        &["spec.ipFamilies", "spec.clusterIPs"],
    ),
];
