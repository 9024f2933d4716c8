//! The page of `/metrics` in Prometheus' text format: everything is read when it is scraped.

use std::fmt::Write;

use engine::{AgentState, Board, CampaignState, Explanation};
use model::WallTime;
use telephony::{MediaCounters, ShardTally};

use super::bridging::{BUCKETS_US, Counted};
use super::upkeep::Upkept;

/// What the page is made of.
pub struct Scrape<'a> {
    /// Campaigns, agents, trunks.
    pub board: &'a Board,
    /// Why campaigns that run do not dial more.
    pub explained: &'a [Explanation],
    /// Datagrams.
    pub sip: ShardTally,
    /// Packets of audio.
    pub media: &'a MediaCounters,
    /// How long answered people waited.
    pub waits: Counted,
    /// The process and what it needs of the machine.
    pub upkept: &'a Upkept,
    /// When it is made.
    pub now: WallTime,
}

/// The page.
pub fn exposition(scrape: &Scrape<'_>) -> String {
    let Scrape {
        board,
        sip,
        media,
        waits,
        ..
    } = *scrape;
    let mut page = Page::default();
    page.family("outdial_build_info", "gauge", "The version that runs.")
        .line(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.family("outdial_store_up", "gauge", "Whether the database answers.")
        .line(&[], board.store_up.into());
    page.family("outdial_draining", "gauge", "Whether the daemon is ending.")
        .line(&[], board.draining.into());
    campaigns(&mut page, board);
    gates(&mut page, scrape);
    let agents = page.family("outdial_agents", "gauge", "Signed-in agents by state.");
    for state in AgentState::ALL {
        let count = board.agents.iter().filter(|a| a.state == state).count();
        agents.line(&[("state", state.as_str())], count as u64);
    }
    idle(&mut page, scrape);
    trunks(&mut page, board);
    packets(&mut page, sip, media);
    answer_to_bridge(&mut page, waits);
    upkeep(&mut page, scrape.upkept);
    page.text
}

/// "Why is nothing being dialled?" as a metric.
fn gates(page: &mut Page, scrape: &Scrape<'_>) {
    let family = page.family(
        "outdial_gate",
        "gauge",
        "What holds a running campaign's dialling down: 1 for each gate that holds.",
    );
    for explained in scrape.explained {
        let line = scrape.board.campaigns.iter();
        let Some(c) = line.into_iter().find(|c| c.campaign == explained.campaign) else {
            continue;
        };
        for gate in &explained.gates {
            let [name, mode] = campaign(c);
            family.line(&[name, mode, ("gate", &gate.name)], 1);
        }
    }
}

fn idle(page: &mut Page, scrape: &Scrape<'_>) {
    let ready = scrape.board.agents.iter();
    let longest = ready
        .filter(|a| a.state == AgentState::Ready)
        .map(|a| scrape.now.since(a.since).as_secs())
        .max();
    page.family(
        "outdial_agent_idle_longest_seconds",
        "gauge",
        "How long the ready agent who waits longest has waited; 0 when nobody waits.",
    )
    .line(&[], longest.unwrap_or(0));
}

/// What is known of the process and the machine; what is not known has no line.
fn upkeep(page: &mut Page, upkept: &Upkept) {
    for (name, kind, help, value) in [
        (
            "outdial_backup_age_seconds",
            "gauge",
            "Age of the last backup of the database; absent when none was made by this daemon's command.",
            upkept.backup_age_s,
        ),
        (
            "outdial_disk_free_bytes",
            "gauge",
            "Free space on the disk of the data directory.",
            upkept.disk_free_bytes,
        ),
        (
            "outdial_disk_size_bytes",
            "gauge",
            "Size of the disk of the data directory.",
            upkept.disk_size_bytes,
        ),
        (
            "outdial_spool_bytes",
            "gauge",
            "What waits on disk for the database to come back.",
            upkept.spool_bytes,
        ),
        (
            "outdial_certificate_expiry_timestamp_seconds",
            "gauge",
            "When the API's certificate expires, in seconds since 1970; absent without TLS.",
            upkept.certificate_expires_s,
        ),
        (
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory.",
            upkept.resident_bytes,
        ),
        (
            "process_open_fds",
            "gauge",
            "Open files and sockets.",
            upkept.open_files,
        ),
        (
            "process_max_fds",
            "gauge",
            "How many may be open.",
            upkept.open_files_max,
        ),
        (
            "process_start_time_seconds",
            "gauge",
            "When the process started, in seconds since 1970.",
            upkept.started_at_s,
        ),
    ] {
        if let Some(value) = value {
            page.family(name, kind, help).line(&[], value);
        }
    }
    if let Some(used) = upkept.processor_us {
        let name = "process_cpu_seconds_total";
        page.family(name, "counter", "Processor time of all threads.");
        writeln!(page.text, "{name} {}", seconds(used)).unwrap_or_default();
    }
}

fn campaigns(page: &mut Page, board: &Board) {
    type Value = fn(&engine::CampaignLine) -> u64;
    let families: [(&str, &str, &str, Value); 8] = [
        (
            "outdial_campaign_running",
            "gauge",
            "Whether the campaign runs.",
            |c| (c.state == CampaignState::Running).into(),
        ),
        (
            "outdial_calls_in_flight",
            "gauge",
            "Calls being recorded, dialled or ringing.",
            |c| c.in_flight.into(),
        ),
        (
            "outdial_calls_live",
            "gauge",
            "People in a talk or hearing a message.",
            |c| c.talking.into(),
        ),
        (
            "outdial_launches_total",
            "counter",
            "Attempts launched since the start.",
            |c| c.launched,
        ),
        (
            "outdial_answered_total",
            "counter",
            "Calls answered since the start.",
            |c| c.answered,
        ),
        (
            "outdial_connected_total",
            "counter",
            "Calls joined to an agent since the start.",
            |c| c.connected,
        ),
        (
            "outdial_delivered_total",
            "counter",
            "Messages heard to the threshold since the start.",
            |c| c.delivered,
        ),
        (
            "outdial_abandoned_total",
            "counter",
            "People for whom no agent came in time since the start.",
            |c| c.abandoned,
        ),
    ];
    for (name, kind, help, value) in families {
        let family = page.family(name, kind, help);
        for c in &board.campaigns {
            family.line(&campaign(c), value(c));
        }
    }
    let queue = page.family(
        "outdial_queue_prospects",
        "gauge",
        "Prospects by where they stand, as of the last claim.",
    );
    for c in &board.campaigns {
        for (state, count) in [
            ("due", c.queue.due),
            ("outside_hours", c.queue.outside_hours),
            ("later", c.queue.later),
            ("in_hand", c.queue.in_hand),
            ("held", c.queue.held),
            ("closed", c.queue.closed),
        ] {
            let [name, mode] = campaign(c);
            queue.line(&[name, mode, ("state", state)], count);
        }
    }
}

fn campaign(c: &engine::CampaignLine) -> [(&str, &str); 2] {
    [("campaign", c.name.as_str()), ("mode", c.mode.as_str())]
}

fn trunks(page: &mut Page, board: &Board) {
    type Value = fn(&engine::TrunkLine) -> u64;
    let families: [(&str, &str, Value); 3] = [
        ("outdial_trunk_up", "Whether the trunk takes calls.", |t| {
            t.down.is_none().into()
        }),
        ("outdial_trunk_channels_used", "Channels in use.", |t| {
            t.in_use.into()
        }),
        ("outdial_trunk_channels", "Channels there are.", |t| {
            t.channels.into()
        }),
    ];
    for (name, help, value) in families {
        let family = page.family(name, "gauge", help);
        for t in &board.trunks {
            family.line(&[("trunk", &t.name)], value(t));
        }
    }
}

fn packets(page: &mut Page, sip: ShardTally, media: &MediaCounters) {
    let datagrams = page.family(
        "outdial_sip_datagrams_total",
        "counter",
        "SIP datagrams by what became of them.",
    );
    for (what, count) in [
        ("received", sip.received),
        ("dropped", sip.dropped),
        ("sent", sip.sent),
        ("not_sent", sip.send_failures),
    ] {
        datagrams.line(&[("what", what)], count);
    }
    page.family(
        "outdial_sip_legs",
        "gauge",
        "Legs in the table, those that only wait for late packets included.",
    )
    .line(&[], sip.legs as u64);
    let packets = page.family(
        "outdial_rtp_packets_total",
        "counter",
        "RTP packets by what became of them.",
    );
    for (what, counter) in [
        ("received", &media.received),
        ("sent", &media.sent),
        ("not_sent", &media.not_sent),
        ("malformed", &media.malformed),
        ("foreign", &media.foreign),
        ("repeated", &media.repeated),
        ("lost", &media.lost),
    ] {
        packets.line(&[("what", what)], counter.get());
    }
    page.family(
        "outdial_media_late_frames_total",
        "counter",
        "Ticks of 20 ms that came late.",
    )
    .line(&[], media.late_frames.get());
    page.family(
        "outdial_media_missing_sounds_total",
        "counter",
        "Sounds that were asked for and are not there.",
    )
    .line(&[], media.missing_sounds.get());
}

fn answer_to_bridge(page: &mut Page, waits: Counted) {
    let name = "outdial_answer_to_bridge_seconds";
    page.family(
        name,
        "histogram",
        "From a person's answer to the bridge with an agent.",
    );
    let mut within = 0;
    for (end_us, count) in BUCKETS_US.iter().zip(waits.buckets) {
        within += count;
        let end = seconds(*end_us);
        page.named(&format!("{name}_bucket"), &[("le", &end)], within);
    }
    page.named(&format!("{name}_bucket"), &[("le", "+Inf")], waits.count);
    writeln!(page.text, "{name}_sum {}", seconds(waits.sum_us)).unwrap_or_default();
    page.named(&format!("{name}_count"), &[], waits.count);
}

/// Exact, and without trailing zeros.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[derive(Default)]
struct Page {
    text: String,
    name: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) -> &mut Self {
        self.name = name.to_owned();
        // Writing to a string cannot fail.
        write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n").unwrap_or_default();
        self
    }

    fn line(&mut self, labels: &[(&str, &str)], value: u64) {
        let name = self.name.clone();
        self.named(&name, labels, value);
    }

    fn named(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.text.push_str(name);
        for (i, (label, value)) in labels.iter().enumerate() {
            let open = if i == 0 { '{' } else { ',' };
            let value = escape(value);
            write!(self.text, "{open}{label}=\"{value}\"").unwrap_or_default();
        }
        let close = if labels.is_empty() { "" } else { "}" };
        writeln!(self.text, "{close} {value}").unwrap_or_default();
    }
}

fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_belongs_to_the_family_above_it_and_names_are_escaped() {
        let mut board = Board {
            store_up: true,
            ..Board::default()
        };
        board.trunks.push(engine::TrunkLine {
            trunk: model::TrunkId(1),
            name: "a \"b\"\\".to_owned(),
            in_use: 3,
            channels: 10,
            down: None,
        });
        let mut waits = Counted {
            count: 3,
            sum_us: 1_500_300,
            ..Counted::default()
        };
        waits.buckets[1] = 2;
        let text = exposition(&Scrape {
            board: &board,
            explained: &[],
            sip: ShardTally::default(),
            media: &MediaCounters::default(),
            waits,
            upkept: &Upkept {
                backup_age_s: Some(90),
                ..Upkept::default()
            },
            now: WallTime::default(),
        });
        let mut family = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                family = rest.split(' ').next().unwrap();
            } else if !line.starts_with('#') {
                assert!(
                    line.split(['{', ' ']).next().unwrap().starts_with(family),
                    "{line}"
                );
            }
        }
        assert!(text.contains("outdial_store_up 1\n"));
        assert!(text.contains("outdial_backup_age_seconds 90\n"));
        assert!(!text.contains("outdial_disk_free_bytes"), "not known");
        assert!(text.contains("outdial_answer_to_bridge_seconds_bucket{le=\"0.0003\"} 2\n"));
        assert!(text.contains("outdial_answer_to_bridge_seconds_bucket{le=\"+Inf\"} 3\n"));
        assert!(text.contains("outdial_answer_to_bridge_seconds_sum 1.5003\n"));
        assert!(text.contains("outdial_trunk_channels_used{trunk=\"a \\\"b\\\"\\\\\"} 3\n"));
    }
}
