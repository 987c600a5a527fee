//! Reads kubeconfig files, with errors of one line that show none of their content.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError, LoadDataError};

use super::error::{Error, one_line, root_cause};

/// Merges the files of `$KUBECONFIG`: the first definition of a name wins, and files that do not exist are ignored.
/// Fails with [`Error::Config`] when a file cannot be read or is invalid, or when none exists.
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

/// Reads one file. Relative paths in it are relative to its directory.
pub(super) fn read(path: &Path) -> Result<Kubeconfig, Error> {
    Kubeconfig::read_from(path).map_err(|error| match error {
        KubeconfigError::ReadConfig(error, path) => unreadable("the kubeconfig", &path, &error),
        // Only the position: the message of the error quotes lines of the file, which may contain tokens.
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

/// Describes an error of kube about a kubeconfig in one line.
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
