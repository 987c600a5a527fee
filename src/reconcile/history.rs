//! Finds the commits whose values are live, for all drifted fields.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::compare::Comparison;
use super::state::{Cycle, LoopState};
use super::versions::{RunningSearch, SearchEnd, SearchesOfFiles, read_versions};
use crate::history::{Histories, KeptObject, VersionSearch};
use crate::managed_fields;
use crate::manifest::Resource;
use crate::path::Path as FieldPath;
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
        let (mut searches, mut in_no_repository) = (Vec::new(), 0);
        let mut repositories: BTreeMap<PathBuf, SearchesOfFiles> = BTreeMap::new();
        for (resource, found) in self.resources.iter().zip(found) {
            let fields = fields_to_search(found);
            if fields == 0 || self.options.history == 0 {
                continue;
            }
            // An object was kept if its manifest may be in a repository.
            let is_searched =
                matches!(found, Comparison::Missing) || kept.contains_key(&resource.id);
            let file = resource.path().filter(|_| is_searched);
            let place = file.and_then(|file| self.repositories.place(file));
            let Some((root, path)) = place else {
                in_no_repository += fields;
                continue;
            };
            if let Some(search) = self.search(resource, found, &kept).await {
                let files = repositories.entry(root).or_default();
                files.entry(path).or_default().push(searches.len());
                searches.push(RunningSearch::new(&resource.id, search));
            }
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
        conclude(searches, in_no_repository, is_late, self.state)
    }

    /// Keeps a drifted object if its history is to be searched.
    pub(super) fn keep(
        &mut self,
        resource: &'c Resource,
        live: &Value,
        managed_fields: Option<&str>,
    ) {
        let is_searched = self.options.history > 0
            && resource
                .path()
                .is_some_and(|file| self.repositories.may_have(file));
        let Some(object) = is_searched
            .then(|| serde_json::to_string(live).ok())
            .flatten()
        else {
            return;
        };
        let within = || managed_fields::within(live);
        let managed_fields = managed_fields.map(Cow::from).or_else(within);
        let kept = KeptObject {
            object,
            managed_fields: managed_fields.map(Cow::into_owned),
        };
        self.kept.insert(&resource.id, kept);
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

/// Of how many fields the history can be looked for; a missing resource counts as one.
fn fields_to_search(found: &Comparison) -> usize {
    match found {
        Comparison::Missing => 1,
        Comparison::Drifted(differences) => {
            let findings = differences.findings.iter();
            findings.filter(|f| f.path != FieldPath::resource()).count()
        }
        Comparison::Unknown | Comparison::InSync | Comparison::Known => 0,
    }
}

/// Collects the results of the searches, and gives a notice for each reason why some found nothing.
fn conclude(
    searches: Vec<RunningSearch<'_>>,
    in_no_repository: usize,
    is_late: bool,
    state: &mut LoopState,
) -> HashMap<ResourceId, Histories> {
    let mut histories = HashMap::new();
    let (mut shallow, mut late, mut unreadable, mut incomparable) = (0, 0, 0, 0);
    let mut absent = in_no_repository;
    for running in searches {
        let is_cut = running.end == SearchEnd::Limit;
        let is_complete = is_cut || running.end == SearchEnd::First;
        let outcome = running.search.end(is_complete, is_cut);
        let count = match running.end {
            SearchEnd::Open => &mut late,
            SearchEnd::NotInGit => &mut absent,
            SearchEnd::Shallow => &mut shallow,
            SearchEnd::Unreadable => &mut unreadable,
            SearchEnd::First | SearchEnd::Limit => &mut incomparable,
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
        state.inform(format!(
            "no history of {unreadable} field(s): Git cannot read their repository"
        ));
    }
    if incomparable > 0 {
        state.inform(format!("no history of {incomparable} field(s): older versions of their manifests cannot be compared"));
    }
    histories
}
