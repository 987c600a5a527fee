//! How fast manifests are read, and what they cost in memory: `cargo bench --bench yaml`.

#![expect(clippy::print_stdout, reason = "this is what a benchmark is for")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

use std::fmt::Write as _;
use std::time::Instant;

use gitops_drift::yaml::{self, Node, Value};

const DOCUMENTS: usize = 10_000;
const ROUNDS: usize = 5;

fn main() {
    let deployments = deployments();
    measure("deployments", deployments.as_bytes(), DOCUMENTS);
    measure("config maps", config_maps().as_bytes(), 1_000);
    measure("one list of 10,000", list(&deployments).as_bytes(), 1);
    measure("json", json(&deployments).as_bytes(), 1);
}

/// Reads the same bytes several times and prints the best.
fn measure(name: &str, bytes: &[u8], documents: usize) {
    let before = status("VmRSS");
    let mut best = f64::INFINITY;
    let mut held = 0;
    for _ in 0..ROUNDS {
        let input = bytes.to_vec();
        let start = Instant::now();
        let stream = yaml::read(input);
        best = best.min(start.elapsed().as_secs_f64());
        assert_eq!(
            stream.documents.len(),
            documents,
            "{:?}",
            stream.problems.first()
        );
        held = stream.tree.heap_size();
    }
    let stream = yaml::read(bytes.to_vec());
    let resident = status("VmRSS").saturating_sub(before) * 1024;
    let start = Instant::now();
    let leaves: usize = stream
        .documents
        .iter()
        .map(|d| leaves(stream.tree.node(d.root)))
        .sum();
    let walk = start.elapsed().as_secs_f64();
    let megabytes = bytes.len() as f64 / 1e6;
    println!(
        "{name:20} {megabytes:6.1} MB  {:6.1} MB/s  held {:.2} B/B (resident {:.2}), {:.0} B per document; \
         walk of {leaves} leaves with positions {:.0} ms",
        megabytes / best,
        held as f64 / bytes.len() as f64,
        resident as f64 / bytes.len() as f64,
        held as f64 / documents as f64,
        walk * 1e3,
    );
}

/// Visits everything as a differ would: values and lines.
fn leaves(node: Node<'_>) -> usize {
    match node.value() {
        Value::Map => node.entries().map(|entry| leaves(entry.value)).sum(),
        Value::List => node.items().map(leaves).sum(),
        _ => usize::from(node.position().line > 0),
    }
}

/// A figure of this process in kilobytes, where the system has one.
fn status(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(field));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

fn deployments() -> String {
    let mut text = String::new();
    for n in 0..DOCUMENTS {
        let _ = write!(
            text,
            r#"---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: service-{n}
  namespace: team-{team}
  labels:
    app.kubernetes.io/name: service-{n}
    app.kubernetes.io/part-of: shop
    app.kubernetes.io/managed-by: git
  annotations:
    example.com/owner: "team-{team}@example.com"
    # who is woken at night
    example.com/pager: 'primary: on-call'
spec:
  replicas: 3
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      app.kubernetes.io/name: service-{n}
  strategy:
    type: RollingUpdate
    rollingUpdate: {{maxSurge: 25%, maxUnavailable: 0}}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: service-{n}
        app.kubernetes.io/part-of: shop
    spec:
      serviceAccountName: service-{n}
      securityContext:
        runAsNonRoot: true
        fsGroup: 2000
      containers:
        - name: main
          image: registry.example.com/shop/service-{n}:1.{n}.0
          imagePullPolicy: IfNotPresent
          args: ["--listen=:8080", "--log-level=info"]
          ports:
            - name: http
              containerPort: 8080
              protocol: TCP
          env:
            - name: LOG_FORMAT
              value: json
            - name: DATABASE_URL
              valueFrom:
                secretKeyRef:
                  name: service-{n}-db
                  key: url
            - {{name: REGION, value: eu-west-1}}
          resources:
            requests:
              cpu: 100m
              memory: 128Mi
            limits:
              memory: 256Mi
          readinessProbe:
            httpGet:
              path: /healthz
              port: http
            periodSeconds: 10
          volumeMounts:
            - name: config
              mountPath: /etc/service
      volumes:
        - name: config
          configMap:
            name: service-{n}
            defaultMode: 0644
"#,
            team = n % 40,
        );
    }
    text
}

fn config_maps() -> String {
    let mut text = String::new();
    for n in 0..1_000 {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config-{n}\ndata:\n  app.conf: |\n"
        );
        for line in 0..300 {
            let _ = writeln!(
                text,
                "    setting.number.{line} = \"value {line} of {n}\" # as it was"
            );
        }
    }
    text
}

fn list(deployments: &str) -> String {
    let mut text = "apiVersion: v1\nkind: List\nitems:\n".to_owned();
    for document in deployments
        .split("---\n")
        .filter(|document| !document.is_empty())
    {
        for (number, line) in document.lines().enumerate() {
            let _ = writeln!(text, "{} {line}", if number == 0 { "-" } else { " " });
        }
    }
    text
}

fn json(deployments: &str) -> String {
    let stream = yaml::read(deployments.as_bytes().to_vec());
    let items: Vec<_> = stream
        .documents
        .iter()
        .map(|d| stream.tree.node(d.root).to_json())
        .collect();
    serde_json::json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}
