//! Whether peers can send to the addresses that we write into messages.

use std::net::{IpAddr, UdpSocket};

use super::trunks::Placed;
use crate::config::Config;
use crate::finding::Finding;

/// What a peer sees, against where the trunks are.
pub fn look(config: &Config, trunks: &[Placed]) -> Vec<Finding> {
    let sip = config
        .sip_advertised()
        .map_or(config.sip.listen.ip(), |a| a.ip());
    let rtp = config.rtp_advertised();
    vec![
        advertised("sip address", "sip.advertised", sip, trunks),
        advertised("audio address", "rtp.advertised", rtp, trunks),
    ]
}

fn advertised(check: &'static str, key: &str, ours: IpAddr, trunks: &[Placed]) -> Finding {
    let theirs = |wanted: &dyn Fn(IpAddr) -> bool| {
        trunks.iter().find_map(|t| {
            let addr = t.peer.as_ref().ok()?.addr.ip();
            wanted(addr).then(|| (t.name.clone(), addr))
        })
    };
    if ours.is_loopback()
        && let Some((name, addr)) = theirs(&|ip| !ip.is_loopback())
    {
        return Finding::failure(
            check,
            format!("trunk {name} at {addr} is told to send to {ours}, which is itself"),
            format!("set {key} to the address under which {addr} reaches this machine"),
        );
    }
    if is_private(ours)
        && let Some((name, addr)) = theirs(&|ip| !is_private(ip) && !ip.is_loopback())
    {
        return Finding::warning(
            check,
            format!(
                "trunk {name} at the public address {addr} is told to send to {ours}, which is private"
            ),
            format!(
                "set {key} to this network's public address and forward the ports, unless the carrier ignores what we say"
            ),
        );
    }
    if ours.is_unspecified() || UdpSocket::bind((ours, 0)).is_ok() {
        Finding::ok(check, format!("peers are told {ours}"))
    } else {
        Finding::ok(
            check,
            format!(
                "peers are told {ours}, which is not of this machine: its ports must be forwarded here"
            ),
        )
    }
}

/// Not routed on the public network: RFC 1918, RFC 6598 (shared with the carrier), RFC 3927, RFC 4193, RFC 4291
/// section 2.5.6.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && b & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use telephony::TrunkPeer;

    use super::*;
    use crate::finding::State;

    fn trunk(addr: &str) -> Placed {
        let peer: TrunkPeer = crate::cli::plain_trunk(addr.parse().unwrap());
        Placed {
            name: "main".to_owned(),
            host: "carrier.example".to_owned(),
            peer: Ok(peer),
        }
    }

    #[test]
    fn an_address_that_the_trunk_cannot_reach_is_told_before_the_first_silent_call() {
        for (ours, trunk_at, state) in [
            ("127.0.0.1", "127.0.0.1:5060", State::Ok),
            ("127.0.0.1", "192.0.2.1:5060", State::Failure),
            ("10.0.0.5", "10.0.0.9:5060", State::Ok),
            ("10.0.0.5", "192.0.2.1:5060", State::Warning),
            ("100.64.0.5", "192.0.2.1:5060", State::Warning),
            ("198.51.100.7", "192.0.2.1:5060", State::Ok),
            ("fd00::5", "[2001:db8::1]:5060", State::Warning),
        ] {
            let found = advertised(
                "sip address",
                "sip.advertised",
                ours.parse().unwrap(),
                &[trunk(trunk_at)],
            );
            assert_eq!(found.state, state, "{ours} towards {trunk_at}: {found:?}");
        }
    }
}
