//! The differ's rules, each in its smallest case: a spec, the live value, the report.

use serde_json::Value;

use super::applied::Applied;
use super::{Class, Finding, Origin, Sides, Verdict, compare};
use crate::path::{Ignore, Pattern};
use crate::schema::{Kind, types};
use crate::yaml;

#[derive(Clone)]
struct Case {
    kind: Kind,
    declared: String,
    live: String,
    last: Option<String>,
    ignore: &'static str,
    strict: bool,
}

fn findings_of(case: &Case, mut take: impl FnMut(&Finding)) {
    let declared = yaml::read(case.declared.clone().into_bytes());
    let live = yaml::read(case.live.clone().into_bytes());
    let last = case.last.clone().map(|text| yaml::read(text.into_bytes()));
    let live: Value = live.tree.node(live.documents[0].root).to_json();
    let patterns = Pattern::parse_list(case.ignore).unwrap();
    let sides = Sides {
        kind: case.kind,
        declared: declared.tree.node(declared.documents[0].root),
        live: &live,
        last_applied: last
            .as_ref()
            .map(|stream| stream.tree.node(stream.documents[0].root)),
        applied: None,
        ignore: Ignore::new(&patterns),
        strict: case.strict,
        unstored: None,
        lists_suppressed: false,
    };
    compare(sides, &mut |verdict| {
        if let Verdict::Drift(finding) = verdict {
            take(&finding);
        }
    });
}

/// Each finding as `path: desired -> live`, with its class where the absence of a side does not show it.
fn reported(case: &Case) -> Vec<String> {
    let mut reported = Vec::new();
    findings_of(case, |finding| {
        let side = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        let class = if finding.class == Class::Removed {
            "removed "
        } else {
            ""
        };
        let origin = match &finding.origin {
            Origin::Declared => String::new(),
            Origin::DefaultOf(path) => format!(" (default of {path})"),
            Origin::Default if finding.desired.is_none() => String::new(),
            Origin::Default => " (default)".to_owned(),
        };
        reported.push(format!(
            "{class}{}: {} -> {}{origin}",
            finding.path,
            side(&finding.desired),
            side(&finding.live)
        ));
    });
    reported
}

fn indent(text: &str, by: usize) -> String {
    text.lines().fold(String::new(), |all, line| {
        all + &" ".repeat(by) + line + "\n"
    })
}

/// A container's fields in a Deployment.
fn container(declared: &str, live: &str) -> Case {
    let wrap = |fields: &str| {
        let fields = indent(fields, 6);
        format!(
            "spec:\n  template:\n    spec:\n      containers:\n      - name: c\n        image: a:1\n{}",
            indent(&fields, 2)
        )
    };
    case(Kind::Deployment, &wrap(declared), &wrap(live))
}

fn pod(declared: &str, live: &str) -> Case {
    let wrap = |fields: &str| format!("spec:\n  template:\n    spec:\n{}", indent(fields, 6));
    case(Kind::Deployment, &wrap(declared), &wrap(live))
}

fn case(kind: Kind, declared: &str, live: &str) -> Case {
    Case {
        kind,
        declared: declared.to_owned(),
        live: live.to_owned(),
        last: None,
        ignore: "",
        strict: false,
    }
}

/// Paths below the only container, or below the pod's spec, are shortened.
fn short(reported: Vec<String>) -> Vec<String> {
    reported
        .into_iter()
        .map(|t| {
            t.replace("spec.template.spec.containers[name=c]", "C")
                .replace("spec.template.spec", "P")
        })
        .collect()
}

fn check(case: &Case, expected: &[&str]) {
    assert_eq!(
        short(reported(case)),
        expected,
        "declared:\n{}live:\n{}",
        case.declared,
        case.live
    );
}

