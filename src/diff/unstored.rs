//! Declared values that a server does not store, found from the declared side alone.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use serde_json::Value;

use super::Finding;
use super::keyed::KeyedItems;
use crate::path::{Ignore, Path, Segment};
use crate::schema::{
    DeclaredPosition, Field, Kind, ListKind, Need, Server, Struct, Type, Without,
    is_stored_instead, types,
};
use crate::yaml::{self, Node, NodeId};

/// The declared values that a server does not store.
#[derive(Debug)]
pub(crate) struct Unstored {
    server: Server,
    places: HashMap<NodeId, NotStored>,
    /// Values that are dropped because nothing else is in them.
    emptied: HashSet<NodeId>,
}

/// One declared value that is not stored.
#[derive(Debug)]
pub(super) struct NotStored {
    path: Path,
    need: Need,
    is_ignored: bool,
}

impl Unstored {
    /// Finds the values of a manifest's document that this server does not store.
    #[must_use]
    pub(crate) fn of(kind: Kind, document: Node<'_>, ignore: &Ignore<'_>, server: Server) -> Self {
        let mut search = UnstoredSearch {
            server,
            steps: Vec::new(),
            structs: Vec::new(),
            is_ignored: false,
            places: HashMap::new(),
            emptied: HashSet::new(),
        };
        let ty = types::root(kind).get();
        if ty.is_conditional() {
            search.structure(ty, "", document, ignore);
        }
        Self {
            server,
            places: search.places,
            emptied: search.emptied,
        }
    }

    /// Whether a server that does not store everything that is declared can have caused a difference: it leaves no value,
    /// a list or map without some of its values, or a value of its own.
    #[must_use]
    pub(crate) fn can_explain(difference: &Finding) -> bool {
        match &difference.live {
            None | Some(Value::Null | Value::Array(_) | Value::Object(_)) => true,
            Some(Value::String(text)) => is_stored_instead(text),
            Some(Value::Bool(_) | Value::Number(_)) => false,
        }
    }

    /// Whether the server stores everything that is declared.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether the live value is what this server leaves of the declared one.
    pub(super) fn explains(&self, declared: Node<'_>, live: Option<&Value>) -> bool {
        if live.is_none() && self.emptied.contains(&declared.id()) {
            return true;
        }
        let place = self.places.get(&declared.id());
        place.is_some_and(|place| match live {
            None => true,
            Some(live) => live.as_str().is_some() && live.as_str() == place.need.instead(),
        })
    }

    /// Whether this declared value, or one below it, is not stored.
    pub(super) fn has(&self, declared: Node<'_>) -> bool {
        self.places.contains_key(&declared.id())
    }

    /// A declared value as JSON, without what the server drops. Values that the server refuses are kept, so that it can
    /// report them.
    #[must_use]
    pub(crate) fn stored(&self, declared: Node<'_>) -> Value {
        if self.is_empty() {
            return declared.to_json();
        }
        let is_dropped = |node: &Node<'_>| {
            let place = self.places.get(&node.id());
            self.emptied.contains(&node.id())
                || place.is_some_and(|place| !place.need.is_refused(self.server))
        };
        match declared.value() {
            yaml::Value::List => {
                let items = declared.items().filter(|item| !is_dropped(item));
                items.map(|item| self.stored(item)).collect()
            }
            yaml::Value::Map => {
                let entries = declared
                    .entries()
                    .filter(|entry| !is_dropped(&entry.value))
                    .map(|entry| (entry.key.to_owned(), self.stored(entry.value)));
                Value::Object(entries.collect())
            }
            _ => declared.to_json(),
        }
    }

    /// Calls `each` with each value at or below a declared one that is not stored.
    pub(super) fn for_each_below(&self, declared: Node<'_>, each: &mut dyn FnMut(NodeId)) {
        if self.is_empty() {
            return;
        }
        if self.has(declared) {
            return each(declared.id());
        }
        let items = declared.items();
        let values = declared.entries().map(|entry| entry.value);
        for inner in items.chain(values) {
            self.for_each_below(inner, each);
        }
    }

    /// The values that are not ignored.
    pub(crate) fn places(&self) -> impl Iterator<Item = NodeId> {
        let places = self.places.iter().filter(|(_, place)| !place.is_ignored);
        places.map(|(id, _)| *id)
    }

    /// The path of one of the values, and why it is not stored.
    #[must_use]
    pub(crate) fn reason(&self, id: NodeId) -> Option<(&Path, String)> {
        let place = self.places.get(&id)?;
        let need = place.need.describe(self.server);
        Some((&place.path, format!("not stored by this server ({need})")))
    }
}

