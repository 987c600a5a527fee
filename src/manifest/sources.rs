//! Finds the files of the given paths: walks folders, follows links, and skips charts and hidden names.

use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::kustomize::{self, Reading};
use super::notices;
use super::problem::{Problem, cause, one_line};
use super::roles::{Role, Roles};

/// The file name extensions of manifests.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];
const CHART: &str = "Chart.yaml";
/// The path that means standard input, and its name in messages.
const DASH: &str = "-";
const STDIN: &str = "<stdin>";

/// A file to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ManifestFile {
    /// `None` for standard input.
    pub path: Option<PathBuf>,
    /// Its name in messages.
    pub shown: Arc<str>,
    /// Why its resources must not be written.
    pub unwritable: Option<Arc<str>>,
}

/// The files of the given paths at the moment.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub files: Vec<ManifestFile>,
    /// The files that are passed over, where they are asked for: excluded ones, and those that are not resources
    /// according to the kustomizations.
    pub passed_over: Vec<ManifestFile>,
    /// The number of files that are not resources according to the kustomizations.
    pub no_resources: usize,
    pub problems: Vec<Problem>,
    /// Notices about folders; `details` has a line for each folder that a notice does not name.
    pub notices: Vec<String>,
    pub details: Vec<String>,
}

/// The error of an invalid glob.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GlobError {
    text: String,
    cause: globset::ErrorKind,
}

impl fmt::Display for GlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad glob `{}`: {}", self.text, self.cause)
    }
}

impl std::error::Error for GlobError {}

/// Compiles the globs of paths to skip.
pub(super) fn globs(exclude: &[String]) -> Result<GlobSet, GlobError> {
    let bad = |text: &str, error: &globset::Error| GlobError {
        text: text.to_owned(),
        cause: error.kind().clone(),
    };
    let mut set = GlobSetBuilder::new();
    for text in exclude {
        // As in .gitignore: a name matches at any depth, a path from the top.
        let pattern = text
            .strip_prefix("./")
            .unwrap_or(text)
            .trim_end_matches('/');
        let pattern = match pattern.strip_prefix('/') {
            Some(anchored) => anchored.to_owned(),
            None if pattern.contains('/') => pattern.to_owned(),
            None => format!("**/{pattern}"),
        };
        let glob = GlobBuilder::new(&pattern).literal_separator(true).build();
        set.add(glob.map_err(|error| bad(text, &error))?);
    }
    set.build()
        .map_err(|error| bad(error.glob().unwrap_or_default(), &error))
}

/// Finds all files of the given paths, in a fixed order, each once; those that are passed over too, if they are asked
/// for.
pub(super) fn find(inputs: &[PathBuf], exclude: &GlobSet, with_passed_over: bool) -> Sources {
    let mut finder = Finder {
        exclude,
        excluded: with_passed_over.then(Vec::new),
        here: std::env::current_dir().ok(),
        input: Path::new(""),
        files: Vec::new(),
        links: Vec::new(),
        seen: HashSet::new(),
        roles: Roles::default(),
        kustomized: BTreeMap::new(),
        charts: Vec::new(),
        problems: Vec::new(),
    };
    let mut all = Vec::new();
    for input in inputs {
        finder.input = input;
        finder.input();
        // Real files and folders come first, so that links to them are recognised as duplicates.
        while !finder.links.is_empty() {
            for link in std::mem::take(&mut finder.links) {
                finder.link(link);
            }
        }
        let mut files = std::mem::take(&mut finder.files);
        files.sort_by(|a, b| a.below.cmp(&b.below));
        all.append(&mut files);
    }
    finder.sources(all)
}

struct Finder<'a> {
    exclude: &'a GlobSet,
    /// The excluded manifests, where they are asked for.
    excluded: Option<Vec<ManifestFile>>,
    /// The working directory.
    here: Option<PathBuf>,
    /// The given path that is being searched.
    input: &'a Path,
    /// The files that were found below it.
    files: Vec<Found>,
    /// The links that were found and not yet followed.
    links: Vec<FoundPath>,
    /// The real paths of all files and folders that were found.
    seen: HashSet<PathBuf>,
    /// The roles of files in the kustomizations.
    roles: Roles,
    /// The folders whose kustomizations were read, with the results.
    kustomized: BTreeMap<PathBuf, Kustomized>,
    /// The folders with Helm charts.
    charts: Vec<String>,
    problems: Vec<Problem>,
}

/// A file that was found.
struct Found {
    /// The path relative to the given one; empty for the given one itself.
    below: PathBuf,
    /// The path with links resolved.
    real: PathBuf,
    source: ManifestFile,
}

/// A folder with a kustomization.
#[derive(Clone, Debug, Default)]
struct Kustomized {
    /// The folder's name in messages.
    shown: String,
    /// The names of its kustomization files.
    names: Vec<&'static str>,
    /// Why nothing below it may be written, if so.
    unwritable: Option<Arc<str>>,
}

