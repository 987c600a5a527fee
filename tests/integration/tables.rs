//! The generated type tables are those of the control plane's version.

use crate::support::ControlPlane;

#[test]
fn the_type_tables_are_up_to_date() {
    let Some(plane) = ControlPlane::for_test("the_type_tables_are_up_to_date") else {
        return;
    };
    let run = plane.command(&["types"]).exits(0);
    let checked_in = include_str!("../../src/schema/types.txt");
    assert!(
        run.stdout == checked_in,
        "src/schema/types.txt is out of date: regenerate it with `controlplane types`"
    );
}
