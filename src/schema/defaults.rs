//! What the server fills in for a field that is absent, `null`, or a zero that Go omits.
//!
//! Source: `SetDefaults_*` in Kubernetes' pkg/apis/{core,apps}/v1/defaults.go and the generated defaulters beside
//! them, the Service strategy and its allocators. A Deployment's template gets the defaults of PodSpec and below, not
//! those of Pod (requests from limits, host ports, tolerations, service account).

use serde_json::Value;

use super::image;
use super::model::{DefaultRow, Fill, Follower, Siblings};

const fn row(at: &'static str, fill: Fill) -> DefaultRow {
    DefaultRow {
        at,
        when: |_| true,
        fill,
    }
}

const fn row_when(at: &'static str, when: fn(&Siblings<'_>) -> bool, fill: Fill) -> DefaultRow {
    DefaultRow { at, when, fill }
}

/// The defaults.
pub(crate) static DEFAULTS: &[DefaultRow] = &[
    row("DeploymentSpec.replicas", Fill::Int(1)),
    row("DeploymentSpec.revisionHistoryLimit", Fill::Int(10)),
    row("DeploymentSpec.progressDeadlineSeconds", Fill::Int(600)),
    row("DeploymentStrategy.type", Fill::Text("RollingUpdate")),
    row_when(
        "DeploymentStrategy.rollingUpdate",
        |s| s.text("type") == "RollingUpdate",
        Fill::Object,
    ),
    row("RollingUpdateDeployment.maxUnavailable", Fill::Text("25%")),
    row("RollingUpdateDeployment.maxSurge", Fill::Text("25%")),
    row("PodSpec.restartPolicy", Fill::Text("Always")),
    row("PodSpec.dnsPolicy", Fill::Text("ClusterFirst")),
    row("PodSpec.schedulerName", Fill::Text("default-scheduler")),
    row("PodSpec.terminationGracePeriodSeconds", Fill::Int(30)),
    row("PodSpec.securityContext", Fill::Object),
    row(
        "Container.imagePullPolicy",
        Fill::Computed(|s| Some(image::pull_policy(&s.text("image")).into())),
    ),
    row(
        "Container.terminationMessagePath",
        Fill::Text("/dev/termination-log"),
    ),
    row("Container.terminationMessagePolicy", Fill::Text("File")),
    row("ContainerPort.protocol", Fill::Text("TCP")),
    row("ObjectFieldSelector.apiVersion", Fill::Text("v1")),
    row("FileKeySelector.optional", Fill::Bool(false)),
    row("Probe.timeoutSeconds", Fill::Int(1)),
    row("Probe.periodSeconds", Fill::Int(10)),
    row("Probe.successThreshold", Fill::Int(1)),
    row("Probe.failureThreshold", Fill::Int(3)),
    row("HTTPGetAction.path", Fill::Text("/")),
    row("HTTPGetAction.scheme", Fill::Text("HTTP")),
    row("GRPCAction.service", Fill::Text("")),
    row("HostPathVolumeSource.type", Fill::Text("")),
    row("SecretVolumeSource.defaultMode", Fill::Int(0o644)),
    row("ConfigMapVolumeSource.defaultMode", Fill::Int(0o644)),
    row("DownwardAPIVolumeSource.defaultMode", Fill::Int(0o644)),
    row("ProjectedVolumeSource.defaultMode", Fill::Int(0o644)),
    row(
        "ServiceAccountTokenProjection.expirationSeconds",
        Fill::Int(3600),
    ),
    row(
        "PersistentVolumeClaimSpec.volumeMode",
        Fill::Text("Filesystem"),
    ),
    row(
        "ImageVolumeSource.pullPolicy",
        Fill::Computed(|s| Some(image::pull_policy(&s.text("reference")).into())),
    ),
    row("ISCSIVolumeSource.iscsiInterface", Fill::Text("default")),
    row("RBDVolumeSource.pool", Fill::Text("rbd")),
    row("RBDVolumeSource.user", Fill::Text("admin")),
    row("RBDVolumeSource.keyring", Fill::Text("/etc/ceph/keyring")),
    row("AzureDiskVolumeSource.cachingMode", Fill::Text("ReadWrite")),
    row("AzureDiskVolumeSource.fsType", Fill::Text("ext4")),
    row("AzureDiskVolumeSource.readOnly", Fill::Bool(false)),
    row("AzureDiskVolumeSource.kind", Fill::Text("Shared")),
    row(
        "ScaleIOVolumeSource.storageMode",
        Fill::Text("ThinProvisioned"),
    ),
    row("ScaleIOVolumeSource.fsType", Fill::Text("xfs")),
    row("ServicePort.protocol", Fill::Text("TCP")),
    row("ServiceSpec.type", Fill::Text("ClusterIP")),
    row("ServiceSpec.sessionAffinity", Fill::Text("None")),
    row_when(
        "ServiceSpec.sessionAffinityConfig",
        |s| s.text("sessionAffinity") == "ClientIP",
        Fill::Object,
    ),
    row("SessionAffinityConfig.clientIP", Fill::Object),
    row("ClientIPConfig.timeoutSeconds", Fill::Int(10800)),
    row_when(
        "ServiceSpec.internalTrafficPolicy",
        |s| s.text("type") != "ExternalName",
        Fill::Text("Cluster"),
    ),
    row_when(
        "ServiceSpec.externalTrafficPolicy",
        is_external,
        Fill::Text("Cluster"),
    ),
    row_when(
        "ServiceSpec.allocateLoadBalancerNodePorts",
        |s| s.text("type") == "LoadBalancer",
        Fill::Bool(true),
    ),
    row_when(
        "ServiceSpec.ipFamilyPolicy",
        |s| s.text("type") != "ExternalName",
        Fill::Computed(|s| Some(ip_family_policy(s).into())),
    ),
];