#[test]
fn scalars() {
    check(
        &container("image: a:2", "image: a:1"),
        &["C.image: \"a:2\" -> \"a:1\""],
    );
    check(
        &container("workingDir: /x", ""),
        &["C.workingDir: \"/x\" -> -"],
    );
    check(
        &container("stdin: false\ntty: true", ""),
        &["C.tty: true -> -"],
    );
    check(
        &container("stdin: false", "stdin: true"),
        &["C.stdin: false -> true"],
    );
    check(
        &container("imagePullPolicy: ''", "imagePullPolicy: Always"),
        &[],
    );
    check(
        &container(
            "resources: {limits: {cpu: 0.5, memory: 1Gi}}",
            "resources: {limits: {cpu: 500m, memory: 1024Mi}}",
        ),
        &[],
    );
    check(&container("", "workingDir: /x"), &[]);
    check(
        &case(
            Kind::Deployment,
            "spec: {replicas: 0}",
            "spec: {replicas: 1}",
        ),
        &["spec.replicas: 0 -> 1"],
    );
    check(
        &case(
            Kind::Deployment,
            "spec: {replicas: null}",
            "spec: {replicas: 3}",
        ),
        &[],
    );
}

#[test]
fn differences_of_maps_are_reported_by_key() {
    check(
        &case(
            Kind::ConfigMap,
            "data: {a: '1', b: '2', c: ''}",
            "data: {a: '1', b: x, d: '4'}",
        ),
        &["data.b: \"2\" -> \"x\"", "data.c: \"\" -> -"],
    );
    check(
        &case(
            Kind::ConfigMap,
            "metadata: {labels: {a: b}}",
            "metadata: {}",
        ),
        &["metadata.labels.a: \"b\" -> -"],
    );
    check(
        &case(Kind::ConfigMap, "data: {a: null}", "data: {a: ''}"),
        &[],
    );
    check(
        &case(
            Kind::ConfigMap,
            "binaryData: {a: aGVsbG8=}",
            "binaryData: {a: aGVsbG8=}",
        ),
        &[],
    );
}

#[test]
fn atomic_values_are_one() {
    check(
        &container("args: [a, b]", "args: [a, b, c]"),
        &["C.args: [\"a\",\"b\"] -> [\"a\",\"b\",\"c\"]"],
    );
    check(
        &container("args: [a, b]", "args: [b, a]"),
        &["C.args: [\"a\",\"b\"] -> [\"b\",\"a\"]"],
    );
    check(
        &container("args: []", "args: [b]"),
        &["C.args: [] -> [\"b\"]"],
    );
    check(&container("args: []", ""), &[]);
    check(
        &pod(
            "tolerations: [{key: a}, {key: b}]",
            "tolerations: [{key: b}, {key: a}]",
        ),
        &[],
    );
    check(
        &pod(
            "tolerations: [{key: a}]",
            "tolerations: [{key: a, effect: NoSchedule}]",
        ),
        &["P.tolerations: [{\"key\":\"a\"}] -> [{\"effect\":\"NoSchedule\",\"key\":\"a\"}]"],
    );
    check(
        &pod("nodeSelector: {a: b}", "nodeSelector: {a: b, c: d}"),
        &["P.nodeSelector: {\"a\":\"b\"} -> {\"a\":\"b\",\"c\":\"d\"}"],
    );
    let field_ref = |extra: &str| {
        format!("env: [{{name: A, valueFrom: {{fieldRef: {{fieldPath: x{extra}}}}}}}]")
    };
    check(
        &container(&field_ref(""), &field_ref(", apiVersion: v1")),
        &[],
    );
    check(
        &case(
            Kind::Service,
            "spec: {clusterIP: None, ipFamilies: [IPv4]}",
            "spec: {clusterIP: None, clusterIPs: [None], ipFamilies: [IPv4, IPv6]}",
        ),
        &[],
    );
}

