//! Why a difference cannot be kept in Git.

use std::fmt;

/// Why a patch leaves a difference out. It prints as people read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// It is declared nowhere and not live: only the server could bring it.
    Absent,
    /// Its value and what tells where it is do not agree.
    NoPlace,
    /// Items are in another order, and some are only declared.
    NotAllLive,
    /// Another difference is about the same part of the text.
    SharedLines,
    /// A map or list that stands there in another notation.
    Notation,
    /// An anchor or a tag, which would go with the value.
    Properties,
    /// A key that `<<` gives cannot be taken out.
    Merged,
    /// A key that is taken out would take the value that it overrides.
    KeyTwice,
    /// Items move, and the first shares its line with the dash of an outer list.
    BehindDash,
    /// Items of a list in brackets move, and come or go too.
    MovedAndChanged,
    /// Items move, and what changes in them is elsewhere.
    Immovable,
    /// What nobody asked for would change: a value that an alias shares, for example.
    SomethingElse,
    /// The file would have more errors or warnings than it has.
    Problem,
    /// This path would differ with it, and does not now.
    Differs(String),
    /// The value would not come out as it is live.
    NotLive,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "a manifest cannot say that it is absent",
            Self::NoPlace => "its place in the file is not known",
            Self::NotAllLive => "its items are in another order, and not all of them are live",
            Self::SharedLines => "its lines are changed by something else too",
            Self::Notation => "it is written in a notation that cannot be changed",
            Self::Properties => "an anchor or a tag stands there",
            Self::Merged => "it comes from a `<<`",
            Self::KeyTwice => "its key is there twice",
            Self::BehindDash => "its list begins behind a dash",
            Self::MovedAndChanged => "its items change and are in another order",
            Self::Immovable => "its items cannot be moved",
            Self::SomethingElse => "something else would change too",
            Self::Problem => "the file would have an error",
            Self::Differs(path) => return write!(f, "{path} would differ then"),
            Self::NotLive => "the file would not declare what is live",
        })
    }
}
