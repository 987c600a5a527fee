//! Who else writes a field: the server, its controllers, kubectl, other GitOps tools.
//!
//! Source: Kubernetes' registry strategies (`PrepareForCreate`, `PrepareForUpdate`) and conversions, the Service
//! allocators, kubectl's annotations, and the tracking marks that Argo CD, Flux and Helm document.

use super::model::{Dropped, KeyRow};

/// Written only by the server. A manifest has them if it was saved from a live object; they are never compared and
/// never sent.
pub(super) static OWNED: &[&str] = &[
    "Deployment.status",
    "Service.status",
    "Namespace.status",
    "RootMeta.uid",
    "RootMeta.resourceVersion",
    "RootMeta.generation",
    "RootMeta.creationTimestamp",
    "RootMeta.deletionTimestamp",
    "RootMeta.deletionGracePeriodSeconds",
    "RootMeta.managedFields",
    "RootMeta.selfLink",
    // They identify the object.
    "RootMeta.name",
    "RootMeta.namespace",
    // Only the finalize subresource changes them.
    "NamespaceSpec.finalizers",
];

/// Written by controllers on objects that they do not own.
pub(super) static FOREIGN: &[&str] = &["RootMeta.finalizers", "RootMeta.ownerReferences"];

/// Allocated by the server if they are absent or zero; carried over if a PUT omits them.
pub(super) static ALLOCATED: &[&str] = &[
    "ServiceSpec.clusterIP",
    "ServiceSpec.clusterIPs",
    "ServiceSpec.ipFamilies",
    "ServiceSpec.healthCheckNodePort",
    "ServicePort.nodePort",
];

/// Taken from the live object if a PUT omits them: a repair must write the default explicitly.
pub(super) static CARRIED_OVER: &[&str] = &["ServiceSpec.ipFamilyPolicy"];

/// Accepted but not stored.
pub(super) static DROPPED: &[Dropped] = &[
    Dropped {
        at: "ServiceSpec.sessionAffinityConfig",
        when: |s| s.text("sessionAffinity") != "ClientIP",
    },
    Dropped {
        at: "ServiceSpec.internalTrafficPolicy",
        when: |s| s.text("type") == "ExternalName",
    },
];

/// Removed from Git on purpose when an autoscaler takes over, which is no request to remove them from the object.
pub(super) static KEPT: &[&str] = &["DeploymentSpec.replicas"];

/// Annotations that record operations on the live object; they are not copied to a new object.
pub(crate) const RECORDS: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
];

const fn owned(key: &'static str) -> KeyRow {
    KeyRow {
        key,
        value: None,
        owned: true,
    }
}

const fn foreign(key: &'static str) -> KeyRow {
    KeyRow {
        key,
        value: None,
        owned: false,
    }
}

/// Keys of maps that other tools write.
pub(super) static KEYS: &[(&str, &[KeyRow])] = &[
    (
        "RootMeta.annotations",
        &[
            owned("kubectl.kubernetes.io/last-applied-configuration"),
            owned("deployment.kubernetes.io/revision"),
            owned("kubernetes.io/change-cause"),
            owned("drift.gitops.io/*"),
            foreign("argocd.argoproj.io/tracking-id"),
            foreign("argocd.argoproj.io/installation-id"),
            foreign("kustomize.toolkit.fluxcd.io/checksum"),
            foreign("meta.helm.sh/release-name"),
            foreign("meta.helm.sh/release-namespace"),
        ],
    ),
    (
        "RootMeta.labels",
        &[
            owned("kubernetes.io/metadata.name"),
            foreign("app.kubernetes.io/instance"),
            foreign("argocd.argoproj.io/instance"),
            foreign("kustomize.toolkit.fluxcd.io/name"),
            foreign("kustomize.toolkit.fluxcd.io/namespace"),
            foreign("helm.toolkit.fluxcd.io/name"),
            foreign("helm.toolkit.fluxcd.io/namespace"),
            KeyRow {
                key: "app.kubernetes.io/managed-by",
                value: Some("Helm"),
                owned: false,
            },
        ],
    ),
    (
        // Of a pod template.
        "ObjectMeta.annotations",
        &[
            owned("kubectl.kubernetes.io/restartedAt"),
            // Alpha and beta forms of init containers, which conversion takes out.
            owned("pod.alpha.kubernetes.io/init-containers"),
            owned("pod.beta.kubernetes.io/init-containers"),
            owned("pod.alpha.kubernetes.io/init-container-statuses"),
            owned("pod.beta.kubernetes.io/init-container-statuses"),
        ],
    ),
];
