//! Does it add up? The daemon's rows, read over its API, against what the carrier has seen on the wire.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use testkit::Call;

/// An attempt as the daemon tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Its key.
    pub attempt: String,
    /// The campaign's key.
    pub campaign: i32,
    /// The prospect's key; none stands in two lists.
    pub prospect: i64,
    /// E.164.
    pub number: String,
    /// SIP legs that the carrier let in.
    pub legs: u64,
    /// From its INVITE to its end, in microseconds of the daemon's calendar. Absent: none was sent.
    pub live: Option<(i64, i64)>,
    /// Whether somebody or something answered.
    pub answered: bool,
    /// Whether an agent was joined.
    pub bridged: bool,
    /// Whether a message was played.
    pub message: bool,
    /// The class in the abandon ledger; empty: none.
    pub ledger: String,
    /// The call result; empty: none.
    pub result: String,
}

/// A call as the carrier saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// E.164.
    pub number: String,
    /// Its INVITE, since any common beginning.
    pub from: Duration,
    /// Its end. Absent: it goes on.
    pub to: Option<Duration>,
    /// Whether somebody or something answered.
    pub answered: bool,
}

/// The calls of a carrier's log.
pub fn seen(calls: &[Call]) -> Vec<Seen> {
    let Some(begin) = calls.iter().map(|call| call.invited_at).min() else {
        return Vec::new();
    };
    let seen = |call: &Call| Seen {
        // What is no number was dialled all the same.
        number: call
            .number
            .map_or_else(|| call.dialled.clone(), |n| n.to_string()),
        from: call.invited_at - begin,
        to: call.ended_at.map(|at| at - begin),
        answered: call.is_answered(),
    };
    calls.iter().map(seen).collect()
}

/// Sums of one campaign, as the daemon reports them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Its name.
    pub name: String,
    /// Attempts.
    pub attempts: u64,
    /// Answered.
    pub answered: u64,
    /// Joined to an agent.
    pub connected: u64,
    /// Messages heard to their threshold.
    pub delivered: u64,
    /// Left alone.
    pub abandoned: u64,
    /// Attempts by call result.
    pub results: BTreeMap<String, u64>,
    /// What the daemon itself cannot account for.
    pub unaccounted: u64,
}

/// What came of comparing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Recounted from the rows.
    pub total: Sums,
    /// Prospects with attempts at two numbers or more.
    pub second_numbers: u64,
    /// Calls to a number that was in a call already, and prospects in two calls at once.
    pub double_dials: u64,
    /// Attempts, answers and calls that have no counterpart.
    pub unaccounted: u64,
    /// Everything that does not add up, in words. Empty: it does.
    pub problems: Vec<String>,
}

/// Most problems of one kind that are told.
const TOLD: usize = 5;

/// Compares rows, calls, and the sums that the daemon reports, by campaign.
pub fn balance(rows: &[Row], seen: &[Seen], reported: &BTreeMap<i32, Sums>) -> Books {
    let mut books = Books {
        total: sums(rows.iter()),
        second_numbers: second_numbers(rows),
        ..Books::default()
    };
    books.results(rows);
    books.answers(rows);
    books.wire(rows, seen);
    books.doubles(rows, seen);
    books.reports(rows, reported);
    books
}

fn sums<'a>(rows: impl Iterator<Item = &'a Row>) -> Sums {
    let mut sums = Sums::default();
    for row in rows {
        sums.attempts += 1;
        sums.answered += u64::from(row.answered);
        sums.connected += u64::from(row.bridged);
        sums.delivered += u64::from(row.result == "message_delivered");
        sums.abandoned += u64::from(row.ledger == "A" || row.ledger == "L");
        if !row.result.is_empty() {
            *sums.results.entry(row.result.clone()).or_default() += 1;
        }
    }
    sums
}

fn second_numbers(rows: &[Row]) -> u64 {
    let mut numbers: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
    // A number that was not dialled was not tried.
    for row in rows.iter().filter(|row| row.legs > 0) {
        numbers.entry(row.prospect).or_default().insert(&row.number);
    }
    numbers.values().filter(|n| n.len() > 1).count() as u64
}

impl Books {
    fn problem(&mut self, count: usize, what: &str, which: impl Iterator<Item = String>) {
        if count > 0 {
            let which: Vec<String> = which.take(TOLD).collect();
            let more = if count > which.len() { ", …" } else { "" };
            self.problems
                .push(format!("{count} {what}: {}{more}", which.join(", ")));
        }
    }

    /// Every attempt has one result.
    fn results(&mut self, rows: &[Row]) {
        let open: Vec<&Row> = rows.iter().filter(|row| row.result.is_empty()).collect();
        self.unaccounted += open.len() as u64;
        let which = open.iter().map(|row| row.attempt.clone());
        self.problem(open.len(), "attempts have no result", which);
        let mut keys = BTreeSet::new();
        let twice: Vec<&Row> = rows
            .iter()
            .filter(|row| !keys.insert((row.campaign, &row.attempt)))
            .collect();
        self.unaccounted += twice.len() as u64;
        let which = twice.iter().map(|row| row.attempt.clone());
        self.problem(twice.len(), "attempts are told of twice", which);
    }