/// The state of the search.
struct UnstoredSearch<'a> {
    server: Server,
    steps: Vec<DeclaredStep<'a>>,
    structs: Vec<(&'static str, Node<'a>)>,
    /// Whether the current value is ignored.
    is_ignored: bool,
    places: HashMap<NodeId, NotStored>,
    emptied: HashSet<NodeId>,
}

/// One step to the current place. Nearly all servers store everything, so paths are made only where one does not.
enum DeclaredStep<'a> {
    Field(&'static str),
    Item(Rc<DeclaredList<'a>>, usize),
}

impl DeclaredStep<'_> {
    fn segment(&self) -> Segment {
        match self {
            Self::Field(name) => Segment::Key((*name).to_owned()),
            Self::Item(list, index) => match list.kind {
                ListKind::Keyed(_) => {
                    let items = list.items();
                    items.segment(items.sides(*index), false)
                }
                ListKind::Atomic | ListKind::Set => Segment::Index(*index),
            },
        }
    }
}

/// A declared list of structs.
struct DeclaredList<'a> {
    ty: &'static Struct,
    kind: &'static ListKind,
    list: Node<'a>,
    items: OnceCell<KeyedItems<'a>>,
}

impl<'a> DeclaredList<'a> {
    fn items(&self) -> &KeyedItems<'a> {
        self.items.get_or_init(|| {
            let keys: &'static [&'static str] = match self.kind {
                ListKind::Keyed(keys) => keys,
                ListKind::Atomic | ListKind::Set => &[],
            };
            KeyedItems::of(self.ty, keys, false, self.list.items().collect(), &[])
        })
    }

    /// The rules below an item.
    fn ignore<'r>(&self, index: usize, rules: &Ignore<'r>) -> Ignore<'r> {
        if rules.is_empty() {
            return Ignore::default();
        }
        let items = self.items();
        items.ignore(items.sides(index), rules)
    }
}

impl<'a> UnstoredSearch<'a> {
    fn structure(
        &mut self,
        ty: &'static Struct,
        name: &'static str,
        node: Node<'a>,
        ignore: &Ignore<'_>,
    ) {
        let outer = self.is_ignored;
        self.is_ignored |= ignore.here();
        self.structs.push((name, node));
        if let Some(need) = self.need_of_item(ty, node) {
            self.found(node, need, ignore);
        } else {
            for entry in node.entries() {
                let field = ty.field(entry.key);
                let Some(field) = field.filter(|field| is_declared(field, entry.value)) else {
                    continue;
                };
                let ignore = ignore.key(field.name);
                self.steps.push(DeclaredStep::Field(field.name));
                match self.need(field, entry.value) {
                    Some(need) => self.found(entry.value, need, &ignore),
                    None => self.value(&field.ty, field.name, entry.value, &ignore),
                }
                self.steps.pop();
            }
            if self.is_emptied(ty, node) {
                self.emptied.insert(node.id());
            }
        }
        self.structs.pop();
        self.is_ignored = outer;
    }

