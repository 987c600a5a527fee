//! Splits a page of a list into items while it arrives, so that only the current item is in memory.

use serde::Deserialize;

use crate::schema::Kind;
use crate::yaml::plain_length;

/// The metadata of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ListHead {
    /// The continue token for the next page; `None` on the last one.
    pub(super) token: Option<String>,
    /// The number of items after this page, if the server reports it.
    pub(super) remaining: Option<usize>,
}

/// The current place in the text of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PagePosition {
    /// Outside the items.
    Frame,
    /// Between two items.
    Between,
    /// In an item.
    Item,
}

/// Extracts the items from the text of a list that arrives in pieces.
///
/// It only looks at brackets and strings. Decoding the items and the frame shows whether the text is JSON.
pub(super) struct Cutter {
    place: PagePosition,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The text of the list without its items.
    frame: Vec<u8>,
    /// The beginning of the current item, if it spans several pieces.
    item: Vec<u8>,
}

impl Cutter {
    pub(super) fn new() -> Self {
        Self {
            place: PagePosition::Frame,
            depth: 0,
            in_string: false,
            escaped: false,
            frame: Vec::new(),
            item: Vec::new(),
        }
    }

    /// Takes the next piece of text, and calls `each` with each item that it completes, up to the first error.
    pub(super) fn push<E>(
        &mut self,
        piece: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        // The start of the text that has been scanned but not stored.
        let mut start = 0;
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            if self.in_string {
                at += self.pass_string(&piece[at..]);
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    match self.place {
                        PagePosition::Frame if byte == b'[' && self.depth == 2 => {
                            self.frame.extend_from_slice(&piece[start..at]);
                            start = at;
                            if self.is_before_items() {
                                self.frame.push(b'[');
                                self.place = PagePosition::Between;
                            }
                        }
                        PagePosition::Between => {
                            self.place = PagePosition::Item;
                            start = at;
                        }
                        _ => {}
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.place == PagePosition::Item && self.depth == 2 {
                        self.place = PagePosition::Between;
                        self.finish_item(&piece[start..=at], &mut each)?;
                    } else if self.place == PagePosition::Between {
                        self.place = PagePosition::Frame;
                        start = at;
                    }
                }
                _ => {}
            }
            at += 1;
        }
        match self.place {
            PagePosition::Frame => self.frame.extend_from_slice(&piece[start..]),
            PagePosition::Item => self.item.extend_from_slice(&piece[start..]),
            PagePosition::Between => {}
        }
        Ok(())
    }

    /// The number of bytes in memory: of the current item, and of the list without its items.
    pub(super) fn held(&self) -> usize {
        self.frame.len() + self.item.len()
    }

    /// Skips the rest of a string, as far as it has arrived. Returns its length.
    fn pass_string(&mut self, rest: &[u8]) -> usize {
        let mut from = usize::from(std::mem::take(&mut self.escaped));
        while from < rest.len() {
            from += plain_length(&rest[from..]);
            match rest.get(from) {
                Some(b'"') => {
                    self.in_string = false;
                    return from + 1;
                }
                // The next byte belongs to the escape.
                Some(b'\\') => from += 2,
                // A control character, which the decoder refuses.
                Some(_) => from += 1,
                None => {}
            }
        }
        self.escaped = from > rest.len();
        rest.len()
    }

    fn finish_item<E>(
        &mut self,
        end: &[u8],
        each: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.item.is_empty() {
            return each(end);
        }
        self.item.extend_from_slice(end);
        let result = each(&self.item);
        self.item.clear();
        result
    }

    fn is_before_items(&self) -> bool {
        let before = self.frame.trim_ascii_end();
        before
            .strip_suffix(b":")
            .is_some_and(|key| key.trim_ascii_end().ends_with(b"\"items\""))
    }

    /// The metadata of the page; `None` if the text is not, or not yet, a list of this kind.
    pub(super) fn head(&self, kind: Kind) -> Option<ListHead> {
        if self.place == PagePosition::Frame {
            return head(&self.frame, kind);
        }
        // Servers write the items last, so that the head is known as soon as they begin.
        head(&[&self.frame, b"]}".as_slice()].concat(), kind)
    }

    /// Whether the text is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.place == PagePosition::Frame && self.depth == 0 && !self.in_string
    }

    /// The text without the items.
    pub(super) fn frame(&self) -> &[u8] {
        &self.frame
    }
}

