//! Fields of which at most one is set: a member other than the declared one is a single difference.
//!
//! Source: the `+union` markers and validation of Kubernetes' core types.

use super::rows::{Members, Union};

/// The unions.
pub(super) static UNIONS: &[Union] = &[
    Union {
        of: "Volume",
        members: Members::AllBut(&["name"]),
        implied: Some("emptyDir"),
    },
    Union {
        of: "EnvVar",
        members: Members::Fields(&["value", "valueFrom"]),
        implied: Some("value"),
    },
    Union {
        of: "EnvVarSource",
        members: Members::Fields(&[
            "configMapKeyRef",
            "fieldRef",
            "fileKeyRef",
            "resourceFieldRef",
            "secretKeyRef",
        ]),
        implied: None,
    },
    Union {
        of: "Probe",
        members: Members::Fields(HANDLERS),
        implied: None,
    },
    Union {
        of: "LifecycleHandler",
        members: Members::Fields(HANDLERS),
        implied: None,
    },
    Union {
        of: "PodResourceClaim",
        members: Members::Fields(&["resourceClaimName", "resourceClaimTemplateName"]),
        implied: None,
    },
    Union {
        of: "FlockerVolumeSource",
        members: Members::Fields(&["datasetName", "datasetUUID"]),
        implied: None,
    },
    Union {
        of: "FCVolumeSource",
        members: Members::Fields(&["targetWWNs", "wwids"]),
        implied: None,
    },
    Union {
        of: "DeploymentStrategy",
        members: Members::ByType(Some("RollingUpdate")),
        implied: None,
    },
    Union {
        of: "SeccompProfile",
        members: Members::ByType(None),
        implied: None,
    },
    Union {
        of: "AppArmorProfile",
        members: Members::ByType(None),
        implied: None,
    },
];

const HANDLERS: &[&str] = &["exec", "grpc", "httpGet", "sleep", "tcpSocket"];
