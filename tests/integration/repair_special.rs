//! Repairs that laying the manifest over the live object gets wrong. Each begins with an object as applied, changes it
//! by a JSON patch, repairs it, and then everything but the bookkeeping must be as it was applied.

use serde_json::{Value, json};

use crate::repair::{action, repair};
use crate::support::{ControlPlane, paths};

/// An object before and after its repair, without what each write counts up.
struct Repaired {
    applied: Value,
    after: Value,
    report: Value,
}

fn put_back(
    plane: &ControlPlane,
    kind: &str,
    manifest: &str,
    patch: &Value,
    more: &[&str],
) -> Repaired {
    let namespace = plane.namespace();
    plane.kubectl_with(&["apply", "-n", &namespace, "-f", "-"], manifest);
    let applied = plane.get(kind, &namespace, "web");
    let patch = patch.to_string();
    plane.kubectl(&[
        "patch",
        kind,
        "web",
        "-n",
        &namespace,
        "--type=json",
        "-p",
        &patch,
    ]);
    assert_ne!(
        without_counts(plane.get(kind, &namespace, "web")),
        without_counts(applied.clone()),
        "the patch changed nothing"
    );
    let report = repair(plane, &namespace, manifest, more, 0);
    assert_eq!(action(&report), ("remediated".to_owned(), String::new()));
    Repaired {
        applied: without_counts(applied),
        after: without_counts(plane.get(kind, &namespace, "web")),
        report,
    }
}

fn without_counts(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
        metadata.remove("generation");
    }
    object
}

const SERVICE: &str =
    "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n";

/// A Deployment with what it takes for all cases.
const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  strategy: {type: Recreate}
  template:
    metadata: {labels: {app: web}}
    spec:
      volumes:
      - {name: one, emptyDir: {}}
      - {name: two, configMap: {name: settings}}
      containers:
      - name: web
        image: nginx:1.25
        env:
        - {name: A, value: x}
        - {name: B, value: $(A)}
        livenessProbe: {periodSeconds: 7, httpGet: {path: /, port: 80}}
        volumeMounts: [{name: one, mountPath: /one}, {name: two, mountPath: /two}]
";

#[test]
#[ignore = "needs the control plane"]
fn ports_of_services() {
    let plane = ControlPlane::running();
    let unnamed = format!("{SERVICE}  ports: [{{port: 80}}]\n");
    let named = format!(
        "{SERVICE}  type: NodePort\n  ports: [{{name: http, port: 80}}, {{name: admin, port: 81, targetPort: admin}}]\n"
    );
    let replace = |path: &str, value: Value| json!({"op": "replace", "path": path, "value": value});
    let cases = [
        // An unnamed port renumbered: `targetPort` stays where the old port was.
        (
            &unnamed,
            json!([replace("/spec/ports/0/port", json!(90))]),
            1,
        ),
        // A port set back with its `targetPort`, which the manifest leaves to the server.
        (
            &unnamed,
            json!([
                replace("/spec/ports/0/port", json!(90)),
                replace("/spec/ports/0/targetPort", json!(90))
            ]),
            2,
        ),
        // A port renamed: it keeps its node port.
        (
            &named,
            json!([replace("/spec/ports/0/name", json!("web"))]),
            1,
        ),
        (
            &named,
            json!([
                replace("/spec/ports/0/name", json!("web")),
                replace("/spec/ports/1/port", json!(8081))
            ]),
            2,
        ),
        // The name of one port went to the next: each keeps its number.
        (
            &named,
            json!([
                replace("/spec/ports/0/name", json!("web")),
                replace("/spec/ports/1/name", json!("http"))
            ]),
            2,
        ),
    ];
    for (manifest, patch, count) in cases {
        let repaired = put_back(plane, "service", manifest, &patch, &[]);
        assert_eq!(repaired.after, repaired.applied, "{patch}");
        assert_eq!(
            paths(&repaired.report).len(),
            count,
            "{:#}",
            repaired.report
        );
    }
}