fn head(frame: &[u8], kind: Kind) -> Option<ListHead> {
    #[derive(Deserialize)]
    struct List {
        kind: String,
        metadata: ListMetadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ListMetadata {
        #[serde(default)]
        r#continue: String,
        remaining_item_count: Option<usize>,
    }
    let list: List = serde_json::from_slice(frame).ok()?;
    let is_this = list.kind.strip_suffix("List") == Some(kind.name());
    let token = Some(list.metadata.r#continue).filter(|token| !token.is_empty());
    is_this.then_some(ListHead {
        token,
        remaining: list.metadata.remaining_item_count,
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn cut(pieces: &[&[u8]]) -> (Vec<String>, Cutter) {
        let mut cutter = Cutter::new();
        let mut items = Vec::new();
        for piece in pieces {
            let result = cutter.push(piece, |item| {
                items.push(String::from_utf8_lossy(item).into_owned());
                Ok::<_, Infallible>(())
            });
            let Ok(()) = result;
        }
        (items, cutter)
    }

    const LIST: &str = r#"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"continue":"abc","remainingItemCount":7,
        "odd":["items",[1]]} ,"items" : [ {"a":"]}\"\\","items":[{"b":{}}]} ,
        {"c":"\\\"","d":[[],{}]},{}], "more":[[1]],"text":"\"items\":["} "#;

    #[test]
    fn items_come_out_whole_wherever_the_text_is_cut() {
        let wanted = [
            r#"{"a":"]}\"\\","items":[{"b":{}}]}"#,
            r#"{"c":"\\\"","d":[[],{}]}"#,
            "{}",
        ];
        let head = ListHead {
            token: Some("abc".into()),
            remaining: Some(7),
        };
        for at in 0..=LIST.len() {
            let (items, cutter) = cut(&[&LIST.as_bytes()[..at], &LIST.as_bytes()[at..]]);
            assert_eq!(items, wanted);
            assert!(cutter.is_complete());
            assert_eq!(cutter.head(Kind::ConfigMap).as_ref(), Some(&head));
            assert_eq!(cutter.head(Kind::Service), None);
        }
        let bytes: Vec<_> = LIST.as_bytes().chunks(1).collect();
        assert_eq!(cut(&bytes).0, wanted);
    }

    #[test]
    fn the_head_is_known_when_the_items_begin() {
        let text = br#"{"kind":"ServiceList","metadata":{"continue":""},"items":[{"a":1},{"#;
        let (items, cutter) = cut(&[text]);
        assert_eq!(
            (items.len(), cutter.head(Kind::Service)),
            (1, Some(ListHead::default()))
        );
        assert!(!cutter.is_complete());
        assert_eq!(
            cut(&[br#"{"kind":"ServiceList","metadata":{"#])
                .1
                .head(Kind::Service),
            None
        );
    }

    #[test]
    fn an_empty_list_is_a_list_and_other_answers_are_not() {
        for text in [
            r#"{"kind":"ServiceList","metadata":{},"items":[]}"#,
            r#"{"kind":"ServiceList","metadata":{},"items":null}"#,
        ] {
            let (items, cutter) = cut(&[text.as_bytes()]);
            assert!(items.is_empty() && cutter.is_complete());
            assert_eq!(cutter.head(Kind::Service), Some(ListHead::default()));
        }
        for text in [
            "<html>{}</html>",
            "[]",
            "{\"items\":[]}",
            "",
            "\"a",
            "{\"kind\":\"ServiceList\"}",
            "}}}]]",
        ] {
            assert_eq!(
                cut(&[text.as_bytes()]).1.head(Kind::Service),
                None,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_in_any_pieces_gives_the_same(text in r#"[\[\]{}":,\\ a]{0,60}"#, size in 1_usize..7) {
            let whole = cut(&[text.as_bytes()]).0;
            let pieces: Vec<_> = text.as_bytes().chunks(size).collect();
            prop_assert_eq!(cut(&pieces).0, whole);
        }
    }
}
