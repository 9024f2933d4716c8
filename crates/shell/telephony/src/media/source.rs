//! Whose packets a leg hears, and where its own go.
//!
//! Ordinarily both are what SDP said: packets must come from that host, from any of its ports (a
//! gateway may send from one port and receive on another). Where far ends sit behind address
//! translation, the address in SDP is not theirs as we see it; then the first steady source that sends
//! to us within a grace is taken for them (symmetric RTP, RFC 4961), and nothing after it.

use std::net::SocketAddr;
use std::time::Duration;

use model::Timestamp;

/// How long after it is connected or answered a leg may learn its source.
const GRACE: Duration = Duration::from_secs(5);

/// Packets in a row of one stream from one address that make a source: a stray packet is none.
const STEADY: u32 = 3;

#[derive(Clone, Debug)]
pub(super) struct Source {
    agreed: SocketAddr,
    learning: Learning,
}

#[derive(Clone, Debug)]
enum Learning {
    Off,
    Until(Timestamp, Option<Candidate>),
    Learned(SocketAddr),
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    addr: SocketAddr,
    ssrc: u32,
    packets: u32,
}

impl Source {
    /// The address of SDP; learns another until a grace after `learn_from`, if that is given.
    pub(super) fn new(agreed: SocketAddr, learn_from: Option<Timestamp>) -> Self {
        let learning = match learn_from {
            Some(now) => Learning::Until(now + GRACE, None),
            None => Learning::Off,
        };
        Self { agreed, learning }
    }

    pub(super) const fn agreed(&self) -> SocketAddr {
        self.agreed
    }

    /// The leg is answered: a source that is not known yet may be learned from now on.
    pub(super) fn answered(&mut self, now: Timestamp) {
        if let Learning::Until(until, _) = &mut self.learning {
            *until = now + GRACE;
        }
    }

    /// Where packets to the far end go.
    pub(super) const fn destination(&self) -> SocketAddr {
        match self.learning {
            Learning::Learned(addr) => addr,
            Learning::Off | Learning::Until(..) => self.agreed,
        }
    }

    /// Whether a packet is the leg's.
    pub(super) fn accepts(&mut self, now: Timestamp, from: SocketAddr, ssrc: u32) -> bool {
        match &mut self.learning {
            Learning::Learned(addr) => *addr == from,
            Learning::Off => from.ip() == self.agreed.ip(),
            Learning::Until(until, _) if now > *until => {
                self.learning = Learning::Off;
                from.ip() == self.agreed.ip()
            }
            Learning::Until(_, candidate) => {
                if from == self.agreed {
                    self.learning = Learning::Learned(from);
                    return true;
                }
                let packets = match candidate {
                    Some(c) if (c.addr, c.ssrc) == (from, ssrc) => c.packets + 1,
                    Some(_) | None => 1,
                };
                *candidate = Some(Candidate {
                    addr: from,
                    ssrc,
                    packets,
                });
                if packets == STEADY {
                    self.learning = Learning::Learned(from);
                }
                packets == STEADY
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_learning_only_the_agreed_host_is_heard() {
        let mut source = Source::new(addr("192.0.2.1:4000"), None);
        assert!(source.accepts(at(0), addr("192.0.2.1:4002"), 1));
        assert!(!source.accepts(at(0), addr("192.0.2.2:4000"), 1));
        assert_eq!(source.destination(), addr("192.0.2.1:4000"));
    }

    #[test]
    fn the_first_steady_source_is_learned_and_no_other_after_it() {
        let mut source = Source::new(addr("10.0.0.5:4000"), Some(at(0)));
        let (phone, other) = (addr("203.0.113.7:61000"), addr("198.51.100.9:5000"));
        let heard: Vec<_> = [
            (phone, 1),
            (other, 9),
            (phone, 1),
            (phone, 2),
            (phone, 2),
            (phone, 2),
            (phone, 2),
        ]
        .into_iter()
        .map(|(from, ssrc)| source.accepts(at(100), from, ssrc))
        .collect();
        assert_eq!(heard, [false, false, false, false, false, true, true]);
        assert_eq!(source.destination(), phone);
        assert!(!(0..9).any(|_| source.accepts(at(200), other, 9)));
    }

    #[test]
    fn a_far_end_that_sends_from_where_it_said_is_learned_at_once() {
        let mut source = Source::new(addr("192.0.2.1:4000"), Some(at(0)));
        assert!(source.accepts(at(0), addr("192.0.2.1:4000"), 1));
        assert!(!source.accepts(at(0), addr("192.0.2.1:4002"), 1));
    }

    #[test]
    fn after_the_grace_nothing_is_learned_any_more() {
        let mut source = Source::new(addr("10.0.0.5:4000"), Some(at(0)));
        source.answered(at(20_000));
        let late = addr("203.0.113.7:61000");
        assert!(!(0..9).any(|_| source.accepts(at(25_001), late, 1)));
        assert_eq!(source.destination(), addr("10.0.0.5:4000"));
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }
}
