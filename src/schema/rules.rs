//! Looks up a field's rows in the handwritten tables.

use super::model::Rules;
use super::rows::{Order, Union};
use super::rule_id::RuleId;
use super::{defaults, gates, lists, ownership, unions, writes};

/// Looks up all rows of `owner.name`.
pub(super) fn of(owner: &'static str, name: &'static str) -> Rules {
    // The name first: hardly a row has it, and this runs for every row and field at each start.
    let at = |row: &str| {
        let owners = row.strip_suffix(name).and_then(|row| row.strip_suffix('.'));
        owners.is_some_and(|row| row == owner || row == "*")
    };
    let id = |table: &'static str, rows: &'static [&'static str]| {
        rows.iter()
            .find(|row| at(row))
            .map(|row| RuleId { table, at: row })
    };
    Rules {
        default: defaults::DEFAULTS.iter().find(|row| at(row.at)),
        follows: defaults::FOLLOWERS.iter().find(|row| at(row.at)),
        owned: id("owned", ownership::OWNED),
        foreign: id("foreign", ownership::FOREIGN),
        allocated: id("allocated", ownership::ALLOCATED),
        carried_over: ownership::CARRIED_OVER.iter().any(|row| at(row)),
        dropped: ownership::DROPPED.iter().find(|row| at(row.at)),
        gate: gates::GATES.iter().find(|row| at(row.at)),
        immutable: writes::IMMUTABLE.iter().find(|row| at(row.at)),
        keys: ownership::KEYS
            .iter()
            .find(|(row, _)| at(row))
            .map_or(&[], |(_, keys)| keys),
        order: lists::ORDERED
            .iter()
            .find(|(row, _)| at(row))
            .map_or(Order::Free, |(_, order)| *order),
        last_wins: lists::LAST_WINS.iter().any(|row| at(row)),
        extended: id("extended", lists::EXTENDED),
        milli: defaults::ROUNDED_TO_MILLI.iter().any(|row| at(row)),
        kept: id("kept", ownership::KEPT),
        consequences: writes::CONSEQUENCES
            .iter()
            .find(|(row, _)| at(row))
            .map_or(&[], |(_, paths)| paths),
    }
}

/// The union that fields of this struct form.
pub(super) fn union_of(owner: &str) -> Option<&'static Union> {
    unions::UNIONS.iter().find(|union| union.of == owner)
}
