//! Checks the name and namespace of an object as the API server does.

use crate::schema::Kind;
use crate::yaml::{Node, Value};

use super::check::Mistake;
use super::names;
use super::problem::quoted;

/// The mistakes in the name and namespace of an object.
pub(super) fn check(kind: Kind, object: Node<'_>) -> Vec<Mistake> {
    let mut wrong = Vec::new();
    let metadata = object.get("metadata");
    if metadata.is_some_and(|m| !matches!(m.value(), Value::Map | Value::Null)) {
        // The type check reports it.
        return wrong;
    }
    let field = |name: &str| metadata.and_then(|m| m.get(name)).filter(|n| !n.is_null());
    match field("name").map(|name| (name, name.as_str())) {
        // Not a string: the type check reports it.
        Some((_, None)) => {}
        Some((node, Some(name))) if !name.is_empty() => {
            if let Err(error) = names::check_name(kind, name) {
                wrong.push(bad_name("metadata.name", node, name, &error.to_string()));
            }
        }
        found => wrong.push(no_name(
            object,
            metadata,
            found.map(|(node, _)| node),
            field("generateName"),
        )),
    }
    if let Some(node) = namespace(object).filter(|_| kind.is_namespaced())
        && let Some(namespace) = node.as_str()
        && let Err(error) = names::check_label(namespace)
    {
        wrong.push(bad_name(
            "metadata.namespace",
            node,
            namespace,
            &error.to_string(),
        ));
    }
    wrong
}

fn bad_name(path: &str, node: Node<'_>, name: &str, message: &str) -> Mistake {
    Mistake {
        position: node.position(),
        message: format!("{path}: {message}, found {}", quoted(name)),
    }
}

fn no_name(
    object: Node<'_>,
    metadata: Option<Node<'_>>,
    name: Option<Node<'_>>,
    generated: Option<Node<'_>>,
) -> Mistake {
    let (node, message) = match generated {
        Some(node) => (
            node,
            "metadata.generateName: cannot be compared, because it creates another object each time; write metadata.name",
        ),
        None => (
            name.or(metadata).unwrap_or(object),
            "metadata.name: missing",
        ),
    };
    Mistake {
        position: node.position(),
        message: message.to_owned(),
    }
}

/// The namespace that an object names, if any.
pub(super) fn namespace(object: Node<'_>) -> Option<Node<'_>> {
    object
        .get("metadata")?
        .get("namespace")
        .filter(|node| !matches!(node.value(), Value::Null | Value::String("")))
}
