//! A user agent on its socket.

use std::net::SocketAddr;

use mio::net::UdpSocket;
use model::{Now, Timestamp};
use sip::{Effect, Event, Inbound, Input, Options, Timers, UserAgent};

use crate::draw::Draw;
use crate::error::TestkitError;
use crate::socket::{SIP_BUFFER_BYTES, bind};

/// More calls than any test holds at once.
const LEGS_MAX: usize = 100_000;

pub(crate) struct SipSocket {
    pub(crate) socket: UdpSocket,
    pub(crate) addr: SocketAddr,
    product: &'static str,
    ua: UserAgent,
}

impl SipSocket {
    pub(crate) fn bind(
        listen: SocketAddr,
        product: &'static str,
        draw: &mut Draw,
    ) -> Result<Self, TestkitError> {
        let (socket, addr) = bind(listen, SIP_BUFFER_BYTES)?;
        Ok(Self {
            socket,
            addr,
            product,
            ua: user_agent(addr, product, draw),
        })
    }

    /// Forgets every call and registration, as a phone that was switched off.
    pub(crate) fn forget(&mut self, draw: &mut Draw) {
        self.ua = user_agent(self.addr, self.product, draw);
    }

    /// Tells the user agent, sends what it wants sent, and returns what it reports.
    pub(crate) fn handle(&mut self, now: Now, input: Input<'_>) -> Vec<Event> {
        self.ua.handle(now, input);
        let mut events = Vec::new();
        let mut failed = Vec::new();
        while let Some(effect) = self.ua.poll_effect() {
            match effect {
                Effect::Report(event) => events.push(event),
                Effect::Send { to, bytes, sender } => {
                    if self.send(to, &bytes).is_err() {
                        failed.push(sender);
                    }
                }
            }
        }
        for sender in failed {
            events.extend(self.handle(now, Input::SendFailed { sender }));
        }
        events
    }

    pub(crate) fn send(&self, to: SocketAddr, bytes: &[u8]) -> std::io::Result<()> {
        self.socket.send_to(bytes, to).map(|_| ())
    }

    pub(crate) fn next_wakeup(&self) -> Option<Timestamp> {
        self.ua.next_wakeup()
    }
}

fn user_agent(addr: SocketAddr, product: &str, draw: &mut Draw) -> UserAgent {
    let options = Options {
        local: addr,
        product: product.to_owned(),
        timers: Timers::default(),
        legs_max: LEGS_MAX,
        inbound: Inbound::Report,
        realm: None,
    };
    UserAgent::new(options, draw.bytes32())
}
