//! The least rights that a run needs: to read what the manifests declare, and to write it with `--remediate`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write;

use anyhow::{Context as _, bail};

use crate::manifest::{Loader, ManifestOptions, Manifests, Policy, Resource, Selection};
use crate::schema::Kind;

/// The options of `rbac`.
#[derive(Debug)]
pub struct RbacOptions {
    /// The desired side.
    pub manifests: ManifestOptions,
    /// The resources in scope.
    pub only: Selection,
    /// Whether the run repairs drift.
    pub remediates: bool,
    /// One `ClusterRole` for all namespaces and names, instead of a `Role` for each namespace.
    pub cluster_wide: bool,
}

/// Prints the least rights as manifests. Returns the exit code: 2 if a manifest could not be read. Fails if there is
/// nothing to print, or if printing fails.
pub fn print_rbac(options: RbacOptions, out: &mut impl Write) -> anyhow::Result<u8> {
    let mut manifests = Loader::new(options.manifests).context("--exclude")?.load();
    let unused = manifests.select(&options.only, &[]);
    for unused in unused {
        let text = unused.text();
        print("warning", &format!("--only: `{text}` matches no resource"));
    }
    if let Some(message) = manifests.nothing_to_compare() {
        bail!(message);
    }
    let places = manifests.places_of_undeclared(&options.only);
    let text = if options.cluster_wide {
        cluster_role(&manifests, &places, options.remediates)
    } else {
        roles(&manifests, &places, options.remediates)
    };
    for problem in &manifests.problems {
        print("error", &problem.to_string());
    }
    out.write_all(text.as_bytes())
        .context("cannot print the roles")?;
    Ok(if manifests.problems.is_empty() { 0 } else { 2 })
}

/// Prints a message to standard error, which has no time and no level as in the log of a run.
fn print(level: &str, message: &str) {
    let _ = writeln!(std::io::stderr(), "{level}: {message}");
}

/// The resources of one kind in one namespace.
#[derive(Default)]
struct Resources {
    names: BTreeSet<String>,
    /// Those that a repair may write.
    written: BTreeSet<String>,
}

/// A Role for each namespace, and a ClusterRole if Namespaces are declared. `places` are listed completely, whatever is
/// declared there.
fn roles(manifests: &Manifests, places: &[(Kind, String)], remediates: bool) -> String {
    let mut namespaces: BTreeMap<&str, BTreeMap<Kind, Resources>> = BTreeMap::new();
    for (kind, namespace) in places {
        namespaces
            .entry(namespace)
            .or_default()
            .entry(*kind)
            .or_default();
    }
    for resource in &manifests.resources {
        let kinds = namespaces.entry(&resource.id.namespace).or_default();
        let of = kinds.entry(resource.id.kind).or_default();
        of.names.insert(resource.id.name.clone());
        if remediates && is_written(resource) {
            of.written.insert(resource.id.name.clone());
        }
    }
    let roles = namespaces
        .iter()
        .map(|(namespace, kinds)| role(namespace, kinds));
    roles.collect::<Vec<_>>().join("---\n")
}

fn is_written(resource: &Resource) -> bool {
    let may_be = resource.policy == Policy::Auto && resource.unwritable.is_none();
    may_be && resource.unknown_fields.is_empty()
}

/// One ClusterRole for the kinds of the manifests, for all names and namespaces.
fn cluster_role(manifests: &Manifests, places: &[(Kind, String)], remediates: bool) -> String {
    let mut kinds: BTreeMap<Kind, bool> = places.iter().map(|(kind, _)| (*kind, false)).collect();
    for resource in &manifests.resources {
        *kinds.entry(resource.id.kind).or_default() |= remediates && is_written(resource);
    }
    let mut text = head("ClusterRole", "");
    for (kind, is_written) in kinds {
        let verbs: &[&str] = if is_written {
            &["get", "list", "update", "create"]
        } else {
            &["get", "list"]
        };
        rule(&mut text, kind, verbs, None);
    }
    text
}

fn head(role: &str, place: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {role}\nmetadata:\n  name: gitops-drift{place}\nrules:\n"
    )
}

fn role(namespace: &str, kinds: &BTreeMap<Kind, Resources>) -> String {
    let (role, place) = match namespace {
        "" => ("ClusterRole", String::new()),
        namespace => ("Role", format!("\n  namespace: {}", quoted(namespace))),
    };
    let mut text = head(role, &place);
    for (kind, resources) in kinds {
        // Cluster-scoped objects are read one by one if they may not be listed.
        if kind.is_namespaced() && resources.names.is_empty() {
            rule(&mut text, *kind, &["list"], None);
        } else if kind.is_namespaced() {
            rule(&mut text, *kind, &["get", "list"], None);
        } else {
            rule(&mut text, *kind, &["get"], Some(&resources.names));
        }
        if !resources.written.is_empty() {
            rule(&mut text, *kind, &["update"], Some(&resources.written));
            rule(&mut text, *kind, &["create"], None);
        }
    }
    text
}

fn rule(text: &mut String, kind: Kind, verbs: &[&str], names: Option<&BTreeSet<String>>) {
    let group = kind
        .api_version()
        .split_once('/')
        .map_or("", |(group, _)| group);
    let _ = writeln!(text, "- apiGroups: [{}]", quoted(group));
    let _ = writeln!(text, "  resources: [{}]", kind.plural());
    if let Some(names) = names {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(text, "  resourceNames: [{}]", names.join(", "));
    }
    let _ = writeln!(text, "  verbs: [{}]", verbs.join(", "));
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
