//! Who manages live objects that no manifest declares: tools that deploy or copy objects, and Kubernetes and well-known
//! controllers, which create objects in every namespace.
//!
//! The table has only marks that, according to their source, the tool itself sets. A mark that people write too
//! (`app.kubernetes.io/managed-by`) hides nothing.

use super::Kind;

/// A mark that identifies an owner's objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnerRow {
    /// The owner's name in reports.
    pub owner: &'static str,
    /// The mark.
    pub sign: Sign,
}

/// A mark that shows who owns an object.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sign {
    /// A label with this key.
    Label(&'static str),
    /// A label with this key, on an object that was written by a field manager whose name begins with this prefix.
    LabelBy(&'static str, &'static str),
    /// An annotation with this key.
    Annotation(&'static str),
    /// An annotation with this key whose value ends with the object's own `/KIND:NAMESPACE/NAME`, because copies of the
    /// object have the annotation too.
    TrackingId(&'static str),
    /// This kind and name, in any namespace.
    Named(Kind, &'static str),
    /// This kind, namespace and name.
    Placed(Kind, &'static str, &'static str),
}

const KUBERNETES: &str = "Kubernetes";
const LEADER_ELECTION: &str = "leader election";
const HELM: &str = "Helm";
const ARGO_CD: &str = "Argo CD";
const FLUX: &str = "Flux";
const ISTIO: &str = "Istio";
const OPENSHIFT: &str = "OpenShift";

/// The owner of objects with an owner reference.
pub(crate) const CONTROLLERS: &str = "controllers";

const fn row(owner: &'static str, sign: Sign) -> OwnerRow {
    OwnerRow { owner, sign }
}

use Sign::{Annotation, Label, LabelBy, Named, Placed, TrackingId};

/// The rows; the first match counts.
pub(crate) static OWNERS: &[OwnerRow] = &[
    // Flux: the labels of kustomize-controller and helm-controller, https://fluxcd.io/flux/faq/. Before Helm, whose
    // marks the objects of a HelmRelease have as well.
    row(FLUX, Label("kustomize.toolkit.fluxcd.io/name")),
    row(FLUX, Label("helm.toolkit.fluxcd.io/name")),
    // Flux Operator: https://fluxoperator.dev/docs/crd/resourceset/.
    row(FLUX, Label("resourceset.fluxcd.controlplane.io/name")),
    // Argo CD: https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/. The default label of tracking by
    // label is one that charts and people write too, so the application controller must have written the object.
    row(ARGO_CD, TrackingId("argocd.argoproj.io/tracking-id")),
    row(ARGO_CD, Label("argocd.argoproj.io/instance")),
    row(ARGO_CD, LabelBy("app.kubernetes.io/instance", "argocd-")),
    // Helm sets it on all that it installs: https://helm.sh/docs/faq/changes_since_helm2/, pkg/action/validate.go.
    row(HELM, Annotation("meta.helm.sh/release-name")),
    // client-go, tools/leaderelection/resourcelock: the record of an election, before there were Leases.
    row(
        LEADER_ELECTION,
        Annotation("control-plane.alpha.kubernetes.io/leader"),
    ),
    // kube-controller-manager, root-ca-certificate-publisher-controller.
    row(KUBERNETES, Named(Kind::ConfigMap, "kube-root-ca.crt")),
    // kube-apiserver, pkg/controlplane/controller/kubernetesservice.
    row(KUBERNETES, Placed(Kind::Service, "default", "kubernetes")),
    // kube-apiserver, pkg/controlplane/controller/clusterauthenticationtrust and legacytokentracking.
    row(
        KUBERNETES,
        Placed(
            Kind::ConfigMap,
            "kube-system",
            "extension-apiserver-authentication",
        ),
    ),
    row(
        KUBERNETES,
        Placed(
            Kind::ConfigMap,
            "kube-system",
            "kube-apiserver-legacy-service-account-token-tracking",
        ),
    ),
    // kubeadm: https://kubernetes.io/docs/reference/setup-tools/kubeadm/implementation-details/.
    row(
        KUBERNETES,
        Placed(Kind::ConfigMap, "kube-public", "cluster-info"),
    ),
    row(
        KUBERNETES,
        Placed(Kind::ConfigMap, "kube-system", "kubeadm-config"),
    ),
    row(
        KUBERNETES,
        Placed(Kind::ConfigMap, "kube-system", "kubelet-config"),
    ),
    row(
        KUBERNETES,
        Placed(Kind::ConfigMap, "kube-system", "kube-proxy"),
    ),
    row(
        KUBERNETES,
        Placed(Kind::ConfigMap, "kube-system", "coredns"),
    ),
    row(
        KUBERNETES,
        Placed(Kind::Deployment, "kube-system", "coredns"),
    ),
    row(KUBERNETES, Placed(Kind::Service, "kube-system", "kube-dns")),
    // Kubernetes' addon manager, cluster/addons/addon-manager/README.md.
    row(KUBERNETES, Label("addonmanager.kubernetes.io/mode")),
    // Istio, security/pkg/k8s/controller (istio/istio, namespacecontroller.go).
    row(ISTIO, Named(Kind::ConfigMap, "istio-ca-root-cert")),
    row(ISTIO, Named(Kind::ConfigMap, "istio-ca-crl")),
    // OpenShift's kube-controller-manager: openshift/openshift-docs#87272. The other two: openshift-pipelines, "CA bundle
    // ConfigMaps" (tektoncd/operator#190).
    row(
        OPENSHIFT,
        Named(Kind::ConfigMap, "openshift-service-ca.crt"),
    ),
    row(OPENSHIFT, Named(Kind::ConfigMap, "config-trusted-cabundle")),
    row(OPENSHIFT, Named(Kind::ConfigMap, "config-service-cabundle")),
    // cert-manager's trust-manager, api/v1alpha1 BundleLabelKey.
    row("cert-manager", Label("trust.cert-manager.io/bundle")),
    // Linkerd's service mirror: https://linkerd.io/2/tasks/multicluster/.
    row("Linkerd", Label("mirror.linkerd.io/mirrored-service")),
    // Knative Eventing, pkg/eventingtls: the bundles that it copies to where sources are.
    row("Knative", Label("networking.knative.dev/trust-bundle")),
    // Kyverno's generated resources: https://kyverno.io/docs/policy-types/cluster-policy/generate/.
    row("Kyverno", Label("generate.kyverno.io/policy-name")),
    // The hierarchical namespace controller, "every propagated object".
    row("HNC", Label("hnc.x-k8s.io/inherited-from")),
    // Reflector's automatic copies: emberstack/kubernetes-reflector.
    row(
        "Reflector",
        Annotation("reflector.v1.k8s.emberstack.com/auto-reflects"),
    ),
    // Rancher's Fleet and k3s, wrangler's pkg/apply.
    row("Rancher", Label("objectset.rio.cattle.io/hash")),
    // kapp: https://carvel.dev/kapp/docs/latest/apply/.
    row("kapp", Label("kapp.k14s.io/app")),
    // The Operator Lifecycle Manager, pkg/lib/ownerutil.
    row("OLM", Label("olm.owner")),
    // kubectl apply --applyset and others: KEP-3659.
    row("ApplySets", Label("applyset.kubernetes.io/part-of")),
];
