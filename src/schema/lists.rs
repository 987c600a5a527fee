//! Lists whose order has a meaning, and lists that the server extends. The keys of lists are in the types.

use super::rows::Order;

/// Lists whose order has a meaning. The order of all others does not matter.
pub(super) static ORDERED: &[(&str, Order)] = &[
    ("Container.command", Order::Whole),
    ("Container.args", Order::Whole),
    ("Container.envFrom", Order::Whole),
    ("Container.restartPolicyRules", Order::Whole),
    ("ExecAction.command", Order::Whole),
    ("HTTPGetAction.httpHeaders", Order::Whole),
    ("HostAlias.hostnames", Order::Whole),
    ("PodDNSConfig.nameservers", Order::Whole),
    ("PodDNSConfig.searches", Order::Whole),
    ("PodDNSConfig.options", Order::Whole),
    ("ProjectedVolumeSource.sources", Order::Whole),
    ("ServiceSpec.clusterIPs", Order::Whole),
    ("ServiceSpec.ipFamilies", Order::Whole),
    // They run in sequence.
    ("PodSpec.initContainers", Order::Whole),
    // `$(NAME)` can refer only to earlier variables.
    ("Container.env", Order::References),
];

/// Lists in which the last of several items with the same key takes effect (the kubelet's `makeEnvironmentVariables`).
pub(super) static LAST_WINS: &[&str] = &["Container.env"];

/// Lists to which the server appends: the declared items come first.
pub(super) static EXTENDED: &[&str] = &["ServiceSpec.clusterIPs", "ServiceSpec.ipFamilies"];

/// Item types without a mandatory name, whose leftover items are matched by position.
pub(crate) const MATCHED_IN_ORDER: &[&str] = &["ContainerPort", "ServicePort", "VolumeMount"];
