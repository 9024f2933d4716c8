//! UDP sockets of loopback, and no others.

use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::TestkitError;

/// A thousand calls a second must fit while the thread is not scheduled for some 100 ms. The kernel may
/// cap it.
pub(crate) const SIP_BUFFER_BYTES: usize = 4 << 20;

/// One second of G.711 and more.
pub(crate) const RTP_BUFFER_BYTES: usize = 64 << 10;

/// Refuses an address that others than this machine can reach.
pub(crate) fn must_be_loopback(addr: SocketAddr) -> Result<(), TestkitError> {
    // An IPv4 loopback written as an IPv6 address is one too.
    let local = match addr.ip() {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    };
    if local {
        Ok(())
    } else {
        Err(TestkitError::NotLoopback { addr })
    }
}

/// Opens a socket on a loopback address and returns it with its address; port 0 takes any.
pub(crate) fn bind(
    addr: SocketAddr,
    receive_buffer_bytes: usize,
) -> Result<(UdpSocket, SocketAddr), TestkitError> {
    must_be_loopback(addr)?;
    let refused = |cause| TestkitError::Bind { addr, cause };
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))
        .map_err(refused)?;
    socket
        .set_recv_buffer_size(receive_buffer_bytes)
        .map_err(refused)?;
    socket.set_nonblocking(true).map_err(refused)?;
    socket.bind(&addr.into()).map_err(refused)?;
    let socket = UdpSocket::from_std(socket.into());
    let local = socket.local_addr().map_err(refused)?;
    Ok((socket, local))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_are_bound() {
        for refused in ["0.0.0.0:0", "192.0.2.1:5060", "[::]:0", "[2001:db8::1]:0"] {
            let addr = refused.parse().unwrap();
            let error = bind(addr, RTP_BUFFER_BYTES).unwrap_err();
            assert!(
                matches!(error, TestkitError::NotLoopback { addr: a } if a == addr),
                "{refused}: {error}"
            );
        }
        for taken in ["127.0.0.1:0", "127.3.2.1:0"] {
            let (_, local) = bind(taken.parse().unwrap(), RTP_BUFFER_BYTES).unwrap();
            assert_ne!(local.port(), 0);
        }
    }
}
