//! The user's own table of number ranges, for mobiles whose prefix says nothing about the place.

use std::collections::BTreeMap;

use model::{E164, ZoneSet};

/// Numbers of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRange {
    /// The first number, as digits of E.164.
    pub first: u64,
    /// The last number, included. Before `first`: the range holds nothing.
    pub last: u64,
    /// Where its people may be.
    pub zones: ZoneSet,
}

impl NumberRange {
    /// All numbers that begin with these digits, one range for each length of numbers up to the 15 digits of E.164.
    pub fn of_prefix(prefix: u64, zones: &ZoneSet) -> Vec<Self> {
        let lengths = std::iter::successors(Some(1_u64), |shift| shift.checked_mul(10));
        lengths
            .map_while(|shift| {
                let first = prefix.checked_mul(shift).filter(|n| *n <= MOST_DIGITS)?;
                let zones = zones.clone();
                let last = first + (shift - 1);
                Some(Self { first, last, zones })
            })
            .collect()
    }
}

/// Zones by number. Where ranges overlap, the narrowest holds; of equally wide ones the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberRanges {
    /// From this number on, up to the next key, these zones; nothing is known where there are none.
    from: BTreeMap<u64, Option<ZoneSet>>,
}

/// The largest number of E.164: 15 digits (section 6.2.1).
const MOST_DIGITS: u64 = 999_999_999_999_999;

impl NumberRanges {
    /// Of these ranges, in any order.
    pub fn new(mut ranges: Vec<NumberRange>) -> Self {
        ranges.retain(|r| r.first <= r.last);
        // The narrow ones are laid over the wide ones.
        ranges.sort_by_key(|r| std::cmp::Reverse(r.last - r.first));
        let mut all = Self::default();
        for range in ranges {
            all.lay_over(range);
        }
        all
    }

    fn lay_over(&mut self, range: NumberRange) {
        let behind = range.last.saturating_add(1);
        let (_, goes_on) = self.at(behind);
        let goes_on = goes_on.cloned();
        let covered: Vec<u64> = self
            .from
            .range(range.first..behind)
            .map(|(n, _)| *n)
            .collect();
        for first in covered {
            self.from.remove(&first);
        }
        self.from.insert(range.first, Some(range.zones));
        self.from.entry(behind).or_insert(goes_on);
    }

    fn at(&self, digits: u64) -> (u64, Option<&ZoneSet>) {
        self.from
            .range(..=digits)
            .next_back()
            .map_or((0, None), |(first, zones)| (*first, zones.as_ref()))
    }

    /// Whether nothing is known of any number.
    pub fn is_empty(&self) -> bool {
        self.from.is_empty()
    }

    /// What the narrowest range that holds the number says.
    pub fn zones(&self, number: E164) -> Option<&ZoneSet> {
        self.at(number.digits()).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(name: &str) -> ZoneSet {
        ZoneSet::from_names([name]).unwrap()
    }

    fn range(first: u64, last: u64, zone: &str) -> NumberRange {
        NumberRange {
            first,
            last,
            zones: zones(zone),
        }
    }

    #[test]
    fn the_narrowest_range_holds() {
        let mut all = vec![
            range(79_140_000_000, 79_140_000_099, "Asia/Yakutsk"),
            range(79_140_000_000, 79_149_999_999, "Asia/Vladivostok"),
            range(79_150_000_099, 79_150_000_000, "Asia/Omsk"),
        ];
        all.extend(NumberRange::of_prefix(79, &zones("Europe/Moscow")));
        let ranges = NumberRanges::new(all);
        for (number, zone) in [
            (79_140_000_050, Some("Asia/Yakutsk")),
            (79_140_000_100, Some("Asia/Vladivostok")),
            (79_149_999_999, Some("Asia/Vladivostok")),
            (79_150_000_000, Some("Europe/Moscow")),
            (79_139_999_999, Some("Europe/Moscow")),
            (79_999_999_999, Some("Europe/Moscow")),
            (78_999_999_999, None),
            (7_900_000, Some("Europe/Moscow")),
            (80_000_000_000, None),
        ] {
            let found = ranges.zones(E164::from_digits(number).unwrap());
            assert_eq!(found, zone.map(zones).as_ref(), "{number}");
        }
    }

    #[test]
    fn a_table_of_nothing_says_nothing() {
        let ranges = NumberRanges::new(vec![range(2_000_000, 1_000_000, "Asia/Omsk")]);
        assert!(ranges.is_empty());
        assert_eq!(ranges.zones(E164::from_digits(1_500_000).unwrap()), None);
    }
}
