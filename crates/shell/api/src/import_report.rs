//! What came of an import, in counts and in words: who may be called when, and what to do about the rest.

use std::collections::HashMap;
use std::time::Duration;

use compliance::Rules;
use model::WallTime;
use proto::supervisor::v1 as pb;
use store::Imported;

use crate::convert::count;
use crate::import::Walked;
use crate::services::count_zone;
use crate::{Error, FieldProblem};

/// More rejected rows than one in so many are a mistake of the file rather than of its rows.
const REJECTS_ONE_IN: u64 = 10;
/// A person who may be called for less than this a day is hard to reach.
const NARROW: Duration = Duration::from_secs(4 * 3_600);

/// What a report is made from.
pub(crate) struct Parts {
    pub(crate) walked: Walked,
    /// Absent for a dry run.
    pub(crate) kept: Option<Imported>,
    pub(crate) mapping: HashMap<String, String>,
    pub(crate) assumed: Option<String>,
}

/// The refusal of a file of which more than a tenth cannot be used.
pub(crate) fn too_many_rejects(walked: &Walked) -> Option<Error> {
    let (rows, rejected) = (walked.summary.rows, walked.summary.rejected);
    if rejected.saturating_mul(REJECTS_ONE_IN) <= rows {
        return None;
    }
    let reasons: Vec<String> = walked
        .rejected
        .iter()
        .map(|(reason, n)| format!("{reason} {n}"))
        .collect();
    let text = format!(
        "{rejected} of {rows} rows cannot be used ({}), so nothing was imported; accept that, or mend the file",
        reasons.join(", ")
    );
    let mut problems = vec![FieldProblem::new("", "too_many_rejects", text)];
    let causes = walked.causes.iter();
    problems.extend(causes.map(|c| FieldProblem::new("", c.kind.as_str(), c.to_string())));
    Some(Error::NotReady {
        subject: "the file".to_owned(),
        problems,
    })
}

/// The answer to an import.
pub(crate) fn report(parts: Parts, rules: &Rules, now: WallTime) -> pb::ImportListResponse {
    let Parts {
        walked,
        kept,
        mapping,
        assumed,
    } = parts;
    let mut prospects = pb::CallableCounts::default();
    let mut narrow = 0;
    for (zones, n) in walked.zones.values() {
        count_zone(&mut prospects, rules, zones, now, *n);
        if rules.longest_open_day(zones, now) < NARROW {
            narrow += *n;
        }
    }
    let remedies = remedies(narrow, assumed.is_some());
    let summary = walked.summary;
    // What the list held before is a duplicate that only the database knows.
    let (accepted, duplicates) = match &kept {
        Some(imported) => (
            imported.accepted,
            summary
                .rows
                .saturating_sub(imported.accepted)
                .saturating_sub(summary.rejected),
        ),
        None => (summary.accepted, summary.duplicates),
    };
    pb::ImportListResponse {
        list_id: kept.as_ref().map(|k| k.list.0).unwrap_or_default(),
        import_id: kept.as_ref().map(|k| k.id).unwrap_or_default(),
        rows: count(summary.rows),
        accepted: count(accepted),
        duplicates: count(duplicates),
        rejected: walked
            .rejected
            .into_iter()
            .map(|(reason, n)| (reason, count(n)))
            .collect(),
        warnings: summary
            .warnings
            .iter()
            .map(|(kind, n)| ((*kind).to_owned(), count(*n)))
            .collect(),
        mapping,
        prospects: Some(prospects),
        narrow_window: count(narrow),
        remedies,
        causes: walked
            .causes
            .iter()
            .map(|cause| pb::RejectCause {
                kind: cause.kind.as_str().to_owned(),
                share: cause.share,
                description: cause.to_string(),
            })
            .collect(),
        assumed_zone: assumed.unwrap_or_default(),
        assumed: count(walked.assumed),
        placed_by_ranges: count(walked.by_ranges),
    }
}

fn remedies(narrow: u64, assumes: bool) -> Vec<String> {
    if narrow == 0 {
        return Vec::new();
    }
    let mut remedies = vec![
        "a column with the person's zone, region or city in the file (zone, region, city)".to_owned(),
        "your own file of number ranges with their places: prefix,place or from,to,place (--ranges FILE)".to_owned(),
    ];
    if !assumes {
        remedies.push(
            "one zone assumed for all who may be in several, a choice that is recorded with your name \
             (--assume-zone ZONE)"
                .to_owned(),
        );
    }
    remedies
}
