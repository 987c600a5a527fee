//! Why a patch leaves a difference out.

use std::fmt;

/// Why a patch leaves a difference out. Its `Display` is the text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Neither side declares it: only the server could add it.
    Absent,
    /// The value and its path do not agree.
    NoPlace,
    /// Items are in another order, and some are only declared.
    NotAllLive,
    /// Another difference changes the same lines.
    SharedLines,
    /// The declared map or list is written in a notation that cannot be edited.
    Notation,
    /// The value has an anchor or a tag, which would be removed with it.
    Properties,
    /// The key comes from `<<` and cannot be removed.
    Merged,
    /// Removing the key would uncover the value that it overrides.
    KeyTwice,
    /// Items move, and the first is on the line of an outer item's dash.
    BehindDash,
    /// Items of a list in brackets move, and others are added or removed.
    MovedAndChanged,
    /// Items move, and their changes are in another part of the file.
    Immovable,
    /// Another value would change too, for example one that an alias shares.
    SomethingElse,
    /// The file would have more errors or warnings than it has.
    Problem,
    /// This path would differ after the change, and does not now.
    Differs(String),
    /// The new text would not declare the live value.
    NotLive,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "a manifest cannot say that it is absent",
            Self::NoPlace => "its place in the file is not known",
            Self::NotAllLive => "its items are in another order, and not all of them are live",
            Self::SharedLines => "another change affects the same lines",
            Self::Notation => "it is written in a notation that cannot be changed",
            Self::Properties => "it has an anchor or a tag",
            Self::Merged => "it comes from a `<<`",
            Self::KeyTwice => "its key is there twice",
            Self::BehindDash => "its list begins on the line of an outer item",
            Self::MovedAndChanged => "its items change and are in another order",
            Self::Immovable => "its items cannot be moved",
            Self::SomethingElse => "something else would change too",
            Self::Problem => "the file would have an error",
            Self::Differs(path) => return write!(f, "{path} would differ after the change"),
            Self::NotLive => "the file would not declare what is live",
        })
    }
}