#[test]
fn items_are_matched() {
    let missing = "C.env[name=B]: {\"name\":\"B\",\"value\":\"2\"} -> -";
    check(
        &container(
            "env: [{name: A, value: '1'}, {name: B, value: '2'}]",
            "env: [{name: A, value: '1'}]",
        ),
        &[missing],
    );
    check(
        &container(
            "env: [{name: A, value: '1'}]",
            "env: [{name: X, value: w}, {name: A, value: '2'}]",
        ),
        &["C.env[name=A].value: \"1\" -> \"2\""],
    );
    // A renamed port is one changed name.
    check(
        &container(
            "ports: [{name: web, containerPort: 80}]",
            "ports: [{name: http, containerPort: 80, protocol: TCP}]",
        ),
        &["C.ports[name=web].name: \"web\" -> \"http\""],
    );
    // One name goes to the next item, whose name goes to the one after it.
    check(
        &container(
            "volumeDevices: [{name: a, devicePath: x}, {name: b, devicePath: w}, {name: c, devicePath: z}]",
            "volumeDevices: [{name: d, devicePath: x}, {name: a, devicePath: w}, {name: b, devicePath: z}]",
        ),
        &[
            "C.volumeDevices[devicePath=x].name: \"a\" -> \"d\"",
            "C.volumeDevices[devicePath=w].name: \"b\" -> \"a\"",
            "C.volumeDevices[name=c].name: \"c\" -> \"b\"",
        ],
    );
    check(
        &container(
            "ports: [{containerPort: 80}]",
            "ports: [{containerPort: 81, protocol: TCP}]",
        ),
        &["C.ports[containerPort=80,protocol=TCP].containerPort: 80 -> 81"],
    );
    check(
        &container(
            "volumeMounts: [{name: a, mountPath: /x}]",
            "volumeMounts: [{name: b, mountPath: /x}]",
        ),
        &["C.volumeMounts[name=a].name: \"a\" -> \"b\""],
    );
    check(
        &container(
            "ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}]",
            "ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]",
        ),
        &[],
    );
    check(
        &container(
            "env: [{name: A, value: '1'}, {name: A, value: '2'}]",
            "env: [{name: A, value: '1'}, {name: A, value: '3'}]",
        ),
        &["C.env[1].value: \"2\" -> \"3\""],
    );
}

#[test]
fn the_last_variable_of_a_name_is_the_one_compared() {
    let a = |value: &str| format!("{{name: A, value: '{value}'}}");
    let env = |items: &[String]| format!("env: [{}]", items.join(", "));
    let b = "{name: B, value: w}".to_owned();
    // Declared once, live twice.
    let mut appended = container(
        &env(&[a("1"), b.clone()]),
        &env(&[a("1"), b.clone(), a("2")]),
    );
    check(&appended, &["C.env[name=A].value: \"1\" -> \"2\""]);
    appended.strict = true;
    let reported = short(reported(&appended));
    assert!(
        reported.contains(&"C.env[name=A,0]: - -> {\"name\":\"A\",\"value\":\"1\"}".to_owned()),
        "{reported:#?}"
    );
    check(&container(&env(&[a("1")]), &env(&[a("2"), a("1")])), &[]);
    // Declared twice, live once.
    check(
        &container(&env(&[a("1"), a("2")]), &env(&[a("1")])),
        &[
            "C.env[0]: {\"name\":\"A\",\"value\":\"1\"} -> -",
            "C.env[1].value: \"2\" -> \"1\"",
        ],
    );
    // What was applied twice and is declared once now.
    let mut case = container(&env(&[a("2")]), &env(&[a("1"), a("2")]));
    case.last = Some(container(&env(&[a("1"), a("2")]), "").declared);
    check(
        &case,
        &["removed C.env[name=A,0]: - -> {\"name\":\"A\",\"value\":\"1\"}"],
    );
}

