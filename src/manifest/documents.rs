//! The objects of a file: its documents with lists unpacked, each classified by its `apiVersion` and `kind`.

use crate::schema::Kind;
use crate::yaml::{Document, Node, Position, Tree, Value};

use super::annotations;
use super::check::Mistake;
use super::kinds::{self, Claim};
use super::problem::ObjectReference;
use super::scalars::expected;
use super::sops;

/// An object in a file.
pub(super) struct Object<'a> {
    pub node: Node<'a>,
    /// The index of its document in the file.
    pub document: usize,
    /// The JSON pointer to it in the document: empty, or `/items/3`.
    pub pointer: String,
    pub subject: ObjectReference,
    pub verdict: Classified,
}

impl Object<'_> {
    /// Whether it is compared, unless it has errors.
    pub(super) fn is_compared(&self) -> bool {
        match self.verdict {
            Classified::Ours(_) => !annotations::is_skipped(self.node),
            Classified::Wrong(_) => true,
            Classified::Other(_) | Classified::Nothing => false,
        }
    }
}

/// The class of an object.
pub(super) enum Classified {
    Ours(Kind),
    /// A kind that is not compared, by the name under which it is counted.
    Other(String),
    /// Not a Kubernetes object.
    Nothing,
    Wrong(Mistake),
}

/// All objects of a file in order. Compared objects without a namespace get this one.
pub(super) fn objects<'a>(
    tree: &'a Tree,
    documents: &[Document],
    namespace: &str,
) -> Vec<Object<'a>> {
    let mut objects = Vec::new();
    for document in documents {
        let node = tree.node(document.root);
        let head = ClaimedType::of(node, None);
        if sops::is_encrypted(node) && head.is_unreadable(node) {
            objects.push(unreadable(node, document.index));
            continue;
        }
        if let Some((implied, items)) = items(node, &head) {
            for (index, item) in items.enumerate() {
                let head = ClaimedType::of(item, implied).in_list(item);
                let pointer = format!("/items/{index}");
                objects.push(head.object(item, document.index, pointer, namespace));
            }
            continue;
        }
        objects.push(head.object(node, document.index, String::new(), namespace));
    }
    objects
}

