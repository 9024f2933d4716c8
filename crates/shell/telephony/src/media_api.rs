//! The seam between the SIP half and the media half of a leg.
//!
//! The SIP half opens a port before it offers it in SDP, tells the far end's address when it is
//! known, and closes the leg. The media half owns the port pool, the RTP sockets and the 20 ms clock,
//! and reports [`LegEvent`](engine::LegEvent)s of its own (`Digit`, `Played`, `AudioStarted`,
//! `AudioLost`, `Bridged`) on the channel that the SIP half reports on.
//!
//! **Order of events.** `Answered` is put on the channel before `MediaCommand::Answered` is handed
//! over, so audio facts of an answered leg follow its answer. `Ended` must be a leg's last event, and
//! only the media half knows when its own last one is out. So for a leg with an open port the *media
//! half* reports `Ended`, on `MediaCommand::Close`, after the `Played` of the play that it cut short.

use std::fmt;
use std::sync::Arc;

use engine::Sound;
use model::{LegEnd, LegId, PlayId};
use sip::{LocalMedia, RemoteMedia};

/// A wish about the audio of one or two legs. Commands for a leg without an open port are ignored,
/// but for [`MediaCommand::Close`].
#[derive(Clone, Debug, PartialEq)]
pub enum MediaCommand {
    /// The far end is known, or has moved, or has put us on hold: early media, the answer, or a
    /// re-INVITE. The latest one holds. Packets from another address are not the leg's, unless the
    /// media half latches onto the first source (NAT).
    Connect {
        /// The leg.
        leg: LegId,
        /// Address, payload types and directions.
        remote: RemoteMedia,
    },
    /// The leg was answered: from here on `AudioStarted` and `AudioLost` are due.
    Answered {
        /// The leg.
        leg: LegId,
    },
    /// The leg is over. Stop and report its play, let its partner in a bridge hear silence, give the
    /// port back to rest, then report `LegEvent::Ended { leg, end }`: always, even for a leg that has no port.
    Close {
        /// The leg.
        leg: LegId,
        /// What to report.
        end: LegEnd,
    },
    /// As [`LegCommand::Bridge`](engine::LegCommand::Bridge).
    Bridge {
        /// One leg.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// As [`LegCommand::Unbridge`](engine::LegCommand::Unbridge).
    Unbridge {
        /// Either leg of the bridge.
        leg: LegId,
    },
    /// As [`LegCommand::Play`](engine::LegCommand::Play). Also before the answer, when the leg is connected.
    Play {
        /// The leg.
        leg: LegId,
        /// Names this playing in its report.
        play: PlayId,
        /// Played without gaps, in this order.
        sounds: Vec<Sound>,
        /// Start again at the end, until stopped.
        repeat: bool,
    },
    /// As [`LegCommand::StopPlay`](engine::LegCommand::StopPlay).
    StopPlay {
        /// The leg.
        leg: LegId,
    },
}

/// No port can be had for a leg.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// All ports are in use or resting.
    #[error(
        "all even RTP ports from {first} to {last} are in use or resting; widen the range or lower the lines of the trunks"
    )]
    NoFreePort {
        /// First port of the range.
        first: u16,
        /// Last port of the range.
        last: u16,
    },
    /// The socket could not be bound.
    #[error("RTP port {port} cannot be bound: {reason}")]
    Bind {
        /// The port.
        port: u16,
        /// What the system said.
        reason: String,
    },
    /// The media half has stopped.
    #[error(transparent)]
    Stopped(#[from] MediaStopped),
}

/// The media half has stopped; the daemon is shutting down or has lost a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the media thread has stopped")]
pub struct MediaStopped;

/// What the SIP half needs of the media half. Implemented by it, and by tests.
pub trait MediaPorts: Send + Sync {
    /// Takes a port for a new leg and binds it, so that audio which comes with the first provisional
    /// response is not lost. Called on the SIP thread: must not wait for the media thread's clock.
    ///
    /// # Errors
    /// [`OpenError`]; the leg then ends as `Refused` without a packet sent.
    fn open(&self, leg: LegId) -> Result<LocalMedia, OpenError>;

    /// Hands over a command; never waits.
    ///
    /// # Errors
    /// [`MediaStopped`]; the SIP half then reports `Ended` itself.
    fn send(&self, command: MediaCommand) -> Result<(), MediaStopped>;
}

/// The media half, shared by all SIP shards. Cheap to clone.
#[derive(Clone)]
pub struct MediaHandle(Arc<dyn MediaPorts>);

impl MediaHandle {
    /// Wraps an implementation.
    pub fn new(ports: impl MediaPorts + 'static) -> Self {
        Self(Arc::new(ports))
    }

    /// See [`MediaPorts::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open(&self, leg: LegId) -> Result<LocalMedia, OpenError> {
        self.0.open(leg)
    }

    /// See [`MediaPorts::send`].
    ///
    /// # Errors
    /// As there.
    pub fn send(&self, command: MediaCommand) -> Result<(), MediaStopped> {
        self.0.send(command)
    }
}

impl fmt::Debug for MediaHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MediaHandle")
    }
}
