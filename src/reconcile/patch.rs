//! The patch that makes the manifests declare the live values: which files it may change, and what it leaves out.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::RunOptions;
use super::state::DriftedObject;
use crate::blame::differences;
use crate::diff::Finding;
use crate::manifest::Resource;
use crate::patch::{PatchSubject, patch_file};
use crate::path::RESOURCE;
use crate::report::{ErrorEntry, FieldEntry, FileChange, Report, ResourceEntry, ResourceRef};

/// Why a patch cannot change the manifest of a resource at all. Its `Display` is the text for people.
#[derive(Debug)]
enum OutOfReach {
    /// The resource as a whole has drifted.
    WholeResource,
    /// The manifest is in no file.
    StandardInput,
    /// Its file may not be changed, for this reason.
    Unwritable(String),
    /// Its file is not below the current directory.
    Outside,
    /// The path to its file has a symbolic link.
    Link(PathBuf),
    /// The name of its file is not UTF-8.
    Name,
    /// Its file, or the current directory, cannot be read.
    Unreadable(io::Error),
    /// Its file has changed since it was compared.
    ChangedSince,
    /// Its file is not UTF-8.
    Encoding,
}

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WholeResource => "a patch does not remove a whole resource from a file",
            Self::StandardInput => "it comes from standard input",
            Self::Unwritable(reason) => reason,
            Self::Outside => "it is outside the current directory",
            Self::Link(link) => return write!(f, "{} is a symbolic link", link.display()),
            Self::Name => "the file's name is not UTF-8",
            Self::Unreadable(error) => return error.fmt(f),
            Self::ChangedSince => "the file has changed since it was read",
            Self::Encoding => "the file is not UTF-8",
        })
    }
}

/// The changes of the files of all drifted resources. Fields that are left out are logged to standard error.
pub(super) fn of_report(
    report: &Report,
    objects: &[DriftedObject<'_>],
    options: &RunOptions,
) -> Vec<FileChange> {
    // A patch has no place for them.
    for error in &report.errors {
        tracing::error!("{}", error.line());
    }
    let mut files: BTreeMap<String, Vec<(&DriftedObject<'_>, &ResourceEntry)>> = BTreeMap::new();
    for entry in &report.resources {
        let object = objects.iter().find(|object| object.resource.id == entry.id);
        match placed(object, entry) {
            Ok((path, object)) => files.entry(path).or_default().push((object, entry)),
            Err(reason) => {
                for field in entry.fields.iter().filter(|field| !is_of_git(field)) {
                    leave_out(entry, field, &reason);
                }
            }
        }
    }
    let (mut changes, mut kept) = (Vec::new(), 0);
    for (path, subjects) in files {
        let Some((old, new)) = of_file(&path, &subjects, options, &mut kept) else {
            continue;
        };
        if old != new {
            changes.push(FileChange { path, old, new });
        }
    }
    let all: usize = report
        .resources
        .iter()
        .map(|entry| entry.fields.len())
        .sum();
    tell_those_of_git(report);
    if all > 0 {
        let files = changes.len();
        tracing::info!("the patch has {kept} of {all} field(s), in {files} file(s)");
    }
    changes
}

/// So many fields whose live value a commit has are named.
const NAMED_OF_GIT: usize = 10;

/// Says which fields are left out because a commit has their live value.
fn tell_those_of_git(report: &Report) {
    let mut names = Vec::new();
    for entry in &report.resources {
        let resource = ResourceRef::from(&entry.id).with_namespace();
        let fields = entry.fields.iter().filter(|field| is_of_git(field));
        names.extend(fields.map(|field| format!("{resource}: {}", field.path)));
    }
    let count = names.len();
    if count > NAMED_OF_GIT {
        names.truncate(NAMED_OF_GIT);
        names.push(format!("{} more", count - NAMED_OF_GIT));
    }
    if count > 0 {
        tracing::warn!(
            "not in the patch: {count} field(s) whose live value is that of a commit ({}), because the change of the manifest is not deployed yet, was set back or is not committed; --history 0 takes them",
            names.join(", ")
        );
    }
}

/// The path of the file of a resource whose manifest can be changed; or why it cannot.
fn placed<'o, 'c>(
    object: Option<&'o DriftedObject<'c>>,
    entry: &ResourceEntry,
) -> Result<(String, &'o DriftedObject<'c>), OutOfReach> {
    let is_whole = entry.fields.iter().any(|field| field.path == RESOURCE);
    let Some(object) = object.filter(|_| !is_whole) else {
        return Err(OutOfReach::WholeResource);
    };
    let Some(path) = object.resource.path() else {
        return Err(OutOfReach::StandardInput);
    };
    if let Some(reason) = object.resource.file_is_unwritable() {
        return Err(OutOfReach::Unwritable(reason.to_owned()));
    }
    Ok((path_from_here(path)?, object))
}

/// The path of a file from the working directory, as `git apply` takes it.
fn path_from_here(path: &Path) -> Result<String, OutOfReach> {
    let here = env::current_dir().map_err(OutOfReach::Unreadable)?;
    let mut absolute = PathBuf::new();
    for component in here.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(absolute.pop()),
            other => absolute.push(other),
        }
    }
    let below = absolute
        .strip_prefix(&here)
        .map_err(|_| OutOfReach::Outside)?;
    let mut on_the_way = here.clone();
    for component in below.components() {
        on_the_way.push(component);
        if on_the_way.is_symlink() {
            let link = on_the_way.strip_prefix(&here).unwrap_or(&on_the_way);
            return Err(OutOfReach::Link(link.to_owned()));
        }
    }
    let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
    parts.map(|parts| parts.join("/")).ok_or(OutOfReach::Name)
}

