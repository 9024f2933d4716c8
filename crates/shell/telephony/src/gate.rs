//! Who may speak to us: decided from the source and the first bytes, and for strangers from the branch or tag.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use model::AgentId;
use sip::{Glance, Method, glance};

use crate::trunk::TrunkPeer;

/// Addresses remembered per agent: as many as the registrar keeps phones.
const ADDRESSES_MAX: usize = 4;

/// The list of known sources.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    trunks: BTreeSet<IpAddr>,
    phones: BTreeMap<AgentId, Vec<IpAddr>>,
    /// Whether phones may register: a REGISTER may then come from anywhere.
    registrar: bool,
}

impl Gate {
    pub(crate) fn new(registrar: bool) -> Self {
        Self {
            registrar,
            ..Self::default()
        }
    }

    pub(crate) fn set_trunks<'a>(&mut self, trunks: impl Iterator<Item = &'a TrunkPeer>) {
        self.trunks = trunks
            .flat_map(|t| t.also_from.iter().copied().chain([t.addr.ip()]))
            .collect();
    }

    pub(crate) fn phone_came(&mut self, agent: AgentId, source: SocketAddr) {
        let known = self.phones.entry(agent).or_default();
        known.retain(|ip| *ip != source.ip());
        if known.len() == ADDRESSES_MAX {
            known.remove(0);
        }
        known.push(source.ip());
    }

    pub(crate) fn phone_gone(&mut self, agent: AgentId) {
        self.phones.remove(&agent);
    }

    /// Whether a datagram goes to the user agent. `is_expected` is asked last: it has to read the message.
    pub(crate) fn admits(
        &self,
        from: SocketAddr,
        bytes: &[u8],
        is_expected: impl FnOnce() -> bool,
    ) -> bool {
        let register = match glance(bytes) {
            Glance::KeepAlive | Glance::Noise => return false,
            Glance::Request(method) => method == Method::Register,
            Glance::Response => false,
        };
        (register && self.registrar)
            || self.trunks.contains(&from.ip())
            || self.phones.values().any(|ips| ips.contains(&from.ip()))
            || is_expected()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_may_only_register_and_only_where_there_is_a_registrar() {
        let stranger: SocketAddr = "203.0.113.9:5060".parse().unwrap();
        for (registrar, bytes, admitted) in [
            (true, b"REGISTER sip:x SIP/2.0\r\n".as_slice(), true),
            (false, b"REGISTER sip:x SIP/2.0\r\n", false),
            (true, b"INVITE sip:x SIP/2.0\r\n", false),
            (true, b"SIP/2.0 200 OK\r\n", false),
            (true, b"\r\n\r\n", false),
        ] {
            assert_eq!(
                Gate::new(registrar).admits(stranger, bytes, || false),
                admitted,
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_phone_is_known_from_its_registration_until_it_is_gone() {
        let mut gate = Gate::new(true);
        let phone: SocketAddr = "203.0.113.9:5060".parse().unwrap();
        gate.phone_came(AgentId(1), phone);
        assert!(gate.admits(phone, b"BYE sip:x SIP/2.0\r\n", || false));
        gate.phone_gone(AgentId(1));
        assert!(!gate.admits(phone, b"BYE sip:x SIP/2.0\r\n", || false));
    }
}
