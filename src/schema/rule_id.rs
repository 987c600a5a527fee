//! The ids of the tables' rows, which say why a difference is not drift.

use std::fmt;

/// The id of a table's row. It prints as a short name that is stable between versions, such as
/// `default-container-image-pull-policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RuleId {
    /// The table.
    pub table: &'static str,
    /// The row's address: `Container.imagePullPolicy`.
    pub at: &'static str,
}

/// The table of the rules that apply to every field.
const GENERAL: &str = "general";

const fn general(at: &'static str) -> RuleId {
    RuleId { table: GENERAL, at }
}

impl RuleId {
    /// Nothing declares it, and nothing requires its absence.
    pub(crate) const NOT_DECLARED: Self = general("not-declared");
    /// An ignore rule covers it.
    pub(crate) const IGNORED: Self = general("ignored");
    /// All its owners match `--ignore-managers`.
    pub(crate) const IGNORED_MANAGER: Self = general("ignored-manager");
    /// The baseline has it.
    pub(crate) const KNOWN: Self = general("known");
    /// A quantity in another spelling.
    pub(crate) const SAME_QUANTITY: Self = general("same-quantity");
    /// An instant in another spelling.
    pub(crate) const SAME_TIME: Self = general("same-time");
    /// Bytes in another spelling.
    pub(crate) const SAME_BYTES: Self = general("same-bytes");
    /// A zero, an empty string, list or map, or `null` on one side, and nothing on the other.
    pub(crate) const EMPTY_VALUE: Self = general("empty-value");
    /// Items in another order, which has no meaning.
    pub(crate) const FREE_ORDER: Self = general("free-order");
    /// A field of a newer server.
    pub(crate) const UNKNOWN_FIELD: Self = general("unknown-field");

    /// The reason in words.
    #[must_use]
    pub(crate) fn reason(self) -> &'static str {
        match (self.table, self.at) {
            ("default", _) => "default set by the API server",
            ("follower", _) => "derived by the API server from a declared field",
            ("owned", _) => "written by the API server alone",
            ("foreign", _) => "written by controllers",
            ("allocated", _) => "allocated by the API server",
            ("dropped", _) => "not stored by the API server",
            ("extended", _) => "extended by the API server",
            ("implied", _) => "implied, since no other member is declared",
            ("bookkeeping", _) => "bookkeeping of the cluster and of kubectl",
            ("mark", _) => "mark of another tool",
            (_, "not-declared") => "not declared",
            (_, "ignored") => "left out by an ignore rule",
            (_, "ignored-manager") => "all its owners match --ignore-managers",
            (_, "known") => "known from the baseline",
            (_, "same-quantity") => "the same quantity",
            (_, "same-time") => "the same instant",
            (_, "same-bytes") => "the same bytes",
            (_, "empty-value") => "an empty value, which means the same as none",
            (_, "free-order") => "the order of these items has no meaning",
            _ => "a field that this version does not know",
        }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.table != GENERAL {
            write!(f, "{}-", self.table)?;
        }
        f.write_str(&kebab_case(self.at))
    }
}

/// `Container.imagePullPolicy` as `container-image-pull-policy`.
fn kebab_case(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_lower = |at: usize| chars.get(at).is_some_and(char::is_ascii_lowercase);
    // An `s` after capitals is a plural: `clusterIPs`.
    let is_word = |at: usize| is_lower(at) && (chars[at] != 's' || is_lower(at + 1));
    let mut words = String::new();
    for (at, c) in chars.iter().enumerate() {
        let begins_word = c.is_ascii_uppercase() && at > 0 && (is_lower(at - 1) || is_word(at + 1));
        let is_apart = !c.is_ascii_alphanumeric();
        if (begins_word || is_apart) && !words.is_empty() && !words.ends_with('-') {
            words.push('-');
        }
        if !is_apart {
            words.push(c.to_ascii_lowercase());
        }
    }
    words.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_words() {
        for (at, expected) in [
            ("Container.imagePullPolicy", "container-image-pull-policy"),
            ("HTTPGetAction.path", "http-get-action-path"),
            ("ServiceSpec.clusterIPs", "service-spec-cluster-ips"),
            (
                "DownwardAPIVolumeSource.defaultMode",
                "downward-api-volume-source-default-mode",
            ),
            ("drift.gitops.io/*", "drift-gitops-io"),
            ("RootMeta.uid", "root-meta-uid"),
        ] {
            assert_eq!(kebab_case(at), expected);
        }
        assert_eq!(RuleId::NOT_DECLARED.to_string(), "not-declared");
    }
}
