//! What the server does not let be repaired: known before it is tried where the tables say so, else read from its
//! answer.

use serde_json::Value;

use crate::cluster::Cause;
use crate::diff::{Finding, Subject, Token};
use crate::path::Ignore;
use crate::schema::{self, exclusive_sibling};

/// Why a difference cannot be put right, where that is known before it is tried. `planned` is what the object is to
/// become, this difference included.
pub(super) fn known(
    finding: &Finding,
    subject: &Subject<'_>,
    live: &Value,
    planned: &Value,
) -> Option<String> {
    let immutable = finding.immutable.filter(|row| (row.when)(live, planned));
    immutable
        .map(|row| row.advice.to_owned())
        .or_else(|| pinned(finding, live))
        .or_else(|| blocked_by_ignored(finding, subject, live))
}

/// A label of the template that the immutable selector asks for.
fn pinned(finding: &Finding, live: &Value) -> Option<String> {
    let [keys @ .., Token::Key(label)] = &finding.at[..] else {
        return None;
    };
    let pointer = crate::diff::pointer(keys);
    schema::is_selected(live, &pointer, label).then(|| {
        "spec.selector asks for the live value and is immutable: delete and recreate the object"
            .to_owned()
    })
}

/// A key that stands in the other of two maps, which is ignored there and so may not be taken out.
fn blocked_by_ignored(finding: &Finding, subject: &Subject<'_>, live: &Value) -> Option<String> {
    let [Token::Key(map), Token::Key(key)] = &finding.at[..] else {
        return None;
    };
    let other = exclusive_sibling(subject.kind.name(), map)?;
    let ignored = Ignore::new(subject.ignore.iter().copied())
        .key(other)
        .key(key)
        .here();
    (ignored && live.get(other)?.get(key).is_some())
        .then(|| format!("the key stands in {other} too, and is ignored there"))
}

/// The written differences that the server's answer names, and why.
pub(super) fn named<'f>(causes: &[Cause], written: &'f [Finding]) -> Vec<(&'f Finding, String)> {
    let about = |finding: &&'f Finding| {
        let at = api_path(&finding.at);
        let cause = causes
            .iter()
            .find(|cause| is_within(&cause.field, &at) || is_within(&at, &cause.field))?;
        Some((*finding, told(&cause.message)))
    };
    written
        .iter()
        .filter_map(|finding| about(&finding))
        .collect()
}

/// What the server said, and what an operator can do about it.
pub(super) fn told(message: &str) -> String {
    if message.contains("immutable") || message.contains("may not change") {
        format!("{message}: delete and recreate the object, or change the manifest")
    } else {
        message.to_owned()
    }
}

/// Whether one of the server's paths is the other, or below it.
fn is_within(path: &str, outer: &str) -> bool {
    !outer.is_empty()
        && path
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A place as the server's messages write it: `spec.ports[0].port`; a map's key in brackets or behind a dot.
fn api_path(at: &[Token]) -> String {
    let mut path = String::new();
    for token in at {
        match token {
            Token::Key(key) if path.is_empty() => path.push_str(key),
            Token::Key(key) => path.extend([".", key]),
            Token::Index(index) => path.extend(["[", &index.to_string(), "]"]),
        }
    }
    path
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::diff::{Class, Edit, Origin};
    use crate::path::Path;

    /// A changed value at a path of keys and positions with dots between.
    pub(in crate::remediate) fn finding(path: &str) -> Finding {
        let at = path.split('.').map(|token| {
            token
                .parse()
                .map_or_else(|_| Token::Key(token.to_owned()), Token::Index)
        });
        let keys = path
            .split('.')
            .fold(Path::root(), |path, key| path.key(key));
        Finding {
            path: keys,
            class: Class::Changed,
            declared: None,
            desired: None,
            origin: Origin::Declared,
            live: None,
            declared_pointer: None,
            at: at.collect(),
            edit: Edit::Set(Value::Null),
            immutable: None,
            kept: None,
            consequences: Vec::new(),
        }
    }

    fn cause(field: &str, message: &str) -> Cause {
        Cause {
            field: field.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn the_answer_names_fields_at_above_or_below_the_difference() {
        let written = [
            finding("spec.ports.0.port"),
            finding("spec.ports.10.port"),
            finding("spec.type"),
        ];
        for (field, expected) in [
            ("spec.ports[0].port", vec![0]),
            ("spec.ports[0]", vec![0]),
            ("spec.ports", vec![0, 1]),
            ("spec.ports[1]", vec![]),
            ("spec.type[x]", vec![2]),
            ("", vec![]),
            ("metadata.labels", vec![]),
        ] {
            let causes = [cause(field, "no")];
            let found: Vec<usize> = named(&causes, &written)
                .iter()
                .map(|(finding, _)| {
                    let at = written
                        .iter()
                        .position(|other| std::ptr::eq(other, *finding));
                    at.unwrap()
                })
                .collect();
            assert_eq!(found, expected, "{field}");
        }
    }

    #[test]
    fn labels_that_the_selector_asks_for_are_pinned() {
        let live = serde_json::json!({
            "kind": "Deployment",
            "spec": {"selector": {"matchLabels": {"app": "x"}, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}},
        });
        for (path, expected) in [
            ("spec.template.metadata.labels.app", true),
            ("spec.template.metadata.labels.tier", true),
            ("spec.template.metadata.labels.team", false),
            ("metadata.labels.app", false),
            ("spec.replicas", false),
        ] {
            assert_eq!(pinned(&finding(path), &live).is_some(), expected, "{path}");
        }
    }
}
