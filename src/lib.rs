//! Compares manifests with a live Kubernetes cluster, reports drift, and restores the declared state on request.
//!
//! ```text
//!  files ─► yaml ─► manifest ──────────────┐ desired side, each value with its file and line
//!                      ▲                   ▼
//!                   schema ───────────► diff ─► findings ─► report
//!                      │                   ▲         │
//!  API server ─► cluster ──────────────────┘         └─► remediate ─► cluster
//!                                            live side       plan        one PUT
//! ```
//!
//! `git` and `history` say which commit's value is live, where something differs.
//!
//! Each module uses only those above it in the list below; `reconcile` alone knows the order of the stages.
//! The middle (`yaml`, `path`, `schema`, `normalize`, `diff`, `history`, `unmanaged`, `report` and the plan of `remediate`) takes values
//! and gives values: no network, file, clock or task in it.

pub mod yaml;

mod git;

mod path;

mod schema;

mod manifest;

mod cluster;

mod managed_fields;

mod normalize;

mod diff;

mod blame;

mod history;

mod patch;

mod unmanaged;

mod remediate;

mod report;

pub mod reconcile;

pub mod cli;
