//! Tests of which requests are made for many objects.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::fake::{Fake, ok, status};
use super::{fetch, fetch_whole, id, list, list_in, map, object, texts};
use crate::schema::{Kind, ResourceId};

#[tokio::test]
async fn a_list_that_is_forbidden_becomes_gets() {
    let fake = Fake::start(|_, request| match request {
        request if request.contains("?limit=") => status(403, "Forbidden"),
        request if request.contains("/a ") => ok(&object("a")),
        request if request.contains("/b ") => status(404, "NotFound"),
        _ => status(403, "Forbidden"),
    });
    let answers = fetch(&fake.cluster(5.0).await, &[map("a"), map("b"), map("c")]).await;
    assert_eq!(
        texts(&answers),
        [
            ("n/a", "live"),
            ("n/b", "absent"),
            ("n/c", "this is Forbidden")
        ]
    );
    assert_eq!(fake.asked().len(), 4);
}

#[tokio::test]
async fn a_list_that_expires_is_started_again() {
    let gone = AtomicUsize::new(0);
    let fake = Fake::start(move |_, request| {
        let more = r#""continue":"t","remainingItemCount":1"#;
        match request.contains("continue=t") {
            false => list(&["a", "b"], more),
            true if gone.fetch_add(1, Ordering::SeqCst) == 0 => status(410, "Expired"),
            true => list(&["c"], ""),
        }
    });
    let ids: Vec<_> = ["a", "b", "c", "d", "e"].map(map).into();
    let answers = fetch(&fake.cluster(5.0).await, &ids).await;
    let wanted = [
        ("n/a", "live"),
        ("n/b", "live"),
        ("n/c", "live"),
        ("n/d", "absent"),
        ("n/e", "absent"),
    ];
    assert_eq!(texts(&answers), wanted);
    let (first, next) = (
        "GET /api/v1/namespaces/n/configmaps?limit=50",
        "GET /api/v1/namespaces/n/configmaps?limit=500&continue=t",
    );
    assert_eq!(
        fake.asked(),
        [first, next, first.replace("50", "500").as_str(), next]
    );
}

#[tokio::test]
async fn a_list_of_foreign_objects_is_given_up() {
    let fake = Fake::start(|_, request| match request {
        request if request.contains("?limit=") => list(
            &["a", "x", "y"],
            r#""continue":"t","remainingItemCount":9000"#,
        ),
        _ => ok(&object("b")),
    });
    let answers = fetch(&fake.cluster(5.0).await, &[map("a"), map("b")]).await;
    assert_eq!(texts(&answers), [("n/a", "live"), ("n/b", "live")]);
    assert_eq!(
        fake.asked(),
        [
            "GET /api/v1/namespaces/n/configmaps?limit=50",
            "GET /api/v1/namespaces/n/configmaps/b"
        ]
    );
}

/// Ids in ten namespaces, three in each but two in the first.
fn spread() -> Vec<ResourceId> {
    let in_namespace = |number: usize| {
        let names = if number == 0 {
            vec!["a", "b"]
        } else {
            vec!["a", "b", "c"]
        };
        names
            .into_iter()
            .map(move |name| id(Kind::ConfigMap, &format!("n{number}"), name))
    };
    (0..10).flat_map(in_namespace).collect()
}

fn namespace_of(request: &str) -> Option<&str> {
    request.split("/namespaces/").nth(1)?.split('/').next()
}

#[tokio::test]
async fn many_namespaces_are_listed_at_once() {
    let fake = Fake::start(|_, request| {
        if request.contains("continue=t") {
            return list_in("n2", &["a"], "");
        }
        let more = r#""continue":"t","remainingItemCount":20"#;
        list_in("n1", &["a", "b", "c"], more)
    });
    let answers = fetch(&fake.cluster(5.0).await, &spread()).await;
    assert_eq!(answers.values().filter(|text| *text == "live").count(), 4);
    assert_eq!(
        answers.values().filter(|text| *text == "absent").count(),
        25
    );
    assert_eq!(
        fake.asked(),
        [
            "GET /api/v1/configmaps?limit=116",
            "GET /api/v1/configmaps?limit=500&continue=t"
        ]
    );
}

