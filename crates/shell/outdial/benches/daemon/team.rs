//! A daemon with a carrier whose people all answer, and agents who talk for about as long as they are told.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Share;
use proto::supervisor::v1 as pb;
use testkit::{Behaviour, Carrier, CarrierOptions, Habits, Mix, Span, Team, TeamOptions};

use crate::daemon::{Daemon, Office, Site, blocking, campaign, sheet, soon};

/// Ports for audio, two a leg: more than a test's.
const PORTS: (u16, u16) = (20_000, 31_999);

/// Lets the daemon have them.
pub fn widen(site: &mut Site) {
    site.set("rtp.port_from", &PORTS.0.to_string());
    site.set("rtp.port_to", &PORTS.1.to_string());
}

/// Agents at work, and what is around them.
pub struct Floor {
    pub carrier: Carrier,
    pub team: Team,
    pub daemon: Daemon,
    pub office: Office,
    pub campaign_id: i32,
    // Last: the place where all of it runs.
    pub site: Site,
}

impl Floor {
    /// Agents signed in and ready, a progressive campaign over `prospects` that is not started.
    pub async fn set(agents: usize, prospects: u32, talk: Duration) -> Self {
        let mut site = Site::new();
        widen(&mut site);
        site.set("log.filter", "\"warn\"");
        let daemon = site.start();
        let office = Office::found(&daemon).await;
        let carrier =
            Carrier::start(CarrierOptions::new(Behaviour::new(1, Mix::all_answer()))).unwrap();
        let trunks = office
            .trunk_group_for("carriers", &[carrier.addr()], 2_000, 500)
            .await;
        let group = office.group("floor").await;
        let members = office.agents(agents, group).await;
        let list = office.import("bench", &sheet(0..prospects)).await;
        let campaign_id = office
            .create(campaign(pb::Mode::Progressive, trunks, group), list.list_id)
            .await;
        let options = TeamOptions {
            url: daemon.url(),
            registrar: Some(daemon.sip),
            members,
            habits: Habits {
                hangs_up: Share::ONE,
                talk: Span {
                    from: talk.mul_f32(0.8),
                    to: talk.mul_f32(1.2),
                },
                writes: Span::millis(0, 50),
                no_outcome: Share::ZERO,
                notes: Share::ZERO,
                dispositions: BTreeMap::from([("declined".to_owned(), 1)]),
                ..Habits::default()
            },
            seed: 1,
        };
        let team = soon("the team", Team::start(options)).await.unwrap();
        for agent in &team.agents {
            assert!(
                agent
                    .wait(crate::daemon::PATIENCE, testkit::AgentCounts::is_ready)
                    .await,
                "{} is not ready",
                agent.login()
            );
        }
        Self {
            carrier,
            team,
            daemon,
            office,
            campaign_id,
            site,
        }
    }

    /// Waits for the carrier.
    pub async fn carrier_until(
        &self,
        at_most: Duration,
        mut holds: impl FnMut(&[testkit::Call]) -> bool + Send + 'static,
    ) -> bool {
        let log = self.carrier.log().clone();
        blocking(move || log.wait(at_most, |calls| holds(calls))).await
    }
}
