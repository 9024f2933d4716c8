//! Places test calls: the sockets, the clock and the loop around [`TestCall`]s.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context;
use engine::{LegCommand, LegEvent, Sound};
use model::{E164, LegId, PlayId, SipStatus, Timestamp, TrunkId};
use telephony::{
    EventSink, MediaOptions, MediaThread, PromptLibrary, Shard, ShardCommand, ShardHandle,
    ShardOptions, TelephonyEvent, TrunkPeer,
};

use super::tally::{Cost, Placed, Tally};
use super::test_call::{Plan, Step, TestCall};
use crate::resources;

/// The recording that is played, in a library of its own.
const SOUND: &str = "sound";
/// How long hang-ups may take once no call is wanted any more.
const FAREWELL: Duration = Duration::from_secs(5);
/// Calls launched before reports have their turn again.
const BURST: u32 = 64;

/// Everything a run needs.
pub struct Run {
    /// Where SIP is bound.
    pub sip: SocketAddr,
    /// Where audio is bound.
    pub media: MediaOptions,
    /// Where to hunt, in this order.
    pub trunks: Vec<TrunkPeer>,
    /// Whom to call.
    pub to: E164,
    /// The caller's number.
    pub from: E164,
    /// How each call is placed.
    pub plan: Plan,
    /// How many.
    pub calls: u64,
    /// Time between two launches.
    pub interval: Duration,
    /// A WAV file.
    pub sound: Option<Vec<u8>>,
}

/// How a run ended.
pub struct Finished {
    /// What came of it.
    pub placed: Placed,
    /// By Ctrl-C, before all calls were placed.
    pub interrupted: bool,
}

/// What wakes the loop.
enum Heard {
    Telephony(TelephonyEvent),
    Interrupted,
}

impl Run {
    /// Places all calls and waits for their ends.
    ///
    /// # Errors
    /// When there is no socket or thread, or the sound cannot be read.
    pub fn place(self) -> anyhow::Result<Finished> {
        let library = PromptLibrary::default();
        if let Some(wav) = &self.sound {
            library
                .add_recording(SOUND, wav)
                .context("the sound cannot be played")?;
        }
        let (tell, events) = channel();
        let interrupt = tell.clone();
        // A receiver that is gone wants no facts.
        let sink = EventSink::new(move |e| tell.send(Heard::Telephony(e)).unwrap_or_default());
        let report = sink.clone();
        let (media, media_thread) =
            MediaThread::start(self.media.clone(), Arc::new(library), move |e| {
                report.leg(e)
            })?;
        let started = Instant::now();
        let options = ShardOptions {
            bind: self.sip,
            advertised: None,
            product: concat!("Outdial/", env!("CARGO_PKG_VERSION")).to_owned(),
            legs_max: usize::MAX,
            timers: sip::Timers::default(),
            realm: None,
            refuse_inbound: SipStatus(403),
            started,
            keepsake: None,
        };
        let (shard, handle) = Shard::bind(options, media, sink)?;
        let thread = shard.spawn()?;
        handle.send(ShardCommand::SetTrunks(self.trunks.clone()))?;
        watch_interrupt(move || interrupt.send(Heard::Interrupted).unwrap_or_default())?;
        let switch = Switch {
            run: self,
            shard: handle,
            started,
            calls: BTreeMap::new(),
            wake_ups: BTreeSet::new(),
            last_leg: 0,
            at_once: 0,
            begun: Timestamp::default(),
            tally: Tally::default(),
            end_by: None,
        };
        let finished = switch.run(&events, thread);
        drop(media_thread);
        finished
    }
}

/// Calls back at Ctrl-C.
fn watch_interrupt(tell: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || match runtime.block_on(tokio::signal::ctrl_c()) {
            Ok(()) => tell(),
            Err(error) => tracing::warn!(%error, "Ctrl-C will not hang up the calls"),
        })?;
    Ok(())
}

struct Switch {
    run: Run,
    shard: ShardHandle,
    started: Instant,
    calls: BTreeMap<LegId, TestCall>,
    wake_ups: BTreeSet<(Timestamp, LegId)>,
    last_leg: u64,
    at_once: usize,
    /// When the first call is due; set-up is no part of the rate.
    begun: Timestamp,
    tally: Tally,
    /// Set by Ctrl-C.
    end_by: Option<Timestamp>,
}

