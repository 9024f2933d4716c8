//! Trunks: channels, calls per second, health, and the choice among them.

use std::collections::BTreeMap;
use std::time::Duration;

use model::{Timestamp, TrunkGroupId, TrunkId};

use crate::explain::TrunkLine;
use crate::input::TrunkSpec;

/// The trunks with what is in use on them. Every channel taken is given back by the leg that took it.
#[derive(Debug, Default)]
pub(crate) struct Trunks {
    trunks: BTreeMap<TrunkId, Trunk>,
}

#[derive(Debug)]
struct Trunk {
    spec: TrunkSpec,
    in_use: u32,
    down: Option<String>,
    /// It asked to be left alone until then.
    alone_until: Timestamp,
    bucket: Bucket,
    /// Calls placed per unit of weight, so that trunks of one priority share calls by weight.
    placed: u64,
}

/// A token bucket of one second's worth of calls: the rate is kept over any second, not only on average.
#[derive(Debug)]
struct Bucket {
    micro_tokens: u64,
    filled_at: Timestamp,
}

const TOKEN: u64 = 1_000_000;

impl Bucket {
    fn full(per_second: u32, now: Timestamp) -> Self {
        Self {
            micro_tokens: Self::size(per_second),
            filled_at: now,
        }
    }

    /// A burst is at most half a second of calls (and at least one), so that a carrier that counts by the
    /// second never sees more than its limit and a half in any one.
    fn size(per_second: u32) -> u64 {
        (u64::from(per_second) * TOKEN / 2).max(TOKEN)
    }

    fn fill(&mut self, per_second: u32, now: Timestamp) {
        let passed = now.since(self.filled_at).as_micros() as u64;
        // `per_second` calls in 1,000,000 µs is `per_second` micro-tokens per µs.
        let grown = self
            .micro_tokens
            .saturating_add(passed.saturating_mul(u64::from(per_second)));
        self.micro_tokens = grown.min(Self::size(per_second));
        self.filled_at = now;
    }

    fn whole(&self) -> u32 {
        u32::try_from(self.micro_tokens / TOKEN).unwrap_or(u32::MAX)
    }

    fn wait(&self, per_second: u32) -> Duration {
        let missing = TOKEN.saturating_sub(self.micro_tokens);
        Duration::from_micros(missing.div_ceil(u64::from(per_second.max(1))))
    }
}

/// Room on a trunk group at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    /// Free channels of trunks that are up.
    pub(crate) lines: u32,
    /// Launches that calls per second still allow.
    pub(crate) launches: u32,
    /// All channels, free or not, of trunks that are up.
    pub(crate) channels: u32,
    /// Trunks of the group that are down or switched off.
    pub(crate) down: u32,
}

impl Trunks {
    pub(crate) fn configure(&mut self, specs: Vec<TrunkSpec>, now: Timestamp) {
        let mut old = std::mem::take(&mut self.trunks);
        for spec in specs {
            let kept = old.remove(&spec.id);
            let trunk = match kept {
                Some(trunk) => Trunk { spec, ..trunk },
                None => {
                    let bucket = Bucket::full(spec.calls_per_second, now);
                    Trunk {
                        spec,
                        in_use: 0,
                        down: None,
                        alone_until: now,
                        bucket,
                        placed: 0,
                    }
                }
            };
            self.trunks.insert(trunk.spec.id, trunk);
        }
        // A trunk that is gone but still carries calls stays, switched off, until its last channel is free.
        for (id, mut trunk) in old {
            if trunk.in_use > 0 {
                trunk.spec.enabled = false;
                self.trunks.insert(id, trunk);
            }
        }
    }

    pub(crate) fn set_down(&mut self, id: TrunkId, why: Option<String>) {
        if let Some(trunk) = self.trunks.get_mut(&id) {
            trunk.down = why;
        }
    }

    /// Places nothing more on a trunk before `until`.
    pub(crate) fn leave_alone(&mut self, id: TrunkId, until: Timestamp) {
        if let Some(trunk) = self.trunks.get_mut(&id) {
            trunk.alone_until = trunk.alone_until.max(until);
        }
    }

