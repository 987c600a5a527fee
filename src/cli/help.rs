//! The help's last part, and the name that the program has in it.

use std::ffi::OsString;
use std::path::Path;

/// What `--help` prints after the options.
pub(super) const AFTER_HELP: &str = "\
Exit codes:
  0  everything was compared; no drift, or drift without --fail-on-drift, or all drift was repaired
  1  --fail-on-drift, and drift is left
  2  something could not be checked or repaired, or the command line or configuration is wrong

Annotations, read from the manifest only:
  drift.gitops.io/skip: \"true\"                 the resource is not looked at
  drift.gitops.io/ignore-fields: \"PATHS\"       these fields are neither compared nor written
  drift.gitops.io/remediation-policy: \"alert\"  the resource is reported, never written

Field paths look like spec.template.spec.containers[name=web].image; `[*]` is any item, `*` any key,
and a key with dots is quoted: metadata.labels[\"app.kubernetes.io/name\"].

A value that is live but declared nowhere is not drift, unless the object's record of the last apply
(client-side or server-side) shows that it has left the manifest, or --strict is given.

Examples:
  gitops-drift -f deploy/ --once
  gitops-drift -f deploy/ --once --fail-on-drift -o text -o json=drift.json
  helm template my-chart | gitops-drift -f - --once
  gitops-drift -f deploy/ --remediate --interval 30s";

/// How the program was called.
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

    /// A text of help, in which the program has the name that it was called by.
    pub(super) fn speaks(&self, text: &str) -> String {
        text.replace(OWN_NAME, self.name)
            .replace(self.file, self.name)
    }
}
