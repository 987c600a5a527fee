//! The options of `gitops-drift rbac`.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::{Invocation, namespace, selection};
use crate::manifest::ManifestOptions;
use crate::reconcile::RbacOptions;

#[derive(Debug, Args)]
pub(super) struct RbacArgs {
    /// A manifest file, a directory (read recursively), or `-` for standard input; may be repeated
    #[arg(short = 'f', long, value_name = "PATH", required = true, action = ArgAction::Append)]
    manifests: Vec<PathBuf>,

    /// Paths below a directory to exclude, such as `test/**`; may be repeated
    #[arg(long, value_name = "GLOB", action = ArgAction::Append)]
    exclude: Vec<String>,

    /// The namespace of manifests that name none
    #[arg(short, long, value_name = "NAME", default_value = "default", value_parser = namespace)]
    namespace: String,

    /// Only these resources, as in a run
    #[arg(long, value_name = "RESOURCES", action = ArgAction::Append)]
    only: Vec<String>,

    /// Include the rights that --remediate needs
    #[arg(long)]
    remediate: bool,

    /// Include the rights that --unmanaged needs
    #[arg(long)]
    unmanaged: bool,

    /// One ClusterRole for all namespaces and names, instead of a Role for each namespace
    #[arg(long)]
    cluster_wide: bool,
}

impl RbacArgs {
    pub(super) fn into_invocation(self) -> anyhow::Result<Invocation> {
        Ok(Invocation::Rbac(RbacOptions {
            only: selection(&self.only)?,
            remediates: self.remediate,
            cluster_wide: self.cluster_wide,
            manifests: ManifestOptions {
                inputs: self.manifests,
                exclude: self.exclude,
                namespace: self.namespace,
                with_declared: self.unmanaged,
            },
        }))
    }
}
