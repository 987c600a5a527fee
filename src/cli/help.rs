//! The last part of the help, and the program's name in it.

use std::ffi::OsString;
use std::path::Path;

/// What `--help` prints after the options.
pub(super) const AFTER_HELP: &str = "\
Exit codes:
  0  everything was compared; no drift, or drift without --fail-on-drift, or all drift was repaired
  1  --fail-on-drift, and drift is left
  2  something could not be checked or repaired, or the command line or configuration is wrong

Annotations, read from the manifest only:
  drift.gitops.io/skip: \"true\"                 the resource is not compared
  drift.gitops.io/ignore-fields: \"PATHS\"       these fields are neither compared nor written
  drift.gitops.io/remediation-policy: \"alert\"  the resource is reported, never written

Field paths look like spec.template.spec.containers[name=web].image; `[*]` is any item, `*` any key,
and a key with dots is quoted: metadata.labels[\"app.kubernetes.io/name\"].

A live value that nothing declares is not drift, unless the object's record of the last apply
(client-side or server-side) shows that it was removed from the manifest, or --strict is given.

Examples:
  gitops-drift -f deploy/ --once
  gitops-drift -f deploy/ --once --fail-on-drift -o text -o json=drift.json
  helm template my-chart | gitops-drift -f - --once
  gitops-drift -f deploy/ --remediate --interval 30s";

/// The name by which the program was called.
pub(super) struct Program {
    pub(super) file: &'static str,
    name: &'static str,
}

const OWN_NAME: &str = "gitops-drift";

impl Program {
    /// kubectl finds its plugins by the names of their files.
    pub(super) fn of(called: Option<&OsString>) -> Self {
        let file = called.map(Path::new).and_then(Path::file_stem);
        if file.is_some_and(|file| file == "kubectl-drift") {
            Self {
                file: "kubectl-drift",
                name: "kubectl drift",
            }
        } else {
            Self {
                file: OWN_NAME,
                name: OWN_NAME,
            }
        }
    }

    /// The help text with the name by which the program was called.
    pub(super) fn speaks(&self, text: &str) -> String {
        text.replace(OWN_NAME, self.name)
            .replace(self.file, self.name)
    }
}
