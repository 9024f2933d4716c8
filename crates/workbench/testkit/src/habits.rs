//! What a simulated agent is like.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Share;

use crate::draw::Span;

/// How an agent works. Everything is drawn from the agent's seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Habits {
    /// Time to look at an offered prospect.
    pub looks: Span,
    /// Of the prospects offered: dialled, the others are skipped.
    pub takes: Share,
    /// Of the talks: ended by the agent, the others by the person.
    pub hangs_up: Share,
    /// How long a talk lasts that the agent ends.
    pub talk: Span,
    /// Time from the end of a talk to its outcome.
    pub writes: Span,
    /// Of the talks: closed on purpose without an outcome.
    pub no_outcome: Share,
    /// Of the outcomes: with a note.
    pub notes: Share,
    /// How often each disposition is chosen, as weights; those that the campaign does not offer are left
    /// out. When none is left, all that are offered are equally likely.
    pub dispositions: BTreeMap<String, u32>,
    /// From now until an agreed callback.
    pub callback_in: Span,
}

impl Default for Habits {
    /// Brisk, so that a demo of a minute sees everything.
    fn default() -> Self {
        let weights = [
            ("sale", 12),
            ("promise_to_pay", 10),
            ("declined", 25),
            ("callback_private", 6),
            ("callback_public", 6),
            ("wrong_number", 5),
            ("do_not_call", 2),
            ("follow_up_email", 4),
            ("interested", 8),
        ];
        Self {
            looks: Span::millis(500, 2_000),
            takes: Share::from_ppm(850_000),
            hangs_up: Share::from_ppm(400_000),
            talk: Span::millis(2_000, 7_000),
            writes: Span::millis(300, 1_500),
            no_outcome: Share::from_ppm(20_000),
            notes: Share::from_ppm(500_000),
            dispositions: weights.map(|(code, w)| (code.to_owned(), w)).into(),
            callback_in: Span {
                from: Duration::from_secs(3_600),
                to: Duration::from_secs(3 * 86_400),
            },
        }
    }
}
