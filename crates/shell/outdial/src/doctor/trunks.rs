//! Whether each trunk's host has an address, and whether something there answers OPTIONS.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use model::TrunkId;
use store::Trunk;
use telephony::{TelephonyEvent, TrunkPeer};

use super::stack::Stack;
use crate::cli::address_towards;
use crate::config::{Config, Rtp};
use crate::finding::Finding;
use crate::serve::trunk_peer;

/// A trunk with its place in the network.
pub struct Placed {
    pub name: String,
    pub host: String,
    /// Or why it cannot be used.
    pub peer: Result<TrunkPeer, String>,
}

/// The stack gives an OPTIONS five seconds.
const ANSWERS_WITHIN: Duration = Duration::from_secs(7);

/// Looks all hosts up.
pub async fn resolve(trunks: &[Trunk]) -> Vec<Placed> {
    let mut placed = Vec::new();
    for trunk in trunks {
        let peer = trunk_peer(trunk).await.map(|peer| TrunkPeer {
            // The daemon's registration is not ours to renew or to end.
            register: false,
            ..peer
        });
        let connection = &trunk.settings.connection;
        let host = connection.get("host").and_then(|h| h.as_str());
        placed.push(Placed {
            name: trunk.settings.name.clone(),
            host: host.unwrap_or_default().to_owned(),
            peer: peer.map_err(|e| format!("{e:#}")),
        });
    }
    placed
}

/// A line about each name and each trunk.
pub async fn look(config: &Config, trunks: Vec<Placed>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut by_address: BTreeMap<IpAddr, Vec<TrunkPeer>> = BTreeMap::new();
    for Placed { name, host, peer } in trunks {
        match peer {
            Ok(peer) => {
                let also = match peer.also_from.len() {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                findings.push(Finding::ok(
                    "names",
                    format!("trunk {name}: {host} is {}{also}", peer.addr),
                ));
                match address(config, &peer) {
                    Ok(ip) => by_address.entry(ip).or_default().push(peer),
                    Err(error) => findings.push(Finding::failure(
                        "trunks",
                        format!("trunk {name}: there is no way to {}: {error}", peer.addr),
                        "look at the routes of this machine (ip route get)",
                    )),
                }
            }
            Err(why) => findings.push(Finding::failure(
                "names",
                format!("trunk {name} cannot be used: {why}"),
                "correct its host, or the name servers of this machine (/etc/resolv.conf)",
            )),
        }
    }
    for (ip, peers) in by_address {
        let rtp = config.rtp.clone();
        let asked = tokio::task::spawn_blocking(move || ask(ip, &rtp, peers)).await;
        match asked.map_err(anyhow::Error::from).flatten() {
            Ok(heard) => findings.extend(heard),
            Err(error) => findings.push(Finding::failure(
                "trunks",
                format!("the SIP stack does not start on {ip}: {error:#}"),
                "set sip.listen and rtp.bind to addresses of this machine",
            )),
        }
    }
    findings
}

/// From where the daemon would speak to it: a trunk may know us by our address.
fn address(config: &Config, peer: &TrunkPeer) -> std::io::Result<IpAddr> {
    let listen = config.sip.listen.ip();
    if listen.is_unspecified() {
        return address_towards(peer.addr);
    }
    Ok(listen)
}

fn ask(ip: IpAddr, rtp: &Rtp, peers: Vec<TrunkPeer>) -> anyhow::Result<Vec<Finding>> {
    let stack = Stack::start(ip, rtp, peers.clone())?;
    let deadline = Instant::now() + ANSWERS_WITHIN;
    let mut heard: BTreeMap<TrunkId, Result<(), String>> = BTreeMap::new();
    while heard.len() < peers.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        match stack.events.recv_timeout(left) {
            Ok(TelephonyEvent::TrunkUp { trunk }) => {
                heard.insert(trunk, Ok(()));
            }
            Ok(TelephonyEvent::TrunkDown { trunk, reason }) => {
                heard.insert(trunk, Err(reason));
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
        }
    }
    stack.stop();
    let silent = || Err("nothing was heard".to_owned());
    let findings = peers.into_iter().map(|peer| {
        let (name, addr) = (&peer.name, peer.addr);
        match heard.get(&peer.id).cloned().unwrap_or_else(silent) {
            Ok(()) => Finding::ok("trunks", format!("trunk {name} at {addr} answers OPTIONS")),
            Err(why) => Finding::failure(
                "trunks",
                format!("trunk {name} at {addr} does not answer OPTIONS: {why}"),
                format!(
                    "see that {addr} is right, that firewalls let UDP through both ways, and that the carrier knows \
                     our address; some carriers answer OPTIONS only to accounts that are registered"
                ),
            ),
        }
    });
    Ok(findings.collect())
}
