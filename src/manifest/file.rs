//! One file: its bytes to checked resources.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::schema::{Kind, ResourceId};
use crate::yaml::{self, Node, Position, Severity, Tree, Value};

use super::annotations;
use super::check::{self, Finding, Findings};
use super::documents::{self, Object, Verdict};
use super::names;
use super::problem::{Place, Problem, Subject, one_line, quoted};
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
    fn of(path: Option<PathBuf>, bytes: &[u8]) -> Self {
        Self {
            path,
            length: bytes.len() as u64,
            hash: hash(bytes),
        }
    }

    /// Whether the file has this content still. Standard input has.
    pub fn is_unchanged(&self) -> bool {
        let Some(path) = &self.path else { return true };
        let length = fs::metadata(path).map(|metadata| metadata.len());
        length.is_ok_and(|length| length == self.length)
            && fs::read(path).is_ok_and(|bytes| hash(&bytes) == self.hash)
    }
}

fn hash(bytes: &[u8]) -> u64 {
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

/// Reads and checks a file.
pub(super) fn check(bytes: Vec<u8>, surroundings: &Surroundings<'_>) -> Checked {
    let content = Content::of(surroundings.path.map(Path::to_owned), &bytes);
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
    let objects = documents::objects(&file.tree, &documents);
    let mut reader = Reader {
        surroundings,
        file: &file,
        checked: Checked::default(),
        saved: None,
    };
    reader.reading_problems(problems, &objects);
    for object in objects {
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

    fn warning(&mut self, subject: &Subject, finding: Finding) {
        let problem = self.problem(Some(subject), finding);
        self.checked.warnings.push(problem);
    }

    /// What the reading of YAML found.
    fn reading_problems(&mut self, problems: Vec<yaml::Problem>, objects: &[Object<'_>]) {
        for problem in problems {
            let subject = documents::object_at(objects, problem.document, problem.position)
                .map(|o| &o.subject);
            let mut finding = Finding {
                position: problem.position,
                message: one_line(&problem.message),
            };
            match problem.severity {
                Severity::Error => {
                    finding.message += documents::template_hint(self.file.tree.text());
                    let problem = self.problem(None, finding);
                    self.checked.errors.push(problem);
                }
                Severity::Warning => {
                    let problem = self.problem(subject, finding);
                    self.checked.warnings.push(problem);
                }
            }
        }
    }

    fn object(&mut self, object: Object<'_>) {
        match object.verdict {
            Verdict::Ours(kind) => self.resource(kind, object),
            Verdict::Other(name) => *self.checked.other_kinds.entry(name).or_default() += 1,
            Verdict::Nothing => self.checked.not_objects += 1,
            Verdict::Wrong(finding) => self.error(&object.subject, finding),
        }
    }

    fn resource(&mut self, kind: Kind, object: Object<'_>) {
        let Object {
            node,
            document,
            pointer,
            mut subject,
            ..
        } = object;
        if kind.is_namespaced() && subject.namespace.is_empty() {
            self.surroundings
                .namespace
                .clone_into(&mut subject.namespace);
        }
        if annotations::is_skipped(node) {
            return self.checked.skipped.push(Skipped {
                resource: subject,
                place: self.place(node.position()),
            });
        }
        let identity = identity(kind, node);
        let findings = check::check(kind, node);
        let instructions = annotations::read(kind, node);
        self.remember_saved(&subject, &findings);
        let has_identity = identity.is_empty();
        let is_good = has_identity && findings.wrong.is_empty();
        for finding in identity.into_iter().chain(findings.wrong) {
            self.error(&subject, finding);
        }
        let unwritable = instructions
            .reason()
            .or_else(|| self.surroundings.unwritable.as_deref().map(str::to_owned));
        for finding in instructions.wrong {
            self.error(&subject, finding);
        }
        for finding in instructions.doubtful {
            self.warning(&subject, finding);
        }
        if kind == Kind::Namespace
            && let Some(namespace) = namespace_of(node)
        {
            let message = "metadata.namespace: ignored, a Namespace is in none".to_owned();
            self.warning(
                &subject,
                Finding {
                    position: namespace.position(),
                    message,
                },
            );
        }
        let id = ResourceId {
            kind,
            namespace: subject.namespace.clone(),
            name: subject.name.clone(),
        };
        let unknown_fields: Vec<Problem> = findings
            .unknown
            .into_iter()
            .map(|finding| self.problem(Some(&subject), finding))
            .collect();
        if is_good {
            self.checked.resources.push(Arc::new(Resource {
                id,
                file: self.file.clone(),
                node: node.id(),
                document,
                pointer,
                policy: instructions.policy,
                ignore: instructions.ignore,
                unknown_fields,
                unwritable,
            }));
        } else {
            if has_identity {
                self.checked.broken.push((id, self.place(node.position())));
            }
            // Nothing will compare it, so nobody asks for the server's version either.
            self.checked.errors.extend(unknown_fields);
        }
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
                "{}: written by the server alone, not compared",
                fields.join(", ")
            );
            self.warning(&subject, Finding { position, message });
        }
    }
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

/// What is wrong with the name and namespace of an object.
fn identity(kind: Kind, object: Node<'_>) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let metadata = object.get("metadata");
    if metadata.is_some_and(|m| !matches!(m.value(), Value::Map | Value::Null)) {
        // The check of types says so.
        return wrong;
    }
    let field = |name: &str| metadata.and_then(|m| m.get(name)).filter(|n| !n.is_null());
    match field("name").map(|name| (name, name.as_str())) {
        // Not a string: the check of types says so.
        Some((_, None)) => {}
        Some((node, Some(name))) if !name.is_empty() => {
            if let Err(message) = names::check_name(kind, name) {
                wrong.push(bad_name("metadata.name", node, name, &message));
            }
        }
        found => wrong.push(no_name(
            object,
            metadata,
            found.map(|(node, _)| node),
            field("generateName"),
        )),
    }
    if let Some(node) = namespace_of(object).filter(|_| kind.is_namespaced())
        && let Some(namespace) = node.as_str()
        && let Err(message) = names::check_label(namespace)
    {
        wrong.push(bad_name("metadata.namespace", node, namespace, &message));
    }
    wrong
}

fn bad_name(path: &str, node: Node<'_>, name: &str, message: &str) -> Finding {
    Finding {
        position: node.position(),
        message: format!("{path}: {message}, {} stands here", quoted(name)),
    }
}

fn no_name(
    object: Node<'_>,
    metadata: Option<Node<'_>>,
    name: Option<Node<'_>>,
    generated: Option<Node<'_>>,
) -> Finding {
    let (node, message) = match generated {
        Some(node) => (
            node,
            "metadata.generateName: each apply would make another object; a name is needed to compare",
        ),
        None => (
            name.or(metadata).unwrap_or(object),
            "metadata.name: missing",
        ),
    };
    Finding {
        position: node.position(),
        message: message.to_owned(),
    }
}

/// The namespace that an object names, if it does.
fn namespace_of(object: Node<'_>) -> Option<Node<'_>> {
    object
        .get("metadata")?
        .get("namespace")
        .filter(|node| !matches!(node.value(), Value::Null | Value::String("")))
}
