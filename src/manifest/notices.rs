//! What an operator may want to know of folders: one line for all of a kind.

/// One line, and what it leaves out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Notice {
    pub line: String,
    /// A line for each folder, where there are more than the notice names.
    pub details: Vec<String>,
}

/// What to say of folders with Helm charts.
pub(super) fn charts(folders: &[String]) -> Option<Notice> {
    let (who, them, folder) = match folders {
        [] => return None,
        [one] => (
            format!("passed over the Helm chart in {one}"),
            "it",
            one.as_str(),
        ),
        all => {
            let (count, names) = (all.len(), first_names(all));
            (
                format!("passed over {count} Helm charts ({names})"),
                "one",
                "DIR",
            )
        }
    };
    Some(Notice {
        line: format!(
            "{who}; to compare {them}: helm template {folder} | gitops-drift -f - --once"
        ),
        details: details(folders, "Helm chart, passed over"),
    })
}

/// What to say of folders with kustomizations.
pub(super) fn kustomized(folders: &[String]) -> Option<Notice> {
    let (who, folder) = match folders {
        [] => return None,
        [one] => (format!("kustomization in {one}"), one.as_str()),
        all => {
            let (count, names) = (all.len(), first_names(all));
            (format!("{count} kustomizations ({names})"), "DIR")
        }
    };
    let what = "resources are compared as they stand and never written, patches are passed over";
    Some(Notice {
        line: format!(
            "{who}: {what}; to compare the result: kubectl kustomize {folder} | gitops-drift -f - --once"
        ),
        details: details(folders, "folder with a kustomization"),
    })
}

/// How many folders a notice names.
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