#[test]
fn an_undeclared_variable_that_a_declared_one_refers_to_is_reported() {
    let refers = "{name: R, value: $(A)/x}";
    let env = |items: &str| format!("env: [{items}]");
    let reported = "C.env[name=A]: - -> {\"name\":\"A\",\"value\":\"2\"}";
    let a = "{name: A, value: '2'}";
    for (declared, live, expected) in [
        // It stands before the one that refers to it, or not.
        (refers.to_owned(), format!("{a}, {refers}"), &[reported][..]),
        (refers.to_owned(), format!("{refers}, {a}"), &[]),
        // `$$(A)` is no reference.
        (
            "{name: R, value: $$(A)}".to_owned(),
            format!("{a}, {{name: R, value: $$(A)}}"),
            &[],
        ),
        // A declared one stands between.
        (
            format!("{{name: A, value: '1'}}, {refers}"),
            format!("{a}, {{name: A, value: '1'}}, {refers}"),
            &[],
        ),
        // The declared one of the name stands behind.
        (
            format!("{refers}, {{name: A, value: '1'}}"),
            format!("{a}, {refers}, {{name: A, value: '1'}}"),
            &["C.env[name=A,0]: - -> {\"name\":\"A\",\"value\":\"2\"}"],
        ),
        // What refers to it will stand behind it once it is put back.
        (
            format!("{{name: B, value: w}}, {refers}"),
            format!("{a}, {{name: B, value: w}}"),
            &[
                "C.env[name=R]: {\"name\":\"R\",\"value\":\"$(A)/x\"} -> -",
                reported,
            ],
        ),
    ] {
        check(&container(&env(&declared), &env(&live)), expected);
    }
    findings_of(
        &container(&env(refers), &env(&format!("{a}, {refers}"))),
        |finding| assert!(!finding.is_extra(), "{finding:?}"),
    );
}

#[test]
fn the_order_of_items_counts_where_it_has_a_meaning() {
    check(
        &pod(
            "initContainers: [{name: a}, {name: b}]",
            "initContainers: [{name: x}, {name: b}, {name: a}]",
        ),
        &["P.initContainers: [\"a\",\"b\"] -> [\"b\",\"a\"]"],
    );
    check(
        &pod(
            "volumes: [{name: a}, {name: b}]",
            "volumes: [{name: b, emptyDir: {}}, {name: a, emptyDir: {}}]",
        ),
        &[],
    );
    check(
        &container(
            "env: [{name: A, value: x}, {name: B, value: w}]",
            "env: [{name: B, value: w}, {name: A, value: x}]",
        ),
        &[],
    );
    check(
        &container(
            "env: [{name: A, value: x}, {name: B, value: $(A)}]",
            "env: [{name: B, value: $(A)}, {name: A, value: x}]",
        ),
        &["C.env: [\"A\",\"B\"] -> [\"B\",\"A\"]"],
    );
}

#[test]
fn unions_are_swapped_whole() {
    check(
        &pod(
            "volumes: [{name: a}]",
            "volumes: [{name: a, emptyDir: {sizeLimit: 1Gi}}]",
        ),
        &[],
    );
    check(
        &pod(
            "volumes: [{name: a}]",
            "volumes: [{name: a, hostPath: {path: /x}}]",
        ),
        &["P.volumes[name=a]: {\"name\":\"a\"} -> {\"hostPath\":{\"path\":\"/x\"},\"name\":\"a\"}"],
    );
    check(
        &pod(
            "volumes: [{name: a, fc: {lun: 1, targetWWNs: [], wwids: [x]}}]",
            "volumes: [{name: a, fc: {lun: 1, wwids: [x]}}]",
        ),
        &[],
    );
    check(
        &container("env: [{name: A}]", "env: [{name: A, value: x}]"),
        &["C.env[name=A].value: \"\" -> \"x\""],
    );
    check(&container("env: [{name: A}]", "env: [{name: A}]"), &[]);
    check(
        &container(
            "env: [{name: A, value: x}]",
            "env: [{name: A, valueFrom: {fieldRef: {fieldPath: w}}}]",
        ),
        &[
            "C.env[name=A]: {\"name\":\"A\",\"value\":\"x\"} -> {\"name\":\"A\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"w\"}}}",
        ],
    );
    check(
        &container(
            "livenessProbe: {exec: {command: [a]}}",
            "livenessProbe: {tcpSocket: {port: 1}, periodSeconds: 10}",
        ),
        &[
            "C.livenessProbe: {\"exec\":{\"command\":[\"a\"]}} -> {\"periodSeconds\":10,\"tcpSocket\":{\"port\":1}}",
        ],
    );
    check(
        &case(
            Kind::Deployment,
            "spec: {strategy: {type: Recreate}}",
            "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}}",
        ),
        &[
            "spec.strategy: {\"type\":\"Recreate\"} -> {\"rollingUpdate\":{\"maxSurge\":\"25%\",\"maxUnavailable\":\"25%\"},\"type\":\"RollingUpdate\"}",
        ],
    );
}

