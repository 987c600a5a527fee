//! One file: its bytes to checked resources.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::path::{self, Pattern};
use crate::schema::{Kind, ResourceId};
use crate::yaml::{self, Node, Position, Severity, Tree};

use super::annotations::{self, Instructions};
use super::check::{self, Finding, Findings};
use super::documents::{self, Object, Verdict};
use super::identity;
use super::problem::{Place, Problem, Subject, one_line};
use super::sops;
use super::{Resource, Skipped};

/// A file that resources point into.
#[derive(Debug)]
pub(super) struct File {
    pub shown: Arc<str>,
    pub tree: Tree,
    pub content: Content,
}

/// What was read of a file, for asking later whether it is still the same.
#[derive(Debug)]
pub(super) struct Content {
    /// `None` stands for standard input.
    path: Option<PathBuf>,
    length: u64,
    hash: u64,
}

impl Content {
    /// Whether the file has this content still. Standard input has.
    pub fn is_unchanged(&self) -> bool {
        let Some(path) = &self.path else { return true };
        let length = fs::metadata(path).map(|metadata| metadata.len());
        length.is_ok_and(|length| length == self.length)
            && fs::read(path).is_ok_and(|bytes| hash(&bytes) == self.hash)
    }
}

/// Tells contents apart.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// All that a file says. It is kept between cycles as long as the file stays the same.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub resources: Vec<Arc<Resource>>,
    /// Resources that cannot be compared, with where they are declared: they count when duplicates are looked for.
    pub broken: Vec<(ResourceId, Place)>,
    pub skipped: Vec<Skipped>,
    /// How many objects name no namespace, though their kind has one.
    pub without_namespace: usize,
    pub other_kinds: BTreeMap<String, usize>,
    /// Documents that are no Kubernetes objects.
    pub not_objects: usize,
    pub errors: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

/// What the check of a file depends on besides its bytes.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// How the file is called.
    pub shown: Arc<str>,
    /// Where it is; `None` stands for standard input.
    pub path: Option<&'a Path>,
    /// For manifests that name no namespace.
    pub namespace: &'a str,
    /// Why its resources must not be written.
    pub unwritable: Option<Arc<str>>,
}

/// Reads and checks a file whose bytes have this [`hash`].
pub(super) fn check(bytes: Vec<u8>, hash: u64, surroundings: &Surroundings<'_>) -> Checked {
    let content = Content {
        path: surroundings.path.map(Path::to_owned),
        length: bytes.len() as u64,
        hash,
    };
    let yaml::Stream {
        tree,
        documents,
        problems,
    } = yaml::read(bytes);
    let file = Arc::new(File {
        shown: surroundings.shown.clone(),
        tree,
        content,
    });
    let objects = documents::objects(&file.tree, &documents, surroundings.namespace);
    let mut reader = Reader {
        surroundings,
        file: &file,
        checked: Checked::default(),
        saved: None,
    };
    reader.reading_problems(problems, &objects);
    for object in &objects {
        reader.object(object);
    }
    reader.saved_fields();
    reader.checked
}

struct Reader<'r> {
    surroundings: &'r Surroundings<'r>,
    file: &'r Arc<File>,
    checked: Checked,
    /// The first resource with fields that only the server writes, and all such fields of the file.
    saved: Option<(Subject, Position, Vec<String>)>,
}

