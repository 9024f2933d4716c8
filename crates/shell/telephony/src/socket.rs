//! The UDP socket of a shard.

use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::error::ShardError;

/// Receive buffer asked for. With the kernel's default of 208 KB datagrams were lost at 2,000 calls a
/// second whenever the thread was descheduled for some milliseconds.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// Binds without blocking mode, with a large receive buffer.
pub(crate) fn bind(addr: SocketAddr) -> Result<UdpSocket, ShardError> {
    let failed = |source| ShardError::Bind { addr, source };
    let socket =
        Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP)).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    socket.bind(&addr.into()).map_err(failed)?;
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES) {
        tracing::warn!(%addr, %error, "the receive buffer of the SIP socket cannot be enlarged");
    }
    // Linux reports twice what it grants, the other half being its own bookkeeping (socket(7), SO_RCVBUF).
    let granted = socket.recv_buffer_size().map_err(failed)? / 2;
    if granted < RECEIVE_BUFFER_BYTES {
        tracing::warn!(
            %addr,
            granted,
            wanted = RECEIVE_BUFFER_BYTES,
            "the system caps the receive buffer of the SIP socket; packets may be lost at high call rates: \
             set net.core.rmem_max to at least the wanted size"
        );
    }
    Ok(socket.into())
}
