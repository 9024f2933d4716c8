//! A packet came: whose it is, what it says, and to whom it goes on.

use std::net::SocketAddr;

use engine::LegEvent;
use media::{Codec, RtpPacket};
use model::{LegId, Timestamp};

use super::audio_leg::{Heard, Refused};
use super::switchboard::{Switchboard, Wire};

impl Switchboard {
    /// Takes a datagram that came to the port of `leg`.
    pub(super) fn receive(
        &mut self,
        now: Timestamp,
        leg: LegId,
        from: SocketAddr,
        datagram: &[u8],
        wire: &mut impl Wire,
    ) {
        let Some(audio) = self.legs.get_mut(&leg) else {
            return;
        };
        let Ok(packet) = RtpPacket::read(datagram) else {
            self.counters.malformed.increment();
            return;
        };
        let heard = match audio.hear(now, from, &packet) {
            Ok(heard) => heard,
            Err(refused) => {
                match refused {
                    Refused::Foreign => self.counters.foreign.increment(),
                    Refused::Malformed => self.counters.malformed.increment(),
                    Refused::Repeated => self.counters.repeated.increment(),
                }
                return;
            }
        };
        self.counters.received.increment();
        if audio.watch.packet(now) {
            self.facts.push_back(LegEvent::AudioStarted { leg });
        }
        let partner = audio.partner;
        match heard {
            Heard::Audio(codec, starts) => {
                audio.order(codec, starts, &packet);
                self.relay_audio(now, partner, codec, &packet, wire);
            }
            Heard::Event(key) => {
                if let Some(key) = key.filter(|_| audio.is_answered()) {
                    let digit = key.digit();
                    self.facts.push_back(LegEvent::Digit { leg, digit });
                }
                self.relay_event(now, partner, &packet, wire);
            }
            Heard::Alive => {}
        }
    }

    /// Passes sound on at once, unless the partner hears it mixed with a play: then the next tick does.
    fn relay_audio(
        &mut self,
        now: Timestamp,
        partner: Option<LegId>,
        codec: Codec,
        packet: &RtpPacket<'_>,
        wire: &mut impl Wire,
    ) {
        let Some(audio) = partner.and_then(|partner| self.legs.get_mut(&partner)) else {
            return;
        };
        let Some(to) = audio.destination().filter(|_| audio.play.is_none()) else {
            return;
        };
        let samples = packet.payload.len() as u32;
        let payload_type = to.codec.payload_type();
        let header = audio
            .outgoing
            .relayed(now, &packet.header, payload_type, samples);
        let Some(header) = header else { return };
        if to.codec == codec {
            header.write(packet.payload, &mut self.packet);
        } else {
            header.write(&[], &mut self.packet);
            let transcoded = packet
                .payload
                .iter()
                .map(|b| to.codec.encode(codec.decode(*b)));
            self.packet.extend(transcoded);
        }
        audio.relayed_at = Some(now);
        wire.send(audio.port, to.addr, &self.packet);
    }

