//! Tests of the whole module against a scripted server.

mod credentials;
mod fake;
mod faults;
mod ways;

use std::collections::BTreeMap;

use super::{Arrival, Cluster, Fetched, Live};
use crate::schema::{Kind, ResourceId};
use fake::{Answer, ok};

fn id(kind: Kind, namespace: &str, name: &str) -> ResourceId {
    ResourceId {
        kind,
        namespace: namespace.into(),
        name: name.into(),
    }
}

fn map(name: &str) -> ResourceId {
    id(Kind::ConfigMap, "n", name)
}

fn object(name: &str) -> String {
    format!(r#"{{"kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"n"}}}}"#)
}

fn list_in(namespace: &str, names: &[&str], metadata: &str) -> Answer {
    let items: Vec<_> = names
        .iter()
        .map(|name| {
            format!(
                r#"{{"metadata":{{"name":"{name}","namespace":"{namespace}"}},"data":{{"k":"v"}}}}"#
            )
        })
        .collect();
    ok(&format!(
        r#"{{"kind":"ConfigMapList","metadata":{{{metadata}}},"items":[{}]}}"#,
        items.join(",")
    ))
}

fn list(names: &[&str], metadata: &str) -> Answer {
    list_in("n", names, metadata)
}

/// Fetches objects; returns `live`, `absent` or the error for each. Checks that each has one result.
async fn fetch(cluster: &Cluster, ids: &[ResourceId]) -> BTreeMap<String, String> {
    let mut answers = BTreeMap::new();
    let mut fetching = cluster.fetch(ids, &[]);
    while let Some(batch) = fetching.next().await {
        for arrival in batch {
            let Arrival::Requested(fetched) = arrival else {
                panic!("nobody asked for {arrival:?}");
            };
            let text = match fetched.result {
                Ok(Some(Live { value, .. })) => {
                    assert_eq!(value["kind"], fetched.id.kind.name());
                    "live".to_owned()
                }
                Ok(None) => "absent".to_owned(),
                Err(error) => error.to_string(),
            };
            let key = format!("{}/{}", fetched.id.namespace, fetched.id.name);
            assert_eq!(
                answers.insert(key.clone(), text),
                None,
                "{key} is answered twice"
            );
        }
    }
    assert_eq!(answers.len(), ids.len());
    answers
}

/// Fetches objects and all ConfigMaps of the namespace `n`; returns a line for each arrival.
async fn fetch_whole(cluster: &Cluster, ids: &[ResourceId]) -> Vec<String> {
    let mut lines = Vec::new();
    let whole = [(Kind::ConfigMap, "n".to_owned())];
    let mut fetching = cluster.fetch(ids, &whole);
    while let Some(batch) = fetching.next().await {
        lines.extend(batch.into_iter().map(|arrival| match arrival {
            Arrival::Requested(Fetched { id, result }) => match result {
                Ok(live) => format!("{} {}", id.name, live.map_or("absent", |_| "live")),
                Err(error) => format!("{} {error}", id.name),
            },
            Arrival::Unrequested(id, live) => {
                assert_eq!(live.value.get("data"), None);
                format!("{} unrequested", id.name)
            }
            Arrival::Listed(kind, namespace, result) => {
                let end = result.map_or_else(|error| error.to_string(), |()| "listed".to_owned());
                format!("{} {namespace} {end}", kind.plural())
            }
        }));
    }
    lines.sort();
    lines
}

fn texts(answers: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    answers
        .iter()
        .map(|(key, text)| (key.as_str(), text.as_str()))
        .collect()
}