    /// Every answered call has an agent, a message, or a line in the abandon ledger; and only an answered
    /// one has.
    fn answers(&mut self, rows: &[Row]) {
        let placed = |row: &Row| row.bridged || row.message || !row.ledger.is_empty();
        let lost: Vec<&Row> = rows
            .iter()
            .filter(|row| row.answered && !row.result.is_empty() && !placed(row))
            .collect();
        self.unaccounted += lost.len() as u64;
        let which = lost.iter().map(|row| row.attempt.clone());
        let what = "answered calls have no agent, no message and no line in the ledger";
        self.problem(lost.len(), what, which);
        let invented: Vec<&Row> = rows.iter().filter(|r| !r.answered && placed(r)).collect();
        self.unaccounted += invented.len() as u64;
        let which = invented.iter().map(|row| row.attempt.clone());
        let what = "calls that nobody answered have an agent, a message or a line in the ledger";
        self.problem(invented.len(), what, which);
    }

    /// Each number has as many legs as the carrier saw INVITEs, and as many answers.
    fn wire(&mut self, rows: &[Row], seen: &[Seen]) {
        let mut of_number: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
        for row in rows {
            let [legs, _, answers, _] = of_number.entry(&row.number).or_default();
            *legs += row.legs;
            *answers += u64::from(row.answered);
        }
        for call in seen {
            let [_, invites, _, answers] = of_number.entry(&call.number).or_default();
            *invites += 1;
            *answers += u64::from(call.answered);
        }
        let mut differ = Vec::new();
        for (number, [legs, invites, recorded, answers]) in of_number {
            if (legs, recorded) == (invites, answers) {
                continue;
            }
            self.unaccounted += legs.abs_diff(invites) + recorded.abs_diff(answers);
            differ.push(format!(
                "{number} ({legs} legs, {invites} INVITEs, {recorded} answers recorded, {answers} seen)"
            ));
        }
        let what = "numbers differ between the daemon's rows and the carrier's log";
        self.problem(differ.len(), what, differ.into_iter());
    }

    /// No number and no prospect is in two calls at once.
    fn doubles(&mut self, rows: &[Row], seen: &[Seen]) {
        let calls = seen.iter().map(|call| {
            let to = call.to.unwrap_or(Duration::MAX);
            (call.number.as_str(), call.from, to)
        });
        let numbers = overlaps(calls);
        let attempts = rows.iter().filter_map(|row| {
            let (from, to) = row.live?;
            Some((row.prospect, from, to))
        });
        let prospects = overlaps(attempts);
        self.double_dials += (numbers.len() + prospects.len()) as u64;
        let which = numbers.iter().map(|number| (*number).to_owned());
        self.problem(numbers.len(), "calls to numbers that were in a call", which);
        let which = prospects.iter().map(i64::to_string);
        self.problem(
            prospects.len(),
            "calls to prospects who were in a call",
            which,
        );
    }

    /// What the daemon reports is what its rows say.
    fn reports(&mut self, rows: &[Row], reported: &BTreeMap<i32, Sums>) {
        for (campaign, sums_told) in reported {
            let counted = Sums {
                name: sums_told.name.clone(),
                ..sums(rows.iter().filter(|row| row.campaign == *campaign))
            };
            if sums_told.unaccounted > 0 {
                self.unaccounted += sums_told.unaccounted;
                self.problems.push(format!(
                    "{}: the daemon itself reports {} answered calls that ended nowhere",
                    sums_told.name, sums_told.unaccounted
                ));
            }
            let told = Sums {
                unaccounted: 0,
                ..sums_told.clone()
            };
            if told != counted {
                self.unaccounted += 1;
                self.problems.push(format!(
                    "{}: the report says {told:?}, its attempts say {counted:?}",
                    sums_told.name
                ));
            }
        }
    }
}

