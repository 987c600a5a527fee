//! Fields that a server stores only if a feature gate is on, and silently drops otherwise.
//!
//! Source: pkg/features/kube_features.go and `dropDisabledFields` in pkg/api/pod/util.go, of each version. A gate that
//! is locked on in every known version has no row.

use super::rows::{DeclaredPosition, Gate, Without};
use crate::yaml::Node;

const fn gate(at: &'static str, name: &'static str, on_since: Option<u32>) -> Gate {
    Gate {
        at,
        name,
        on_since,
        when: |_| true,
        without: Without::Drops,
        called: None,
    }
}

/// The gated fields. A gate that is on since 1.33 may have been on earlier; its row is for servers where it is off.
pub(super) static GATES: &[Gate] = &[
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
        "TopologySpreadConstraint.matchLabelKeys",
        "MatchLabelKeysInPodTopologySpread",
        Some(33),
    ),
    Gate {
        without: Without::DropsEmptied,
        ..gate(
            "LifecycleHandler.sleep",
            "PodLifecycleSleepAction",
            Some(33),
        )
    },
    gate(
        "Container.resizePolicy",
        "InPlacePodVerticalScaling",
        Some(33),
    ),
    Gate {
        without: Without::Stores("Default"),
        ..gate("SecurityContext.procMount", "ProcMountType", Some(33))
    },
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
    Gate {
        without: Without::DropsItem,
        ..gate("Volume.image", IMAGE_VOLUME, Some(35))
    },
    Gate {
        when: is_of_image_volume,
        without: Without::DropsItem,
        called: Some("its image volume"),
        ..gate("VolumeMount.name", IMAGE_VOLUME, Some(35))
    },
    gate("EnvVarSource.fileKeyRef", "EnvFiles", Some(35)),
    gate("PodSpec.hostnameOverride", "HostnameOverride", Some(35)),
    gate("Container.restartPolicyRules", RESTART_RULES, Some(35)),
    Gate {
        when: is_restarted_by_rules,
        without: Without::RefusesBefore(34),
        ..gate("Container.restartPolicy", RESTART_RULES, Some(35))
    },
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
    Gate {
        without: Without::DropsEmptied,
        ..gate("Lifecycle.stopSignal", "ContainerStopSignals", None)
    },
    gate("PodSpec.workloadRef", "GenericWorkload", None),
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

const IMAGE_VOLUME: &str = "ImageVolume";
const RESTART_RULES: &str = "ContainerRestartRules";
const USER_FIELDS: &str = "AtomicWriteVolumeUserFields";

/// Whether a server without some feature gate stores this value instead of the declared one.
#[must_use]
pub(crate) fn is_stored_instead(value: &str) -> bool {
    let mut gates = GATES.iter();
    gates.any(|gate| matches!(gate.without, Without::Stores(instead) if instead == value))
}

/// Whether the mount with this `name` mounts an image volume of its pod.
fn is_of_image_volume(name: &DeclaredPosition<'_>) -> bool {
    let pod = name.structs.iter().rev().nth(2).map(|(_, node)| *node);
    let mut volumes = pod
        .and_then(|pod| pod.get("volumes"))
        .into_iter()
        .flat_map(Node::items);
    let is_declared = |field: Node<'_>| !field.is_null();
    volumes.any(|volume| {
        volume.get("name").and_then(Node::as_str) == name.value.as_str()
            && volume.get("image").is_some_and(is_declared)
    })
}

/// Whether a `restartPolicy` is not just the `Always` that makes an init container a sidecar.
fn is_restarted_by_rules(policy: &DeclaredPosition<'_>) -> bool {
    let is_init = policy
        .structs
        .last()
        .is_some_and(|(list, _)| *list == "initContainers");
    !is_init || policy.value.as_str() != Some("Always")
}