/// A file's old and new text. `None` if the file cannot be changed.
fn of_file(
    path: &str,
    subjects: &[(&DriftedObject<'_>, &ResourceEntry)],
    options: &RunOptions,
    kept: &mut usize,
) -> Option<(String, String)> {
    let text = match text(path, subjects.first()?.0.resource) {
        Ok(text) => text,
        Err(reason) => {
            for (_, entry) in subjects {
                for field in &entry.fields {
                    leave_out(entry, field, &reason);
                }
            }
            return None;
        }
    };
    let wanted: Vec<PatchSubject<'_>> = subjects
        .iter()
        .map(|(object, entry)| PatchSubject {
            resource: object.resource,
            live: &object.live,
            paths: paths(entry),
        })
        .collect();
    let compare = |at: usize, resource: &Resource| compared(subjects[at].0, resource, options);
    let file = patch_file(&text, &wanted, &compare);
    *kept += file.kept;
    for left in &file.left_out {
        let entry = subjects[left.subject].1;
        let mut fields = entry.fields.iter();
        if let Some(field) = fields.find(|field| field.path == left.path) {
            leave_out(entry, field, &left.reason);
        }
    }
    Some((text, file.text))
}

/// A file's text, as it was when its resources were compared.
fn text(path: &str, resource: &Resource) -> Result<String, OutOfReach> {
    let bytes = fs::read(path).map_err(OutOfReach::Unreadable)?;
    if !resource.is_as_read() {
        return Err(OutOfReach::ChangedSince);
    }
    String::from_utf8(bytes).map_err(|_| OutOfReach::Encoding)
}

/// The paths of a resource's fields that a patch keeps. The others are logged.
fn paths(entry: &ResourceEntry) -> Vec<String> {
    let mut paths = Vec::new();
    for field in &entry.fields {
        if is_of_git(field) {
            continue;
        }
        if field.redacted {
            leave_out(
                entry,
                field,
                &"its value is secret; --no-redact takes it over",
            );
        } else {
            paths.push(field.path.clone());
        }
    }
    paths
}

/// Whether a commit has the live value, so that a patch would undo a change of the manifest.
fn is_of_git(field: &FieldEntry) -> bool {
    let history = field.history.as_ref();
    history.is_some_and(|history| history.verdict.is_of_git())
}

fn compared(object: &DriftedObject<'_>, resource: &Resource, options: &RunOptions) -> Vec<Finding> {
    let subject = options.subject(resource, None);
    let unstored = object.server.map(|server| subject.unstored(server));
    let subject = options.subject(resource, unstored.as_ref());
    differences(&subject, &object.live, object.managed_fields.as_deref()).findings
}

/// Logs that a field is not in the patch.
fn leave_out(entry: &ResourceEntry, field: &FieldEntry, reason: &impl fmt::Display) {
    let left_out = ErrorEntry {
        resource: Some(ResourceRef::from(&entry.id)),
        source: Some(field.source.clone().unwrap_or_else(|| entry.source.clone())),
        message: format!("{}: not in the patch: {reason}", field.path),
    };
    tracing::warn!("{}", left_out.line());
}
