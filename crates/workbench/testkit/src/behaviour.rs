//! Which person a call meets: a pure function of seed, number and how often it was called.

use std::collections::BTreeMap;

use media::Dtmf;
use model::{E164, Share};

use crate::draw::{Draw, Span};
use crate::person::{Does, KeyPress, Person, Talk};

/// What the people of a carrier are like, as weights: an outcome comes as often as its part of the sum.
///
/// Whether a number exists belongs to the number; everything else is drawn anew for each call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    /// Somebody answers.
    pub answers: u32,
    /// A machine answers.
    pub machine: u32,
    /// 486.
    pub busy: u32,
    /// It rings until we give up.
    pub no_answer: u32,
    /// 603.
    pub rejects: u32,
    /// 404; the number does not exist.
    pub invalid: u32,
    /// 480.
    pub absent: u32,
    /// 503.
    pub congestion: u32,
    /// Answered when we give up.
    pub answers_late: u32,
    /// No response.
    pub dead: u32,
    /// Post-dial delay.
    pub set_up: Span,
    /// From the first ringing to the answer.
    pub ring: Span,
    /// From the answer until the person hangs up.
    pub talk: Span,
    /// Greeting of a machine.
    pub greeting: Span,
    /// Of those who answer: hang up by themselves, instead of waiting for us.
    pub hangs_up: Share,
    /// Of those who answer: press 1 when they hear us long enough.
    pub presses: Share,
    /// How much of our sound they hear before; silence does not count.
    pub presses_after: Span,
    /// Of those who ring: with early media.
    pub early_media: Share,
}

impl Default for Mix {
    /// A list of households in the evening, with everything that happens, at the pace of a demo.
    fn default() -> Self {
        Self {
            answers: 40,
            machine: 8,
            busy: 12,
            no_answer: 24,
            rejects: 4,
            invalid: 6,
            absent: 3,
            congestion: 2,
            answers_late: 1,
            dead: 0,
            set_up: Span::millis(100, 600),
            ring: Span::millis(500, 4_000),
            talk: Span::millis(3_000, 9_000),
            greeting: Span::millis(4_000, 8_000),
            hangs_up: Share::from_ppm(700_000),
            presses: Share::from_ppm(500_000),
            presses_after: Span::millis(1_500, 1_500),
            early_media: Share::from_ppm(100_000),
        }
    }
}

impl Mix {
    /// Every call is answered at once and lasts until we hang up: for measurements.
    pub fn all_answer() -> Self {
        Self {
            answers: 1,
            machine: 0,
            busy: 0,
            no_answer: 0,
            rejects: 0,
            invalid: 0,
            absent: 0,
            congestion: 0,
            answers_late: 0,
            dead: 0,
            set_up: Span::millis(0, 0),
            ring: Span::millis(0, 0),
            hangs_up: Share::ZERO,
            presses: Share::ZERO,
            early_media: Share::ZERO,
            ..Self::default()
        }
    }
}

/// Tells who is met by each call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Another seed, another town.
    pub seed: u64,
    /// What its people are like.
    pub mix: Mix,
    /// Numbers whose calls meet these people, one after the other; the last stays.
    pub by_number: BTreeMap<E164, Vec<Person>>,
    /// The same for numbers that end so; the longest ending that fits counts.
    pub by_suffix: BTreeMap<String, Vec<Person>>,
}

impl Behaviour {
    /// The town of a seed.
    pub fn new(seed: u64, mix: Mix) -> Self {
        Self {
            seed,
            mix,
            ..Self::default()
        }
    }

    /// The same, but whoever calls `number` meets `person`.
    #[must_use]
    pub fn with(mut self, number: E164, person: Person) -> Self {
        self.by_number.insert(number, vec![person]);
        self
    }

    /// The same, but numbers that end with `digits` meet `person`.
    #[must_use]
    pub fn with_suffix(mut self, digits: &str, person: Person) -> Self {
        self.by_suffix.insert(digits.to_owned(), vec![person]);
        self
    }

    /// Who is met by the `nth` call of `number`, counted from 0.
    pub fn person(&self, number: E164, nth: u32) -> Person {
        let digits = number.digits().to_string();
        let by_suffix = || {
            let fitting = self.by_suffix.iter().filter(|(s, _)| digits.ends_with(*s));
            fitting
                .max_by_key(|(s, _)| s.len())
                .map(|(_, people)| people)
        };
        let in_turn = self.by_number.get(&number).or_else(by_suffix);
        let at = usize::try_from(nth).unwrap_or(usize::MAX);
        in_turn
            .and_then(|people| people.get(at).or(people.last()))
            .cloned()
            .unwrap_or_else(|| self.draw(number, nth))
    }