#[test]
fn followers_count_as_declared() {
    check(
        &case(
            Kind::Deployment,
            "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 4}}}",
            "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 3, maxUnavailable: 4}}}",
        ),
        &["spec.strategy.rollingUpdate.maxSurge: \"25%\" -> 3 (default of spec.strategy.type)"],
    );
    let service = |port: &str| format!("spec: {{ports: [{port}]}}");
    check(
        &case(
            Kind::Service,
            &service("{port: 80}"),
            &service("{port: 80, targetPort: 8080, protocol: TCP}"),
        ),
        &[
            "spec.ports[port=80,protocol=TCP].targetPort: 80 -> 8080 (default of spec.ports[port=80,protocol=TCP].port)",
        ],
    );
    check(
        &case(
            Kind::Service,
            &service("{port: 80, targetPort: 0}"),
            &service("{port: 80, targetPort: 80, protocol: TCP}"),
        ),
        &[],
    );
    check(
        &pod(
            "serviceAccount: a",
            "serviceAccount: a\nserviceAccountName: b",
        ),
        &["P.serviceAccountName: \"a\" -> \"b\" (default of P.serviceAccount)"],
    );
    check(
        &case(
            Kind::Deployment,
            "spec: {strategy: {type: RollingUpdate}}",
            "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 50%, maxUnavailable: 25%}}}",
        ),
        &[
            "spec.strategy.rollingUpdate.maxSurge: \"25%\" -> \"50%\" (default of spec.strategy.type)",
        ],
    );
    check(
        &case(
            Kind::Service,
            "spec: {clusterIP: ''}",
            "spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1]}",
        ),
        &[],
    );
}

#[test]
fn what_has_left_git_is_removed() {
    let mut case = case(
        Kind::ConfigMap,
        "data: {a: '1'}",
        "data: {a: '1', b: '2', c: '3'}",
    );
    case.last = Some("data: {a: '1', b: '2', d: '4'}".to_owned());
    check(&case, &["removed data.b: - -> \"2\""]);
    let mut case = container(
        "",
        "env: [{name: A, value: x}, {name: B}]\nlivenessProbe: {tcpSocket: {port: 1}, periodSeconds: 10}\nsecurityContext: {runAsUser: 1, privileged: true}",
    );
    case.last = Some(container("env: [{name: A, value: x}]\nlivenessProbe: {tcpSocket: {port: 1}}\nsecurityContext: {runAsUser: 1}", "").declared);
    check(
        &case,
        &[
            "removed C.env[name=A]: - -> {\"name\":\"A\",\"value\":\"x\"}",
            "removed C.livenessProbe: - -> {\"periodSeconds\":10,\"tcpSocket\":{\"port\":1}}",
            "removed C.securityContext.runAsUser: - -> 1",
        ],
    );
    let mut case = self::case(
        Kind::Deployment,
        "spec: {}",
        "spec: {replicas: 3, revisionHistoryLimit: 10, minReadySeconds: 5}",
    );
    case.last =
        Some("spec: {replicas: 3, revisionHistoryLimit: 10, minReadySeconds: 5}".to_owned());
    check(&case, &["removed spec.minReadySeconds: - -> 5"]);
    let recreate = "spec: {strategy: {type: Recreate}}";
    let mut case = self::case(Kind::Deployment, "spec: {}", recreate);
    case.last = Some(recreate.to_owned());
    check(
        &case,
        &["removed spec.strategy: - -> {\"type\":\"Recreate\"}"],
    );
    // Explicit defaults that have left the manifest.
    let rolling = "spec: {strategy: {rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}}";
    let live = "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}}";
    let mut case = self::case(Kind::Deployment, "spec: {}", live);
    case.last = Some(rolling.to_owned());
    check(&case, &[]);
}

