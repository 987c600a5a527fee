//! Notices about folders with Helm charts and kustomizations: one line for all folders of a sort.

/// A notice of one line, and the folders that it does not name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub line: String,
    /// A line for each folder, if there are more than the notice names.
    pub details: Vec<String>,
}

/// The notice about folders with Helm charts.
pub(super) fn charts(folders: &[String]) -> Option<Notice> {
    let (who, them, folder) = match folders {
        [] => return None,
        [one] => (
            format!("skipped the Helm chart in {one}"),
            "it",
            one.as_str(),
        ),
        all => {
            let (count, names) = (all.len(), first_names(all));
            (
                format!("skipped {count} Helm charts ({names})"),
                "one",
                "DIR",
            )
        }
    };
    Some(Notice {
        line: format!(
            "{who}; to compare {them}: helm template {folder} | gitops-drift -f - --once"
        ),
        details: details(folders, "skipped Helm chart"),
    })
}

/// The notice about folders with kustomizations.
pub(super) fn kustomized(folders: &[String]) -> Option<Notice> {
    let (who, folder) = match folders {
        [] => return None,
        [one] => (format!("kustomization in {one}"), one.as_str()),
        all => {
            let (count, names) = (all.len(), first_names(all));
            (format!("{count} kustomizations ({names})"), "DIR")
        }
    };
    let what = "resources are compared without patches and are never written";
    Some(Notice {
        line: format!(
            "{who}: {what}; to compare the result: kubectl kustomize {folder} | gitops-drift -f - --once"
        ),
        details: details(folders, "folder with a kustomization"),
    })
}

/// The most folders that a notice names.
const NAMED: usize = 3;

fn first_names(folders: &[String]) -> String {
    let (first, rest) = folders.split_at(folders.len().min(NAMED));
    let first = first.join(", ");
    match rest.len() {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn details(folders: &[String], what: &str) -> Vec<String> {
    if folders.len() <= NAMED {
        return Vec::new();
    }
    let line = |folder: &String| format!("{folder}: {what}");
    folders.iter().map(line).collect()
}
