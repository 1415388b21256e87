//! Places in lists, in a form that means nothing to anyone else.

use std::fmt::Display;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use shared::id::RunId;
use shared::page::{Cursor, Page, PageQuery};

use super::ApiError;
use crate::store::Place;

/// Which of the things that are about runs are wanted, and from where on.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
pub(super) struct OfRun {
    /// Only those of this run.
    pub(super) run: Option<RunId>,
    after: Option<Cursor>,
    limit: Option<u32>,
}

impl OfRun {
    /// Behind which place the page begins, and how many it holds.
    pub(super) fn page(&self) -> Result<(Option<Place>, u32), ApiError> {
        let page = PageQuery { after: self.after.clone(), limit: self.limit };
        Ok((decode(page.after.as_ref())?, page.limit()))
    }
}

/// The place that a cursor stands for.
pub(super) fn decode<T: FromStr>(cursor: Option<&Cursor>) -> Result<Option<T>, ApiError> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(&cursor.0).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| text.parse().ok()).map(Some).ok_or(ApiError::InvalidCursor)
}

/// A page of the items, of which the caller fetched one more than the page holds.
pub(super) fn page<T, P: Display>(
    mut items: Vec<T>,
    limit: u32,
    place_of: impl Fn(&T) -> P,
) -> Page<T> {
    let limit = limit as usize;
    let is_last = items.len() <= limit;
    items.truncate(limit);
    let next = match items.last() {
        Some(last) if !is_last => Some(Cursor(URL_SAFE_NO_PAD.encode(place_of(last).to_string()))),
        _ => None,
    };
    Page { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_the_last_says_where_the_next_one_starts() {
        let first = page(vec![5, 4, 3], 2, |item| *item);
        assert_eq!(first.items, [5, 4]);
        assert_eq!(decode::<u64>(first.next.as_ref()).unwrap(), Some(4));

        let last = page(vec![3], 2, |item| *item);
        assert_eq!((last.items, last.next), (vec![3], None));
    }

    #[test]
    fn a_cursor_that_was_made_up_is_refused() {
        for text in ["", "!", "bm90IGEgbnVtYmVy"] {
            assert!(decode::<u64>(Some(&Cursor(text.to_owned()))).is_err(), "{text}");
        }
    }
}
