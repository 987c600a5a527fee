//! Each row of the table of defaults is what the API server fills in: manifests that leave all of them out are created,
//! and the strict comparison must find no drift. A test in `src/diff/undeclared.rs` shows that it needs each row for that.

use crate::support::{ControlPlane, folder, text};

const MANIFESTS: &str = include_str!("../cases/defaults/manifests.yaml");

#[test]
#[ignore = "needs the control plane"]
fn each_default_is_what_the_server_fills_in() {
    let plane = ControlPlane::running();
    let namespace = plane.namespace();
    plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], MANIFESTS);
    let manifests = folder(&[("manifests.yaml", MANIFESTS)]);
    let path = text(manifests.path());
    let args = [
        "-f", path, "-n", &namespace, "--once", "--strict", "--output", "json",
    ];
    let run = plane.run_as("reader", &args);
    let report = run.exits(0).json();
    assert_eq!(report["summary"]["inSync"], 4, "{report:#}");
}
