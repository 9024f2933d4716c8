//! How a day begins: trunks, campaigns with their prospects, agents, and the first of every fault.

use std::time::Duration;

use engine::{AgentAsk, AgentSpec, Card, Claim, Input, PhoneFacts, TrunkSpec, WorkKind};
use model::{
    AgentGroupId, AgentId, CampaignId, E164, ListId, Money, PhoneId, ProspectId, TrunkGroupId,
    TrunkId, ZoneSet,
};

use super::faults::Fault;
use super::{Coming, World};

/// So long before the day begins its lists were imported: from then on their prospects are due, as
/// `next_attempt_at` of a fresh row says. Longer than the wall clock jumps back in a day, or all of them would wait
/// for the instant of the import to come round again.
const IMPORTED_BEFORE: Duration = Duration::from_secs(86_400);

impl World {
    pub(super) fn open(&mut self) {
        let trunks = (1..=2).map(|id| TrunkSpec {
            id: TrunkId(id),
            name: format!("t{id}"),
            group: TrunkGroupId(1),
            priority: 1,
            weight: 1,
            channels: self.scenario.channels,
            calls_per_second: self.scenario.calls_per_second,
            enabled: true,
        });
        let trunks = Input::Trunks(trunks.collect());
        self.soon(Coming::Input(Box::new(trunks)));
        for campaign in self.scenario.campaigns.clone() {
            self.fill(campaign.id);
            self.soon(Coming::Input(Box::new(Input::Campaign(Box::new(campaign)))));
        }
        for id in 1..=self.scenario.team.agents as i32 {
            let agent = AgentId(id);
            let spec = AgentSpec {
                id: agent,
                name: format!("agent {id}"),
                groups: vec![AgentGroupId(1)],
                skills: Vec::new(),
            };
            self.soon(Coming::Input(Box::new(Input::PhoneUp(agent))));
            self.soon(Coming::Agent {
                agent,
                ask: AgentAsk::SignIn(spec),
            });
        }
        let f = self.scenario.faults;
        for (mean, fault) in [
            (f.phone_lost, Fault::PhoneLost),
            (f.client_lost, Fault::ClientLost),
            (f.store_lost, Fault::StoreLost),
            (f.trunk_down, Fault::TrunkDown),
            (f.pause, Fault::PauseAny),
            (f.clock_jump, Fault::ClockJump),
        ] {
            if !mean.is_zero() {
                let at = self.exponential(mean);
                self.later(at, Coming::Fault(fault));
            }
        }
    }

    /// Prospects of a campaign; every tenth number stands in two lists.
    fn fill(&mut self, campaign: CampaignId) {
        let zones = ZoneSet::from_names(["Europe/Moscow"]).unwrap_or_default();
        let imported_at = self.scenario.starts_at - IMPORTED_BEFORE;
        for n in 0..self.scenario.prospects {
            let prospect = ProspectId(i64::from(campaign.0) * 1_000_000 + i64::from(n));
            let phones = (0..self.scenario.phones_each).map(|k| {
                let list = if n % 10 == 0 { 0 } else { campaign.0 as u64 };
                let digits = 79_000_000_000 + list * 10_000_000 + u64::from(n) * 10 + u64::from(k);
                PhoneFacts {
                    id: PhoneId(prospect.0 * 10 + i64::from(k)),
                    number: E164::from_digits(digits).unwrap_or_else(|| self.scenario_number()),
                    kind: "mobile".to_owned(),
                    extension: None,
                    closed: false,
                    suppressed: false,
                    live: false,
                    version: 1,
                    history: Vec::new(),
                }
            });
            let claim = Claim {
                campaign,
                prospect,
                list: ListId(campaign.0),
                lease: 0,
                kind: WorkKind::Fresh,
                zones: zones.clone(),
                subject: None,
                amount: "RUB"
                    .parse()
                    .ok()
                    .map(|rub| Money::new(i64::from(n) * 101 + 5, rub)),
                language: None,
                consent: true,
                phones: phones.collect(),
                next_phone: None,
                tries: 0,
                card: Card::default(),
            };
            self.books.add(claim, imported_at);
        }
    }

    fn scenario_number(&self) -> E164 {
        self.scenario
            .campaigns
            .first()
            .map(|c| c.caller)
            .unwrap_or_else(|| crate::scenario::campaign(1, engine::Mode::Preview).caller)
    }
}