#[test]
fn twins_leave_git_together() {
    let live = "serviceAccountName: a\nserviceAccount: a";
    let removed = [
        "removed P.serviceAccount: - -> \"a\"",
        "removed P.serviceAccountName: - -> \"a\"",
    ];
    for last in ["serviceAccountName: a", "serviceAccount: a", live] {
        let mut case = pod("", live);
        case.last = Some(pod(last, "").declared);
        check(&case, &removed);
        case.strict = true;
        let reported = short(reported(&case));
        assert!(
            removed
                .iter()
                .all(|line| reported.contains(&(*line).to_owned())),
            "{reported:#?}"
        );
    }
    // One of them is declared still.
    let mut case = pod("serviceAccountName: a", live);
    case.last = Some(pod(live, "").declared);
    check(&case, &[]);
    // It was changed since.
    let mut case = pod("", "serviceAccountName: b\nserviceAccount: b");
    case.last = Some(pod("serviceAccountName: a", "").declared);
    check(&case, &["removed P.serviceAccountName: - -> \"b\""]);
    // What cannot change alone is ignored with its twin.
    let mut case = pod("", live);
    case.last = Some(pod("serviceAccountName: a", "").declared);
    case.ignore = "spec.template.spec.serviceAccountName";
    check(&case, &[]);
    let mut case = pod("serviceAccountName: b", live);
    case.ignore = "spec.template.spec.serviceAccountName";
    check(&case, &[]);
}

#[test]
fn a_policy_for_ip_families_is_what_a_new_service_would_get() {
    let service = |spec: &str, policy: &str| {
        let strict = "sessionAffinity: None, internalTrafficPolicy: Cluster, type: ClusterIP";
        let addresses = if spec.contains("None") {
            "clusterIPs: [None], "
        } else {
            ""
        };
        let live = format!("spec: {{{spec}{addresses}{strict}, ipFamilyPolicy: {policy}}}");
        let mut case = case(Kind::Service, &format!("spec: {{{spec}}}"), &live);
        case.strict = true;
        case
    };
    let changed = |desired: &str, live: &str| {
        format!("spec.ipFamilyPolicy: \"{desired}\" -> \"{live}\" (default)")
    };
    let (single, prefer, require) = ("SingleStack", "PreferDualStack", "RequireDualStack");
    check(&service("", single), &[]);
    check(&service("", prefer), &[&changed(single, prefer)]);
    check(&service("clusterIP: None, ", require), &[]);
    check(
        &service("clusterIP: None, ", single),
        &[&changed(require, single)],
    );
    let selects = "clusterIP: None, selector: {a: b}, ";
    check(&service(selects, require), &[&changed(single, require)]);
    let outside = "type: ExternalName, externalName: a.example";
    let mut case = case(Kind::Service, &format!("spec: {{{outside}}}"), "");
    case.live = format!("spec: {{{outside}, sessionAffinity: None}}");
    case.strict = true;
    check(&case, &[]);
}

/// Whoever compares each with each does not live to see the end of this.
#[test]
fn long_lists_are_compared_and_repaired_in_linear_time() {
    const MANY: usize = 40_000;
    let list = |item: &dyn Fn(usize) -> String| {
        (0..MANY).fold(String::new(), |all, i| all + "- " + &item(i) + "\n")
    };
    let reversed = |item: &dyn Fn(usize) -> String| list(&|i| item(MANY - 1 - i));
    let variable = |i: usize| format!("{{name: N{i}, value: $(N{})}}", i + 1);
    let other = |i: usize| format!("{{name: N{}, value: x}}", i + MANY / 2);
    let port = |i: usize| format!("{{containerPort: {i}, protocol: TCP}}");
    let mut env = container(&format!("env:\n{}", list(&variable)), "");
    env.live = container(&format!("env:\n{}", reversed(&other)), "").declared;
    let mut ports = container(&format!("ports:\n{}", list(&port)), "");
    ports.live = container(&format!("ports:\n{}", reversed(&port)), "").declared;
    let toleration = |i: usize| format!("{{key: k{i}, tolerationSeconds: {i}}}");
    let mut tolerations = pod(&format!("tolerations:\n{}", list(&toleration)), "");
    tolerations.live = pod(&format!("tolerations:\n{}", reversed(&toleration)), "").declared;
    let finalizer = |i: usize| format!("example.com/f{i}");
    let wrap = |list: String| format!("metadata:\n  finalizers:\n{}", indent(&list, 2));
    let finalizers = case(
        Kind::ConfigMap,
        &wrap(list(&finalizer)),
        &wrap(reversed(&finalizer)),
    );
    // Each variable differs, their order does, and nothing declares what the last of them refers to.
    for (case, strict, expected) in [
        (env, true, MANY + 2),
        (ports, true, 0),
        (tolerations, true, 0),
        (finalizers.clone(), true, 0),
        (finalizers, false, 0),
    ] {
        let case = Case { strict, ..case };
        let mut of_lists = 0;
        findings_of(&case, |finding| {
            of_lists += usize::from(finding.origin == Origin::Declared);
        });
        assert_eq!(of_lists, expected);
    }
}