#[test]
#[ignore = "needs the control plane"]
fn types_of_services() {
    let plane = ControlPlane::running();
    let manifest = format!("{SERVICE}  type: ClusterIP\n  ports: [{{port: 80}}]\n");
    let set = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
    for patch in [
        json!([set("/spec/type", json!("NodePort"))]),
        json!([
            set("/spec/type", json!("NodePort")),
            set("/spec/externalTrafficPolicy", json!("Local")),
            set("/spec/ports/0/port", json!(81)),
        ]),
        json!([
            set("/spec/type", json!("LoadBalancer")),
            set("/spec/loadBalancerClass", json!("example.com/x")),
            set("/spec/externalTrafficPolicy", json!("Local")),
        ]),
    ] {
        let repaired = put_back(plane, "service", &manifest, &patch, &[]);
        assert_eq!(repaired.after, repaired.applied, "{patch}");
        let fields = repaired.report["resources"][0]["fields"]
            .as_array()
            .unwrap();
        let of_type = fields
            .iter()
            .find(|field| field["path"] == "spec.type")
            .unwrap();
        let consequences = of_type["consequences"].as_array().unwrap();
        assert!(
            consequences.contains(&json!("spec.ports[*].nodePort")),
            "{of_type:#}"
        );
    }
    // What cannot be changed while the type stays goes with it.
    let with_class = json!([
        set("/spec/type", json!("LoadBalancer")),
        set("/spec/loadBalancerClass", json!("example.com/x")),
    ]);
    let extras = ["--strict", "--remove-extras"];
    let repaired = put_back(plane, "service", &manifest, &with_class, &extras);
    assert_eq!(repaired.after, repaired.applied);
    let action = &repaired.report["resources"][0]["action"];
    assert_eq!(action, "remediated", "{:#}", repaired.report);
    let affinity = json!([set("/spec/sessionAffinity", json!("ClientIP"))]);
    let manifest = manifest + "  sessionAffinity: None\n";
    let repaired = put_back(plane, "service", &manifest, &affinity, &[]);
    assert_eq!(repaired.after, repaired.applied);
}

/// What only some types of Services may have goes with the type, whichever it becomes.
#[test]
#[ignore = "needs the control plane"]
fn a_service_of_any_type_becomes_one_of_any_other() {
    let plane = ControlPlane::running();
    let service = |annotations: &str, spec: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web, annotations: {{{annotations}}}}}\n\
             spec: {{selector: {{app: web}}, {spec}}}\n"
        )
    };
    let ranges = "service.beta.kubernetes.io/load-balancer-source-ranges: 10.0.0.0/8";
    let lives = [
        service(
            "",
            "type: ClusterIP, ports: [{port: 80}], externalIPs: [198.51.100.7], externalTrafficPolicy: Local, \
             internalTrafficPolicy: Local, sessionAffinity: ClientIP, trafficDistribution: PreferClose",
        ),
        service(
            "",
            "type: NodePort, ports: [{name: a, port: 80}, {name: b, port: 81}], externalTrafficPolicy: Local",
        ),
        service(
            "",
            "type: LoadBalancer, ports: [{port: 80}], externalTrafficPolicy: Local, loadBalancerClass: x.example/y, \
             loadBalancerIP: 203.0.113.9, loadBalancerSourceRanges: [10.0.0.0/8]",
        ),
        service(
            ranges,
            "type: LoadBalancer, ports: [{name: a, port: 80}, {name: b, port: 81}], allocateLoadBalancerNodePorts: false",
        ),
        service("", "type: ExternalName, externalName: a.example"),
        service(
            "",
            "type: ExternalName, externalName: a.example, ports: [{port: 80, nodePort: 30999}]",
        ),
        service(
            "",
            "clusterIP: None, ports: [{port: 80}], publishNotReadyAddresses: true",
        ),
    ];
    let declared = [
        service("", "type: ClusterIP, ports: [{port: 80}]"),
        // With --remove-extras a node port less than before, so that the server would not take the others out.
        service("", "type: ClusterIP, ports: [{name: c, port: 80}]"),
        service("", "type: NodePort, ports: [{port: 80}]"),
        service("", "type: LoadBalancer, ports: [{port: 80}]"),
        service("", "type: ExternalName, externalName: b.example"),
    ];
    let is_possible = |live: &str, manifest: &str| {
        let both = |word| live.contains(word) && manifest.contains(word);
        // A headless Service keeps its lack of an address, a load balancer its class.
        !(both("type: LoadBalancer")
            || live.contains("clusterIP: None")
                && (manifest.contains("NodePort") || manifest.contains("LoadBalancer")))
    };
    let pairs: Vec<(&String, &String)> = lives
        .iter()
        .flat_map(|live| declared.iter().map(move |manifest| (live, manifest)))
        .filter(|(live, manifest)| is_possible(live, manifest))
        .collect();
    let named = |(i, manifest): (usize, &String)| manifest.replace("web,", &format!("web{i},"));
    let all = |manifests: Vec<&String>| -> String {
        let named: Vec<String> = manifests.into_iter().enumerate().map(named).collect();
        named.join("---\n")
    };
    for more in [&[][..], &["--strict", "--remove-extras"]] {
        let namespace = plane.namespace();
        let lives = all(pairs.iter().map(|pair| pair.0).collect());
        plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], &lives);
        let before = plane.get_all("services", &namespace);
        let manifests = all(pairs.iter().map(|pair| pair.1).collect());
        let report = repair(plane, &namespace, &manifests, more, 0);
        let remediated = &report["summary"]["remediated"];
        let to_repair = report["summary"]["drifted"].as_u64().unwrap();
        assert!(to_repair > 20 && *remediated == to_repair, "{report:#}");
        let after = plane.get_all("services", &namespace);
        // What every type may have stays.
        let stays = [
            "loadBalancerIP",
            "externalIPs",
            "sessionAffinityConfig",
            "trafficDistribution",
        ];
        for (before, after) in before.iter().zip(&after).filter(|_| more.is_empty()) {
            for field in stays {
                assert_eq!(after["spec"][field], before["spec"][field], "{after:#}");
            }
        }
    }
}

