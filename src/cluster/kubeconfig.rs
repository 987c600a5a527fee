//! Reads kubeconfig files, with errors that say what is wrong in one line and show nothing of what is in them.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError, LoadDataError};

use super::error::{Error, one_line, root_cause};

/// The files of `$KUBECONFIG` as one: the first to name a thing wins, files that do not exist are passed over.
/// Fails with [`Error::Config`] when one is not readable or not valid, or when there is none.
pub(super) fn read_list(list: &OsStr) -> Result<(Kubeconfig, Vec<PathBuf>), Error> {
    let mut merged = Kubeconfig::default();
    let mut paths = Vec::new();
    for path in std::env::split_paths(list).filter(|path| path.symlink_metadata().is_ok()) {
        merged = merged
            .merge(read(&path)?)
            .map_err(|error| Error::Config(format!("{}: {error}", path.display())))?;
        paths.push(path);
    }
    if paths.is_empty() {
        return Err(Error::Config(format!(
            "KUBECONFIG={}: there is no such file",
            list.to_string_lossy()
        )));
    }
    Ok((merged, paths))
}

/// Reads one file. Relative paths in it are meant from where it lies.
pub(super) fn read(path: &Path) -> Result<Kubeconfig, Error> {
    Kubeconfig::read_from(path).map_err(|error| match error {
        KubeconfigError::ReadConfig(error, path) => unreadable("the kubeconfig", &path, &error),
        // Only the place: the text of the error shows the lines around it, and tokens stand in them.
        KubeconfigError::Parse(error) => {
            let place = error
                .location()
                .map_or_else(String::new, |l| format!(":{}:{}", l.line(), l.column()));
            Error::Config(format!(
                "{}{place}: this is not a valid kubeconfig",
                path.display()
            ))
        }
        error => describe(&error),
    })
}

/// An error of kube's about a kubeconfig, in one line.
pub(super) fn describe(error: &KubeconfigError) -> Error {
    let (what, problem) = match error {
        KubeconfigError::LoadCertificateAuthority(problem) => {
            ("the certificate authority", problem)
        }
        KubeconfigError::LoadClientCertificate(problem) => ("the client certificate", problem),
        KubeconfigError::LoadClientKey(problem) => ("the client key", problem),
        _ => return Error::Config(one_line(&error.to_string())),
    };
    match problem {
        LoadDataError::ReadFile(error, path) => unreadable(what, path, error),
        LoadDataError::DecodeBase64(_) => {
            Error::Config(format!("{what} in the kubeconfig is not valid base64"))
        }
        LoadDataError::NoBase64DataOrFile => {
            Error::Config(format!("{what} is missing in the kubeconfig"))
        }
    }
}

pub(super) fn unreadable(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Config(format!(
        "cannot read {what} {}: {}",
        path.display(),
        root_cause(error)
    ))
}
