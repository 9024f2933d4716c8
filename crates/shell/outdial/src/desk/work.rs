//! The agent's list: assigned prospects and promises to call, filtered by typing.

use std::cmp::Reverse;

use model::WallTime;
use proto::agent::v1 as pb;

use super::wall;
use crate::terminal::Field;

/// Longest text to filter by.
const FILTER: usize = 100;

/// The list as it was loaded last.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    rows: Vec<Row>,
    /// What rows must contain.
    pub filter: Field,
    /// Place of the chosen row among those shown.
    pub chosen: usize,
    /// Whether it was loaded since it was opened.
    pub is_loaded: bool,
}

/// Somebody to call.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// For which campaign.
    pub campaign: i32,
    /// Its name; empty when it is not known.
    pub campaign_name: String,
    /// Whom.
    pub prospect: i64,
    /// The identifier column.
    pub external_id: String,
    /// The name to show.
    pub name: String,
    /// When.
    pub at: WallTime,
    /// The promise, when it is one; 0: it is not.
    pub callback: i64,
    /// The number promised to be called; 0: any.
    pub phone: i64,
    /// Why the row stands here, or the note.
    pub because: String,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            filter: Field::new(FILTER),
            chosen: 0,
            is_loaded: false,
        }
    }
}

impl Work {
    /// What the server says; the chosen row stays chosen.
    pub fn load(&mut self, items: Vec<pb::WorkItem>, callbacks: Vec<pb::Callback>) {
        let was = self.chosen().map(|row| (row.campaign, row.prospect));
        let mut rows: Vec<Row> = items.into_iter().map(Row::of_item).collect();
        for callback in callbacks {
            let same = rows
                .iter_mut()
                .find(|r| (r.campaign, r.prospect) == (callback.campaign_id, callback.prospect_id));
            match same {
                Some(row) => row.promise(&callback),
                None => rows.push(Row::of_callback(&callback)),
            }
        }
        rows.sort_by_key(|row| (row.at, row.campaign, row.prospect));
        self.rows = rows;
        self.is_loaded = true;
        let again = was.and_then(|was| {
            self.shown()
                .iter()
                .position(|row| (row.campaign, row.prospect) == was)
        });
        self.chosen = again.unwrap_or(self.chosen);
        self.stay();
    }

    /// Rows that contain every word of the filter, what is due first first.
    pub fn shown(&self) -> Vec<&Row> {
        let filter = self.filter.text().to_lowercase();
        let words: Vec<&str> = filter.split_whitespace().collect();
        let holds = |row: &&Row| {
            let text = row.text();
            words.iter().all(|word| text.contains(word))
        };
        self.rows.iter().filter(holds).collect()
    }

    /// How many there are in all.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The row that Enter dials.
    pub fn chosen(&self) -> Option<&Row> {
        self.shown().get(self.chosen).copied()
    }

    /// Chooses a row above or below.
    pub fn go(&mut self, by: isize) {
        self.chosen = self.chosen.saturating_add_signed(by);
        self.stay();
    }

    /// The filter changed: the best match is chosen.
    pub fn filtered(&mut self) {
        self.chosen = 0;
    }

    fn stay(&mut self) {
        self.chosen = self.chosen.min(self.shown().len().saturating_sub(1));
    }
}

impl Row {
    fn of_item(item: pb::WorkItem) -> Self {
        Self {
            campaign: item.campaign_id,
            campaign_name: item.campaign_name,
            prospect: item.prospect_id,
            external_id: item.external_id,
            name: item.name,
            at: item.at.map(wall).unwrap_or_default(),
            callback: 0,
            phone: 0,
            because: item.because,
        }
    }

    /// One whose prospect is not in the list of work.
    pub fn of_callback(callback: &pb::Callback) -> Self {
        let mut row = Self {
            campaign: callback.campaign_id,
            campaign_name: String::new(),
            prospect: callback.prospect_id,
            external_id: String::new(),
            name: callback.name.clone(),
            at: WallTime::default(),
            callback: 0,
            phone: 0,
            because: String::new(),
        };
        row.promise(callback);
        row
    }

