//! What a manifest declares at the places of a live object. Another version of the manifest may have an item elsewhere
//! and under another key, so its items are found as a comparison matches them.

use serde_json::Value;

use super::PointerToken;
use super::pairs::{Identities, Matching};
use crate::schema::{Kind, ListKind, MATCHED_IN_ORDER, Rules, Struct, Type, types};
use crate::yaml::Node;

/// What a manifest declares at a place of a live object.
#[must_use]
pub(crate) fn declared_at<'a>(
    kind: Kind,
    declared: Node<'a>,
    live: &Value,
    place: &[PointerToken],
) -> Option<Node<'a>> {
    ManifestPlace::of(kind, declared, live, place).map(|place| place.node)
}

/// Whether one manifest has this item of a list and the other has none that belongs to it. `list` is the place of the list
/// in the live object, and `index` that of the item in the list of the first.
#[must_use]
pub(crate) fn lacks_item(
    kind: Kind,
    [having, lacking]: [Node<'_>; 2],
    live: &Value,
    list: &[PointerToken],
    index: usize,
) -> bool {
    let place = |declared| ManifestPlace::of(kind, declared, live, list);
    let (Some(having), Some(lacking)) = (place(having), place(lacking)) else {
        return true;
    };
    let partner = having.partners(|fields, keys| {
        let items: Vec<Node<'_>> = lacking.node.items().collect();
        Identities::of_declared(fields, keys, &items)
    });
    partner.is_none_or(|pairs| pairs.of_first.get(index).is_none_or(Option::is_none))
}

/// A place with a declared value.
struct ManifestPlace<'a> {
    ty: &'static Type,
    rules: &'static Rules,
    node: Node<'a>,
}

impl<'a> ManifestPlace<'a> {
    fn of(kind: Kind, declared: Node<'a>, live: &Value, place: &[PointerToken]) -> Option<Self> {
        let (PointerToken::Key(key), rest) = place.split_first()? else {
            return None;
        };
        let field = Self::field(types::root(kind).get(), declared, key)?;
        field.below(live.get(key), rest)
    }

    fn field(owner: &'static Struct, declared: Node<'a>, key: &str) -> Option<Self> {
        let field = owner.field(key)?;
        let node = declared.get(key).filter(|node| !node.is_null())?;
        Some(Self {
            ty: &field.ty,
            rules: &field.rules,
            node,
        })
    }

    fn below(self, live: Option<&Value>, place: &[PointerToken]) -> Option<Self> {
        let Some((token, rest)) = place.split_first() else {
            return Some(self);
        };
        let (below, live) = match (token, self.ty) {
            (PointerToken::Key(key), Type::Struct(ty)) => (
                Self::field(ty.get(), self.node, key)?,
                live.and_then(|live| live.get(key)),
            ),
            (PointerToken::Key(key), Type::Map { value, .. }) => (
                Self {
                    ty: value,
                    rules: self.rules,
                    node: self.node.get(key)?,
                },
                live.and_then(|live| live.get(key)),
            ),
            (PointerToken::Index(index), Type::List { item, .. }) => {
                let items = live?.as_array()?;
                let pairs = self.partners(|_, keys| Identities::of_live(keys, items))?;
                let partner = (*pairs.of_second.get(*index)?)?;
                (
                    Self {
                        ty: item,
                        rules: self.rules,
                        node: self.node.items().nth(partner)?,
                    },
                    items.get(*index),
                )
            }
            _ => return None,
        };
        below.below(live, rest)
    }

    /// Which of its items are which of another list. `None` where items have no keys.
    fn partners<'b>(
        &self,
        others: impl FnOnce(&'static Struct, &[&str]) -> Identities<'b>,
    ) -> Option<Matching> {
        let Type::List {
            item,
            kind: ListKind::Keyed(keys),
        } = self.ty
        else {
            return None;
        };
        let Type::Struct(ty) = &**item else {
            return None;
        };
        let fields = ty.get();
        let items: Vec<Node<'_>> = self.node.items().collect();
        let own = Identities::of_declared(fields, keys, &items);
        let in_order = MATCHED_IN_ORDER.contains(&fields.name);
        let others = others(fields, keys);
        Some(Matching::of(&own, &others, self.rules.last_wins, in_order))
    }
}