impl Switch {
    fn run(mut self, events: &Receiver<Heard>, thread: JoinHandle<()>) -> anyhow::Result<Finished> {
        let memory = resources::resident_bytes();
        let processor = resources::processor_time();
        self.begun = self.now();
        let mut launched = 0;
        while !self.is_over(launched) {
            launched = self.launch_due(launched)?;
            self.tick()?;
            match events.recv_timeout(self.pause(launched)) {
                Ok(heard) => self.hear(heard)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    anyhow::bail!("the threads that carry calls have ended")
                }
            }
            // What has come meanwhile, before time is looked at again.
            while let Ok(heard) = events.try_recv() {
                self.hear(heard)?;
            }
        }
        let cost = Cost {
            processor: used(
                processor,
                resources::processor_time(),
                Duration::saturating_sub,
            ),
            memory_bytes: used(memory, resources::resident_bytes_max(), u64::saturating_sub),
            at_once: self.at_once as u64,
        };
        // Every leg is over; the shard has only late packets to wait for.
        self.shard.send(ShardCommand::Stop {
            within: Duration::ZERO,
        })?;
        if thread.join().is_err() {
            anyhow::bail!("the SIP thread has panicked");
        }
        Ok(Finished {
            placed: self.tally.finish(self.run.interval, cost),
            interrupted: self.end_by.is_some(),
        })
    }

    fn now(&self) -> Timestamp {
        Timestamp::default() + self.started.elapsed()
    }

    fn is_over(&self, launched: u64) -> bool {
        match self.end_by {
            Some(at) => self.calls.is_empty() || self.now() >= at,
            None => launched >= self.run.calls && self.calls.is_empty(),
        }
    }

    fn due_at(&self, call: u64) -> Timestamp {
        let micros = self
            .run
            .interval
            .as_micros()
            .saturating_mul(u128::from(call));
        self.begun + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn launch_due(&mut self, mut launched: u64) -> anyhow::Result<u64> {
        for _ in 0..BURST {
            let now = self.now();
            if self.end_by.is_some() || launched >= self.run.calls || self.due_at(launched) > now {
                break;
            }
            launched += 1;
            self.tally.launch(now);
            let call = TestCall::new(&self.run.plan, now);
            self.dial(call, 0)?;
        }
        Ok(launched)
    }

    fn dial(&mut self, call: TestCall, trunk: usize) -> anyhow::Result<()> {
        let Some(peer) = self.run.trunks.get(trunk) else {
            anyhow::bail!(
                "a call asked for trunk {trunk}, of {}",
                self.run.trunks.len()
            );
        };
        let trunk = peer.id;
        self.last_leg += 1;
        let leg = LegId(self.last_leg);
        self.keep(leg, call);
        self.at_once = self.at_once.max(self.calls.len());
        self.shard.leg(LegCommand::Dial {
            leg,
            attempt: crate::cli::random_id()?,
            trunk,
            to: self.run.to,
            from: self.run.from,
        })?;
        Ok(())
    }

    fn keep(&mut self, leg: LegId, call: TestCall) {
        if let Some(at) = call.wake_at() {
            self.wake_ups.insert((at, leg));
        }
        self.calls.insert(leg, call);
    }

    fn take(&mut self, leg: LegId) -> Option<TestCall> {
        let call = self.calls.remove(&leg)?;
        if let Some(at) = call.wake_at() {
            self.wake_ups.remove(&(at, leg));
        }
        Some(call)
    }

    fn tick(&mut self) -> anyhow::Result<()> {
        let now = self.now();
        while let Some((at, leg)) = self.wake_ups.first().copied().filter(|(at, _)| *at <= now) {
            let Some(mut call) = self.take(leg) else {
                self.wake_ups.remove(&(at, leg));
                continue;
            };
            let step = call.tick(now);
            self.go_on(leg, call, step)?;
        }
        Ok(())
    }

    fn hear(&mut self, heard: Heard) -> anyhow::Result<()> {
        match heard {
            Heard::Telephony(TelephonyEvent::Leg(event)) => self.hear_leg(&event),
            Heard::Telephony(
                TelephonyEvent::TrunkUp { .. }
                | TelephonyEvent::TrunkDown { .. }
                | TelephonyEvent::TrunkBusy { .. }
                | TelephonyEvent::PhoneRegistered { .. }
                | TelephonyEvent::PhoneGone { .. },
            ) => Ok(()),
            Heard::Interrupted => {
                self.end_by = Some(self.now() + FAREWELL);
                let legs: Vec<LegId> = self.calls.keys().copied().collect();
                for leg in legs {
                    if let Some(mut call) = self.take(leg) {
                        let step = call.interrupt();
                        self.go_on(leg, call, step)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn hear_leg(&mut self, event: &LegEvent) -> anyhow::Result<()> {
        let leg = event.leg();
        let Some(mut call) = self.take(leg) else {
            return Ok(());
        };
        let step = call.hear(&self.run.plan, self.now(), event);
        if call.is_over() {
            self.tally.end(&call);
            return Ok(());
        }
        self.go_on(leg, call, step)
    }

    fn go_on(&mut self, leg: LegId, call: TestCall, step: Option<Step>) -> anyhow::Result<()> {
        if let Some(Step::Dial(trunk)) = step {
            return self.dial(call, trunk);
        }
        self.keep(leg, call);
        let command = match step {
            Some(Step::Cancel) => LegCommand::Cancel { leg },
            Some(Step::HangUp) => LegCommand::HangUp { leg },
            Some(Step::Play) => LegCommand::Play {
                leg,
                play: PlayId(leg.0),
                sounds: vec![Sound::Recording {
                    name: SOUND.to_owned(),
                }],
                repeat: false,
            },
            Some(Step::Dial(_)) | None => return Ok(()),
        };
        self.shard.leg(command)?;
        Ok(())
    }

    /// Until the next launch, the next timer of a call, or the end of all patience.
    fn pause(&self, launched: u64) -> Duration {
        let launch =
            (launched < self.run.calls && self.end_by.is_none()).then(|| self.due_at(launched));
        let timer = self.wake_ups.first().map(|(at, _)| *at);
        let next = [launch, timer, self.end_by].into_iter().flatten().min();
        // Without any, an end is still due, and the media thread reports it.
        next.map_or(FAREWELL, |at| at.since(self.now()))
    }
}

fn used<T>(before: Option<T>, after: Option<T>, less: impl Fn(T, T) -> T) -> Option<T> {
    Some(less(after?, before?))
}

/// The keys of a run's trunks, in their order.
pub fn trunk_id(index: usize) -> TrunkId {
    TrunkId(i32::try_from(index).unwrap_or(i32::MAX))
}
