//! A 2xx that nobody waits for: a further branch of a forked call, an answer long after our CANCEL, a call of
//! a daemon that died. It is acknowledged and ended, so that nobody is left in silence.
//!
//! All that is needed stands in the response itself, so no leg has to be remembered for it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use model::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::address::Host;
use crate::dialog::Dialog;
use crate::exchange::NextHop;
use crate::message::Message;
use crate::method::Method;
use crate::wire::{Owner, Wake, Wire};

/// Most strays at a time; beyond it they are left to their peers' timers.
const STRAYS_MAX: usize = 4_096;

#[derive(Debug)]
struct Stray {
    to: SocketAddr,
    ack: Arc<[u8]>,
    until: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct Strays {
    table: BTreeMap<u128, Stray>,
}

impl Strays {
    /// Acknowledges and, the first time, ends.
    pub(crate) fn on_answer(
        &mut self,
        wire: &mut Wire,
        response: &Message<'_>,
        source: SocketAddr,
    ) {
        wire.tally.stray_responses += 1;
        let Some(key) = key(response) else { return };
        if let Some(stray) = self.table.get(&key) {
            wire.send(stray.to, stray.ack.clone());
            return;
        }
        // RFC 3261 section 18.1.2: a response to somebody else's request is not ours to act upon.
        let ours = response.via().is_some_and(|v| {
            v.host == Host::Ip(wire.local.ip()) && v.port.unwrap_or(5060) == wire.local.port()
        });
        if !ours || self.table.len() >= STRAYS_MAX {
            return;
        }
        let Some(dialog) = Dialog::of_response(response, source, NextHop::Dialog) else {
            return;
        };
        let (branch, to) = (wire.random.key(), dialog.destination());
        let ack: Arc<[u8]> = dialog
            .begin(wire, Method::Ack, dialog.local_cseq, branch)
            .end()
            .into();
        wire.send(to, ack.clone());
        let branch = wire.random.key();
        let bye = dialog
            .begin(
                wire,
                Method::Bye,
                dialog.local_cseq.saturating_add(1),
                branch,
            )
            .end();
        wire.start_request(Owner::Nobody, branch, to, bye);
        let until = wire.now.mono + wire.timers.t1_64();
        wire.schedule.set(Wake::Stray(key), None, Some(until));
        self.table.insert(key, Stray { to, ack, until });
    }

    pub(crate) fn on_time(&mut self, wire: &mut Wire, key: u128) {
        let Some(stray) = self.table.get(&key) else {
            return;
        };
        if wire.now.mono >= stray.until {
            self.table.remove(&key);
        } else {
            wire.schedule.set(Wake::Stray(key), None, Some(stray.until));
        }
    }
}

fn key(response: &Message<'_>) -> Option<u128> {
    let mut hash = Sha256::new();
    hash.update(response.call_id()?);
    hash.update([0]);
    hash.update(response.to()?.tag().unwrap_or_default());
    let digest: [u8; 32] = hash.finalize().into();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    Some(u128::from_be_bytes(key))
}
