//! Whom to call and through which trunk, as written on the command line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::str::FromStr;

use anyhow::Context;
use model::E164;
use telephony::NumberForm;

/// RFC 3261 section 19.1.2: the port when a URI names none.
const SIP_PORT: u16 = 5_060;

/// `sip:NUMBER@HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The number.
    pub number: E164,
    /// With or without the plus, as it was written.
    pub form: NumberForm,
    /// The first trunk.
    pub host: HostPort,
}

/// `HOST[:PORT]`, IPv6 addresses in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// What was written is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not of the form.
    #[error("\"{0}\" is no target; write sip:+15550100@192.0.2.10:5060")]
    Form(String),
    /// The user part is no number.
    #[error("\"{0}\" is no telephone number of 7 to 15 digits; write it like +15550100123")]
    Number(String),
    /// The host part cannot be read.
    #[error(
        "\"{0}\" is no host with an optional port; write 192.0.2.10:5060 or [2001:db8::1]:5060"
    )]
    Host(String),
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let form = || TargetError::Form(text.to_owned());
        // RFC 3261 section 19.1.4: the scheme is compared without case.
        let rest = match text.get(..4) {
            Some(scheme) if scheme.eq_ignore_ascii_case("sip:") => text.get(4..),
            _ => None,
        };
        let (number, host) = rest.ok_or_else(form)?.split_once('@').ok_or_else(form)?;
        let digits = number.strip_prefix('+').unwrap_or(number);
        Ok(Self {
            number: format!("+{digits}")
                .parse()
                .map_err(|_| TargetError::Number(number.to_owned()))?,
            form: if digits == number {
                NumberForm::Digits
            } else {
                NumberForm::Plus
            },
            host: host.parse()?,
        })
    }
}

impl FromStr for HostPort {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let wrong = || TargetError::Host(text.to_owned());
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
                host.parse::<Ipv6Addr>().map_err(|_| wrong())?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':').ok_or_else(wrong)?),
                };
                (host, port)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "<>;?@".contains(c)) {
            return Err(wrong());
        }
        let port = match port.map(str::parse) {
            None => SIP_PORT,
            Some(Ok(port)) if port != 0 => port,
            Some(_) => return Err(wrong()),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl HostPort {
    /// The first address of the host.
    ///
    /// # Errors
    /// When the name is not known.
    pub fn resolve(&self) -> anyhow::Result<SocketAddr> {
        let unknown = || format!("no address is known for host {}", self.host);
        (self.host.as_str(), self.port)
            .to_socket_addrs()
            .with_context(unknown)?
            .next()
            .with_context(unknown)
    }
}

/// The address that packets to `peer` leave from: loopback for a peer on this machine, else what the
/// system's routes say.
///
/// # Errors
/// When there is no route.
pub fn address_towards(peer: SocketAddr) -> std::io::Result<IpAddr> {
    if peer.ip().is_loopback() {
        return Ok(match peer {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let any: IpAddr = match peer {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0))?;
    // Sends nothing: a datagram socket only remembers its peer and takes the route's address.
    socket.connect(peer)?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_dialled_with_a_plus_only_when_it_was_written_with_one() {
        for (text, form) in [
            ("sip:+4930123456@carrier.example", NumberForm::Plus),
            ("SIP:4930123456@carrier.example:5070", NumberForm::Digits),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.number.to_string(), "+4930123456");
            assert_eq!(target.form, form, "{text}");
        }
    }

    #[test]
    fn a_host_without_a_port_has_the_port_of_sip() {
        for (text, host, port) in [
            ("192.0.2.1", "192.0.2.1", 5060),
            ("192.0.2.1:5070", "192.0.2.1", 5070),
            ("[2001:db8::1]", "2001:db8::1", 5060),
            ("[2001:db8::1]:5070", "2001:db8::1", 5070),
        ] {
            let read: HostPort = text.parse().unwrap();
            assert_eq!((read.host.as_str(), read.port), (host, port));
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_what_to_write() {
        for text in [
            "",
            "4930123456@host",
            "sip:host",
            "sip:bob@host",
            "sip:+49301@host",
            "sip:+4930123456@",
            "sip:+4930123456@host:0",
            "sip:+4930123456@host:70000",
            "sip:+4930123456@[::1",
            "sip:+4930123456@[host]",
            "sip:+4930123456@host;transport=tcp",
            "тел:+4930123456@host",
        ] {
            let refused = text.parse::<Target>().unwrap_err().to_string();
            assert!(refused.contains("write"), "{text}: {refused}");
        }
    }

    #[test]
    fn a_peer_on_this_machine_is_called_from_loopback() {
        let peer = "127.0.0.1:5060".parse().unwrap();
        assert_eq!(address_towards(peer).unwrap().to_string(), "127.0.0.1");
    }
}
