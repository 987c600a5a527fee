//! The files that the given paths stand for: folders walked, links followed, charts and hidden names passed over.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::problem::{Problem, one_line};

/// The endings of manifests' names.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];
/// The names of the file that makes a folder one for kustomize.
const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
const CHART: &str = "Chart.yaml";
/// Standard input among the given paths, and in places.
const DASH: &str = "-";
const STDIN: &str = "<stdin>";

/// A file to read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// `None` stands for standard input.
    pub path: Option<PathBuf>,
    /// How messages call it.
    pub shown: Arc<str>,
    /// Why its resources must not be written.
    pub unwritable: Option<Arc<str>>,
}

/// What the given paths stand for at the moment.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub files: Vec<Source>,
    pub problems: Vec<Problem>,
    pub notices: Vec<String>,
}

/// Reads the globs of paths to pass over. Fails with a text that says what is wrong with one.
pub(super) fn globs(exclude: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for text in exclude {
        // As in .gitignore: a name alone is meant wherever it is, a path from the top.
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
        set.add(glob.map_err(|error| format!("bad glob `{text}`: {}", error.kind()))?);
    }
    set.build().map_err(|error| error.to_string())
}

/// Finds all files that the given paths stand for, in a fixed order, each once.
pub(super) fn find(inputs: &[PathBuf], exclude: &GlobSet) -> Sources {
    let mut finder = Finder {
        exclude,
        here: std::env::current_dir().ok(),
        input: Path::new(""),
        files: Vec::new(),
        links: Vec::new(),
        seen: HashSet::new(),
        found: Sources::default(),
    };
    let mut all = Vec::new();
    for input in inputs {
        finder.input = input;
        finder.input();
        // Real files and folders first: what a link leads to is then known if it has been read already.
        while !finder.links.is_empty() {
            for link in std::mem::take(&mut finder.links) {
                finder.link(link);
            }
        }
        let mut files = std::mem::take(&mut finder.files);
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        all.extend(files.into_iter().map(|(_, source)| source));
    }
    Sources {
        files: all,
        ..finder.found
    }
}

struct Finder<'a> {
    exclude: &'a GlobSet,
    /// The working directory.
    here: Option<PathBuf>,
    /// The given path that is being looked at.
    input: &'a Path,
    /// What was found below it, by the path from there.
    files: Vec<(PathBuf, Source)>,
    /// The links that were found and not yet followed.
    links: Vec<Spot>,
    /// The real paths of all files and folders that were read.
    seen: HashSet<PathBuf>,
    found: Sources,
}

/// A place below a given path.
struct Spot {
    path: PathBuf,
    /// The path from the given one.
    below: PathBuf,
    /// The path without links, where the way to it tells.
    real: Option<PathBuf>,
    unwritable: Option<Arc<str>>,
}

impl Finder<'_> {
    fn input(&mut self) {
        let spot = Spot {
            path: self.input.to_owned(),
            below: PathBuf::new(),
            real: None,
            unwritable: None,
        };
        if self.input == Path::new(DASH) {
            if self.seen.insert(PathBuf::from(DASH)) {
                let source = Source {
                    path: None,
                    shown: STDIN.into(),
                    unwritable: None,
                };
                self.files.push((spot.below, source));
            }
            return;
        }
        match fs::metadata(&spot.path) {
            Ok(metadata) if metadata.is_dir() => self.folder(spot),
            Ok(_) => self.given_file(spot),
            Err(error) => self.unreadable(&spot.path, &error),
        }
    }

    /// A given file is read whatever it is called, unless it is a kustomization.
    fn given_file(&mut self, mut spot: Spot) {
        let folder = match spot.path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        if let Some(name) = KUSTOMIZATIONS
            .iter()
            .find(|name| folder.join(name).is_file())
        {
            spot.unwritable = Some(self.kustomized(&folder));
            if spot.path.file_name().is_some_and(|given| given == *name) {
                return;
            }
        }
        self.file(spot);
    }

    fn folder(&mut self, mut spot: Spot) {
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
            return self.found.notices.push(format!(
                "{shown}: a Helm chart, passed over; helm template {shown} | gitops-drift -f - --once compares it"
            ));
        }
        if KUSTOMIZATIONS.into_iter().any(has) {
            spot.unwritable = Some(self.kustomized(&spot.path));
        }
        for (name, kind) in entries {
            self.entry(&spot, &name, kind);
        }
    }

    fn entry(&mut self, folder: &Spot, name: &OsStr, kind: fs::FileType) {
        let spot = Spot {
            path: folder.path.join(name),
            below: folder.below.join(name),
            // To ask for it would cost more than to read the file.
            real: folder
                .real
                .as_ref()
                .filter(|_| !kind.is_symlink())
                .map(|real| real.join(name)),
            unwritable: folder.unwritable.clone(),
        };
        let is_hidden = name.as_encoded_bytes().starts_with(b".");
        let is_kustomization = KUSTOMIZATIONS.into_iter().any(|known| name == known);
        if is_hidden || is_kustomization || self.exclude.is_match(&spot.below) {
            return;
        }
        if kind.is_dir() {
            self.folder(spot);
        } else if kind.is_symlink() {
            self.links.push(spot);
        } else if is_manifest(&spot.path) {
            self.manifest(spot, kind);
        }
    }

    /// A link is followed to a file that would be read, and to a folder that the link does not lie in.
    fn link(&mut self, spot: Spot) {
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

    /// Below a given path only regular files are read: a pipe there would never end.
    fn manifest(&mut self, spot: Spot, kind: fs::FileType) {
        if kind.is_file() {
            return self.file(spot);
        }
        let problem = Problem::of_file(&self.shown(&spot.path), "neither a file nor a folder");
        self.found.problems.push(problem);
    }

    fn file(&mut self, spot: Spot) {
        let real = spot
            .real
            .or_else(|| fs::canonicalize(&spot.path).ok())
            .unwrap_or_else(|| spot.path.clone());
        if self.seen.insert(real) {
            let shown = self.shown(&spot.path).into();
            self.files.push((
                spot.below,
                Source {
                    path: Some(spot.path),
                    shown,
                    unwritable: spot.unwritable,
                },
            ));
        }
    }

    /// Notes that a folder is one for kustomize, and says why its resources are not written.
    fn kustomized(&mut self, folder: &Path) -> Arc<str> {
        let shown = self.shown(folder);
        let notice = format!(
            "{shown}: a kustomize folder, compared as it stands and never written; kubectl kustomize {shown} | gitops-drift -f - --once compares what it makes"
        );
        if !self.found.notices.contains(&notice) {
            self.found.notices.push(notice);
        }
        format!("kustomize may change it ({shown})").into()
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        let problem = Problem::of_file(&self.shown(path), &cause(error));
        self.found.problems.push(problem);
    }

    fn shown(&self, path: &Path) -> String {
        shown(path, self.here.as_deref())
    }
}

/// A path as messages show it: relative to the working directory if it lies below that, else as given.
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

/// The names in a folder, in their order.
fn entries(folder: &Path) -> io::Result<Vec<(OsString, fs::FileType)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((entry.file_name(), entry.file_type()?));
    }
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

fn is_manifest(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

/// Why a file could not be read, without the number that the system gives it.
pub(super) fn cause(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
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