/// Keys of those that begin before an earlier one with the same key is over.
fn overlaps<K: Copy + Ord, T: Copy + Ord>(spans: impl Iterator<Item = (K, T, T)>) -> Vec<K> {
    let mut spans: Vec<(K, T, T)> = spans.collect();
    spans.sort();
    let mut found = Vec::new();
    let mut last: Option<(K, T)> = None;
    for (key, from, to) in spans {
        let mut until = to;
        if let Some((before, busy)) = last
            && before == key
        {
            if from < busy {
                found.push(key);
            }
            until = busy.max(to);
        }
        last = Some((key, until));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: i64, result: &str) -> Row {
        Row {
            attempt: format!("a{n}"),
            campaign: 1,
            prospect: n,
            number: format!("+7900555{n:04}"),
            legs: 1,
            live: Some((n * 100, n * 100 + 50)),
            result: result.to_owned(),
            ..Row::default()
        }
    }

    fn talked(n: i64) -> Row {
        Row {
            answered: true,
            bridged: true,
            ledger: "C".to_owned(),
            ..row(n, "connected_agent")
        }
    }

    fn seen(row: &Row) -> Seen {
        let (from, to) = row.live.unwrap();
        let at = |micros: i64| Duration::from_micros(micros.unsigned_abs());
        Seen {
            number: row.number.clone(),
            from: at(from),
            to: Some(at(to)),
            answered: row.answered,
        }
    }

    /// Rows of every kind, the calls of them, and the sums reported.
    fn sound() -> (Vec<Row>, Vec<Seen>, BTreeMap<i32, Sums>) {
        let told = Row {
            answered: true,
            message: true,
            ..row(3, "message_delivered")
        };
        let alone = Row {
            answered: true,
            ledger: "A".to_owned(),
            ..row(4, "abandoned_no_agent")
        };
        let second = Row {
            prospect: 1,
            ..row(5, "busy")
        };
        let skipped = Row {
            legs: 0,
            live: None,
            ..row(6, "preview_skipped")
        };
        let rows = vec![row(1, "busy"), talked(2), told, alone, second, skipped];
        let calls = rows.iter().filter(|r| r.live.is_some()).map(seen).collect();
        let results = [
            ("busy", 2),
            ("connected_agent", 1),
            ("message_delivered", 1),
            ("abandoned_no_agent", 1),
            ("preview_skipped", 1),
        ];
        let sums = Sums {
            name: "sales".to_owned(),
            attempts: 6,
            answered: 3,
            connected: 1,
            delivered: 1,
            abandoned: 1,
            results: results.map(|(r, n)| (r.to_owned(), n)).into(),
            unaccounted: 0,
        };
        (rows, calls, BTreeMap::from([(1, sums)]))
    }

    #[test]
    fn sound_books_add_up() {
        let (rows, calls, reported) = sound();
        let books = balance(&rows, &calls, &reported);
        assert_eq!(books.problems, Vec::<String>::new());
        assert_eq!((books.double_dials, books.unaccounted), (0, 0));
        assert_eq!(books.second_numbers, 1);
        assert_eq!(books.total.results, reported[&1].results);
    }

    type Spoil = fn(&mut Vec<Row>, &mut Vec<Seen>, &mut BTreeMap<i32, Sums>);

    #[test]
    fn books_that_do_not_add_up_are_found_out_and_say_where() {
        let spoilt: [(&str, Spoil); 9] = [
            ("no result: a1", |rows, _, _| rows[0].result.clear()),
            ("told of twice: a2", |rows, _, _| rows.push(talked(2))),
            ("no line in the ledger: a2", |rows, _, _| {
                rows[1].bridged = false;
                rows[1].ledger.clear();
            }),
            ("nobody answered have an agent", |rows, calls, _| {
                rows[1].answered = false;
                calls[1].answered = false;
            }),
            ("+79005550001 (1 legs, 0 INVITEs", |_, calls, _| {
                calls.remove(0);
            }),
            (
                "+79005550004 (1 legs, 1 INVITEs, 1 answers recorded, 0 seen)",
                |_, calls, _| {
                    calls[3].answered = false;
                },
            ),
            ("+79009999999 (0 legs, 1 INVITEs", |_, calls, _| {
                calls[0].number = "+79009999999".to_owned();
            }),
            ("the report says", |_, _, reported| {
                reported.get_mut(&1).unwrap().abandoned = 0;
            }),
            ("the daemon itself reports 2", |_, _, reported| {
                reported.get_mut(&1).unwrap().unaccounted = 2;
            }),
        ];
        for (says, spoil) in spoilt {
            let (mut rows, mut calls, mut reported) = sound();
            spoil(&mut rows, &mut calls, &mut reported);
            let books = balance(&rows, &calls, &reported);
            let told = books.problems.join("; ");
            assert!(told.contains(says), "{says}: {told}");
            assert!(books.unaccounted > 0, "{says}");
        }
    }

    #[test]
    fn a_number_or_a_prospect_in_two_calls_at_once_is_a_double_dial() {
        let (rows, mut calls, reported) = sound();
        // Its first call lasts into the second: a long one hides a short one in between.
        let again = |from, to| Seen {
            from: Duration::from_micros(from),
            to,
            ..calls[0].clone()
        };
        let more = [
            again(130, None),
            again(140, Some(Duration::from_micros(145))),
            again(900, None),
        ];
        calls.extend(more);
        let books = balance(&rows, &calls, &reported);
        assert_eq!(books.double_dials, 3);

        let (mut rows, calls, reported) = sound();
        rows[4].live = rows[0].live;
        let books = balance(&rows, &calls, &reported);
        assert_eq!(books.double_dials, 1);
        assert!(books.problems[0].contains("prospects who were in a call: 1"));
    }

    #[test]
    fn many_problems_of_a_kind_are_counted_and_some_are_named() {
        let rows: Vec<Row> = (0..20).map(|n| row(n, "")).collect();
        let calls: Vec<Seen> = rows.iter().map(seen).collect();
        let books = balance(&rows, &calls, &BTreeMap::new());
        assert_eq!(books.unaccounted, 20);
        assert_eq!(
            books.problems,
            ["20 attempts have no result: a0, a1, a2, a3, a4, …"]
        );
    }
}
