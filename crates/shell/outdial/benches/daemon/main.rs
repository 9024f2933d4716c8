//! What the daemon does for people, in time and memory, seen from outside: a carrier, phones and agents
//! around the release binary.
//!
//! `make bench` prints a table; `make bench OUTPUT=json` one JSON document. Figures of one run are compared
//! with the bare relay of the same run: machines differ, and are noisy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement that cannot be made ends with the reason"
)]

#[path = "../../tests/daemon/mod.rs"]
mod daemon;
mod joining;
mod launching;
mod memory;
mod process;
mod relay;
mod spread;
mod team;

use serde::Serialize;

/// Everything that was measured.
#[derive(Serialize)]
struct Measured {
    machine: process::Machine,
    relay: relay::Relayed,
    joining: joining::Joined,
    launching: launching::Launched,
    memory: memory::Used,
}

fn main() {
    let asked = Asked::read();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let measured = runtime.block_on(async {
        eprintln!("a bare relay of UDP packets …");
        let relay = relay::measure(asked.agents);
        eprintln!("{} calls joined to {} agents …", asked.calls, asked.agents);
        let joining = joining::measure(asked.agents, asked.calls).await;
        eprintln!("{} launches …", asked.launches);
        let launching = launching::measure(asked.launches).await;
        eprintln!("memory of {} calls …", asked.bridged);
        let memory = memory::measure(asked.bridged).await;
        let machine = process::Machine::here();
        Measured {
            machine,
            relay,
            joining,
            launching,
            memory,
        }
    });
    if asked.json {
        println!("{}", serde_json::to_string(&measured).unwrap());
    } else {
        print!("{}", measured.table());
    }
}

/// What the command line asks for.
struct Asked {
    json: bool,
    agents: usize,
    calls: usize,
    launches: u32,
    bridged: usize,
}

impl Asked {
    fn read() -> Self {
        let number = |name: &str, usual: u32| -> u32 {
            std::env::var(name).map_or(usual, |text| {
                text.parse().unwrap_or_else(|e| panic!("{name}: {e}"))
            })
        };
        Self {
            json: std::env::var("OUTPUT").is_ok_and(|o| o == "json"),
            agents: number("BENCH_AGENTS", 100) as usize,
            calls: number("BENCH_CALLS", 1_000) as usize,
            launches: number("BENCH_LAUNCHES", 3_000),
            bridged: number("BENCH_BRIDGED", 500) as usize,
        }
    }
}

impl Measured {
    fn table(&self) -> String {
        let Self {
            machine,
            relay,
            joining,
            launching,
            memory,
        } = self;
        let ms = |us: u64| format!("{:.3}", us as f64 / 1_000.0);
        let mut text = format!("{} cores, {}\n\n", machine.cores, machine.cpu);
        text.push_str(&format!(
            "{:<52}{:>10}{:>10}{:>8}\n",
            "milliseconds", "p50", "p99", "n"
        ));
        let within = |of: &joining::Within| format!("≤{}", ms(of.us));
        let rows = [
            (
                "a packet through a bare relay",
                ms(relay.us.p50),
                ms(relay.us.p99),
                relay.us.count,
            ),
            (
                "200 OK → bridge installed",
                within(&joining.bridge_p50),
                within(&joining.bridge_p99),
                joining.bridges,
            ),
            (
                "200 OK → first agent frame at the person",
                ms(joining.first_frame_us.p50),
                ms(joining.first_frame_us.p99),
                joining.first_frame_us.count,
            ),
            (
                "200 OK → screen-pop at the client",
                ms(joining.screen_pop_us.p50),
                ms(joining.screen_pop_us.p99),
                joining.screen_pop_us.count,
            ),
        ];
        for (what, p50, p99, count) in rows {
            text.push_str(&format!("{what:<52}{p50:>10}{p99:>10}{count:>8}\n"));
        }
        text.push_str(&format!(
            "\nlaunches per second: {:.0} over {} launches\nmemory: {:.1} KB a bridged call above idle agents, {:.1} KB a signed-in agent \
             with a standing leg ({} calls)\n",
            launching.per_second,
            launching.launches,
            memory.bytes_per_call as f64 / 1_024.0,
            memory.bytes_per_agent as f64 / 1_024.0,
            memory.calls,
        ));
        text
    }
}
