//! Groups errors by their cause: many objects may fail for one reason.

use std::collections::BTreeMap;

use super::value::escape;
use super::{ErrorEntry, ResourceRef};

/// How many names a line has.
const MOST_NAMES: usize = 10;

/// The errors with one cause.
pub(super) struct CommonCause<'a> {
    pub(super) errors: Vec<&'a ErrorEntry>,
}

impl CommonCause<'_> {
    /// The message, and the first resources that it is about; all of them if the report is shown whole.
    pub(super) fn line(&self, is_whole: bool) -> String {
        if let [error] = &self.errors[..] {
            return escape(&error.line());
        }
        let count = self.errors.len();
        let resources = self.errors.iter();
        let resources = resources.filter_map(|error| error.resource.as_ref());
        let names = resources.map(ResourceRef::with_namespace);
        let places = self.errors.iter().filter_map(|error| error.source.as_ref());
        let places = places.map(ToString::to_string);
        let (what, names) = match self.errors[0].resource {
            Some(_) => ("resource(s)", listed(names, is_whole)),
            None => ("place(s)", listed(places, is_whole)),
        };
        format!("{}: {count} {what}: {names}", escape(&self.message()))
    }

    /// The message, with `*` for the names that differ.
    fn message(&self) -> String {
        let first = self.errors[0];
        let namespace = |error: &ErrorEntry| Some(error.resource.as_ref()?.namespace.clone());
        let mut others = self.errors.iter();
        let is_one_namespace = others.all(|error| namespace(error) == namespace(first));
        if is_one_namespace {
            without(first, |resource| vec![&resource.name])
        } else {
            without_names(first)
        }
    }
}

/// Groups the errors by cause, in order of first occurrence. Messages that differ only in the names of their resources
/// or in their places have one cause.
pub(super) fn causes(errors: &[ErrorEntry]) -> Vec<CommonCause<'_>> {
    let mut causes: Vec<CommonCause<'_>> = Vec::new();
    let mut places: BTreeMap<(bool, String), usize> = BTreeMap::new();
    for error in errors {
        let place = match (&error.resource, &error.source) {
            // There is nothing to list.
            (None, None) => causes.len(),
            (resource, _) => {
                let key = (resource.is_some(), without_names(error));
                *places.entry(key).or_insert(causes.len())
            }
        };
        if place == causes.len() {
            causes.push(CommonCause { errors: Vec::new() });
        }
        causes[place].errors.push(error);
    }
    causes
}

fn without_names(error: &ErrorEntry) -> String {
    without(error, |resource| vec![&resource.name, &resource.namespace])
}

fn without(error: &ErrorEntry, names: fn(&ResourceRef) -> Vec<&String>) -> String {
    let names = error.resource.as_ref().map(names).unwrap_or_default();
    let names = names.into_iter().filter(|name| !name.is_empty());
    names.fold(error.message.clone(), |message, name| {
        message.replace(&format!("\"{name}\""), "\"*\"")
    })
}

/// Up to ten names.
pub(super) fn listed(names: impl Iterator<Item = String>, is_whole: bool) -> String {
    let names: Vec<String> = names.map(|name| escape(&name)).collect();
    if names.len() <= MOST_NAMES || is_whole {
        return names.join(", ");
    }
    let left = names.len() - MOST_NAMES;
    format!("{} and {left} more", names[..MOST_NAMES].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::SourceLocation;

    fn error(namespace: &str, name: &str, message: &str) -> ErrorEntry {
        ErrorEntry {
            resource: Some(ResourceRef {
                api_version: "v1".to_owned(),
                kind: "ConfigMap".to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }),
            source: None,
            message: message.to_owned(),
        }
    }

    fn lines(errors: &[ErrorEntry]) -> Vec<String> {
        let causes = causes(errors).into_iter();
        causes.map(|cause| cause.line(false)).collect()
    }

    #[test]
    fn places_without_a_resource_are_grouped_too() {
        let at = |line, message: &str| ErrorEntry {
            resource: None,
            source: Some(SourceLocation {
                file: format!("t{line}.yaml"),
                line,
                column: 1,
                definition: None,
            }),
            message: message.to_owned(),
        };
        let bare = |message: &str| ErrorEntry {
            source: None,
            ..at(0, message)
        };
        let mut errors: Vec<ErrorEntry> = (1..=12).map(|line| at(line, "a template")).collect();
        errors.extend([at(13, "other"), bare("a template"), bare("a template")]);
        let shown = lines(&errors);
        let first = "a template: 12 place(s): t1.yaml:1:1, t2.yaml:2:1, t3.yaml:3:1";
        assert!(shown[0].starts_with(first), "{shown:?}");
        assert!(shown[0].ends_with("t10.yaml:10:1 and 2 more"), "{shown:?}");
        let rest = ["t13.yaml:13:1: other", "a template", "a template"];
        assert_eq!(shown[1..], rest);
    }

    #[test]
    fn errors_of_one_cause_are_one_line_with_their_number() {
        let forbidden = |namespace: &str, n: usize| {
            let message = format!("configmaps \"c{n}\" is forbidden in \"{namespace}\"");
            error(namespace, &format!("c{n}"), &message)
        };
        let mut errors: Vec<ErrorEntry> = (0..12).map(|n| forbidden("shop", n)).collect();
        errors.push(error("shop", "x", "another"));
        let shown = lines(&errors);
        assert_eq!(shown.len(), 2, "{shown:?}");
        let start =
            "configmaps \"*\" is forbidden in \"shop\": 12 resource(s): ConfigMap/c0 (ns: shop), ";
        assert!(shown[0].starts_with(start), "{shown:?}");
        assert!(
            shown[0].ends_with("ConfigMap/c9 (ns: shop) and 2 more"),
            "{shown:?}"
        );
        assert_eq!(shown[1], "ConfigMap/x (ns: shop): another");
        errors[0] = forbidden("pay", 0);
        assert!(lines(&errors)[0].starts_with("configmaps \"*\" is forbidden in \"*\": 12 "));
    }
}
