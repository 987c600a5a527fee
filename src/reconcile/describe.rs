//! Converts findings and problems to the types of the report.

use std::path::PathBuf;

use crate::diff::{self, Class, Finding, Origin, PointerToken};
use crate::manifest::{ObjectReference, Problem, Resource, revision};
use crate::path;
use crate::remediate::FieldOutcome;
use crate::report::{self, DriftClass, FieldEntry, Repository, ResourceRef, SourceLocation};
use crate::schema::restarts_pods;
use crate::yaml::Node;

/// The current time, in seconds.
pub(super) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// Where the manifests are in their repository.
pub(super) fn repository(inputs: &[PathBuf]) -> Repository {
    let (Some(root), Ok(here)) = (revision::root(inputs), std::env::current_dir()) else {
        return Repository::default();
    };
    Repository {
        root: root.display().to_string(),
        here: here.display().to_string(),
    }
}

/// One difference, and what a repair did to it.
pub(super) fn field(
    resource: &Resource,
    finding: &Finding,
    outcome: Option<FieldOutcome>,
) -> FieldEntry {
    let origin = match &finding.origin {
        Origin::DefaultOf(path) => Some(path.to_string()),
        Origin::Declared | Origin::Default => None,
    };
    FieldEntry {
        declared_pointer: finding
            .declared_pointer
            .as_ref()
            .map(|below| format!("{}{below}", resource.document_pointer())),
        live_pointer: finding.live.is_some().then(|| diff::pointer(&finding.at)),
        defaulted: finding.origin != Origin::Declared && finding.desired.is_some(),
        default_of: origin,
        desired: finding.desired.clone(),
        live: finding.live.clone(),
        source: finding
            .declared
            .map(|id| source(resource, resource.resolve(id))),
        consequences: finding.consequences.clone(),
        restarts_pods: is_written(finding, outcome)
            && restarts_pods(resource.id.kind.name(), &keys(&finding.at)),
        outcome: outcome.map(FieldOutcome::name),
        last_writer: finding.writers.first().cloned(),
        co_owners: finding.writers.iter().skip(1).cloned().collect(),
        ..FieldEntry::new(finding.path.to_string(), class(finding.class))
    }
}

/// Whether a repair writes it, or has: extras are kept unless more is asked for.
fn is_written(finding: &Finding, outcome: Option<FieldOutcome>) -> bool {
    !finding.is_extra() || outcome.is_some_and(FieldOutcome::is_repaired)
}

/// The leading keys of a place.
fn keys(place: &[PointerToken]) -> Vec<&str> {
    let mut keys = Vec::new();
    for token in place {
        let PointerToken::Key(key) = token else { break };
        keys.push(key.as_str());
    }
    keys
}

/// The only difference of a missing resource.
pub(super) fn missing(resource: &Resource) -> FieldEntry {
    FieldEntry {
        declared_pointer: Some(resource.document_pointer().to_owned()),
        desired: Some("present".into()),
        source: Some(source(resource, resource.node())),
        ..FieldEntry::new(path::RESOURCE.to_owned(), DriftClass::Missing)
    }
}

/// The place of a value of the manifest.
pub(super) fn source(resource: &Resource, node: Node<'_>) -> SourceLocation {
    let place = resource.place_of(node);
    SourceLocation {
        file: place.file.to_string(),
        line: place.line,
        column: place.column,
        definition: node
            .definition()
            .map(|position| (position.line, position.column)),
    }
}

/// A problem of a manifest.
pub(super) fn problem(problem: &Problem) -> report::ErrorEntry {
    report::ErrorEntry {
        resource: problem.resource.as_ref().map(self::resource),
        source: problem.place.as_ref().map(|place| SourceLocation {
            file: place.file.to_string(),
            line: place.line,
            column: place.column,
            definition: None,
        }),
        message: problem.message.clone(),
    }
}

/// An error about a resource.
pub(super) fn error(resource: &Resource, message: String) -> report::ErrorEntry {
    error_at(resource, resource.node(), message)
}

/// An error about a value of a resource.
pub(super) fn error_at(resource: &Resource, node: Node<'_>, message: String) -> report::ErrorEntry {
    report::ErrorEntry {
        resource: Some(ResourceRef::from(&resource.id)),
        source: Some(source(resource, node)),
        message,
    }
}

/// The resource that a document claims to be.
pub(super) fn resource(claimed: &ObjectReference) -> ResourceRef {
    ResourceRef {
        api_version: claimed.api_version.clone(),
        kind: claimed.kind.clone(),
        namespace: claimed.namespace.clone(),
        name: claimed.name.clone(),
    }
}

fn class(class: Class) -> DriftClass {
    match class {
        Class::Changed => DriftClass::Changed,
        Class::Missing => DriftClass::Missing,
        Class::Removed => DriftClass::Removed,
        Class::Extra => DriftClass::Extra,
    }
}