#[test]
fn ignored_paths_are_passed_over() {
    let mut case = container(
        "image: a:2\nenv: [{name: A, value: x}]",
        "image: a:1\nenv: [{name: A, value: w}]",
    );
    case.ignore = "spec.template.spec.containers[name=c].image";
    check(&case, &["C.env[name=A].value: \"x\" -> \"w\""]);
    case.ignore = "spec.template.spec.containers[*].*";
    check(&case, &[]);
    case.ignore = "spec.template.spec.containers[0].env[name=A].value, spec.template.spec.containers[image=a:2].image";
    check(&case, &[]);
    let mut case = pod(
        "nodeSelector: {a: b, c: d}",
        "nodeSelector: {a: x, c: d, e: f}",
    );
    case.ignore = "spec.template.spec.nodeSelector.a, spec.template.spec.nodeSelector.e";
    check(&case, &[]);
}

/// What the server makes of a Deployment with one container, with more lines at the container, the pod and the spec.
fn full(container: &str, pod: &str, spec: &str) -> String {
    format!(
        "metadata: {{name: a, uid: u}}
spec:
  progressDeadlineSeconds: 600
  revisionHistoryLimit: 10
{}  template:
    metadata: {{}}
    spec:
      dnsPolicy: ClusterFirst
      restartPolicy: Always
      schedulerName: default-scheduler
      securityContext: {{}}
      terminationGracePeriodSeconds: 30
{}      containers:
      - name: c
        image: a:1
        resources: {{}}
        terminationMessagePath: /dev/termination-log
        terminationMessagePolicy: File
{}",
        indent(spec, 2),
        indent(pod, 6),
        indent(container, 8)
    )
}

#[test]
fn strict_tells_what_is_declared_nowhere() {
    let rolling = "replicas: 1\nstrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}";
    let policy = "imagePullPolicy: IfNotPresent";
    let mut case = container("", "");
    case.strict = true;
    case.live = full(policy, "", rolling);
    check(&case, &[]);
    case.live = full(
        "imagePullPolicy: Always\nworkingDir: /x\nenv: [{name: A}]",
        "nodeName: x",
        "replicas: 2\nstrategy: {type: Recreate}",
    );
    check(
        &case,
        &[
            "spec.replicas: 1 -> 2 (default)",
            "spec.strategy: {\"type\":\"RollingUpdate\"} -> {\"type\":\"Recreate\"} (default)",
            "C.env[name=A]: - -> {\"name\":\"A\"}",
            "C.imagePullPolicy: \"IfNotPresent\" -> \"Always\" (default)",
            "C.workingDir: - -> \"/x\"",
            "P.nodeName: - -> \"x\"",
        ],
    );
    // A default that is not there is a difference too.
    case.live = full("", "", rolling);
    check(
        &case,
        &["C.imagePullPolicy: \"IfNotPresent\" -> - (default)"],
    );
}

