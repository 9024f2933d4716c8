//! Starts and ends the media thread and the SIP shard, and turns their facts into inputs of the engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::Input;
use model::SipStatus;
use sip::{Challenges, Codecs, Realm, Timers};
use telephony::{
    EventSink, MediaCounters, MediaOptions, MediaThread, PortRange, PromptLibrary, Shard,
    ShardCommand, ShardHandle, ShardOptions, TelephonyEvent,
};

use super::bridging::Bridging;
use crate::config::Config;
use crate::driver::Inbox;

/// Sound waits so long to be put in order where it is mixed.
const PLAYOUT_DELAY: Duration = Duration::from_millis(40);
/// A port rests so long between two calls: late packets of the last must not be heard in the next.
const PORT_REST: Duration = Duration::from_secs(5);
/// More legs than any machine of this kind carries.
const LEGS_MAX: usize = 20_000;

/// In the data directory: what the next run must know of calls and phones if this one is killed.
const KEEPSAKE: &str = "calls.keep";

/// Telephony at work.
pub struct Telephony {
    shard: ShardHandle,
    shard_thread: JoinHandle<()>,
    media_thread: MediaThread,
    bridging: Arc<Bridging>,
}

impl Telephony {
    /// Binds the sockets and starts the threads.
    ///
    /// # Errors
    /// When a socket or a thread cannot be had.
    pub fn start(
        config: &Config,
        library: Arc<PromptLibrary>,
        inbox: &Inbox,
    ) -> anyhow::Result<Self> {
        let bridging = Arc::new(Bridging::default());
        let sink = sink(inbox.clone(), Arc::clone(&bridging));
        let options = MediaOptions {
            bind: config.rtp.bind,
            advertised: config.rtp_advertised(),
            ports: PortRange::new(config.rtp.port_from, config.rtp.port_to)?,
            codecs: Codecs::default(),
            learn_source: true,
            playout_delay: PLAYOUT_DELAY,
            port_rest: PORT_REST,
        };
        let report = sink.clone();
        let (media, media_thread) =
            MediaThread::start(options, library, move |event| report.leg(event))?;
        let no_response = Duration::from_millis(u64::from(config.sip.no_response_ms));
        let options = ShardOptions {
            bind: config.sip.listen,
            advertised: config.sip_advertised(),
            product: concat!("Outdial/", env!("CARGO_PKG_VERSION")).to_owned(),
            legs_max: LEGS_MAX,
            timers: Timers {
                invite_timeout: no_response,
                ..Timers::default()
            },
            realm: Some(Realm {
                name: config.sip.realm.clone(),
                challenge: Challenges::default(),
            }),
            // Nobody is here to be called until there are queues for it.
            refuse_inbound: SipStatus(603),
            started: Instant::now(),
            keepsake: Some(config.node.data_dir.join(KEEPSAKE)),
        };
        let (shard, handle) = Shard::bind(options, media, sink)?;
        Ok(Self {
            shard: handle,
            shard_thread: shard.spawn()?,
            media_thread,
            bridging,
        })
    }

    /// Carries out wishes about legs.
    pub fn shard(&self) -> ShardHandle {
        self.shard.clone()
    }

    /// Where phones and trunks reach us.
    pub fn sip_addr(&self) -> SocketAddr {
        self.shard.local_addr()
    }

    /// For metrics.
    pub fn media_counters(&self) -> Arc<MediaCounters> {
        self.media_thread.counters()
    }

    /// For metrics.
    pub fn bridging(&self) -> Arc<Bridging> {
        Arc::clone(&self.bridging)
    }

    /// Hangs up what still lives and ends both threads. Waits.
    pub fn stop(self, within: Duration) {
        if let Err(error) = self.shard.send(ShardCommand::Stop { within }) {
            tracing::warn!(%error, "the SIP thread had ended already");
        }
        if self.shard_thread.join().is_err() {
            tracing::error!("the SIP thread panicked");
        }
        drop(self.media_thread);
    }
}

fn sink(inbox: Inbox, bridging: Arc<Bridging>) -> EventSink {
    EventSink::new(move |event| {
        if let TelephonyEvent::Leg(event) = &event {
            bridging.see(event, Instant::now());
        }
        inbox.late(match event {
            TelephonyEvent::Leg(event) => Input::Leg(event),
            TelephonyEvent::TrunkUp { trunk } => Input::TrunkUp(trunk),
            TelephonyEvent::TrunkDown { trunk, reason } => Input::TrunkDown { trunk, reason },
            TelephonyEvent::TrunkBusy { trunk, retry_after } => {
                Input::TrunkBusy { trunk, retry_after }
            }
            TelephonyEvent::PhoneRegistered { agent } => Input::PhoneUp(agent),
            TelephonyEvent::PhoneGone { agent } => Input::PhoneDown(agent),
        });
    })
}
