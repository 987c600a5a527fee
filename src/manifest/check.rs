//! Checks an object against the type that its `apiVersion` and `kind` name.
//!
//! One walk over the type and the node together. It finds everything that the API server would refuse to decode, and
//! the fields that it would drop because they are unknown.

use crate::path::Path;
use crate::schema::{Field, Kind, Struct, Type, types};
use crate::yaml::{Entry, Node, Position, Value, decode_base64};

use super::names::{self, NameError};
use super::problem::quoted;
use super::scalars::{self, expected};
use super::trail::Trail;
use super::unknown;

/// A mistake in a manifest, without the file.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    /// The line and column.
    pub position: Position,
    /// The message, which begins with the path of the field.
    pub message: String,
}

/// The mistakes and special fields that a check found.
#[derive(Debug, Default)]
pub(super) struct CheckResult {
    /// Mistakes that the API server would refuse.
    pub wrong: Vec<Mistake>,
    /// Unknown fields, which the API server would drop.
    pub unknown: Vec<Mistake>,
    /// The fields that only the API server sets, and the position of the first one.
    pub saved: Vec<String>,
    pub saved_at: Option<Position>,
    /// Images with a variable that was not substituted, and the fields that cannot be compared for that reason.
    pub unsubstituted: Vec<Mistake>,
    pub incomparable: Vec<Path>,
}

/// Checks an object of this kind. `identity` checks its name and namespace.
pub(super) fn check(kind: Kind, object: Node<'_>) -> CheckResult {
    let root = types::root(kind);
    let mut walk = Checker {
        root: &root,
        findings: CheckResult::default(),
    };
    walk.object(&Trail::root(&root), object);
    if kind == Kind::ConfigMap {
        walk.config_map(object);
    }
    walk.findings
}

struct Checker<'t> {
    root: &'t Struct,
    findings: CheckResult,
}

