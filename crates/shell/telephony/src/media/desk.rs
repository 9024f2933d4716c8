//! The callers' side of the media thread: ports are taken and bound here, the rest is handed over.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mio::Waker;
use model::LegId;
use sip::LocalMedia;

use super::ports::PortPool;
use super::shard::MediaOptions;
use crate::media_api::{MediaCommand, MediaPorts, MediaStopped, OpenError};

/// Ports that are tried when other programs hold some of the range.
const BIND_TRIES: u32 = 16;

/// What reaches the thread. The queue is bounded by the legs: each has a handful of commands.
pub(super) enum Request {
    Open {
        leg: LegId,
        port: u16,
        socket: UdpSocket,
    },
    Command(MediaCommand),
    Stop,
}

/// The side of the handle: ports are taken and bound on the caller's thread.
pub(super) struct Desk {
    pub(super) options: MediaOptions,
    pub(super) pool: Arc<Mutex<PortPool>>,
    pub(super) requests: Sender<Request>,
    pub(super) waker: Arc<Waker>,
}

impl Desk {
    fn ask(&self, request: Request) -> Result<(), MediaStopped> {
        self.requests.send(request).map_err(|_| MediaStopped)?;
        self.waker.wake().map_err(|_| MediaStopped)
    }

    fn bind(&self) -> Result<(u16, UdpSocket), OpenError> {
        let mut refused = None;
        for _ in 0..BIND_TRIES {
            let Some(port) = lock(&self.pool).take() else {
                break;
            };
            match bind(SocketAddr::new(self.options.bind, port)) {
                Ok(socket) => return Ok((port, socket)),
                Err(error) => {
                    // Another program may hold it today and not tomorrow.
                    lock(&self.pool).put_back(port);
                    refused = Some(OpenError::Bind {
                        port,
                        reason: error.to_string(),
                    });
                }
            }
        }
        let (first, last) = self.options.ports.ends();
        Err(refused.unwrap_or(OpenError::NoFreePort { first, last }))
    }
}

impl MediaPorts for Desk {
    fn open(&self, leg: LegId) -> Result<LocalMedia, OpenError> {
        let (port, socket) = self.bind()?;
        if let Err(stopped) = self.ask(Request::Open { leg, port, socket }) {
            lock(&self.pool).put_back(port);
            return Err(stopped.into());
        }
        Ok(LocalMedia {
            addr: SocketAddr::new(self.options.advertised, port),
            codecs: self.options.codecs,
        })
    }

    fn send(&self, command: MediaCommand) -> Result<(), MediaStopped> {
        self.ask(Request::Command(command))
    }
}

fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(addr)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// A pool is whole even if a thread died while it held the lock: taking and giving are single steps.
pub(super) fn lock(pool: &Mutex<PortPool>) -> MutexGuard<'_, PortPool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}