#[tokio::test]
async fn namespaces_are_listed_where_the_cluster_is_full_of_foreign_objects_or_forbidden() {
    for forbidden in [true, false] {
        let fake = Fake::start(move |_, request| match namespace_of(request) {
            None if forbidden => status(403, "Forbidden"),
            None => list_in(
                "foreign",
                &["a", "b"],
                r#""continue":"t","remainingItemCount":99000"#,
            ),
            Some(namespace) if request.contains("?limit=") => list_in(namespace, &["a", "b"], ""),
            Some(namespace) => ok(&object("a").replace("\"n\"", &format!("{namespace:?}"))),
        });
        let answers = fetch(&fake.cluster(5.0).await, &spread()).await;
        assert_eq!(answers.values().filter(|text| *text == "live").count(), 20);
        assert_eq!(answers.values().filter(|text| *text == "absent").count(), 9);
        let asked = fake.asked();
        // One list for all, nine for the larger namespaces, and the two objects of the smallest.
        assert_eq!(
            asked.iter().filter(|path| path.contains("?limit=")).count(),
            10
        );
        assert_eq!(
            (asked.len(), asked[0].as_str()),
            (12, "GET /api/v1/configmaps?limit=116")
        );
    }
}

#[tokio::test]
async fn a_list_ends_when_all_objects_are_found() {
    let fake = Fake::start(|_, _| list(&["a", "b"], r#""continue":"t""#));
    fetch(&fake.cluster(5.0).await, &[map("a"), map("b")]).await;
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn a_namespace_that_is_wanted_as_a_whole_is_listed_to_its_end_and_each_object_comes_once() {
    let gone = AtomicUsize::new(0);
    let fake = Fake::start(move |_, request| {
        let more = r#""continue":"t","remainingItemCount":9000"#;
        match request.contains("continue=t") {
            false => list(&["a", "x", "y"], more),
            true if gone.fetch_add(1, Ordering::SeqCst) == 0 => status(410, "Expired"),
            true => list(&["z"], ""),
        }
    });
    let lines = fetch_whole(&fake.cluster(5.0).await, &[map("a"), map("b")]).await;
    assert_eq!(
        lines,
        [
            "a live",
            "b absent",
            "configmaps n listed",
            "x unrequested",
            "y unrequested",
            "z unrequested"
        ]
    );
    let (first, next) = (
        "GET /api/v1/namespaces/n/configmaps?limit=500",
        "GET /api/v1/namespaces/n/configmaps?limit=500&continue=t",
    );
    assert_eq!(fake.asked(), [first, next, first, next]);
}

#[tokio::test]
async fn a_namespace_that_cannot_be_listed_as_a_whole_is_an_error_and_what_was_asked_for_still_comes()
 {
    let fake = Fake::start(|_, request| match request {
        request if request.contains("?limit=") => status(403, "Forbidden"),
        _ => ok(&object("a")),
    });
    let lines = fetch_whole(&fake.cluster(5.0).await, &[map("a")]).await;
    assert_eq!(lines, ["a live", "configmaps n this is Forbidden"]);
    let fake = Fake::start(|_, _| status(410, "Expired"));
    let lines = fetch_whole(&fake.cluster(5.0).await, &[]).await;
    assert_eq!(lines, ["configmaps n this is Expired"]);
    assert_eq!(fake.asked().len(), 4);
}

#[tokio::test]
async fn namespaces_that_are_wanted_as_a_whole_are_listed_where_the_cluster_has_much_else() {
    let fake = Fake::start(|_, request| match namespace_of(request) {
        None => list(&["a"], r#""continue":"t","remainingItemCount":99000"#),
        Some(namespace) => list_in(namespace, &["a"], ""),
    });
    let lines = fetch_whole(&fake.cluster(5.0).await, &spread()).await;
    let count = |end: &str| lines.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!(
        (count("unrequested"), count("live"), count("absent")),
        (1, 10, 19)
    );
    assert_eq!((lines.len(), fake.asked().len()), (31, 12));
}
