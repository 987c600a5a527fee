//! The objects of a file: its documents, lists unpacked, each judged by what it claims to be.

use crate::schema::Kind;
use crate::yaml::{Document, Node, Position, Tree, Value};

use super::check::Finding;
use super::kinds::{self, Claim};
use super::problem::Subject;
use super::scalars::expected;

/// An object in a file.
pub(super) struct Object<'a> {
    pub node: Node<'a>,
    /// Which document of the file it is in.
    pub document: usize,
    /// Where it is in the document, as a JSON pointer: empty, or `/items/3`.
    pub pointer: String,
    pub subject: Subject,
    pub verdict: Verdict,
}

/// What an object is.
pub(super) enum Verdict {
    Ours(Kind),
    /// A kind that is not compared, as it is counted.
    Other(String),
    /// Nothing of Kubernetes.
    Nothing,
    Wrong(Finding),
}

/// All objects of a file in their order.
pub(super) fn objects<'a>(tree: &'a Tree, documents: &[Document]) -> Vec<Object<'a>> {
    let mut objects = Vec::new();
    for document in documents {
        let root = Place {
            node: tree.node(document.root),
            document: document.index,
            pointer: String::new(),
        };
        collect(root, Context::Document, &mut objects);
    }
    objects
}

struct Place<'a> {
    node: Node<'a>,
    document: usize,
    pointer: String,
}

/// What surrounds an object.
#[derive(Clone, Copy)]
enum Context<'a> {
    Document,
    /// An item of a list, with the `apiVersion` and `kind` of those that do not say it.
    Item(Option<&'a (String, String)>),
}

fn collect<'a>(place: Place<'a>, context: Context<'_>, objects: &mut Vec<Object<'a>>) {
    let node = place.node;
    let implied = if let Context::Item(implied) = context {
        implied
    } else {
        None
    };
    let (mut subject, claim) = match claim(node, implied) {
        Ok((subject, claim)) => (subject, claim),
        Err(finding) => {
            return objects.push(place.object(subject_of(node, "", ""), Verdict::Wrong(finding)));
        }
    };
    let verdict = match (claim, context) {
        (Claim::List(implied), Context::Document) => match list_items(node) {
            Ok(items) => {
                for (index, item) in items.enumerate() {
                    let pointer = format!("{}/items/{index}", place.pointer);
                    let item = Place {
                        node: item,
                        document: place.document,
                        pointer,
                    };
                    collect(item, Context::Item(implied.as_ref()), objects);
                }
                return;
            }
            Err(finding) => Verdict::Wrong(finding),
        },
        (Claim::List(_), Context::Item(_)) => Verdict::Wrong(Finding {
            position: node.position(),
            message: "a list within a list; kubectl does not read it either".to_owned(),
        }),
        (Claim::Ours(kind), _) => Verdict::Ours(kind),
        (Claim::Other(name), _) => Verdict::Other(name),
        (Claim::Nothing, Context::Document) => Verdict::Nothing,
        (Claim::Nothing, Context::Item(_)) => Verdict::Wrong(Finding {
            position: node.position(),
            message: expected("an object with apiVersion and kind", node),
        }),
        (Claim::Wrong { field, message }, _) => {
            let position = node
                .get(field)
                .filter(|n| !n.is_null())
                .unwrap_or(node)
                .position();
            Verdict::Wrong(Finding {
                position,
                message: format!("{field}: {message}"),
            })
        }
    };
    if subject.kind == Kind::Namespace.name() {
        subject.namespace.clear();
    }
    objects.push(place.object(subject, verdict));
}

impl<'a> Place<'a> {
    fn object(self, subject: Subject, verdict: Verdict) -> Object<'a> {
        Object {
            node: self.node,
            document: self.document,
            pointer: self.pointer,
            subject,
            verdict,
        }
    }
}

/// What an object claims to be.
fn claim(node: Node<'_>, implied: Option<&(String, String)>) -> Result<(Subject, Claim), Finding> {
    let is_object = node.get("metadata").is_some();
    let (mut api_version, mut kind) = (
        word(node, "apiVersion", is_object)?,
        word(node, "kind", is_object)?,
    );
    if let Some((implied_version, implied_kind)) = implied {
        // Either may be left out.
        api_version = if api_version.is_empty() {
            implied_version
        } else {
            api_version
        };
        kind = if kind.is_empty() { implied_kind } else { kind };
    }
    let has_items = node
        .get("items")
        .is_some_and(|items| items.value() == Value::List);
    let claim = kinds::judge(api_version, kind, is_object, has_items);
    Ok((subject_of(node, api_version, kind), claim))
}

/// A text of a document's head; empty where it is absent.
fn word<'a>(node: Node<'a>, field: &str, is_object: bool) -> Result<&'a str, Finding> {
    match node.get(field) {
        Some(value) if !value.is_null() && is_object => value.as_str().ok_or_else(|| Finding {
            position: value.position(),
            message: format!("{field}: {}", expected("a string", value)),
        }),
        value => Ok(value.and_then(Node::as_str).unwrap_or_default()),
    }
}

fn subject_of(node: Node<'_>, api_version: &str, kind: &str) -> Subject {
    let metadata = |field: &str| {
        let value = node
            .get("metadata")
            .and_then(|metadata| metadata.get(field));
        value.and_then(Node::as_str).unwrap_or_default().to_owned()
    };
    Subject {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: metadata("namespace"),
        name: metadata("name"),
    }
}

fn list_items(node: Node<'_>) -> Result<impl Iterator<Item = Node<'_>>, Finding> {
    match node.get("items") {
        Some(items) if items.value() == Value::List => Ok(items.items()),
        Some(items) if !items.is_null() => Err(Finding {
            position: items.position(),
            message: format!("items: {}", expected("a list", items)),
        }),
        _ => Err(Finding {
            position: node.position(),
            message: "items: missing; a list expected".to_owned(),
        }),
    }
}

/// The object that a place in a document belongs to.
pub(super) fn object_at<'o, 'a>(
    objects: &'o [Object<'a>],
    document: usize,
    position: Position,
) -> Option<&'o Object<'a>> {
    let mut within = objects.iter().filter(|object| object.document == document);
    within.rfind(|object| object.node.position() <= position || object.pointer.is_empty())
}

/// What a file says of itself when it is no manifest but a template of one.
pub(super) fn template_hint(text: &str) -> &'static str {
    if text.contains("{{") {
        " (a template is rendered first: helm template … | gitops-drift -f - --once)"
    } else {
        ""
    }
}