    pub(crate) fn room(&mut self, group: TrunkGroupId, now: Timestamp) -> Room {
        let mut room = Room::default();
        for trunk in self.trunks.values_mut().filter(|t| t.spec.group == group) {
            if !trunk.is_up() {
                room.down += 1;
                continue;
            }
            room.channels += trunk.spec.channels;
            if now < trunk.alone_until {
                continue;
            }
            trunk.bucket.fill(trunk.spec.calls_per_second, now);
            let free = trunk.free();
            room.lines += free;
            room.launches += free.min(trunk.bucket.whole());
        }
        room
    }

    /// When the group's calls per second, or a trunk that asked to be left alone, allow the next launch, if
    /// that is what it waits for.
    pub(crate) fn next_launch_in(&self, group: TrunkGroupId, now: Timestamp) -> Option<Duration> {
        let waiting = self
            .trunks
            .values()
            .filter(|t| t.spec.group == group && t.is_up() && t.free() > 0);
        waiting
            .map(|t| {
                t.bucket
                    .wait(t.spec.calls_per_second)
                    .max(t.alone_until.since(now))
            })
            .min()
    }

    /// Takes a channel and a launch of the best trunk of the group that is not among `tried`: lowest
    /// priority number first, then the one that carried least for its weight.
    pub(crate) fn hunt(
        &mut self,
        group: TrunkGroupId,
        tried: &[TrunkId],
        now: Timestamp,
    ) -> Option<TrunkId> {
        for trunk in self.trunks.values_mut().filter(|t| t.spec.group == group) {
            trunk.bucket.fill(trunk.spec.calls_per_second, now);
        }
        let best = self
            .trunks
            .values_mut()
            .filter(|t| t.spec.group == group && t.is_up() && t.free() > 0 && t.bucket.whole() > 0)
            .filter(|t| !tried.contains(&t.spec.id) && now >= t.alone_until)
            .min_by_key(|t| {
                (
                    t.spec.priority,
                    t.placed / u64::from(t.spec.weight.max(1)),
                    t.spec.id,
                )
            })?;
        best.in_use += 1;
        best.placed += 1_000;
        best.bucket.micro_tokens = best.bucket.micro_tokens.saturating_sub(TOKEN);
        Some(best.spec.id)
    }

    /// Gives a channel back.
    pub(crate) fn release(&mut self, id: TrunkId) {
        if let Some(trunk) = self.trunks.get_mut(&id) {
            debug_assert!(
                trunk.in_use > 0,
                "a channel of trunk {id} was given back twice"
            );
            trunk.in_use = trunk.in_use.saturating_sub(1);
        }
    }

    #[cfg(test)]
    pub(crate) fn in_use(&self) -> u32 {
        self.trunks.values().map(|t| t.in_use).sum()
    }

    pub(crate) fn lines(&self) -> Vec<TrunkLine> {
        self.trunks
            .values()
            .map(|t| TrunkLine {
                trunk: t.spec.id,
                name: t.spec.name.clone(),
                in_use: t.in_use,
                channels: t.spec.channels,
                down: t.why_down(),
            })
            .collect()
    }

    /// Names of the group's trunks that take no calls, with why.
    pub(crate) fn down_in(&self, group: TrunkGroupId) -> Vec<String> {
        let of_group = self.trunks.values().filter(|t| t.spec.group == group);
        of_group
            .filter_map(|t| t.why_down().map(|why| format!("{}: {why}", t.spec.name)))
            .collect()
    }
}

impl Trunk {
    fn is_up(&self) -> bool {
        self.spec.enabled && self.down.is_none()
    }

    fn free(&self) -> u32 {
        self.spec.channels.saturating_sub(self.in_use)
    }

