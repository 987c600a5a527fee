//! Fields that a server stores only when a feature gate is on. Without it they are dropped silently.
//!
//! Source: pkg/features/kube_features.go and `dropDisabledFields` in pkg/api/pod/util.go.

use super::rules::Gate;

const fn gate(at: &'static str, gate: &'static str, on_since: Option<u32>) -> Gate {
    Gate { at, gate, on_since }
}

/// The gated fields.
pub(super) static GATES: &[Gate] = &[
    gate("Volume.image", "ImageVolume", Some(35)),
    gate("PodSpec.resources", "PodLevelResources", Some(34)),
    gate("EnvVarSource.fileKeyRef", "EnvFiles", Some(35)),
    gate("PodSpec.hostnameOverride", "HostnameOverride", Some(35)),
    gate(
        "Container.restartPolicyRules",
        "ContainerRestartRules",
        Some(35),
    ),
    gate("Lifecycle.stopSignal", "ContainerStopSignals", None),
    gate("PodSpec.hostUsers", "UserNamespacesSupport", Some(33)),
    gate(
        "PodSecurityContext.supplementalGroupsPolicy",
        "SupplementalGroupsPolicy",
        Some(33),
    ),
    gate(
        "PodSecurityContext.seLinuxChangePolicy",
        "SELinuxChangePolicy",
        Some(33),
    ),
    gate(
        "VolumeMount.recursiveReadOnly",
        "RecursiveReadOnlyMounts",
        Some(31),
    ),
    gate(
        "VolumeProjection.clusterTrustBundle",
        "ClusterTrustBundleProjection",
        None,
    ),
    gate(
        "VolumeProjection.podCertificate",
        "PodCertificateRequest",
        None,
    ),
    gate(
        "Container.resizePolicy",
        "InPlacePodVerticalScaling",
        Some(33),
    ),
    gate(
        "PodSpec.resourceClaims",
        "DynamicResourceAllocation",
        Some(34),
    ),
    gate(
        "ResourceRequirements.claims",
        "DynamicResourceAllocation",
        Some(34),
    ),
    gate(
        "PodAffinityTerm.matchLabelKeys",
        "MatchLabelKeysInPodAffinity",
        Some(31),
    ),
    gate(
        "PodAffinityTerm.mismatchLabelKeys",
        "MatchLabelKeysInPodAffinity",
        Some(31),
    ),
    gate("PodSpec.schedulingGroup", "GenericWorkload", None),
];
