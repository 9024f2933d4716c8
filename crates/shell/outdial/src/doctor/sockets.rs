//! Whose socket holds a port, as /proc tells it. proc(5), "/proc/net/tcp".

use std::collections::BTreeMap;
use std::fs;

/// A process that holds a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its name.
    pub name: String,
}

/// Of which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// Local ports in use, each with the inode of its socket.
pub fn in_use(protocol: Protocol) -> BTreeMap<u16, u64> {
    let files = match protocol {
        Protocol::Tcp => ["/proc/net/tcp", "/proc/net/tcp6"],
        Protocol::Udp => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let mut ports = BTreeMap::new();
    for file in files {
        let table = fs::read_to_string(file).unwrap_or_default();
        ports.extend(table.lines().skip(1).filter_map(|l| parse(l, protocol)));
    }
    ports
}

fn parse(line: &str, protocol: Protocol) -> Option<(u16, u64)> {
    /// `TCP_LISTEN` of the kernel's tcp_states.h.
    const LISTEN: &str = "0A";
    let mut fields = line.split_whitespace();
    let local = fields.nth(1)?;
    let state = fields.nth(1)?;
    if protocol == Protocol::Tcp && state != LISTEN {
        return None;
    }
    let port = u16::from_str_radix(local.rsplit(':').next()?, 16).ok()?;
    Some((port, fields.nth(5)?.parse().ok()?))
}

/// The process of a socket; `None` when it is gone, or not ours to look at.
pub fn holder(inode: u64) -> Option<Holder> {
    let socket = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let files = fs::read_dir(process.path().join("fd")).ok()?;
        let mut links = files.flatten().filter_map(|f| fs::read_link(f.path()).ok());
        links.any(|l| l.as_os_str() == socket.as_str()).then(|| {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            Holder {
                pid,
                name: name.trim().to_owned(),
            }
        })
    })
}

impl Holder {
    /// Whether it runs this very program: a daemon of ours.
    pub fn is_outdial(&self) -> bool {
        let ours = fs::read_to_string("/proc/self/comm").unwrap_or_default();
        self.name == ours.trim()
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn a_port_is_traced_to_the_process_that_holds_it() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        for (protocol, port) in [
            (Protocol::Udp, udp.local_addr().unwrap().port()),
            (Protocol::Tcp, tcp.local_addr().unwrap().port()),
        ] {
            let inode = in_use(protocol)[&port];
            assert_eq!(holder(inode).unwrap().pid, std::process::id());
        }
        assert_eq!(holder(0), None);
    }
}