#[test]
#[ignore = "needs the control plane"]
fn what_the_new_type_may_not_have_is_refused_where_it_is_declared_or_ignored() {
    let plane = ControlPlane::running();
    let load_balancer = format!(
        "{SERVICE}  type: LoadBalancer\n  ports: [{{port: 80}}]\n  loadBalancerSourceRanges: [10.0.0.0/8]\n"
    );
    let declared = load_balancer.replace("LoadBalancer\n", "ClusterIP\n");
    let ignored = format!("{SERVICE}  type: ClusterIP\n  ports: [{{port: 80}}]\n").replace(
        "{name: web}",
        "{name: web, annotations: {drift.gitops.io/ignore-fields: spec.loadBalancerSourceRanges}}",
    );
    for manifest in [declared, ignored] {
        let namespace = plane.namespace();
        plane.kubectl_with(&["create", "-n", &namespace, "-f", "-"], &load_balancer);
        let report = repair(plane, &namespace, &manifest, &[], 2);
        let reason = action(&report).1;
        assert!(
            reason.ends_with("may only be used when `type` is 'LoadBalancer'"),
            "{reason}"
        );
        let live = plane.get("service", &namespace, "web");
        assert_eq!(live["spec"]["type"], "LoadBalancer");
    }
}

#[test]
#[ignore = "needs the control plane"]
fn parts_of_deployments() {
    let plane = ControlPlane::running();
    let pod = "/spec/template/spec";
    let replace = |path: &str, value: Value| json!({"op": "replace", "path": path, "value": value});
    let web = format!("{pod}/containers/0");
    let cases = [
        // Recreate set back over the parameters of a rolling update.
        (
            json!([replace(
                "/spec/strategy",
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2}})
            )]),
            "spec.strategy",
        ),
        // A mount's volume changed.
        (
            json!([replace(&format!("{web}/volumeMounts/0/name"), json!("two"))]),
            "spec.template.spec.containers[name=web].volumeMounts[name=one].name",
        ),
        // A volume of another sort.
        (
            json!([replace(
                &format!("{pod}/volumes/1"),
                json!({"name": "two", "secret": {"secretName": "x"}})
            )]),
            "spec.template.spec.volumes[name=two]",
        ),
        // A value taken from elsewhere.
        (
            json!([replace(
                &format!("{web}/env/0"),
                json!({"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}})
            )]),
            "spec.template.spec.containers[name=web].env[name=A]",
        ),
        // An order that has a meaning.
        (
            json!([{"op": "move", "from": format!("{web}/env/1"), "path": format!("{web}/env/0")}]),
            "spec.template.spec.containers[name=web].env",
        ),
        // Another handler of a probe.
        (
            json!([
                {"op": "remove", "path": format!("{web}/livenessProbe/httpGet")},
                {"op": "add", "path": format!("{web}/livenessProbe/tcpSocket"), "value": {"port": 80}},
            ]),
            "spec.template.spec.containers[name=web].livenessProbe",
        ),
        // An item taken out.
        (
            json!([{"op": "remove", "path": format!("{web}/volumeMounts/0")}]),
            "spec.template.spec.containers[name=web].volumeMounts[name=one]",
        ),
    ];
    for (patch, path) in cases {
        let repaired = put_back(plane, "deployment", DEPLOYMENT, &patch, &[]);
        assert_eq!(repaired.after, repaired.applied, "{patch}");
        assert_eq!(paths(&repaired.report), [path]);
    }
}

