//! RFC 4475 torture messages and RFC 5118 IPv6 forms, as files in `torture/`, with CR LF line ends.
//!
//! Not among them, because what they test is not done here: `longreq` (a body of long values; the limits
//! have a test of their own), `mpart01`, `regbadct`, `invut`, `sdp01` (bodies and content types are judged by
//! offer/answer), `escruri`, `ltgtruri`, `baddn`, `baddate`, `badaspec`, `unkscm`, `unksm2`, `regaut01`,
//! `regescrt`, `zeromf`, `cparam01`, `cparam02`, `multi01`, `mcl01`, `bcast` (header values that a user agent
//! of trunks and phones does not read, or proxy duties).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod net;

use net::*;
use sip::{BodyProblem, Input, Message, ReadError, Uri, UserAgent};

/// Whether Via, From, To, CSeq and Contact can all be read.
fn reads_fully(m: &Message<'_>) -> bool {
    let contact = m.header(sip::HeaderName::Contact).is_none() || m.contact().is_some();
    m.via().is_some() && m.from().is_some() && m.to().is_some() && m.cseq().is_some() && contact
}

macro_rules! file {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("torture/", $name, ".sip")).as_slice(),
        )
    };
}

#[test]
fn well_formed_messages_are_read_in_full() {
    for (name, bytes) in [
        file!("wsinv"),
        file!("intmeth"),
        file!("esc01"),
        file!("escnull"),
        file!("esc02"),
        file!("lwsdisp"),
        file!("dblreq"),
        file!("semiuri"),
        file!("transports"),
        file!("unreason"),
        file!("noreason"),
        file!("lwsstart"),
        file!("trws"),
        file!("badbranch"),
        file!("bext01"),
        file!("novelsc"),
        file!("inv2543"),
    ] {
        let m = Message::read(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(reads_fully(&m), "{name}: {m:?}");
        assert_eq!(m.body_problem(), None, "{name}");
    }
}

#[test]
fn the_tortuous_invite_yields_its_values() {
    let (_, bytes) = file!("wsinv");
    let m = Message::read(bytes).unwrap();
    assert_eq!(m.to().unwrap().tag(), Some(b"1918181833n".as_slice()));
    assert_eq!(m.from().unwrap().tag(), Some(b"98asjd8".as_slice()));
    assert_eq!(m.cseq().unwrap().number, 9);
    assert_eq!(m.contact().unwrap().uri, b"sip:jdrosen@example.com");
    let branches: Vec<_> = m
        .list(sip::HeaderName::Via)
        .filter_map(|v| sip::Via::read(v)?.branch())
        .collect();
    assert_eq!(
        branches,
        [b"390skdjuw".as_slice(), b"z9hG4bK9ikj8", b"z9hG4bK30239"]
    );
}

#[test]
fn the_second_message_of_a_datagram_is_no_body_of_the_first() {
    let (_, bytes) = file!("dblreq");
    assert_eq!(Message::read(bytes).unwrap().body(), b"");
}

#[test]
fn malformed_messages_are_found_out_where_the_value_is_read() {
    type Fault = fn(&Message<'_>) -> bool;
    let faults: [((&str, &[u8]), Fault); 9] = [
        (file!("badinv01"), |m| {
            m.via().is_some_and(|v| v.branch().is_none())
        }),
        (file!("clerr"), |m| {
            m.body_problem() == Some(BodyProblem::Truncated)
        }),
        (file!("ncl"), |m| {
            m.body_problem() == Some(BodyProblem::Length)
        }),
        (file!("scalar02"), |m| {
            m.cseq().is_none() && m.expires().is_none()
        }),
        (file!("scalarlg"), |m| {
            m.cseq().is_none() && m.retry_after().is_none()
        }),
        (file!("quotbal"), |m| {
            m.to().is_none_or(|t| t.uri != b"sip:j.user@example.com")
        }),
        (file!("mismatch01"), |m| m.cseq_method() != m.method()),
        (file!("mismatch02"), |m| m.cseq_method() != m.method()),
        (file!("insuf"), |m| {
            m.to().is_none() && m.from().is_none() && m.call_id().is_none()
        }),
    ];
    for ((name, bytes), is_found) in faults {
        let m = Message::read(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(is_found(&m), "{name}");
    }
}

#[test]
fn what_has_no_start_line_of_sip_2_0_is_refused() {
    for (name, bytes) in [file!("badvers"), file!("bigcode"), file!("lwsruri")] {
        assert_eq!(
            Message::read(bytes).map(|_| ()),
            Err(ReadError::StartLine),
            "{name}"
        );
    }
}

#[test]
fn requests_that_are_wrong_are_answered_as_the_rfc_says() {
    for ((name, bytes), status) in [
        (file!("clerr"), Some("400")),
        (file!("ncl"), Some("400")),
        (file!("scalar02"), Some("400")),
        (file!("mismatch01"), Some("400")),
        (file!("insuf"), Some("400")),
        (file!("bext01"), Some("420")),
        (file!("intmeth"), Some("501")),
        (file!("esc02"), Some("501")),
        (file!("semiuri"), Some("200")),
        (file!("transports"), Some("200")),
        (file!("escnull"), Some("401")),
        (file!("badvers"), None),
        (file!("unreason"), None),
    ] {
        let mut ua = UserAgent::new(options(DIALER), [1; 32]);
        ua.handle(
            Net::new().now,
            Input::Datagram {
                from: addr(CARRIER),
                bytes,
            },
        );
        let sent = match ua.poll_effect() {
            Some(sip::Effect::Send { bytes, .. }) => {
                Some(String::from_utf8_lossy(&bytes[8..11]).into_owned())
            }
            _ => None,
        };
        assert_eq!(sent.as_deref(), status, "{name}");
    }
}

#[test]
fn ipv6_addresses_are_read_in_brackets_only() {
    for ((name, bytes), uri) in [
        (file!("ipv6-good"), Some("[2001:db8::10]:5060")),
        (file!("ipv6-bad"), None),
        (file!("port-ambiguous"), Some("[2001:db8::10:5070]:5060")),
        (file!("port-unambiguous"), Some("[2001:db8::10]:5070")),
        (
            file!("via-received-param-with-delim"),
            Some("[2001:db8::10]:5060"),
        ),
        (
            file!("via-received-param-no-delim"),
            Some("[2001:db8::10]:5060"),
        ),
        (file!("ipv4-mapped"), Some("[::ffff:192.0.2.10]:5060")),
        (file!("mult-ip-in-header"), Some("[2001:db8::10]:5060")),
    ] {
        let m = Message::read(bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(reads_fully(&m), "{name}");
        let got = m
            .request_uri()
            .and_then(Uri::read)
            .and_then(|u| u.socket_addr());
        assert_eq!(got, uri.map(addr), "{name}");
    }
}
