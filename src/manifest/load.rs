//! Reads all manifests in parallel, and reuses the results for files that have not changed since the last time.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::thread::{self, ScopedJoinHandle};

use globset::GlobSet;

use super::file::{self, Checked, Surroundings};
use super::problem::{Problem, cause};
use super::sources::{self, GlobError, ManifestFile};
use super::{Location, ManifestOptions, Manifests};
use crate::schema::ResourceId;

/// The number of files for each thread that reads them.
const FILES_A_THREAD: usize = 64;
/// The number of bytes of new manifests for each thread that checks them.
const BYTES_A_THREAD: usize = 64 * 1024;

/// Reads manifests repeatedly. It keeps the result for each file, and uses it again while the content is the same.
#[derive(Debug)]
pub(crate) struct Loader {
    options: ManifestOptions,
    exclude: GlobSet,
    known: HashMap<Arc<str>, CachedFile>,
    /// What files declare that are passed over, with the hashes of their contents.
    passed_over: HashMap<Arc<str>, (u64, Vec<ResourceId>)>,
}

/// The result of checking a file.
#[derive(Clone, Debug)]
struct CachedFile {
    /// The hash of its content.
    hash: u64,
    unwritable: Option<Arc<str>>,
    checked: Arc<Checked>,
}

impl Loader {
    /// Fails if a glob in `exclude` is invalid.
    pub(crate) fn new(options: ManifestOptions) -> Result<Self, GlobError> {
        let exclude = sources::globs(&options.exclude)?;
        Ok(Self {
            options,
            exclude,
            known: HashMap::new(),
            passed_over: HashMap::new(),
        })
    }

    /// Reads all manifests as they are now. This never fails as a whole: errors are listed in `problems`.
    pub(crate) fn load(&mut self) -> Manifests {
        let found = sources::find(
            &self.options.inputs,
            &self.exclude,
            self.options.with_declared,
        );
        let mut manifests = Manifests {
            problems: found.problems,
            notices: found.notices,
            details: found.details,
            no_resources: found.no_resources,
            ..Manifests::default()
        };
        let threads = found.files.len() / FILES_A_THREAD;
        let texts = in_parallel(threads, found.files, |source| {
            let text = self.read(&source);
            (source, text)
        });
        let size: usize = texts
            .iter()
            .filter_map(|(_, text)| text.as_ref().ok())
            .map(Text::unchecked)
            .sum();
        let files = in_parallel(size / BYTES_A_THREAD, texts, |(source, text)| {
            let file = text.map(|text| self.check(&source, text));
            (source, file)
        });
        let mut declared = Declarations::default();
        let mut known = HashMap::new();
        for (source, result) in files {
            match result {
                Ok(file) => {
                    manifests.files += 1;
                    manifests.add(&file.checked);
                    if self.options.with_declared {
                        manifests.add_declared(&source.shown, file.checked.declared());
                    }
                    declared.add(&file.checked);
                    known.insert(source.shown, file);
                }
                Err(error) => manifests.problems.push(unreadable(&source, &error)),
            }
        }
        self.known = known;
        self.pass_over(found.passed_over);
        let passed_over = self.passed_over.values();
        let passed_over = passed_over.flat_map(|(_, declared)| declared).cloned();
        manifests.declared.extend(passed_over);
        declared.refuse_duplicates(&mut manifests);
        manifests.problems.sort_by(|a, b| a.place.cmp(&b.place));
        manifests
    }

    fn read(&self, source: &ManifestFile) -> io::Result<Text> {
        let bytes = content(source)?;
        let hash = file::hash(&bytes);
        let is_same =
            |known: &&CachedFile| known.hash == hash && known.unwritable == source.unwritable;
        Ok(match self.known.get(&source.shown).filter(is_same) {
            Some(known) => Text::Known(known.clone()),
            None => Text::New { bytes, hash },
        })
    }

    /// Finds out what these files declare. One that cannot be read declares nothing.
    fn pass_over(&mut self, files: Vec<ManifestFile>) {
        let mut known = std::mem::take(&mut self.passed_over);
        for source in files {
            let Ok(bytes) = content(&source) else {
                continue;
            };
            let hash = file::hash(&bytes);
            let of_before = known.remove(&source.shown);
            let declared = if let Some((_, declared)) = of_before.filter(|(of, _)| *of == hash) {
                declared
            } else {
                let text = Text::New { bytes, hash };
                self.check(&source, text).checked.declared().collect()
            };
            self.passed_over.insert(source.shown, (hash, declared));
        }
    }

    fn check(&self, source: &ManifestFile, text: Text) -> CachedFile {
        let (bytes, hash) = match text {
            Text::Known(known) => return known,
            Text::New { bytes, hash } => (bytes, hash),
        };
        let surroundings = Surroundings {
            shown: source.shown.clone(),
            path: source.path.as_deref(),
            namespace: &self.options.namespace,
            unwritable: source.unwritable.clone(),
        };
        CachedFile {
            hash,
            unwritable: source.unwritable.clone(),
            checked: Arc::new(file::check(bytes, hash, &surroundings)),
        }
    }
}

