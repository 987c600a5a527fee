//! Lists whose order has a meaning, and lists that the server extends. What tells items apart is in the types.

use super::rows::Order;

/// Lists in which another order means something else. The order of all others is free.
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
    // They run one after the other.
    ("PodSpec.initContainers", Order::Whole),
    // `$(NAME)` sees only what stands before it.
    ("Container.env", Order::References),
];

/// Lists in which, of several items with one key, the last one takes effect (the kubelet's `makeEnvironmentVariables`).
pub(super) static LAST_WINS: &[&str] = &["Container.env"];

/// Lists that the server extends: what is declared is their beginning.
pub(super) static EXTENDED: &[&str] = &["ServiceSpec.clusterIPs", "ServiceSpec.ipFamilies"];

/// Lists without a name of their own for each item whose leftover items are matched in order.
pub(crate) const MATCHED_IN_ORDER: &[&str] = &["ContainerPort", "ServicePort", "VolumeMount"];