/// A device path belongs to one device, so an item by another's name at that path is no further item.
#[test]
#[ignore = "needs the control plane"]
fn devices_whose_paths_others_have_taken() {
    let plane = ControlPlane::running();
    let manifest = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: web:1
        volumeDevices: [{name: a, devicePath: /dev/a}, {name: b, devicePath: /dev/b}]
      volumes:
      - {name: a, persistentVolumeClaim: {claimName: a}}
      - {name: b, persistentVolumeClaim: {claimName: b}}
      - {name: c, persistentVolumeClaim: {claimName: c}}
";
    let devices = "/spec/template/spec/containers/0/volumeDevices";
    let live =
        json!([{"name": "c", "devicePath": "/dev/a"}, {"name": "a", "devicePath": "/dev/b"}]);
    let patch = json!([{"op": "replace", "path": devices, "value": live}]);
    let repaired = put_back(plane, "deployment", manifest, &patch, &[]);
    assert_eq!(repaired.after, repaired.applied);
    let shown = "spec.template.spec.containers[name=web].volumeDevices";
    // The other device has the name of the first one now.
    let items = ["devicePath=/dev/a", "name=b"];
    let expected = items.map(|item| format!("{shown}[{item}].name"));
    assert_eq!(paths(&repaired.report), expected);
}

#[test]
#[ignore = "needs the control plane"]
fn a_container_renamed() {
    let plane = ControlPlane::running();
    let patch = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/name", "value": "other"}]);
    let containers = "/spec/template/spec/containers";
    let names = |object: &Value| -> Vec<String> {
        let items = object.pointer(containers).unwrap().as_array().unwrap();
        items
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    // To the default mode the renamed one is somebody's sidecar.
    let mut kept = put_back(plane, "deployment", DEPLOYMENT, &patch, &[]);
    assert_eq!(names(&kept.after), ["other", "web"]);
    kept.after
        .pointer_mut(containers)
        .unwrap()
        .as_array_mut()
        .unwrap()
        .remove(0);
    assert_eq!(kept.after, kept.applied);
    let all = ["--strict", "--remove-extras"];
    let repaired = put_back(plane, "deployment", DEPLOYMENT, &patch, &all);
    assert_eq!(repaired.after, repaired.applied);
}

#[test]
#[ignore = "needs the control plane"]
fn a_key_of_a_config_map_is_in_one_of_its_maps_only() {
    let plane = ControlPlane::running();
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: x, b: z}\nbinaryData: {c: AAE=}\n";
    let patch = json!([
        {"op": "remove", "path": "/data/a"},
        {"op": "add", "path": "/binaryData/a", "value": "AAE="},
        {"op": "remove", "path": "/binaryData/c"},
        {"op": "add", "path": "/data/c", "value": "text"},
    ]);
    let repaired = put_back(plane, "configmap", manifest, &patch, &[]);
    assert_eq!(repaired.after, repaired.applied);
    let fields = &repaired.report["resources"][0]["fields"];
    assert_eq!(fields[0]["consequences"], json!(["data.c"]));
    assert_eq!(fields[1]["consequences"], json!(["binaryData.a"]));
}
