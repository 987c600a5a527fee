//! Live objects that no manifest declares: their owner and their creator.
//!
//! It judges one object at a time by its metadata. The marks and their sources are in `schema::owners`.

use std::borrow::Cow;

use serde_json::Value;

use crate::managed_fields::{self, ManagedFields, ManagedFieldsEntry, Writer};
use crate::schema::{CONTROLLERS, OWNERS, OwnerRow, ResourceId, Sign};

/// A live object that no manifest declares.
#[derive(Debug)]
pub(crate) struct UndeclaredObject<'s> {
    /// The id of the object.
    pub id: &'s ResourceId,
    /// Its `metadata`.
    pub metadata: &'s Value,
    /// The JSON text of its `metadata.managedFields`.
    pub managed_fields: Option<Cow<'s, str>>,
}

impl<'s> UndeclaredObject<'s> {
    /// Takes a live object, and its `managedFields` if they are separate from it.
    #[must_use]
    pub(crate) fn new(
        id: &'s ResourceId,
        live: &'s Value,
        managed_fields: Option<&'s str>,
    ) -> Self {
        let within = || managed_fields::within(live);
        Self {
            id,
            metadata: &live["metadata"],
            managed_fields: managed_fields.map(Cow::from).or_else(within),
        }
    }

    /// The owner of the object; `None` if none is known.
    #[must_use]
    pub(crate) fn owner(&self) -> Option<&'static str> {
        let references = self.metadata["ownerReferences"].as_array();
        if references.is_some_and(|references| !references.is_empty()) {
            return Some(CONTROLLERS);
        }
        let row = OWNERS.iter().find(|row| self.has_sign(row));
        row.map(|row| row.owner)
    }

    fn has_sign(&self, row: &OwnerRow) -> bool {
        let (id, labels) = (self.id, &self.metadata["labels"]);
        match row.sign {
            Sign::Label(key) => labels.get(key).is_some(),
            Sign::LabelBy(key, manager) => {
                let is_it = |entry: ManagedFieldsEntry<'_>| entry.manager.starts_with(manager);
                labels.get(key).is_some() && self.managers().entries().any(is_it)
            }
            Sign::Annotation(key) => self.annotation(key).is_some(),
            Sign::TrackingId(key) => {
                let own = format!("/{}:{}/{}", id.kind, id.namespace, id.name);
                self.annotation(key)
                    .is_some_and(|text| text.ends_with(&own))
            }
            Sign::Named(kind, name) => id.kind == kind && id.name == name,
            Sign::Placed(kind, namespace, name) => {
                id.kind == kind && id.namespace == namespace && id.name == name
            }
        }
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata["annotations"][key].as_str()
    }

    fn managers(&self) -> ManagedFields {
        ManagedFields::read(self.managed_fields.as_deref().unwrap_or_default())
    }

    /// When it was created.
    #[must_use]
    pub(crate) fn created(&self) -> Option<&'s str> {
        self.metadata["creationTimestamp"].as_str()
    }

    /// The tool named by its label `app.kubernetes.io/managed-by`, which anyone may have written.
    #[must_use]
    pub(crate) fn managed_by(&self) -> Option<&'s str> {
        self.metadata["labels"]["app.kubernetes.io/managed-by"].as_str()
    }

    /// The client that created it: the one whose fields were last changed when it was created. `None` if that is no
    /// longer recorded, or if more than one client wrote in that second.
    #[must_use]
    pub(crate) fn creator(&self) -> Option<Writer> {
        let created = self.created()?;
        let managers = self.managers();
        // Nobody creates through a subresource.
        let is_of_then = |entry: &ManagedFieldsEntry<'_>| {
            entry.time == Some(created) && entry.subresource.is_empty()
        };
        let mut of_then: Vec<_> = managers.entries().filter(is_of_then).collect();
        let has_content = |entry: &ManagedFieldsEntry<'_>| {
            let mut keys = entry.fields.keys();
            keys.any(|(key, _)| key != "metadata")
        };
        if of_then.len() > 1 {
            of_then.retain(has_content);
        }
        match of_then[..] {
            [entry] => Some(Writer::from(&entry)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::schema::Kind;

    fn id(kind: Kind, namespace: &str, name: &str) -> ResourceId {
        ResourceId {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    #[allow(clippy::too_many_lines)] // One table.
    fn what_belongs_to_somebody_is_known_by_its_marks_and_names() {
        let argo = |id: &str| json!({"annotations": {"argocd.argoproj.io/tracking-id": id}});
        let label = |key: &str| json!({"labels": {key: "x"}});
        for (of, metadata, owner) in [
            (id(Kind::ConfigMap, "shop", "x"), json!({}), None),
            (
                id(Kind::ConfigMap, "shop", "x"),
                json!({"ownerReferences": [{"kind": "Foo", "controller": true}]}),
                Some("controllers"),
            ),
            // Many operators set no `controller`.
            (
                id(Kind::Service, "shop", "x"),
                json!({"ownerReferences": [{"kind": "Kafka", "controller": false}]}),
                Some("controllers"),
            ),
            (
                id(Kind::Service, "shop", "x"),
                json!({"ownerReferences": []}),
                None,
            ),
            (
                id(Kind::Deployment, "shop", "x"),
                json!({"annotations": {"meta.helm.sh/release-name": "web"}}),
                Some("Helm"),
            ),
            // `helm template | kubectl apply` leaves only the label.
            (
                id(Kind::Deployment, "shop", "x"),
                json!({"labels": {"app.kubernetes.io/managed-by": "Helm"}}),
                None,
            ),
            (
                id(Kind::Deployment, "shop", "web"),
                argo("app:apps/Deployment:shop/web"),
                Some("Argo CD"),
            ),
            // A copy under another name.
            (
                id(Kind::Deployment, "shop", "web-2"),
                argo("app:apps/Deployment:shop/web"),
                None,
            ),
            (
                id(Kind::ConfigMap, "shop", "c"),
                argo("app:/ConfigMap:shop/c"),
                Some("Argo CD"),
            ),
            (
                id(Kind::ConfigMap, "shop", "c"),
                label("argocd.argoproj.io/instance"),
                Some("Argo CD"),
            ),
            (
                id(Kind::ConfigMap, "shop", "c"),
                label("app.kubernetes.io/instance"),
                None,
            ),
            (
                id(Kind::ConfigMap, "shop", "c"),
                json!({"labels": {"app.kubernetes.io/instance": "app"},
                    "managedFields": [{"manager": "argocd-controller"}]}),
                Some("Argo CD"),
            ),
            (
                id(Kind::ConfigMap, "shop", "c"),
                label("kustomize.toolkit.fluxcd.io/name"),
                Some("Flux"),
            ),
            (
                id(Kind::ConfigMap, "shop", "c"),
                json!({"labels": {"helm.toolkit.fluxcd.io/name": "r"}, "annotations": {"meta.helm.sh/release-name": "r"}}),
                Some("Flux"),
            ),
            (
                id(Kind::ConfigMap, "shop", "lock"),
                json!({"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}),
                Some("leader election"),
            ),
            (
                id(Kind::ConfigMap, "shop", "kube-root-ca.crt"),
                json!({}),
                Some("Kubernetes"),
            ),
            (
                id(Kind::Service, "shop", "kube-root-ca.crt"),
                json!({}),
                None,
            ),
            (
                id(Kind::Service, "default", "kubernetes"),
                json!({}),
                Some("Kubernetes"),
            ),
            (id(Kind::Service, "shop", "kubernetes"), json!({}), None),
            (
                id(Kind::ConfigMap, "shop", "istio-ca-root-cert"),
                json!({}),
                Some("Istio"),
            ),
            (
                id(Kind::ConfigMap, "shop", "openshift-service-ca.crt"),
                json!({}),
                Some("OpenShift"),
            ),
        ] {
            let live = json!({"metadata": metadata});
            let object = UndeclaredObject::new(&of, &live, None);
            assert_eq!(object.owner(), owner, "{of} {metadata}");
        }
    }

    #[test]
    fn the_creator_is_the_only_client_that_wrote_when_the_object_was_created() {
        let entry = |manager: &str, time: &str, subresource: &str, field: &str| {
            json!({"manager": manager, "operation": "Update", "time": time, "subresource": subresource,
                "fieldsV1": {field: {}}})
        };
        let (then, later) = ("2026-11-22T10:04:11Z", "2026-11-22T10:04:12Z");
        let create = entry("kubectl-create", then, "", "f:spec");
        let status = entry("kube-controller-manager", then, "status", "f:status");
        let relabel = entry("kubectl-label", then, "", "f:metadata");
        let second = entry("helm", then, "", "f:spec");
        let edit = entry("kubectl-edit", later, "", "f:spec");
        let of = id(Kind::Deployment, "shop", "x");
        for (entries, creator) in [
            (vec![&create], Some("kubectl-create")),
            (vec![&status, &create, &edit], Some("kubectl-create")),
            (vec![&create, &relabel], Some("kubectl-create")),
            (vec![&relabel], Some("kubectl-label")),
            (vec![&create, &second], None),
            (vec![&edit, &status], None),
            (vec![], None),
        ] {
            let live = json!({"metadata": {"creationTimestamp": then, "managedFields": entries}});
            let found = UndeclaredObject::new(&of, &live, None).creator();
            let found = found.as_ref().map(|writer| writer.manager.as_str());
            assert_eq!(found, creator, "{entries:?}");
        }
    }

    #[test]
    fn each_row_of_the_table_is_in_the_design() {
        let design = include_str!("../DESIGN.md");
        for row in OWNERS {
            let (Sign::Label(sign)
            | Sign::LabelBy(sign, _)
            | Sign::Annotation(sign)
            | Sign::TrackingId(sign)
            | Sign::Named(_, sign)
            | Sign::Placed(_, _, sign)) = row.sign;
            assert!(design.contains(&format!("`{sign}`")), "{sign}");
        }
    }
}
