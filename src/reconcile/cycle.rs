//! One cycle: load, compare, repair, report.

use std::collections::{BTreeMap, HashMap};

use super::describe;
use super::search::UnmanagedSearch;
use super::signals::StopSignal;
use super::state::{Cycle, Inputs, LoopState};
use super::{LiveSource, Mode, RunOptions, namespaces, patch};
use crate::git::Repositories;
use crate::manifest::{Manifests, Resource};
use crate::report::redact::{SecretValues, redact};
use crate::report::{self, Report};
use crate::schema::ResourceId;

/// Runs one cycle. It does not fail: errors are in the report. Returns `None` if the run was stopped before the
/// manifests had been read.
pub(super) async fn run(
    state: &mut LoopState,
    inputs: Inputs,
    options: &RunOptions,
    source: &LiveSource,
    stop: &StopSignal,
) -> Option<Report> {
    let mut manifests = stop.unless_asked(state.load(inputs.loading)).await?;
    let unused = manifests.select(&options.only, &options.ignore);
    let mut search = UnmanagedSearch::new(&manifests, &options.only, unused);
    if search.places().is_empty() {
        for warning in search.take_unused() {
            state.warn_of(warning);
        }
    }
    let newer = manifests
        .resources
        .iter()
        .any(|r| !r.unknown_fields.is_empty())
        && stop.unless_asked(state.is_newer(source)).await == Some(true);
    let mut report = opening(state, &manifests, newer);
    report.suppressed = options.show_suppressed.then(BTreeMap::new);
    for detail in &manifests.details {
        tracing::debug!("{detail}");
    }
    for notice in &manifests.notices {
        state.warn_of(notice.clone());
    }
    for warning in &manifests.warnings {
        state.warn(describe::problem(warning));
    }
    let mut of_context = None;
    if let LiveSource::Cluster {
        named, namespace, ..
    } = source
    {
        report.cluster = Some(named.clone());
        of_context = namespace.as_deref();
    }
    namespaces::warn_of_options(state, options, &manifests, of_context);
    let mut cycle = Cycle {
        state,
        options,
        source,
        stop,
        resources: &manifests.resources,
        search,
        left_out: &manifests.left_out,
        newer,
        repositories: Repositories::default(),
        kept: HashMap::new(),
        report,
        drifted_objects: Vec::new(),
    };
    let found = cycle.compare().await;
    cycle.hint_at_namespaces(&found).await;
    let histories = cycle.histories(&found).await;
    stop.set_writing(matches!(options.mode, Mode::Remediate(_)));
    cycle.settle(found, histories).await;
    stop.set_writing(false);
    let Cycle {
        mut report,
        state,
        drifted_objects,
        ..
    } = cycle;
    if let Some(Ok((commit, warning))) = stop.unless_asked(inputs.revision).await {
        report.revision = report::Revision { full: commit };
        if let Some(warning) = warning {
            state.warn_of(warning);
        }
    }
    report.warnings = state.take_warnings();
    if report.unmanaged.is_empty() && report.known.is_empty() {
        explain_nothing_compared(&manifests, &mut report);
    }
    if options.secrets == SecretValues::Hidden {
        hide_secrets(&manifests, &mut report);
    }
    report.repository = describe::repository(&options.manifests.inputs);
    report.errors.sort_by_cached_key(order);
    if options.makes_patch() {
        report.patch = patch::of_report(&report, &drifted_objects, options);
    }
    report.time = describe::now();
    Some(report)
}

/// The beginning of the report, which depends on the manifests alone.
fn opening(state: &mut LoopState, manifests: &Manifests, newer: bool) -> Report {
    let unknown = manifests
        .resources
        .iter()
        .flat_map(|resource| &resource.unknown_fields);
    let mut errors: Vec<report::ErrorEntry> =
        manifests.problems.iter().map(describe::problem).collect();
    for problem in unknown {
        if newer {
            state.warn(describe::problem(problem));
        } else {
            errors.push(describe::problem(problem));
        }
    }
    let skipped = manifests
        .skipped
        .iter()
        .map(|skipped| report::SkippedEntry {
            resource: describe::resource(&skipped.resource),
            source: report::SourceLocation {
                file: skipped.place.file.to_string(),
                line: skipped.place.line,
                column: skipped.place.column,
                definition: None,
            },
        });
    Report {
        errors,
        skipped: skipped.collect(),
        other_kinds: manifests.other_kinds.clone(),
        left_out: manifests.left_out.len(),
        ..Report::default()
    }
}

fn hide_secrets(manifests: &Manifests, report: &mut Report) {
    let of_ids: HashMap<&ResourceId, &Resource> = manifests
        .resources
        .iter()
        .map(|resource| (&resource.id, &**resource))
        .collect();
    redact(report, |id| Some(of_ids.get(id)?.node().to_json()));
}

/// Sorts errors by file and line; those without a place come first.
fn order(error: &report::ErrorEntry) -> impl Ord + use<> {
    (error.source.clone(), error.line())
}

/// Adds an error that explains why nothing was compared, unless there are other errors.
fn explain_nothing_compared(manifests: &Manifests, report: &mut Report) {
    let reason = manifests
        .nothing_to_compare()
        .filter(|_| report.errors.is_empty());
    report
        .errors
        .extend(reason.map(|message| report::ErrorEntry {
            resource: None,
            source: None,
            message,
        }));
}