    fn why_down(&self) -> Option<String> {
        if self.spec.enabled {
            self.down.clone()
        } else {
            Some("switched off".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: TrunkGroupId = TrunkGroupId(1);

    fn spec(
        id: i32,
        priority: u16,
        weight: u16,
        channels: u32,
        calls_per_second: u32,
    ) -> TrunkSpec {
        TrunkSpec {
            id: TrunkId(id),
            name: format!("t{id}"),
            group: GROUP,
            priority,
            weight,
            channels,
            calls_per_second,
            enabled: true,
        }
    }

    fn trunks(specs: Vec<TrunkSpec>) -> Trunks {
        let mut trunks = Trunks::default();
        trunks.configure(specs, Timestamp::default());
        trunks
    }

    #[test]
    fn no_more_calls_a_second_than_the_trunk_accepts() {
        let mut t = trunks(vec![spec(1, 1, 1, 1_000, 10)]);
        let mut placed = 0;
        for ms in 0..3_000 {
            while t.hunt(GROUP, &[], Timestamp::from_millis(ms)).is_some() {
                placed += 1;
            }
        }
        // Half a second's burst at the start, then ten a second.
        assert_eq!(placed, 5 + 29);
    }

    #[test]
    fn calls_are_shared_by_weight_within_a_priority() {
        let mut t = trunks(vec![
            spec(1, 1, 3, 1_000, 10_000),
            spec(2, 1, 1, 1_000, 10_000),
            spec(3, 2, 9, 10, 10),
        ]);
        let chosen: Vec<_> = (0..400)
            .filter_map(|_| t.hunt(GROUP, &[], Timestamp::default()))
            .collect();
        let of = |id| chosen.iter().filter(|t| **t == TrunkId(id)).count();
        assert_eq!((of(1), of(2), of(3)), (300, 100, 0));
    }

    #[test]
    fn a_full_or_dead_trunk_is_passed_over_and_a_released_channel_comes_back() {
        let mut t = trunks(vec![spec(1, 1, 1, 1, 100), spec(2, 2, 1, 1, 100)]);
        let now = Timestamp::default();
        assert_eq!(t.hunt(GROUP, &[], now), Some(TrunkId(1)));
        assert_eq!(t.hunt(GROUP, &[], now), Some(TrunkId(2)));
        assert_eq!(t.hunt(GROUP, &[], now), None);
        t.release(TrunkId(1));
        t.set_down(TrunkId(1), Some("no answer to OPTIONS".to_owned()));
        assert_eq!(t.hunt(GROUP, &[], now), None);
        t.set_down(TrunkId(1), None);
        assert_eq!(t.hunt(GROUP, &[TrunkId(1)], now), None);
        assert_eq!(t.hunt(GROUP, &[], now), Some(TrunkId(1)));
    }

    #[test]
    fn a_trunk_that_asks_to_be_left_alone_is_and_comes_back() {
        let mut t = trunks(vec![spec(1, 1, 1, 5, 100)]);
        let now = Timestamp::default();
        t.leave_alone(TrunkId(1), Timestamp::from_millis(3_000));
        assert_eq!(t.hunt(GROUP, &[], now), None);
        assert_eq!(
            t.room(GROUP, now),
            Room {
                lines: 0,
                launches: 0,
                channels: 5,
                down: 0
            }
        );
        assert_eq!(t.next_launch_in(GROUP, now), Some(Duration::from_secs(3)));
        assert_eq!(
            t.hunt(GROUP, &[], Timestamp::from_millis(3_000)),
            Some(TrunkId(1))
        );
    }

    #[test]
    fn a_trunk_taken_out_of_the_configuration_keeps_its_calls_and_takes_no_more() {
        let mut t = trunks(vec![spec(1, 1, 1, 5, 100)]);
        let now = Timestamp::default();
        assert!(t.hunt(GROUP, &[], now).is_some());
        t.configure(vec![], now);
        assert_eq!(t.hunt(GROUP, &[], now), None);
        assert_eq!(t.in_use(), 1);
        t.release(TrunkId(1));
        t.configure(vec![], now);
        assert!(t.lines().is_empty());
    }
}
