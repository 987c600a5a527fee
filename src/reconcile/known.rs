//! Drift that the baseline has: it is set aside before anything is repaired or listed.

use std::collections::HashSet;

use super::compare::Comparison;
use super::describe;
use super::state::Cycle;
use crate::diff::Finding;
use crate::manifest::Resource;
use crate::path::{Pattern, RESOURCE, is_within};
use crate::report::baseline::Baseline;
use crate::report::{FieldEntry, KnownEntry};
use crate::schema::{ResourceId, RuleId};

impl Cycle<'_> {
    /// Removes known drift from the results. A resource without other drift becomes [`Comparison::Known`].
    pub(super) fn set_known_aside(&mut self, found: &mut [Comparison]) {
        let Some(baseline) = &self.options.baseline else {
            return;
        };
        let redacted = match baseline.redacted() {
            0 => None,
            1 => Some("1 of its entries is redacted and matches nothing".to_owned()),
            count => Some(format!(
                "{count} of its entries are redacted and match nothing"
            )),
        };
        if let Some(redacted) = redacted {
            let warning = format!("--baseline: {redacted}; write it with --no-redact");
            self.state.warn_of(warning);
        }
        let resources = self.resources;
        for (resource, standing) in resources.iter().zip(found.iter_mut()) {
            let fields = known_fields(baseline, resource, standing);
            if !fields.is_empty() {
                let known = fields.iter().cloned();
                self.suppress(resource, known.map(|field| (field, RuleId::KNOWN)));
                self.report.known.push(KnownEntry {
                    id: resource.id.clone(),
                    source: describe::source(resource, resource.node()),
                    fields,
                });
            }
        }
        self.report.known.sort_by(|a, b| a.id.cmp(&b.id));
        self.report.known_gone = self.count_gone(baseline, found);
    }

    /// The paths of a resource's known drift, which repairs keep. A known order is repaired with what has drifted in its
    /// list besides: a rule for the list would hide that, too.
    pub(super) fn known_paths(&self, id: &ResourceId, drift: &[FieldEntry]) -> Vec<Pattern> {
        let known = &self.report.known;
        let at = known.binary_search_by(|known| known.id.cmp(id));
        let fields = at.into_iter().flat_map(|at| &known[at].fields);
        fields
            .filter(|field| {
                !drift
                    .iter()
                    .any(|other| is_within(&other.path, &field.path))
            })
            .filter_map(|field| Pattern::parse(&field.path).ok())
            .collect()
    }

    /// The number of entries of the baseline that no longer occur among the resources of this run.
    fn count_gone(&self, baseline: &Baseline, found: &[Comparison]) -> usize {
        let compared: HashSet<&ResourceId> = self
            .resources
            .iter()
            .zip(found)
            .filter(|(_, standing)| !matches!(standing, Comparison::Unknown))
            .map(|(resource, _)| &resource.id)
            .collect();
        let counts = baseline.counts();
        let looked_at =
            counts.filter(|(id, _)| compared.contains(id) || self.search.has_searched_for(id));
        let entries: usize = looked_at.map(|(_, count)| count).sum();
        let known = self.report.known.iter();
        entries.saturating_sub(known.map(|known| known.fields.len()).sum())
    }
}

fn known_fields(
    baseline: &Baseline,
    resource: &Resource,
    standing: &mut Comparison,
) -> Vec<FieldEntry> {
    let differences = match standing {
        Comparison::Missing if baseline.knows(&resource.id, RESOURCE, None) => {
            *standing = Comparison::Known;
            return vec![describe::missing(resource)];
        }
        Comparison::Drifted(differences) => differences,
        _ => return Vec::new(),
    };
    let is_known = |finding: &mut Finding| {
        let path = finding.path.to_string();
        baseline.knows(&resource.id, &path, finding.live.as_ref())
    };
    let known = differences.findings.extract_if(.., is_known);
    let fields = known.map(|finding| describe::field(resource, &finding, None));
    let fields: Vec<FieldEntry> = fields.collect();
    if differences.findings.is_empty() && !fields.is_empty() {
        *standing = Comparison::Known;
    }
    fields
}
