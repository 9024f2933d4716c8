//! Bytes from outside: printed messages read the same again, and no bytes do harm.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod net;

use net::*;
use proptest::prelude::*;
use sip::{Command, HeaderName, Input, Message, UserAgent, Writer};

const SEED: &str = "INVITE sip:+4930@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK77;rport\r\n\
    Max-Forwards: 70\r\nf: \"Q\" <sip:a@192.0.2.2>;tag=1\r\nt: <sip:b@192.0.2.1>\r\ni: id\r\nCSeq: 1 INVITE\r\n\
    m: <sip:a@192.0.2.2>\r\nRecord-Route: <sip:192.0.2.3;lr>,\r\n <sip:192.0.2.4;lr>\r\nc: application/sdp\r\n\r\n\
    v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n\
    a=rtpmap:101 telephone-event/8000\r\n";

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![9 => 0x20_u8..0x7f, 1 => any::<u8>()], 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_reads_the_same_and_prints_the_same(
        headers in prop::collection::vec(("[A-Za-z-]{1,20}", value()), 0..20),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut w = Writer::request("OPTIONS", b"sip:h");
        for (name, value) in &headers {
            // Content-Length is the writer's own.
            if !["content-length", "l"].contains(&name.to_ascii_lowercase().as_str()) {
                w.header(name, value);
            }
        }
        let bytes = w.body("x/y", &body);
        let message = Message::read(&bytes).unwrap();
        prop_assert_eq!(message.body(), &body);
        let printed = message.print();
        prop_assert_eq!(Message::read(&printed).unwrap(), message);
    }

    #[test]
    fn no_mutation_of_a_message_harms_a_user_agent(
        edits in prop::collection::vec((0_usize..900, any::<u8>(), 0_u8..3), 1..12),
    ) {
        let mut bytes = SEED.as_bytes().to_vec();
        for (at, byte, kind) in edits {
            let at = at % bytes.len();
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
        }
        touch_everything(&bytes);
        let mut ua = UserAgent::new(options(DIALER), [1; 32]);
        let now = Net::new().now;
        ua.handle(now, Input::Command(Command::Invite(Box::new(invite(1)))));
        ua.handle(now, Input::Datagram { from: addr(CARRIER), bytes: &bytes });
        while ua.poll_effect().is_some() {}
    }

    #[test]
    fn no_bytes_at_all_harm_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        touch_everything(&bytes);
    }
}

fn touch_everything(bytes: &[u8]) {
    sip::glance(bytes);
    let Ok(m) = Message::read(bytes) else { return };
    let seen = (
        m.via(),
        m.from(),
        m.to(),
        m.cseq(),
        m.contact(),
        m.expires(),
        m.retry_after(),
    );
    let lists = m.list(HeaderName::RecordRoute).count() + m.list(HeaderName::Via).count();
    let reason = m.reason();
    assert!(
        reason.q850.is_none_or(|c| c < 128) && lists <= bytes.len(),
        "{seen:?}"
    );
    assert_eq!(
        Message::read(&m.print()).map(|m| m.headers().len()),
        Ok(m.headers().len())
    );
}

#[test]
fn a_display_name_in_cp1251_loses_nothing() {
    let bytes = [b"SIP/2.0 200 OK\r\nFrom: \"\xcf\xf0\xe8\xe2\xe5\xf2\" <sip:a@h>;tag=1\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\n\r\nbody".as_slice()].concat();
    let m = Message::read(&bytes).unwrap();
    assert_eq!(m.from().unwrap().tag(), Some(b"1".as_slice()));
    assert_eq!(
        (m.call_id(), m.cseq().unwrap().number),
        (Some(b"x".as_slice()), 7)
    );
    assert_eq!(
        m.body(),
        b"body",
        "without Content-Length the body is the rest of the datagram"
    );
}

#[test]
fn limits_refuse_what_is_too_much() {
    use sip::{HEADERS_MAX, MESSAGE_BYTES_MAX, ReadError};
    let many = format!(
        "OPTIONS sip:h SIP/2.0\r\n{}\r\n",
        "X: y\r\n".repeat(HEADERS_MAX + 1)
    );
    assert_eq!(
        Message::read(many.as_bytes()),
        Err(ReadError::TooManyHeaders)
    );
    let long = vec![b'x'; MESSAGE_BYTES_MAX + 1];
    assert_eq!(Message::read(&long), Err(ReadError::TooLong(long.len())));
    assert_eq!(Message::read(b"\r\n\r\n"), Err(ReadError::Empty));
}

#[test]
fn a_glance_tells_noise_from_messages() {
    use sip::{Glance, Method, glance};
    for (bytes, seen) in [
        (b"SIP/2.0 200 OK\r\n".as_slice(), Glance::Response),
        (
            b"REGISTER sip:h SIP/2.0\r\n",
            Glance::Request(Method::Register),
        ),
        (b"\r\n\r\n", Glance::KeepAlive),
        (b"\0\0\0\0", Glance::KeepAlive),
        (b"\x16\x03\x01", Glance::Noise),
        (b"GET", Glance::Noise),
        (b" x", Glance::Noise),
    ] {
        assert_eq!(glance(bytes), seen, "{bytes:?}");
    }
}
