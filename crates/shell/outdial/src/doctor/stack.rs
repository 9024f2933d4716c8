//! The stack that calls go through in production, with a socket of its own, for as long as a question takes.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model::SipStatus;
use sip::Codecs;
use telephony::{
    EventSink, MediaCounters, MediaOptions, MediaThread, PortRange, PromptLibrary, Shard,
    ShardCommand, ShardHandle, ShardOptions, TelephonyEvent, TrunkPeer,
};

use crate::config::Rtp;

/// A SIP socket and a media thread.
pub struct Stack {
    /// Carries out wishes.
    pub shard: ShardHandle,
    /// What comes of them.
    pub events: Receiver<TelephonyEvent>,
    thread: JoinHandle<()>,
    media: MediaThread,
}

/// How long goodbyes may take.
const GOODBYE: Duration = Duration::from_secs(2);

impl Stack {
    /// Binds any port of the address, and tells of these trunks.
    ///
    /// # Errors
    /// When a socket or a thread cannot be had.
    pub fn start(ip: IpAddr, rtp: &Rtp, trunks: Vec<TrunkPeer>) -> anyhow::Result<Self> {
        let (tell, events) = channel();
        // A receiver that is gone wants no facts.
        let sink = EventSink::new(move |event| tell.send(event).unwrap_or_default());
        let report = sink.clone();
        let options = MediaOptions {
            bind: ip,
            advertised: ip,
            ports: PortRange::new(rtp.port_from, rtp.port_to)?,
            codecs: Codecs::default(),
            learn_source: true,
            playout_delay: Duration::from_millis(40),
            port_rest: Duration::from_secs(5),
        };
        let library = Arc::new(PromptLibrary::default());
        let (handle, media) = MediaThread::start(options, library, move |e| report.leg(e))?;
        let options = ShardOptions {
            bind: SocketAddr::new(ip, 0),
            advertised: None,
            product: concat!("Outdial/", env!("CARGO_PKG_VERSION")).to_owned(),
            legs_max: 16,
            timers: sip::Timers::default(),
            realm: None,
            refuse_inbound: SipStatus(403),
            started: Instant::now(),
            keepsake: None,
        };
        let (shard, handle) = Shard::bind(options, handle, sink)?;
        let thread = shard.spawn()?;
        handle.send(ShardCommand::SetTrunks(trunks))?;
        Ok(Self {
            shard: handle,
            events,
            thread,
            media,
        })
    }

    /// Packets of audio.
    pub fn media_counters(&self) -> Arc<MediaCounters> {
        self.media.counters()
    }

    /// Hangs up what still lives, and ends.
    pub fn stop(self) {
        if let Err(error) = self.shard.send(ShardCommand::Stop { within: GOODBYE }) {
            tracing::warn!(%error, "the SIP thread had ended already");
        }
        if self.thread.join().is_err() {
            tracing::error!("the SIP thread panicked");
        }
    }
}
