//! Whether the addresses can be listened on, and whether there are ports and files enough for the audio.

use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use super::sockets::{Protocol, holder, in_use};
use crate::config::{Config, Rtp};
use crate::finding::Finding;
use crate::health::get;

/// All ports of a configuration.
pub fn look(config: &Config) -> Vec<Finding> {
    let daemon_answers = answers(config.admin.listen);
    let udp = |addr| UdpSocket::bind(addr).map(drop);
    let tcp = |addr| TcpListener::bind(addr).map(drop);
    let mut findings = vec![
        port(
            "sip port",
            "sip.listen",
            config.sip.listen,
            Protocol::Udp,
            udp(config.sip.listen),
            daemon_answers,
        ),
        port(
            "api port",
            "api.listen",
            config.api.listen,
            Protocol::Tcp,
            tcp(config.api.listen),
            daemon_answers,
        ),
        port(
            "admin port",
            "admin.listen",
            config.admin.listen,
            Protocol::Tcp,
            tcp(config.admin.listen),
            daemon_answers,
        ),
    ];
    findings.extend(audio(&config.rtp));
    findings
}

fn port(
    check: &'static str,
    key: &str,
    addr: SocketAddr,
    protocol: Protocol,
    bound: Result<(), Error>,
    daemon_answers: bool,
) -> Finding {
    let error = match bound {
        Ok(()) if addr.port() == 0 => return Finding::ok(check, format!("{addr}: any")),
        Ok(()) => return Finding::ok(check, format!("{addr} is free")),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::AddrInUse => {
            let whose = in_use(protocol).get(&addr.port()).copied().and_then(holder);
            match whose {
                Some(h) if h.is_outdial() => Finding::ok(
                    check,
                    format!("{addr} is held by the daemon, process {}", h.pid),
                ),
                Some(h) => Finding::failure(
                    check,
                    format!("{addr} is held by {}, process {}", h.name, h.pid),
                    format!("stop that process, or set {key} to another port"),
                ),
                None if daemon_answers => {
                    Finding::ok(check, format!("{addr} is held, and a daemon answers here"))
                }
                None => Finding::failure(
                    check,
                    format!("{addr} is held by a process that we may not see"),
                    format!("run this as root to see whose it is, or set {key} to another port"),
                ),
            }
        }
        ErrorKind::AddrNotAvailable => Finding::failure(
            check,
            format!("{} is no address of this machine", addr.ip()),
            format!(
                "set {key} to one that \"ip addr\" shows, or to 0.0.0.0 with an advertised address"
            ),
        ),
        ErrorKind::PermissionDenied => Finding::failure(
            check,
            format!("{addr} may not be listened on by this user"),
            format!("set {key} to a port from 1024 on"),
        ),
        _ => Finding::failure(
            check,
            format!("{addr} cannot be listened on: {error}"),
            format!("set {key}"),
        ),
    }
}

/// Whether a daemon of ours says there that it lives.
fn answers(admin: SocketAddr) -> bool {
    get(admin, "/metrics", Duration::from_secs(1))
        .is_ok_and(|answer| answer.body.contains("outdial_build_info"))
}

/// Each leg has two sockets (RTP and RTCP); the rest of the daemon needs some hundreds of files.
const FILES_BESIDE_AUDIO: u64 = 512;

fn audio(rtp: &Rtp) -> Vec<Finding> {
    let ports = u64::from(rtp.port_to.saturating_sub(rtp.port_from)) + 1;
    let legs = ports / 2;
    let range = format!("{}-{}", rtp.port_from, rtp.port_to);
    let mut findings = Vec::new();
    if let Err(error) = UdpSocket::bind((rtp.bind, 0)) {
        findings.push(Finding::failure(
            "audio ports",
            format!("{} cannot be bound: {error}", rtp.bind),
            "set rtp.bind to an address of this machine",
        ));
    }
    let others = held_by_others(rtp);
    let system = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let handed_out = system.ok().and_then(|text| ends(&text));
    if let Some((port, name)) = others.first() {
        findings.push(Finding::warning(
            "audio ports",
            format!(
                "{} of {range} are held by others, {port} by {name}",
                others.len()
            ),
            "set rtp.port_from and rtp.port_to to a range that nothing else uses",
        ));
    } else if let Some((first, last)) =
        handed_out.filter(|(first, last)| rtp.port_to >= *first && rtp.port_from <= *last)
    {
        findings.push(Finding::warning(
            "audio ports",
            format!("the system hands out {first} to {last} to anybody, which meets {range}"),
            format!(
                "choose a range below {first}, or sysctl net.ipv4.ip_local_reserved_ports={range}"
            ),
        ));
    } else if findings.is_empty() {
        findings.push(Finding::ok(
            "audio ports",
            format!("{range}: {legs} legs, two for each talk"),
        ));
    }
    let needed = ports + FILES_BESIDE_AUDIO;
    let may = getrlimit(Resource::Nofile).maximum;
    findings.push(match may {
        Some(may) if may < needed => Finding::warning(
            "open files",
            format!("{legs} legs need {needed}, {may} may be open"),
            "raise the limit (LimitNOFILE= of the service, ulimit -Hn), or narrow rtp.port_from and rtp.port_to",
        ),
        _ => Finding::ok(
            "open files",
            format!("{legs} legs need {needed}, which the limit allows"),
        ),
    });
    findings
}

/// Ports of the range with the names of the processes that hold them, when those are not daemons of ours.
fn held_by_others(rtp: &Rtp) -> Vec<(u16, String)> {
    let held = in_use(Protocol::Udp);
    let held = held.range(rtp.port_from..=rtp.port_to);
    held.filter_map(|(port, inode)| match holder(*inode) {
        Some(h) if h.is_outdial() => None,
        Some(h) => Some((*port, format!("{} (process {})", h.name, h.pid))),
        None => Some((*port, "a process that we may not see".to_owned())),
    })
    .collect()
}

/// Two numbers.
fn ends(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace();
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
