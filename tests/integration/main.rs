//! The real binary, on files and against a real API server. One target, so that the program is linked once.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

/// Drift that an earlier report has already.
mod baseline;
/// Manifests as people write them.
mod by_hand;
/// Which lines of a file belong to what changes in its values.
mod changed_lines;
/// The scripts of `examples/ci`.
mod ci;
/// What other tools get wrong.
mod classes;
/// Command line, bad input and exit codes, without a server.
mod cli;
/// Help, completion, the plugin for kubectl, the least rights.
mod comfort;
/// Beside controllers and autoscalers.
mod controllers;
/// The fuzzer's checks on its corpora.
mod corpora;
/// The table of defaults against the control plane.
mod defaults;
/// Detection on the control plane: what is read, with which rights, in which requests.
mod detect;
/// Differences that a comparison of fields one by one gets wrong.
mod detect_special;
/// The examples and their report.
mod examples;
/// Repairs against a server that misbehaves.
mod faults;
/// The formats of the report, and their validators.
mod formats;
/// Reports as they are recorded.
mod goldens;
/// Which commit's value is live.
mod history;
/// The rules of the house.
mod house;
/// The manifests of `examples/in-cluster`, and the program as they start it.
mod in_cluster;
/// The report's JSON.
mod json;
/// What has left Git under server-side apply.
mod left_git;
/// The loop: signals at every stage, a server that goes away, terminals.
mod loops;
/// The inputs of recorded reports that are too long to be kept.
mod made_reports;
/// Manifests as other tools leave them, and snapshots of a part of a cluster.
mod manifests;
/// Older versions of Kubernetes.
mod older_servers;
/// Printed paths as ignore rules.
mod pasted_paths;
/// The patch that makes the manifests declare what is live.
mod patch;
/// Repairs while others write, and signals.
mod races;
/// Which commit's value is live, of many manifests that were changed at random.
mod random_history;
/// Patches of many manifests whose live objects were changed at random.
mod random_patches;
/// What is not repaired, and why.
mod refusals;
/// Repairs on the control plane.
mod repair;
/// What belongs to others survives repairs.
mod repair_others;
/// Repairs that an overlay gets wrong.
mod repair_special;
/// The text report of what is hard to see.
mod report_text;
/// A real Git repository of manifests.
mod repository;
/// What a run is about: selected resources, rules that leave out fields.
mod scope;
/// A server that does as a test says.
mod scripted;
/// Values that are secret by their names.
mod secrets;
/// Reports of what only a server can do, as they are recorded.
mod server_reports;
/// How the harness runs the binary and the control plane.
mod support;
/// What differs and is no drift.
mod suppressed;
/// The type tables against the control plane's Go types.
mod tables;
/// Live objects that no manifest declares.
mod unmanaged;
/// The snapshot of help and messages.
mod wording;
/// Who wrote a field last.
mod writers;
/// YAML as kubectl reads it.
mod yaml_cases;
