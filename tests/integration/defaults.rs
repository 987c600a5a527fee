//! Each row of the table of defaults is what the API server fills in: a manifest that leaves all of them out is created,
//! and the strict comparison must find each row at work and no drift.

use std::collections::BTreeSet;

use gitops_drift::diff::{Sides, Verdict, compare};
use gitops_drift::path::Ignore;
use gitops_drift::schema::{Kind, default_rows};
use gitops_drift::yaml;

use crate::support::ControlPlane;

const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: all}
spec:
  selector: {matchLabels: {app: all}}
  template:
    metadata: {labels: {app: all}}
    spec:
      initContainers:
      - name: init
        image: registry.example.com:5000/init
      containers:
      - name: main
        image: main:1
        env:
        - {name: FIELD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: RESOURCE, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
        - {name: FILE, valueFrom: {fileKeyRef: {volumeName: v00, path: a, key: B}}}
        ports: [{containerPort: 80}]
        livenessProbe: {httpGet: {port: 80}}
        readinessProbe: {grpc: {port: 81}}
        startupProbe: {tcpSocket: {port: 82}}
        lifecycle: {preStop: {httpGet: {port: 80}}}
      volumes:
      - {name: v00}
      - {name: v01, hostPath: {path: /x}}
      - {name: v02, secret: {secretName: s}}
      - {name: v03, configMap: {name: c}}
      - name: v04
        downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.name}}]}
      - name: v05
        projected:
          sources:
          - {serviceAccountToken: {path: token}}
          - {downwardAPI: {items: [{path: a, resourceFieldRef: {containerName: main, resource: limits.cpu}}]}}
      - name: v06
        ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}
      - {name: v07, image: {reference: "registry.example.com/data:1"}}
      - {name: v08, iscsi: {targetPortal: "10.0.0.1", iqn: "iqn.2001-04.com.example:storage", lun: 0}}
      - {name: v09, rbd: {monitors: ["10.0.0.1"], image: i}}
      - {name: v10, azureDisk: {diskName: d, diskURI: "https://example.com/d"}}
      - {name: v11, scaleIO: {gateway: g, system: s, secretRef: {name: x}, volumeName: v}}
"#;

const SERVICES: [&str; 3] = [
    "apiVersion: v1\nkind: Service\nmetadata: {name: plain}\nspec: {selector: {a: b}, ports: [{port: 80}]}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: sticky}\nspec: {sessionAffinity: ClientIP, ports: [{port: 80}]}\n",
    "apiVersion: v1\nkind: Service\nmetadata: {name: outside}\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n",
];

#[test]
fn each_default_is_what_the_server_fills_in() {
    let Some(plane) = ControlPlane::for_test("each_default_is_what_the_server_fills_in") else {
        return;
    };
    let namespace = plane.namespace();
    let mut seen = BTreeSet::new();
    let manifests = [(Kind::Deployment, DEPLOYMENT)]
        .into_iter()
        .chain(SERVICES.map(|text| (Kind::Service, text)));
    for (kind, manifest) in manifests {
        let created = plane.kubectl_with(
            &["create", "-n", &namespace, "-o", "json", "-f", "-"],
            manifest,
        );
        let live = serde_json::from_str(&created).unwrap();
        let stream = yaml::read(manifest.as_bytes().to_vec());
        let sides = Sides {
            kind,
            declared: stream.tree.node(stream.documents[0].root),
            live: &live,
            last_applied: None,
            applied: None,
            ignore: Ignore::default(),
            strict: true,
            unstored: None,
        };
        compare(sides, &mut |verdict| match verdict {
            Verdict::Same => {}
            Verdict::NotDrift(rule) => drop(seen.insert(rule.to_string())),
            Verdict::Drift(finding) => panic!("{finding:#?}"),
            Verdict::NotStored(_) => panic!("the server stores all of it"),
            Verdict::UnknownLive(path) => panic!("unknown: {path}"),
        });
    }
    let unseen: Vec<String> = default_rows()
        .map(|row| row.id().to_string())
        .filter(|id| !seen.contains(id))
        .collect();
    assert!(unseen.is_empty(), "no row was at work for {unseen:?}");
}