    /// Whether everything declared in a struct is dropped, and the struct with it.
    fn is_emptied(&self, ty: &'static Struct, node: Node<'_>) -> bool {
        let is_dropped = |node: Node<'_>| {
            let place = self.places.get(&node.id());
            self.emptied.contains(&node.id()) || place.is_some_and(|place| place.need.empties())
        };
        let entries = node.entries().filter(|entry| {
            let field = ty.field(entry.key);
            field.is_some_and(|field| is_declared(field, entry.value))
        });
        let mut entries = entries.peekable();
        entries.peek().is_some() && entries.all(|entry| is_dropped(entry.value))
    }

    fn value(
        &mut self,
        ty: &'static Type,
        name: &'static str,
        node: Node<'a>,
        ignore: &Ignore<'_>,
    ) {
        match ty {
            Type::Struct(ty) if ty.is_conditional() => {
                self.structure(ty.get(), name, node, ignore);
            }
            Type::List { item, kind } => match &**item {
                Type::Struct(ty) if ty.is_conditional() => {
                    self.items(ty.get(), kind, name, node, ignore);
                }
                _ => {}
            },
            Type::Struct(_) | Type::Scalar(_) | Type::Any | Type::Map { .. } => {}
        }
    }

    fn items(
        &mut self,
        ty: &'static Struct,
        kind: &'static ListKind,
        name: &'static str,
        list: Node<'a>,
        ignore: &Ignore<'_>,
    ) {
        let declared = Rc::new(DeclaredList {
            ty,
            kind,
            list,
            items: OnceCell::new(),
        });
        let outer = self.is_ignored;
        self.is_ignored |= ignore.here();
        for (i, node) in list.items().enumerate() {
            let step = DeclaredStep::Item(Rc::clone(&declared), i);
            self.steps.push(step);
            self.structure(ty, name, node, &declared.ignore(i, ignore));
            self.steps.pop();
        }
        self.is_ignored = outer;
    }

    /// The requirement of a field's value that this server does not meet.
    fn need(&self, field: &'static Field, value: Node<'a>) -> Option<Need> {
        let at = DeclaredPosition {
            value,
            structs: &self.structs,
        };
        Need::unmet(self.server, field, &at)
    }

    /// The unmet requirement because of which the server drops a whole item.
    fn need_of_item(&self, ty: &'static Struct, item: Node<'a>) -> Option<Need> {
        let gated = ty.fields.iter().filter(|field| {
            let gate = field.rules.gate;
            gate.is_some_and(|gate| gate.without == Without::DropsItem)
        });
        gated
            .filter_map(|field| Some((field, item.get(field.name)?)))
            .filter(|(field, value)| is_declared(field, *value))
            .find_map(|(field, value)| self.need(field, value))
    }

    fn found(&mut self, node: Node<'a>, need: Need, ignore: &Ignore<'_>) {
        let mut path = Path::root();
        for step in &self.steps {
            path.push(step.segment());
        }
        let place = NotStored {
            path,
            need,
            is_ignored: self.is_ignored || ignore.here(),
        };
        self.places.insert(node.id(), place);
    }
}

