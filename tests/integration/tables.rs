//! The generated type tables are those of Kubernetes.

use std::process::Command;

use crate::support::Run;

#[test]
#[ignore = "needs Go"]
fn the_type_tables_are_those_of_every_pinned_version() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/controlplane/types.sh");
    let run = Run::of(&Command::new("bash").arg(script).output().unwrap()).exits(0);
    let checked_in = include_str!("../../src/schema/types.txt");
    assert!(
        run.stdout == checked_in,
        "src/schema/types.txt is out of date: run tests/controlplane/types.sh >src/schema/types.txt"
    );
}