/// A file's content.
enum Text {
    /// Unchanged since the last time.
    Known(CachedFile),
    New {
        bytes: Vec<u8>,
        hash: u64,
    },
}

impl Text {
    /// The number of bytes to check.
    fn unchecked(&self) -> usize {
        match self {
            Self::Known(_) => 0,
            Self::New { bytes, .. } => bytes.len(),
        }
    }
}

/// Applies a function to each item on this many threads, but at most one for each processor. Returns the results in
/// the order of the items.
fn in_parallel<T: Send, R: Send>(
    threads: usize,
    items: Vec<T>,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    /// The number of items that a thread takes at a time, so that threads rarely wait for each other.
    const AT_ONCE: usize = 16;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(processors);
    if threads <= 1 {
        return items.into_iter().map(work).collect();
    }
    let left = Mutex::new(items.into_iter().enumerate());
    let next = || -> Vec<(usize, T)> {
        let mut left = left.lock().expect("taking items does not panic");
        left.by_ref().take(AT_ONCE).collect()
    };
    let work = || {
        let taken = std::iter::from_fn(|| Some(next()).filter(|items| !items.is_empty()));
        taken
            .flatten()
            .map(|(index, item)| (index, work(item)))
            .collect()
    };
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<ScopedJoinHandle<'_, Vec<_>>> =
            (0..threads).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("reading does not panic"))
            .collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Reads the bytes of a file. Fails if it is too large.
fn content(source: &ManifestFile) -> io::Result<Vec<u8>> {
    /// A larger file is not a manifest, and would cost much time and memory.
    const LARGEST: u64 = 64 << 20;
    let mut bytes = Vec::new();
    if let Some(path) = &source.path {
        let file = fs::File::open(path)?;
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        bytes.reserve_exact(size.min(LARGEST) as usize + 1);
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    } else {
        io::stdin()
            .lock()
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > LARGEST {
        let message = format!(
            "expected at most {} MiB, found a larger file",
            LARGEST >> 20
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

fn unreadable(source: &ManifestFile, error: &io::Error) -> Problem {
    if error.kind() != io::ErrorKind::FileTooLarge {
        return Problem::of_file(&source.shown, &cause(error));
    }
    let file = source.shown.clone();
    Problem {
        place: Some(Location {
            file,
            line: 1,
            column: 1,
        }),
        resource: None,
        message: error.to_string(),
    }
}

impl Manifests {
    fn add(&mut self, file: &Checked) {
        self.resources.extend(file.resources.iter().cloned());
        self.skipped.extend(file.skipped.iter().cloned());
        self.without_namespace += file.without_namespace;
        for (kind, count) in &file.other_kinds {
            *self.other_kinds.entry(kind.clone()).or_default() += count;
        }
        self.not_objects += file.not_objects;
        self.problems.extend(file.errors.iter().cloned());
        self.warnings.extend(file.warnings.iter().cloned());
    }

    fn add_declared(&mut self, file: &Arc<str>, declared: impl Iterator<Item = ResourceId>) {
        for id in declared {
            if id.kind.is_namespaced() {
                let first = self.namespaces.entry(id.namespace.clone());
                first.or_insert_with(|| file.clone());
            }
            self.declared.insert(id);
        }
    }
}

/// The places where each resource is declared.
#[derive(Default)]
struct Declarations {
    places: BTreeMap<ResourceId, Vec<Location>>,
}

impl Declarations {
    fn add(&mut self, file: &Checked) {
        let good = file
            .resources
            .iter()
            .map(|resource| (resource.id.clone(), resource.place()));
        for (id, place) in good.chain(file.broken.iter().cloned()) {
            self.places.entry(id).or_default().push(place);
        }
    }

    /// Removes resources that are declared more than once, and reports their places.
    fn refuse_duplicates(mut self, manifests: &mut Manifests) {
        /// The most other places that a message names.
        const NAMED: usize = 10;
        self.places.retain(|_, places| places.len() > 1);
        let refused = manifests
            .resources
            .extract_if(.., |r| self.places.contains_key(&r.id));
        let unknown = refused.flat_map(|resource| resource.unknown_fields.clone());
        manifests.problems.extend(unknown);
        for (id, places) in self.places {
            let mut places = places.into_iter();
            let first = places.next();
            let more = places.len().saturating_sub(NAMED);
            let mut others: Vec<String> = places.take(NAMED).map(|p| p.to_string()).collect();
            if more > 0 {
                others.push(format!("{more} more places"));
            }
            let others = others.join(", ");
            manifests.problems.push(Problem {
                place: first,
                resource: Some((&id).into()),
                message: format!("declared more than once, also at {others}; not compared"),
            });
        }
    }
}
