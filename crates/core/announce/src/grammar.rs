//! What a language must know to say a sum of money. A language is one file: its word table and an
//! implementation of [`Grammar`].

use model::Currency;

/// Grammatical gender of a currency's noun, for numbers that agree with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gender {
    /// And what has none.
    Masculine,
    /// одна, una, eine.
    Feminine,
}

/// The form of a noun that a number asks for; a language uses those it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plural {
    /// One rouble.
    One,
    /// Two to four, in Russian.
    Few,
    /// The rest.
    Many,
}

impl Plural {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Few => "few",
            Self::Many => "many",
        }
    }
}

/// Which unit of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Roubles.
    Major,
    /// Kopecks.
    Minor,
}

impl Part {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
        }
    }
}

/// A language's numbers and nouns.
pub(crate) trait Grammar: Sync {
    /// Prompt ids and the words they are recorded from, sorted by id.
    fn words(&self) -> &'static [(&'static str, &'static str)];

    /// Adds the prompts of a number, 0 to 999,999,999,999, that agrees with a noun of this gender.
    fn cardinal(&self, n: u64, gender: Gender, out: &mut Vec<&'static str>);

    /// The noun's form after the number.
    fn plural(&self, n: u64) -> Plural;

    /// The gender of a currency's noun.
    fn gender(&self, currency: Currency, part: Part) -> Gender;

    /// What stands between the major and the minor part.
    fn joint(&self) -> Option<&'static str>;

    /// The prompt of a single digit, given as its ASCII character.
    fn digit(&self, digit: u8) -> Option<&'static str>;

    /// The written form of prompts.
    fn spell(&self, tokens: &[&str]) -> String {
        let words: Vec<&str> = tokens.iter().map(|t| self.word(t).unwrap_or(t)).collect();
        words.join(" ")
    }

    /// The word of a prompt.
    fn word(&self, id: &str) -> Option<&'static str> {
        self.entry(id).map(|(_, word)| word)
    }

    /// The prompt with this id, as the table holds it.
    fn id(&self, id: &str) -> Option<&'static str> {
        self.entry(id).map(|(id, _)| id)
    }

    /// A row of the table.
    fn entry(&self, id: &str) -> Option<(&'static str, &'static str)> {
        let words = self.words();
        let place = words.binary_search_by(|(known, _)| (*known).cmp(id)).ok()?;
        words.get(place).copied()
    }
}