/// A place below a given path.
struct FoundPath {
    path: PathBuf,
    /// The path relative to the given one.
    below: PathBuf,
    /// The path with links resolved, where it is known without a system call.
    real: Option<PathBuf>,
    unwritable: Option<Arc<str>>,
}

impl Finder<'_> {
    fn input(&mut self) {
        let spot = FoundPath {
            path: self.input.to_owned(),
            below: PathBuf::new(),
            real: None,
            unwritable: None,
        };
        if self.input == Path::new(DASH) {
            let dash = PathBuf::from(DASH);
            if self.seen.insert(dash.clone()) {
                let source = ManifestFile {
                    path: None,
                    shown: STDIN.into(),
                    unwritable: None,
                };
                self.files.push(Found {
                    below: spot.below,
                    real: dash,
                    source,
                });
            }
            return;
        }
        match fs::metadata(&spot.path) {
            Ok(metadata) if metadata.is_dir() => self.folder(spot),
            Ok(_) => self.given_file(spot),
            Err(error) => self.unreadable(&spot.path, &error),
        }
    }

    /// Adds a given file, whatever its name, unless it is a kustomization.
    fn given_file(&mut self, mut spot: FoundPath) {
        let folder = match spot.path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let is_there = |name: &&'static str| folder.join(name).is_file();
        let names: Vec<_> = kustomize::NAMES.into_iter().filter(is_there).collect();
        let kustomized = self.kustomized(&folder, names);
        let is_one = |given: &OsStr| kustomized.names.iter().any(|name| given == *name);
        if spot.path.file_name().is_some_and(is_one) {
            return;
        }
        spot.unwritable = kustomized.unwritable;
        self.file(spot);
    }

    fn folder(&mut self, mut spot: FoundPath) {
        spot.real = spot.real.or_else(|| fs::canonicalize(&spot.path).ok());
        if let Some(real) = &spot.real
            && !self.seen.insert(real.clone())
        {
            return;
        }
        let entries = match entries(&spot.path) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(&spot.path, &error),
        };
        let has = |wanted: &str| entries.iter().any(|(name, _)| name == wanted);
        if has(CHART) {
            let shown = self.shown(&spot.path);
            return self.charts.push(shown);
        }
        let names = kustomize::NAMES.into_iter().filter(|name| has(name));
        let kustomized = self.kustomized(&spot.path, names.collect());
        spot.unwritable = spot.unwritable.or(kustomized.unwritable);
        for (name, kind) in entries {
            if !kustomized.names.iter().any(|known| name == *known) {
                self.entry(&spot, &name, kind);
            }
        }
    }

    fn entry(&mut self, folder: &FoundPath, name: &OsStr, kind: fs::FileType) {
        let spot = FoundPath {
            path: folder.path.join(name),
            below: folder.below.join(name),
            // Resolving the path would cost more than reading the file.
            real: folder
                .real
                .as_ref()
                .filter(|_| !kind.is_symlink())
                .map(|real| real.join(name)),
            unwritable: folder.unwritable.clone(),
        };
        if is_hidden(name) {
            return;
        }
        if self.exclude.is_match(&spot.below) {
            return self.excluded(&spot.path);
        }
        if kind.is_dir() {
            self.folder(spot);
        } else if kind.is_symlink() {
            self.links.push(spot);
        } else if is_manifest(&spot.path) {
            self.manifest(spot, kind);
        }
    }

    /// Takes down the manifests of an excluded path. What cannot be read of it is no problem of this run.
    fn excluded(&mut self, path: &Path) {
        if self.excluded.is_none() {
            return;
        }
        let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() && !is_link => {
                let entries = entries(path).unwrap_or_default().into_iter();
                let names = entries.map(|(name, _)| name);
                for name in names.filter(|name| !is_hidden(name)) {
                    self.excluded(&path.join(name));
                }
            }
            Ok(metadata) if metadata.is_file() && is_manifest(path) => {
                let shown = self.shown(path).into();
                self.excluded.get_or_insert_default().push(ManifestFile {
                    path: Some(path.to_owned()),
                    shown,
                    unwritable: None,
                });
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Follows a link to a file that would be read, or to a folder that does not contain the link.
    fn link(&mut self, spot: FoundPath) {
        match fs::metadata(&spot.path) {
            Ok(metadata) if metadata.is_dir() => {
                let target = fs::canonicalize(&spot.path);
                let input = fs::canonicalize(self.input);
                let is_loop = matches!((&target, &input), (Ok(target), Ok(input)) if input.starts_with(target));
                if !is_loop {
                    self.folder(spot);
                }
            }
            Ok(metadata) if is_manifest(&spot.path) => self.manifest(spot, metadata.file_type()),
            Err(error) if is_manifest(&spot.path) || spot.path.extension().is_none() => {
                self.unreadable(&spot.path, &error);
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Adds a file below a given path if it is regular: reading a pipe might never end.
    fn manifest(&mut self, spot: FoundPath, kind: fs::FileType) {
        if kind.is_file() {
            return self.file(spot);
        }
        let problem = Problem::of_file(&self.shown(&spot.path), "not a regular file or a folder");
        self.problems.push(problem);
    }

    fn file(&mut self, spot: FoundPath) {
        let real = spot
            .real
            .or_else(|| fs::canonicalize(&spot.path).ok())
            .unwrap_or_else(|| spot.path.clone());
        if self.seen.insert(real.clone()) {
            let shown = self.shown(&spot.path).into();
            self.files.push(Found {
                below: spot.below,
                real,
                source: ManifestFile {
                    path: Some(spot.path),
                    shown,
                    unwritable: spot.unwritable,
                },
            });
        }
    }

    /// Reads the kustomization of a folder; `names` are its kustomization files.
    fn kustomized(&mut self, folder: &Path, names: Vec<&'static str>) -> Kustomized {
        if names.is_empty() {
            return Kustomized::default();
        }
        let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if let Some(known) = self.kustomized.get(&real) {
            return known.clone();
        }
        let reading = match names[..] {
            [name] => kustomize::read(&folder.join(name)),
            _ => Reading::Broken("more than one kustomization in this folder".to_owned()),
        };
        let shown = self.shown(folder);
        let reason: Arc<str> = format!("kustomize may change it ({shown})").into();
        let mut found = Kustomized {
            shown,
            names,
            unwritable: None,
        };
        match reading {
            Reading::Manifest => return Kustomized::default(),
            Reading::Kustomization(paths) => self.roles.add(&real, paths, &reason),
            Reading::Broken(cause) => {
                let file = self.shown(&folder.join(found.names[0]));
                let cause = format!("{cause}; the manifests in its folder are never written");
                self.problems.push(Problem::of_file(&file, &cause));
                found.unwritable = Some(reason);
            }
        }
        self.kustomized.insert(real, found.clone());
        found
    }

    /// The files that hold resources.
    fn sources(self, all: Vec<Found>) -> Sources {
        let with_passed_over = self.excluded.is_some();
        let mut sources = Sources {
            problems: self.problems,
            passed_over: self.excluded.unwrap_or_default(),
            ..Sources::default()
        };
        for Found {
            below,
            real,
            mut source,
        } in all
        {
            match self.roles.of(&real) {
                Role::Resource(reason) => drop(source.unwritable.get_or_insert(reason)),
                // A given file is read nevertheless.
                Role::Other(reason) if below == Path::new("") => {
                    source.unwritable.get_or_insert(reason);
                }
                Role::Other(_) => {
                    sources.no_resources += 1;
                    sources
                        .passed_over
                        .extend(with_passed_over.then_some(source));
                    continue;
                }
                Role::Unnamed => {}
            }
            sources.files.push(source);
        }
        let folders = self.kustomized.into_values();
        let folders: Vec<String> = folders.map(|folder| folder.shown).collect();
        for notice in [notices::charts(&self.charts), notices::kustomized(&folders)] {
            let Some(notice) = notice else { continue };
            sources.notices.push(notice.line);
            sources.details.extend(notice.details);
        }
        sources
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let problem = Problem::of_file(&self.shown(path), &cause(error));
        self.problems.push(problem);
    }

    fn shown(&self, path: &Path) -> String {
        shown(path, self.here.as_deref())
    }
}

/// A path for messages: relative to the working directory if it is below that, else as given.
fn shown(path: &Path, here: Option<&Path>) -> String {
    let absolute = std::path::absolute(path).ok();
    let below = absolute
        .as_deref()
        .and_then(|absolute| absolute.strip_prefix(here?).ok());
    match below {
        Some(below) if below == Path::new("") => ".".to_owned(),
        below => one_line(&below.unwrap_or(path).to_string_lossy()),
    }
}

/// The names in a folder, sorted.
fn entries(folder: &Path) -> io::Result<Vec<(OsString, fs::FileType)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((entry.file_name(), entry.file_type()?));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Whether a file in a folder is a manifest, by its name.
#[must_use]
pub(crate) fn is_manifest(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_from_the_working_directory() {
        let here = std::env::current_dir().unwrap();
        for (path, expected) in [
            (here.join("a/b.yaml"), "a/b.yaml"),
            (PathBuf::from("./a/b.yaml"), "a/b.yaml"),
            (PathBuf::from("a//b.yaml"), "a/b.yaml"),
            (PathBuf::from("."), "."),
            (here.clone(), "."),
            (PathBuf::from("/elsewhere/b.yaml"), "/elsewhere/b.yaml"),
            (PathBuf::from("a\n.yaml"), "a\\n.yaml"),
        ] {
            assert_eq!(shown(&path, Some(&here)), expected);
        }
        assert_eq!(
            shown(Path::new("../b.yaml"), Some(&here.join("x"))),
            "../b.yaml"
        );
    }
}
