//! Turns the bytes of one file into checked resources.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use crate::path::{self, Pattern};
use crate::schema::{Kind, ResourceId};
use crate::yaml::{self, Node, Position, Severity, Tree};

use super::annotations::{self, Instructions};
use super::check::{self, CheckResult, Mistake};
use super::documents::{self, Classified, Object};
use super::headers;
use super::identity;
use super::kinds;
use super::problem::{Location, ObjectReference, Problem, one_line};
use super::sops;
use super::{Resource, Skipped};

/// A file that resources refer to.
#[derive(Debug)]
pub(super) struct File {
    pub shown: Arc<str>,
    pub tree: Tree,
    pub content: Content,
    /// The namespace of manifests that name none.
    namespace: Box<str>,
    /// Why its resources must not be written, if so.
    pub unwritable: Option<Arc<str>>,
}

impl File {
    /// Checks another text as if the file had it.
    pub(super) fn reread(&self, text: &str) -> Checked {
        let surroundings = Surroundings {
            shown: self.shown.clone(),
            path: self.content.path.as_deref(),
            namespace: &self.namespace,
            unwritable: self.unwritable.clone(),
        };
        check(
            text.as_bytes().to_vec(),
            hash(text.as_bytes()),
            &surroundings,
        )
    }
}

/// The state of a file when it was read, to detect later changes.
#[derive(Debug)]
pub(super) struct Content {
    /// `None` for standard input.
    pub path: Option<PathBuf>,
    length: u64,
    hash: u64,
    /// The file's metadata when its content was last found unchanged.
    seen: Mutex<Option<Stamp>>,
}

/// For this long after a change, a file may change again without different metadata.
const CLOCK_STEP: Duration = Duration::from_secs(2);

/// The metadata of a file that changes with its content.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    /// The time of the last change: `ctime` where the system has it, because programs cannot set it back.
    changed: SystemTime,
    modified: SystemTime,
    /// The device and inode, where the system has them.
    identity: (u64, u64),
}

impl Stamp {
    fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified()?;
        let (changed, identity) = inode(&metadata).unwrap_or((modified, (0, 0)));
        Ok(Self {
            length: metadata.len(),
            changed,
            modified,
            identity,
        })
    }

    /// Whether a change of content would show in the metadata by now.
    fn is_settled(&self, now: SystemTime) -> bool {
        let age = now.duration_since(self.changed);
        age.is_ok_and(|age| age > CLOCK_STEP)
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> Option<(SystemTime, (u64, u64))> {
    use std::os::unix::fs::MetadataExt as _;
    let seconds = Duration::from_secs(metadata.ctime().try_into().ok()?);
    let nanoseconds = Duration::from_nanos(metadata.ctime_nsec().try_into().ok()?);
    let changed = SystemTime::UNIX_EPOCH + seconds + nanoseconds;
    Some((changed, (metadata.dev(), metadata.ino())))
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> Option<(SystemTime, (u64, u64))> {
    None
}

impl Content {
    fn new(path: Option<&Path>, bytes: &[u8], hash: u64) -> Self {
        Self {
            path: path.map(Path::to_owned),
            length: bytes.len() as u64,
            hash,
            seen: Mutex::default(),
        }
    }

    /// Whether the file still has this content; always true for standard input. The file is read only if its metadata
    /// changed since the last call, because this is called before each write of one of its resources.
    pub(super) fn is_unchanged(&self) -> bool {
        self.is_unchanged_at(SystemTime::now(), |path| fs::read(path))
    }

    fn is_unchanged_at(
        &self,
        now: SystemTime,
        read: impl FnOnce(&Path) -> io::Result<Vec<u8>>,
    ) -> bool {
        let Some(path) = &self.path else { return true };
        // Taken before reading, so that a change during the read is noticed the next time.
        let Ok(stamp) = Stamp::of(path) else {
            return false;
        };
        let mut seen = self.seen.lock().expect("nobody panics while it is held");
        if seen.as_ref() == Some(&stamp) {
            return true;
        }
        let is_same =
            stamp.length == self.length && read(path).is_ok_and(|bytes| hash(&bytes) == self.hash);
        *seen = Some(stamp).filter(|stamp| is_same && stamp.is_settled(now));
        is_same
    }
}

/// A hash that identifies a content.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Everything read from a file. It is kept between cycles while the file is unchanged.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub resources: Vec<Arc<Resource>>,
    /// Resources that cannot be compared, with their places: they still count as duplicates of others.
    pub broken: Vec<(ResourceId, Location)>,
    pub skipped: Vec<Skipped>,
    /// What it declares besides, in documents of which no more than that can be told.
    pub only_named: Vec<ResourceId>,
    /// The number of objects of namespaced kinds that name no namespace.
    pub without_namespace: usize,
    pub other_kinds: BTreeMap<String, usize>,
    /// The number of documents that are not Kubernetes objects.
    pub not_objects: usize,
    pub errors: Vec<Problem>,
    pub warnings: Vec<Problem>,
}

impl Checked {
    /// All that the file declares, in whatever way.
    pub(crate) fn declared(&self) -> impl Iterator<Item = ResourceId> {
        let resources = self.resources.iter().map(|resource| resource.id.clone());
        let broken = self.broken.iter().map(|(id, _)| id.clone());
        let skipped = self.skipped.iter().filter_map(|s| s.resource.id());
        let only_named = self.only_named.iter().cloned();
        resources.chain(broken).chain(skipped).chain(only_named)
    }
}

/// The inputs of a file's check besides its bytes.
#[derive(Debug)]
pub(super) struct Surroundings<'a> {
    /// The file's name in messages.
    pub shown: Arc<str>,
    /// The file's path; `None` for standard input.
    pub path: Option<&'a Path>,
    /// The namespace of manifests that name none.
    pub namespace: &'a str,
    /// Why its resources must not be written, if so.
    pub unwritable: Option<Arc<str>>,
}