/// Whether a field's value declares anything: it is neither `null` nor an empty list or map that Go omits.
fn is_declared(field: &Field, node: Node<'_>) -> bool {
    match node.value() {
        yaml::Value::Null => false,
        yaml::Value::List | yaml::Value::Map => field.pointer || !node.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml;

    const MANIFEST: &str = "
spec:
  template:
    spec:
      resources: {limits: {cpu: 1}}
      initContainers:
      - {name: sidecar, restartPolicy: Always}
      - {name: once, restartPolicy: Never}
      containers:
      - name: main
        restartPolicy: OnFailure
        lifecycle: {stopSignal: SIGTERM}
        volumeMounts:
        - {name: e, mountPath: /e}
        - {name: img, mountPath: /img}
        env:
        - {name: A, valueFrom: {fileKeyRef: {volumeName: e, path: p, key: k}}}
      volumes:
      - {name: e, emptyDir: {mode: 0755}}
      - {name: img, image: {reference: a/b}}
      - {name: none, image: null, emptyDir: {}}
      - {name: p, projected: {sources: [{podCertificate: {userAnnotations: {a/b: c}}}]}}
";

    fn unstored(server: Server, ignore: &str) -> (Vec<String>, Value) {
        let stream = yaml::read(MANIFEST.as_bytes().to_vec());
        let document = stream.tree.node(stream.documents[0].root);
        let patterns = crate::path::Pattern::parse_list(ignore).unwrap();
        let unstored = Unstored::of(Kind::Deployment, document, &Ignore::new(&patterns), server);
        let mut reported: Vec<String> = unstored
            .places()
            .filter_map(|id| unstored.reason(id))
            .map(|(path, reason)| {
                let path = path.to_string();
                let reason = reason.replace("not stored by this server ", "");
                format!("{} {reason}", path.replace("spec.template.spec.", ""))
            })
            .collect();
        reported.sort();
        let stored = unstored.stored(document);
        (reported, stored["spec"]["template"]["spec"].clone())
    }

    #[test]
    fn each_version_stores_more() {
        let (reported, stored) = unstored(Server::of(33), "");
        assert_eq!(
            reported,
            [
                "containers[name=main].env[name=A].valueFrom.fileKeyRef (fileKeyRef needs Kubernetes 1.35, or 1.34 with the feature gate EnvFiles)",
                "containers[name=main].lifecycle.stopSignal (stopSignal needs the feature gate ContainerStopSignals)",
                "containers[name=main].restartPolicy (restartPolicy needs Kubernetes 1.35, or 1.34 with the feature gate ContainerRestartRules)",
                "containers[name=main].volumeMounts[name=img] (its image volume needs Kubernetes 1.35, or the feature gate ImageVolume)",
                "initContainers[name=once].restartPolicy (restartPolicy needs Kubernetes 1.35, or 1.34 with the feature gate ContainerRestartRules)",
                "resources (resources needs Kubernetes 1.34, or the feature gate PodLevelResources)",
                "volumes[name=e].emptyDir.mode (mode needs Kubernetes 1.37 with the feature gate EmptyDirVolumeMode)",
                "volumes[name=img] (image needs Kubernetes 1.35, or the feature gate ImageVolume)",
                "volumes[name=p].projected.sources[0].podCertificate (podCertificate needs Kubernetes 1.37, or 1.34 with the feature gate PodCertificateRequest)",
            ]
        );
        // What this version refuses is sent, so that it says so.
        let expected = json!({
            "initContainers": [
                {"name": "sidecar", "restartPolicy": "Always"},
                {"name": "once", "restartPolicy": "Never"}
            ],
            "containers": [{
                "name": "main",
                "restartPolicy": "OnFailure",
                "volumeMounts": [{"name": "e", "mountPath": "/e"}],
                "env": [{"name": "A", "valueFrom": {}}]
            }],
            "volumes": [
                {"name": "e", "emptyDir": {}},
                {"name": "none", "image": null, "emptyDir": {}},
                {"name": "p", "projected": {"sources": [{}]}}
            ]
        });
        assert_eq!(stored, expected);

        let (reported, stored) = unstored(Server::of(34), "");
        assert_eq!(reported.len(), 8, "{reported:#?}");
        assert!(
            reported[2].ends_with(
                "(restartPolicy needs Kubernetes 1.35, or the feature gate ContainerRestartRules)"
            ),
            "{}",
            reported[2]
        );
        let expected = json!([{"name": "sidecar", "restartPolicy": "Always"}, {"name": "once"}]);
        assert_eq!(stored["initContainers"], expected);

        let (reported, _) = unstored(Server::unknown(), "");
        assert_eq!(
            reported,
            [
                "containers[name=main].lifecycle.stopSignal (stopSignal needs the feature gate ContainerStopSignals)",
                "volumes[name=e].emptyDir.mode (mode needs the feature gate EmptyDirVolumeMode)",
            ]
        );
        assert_eq!(unstored(Server::of(32), ""), unstored(Server::of(33), ""));
        assert_eq!(unstored(Server::of(38), ""), unstored(Server::of(37), ""));
    }

    #[test]
    fn what_is_ignored_is_not_stored_either_but_not_reported() {
        let ignore = "spec.template.spec.volumes[name=img],spec.template.spec.containers[*].lifecycle,spec.template.spec.volumes[name=e]";
        let (reported, stored) = unstored(Server::of(35), ignore);
        assert_eq!(
            reported,
            [
                "volumes[name=p].projected.sources[0].podCertificate (podCertificate needs Kubernetes 1.37, or the feature gate PodCertificateRequest)"
            ]
        );
        assert_eq!(stored["containers"][0].get("lifecycle"), None);
        assert_eq!(stored["volumes"][0]["emptyDir"], json!({}));
    }
}