#[test]
fn bookkeeping_of_others_is_no_drift() {
    let mut case = case(
        Kind::ConfigMap,
        "metadata: {name: a}",
        "metadata: {name: a, finalizers: [x], ownerReferences: [{uid: u, name: o, controller: true}], annotations: {deployment.kubernetes.io/revision: '1', meta.helm.sh/release-name: x, own: w}}",
    );
    case.strict = true;
    check(&case, &["metadata.annotations.own: - -> \"w\""]);
    case.declared = "metadata: {name: a, finalizers: [w], ownerReferences: [{uid: u, name: p}], annotations: {own: w}}".to_owned();
    check(
        &case,
        &[
            "metadata.finalizers: [\"w\"] -> [\"x\"]",
            "metadata.ownerReferences[name=p].name: \"p\" -> \"o\"",
        ],
    );
}

/// The paths that count as removed, of an object that server-side apply made.
fn removed_from_applied(
    kind: Kind,
    declared: &str,
    live: &str,
    managed_fields: &str,
) -> Vec<String> {
    let read = |text: &str| yaml::read(text.as_bytes().to_vec());
    let (declared, live) = (read(declared), read(live));
    let declared = declared.tree.node(declared.documents[0].root);
    let managed_fields = read(managed_fields);
    let text = managed_fields
        .tree
        .node(managed_fields.documents[0].root)
        .to_json()
        .to_string();
    let applied = Applied::of(&text, types::root(kind), declared);
    assert!(applied.is_some(), "the manager is found");
    let sides = Sides {
        kind,
        declared,
        live: &live.tree.node(live.documents[0].root).to_json(),
        last_applied: None,
        applied: applied.as_ref(),
        ignore: Ignore::default(),
        strict: false,
        unstored: None,
        lists_suppressed: false,
    };
    let mut removed = Vec::new();
    compare(sides, &mut |verdict| match verdict {
        Verdict::Drift(finding) if finding.class == Class::Removed => {
            removed.push(finding.path.to_string());
        }
        _ => {}
    });
    removed
}

/// Observed: an apply owns what it sets to `null`, so its next one leaves alone what the server fills in there.
#[test]
fn what_is_applied_as_null_has_not_left_git() {
    let removed = removed_from_applied(
        Kind::Service,
        "spec: {sessionAffinity: None, sessionAffinityConfig: null, type: ClusterIP}",
        "spec: {sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 10800}}, type: ClusterIP, externalName: a}",
        "[{manager: m, operation: Apply, fieldsV1: {'f:spec': {'f:sessionAffinityConfig': {}, 'f:type': {}, 'f:externalName': {}}}}]",
    );
    assert_eq!(removed, ["spec.externalName"]);
}

/// The server fills in what a container's pull policy is by the image, whoever set that.
#[test]
fn a_default_of_what_others_keep_goes_by_their_fields() {
    let removed = |image: &str| {
        let container =
            format!("{{name: b, image: '{image}', imagePullPolicy: Always, workingDir: /w}}");
        removed_from_applied(
            Kind::Deployment,
            "spec: {paused: true, template: {spec: {containers: [{name: a, image: a}]}}}",
            &format!("spec: {{paused: true, template: {{spec: {{containers: [{{name: a, image: a, imagePullPolicy: Always}}, {container}]}}}}}}"),
            "
- manager: m
  operation: Apply
  fieldsV1:
    f:spec:
      f:paused: {}
      f:template: {f:spec: {f:containers: {
        'k:{\"name\":\"a\"}': {.: {}, f:name: {}, f:image: {}},
        'k:{\"name\":\"b\"}': {.: {}, f:name: {}, f:image: {}, f:imagePullPolicy: {}, f:workingDir: {}}}}}
- manager: other
  operation: Apply
  fieldsV1: {f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"b\"}': {.: {}, f:name: {}, f:image: {}}}}}}}
",
        )
    };
    let working_dir = "spec.template.spec.containers[name=b].workingDir";
    assert_eq!(removed("b"), [working_dir]);
    let policy = "spec.template.spec.containers[name=b].imagePullPolicy";
    assert_eq!(removed("b:1"), [policy, working_dir]);
}