    fn draw(&self, number: E164, nth: u32) -> Person {
        let mix = &self.mix;
        let kinds = [
            (mix.answers, Kind::Answers),
            (mix.machine, Kind::Machine),
            (mix.busy, Kind::Busy),
            (mix.no_answer, Kind::NoAnswer),
            (mix.rejects, Kind::Rejects),
            (mix.absent, Kind::Absent),
            (mix.congestion, Kind::Congestion),
            (mix.answers_late, Kind::AnswersLate),
            (mix.dead, Kind::Dead),
        ];
        let of_number = &mut Draw::new(self.seed, number.digits(), u64::MAX);
        let of_call = &mut Draw::new(self.seed, number.digits(), nth.into());
        let drawn: u64 = kinds.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let invalid = u64::from(mix.invalid);
        let exists = of_number.below(drawn + invalid) >= invalid;
        let kind = if exists {
            pick(&kinds, of_call.below(drawn))
        } else {
            Kind::Invalid
        };
        let ring = of_call.within(mix.ring);
        let person = match kind {
            Kind::Answers => Person::answers(talk(mix, of_call)).ringing_for(ring),
            Kind::AnswersLate => Person::answers_late(talk(mix, of_call)),
            Kind::Machine => Person::machine(of_call.within(mix.greeting)).ringing_for(ring),
            Kind::Busy => Person::busy(),
            Kind::NoAnswer => Person::no_answer(),
            Kind::Rejects => Person::rejects().ringing_for(ring),
            Kind::Invalid => Person::invalid(),
            Kind::Absent => Person::absent(),
            Kind::Congestion => Person::congestion(),
            Kind::Dead => Person::dead(),
        };
        Person {
            set_up: of_call.within(mix.set_up),
            early_media: person.ring.is_some() && of_call.happens(mix.early_media),
            ..person
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Answers,
    Machine,
    Busy,
    NoAnswer,
    Rejects,
    Invalid,
    Absent,
    Congestion,
    AnswersLate,
    Dead,
}

/// The kind whose part of the sum of weights holds `at`.
fn pick(kinds: &[(u32, Kind)], mut at: u64) -> Kind {
    for (weight, kind) in kinds {
        match at.checked_sub((*weight).into()) {
            Some(rest) => at = rest,
            None => return *kind,
        }
    }
    // Without any weight nobody is at home.
    Kind::NoAnswer
}

fn talk(mix: &Mix, draw: &mut Draw) -> Talk {
    let patience = draw.within(mix.talk);
    let after_heard = draw.within(mix.presses_after);
    let keys = draw.happens(mix.presses).then_some(KeyPress {
        after_heard,
        key: Dtmf::One,
    });
    Talk {
        greets: true,
        patience: draw.happens(mix.hangs_up).then_some(patience),
        keys: keys.into_iter().collect(),
    }
}

impl Person {
    /// Whether somebody or something picks up by itself.
    pub fn picks_up(&self) -> bool {
        match self.does {
            Does::Answers(_) | Does::Machine { .. } => true,
            Does::AnswersLate(_) | Does::Refuses { .. } | Does::RingsForEver | Does::Dead => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(n: u64) -> E164 {
        E164::from_digits(79_160_000_000 + n).unwrap()
    }

    #[test]
    fn the_same_seed_makes_the_same_town_and_another_one_another() {
        let town = |seed| {
            let behaviour = Behaviour::new(seed, Mix::default());
            (0..200)
                .map(|n| behaviour.person(number(n), 0))
                .collect::<Vec<_>>()
        };
        assert_eq!(town(1), town(1));
        assert_ne!(town(1), town(2));
    }

    #[test]
    fn outcomes_come_as_often_as_their_weights_say() {
        let behaviour = Behaviour::new(7, Mix::default());
        let people: Vec<_> = (0..10_000)
            .map(|n| behaviour.person(number(n), 0))
            .collect();
        let count = |person: &dyn Fn(&Person) -> bool| people.iter().filter(|p| person(p)).count();
        // 10,000 draws of a share p lie within 5 standard deviations, at most 250.
        for (weight, met) in [
            (40, count(&|p| matches!(p.does, Does::Answers(_)))),
            (8, count(&|p| matches!(p.does, Does::Machine { .. }))),
            (24, count(&|p| p.does == Does::RingsForEver)),
            (12, count(&|p| p.does == Person::busy().does)),
            (6, count(&|p| p.does == Person::invalid().does)),
        ] {
            assert!(met.abs_diff(weight * 100) < 250, "{weight} %: {met}");
        }
    }

    #[test]
    fn a_number_that_does_not_exist_never_does_and_others_change_with_each_call() {
        let behaviour = Behaviour::new(3, Mix::default());
        let mut changed = 0;
        for n in 0..500 {
            let met: Vec<_> = (0..4).map(|nth| behaviour.person(number(n), nth)).collect();
            let invalid = met
                .iter()
                .filter(|p| p.does == Person::invalid().does)
                .count();
            assert!(invalid == 0 || invalid == 4, "{n}: {invalid} of 4");
            changed += u32::from(met.windows(2).any(|w| w[0].does != w[1].does));
        }
        assert!(changed > 300, "{changed}");
    }

    #[test]
    fn numbers_of_a_test_come_before_endings_and_both_before_chance() {
        let mut behaviour = Behaviour::new(3, Mix::default())
            .with_suffix("1", Person::busy())
            .with_suffix("01", Person::absent())
            .with(number(1), Person::rejects());
        assert_eq!(behaviour.person(number(1), 0), Person::rejects());
        assert_eq!(behaviour.person(number(101), 0), Person::absent());
        assert_eq!(behaviour.person(number(11), 9), Person::busy());
        let in_turn = vec![Person::busy(), Person::answers(Talk::default())];
        behaviour.by_number.insert(number(1), in_turn.clone());
        let met: Vec<_> = (0..3).map(|nth| behaviour.person(number(1), nth)).collect();
        assert_eq!(met[..2], in_turn);
        assert_eq!(met[2], in_turn[1]);
    }

    #[test]
    fn a_town_without_weights_is_empty() {
        let mix = Mix {
            answers: 0,
            ..Mix::all_answer()
        };
        let met = Behaviour::new(1, mix).person(number(1), 0);
        assert_eq!(met.does, Does::RingsForEver);
    }
}
