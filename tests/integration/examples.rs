//! The examples are what README's first command shows: their report stays as it is.

use crate::support::run;

const REPORT: &str = "\
ConfigMap/app-config (ns: default)
  Action : drift-detected (dry-run)
  Fields : 2 drifted
    data.LOG_LEVEL
      desired : info
      live    : debug
      source  : examples/desired/configmap.yaml:6
    data.MAX_CONNECTIONS
      desired : 100
      live    : 200
      source  : examples/desired/configmap.yaml:7

Deployment/frontend (ns: default)
  Action : drift-detected (dry-run)
  Fields : 3 drifted
  Repair : restarts the pods
    spec.template.spec.containers[name=frontend].image
      desired : nginx:1.25
      live    : nginx:1.19
      source  : examples/desired/deployment.yaml:19
    spec.template.spec.containers[name=frontend].resources.limits.cpu
      desired : 250m
      live    : 500m
      source  : examples/desired/deployment.yaml:28
    spec.template.spec.containers[name=frontend].resources.limits.memory
      desired : 256Mi
      live    : 512Mi
      source  : examples/desired/deployment.yaml:29

Deployment/redis (ns: default)
  Action : drift-detected (dry-run)
  Fields : 1 drifted
    spec.template.spec.containers[name=redis].image
      desired : redis:7.2
      live    : redis:7.0
      source  : examples/desired/redis.yaml:19
      repair  : restarts the pods

Namespace/demo (ns: )
  Action : drift-detected (dry-run)
  Fields : 1 drifted
    metadata.labels.env
      desired : dev
      live    : staging
      source  : examples/desired/namespace.yaml:6

Service/frontend (ns: default)
  Action : drift-detected (dry-run)
  Fields : 1 drifted
    metadata.labels.app
      desired : frontend
      live    : frontend-drift
      source  : examples/desired/service.yaml:6

============================================================
Total: 5 resource(s) drifted, 8 field(s) changed
Skipped: 1 resource(s): Deployment/api (ns: default)
";

#[test]
fn the_report_of_the_examples() {
    let run = run(&[
        "--manifests",
        "examples/desired",
        "--live",
        "examples/live",
        "--once",
        // What Git says of the examples differs from clone to clone.
        "--history",
        "0",
    ])
    .exits(0);
    let mut lines = run.stdout.lines();
    assert_eq!(lines.next(), Some("Drift Report"));
    assert!(lines.next().unwrap().starts_with("  Git revision : "));
    assert_eq!(lines.next(), Some("=".repeat(60).as_str()));
    assert_eq!(lines.next(), Some(""));
    let rest: Vec<&str> = lines.collect();
    assert_eq!(rest.join("\n") + "\n", REPORT);
}

#[test]
fn drift_left_fails_only_when_asked() {
    let args = ["-f", "examples/desired", "--live", "examples/live"];
    run(&args).exits(0);
    run(&[&args[..], &["--fail-on-drift"]].concat()).exits(1);
}

#[test]
fn alerts_lose_the_mark_of_a_dry_run() {
    let run = run(&[
        "-f",
        "examples/desired",
        "--live",
        "examples/live",
        "--no-dry-run",
    ])
    .exits(0);
    assert!(
        run.stdout.contains("  Action : drift-detected\n") && !run.stdout.contains("dry-run"),
        "{}",
        run.stdout
    );
}

#[test]
fn what_is_the_same_is_only_counted() {
    let run = run(&["-f", "examples/sidecar", "--live", "examples/live"]).exits(0);
    assert!(
        run.stdout.ends_with("No drift in 1 resource(s)\n"),
        "{}",
        run.stdout
    );
}