    fn promise(&mut self, callback: &pb::Callback) {
        self.at = callback.at.map(wall).unwrap_or_default();
        self.callback = callback.callback_id;
        self.phone = callback.phone_id;
        if !callback.note.is_empty() {
            self.because.clone_from(&callback.note);
        }
    }

    fn text(&self) -> String {
        let parts = [
            &self.name,
            &self.external_id,
            &self.campaign_name,
            &self.because,
        ];
        parts.map(|part| part.to_lowercase()).join(" ")
    }
}

/// Reminders in the order in which to keep them: the longest overdue first.
pub fn due(reminders: &[pb::Callback], now: WallTime) -> Vec<&pb::Callback> {
    let mut due: Vec<&pb::Callback> = reminders.iter().collect();
    let overdue = |c: &pb::Callback| now.since(c.at.map(wall).unwrap_or_default());
    due.sort_by_key(|c| (Reverse(overdue(c)), c.callback_id));
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(prospect_id: i64, name: &str, at: i64, callback: bool) -> pb::WorkItem {
        pb::WorkItem {
            campaign_id: 1,
            campaign_name: "Spring".to_owned(),
            prospect_id,
            external_id: format!("P{prospect_id}"),
            name: name.to_owned(),
            at: Some(prost_types::Timestamp {
                seconds: at,
                nanos: 0,
            }),
            callback,
            because: "assigned".to_owned(),
        }
    }

    fn promise(callback_id: i64, prospect_id: i64, at: i64) -> pb::Callback {
        pb::Callback {
            callback_id,
            campaign_id: 1,
            prospect_id,
            at: Some(prost_types::Timestamp {
                seconds: at,
                nanos: 0,
            }),
            name: "Пётр".to_owned(),
            note: "после обеда".to_owned(),
            ..Default::default()
        }
    }

    fn names(work: &Work) -> Vec<&str> {
        work.shown().iter().map(|r| r.name.as_str()).collect()
    }

    #[test]
    fn a_promise_and_its_work_item_are_one_row_at_the_promised_time() {
        let mut work = Work::default();
        let items = vec![item(1, "Anna", 300, false), item(2, "Пётр", 200, true)];
        work.load(items, vec![promise(7, 2, 900), promise(8, 3, 100)]);
        let rows: Vec<(i64, i64)> = work
            .shown()
            .iter()
            .map(|r| (r.prospect, r.callback))
            .collect();
        assert_eq!(rows, [(3, 8), (1, 0), (2, 7)]);
        assert_eq!(work.shown()[2].because, "после обеда");
    }

    #[test]
    fn typing_filters_by_every_word_in_any_case() {
        let mut work = Work::default();
        let items = vec![
            item(1, "Анна Петрова", 1, false),
            item(2, "Boris Petrov", 2, false),
            item(3, "Анна Сергеева", 3, false),
        ];
        work.load(items, Vec::new());
        work.filter.insert("анна СЕР");
        work.filtered();
        assert_eq!(names(&work), ["Анна Сергеева"]);
        assert_eq!(work.chosen().unwrap().prospect, 3);
        work.filter = Field::with(FILTER, "p2");
        assert_eq!(names(&work), ["Boris Petrov"]);
    }

    #[test]
    fn the_chosen_row_stays_chosen_when_the_list_is_loaded_again() {
        let mut work = Work::default();
        work.load(
            vec![item(1, "a", 1, false), item(2, "b", 2, false)],
            Vec::new(),
        );
        work.go(1);
        work.load(
            vec![item(2, "b", 2, false), item(3, "c", 3, false)],
            Vec::new(),
        );
        assert_eq!(work.chosen().unwrap().prospect, 2);
        work.go(10);
        work.load(vec![item(3, "c", 3, false)], Vec::new());
        assert_eq!(work.chosen().unwrap().prospect, 3);
        work.load(Vec::new(), Vec::new());
        assert_eq!(work.chosen(), None);
    }
}
