//! Long lists in pieces, by key: stable while rows come and go.

/// Which piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows with a key above this; 0 for the first piece.
    pub after: i64,
    /// At most so many rows, 1 to 1,000; others are clipped into that.
    pub size: u32,
}

/// One piece of a long list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// In order of the key; may be empty.
    pub items: Vec<T>,
    /// `after` of the next piece; `None` when this is the last.
    pub next: Option<i64>,
}

impl PageRequest {
    /// The largest piece.
    pub const MAX_SIZE: u32 = 1_000;

    /// The first piece, of the largest size.
    pub const FIRST: Self = Self {
        after: 0,
        size: Self::MAX_SIZE,
    };

    /// One more than asked for: whether it comes says whether there is a next piece.
    pub(crate) fn limit(self) -> i64 {
        i64::from(self.rows()) + 1
    }

    fn rows(self) -> u32 {
        self.size.clamp(1, Self::MAX_SIZE)
    }

    /// From at most [`PageRequest::limit`] rows.
    pub(crate) fn page<T>(self, mut items: Vec<T>, key: impl Fn(&T) -> i64) -> Page<T> {
        let rows = self.rows() as usize;
        let more = items.len() > rows;
        items.truncate(rows);
        let next = if more { items.last().map(key) } else { None };
        Page { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_names_the_next_one_only_when_there_is_one() {
        let two = PageRequest { after: 0, size: 2 };
        assert_eq!(
            two.page(vec![1, 2, 3], |n| *n),
            Page {
                items: vec![1, 2],
                next: Some(2)
            }
        );
        assert_eq!(
            two.page(vec![1, 2], |n| *n),
            Page {
                items: vec![1, 2],
                next: None
            }
        );
        assert_eq!(
            two.page(Vec::<i64>::new(), |n| *n),
            Page {
                items: vec![],
                next: None
            }
        );
    }
}