    /// Passes a key on to a partner who knows telephone-event: people steer machines from a talk.
    fn relay_event(
        &mut self,
        now: Timestamp,
        partner: Option<LegId>,
        packet: &RtpPacket<'_>,
        wire: &mut impl Wire,
    ) {
        let Some(audio) = partner.and_then(|partner| self.legs.get_mut(&partner)) else {
            return;
        };
        let Some(to) = audio.destination().filter(|_| audio.play.is_none()) else {
            return;
        };
        let Some(payload_type) = to.telephone_event else {
            return;
        };
        if let Some(header) = audio.outgoing.relayed(now, &packet.header, payload_type, 0) {
            header.write(packet.payload, &mut self.packet);
            audio.relayed_at = Some(now);
            wire.send(audio.port, to.addr, &self.packet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::{Bench, EVENT_TYPE, far_end, header};
    use crate::media_api::MediaCommand;
    use media::{Dtmf, EventSender, RtpHeader, dual_tone, tone_share};
    use std::time::Duration;

    #[test]
    fn a_partner_gets_each_packet_as_it_comes_with_its_own_bytes_under_our_numbers() {
        let mut bench = bridged(Codec::Alaw, Codec::Alaw);
        for n in [0, 1, 3, 2] {
            bench.packet(1, header(Codec::Alaw, n), &[n as u8; 160]);
        }
        let got: Vec<_> = bench
            .got(2)
            .iter()
            .map(|got| {
                (
                    got.header.ssrc,
                    got.header.sequence,
                    got.header.timestamp,
                    got.payload.clone(),
                )
            })
            .collect();
        let packet = |n: u16| (2, 100 + n, 1_000 + u32::from(n) * 160, vec![n as u8; 160]);
        assert_eq!(got, [packet(0), packet(1), packet(3), packet(2)]);
    }

    #[test]
    fn a_partner_with_another_codec_hears_the_same_sound() {
        for (from, to) in [(Codec::Alaw, Codec::Ulaw), (Codec::Ulaw, Codec::Alaw)] {
            let mut bench = bridged(from, to);
            bench.speak(
                1,
                from,
                &dual_tone(1_000.0, 0.0, -10.0, Duration::from_millis(200)),
            );
            let heard = bench.sound(2, to);
            assert_eq!(heard.len(), 1_600);
            assert!(tone_share(&heard, 1_000.0) > 0.98);
        }
    }

    #[test]
    fn a_repeated_packet_goes_on_once_and_silence_fills_a_pause() {
        let mut bench = bridged(Codec::Alaw, Codec::Alaw);
        bench.packet(1, header(Codec::Alaw, 0), &[7; 160]);
        bench.packet(1, header(Codec::Alaw, 0), &[7; 160]);
        assert_eq!(bench.got(2).len(), 1);
        bench.ticks(4);
        assert_eq!(bench.got(2).len(), 0, "a partner may be 100 ms late");
        bench.ticks(2);
        assert_eq!(bench.got(2).len(), 2);
    }

    #[test]
    fn a_key_press_is_reported_once_and_passed_on_with_its_marker_and_timestamp() {
        let mut bench = bridged(Codec::Alaw, Codec::Ulaw);
        press(&mut bench, Dtmf::Five);
        assert_eq!(
            bench.facts(),
            [LegEvent::Digit {
                leg: LegId(1),
                digit: '5'
            }]
        );
        let got = bench.got(2);
        assert_eq!(got.len(), 7);
        let first = got[0].header;
        assert!(first.marker && got[1..].iter().all(|got| !got.header.marker));
        for got in &got {
            assert_eq!(
                (got.header.payload_type, got.header.timestamp),
                (EVENT_TYPE, first.timestamp)
            );
        }
    }

    #[test]
    fn keys_in_a_stream_of_their_own_are_heard_between_packets_of_sound() {
        let mut bench = Bench::new();
        bench.talking_leg(1, Codec::Alaw, true);
        for n in 0..4 {
            bench.packet(1, header(Codec::Alaw, n), &[1; 160]);
            let of_their_own = RtpHeader {
                payload_type: EVENT_TYPE,
                ssrc: 9,
                timestamp: 5,
                ..header(Codec::Alaw, n)
            };
            bench.packet(1, of_their_own, &[8, 10, 0, 160]);
        }
        let digits = bench.facts().split_off(1);
        assert_eq!(
            digits,
            [LegEvent::Digit {
                leg: LegId(1),
                digit: '8'
            }]
        );
    }

    #[test]
    fn a_key_in_the_audio_is_heard_only_from_a_far_end_without_telephone_event() {
        for telephone_event in [true, false] {
            let mut bench = Bench::new();
            bench.talking_leg(1, Codec::Ulaw, telephone_event);
            let mut sound = Dtmf::Nine.sound(80);
            sound.extend([0; 1_600]);
            bench.speak(1, Codec::Ulaw, &sound);
            let mut facts = bench.facts();
            assert_eq!(facts.remove(0), LegEvent::AudioStarted { leg: LegId(1) });
            let digit = LegEvent::Digit {
                leg: LegId(1),
                digit: '9',
            };
            assert_eq!(facts, if telephone_event { vec![] } else { vec![digit] });
        }
    }

    #[test]
    fn garbage_other_payloads_and_other_hosts_are_counted_and_change_nothing() {
        let mut bench = bridged(Codec::Alaw, Codec::Alaw);
        let of_type = |payload_type| RtpHeader {
            payload_type,
            ..header(Codec::Alaw, 0)
        };
        bench.datagram(1, far_end(1), &[0x80; 5]);
        bench.datagram(1, far_end(1), &[]);
        bench.packet(1, of_type(96), &[1; 160]);
        bench.packet(1, of_type(8), &[1; 1_601]);
        let mut packet = Vec::new();
        header(Codec::Alaw, 0).write(&[1; 160], &mut packet);
        bench.datagram(1, far_end(3), &packet);
        assert_eq!((bench.got(2), bench.facts()), (vec![], vec![]));
        let counters = &bench.board.counters;
        assert_eq!((counters.malformed.get(), counters.foreign.get()), (4, 1));
    }

    #[test]
    fn our_packets_follow_a_phone_behind_address_translation_when_that_is_configured() {
        for learn in [false, true] {
            let mut bench = Bench::with(crate::PromptLibrary::default(), learn);
            bench.talking_leg(1, Codec::Alaw, true);
            let seen_from = "203.0.113.9:61000".parse().unwrap();
            for n in 0..3 {
                let mut packet = Vec::new();
                header(Codec::Alaw, n).write(&[1; 160], &mut packet);
                bench.datagram(1, seen_from, &packet);
            }
            bench.tick();
            let expected = if learn { seen_from } else { far_end(1) };
            assert_eq!(bench.destinations(), [expected], "learn: {learn}");
        }
    }

    fn bridged(a: Codec, b: Codec) -> Bench {
        let mut bench = Bench::new();
        bench.talking_leg(1, a, true);
        bench.talking_leg(2, b, true);
        bench.command(MediaCommand::Bridge {
            a: LegId(1),
            b: LegId(2),
        });
        bench.packet(
            1,
            RtpHeader {
                payload_type: 13,
                ..header(a, u16::MAX)
            },
            &[],
        );
        bench.facts();
        bench
    }

    /// 100 ms of a key: five packets, the last of them thrice.
    fn press(bench: &mut Bench, key: Dtmf) {
        for (n, event) in EventSender::new(key, Duration::from_millis(100)).enumerate() {
            let header = RtpHeader {
                marker: event.marker,
                payload_type: EVENT_TYPE,
                timestamp: 70_000,
                ..header(Codec::Alaw, n as u16)
            };
            bench.packet(1, header, &event.payload);
        }
    }
}
