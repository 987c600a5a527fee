//! Fields that a server stores only when a feature gate is on. Without it they are dropped silently.
//!
//! Source: pkg/features/kube_features.go and `dropDisabledFields` in pkg/api/pod/util.go.

use super::model::Gate;

const fn gate(at: &'static str, gate: &'static str, on_since: Option<u32>) -> Gate {
    Gate { at, gate, on_since }
}

/// The gated fields, as of 1.37.
pub(super) static GATES: &[Gate] = &[
    gate(
        "VolumeMount.recursiveReadOnly",
        "RecursiveReadOnlyMounts",
        Some(31),
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
        "Container.resizePolicy",
        "InPlacePodVerticalScaling",
        Some(33),
    ),
    gate("PodSpec.resources", "PodLevelResources", Some(34)),
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
    gate("Volume.image", "ImageVolume", Some(35)),
    gate("EnvVarSource.fileKeyRef", "EnvFiles", Some(35)),
    gate("PodSpec.hostnameOverride", "HostnameOverride", Some(35)),
    gate(
        "Container.restartPolicyRules",
        "ContainerRestartRules",
        Some(35),
    ),
    gate(
        "VolumeProjection.clusterTrustBundle",
        "ClusterTrustBundleProjection",
        Some(37),
    ),
    gate(
        "VolumeProjection.podCertificate",
        "PodCertificateRequest",
        Some(37),
    ),
    gate("Lifecycle.stopSignal", "ContainerStopSignals", None),
    gate("PodSpec.schedulingGroup", "GenericWorkload", None),
    gate("PodSpec.evictionResponders", "EvictionRequestAPI", None),
    gate("EmptyDirVolumeSource.mode", "EmptyDirVolumeMode", None),
    gate(
        "VolumeMount.bindMountOptions",
        "VolumeBindMountOptions",
        None,
    ),
    gate("GRPCAction.mode", "GRPCContainerProbeTLS", None),
    gate("HTTPGetAction.protocol", "H2CContainerProbe", None),
    gate("ConfigMapVolumeSource.defaultUser", USER_FIELDS, None),
    gate("SecretVolumeSource.defaultUser", USER_FIELDS, None),
    gate("DownwardAPIVolumeSource.defaultUser", USER_FIELDS, None),
    gate("ProjectedVolumeSource.defaultUser", USER_FIELDS, None),
    gate("KeyToPath.user", USER_FIELDS, None),
    gate("DownwardAPIVolumeFile.user", USER_FIELDS, None),
    gate("ServiceAccountTokenProjection.user", USER_FIELDS, None),
    gate("ClusterTrustBundleProjection.user", USER_FIELDS, None),
    gate("PodCertificateProjection.user", USER_FIELDS, None),
];

const USER_FIELDS: &str = "AtomicWriteVolumeUserFields";