impl Reader<'_> {
    fn place(&self, position: Position) -> Place {
        self.file.place(position)
    }

    fn problem(&self, subject: Option<&Subject>, finding: Finding) -> Problem {
        Problem {
            place: Some(self.place(finding.position)),
            resource: subject.cloned(),
            message: finding.message,
        }
    }

    fn error(&mut self, subject: &Subject, finding: Finding) {
        let problem = self.problem(Some(subject), finding);
        self.checked.errors.push(problem);
    }

    fn errors(&mut self, subject: &Subject, findings: Vec<Finding>) {
        for finding in findings {
            self.error(subject, finding);
        }
    }

    fn warning(&mut self, subject: &Subject, finding: Finding) {
        let problem = self.problem(Some(subject), finding);
        self.checked.warnings.push(problem);
    }

    /// What the reading of YAML found. What is doubtful in an object that is not compared is no business of ours.
    fn reading_problems(&mut self, problems: Vec<yaml::Problem>, objects: &[Object<'_>]) {
        for problem in problems {
            let message = one_line(&problem.message);
            let mut finding = Finding {
                position: problem.position,
                message,
            };
            if problem.severity == Severity::Error {
                let text = self.file.tree.text();
                finding.message += documents::template_hint(text, &problem.message);
                let problem = self.problem(None, finding);
                self.checked.errors.push(problem);
                continue;
            }
            let object = documents::object_at(objects, problem.document, problem.position);
            if object.is_none_or(Object::is_compared) {
                let problem = self.problem(object.map(|o| &o.subject), finding);
                self.checked.warnings.push(problem);
            }
        }
    }

    fn object(&mut self, object: &Object<'_>) {
        match &object.verdict {
            Verdict::Ours(kind) => self.resource(*kind, object),
            Verdict::Other(name) => *self.checked.other_kinds.entry(name.clone()).or_default() += 1,
            Verdict::Nothing => self.checked.not_objects += 1,
            Verdict::Wrong(finding) => self.error(&object.subject, finding.clone()),
        }
    }

    fn resource(&mut self, kind: Kind, object: &Object<'_>) {
        let (node, subject) = (object.node, &object.subject);
        let place = self.place(node.position());
        if kind.is_namespaced() && identity::namespace(node).is_none() {
            self.checked.without_namespace += 1;
        }
        if annotations::is_skipped(node) {
            let resource = subject.clone();
            return self.checked.skipped.push(Skipped { resource, place });
        }
        let id = ResourceId {
            kind,
            namespace: subject.namespace.clone(),
            name: subject.name.clone(),
        };
        if sops::is_encrypted(node) {
            return self.encrypted(subject, id, node);
        }
        let findings = check::check(kind, node);
        self.remember_saved(subject, &findings);
        let mut wrong = identity::check(kind, node);
        wrong.extend(findings.wrong);
        let is_good = wrong.is_empty();
        self.errors(subject, wrong);
        let unsubstituted = !findings.unsubstituted.is_empty();
        self.errors(subject, findings.unsubstituted);
        let unknown = findings.unknown.into_iter();
        let unknown: Vec<Problem> = unknown
            .map(|finding| self.problem(Some(subject), finding))
            .collect();
        let (instructions, unwritable) = self.instructions(kind, object);
        let unsubstituted = unsubstituted.then(|| "an image was not substituted".to_owned());
        if is_good {
            self.checked.resources.push(Arc::new(Resource {
                id,
                file: self.file.clone(),
                node: node.id(),
                document: object.document,
                pointer: object.pointer.clone(),
                policy: instructions.policy,
                ignore: instructions.ignore,
                unknown_fields: unknown,
                unwritable: unwritable.or(unsubstituted),
                incomparable: patterns(&findings.incomparable),
            }));
        } else {
            if !id.name.is_empty() {
                self.checked.broken.push((id, place));
            }
            self.checked.errors.extend(unknown);
        }
    }

    /// A document that SOPS has encrypted: the place is named, and none of its values.
    fn encrypted(&mut self, subject: &Subject, id: ResourceId, node: Node<'_>) {
        let position = node.position();
        let message = sops::MESSAGE.to_owned();
        self.error(subject, Finding { position, message });
        self.checked.broken.push((id, self.place(position)));
    }

    /// Reads our annotations, and says why the resource must not be written.
    fn instructions(&mut self, kind: Kind, object: &Object<'_>) -> (Instructions, Option<String>) {
        let mut instructions = annotations::read(kind, object.node);
        let folder = || self.surroundings.unwritable.as_deref().map(str::to_owned);
        let unwritable = instructions.reason().or_else(folder);
        self.errors(&object.subject, std::mem::take(&mut instructions.wrong));
        for finding in std::mem::take(&mut instructions.doubtful) {
            self.warning(&object.subject, finding);
        }
        if let Some(namespace) = identity::namespace(object.node).filter(|_| !kind.is_namespaced())
        {
            let message = format!("metadata.namespace: ignored, a {kind} is in no namespace");
            self.warning(
                &object.subject,
                Finding {
                    position: namespace.position(),
                    message,
                },
            );
        }
        (instructions, unwritable)
    }

    fn remember_saved(&mut self, subject: &Subject, findings: &Findings) {
        if let Some(position) = findings.saved_at {
            let (_, _, fields) = self
                .saved
                .get_or_insert_with(|| (subject.clone(), position, Vec::new()));
            for field in &findings.saved {
                if !fields.contains(field) {
                    fields.push(field.clone());
                }
            }
        }
    }

    /// One warning for all fields of the file that only the server writes.
    fn saved_fields(&mut self) {
        if let Some((subject, position, fields)) = self.saved.take() {
            let message = format!(
                "{}: only the cluster writes this, not compared",
                fields.join(", ")
            );
            self.warning(&subject, Finding { position, message });
        }
    }
}

/// The patterns of paths that a check has made.
fn patterns(paths: &[path::Path]) -> Vec<Pattern> {
    let pattern = |path: &path::Path| Pattern::parse(&path.to_string());
    paths.iter().filter_map(|path| pattern(path).ok()).collect()
}

impl File {
    pub(super) fn place(&self, position: Position) -> Place {
        Place {
            file: self.shown.clone(),
            line: position.line,
            column: position.column,
        }
    }
}
