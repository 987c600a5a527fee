//! Chooses the requests that fetch the wanted objects with the least work. These are pure functions of numbers.
//!
//! The unit of cost is the GET of one object. A page of a list costs one such unit, and one more for each
//! [`ITEMS_PER_GET`] items in it, so that a full page costs about as much as eleven GETs. What a list holds is not
//! known before its first page has come. So that page is kept small: large enough for the wanted objects and some
//! others, and cheap enough to lose if it shows that the list has mostly other objects and must be given up.

/// The items of a full page. More would save requests, but need more of the server's memory at a time.
pub(super) const PAGE: usize = 500;
/// The number of list items that cost as much as the GET of one object. Measured: 33 Deployments, 68 `ConfigMap`s.
const ITEMS_PER_GET: usize = 50;
/// The number of items on the first page of a list for each wanted object.
const ITEMS_PER_WANTED: usize = 4;
/// The least number of namespaces for which a kind is listed cluster-wide: more than can be listed at a time.
const CLUSTER_WIDE_FROM: usize = super::client::AT_A_TIME + 1;

/// The size of the first page of a list in one namespace (or of the Namespaces) in which this many objects are
/// wanted; `None` if it is better to GET each.
pub(super) fn list_namespace(wanted: usize) -> Option<usize> {
    (wanted > 1).then(|| first_page(wanted))
}

/// The size of the first page of a list of the whole cluster, where this many objects are wanted in this many
/// namespaces; `None` if it is better to list each namespace.
pub(super) fn list_cluster(namespaces: usize, wanted: usize) -> Option<usize> {
    (namespaces >= CLUSTER_WIDE_FROM).then(|| first_page(wanted))
}

fn first_page(wanted: usize) -> usize {
    (wanted * ITEMS_PER_WANTED).clamp(ITEMS_PER_GET, PAGE)
}

/// Whether to continue a list after a page instead of giving it up for requests that cost `instead`. If the server
/// does not report the `remaining` items, it is assumed to have as many as it has already `sent`.
pub(super) fn goes_on(remaining: Option<usize>, sent: usize, instead: usize) -> bool {
    cost(remaining.unwrap_or(sent)) <= instead
}

/// The cost to GET each of them.
pub(super) fn cost_of_gets(wanted: usize) -> usize {
    wanted
}

/// The highest cost to list each of the namespaces that have wanted objects: twice the cost of those objects, to allow
/// for other objects among them.
pub(super) fn cost_of_namespaces(namespaces: usize, wanted: usize) -> usize {
    2 * (namespaces + wanted.div_ceil(ITEMS_PER_GET))
}

fn cost(items: usize) -> usize {
    items.div_ceil(PAGE) + items.div_ceil(ITEMS_PER_GET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_listed_when_that_can_save_a_request() {
        for (wanted, page) in [
            (0, None),
            (1, None),
            (2, Some(50)),
            (20, Some(80)),
            (125, Some(500)),
            (3000, Some(500)),
        ] {
            assert_eq!(list_namespace(wanted), page, "{wanted}");
        }
    }

    #[test]
    fn a_cluster_is_listed_when_its_namespaces_cannot_be_asked_at_once() {
        for (namespaces, wanted, page) in [
            (1, 1000, None),
            (6, 1000, None),
            (7, 7, Some(50)),
            (7, 100, Some(400)),
            (100, 6000, Some(500)),
        ] {
            assert_eq!(
                list_cluster(namespaces, wanted),
                page,
                "{namespaces} {wanted}"
            );
        }
    }

    #[test]
    fn a_list_of_mostly_foreign_objects_is_given_up() {
        // (remaining, sent, still wanted, goes on)
        let in_namespace = [
            (Some(100), 500, 100, true),
            (Some(19_500), 500, 100, false),
            (Some(2_500), 500, 3_000, true),
            (Some(49_500), 500, 500, false),
            (Some(50), 100, 1, false),
            (Some(50), 100, 2, true),
            (None, 500, 600, true),
            (None, 500, 3, false),
        ];
        for (remaining, sent, wanted, result) in in_namespace {
            assert_eq!(
                goes_on(remaining, sent, cost_of_gets(wanted)),
                result,
                "{remaining:?} {wanted}"
            );
        }
        // (remaining, namespaces, still wanted, goes on)
        let in_cluster = [
            (5_500, 92, 5_500, true),
            (900, 10, 500, true),
            (19_500, 10, 100, false),
            (50_000, 100, 6_000, false),
        ];
        for (remaining, namespaces, wanted, result) in in_cluster {
            assert_eq!(
                goes_on(Some(remaining), 500, cost_of_namespaces(namespaces, wanted)),
                result,
                "{remaining} {namespaces} {wanted}"
            );
        }
    }
}