/// A document that SOPS has encrypted so that its objects cannot be identified.
fn unreadable(node: Node<'_>, document: usize) -> Object<'_> {
    Object {
        node,
        document,
        pointer: String::new(),
        subject: ObjectReference::default(),
        verdict: Classified::Wrong(Mistake {
            position: node.position(),
            message: sops::MESSAGE.to_owned(),
        }),
    }
}

/// The items of a list, and the type of items that do not name one.
fn items<'a, 'h>(
    node: Node<'a>,
    head: &'h ClaimedType,
) -> Option<(Option<&'h Implied>, impl Iterator<Item = Node<'a>>)> {
    let Claim::List(implied) = &head.claim else {
        return None;
    };
    let items = node.get("items").filter(|n| n.value() == Value::List)?;
    Some((implied.as_ref(), items.items()))
}

/// The `apiVersion` and `kind` of list items that do not name them.
type Implied = (String, String);

/// The `apiVersion` and `kind` of an object.
struct ClaimedType {
    api_version: String,
    kind: String,
    claim: Claim,
    /// The mistake, if one of the two is not a string.
    wrong: Option<Mistake>,
}

impl ClaimedType {
    fn of(node: Node<'_>, implied: Option<&Implied>) -> Self {
        let word = |field: &str| node.get(field).and_then(Node::as_str).unwrap_or_default();
        let (mut api_version, mut kind) = (word("apiVersion"), word("kind"));
        if let Some((implied_version, implied_kind)) = implied
            && (api_version.is_empty() || kind.is_empty())
        {
            (api_version, kind) = (implied_version, implied_kind);
        }
        let is_object = node.get("metadata").is_some();
        let has_items = node.get("items").is_some_and(|n| n.value() == Value::List);
        let wrong = ["apiVersion", "kind"].into_iter().find_map(|field| {
            let value = node
                .get(field)
                .filter(|n| !n.is_null() && n.as_str().is_none())?;
            let message = format!("{field}: {}", expected("a string", value));
            is_object.then(|| Mistake {
                position: value.position(),
                message,
            })
        });
        Self {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            claim: kinds::judge(api_version, kind, is_object, has_items),
            wrong,
        }
    }

    /// Whether encryption hides the type of a document or of one of its items.
    fn is_unreadable(&self, node: Node<'_>) -> bool {
        let hidden = |head: &Self| {
            let is_hidden =
                sops::is_ciphertext(&head.api_version) || sops::is_ciphertext(&head.kind);
            is_hidden || matches!(head.claim, Claim::Ours(_))
        };
        match items(node, self) {
            Some((implied, mut items)) => items.any(|item| hidden(&Self::of(item, implied))),
            None => sops::is_ciphertext(&self.api_version) || sops::is_ciphertext(&self.kind),
        }
    }

    /// The same for an item of a list, which must be a Kubernetes object and not another list.
    fn in_list(mut self, node: Node<'_>) -> Self {
        let message = match self.claim {
            Claim::List(_) => "expected an object, found a list within a list, which kubectl does not accept either".to_owned(),
            Claim::Nothing => expected("an object with apiVersion and kind", node).to_string(),
            _ => return self,
        };
        self.wrong.get_or_insert(Mistake {
            position: node.position(),
            message,
        });
        self
    }

    fn verdict(self, node: Node<'_>) -> Classified {
        if let Some(finding) = self.wrong {
            return Classified::Wrong(finding);
        }
        match self.claim {
            Claim::Ours(kind) => Classified::Ours(kind),
            Claim::Other(name) => Classified::Other(name),
            Claim::Nothing => Classified::Nothing,
            Claim::Wrong { field, message } => {
                let at = node.get(field).filter(|n| !n.is_null()).unwrap_or(node);
                Classified::Wrong(Mistake {
                    position: at.position(),
                    message: format!("{field}: {message}"),
                })
            }
            // A list whose `items` is not a list; otherwise it was unpacked.
            Claim::List(_) => {
                let (at, message) = match node.get("items").filter(|n| !n.is_null()) {
                    Some(items) => (items, format!("items: {}", expected("a list", items))),
                    None => (node, "items: expected a list, found nothing".to_owned()),
                };
                Classified::Wrong(Mistake {
                    position: at.position(),
                    message,
                })
            }
        }
    }

    fn object<'a>(
        self,
        node: Node<'a>,
        document: usize,
        pointer: String,
        namespace: &str,
    ) -> Object<'a> {
        let metadata = |field: &str| {
            let value = node
                .get("metadata")
                .and_then(|metadata| metadata.get(field));
            value.and_then(Node::as_str).unwrap_or_default().to_owned()
        };
        let mut subject = ObjectReference {
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            namespace: metadata("namespace"),
            name: metadata("name"),
        };
        let verdict = self.verdict(node);
        match &verdict {
            Classified::Ours(kind) if !kind.is_namespaced() => subject.namespace.clear(),
            Classified::Ours(_) if subject.namespace.is_empty() => {
                namespace.clone_into(&mut subject.namespace);
            }
            _ => {}
        }
        Object {
            node,
            document,
            pointer,
            subject,
            verdict,
        }
    }
}

/// The object that contains a position in a document.
pub(super) fn object_at<'o, 'a>(
    objects: &'o [Object<'a>],
    document: usize,
    position: Position,
) -> Option<&'o Object<'a>> {
    let place = |object: &Object<'_>| (object.document, object.node.position());
    let after = objects.partition_point(|object| place(object) <= (document, position));
    let before = after.checked_sub(1).map(|at| &objects[at]);
    // The first comment or anchor of a document comes before its object.
    before
        .filter(|object| object.document == document)
        .or_else(|| {
            let next = objects.get(after);
            next.filter(|object| object.document == document && object.pointer.is_empty())
        })
}

/// A hint for a file that cannot be read because it is a template.
pub(super) fn template_hint(text: &str, message: &str) -> &'static str {
    if text.contains("{{") && !message.contains("template") {
        " (`{{` begins a template, which must be rendered first)"
    } else {
        ""
    }
}
