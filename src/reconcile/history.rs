//! Finds the commits whose values are live, for all drifted fields.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::compare::Comparison;
use super::state::{Cycle, LoopState};
use super::versions::{RunningSearch, SearchEnd, SearchesOfFiles, read_versions};
use crate::git;
use crate::history::{Histories, KeptObject, VersionSearch};
use crate::manifest::Resource;
use crate::schema::ResourceId;

/// How long the search may take.
const DEADLINE: Duration = Duration::from_secs(10);

impl<'c> Cycle<'c> {
    /// Finds the commits whose values are live. Runs nothing if nothing has drifted.
    pub(super) async fn histories(
        &mut self,
        found: &[Comparison],
    ) -> HashMap<ResourceId, Histories> {
        let kept = std::mem::take(&mut self.kept);
        let (mut searches, mut repositories) = (Vec::new(), BTreeMap::new());
        for (resource, found) in self.resources.iter().zip(found) {
            let Some(search) = self.search(resource, found, &kept).await else {
                continue;
            };
            let place = resource.path().and_then(in_repository);
            let mut end = SearchEnd::NotInGit;
            if let Some((root, path)) = place {
                let files: &mut SearchesOfFiles = repositories.entry(root).or_default();
                files.entry(path).or_default().push(searches.len());
                end = SearchEnd::Open;
            }
            searches.push(RunningSearch::new(&resource.id, search, end));
        }
        let (namespace, limit) = (&self.options.manifests.namespace, self.options.history);
        let reading = read_versions(&repositories, namespace, limit, &mut searches);
        let reading = tokio::time::timeout(DEADLINE, reading);
        let read = self.stop.unless_asked(reading).await;
        if let Some(Ok(Err(error))) = &read {
            self.state
                .inform(format!("no history: cannot run git: {error}"));
        }
        let is_late = matches!(read, Some(Err(_)));
        conclude(searches, is_late, self.state)
    }

    /// The search for one resource, if it has drifted.
    async fn search<'s>(
        &mut self,
        resource: &'s Resource,
        found: &'s Comparison,
        kept: &'s HashMap<&'c ResourceId, KeptObject>,
    ) -> Option<VersionSearch<'s>>
    where
        'c: 's,
    {
        if self.options.history == 0 {
            return None;
        }
        let subject = self.subject(resource, None);
        match found {
            Comparison::Missing => Some(VersionSearch::of_missing(
                subject,
                self.state.server(self.source).await,
            )),
            Comparison::Drifted(differences) => {
                let server = self.state.server(self.source).await;
                let live = kept.get(&resource.id)?;
                Some(VersionSearch::of_fields(
                    subject,
                    server,
                    live,
                    &differences.findings,
                ))
            }
            Comparison::Unknown | Comparison::InSync | Comparison::Known => None,
        }
    }
}

/// The repository that a file is in, and its path from the root.
fn in_repository(file: &Path) -> Option<(PathBuf, String)> {
    let real = file.canonicalize().ok()?;
    let root = git::root(&real)?;
    let path: Vec<&str> = real
        .strip_prefix(&root)
        .ok()?
        .iter()
        .map(|name| name.to_str())
        .collect::<Option<_>>()?;
    Some((root, path.join("/")))
}

/// Collects the results of the searches, and gives a notice for each reason why some found nothing.
fn conclude(
    searches: Vec<RunningSearch<'_>>,
    is_late: bool,
    state: &mut LoopState,
) -> HashMap<ResourceId, Histories> {
    let mut histories = HashMap::new();
    let (mut shallow, mut late, mut absent, mut unreadable) = (0, 0, 0, 0);
    for running in searches {
        let is_cut = running.end == SearchEnd::Limit;
        let is_complete = is_cut || running.end == SearchEnd::First;
        let outcome = running.search.end(is_complete, is_cut);
        let count = match running.end {
            SearchEnd::Open => &mut late,
            SearchEnd::NotInGit => &mut absent,
            SearchEnd::Shallow => &mut shallow,
            SearchEnd::First | SearchEnd::Limit => &mut unreadable,
        };
        *count += outcome.unknown;
        histories.insert(running.id.clone(), outcome.found);
    }
    if shallow > 0 {
        state.warn_of(format!("history: {shallow} field(s) have a value that no commit of this shallow clone has; fetch older commits to search them, in GitHub Actions with `fetch-depth: 0`"));
    }
    if late > 0 && is_late {
        let seconds = DEADLINE.as_secs();
        state.warn_of(format!("history: {late} field(s) were not found within {seconds} s; --history N searches fewer commits"));
    }
    if absent > 0 {
        state.inform(format!(
            "no history of {absent} field(s): their manifests are in no commit"
        ));
    }
    if unreadable > 0 {
        state.inform(format!("no history of {unreadable} field(s): older versions of their manifests cannot be compared"));
    }
    histories
}
