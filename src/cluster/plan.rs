//! Which requests find the objects that are wanted with the least work. Pure: numbers in, a choice out.
//!
//! The unit of cost is the GET of one object. A page of a list costs one such unit, and one more for each
//! [`ITEMS_PER_GET`] items in it, so that a full page costs about as much as eleven GETs. What a list holds is not
//! known before its first page has come. So that page is kept small: large enough for the objects that are wanted and
//! some others, and so cheap that little is lost when it shows that the list is mostly foreign and to be given up.

/// The items of a full page. More would save requests, but make the server hold more at a time.
pub(super) const PAGE: usize = 500;
/// How many items of a list cost as much as the GET of one object. Measured: 33 Deployments, 68 `ConfigMap`s.
const ITEMS_PER_GET: usize = 50;
/// How many items the first page of a list has for each object that is wanted.
const ITEMS_PER_WANTED: usize = 4;
/// From how many namespaces on a kind is listed for the whole cluster: more than are asked at a time.
const CLUSTER_WIDE_FROM: usize = super::client::AT_A_TIME + 1;

/// The size of the first page of a list in one namespace (or of the Namespaces) in which this many objects are
/// wanted; nothing if it is better to GET each.
pub(super) fn list_namespace(wanted: usize) -> Option<usize> {
    (wanted > 1).then(|| first_page(wanted))
}

/// The size of the first page of a list of the whole cluster, where this many objects are wanted in this many
/// namespaces; nothing if it is better to ask in each namespace.
pub(super) fn list_cluster(namespaces: usize, wanted: usize) -> Option<usize> {
    (namespaces >= CLUSTER_WIDE_FROM).then(|| first_page(wanted))
}

fn first_page(wanted: usize) -> usize {
    (wanted * ITEMS_PER_WANTED).clamp(ITEMS_PER_GET, PAGE)
}

/// Whether a list goes on after a page, rather than be given up for something that costs `instead`. `remaining` items
/// are said to follow; a server that does not say is taken to have as many as it has already `sent`.
pub(super) fn goes_on(remaining: Option<usize>, sent: usize, instead: usize) -> bool {
    cost(remaining.unwrap_or(sent)) <= instead
}

/// What it costs to GET each of them.
pub(super) fn cost_of_gets(wanted: usize) -> usize {
    wanted
}

/// What it costs at most to list each of the namespaces that have objects which are still wanted: as much again as
/// those objects, for the foreign ones among them.
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
