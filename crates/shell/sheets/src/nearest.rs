//! The most similar of some names, for error messages.

/// The candidate with the fewest edits from `given`, letter case aside; the first of equals. Two neighbours swapped
/// are one edit. `None` only without candidates.
pub(crate) fn nearest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    candidates
        .into_iter()
        .min_by_key(|candidate| strsim::damerau_levenshtein(&given, &candidate.to_lowercase()))
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
}
