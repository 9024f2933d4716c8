//! The most similar of some names, for error messages.

/// The candidate with the fewest edits from `given`, letter case aside; the first of equals. `None` only without candidates.
pub(crate) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given: Vec<char> = given.to_lowercase().chars().collect();
    candidates.into_iter().min_by_key(|candidate| {
        edits(
            &given,
            &candidate.to_lowercase().chars().collect::<Vec<_>>(),
        )
    })
}

/// Levenshtein distance: insertions, deletions and substitutions, one row of the table at a time.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cb, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let here = (diagonal + usize::from(ca != cb))
                .min(left + 1)
                .min(*above + 1);
            diagonal = std::mem::replace(above, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_with_the_fewest_edits_is_nearest() {
        for (given, expected) in [
            ("phon", "phone"),
            ("PHONES", "phone"),
            ("ammount", "amount"),
            ("tz", "id"),
            ("zon", "zone"),
        ] {
            assert_eq!(
                nearest(given, ["id", "phone", "amount", "zone"]),
                Some(expected),
                "{given}"
            );
        }
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn edits_are_counted_both_ways() {
        let chars = |s: &str| s.chars().collect::<Vec<_>>();
        for (a, b, n) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("телефон", "телефоны", 1),
        ] {
            assert_eq!(edits(&chars(a), &chars(b)), n, "{a} {b}");
        }
    }
}