/// A headless Service without a selector may have endpoints of any family (pkg/registry/core/service/storage/alloc.go,
/// `initIPFamilyFields`).
fn ip_family_policy(spec: &Siblings<'_>) -> &'static str {
    if spec.text("clusterIP") == "None" && !spec.has("selector") {
        "RequireDualStack"
    } else {
        "SingleStack"
    }
}

/// Whether a Service is reachable from outside the cluster (pkg/api/v1/service/util.go, `ExternallyAccessible`).
fn is_external(spec: &Siblings<'_>) -> bool {
    match &*spec.text("type") {
        "NodePort" | "LoadBalancer" => true,
        "ClusterIP" => spec.has("externalIPs"),
        _ => false,
    }
}

/// Values that must agree with a declared sibling.
pub(super) static FOLLOWERS: &[Follower] = &[
    Follower {
        at: "ServicePort.targetPort",
        from: "port",
        overrides: false,
        fill: Fill::Computed(|s| same(s, "port")),
    },
    Follower {
        at: "PodSpec.serviceAccount",
        from: "serviceAccountName",
        overrides: true,
        fill: Fill::Computed(|s| same(s, "serviceAccountName")),
    },
    Follower {
        at: "PodSpec.serviceAccountName",
        from: "serviceAccount",
        overrides: false,
        fill: Fill::Computed(|s| same(s, "serviceAccount")),
    },
    Follower {
        at: "ServiceSpec.clusterIPs",
        from: "clusterIP",
        overrides: false,
        fill: Fill::Computed(|s| same(s, "clusterIP").map(|ip| Value::Array(vec![ip]))),
    },
    Follower {
        at: "DeploymentStrategy.rollingUpdate",
        from: "type",
        overrides: false,
        fill: Fill::Computed(rolling_update),
    },
];

/// The sibling that a field is a copy of, which wins where both are there.
#[must_use]
pub(crate) fn leader(field: &str) -> Option<&'static str> {
    let of = |row: &&Follower| row.at.rsplit_once('.').is_some_and(|(_, at)| at == field);
    let mut rows = FOLLOWERS.iter().filter(|row| row.overrides);
    rows.find(of).map(|row| row.from)
}

/// The declared value of a sibling.
fn same(siblings: &Siblings<'_>, field: &str) -> Option<Value> {
    siblings.declared(field).map(crate::yaml::Node::to_json)
}

/// Only this strategy has parameters.
fn rolling_update(strategy: &Siblings<'_>) -> Option<Value> {
    (strategy.text("type") == "RollingUpdate").then(|| Value::Object(serde_json::Map::new()))
}

/// Quantities that the server rounds up to milli when it stores them; all others are rounded up to nano.
pub(super) static ROUNDED_TO_MILLI: &[&str] = &[
    "ResourceRequirements.limits",
    "ResourceRequirements.requests",
    "VolumeResourceRequirements.limits",
    "VolumeResourceRequirements.requests",
    "PodSpec.overhead",
];