impl Checker<'_> {
    fn wrong(&mut self, at: &Trail<'_>, position: Position, message: &str) {
        self.findings.wrong.push(Mistake {
            position,
            message: format!("{}: {message}", at.path()),
        });
    }

    /// Checks the whole object; `apiVersion` and `kind` are not fields of its struct.
    fn object(&mut self, at: &Trail<'_>, object: Node<'_>) {
        for entry in object.entries() {
            if !matches!(entry.key, "apiVersion" | "kind") {
                self.entry(at, object, &entry);
            }
        }
    }

    fn entry(&mut self, at: &Trail<'_>, node: Node<'_>, entry: &Entry<'_>) {
        /// With more unknown fields than this, they are not typos.
        const MANY: usize = 100;
        if let Some(field) = at.ty.field(entry.key) {
            self.image(at, node, entry);
            return self.field(&at.key(field.name), field, entry.value);
        }
        let mut message = format!("{}: unknown field", at.path().key(entry.key));
        if self.findings.unknown.len() < MANY {
            message += &unknown::hint(self.root, at, node, entry);
        }
        let position = entry.key_position();
        self.findings.unknown.push(Mistake { position, message });
    }

    fn field(&mut self, at: &Trail<'_>, field: &Field, node: Node<'_>) {
        if field.rules.owned.is_some() && !matches!(field.name, "name" | "namespace") {
            return self.saved(at, node);
        }
        self.value(at, &field.ty, node);
        match (at.ty.name, field.name) {
            ("ObjectMeta" | "RootMeta", "annotations") => self.annotations(at, node),
            ("ObjectMeta" | "RootMeta", "labels")
            | ("LabelSelector", "matchLabels")
            | ("ServiceSpec", "selector")
            | ("PodSpec", "nodeSelector") => self.labels(at, node),
            ("ConfigMap", "data" | "binaryData") => self.keys(at, node, names::check_data_key),
            _ => {}
        }
    }

    /// Records an image that still has a variable: the deployed image is unknown, and so is the default pull policy,
    /// which depends on it.
    fn image(&mut self, at: &Trail<'_>, node: Node<'_>, entry: &Entry<'_>) {
        let is_image = matches!(
            (at.ty.name, entry.key),
            ("Container" | "EphemeralContainer", "image") | ("ImageVolumeSource", "reference")
        );
        let text = entry.value.as_str().filter(|_| is_image);
        let Some(text) = text.filter(|text| text.contains("${") || text.contains("$(")) else {
            return;
        };
        let path = at.path().key(entry.key);
        self.findings.unsubstituted.push(Mistake {
            position: entry.value.position(),
            message: format!(
                "{path}: {} has a variable that was not substituted: substitute it first",
                quoted(text)
            ),
        });
        let policy = match entry.key {
            "image" => "imagePullPolicy",
            _ => "pullPolicy",
        };
        if node.get(policy).is_none_or(Node::is_null) {
            self.findings.incomparable.push(at.path().key(policy));
        }
        self.findings.incomparable.push(path);
    }

    /// Records a field that only the API server sets, without checking it.
    fn saved(&mut self, at: &Trail<'_>, node: Node<'_>) {
        let declares = match node.value() {
            Value::Null => false,
            Value::List | Value::Map => !node.is_empty(),
            _ => true,
        };
        if declares {
            self.findings.saved_at.get_or_insert(node.position());
            self.findings.saved.push(at.path().to_string());
        }
    }

    fn value(&mut self, at: &Trail<'_>, ty: &Type, node: Node<'_>) {
        let value = node.value();
        match ty {
            Type::Scalar(scalar) => {
                if let Err(error) = scalars::check(*scalar, node) {
                    self.wrong(at, node.position(), &error.to_string());
                }
            }
            _ if value == Value::Null => {}
            Type::Any => {}
            Type::Map { value: of, .. } if value == Value::Map => {
                for entry in node.entries() {
                    self.value(&at.key(entry.key), of, entry.value);
                }
            }
            Type::Struct(of) if value == Value::Map => {
                let at = Trail { ty: of, ..*at };
                node.entries()
                    .for_each(|entry| self.entry(&at, node, &entry));
            }
            Type::List { item: of, kind } if value == Value::List => {
                for (index, item) in node.items().enumerate() {
                    self.value(&at.item(node, index, kind), of, item);
                }
            }
            Type::List { .. } => {
                self.wrong(at, node.position(), &expected("a list", node).to_string());
            }
            Type::Map { .. } | Type::Struct(_) => {
                self.wrong(at, node.position(), &expected("a map", node).to_string());
            }
        }
    }

    fn labels(&mut self, at: &Trail<'_>, labels: Node<'_>) {
        self.keys(at, labels, names::check_key);
        for entry in labels.entries() {
            let Value::String(value) = entry.value.value() else {
                continue;
            };
            if let Err(error) = names::check_label_value(value) {
                let message = format!("{error}, found {}", quoted(value));
                self.wrong(&at.key(entry.key), entry.value.position(), &message);
            }
        }
    }

    fn annotations(&mut self, at: &Trail<'_>, annotations: Node<'_>) {
        const SAVED: [&str; 2] = [
            "kubectl.kubernetes.io/last-applied-configuration",
            "deployment.kubernetes.io/revision",
        ];
        self.keys(at, annotations, names::check_annotation_key);
        let mut size = 0;
        for entry in annotations.entries() {
            size += entry.key.len();
            if let Value::String(value) = entry.value.value() {
                size += value.len();
            }
            if at.ty.name == "RootMeta" && SAVED.contains(&entry.key) {
                self.saved(&at.key(entry.key), entry.value);
            }
        }
        if size > names::ANNOTATIONS {
            let message = format!(
                "expected at most {} bytes, found {size}",
                names::ANNOTATIONS
            );
            self.wrong(at, annotations.position(), &message);
        }
    }

    fn keys(&mut self, at: &Trail<'_>, map: Node<'_>, check: fn(&str) -> Result<(), NameError>) {
        for entry in map.entries() {
            if let Err(error) = check(entry.key) {
                self.wrong(&at.key(entry.key), entry.key_position(), &error.to_string());
            }
        }
    }

    /// Checks a `ConfigMap` as a whole: no key is both in `data` and `binaryData`, and the data is not too large.
    fn config_map(&mut self, object: Node<'_>) {
        let root = Trail::root(self.root);
        let (data, binary) = (object.get("data"), object.get("binaryData"));
        for entry in entries(binary) {
            if let Some(other) = data.and_then(|data| data.get(entry.key)) {
                let line = other.position().line;
                let message = format!("duplicate key: also in data, on line {line}");
                let at = root.key("binaryData");
                self.wrong(&at.key(entry.key), entry.key_position(), &message);
            }
        }
        let text = |entry: Entry<'_>| entry.value.as_str().unwrap_or_default().len();
        let bytes = |entry: Entry<'_>| {
            let decoded = entry.value.as_str().and_then(decode_base64);
            decoded.map_or(0, |bytes| bytes.len())
        };
        let size =
            entries(data).map(text).sum::<usize>() + entries(binary).map(bytes).sum::<usize>();
        if size > names::CONFIG_MAP {
            let message = format!(
                "expected at most {} bytes of data, found {size}",
                names::CONFIG_MAP
            );
            self.findings.wrong.push(Mistake {
                position: object.position(),
                message,
            });
        }
    }
}

fn entries(map: Option<Node<'_>>) -> impl Iterator<Item = Entry<'_>> {
    map.into_iter().flat_map(Node::entries)
}