/// Reads and checks a file whose bytes have this [`hash`].
pub(super) fn check(bytes: Vec<u8>, hash: u64, surroundings: &Surroundings<'_>) -> Checked {
    let content = Content::new(surroundings.path, &bytes, hash);
    let yaml::Stream {
        tree,
        documents,
        problems,
    } = yaml::read(bytes);
    let file = Arc::new(File {
        shown: surroundings.shown.clone(),
        tree,
        content,
        namespace: surroundings.namespace.into(),
        unwritable: surroundings.unwritable.clone(),
    });
    let objects = documents::objects(&file.tree, &documents, surroundings.namespace);
    let mut reader = DocumentReader {
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

struct DocumentReader<'r> {
    surroundings: &'r Surroundings<'r>,
    file: &'r Arc<File>,
    checked: Checked,
    /// The first resource with fields that only the API server sets, and all such fields of the file.
    saved: Option<(ObjectReference, Position, Vec<String>)>,
}

impl DocumentReader<'_> {
    fn place(&self, position: Position) -> Location {
        self.file.place(position)
    }

    fn problem(&self, subject: Option<&ObjectReference>, finding: Mistake) -> Problem {
        Problem {
            place: Some(self.place(finding.position)),
            resource: subject.cloned(),
            message: finding.message,
        }
    }

    fn error(&mut self, subject: &ObjectReference, finding: Mistake) {
        let problem = self.problem(Some(subject), finding);
        self.checked.errors.push(problem);
    }

    fn errors(&mut self, subject: &ObjectReference, findings: Vec<Mistake>) {
        for finding in findings {
            self.error(subject, finding);
        }
    }

    fn warning(&mut self, subject: &ObjectReference, finding: Mistake) {
        let problem = self.problem(Some(subject), finding);
        self.checked.warnings.push(problem);
    }

    /// Adds the problems from reading YAML, without warnings about objects that are not compared.
    fn reading_problems(&mut self, problems: Vec<yaml::Diagnostic>, objects: &[Object<'_>]) {
        for problem in problems {
            let message = one_line(&problem.message);
            let mut finding = Mistake {
                position: problem.position,
                message,
            };
            if problem.severity == Severity::Error {
                let text = self.file.tree.text();
                let likely = headers::declared(text.as_bytes(), self.surroundings.namespace);
                self.checked.only_named = likely;
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
            Classified::Ours(kind) => self.resource(*kind, object),
            Classified::Other(name) => {
                *self.checked.other_kinds.entry(name.clone()).or_default() += 1;
            }
            Classified::Nothing => self.checked.not_objects += 1,
            Classified::Wrong(finding) => {
                let namespace = self.surroundings.namespace;
                let meant = meant(&object.subject, namespace);
                self.checked.only_named.extend(meant);
                self.error(&object.subject, finding.clone());
            }
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

    /// Reports a document that SOPS has encrypted, without any of its values.
    fn encrypted(&mut self, subject: &ObjectReference, id: ResourceId, node: Node<'_>) {
        let position = node.position();
        let message = sops::MESSAGE.to_owned();
        self.error(subject, Mistake { position, message });
        self.checked.broken.push((id, self.place(position)));
    }

    /// Reads this program's annotations. Also returns why the resource must not be written, if so.
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
            let message = format!("metadata.namespace: ignored, because a {kind} has no namespace");
            self.warning(
                &object.subject,
                Mistake {
                    position: namespace.position(),
                    message,
                },
            );
        }
        (instructions, unwritable)
    }

    fn remember_saved(&mut self, subject: &ObjectReference, findings: &CheckResult) {
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

    /// Adds one warning for all fields of the file that only the API server sets.
    fn saved_fields(&mut self) {
        if let Some((subject, position, fields)) = self.saved.take() {
            let them = if fields.len() == 1 { "it" } else { "them" };
            let message = format!(
                "{}: not compared, because only the API server sets {them}",
                fields.join(", ")
            );
            self.warning(&subject, Mistake { position, message });
        }
    }
}

/// The resource that was probably meant, whatever is wrong with its `apiVersion` and `kind`; in this namespace where it
/// names none.
fn meant(subject: &ObjectReference, namespace: &str) -> Option<ResourceId> {
    let kind = kinds::meant(&subject.kind)?;
    let namespace = match subject.namespace.as_str() {
        _ if !kind.is_namespaced() => "",
        "" => namespace,
        namespace => namespace,
    };
    (!subject.name.is_empty()).then(|| ResourceId {
        kind,
        namespace: namespace.to_owned(),
        name: subject.name.clone(),
    })
}

/// Converts the paths that a check found to patterns.
fn patterns(paths: &[path::Path]) -> Vec<Pattern> {
    let pattern = |path: &path::Path| Pattern::parse(&path.to_string());
    paths.iter().filter_map(|path| pattern(path).ok()).collect()
}

impl File {
    pub(super) fn place(&self, position: Position) -> Location {
        Location {
            file: self.shown.clone(),
            line: position.line,
            column: position.column,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_is_read_again_only_when_its_metadata_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.yaml");
        fs::write(&path, "data: 1\n").unwrap();
        let content = Content::new(Some(&path), b"data: 1\n", hash(b"data: 1\n"));
        let later = SystemTime::now() + 2 * CLOCK_STEP;
        let ask = |now| {
            let mut reads = 0;
            let is_unchanged = content.is_unchanged_at(now, |path| {
                reads += 1;
                fs::read(path)
            });
            (is_unchanged, reads)
        };
        // Right after a change, the times prove nothing.
        assert_eq!(ask(SystemTime::now()), (true, 1));
        assert_eq!(ask(SystemTime::now()), (true, 1));
        assert_eq!(ask(later), (true, 1));
        assert_eq!(ask(later), (true, 0));
        // Different content of the same length, with the old modification time.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "data: 2\n").unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(modified).unwrap();
        assert_eq!(ask(later), (false, 1));
        fs::write(&path, "data: 1\n").unwrap();
        assert_eq!(ask(later), (true, 1));
        fs::write(&path, "data: 10\n").unwrap();
        assert_eq!(ask(later), (false, 0));
        fs::remove_file(&path).unwrap();
        assert_eq!(ask(later), (false, 0));
    }
}
