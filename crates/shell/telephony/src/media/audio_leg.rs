//! What is known of one leg's audio, and what a packet that came for it is.

use std::net::SocketAddr;
use std::time::Duration;

use media::{
    Arrival, Codec, Dtmf, DtmfDetector, EventReceiver, FRAME_SAMPLES, Frame, JitterBuffer,
    Outgoing, RtpPacket, SequenceTracker,
};
use model::{LegId, Timestamp};
use sip::RemoteMedia;

use super::playing::Playing;
use super::source::Source;

/// RFC 3389: comfort noise. It says that the far end lives, and is silent.
const COMFORT_NOISE: u8 = 13;

/// The longest payload that is audio: 200 ms. Nobody sends more than 60.
const LONGEST_PAYLOAD: usize = 10 * FRAME_SAMPLES;

/// After the answer, a far end that sends nothing for this long has no audio path.
const FIRST_AUDIO_LIMIT: Duration = Duration::from_secs(2);

/// In a talk. Far ends that suppress silence may pause for seconds.
const TALK_AUDIO_LIMIT: Duration = Duration::from_secs(10);
/// So long without a packet is no loss on the way any more: the other side may be alone, and must hear something within
/// two seconds.
const PAUSE_LIMIT: Duration = Duration::from_millis(1_200);

/// A partner whose packets stop for this long is silent: we send silence in its stead, so that the
/// stream does not stop. Longer than any packet and its jitter.
const RELAY_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct AudioLeg {
    /// Our port: names the socket.
    pub(super) port: u16,
    pub(super) far_end: Option<FarEnd>,
    pub(super) outgoing: Outgoing,
    pub(super) watch: AudioWatch,
    pub(super) tracker: SequenceTracker,
    events: EventReceiver,
    /// Listens for keys in the audio, when the far end has no telephone-event.
    pub(super) detector: Option<DtmfDetector>,
    /// There while its sound must be mixed or listened to.
    pub(super) jitter: Option<JitterBuffer>,
    pub(super) partner: Option<LegId>,
    pub(super) play: Option<Playing>,
    /// The partner's sound for the coming tick.
    pub(super) incoming: Option<Frame>,
    /// When a packet of the partner was last passed on.
    pub(super) relayed_at: Option<Timestamp>,
}

/// The far end as SDP describes it.
#[derive(Debug)]
pub(super) struct FarEnd {
    source: Source,
    codec: Codec,
    telephone_event: Option<u8>,
    we_send: bool,
    it_sends: bool,
}

/// Where and how to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Destination {
    pub(super) addr: SocketAddr,
    pub(super) codec: Codec,
    pub(super) telephone_event: Option<u8>,
}

/// What a packet brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Sound. Whether the stream begins with it.
    Audio(Codec, Starts),
    /// A packet of a key press; the key, in the first of them.
    Event(Option<Dtmf>),
    /// Nothing but that the far end lives.
    Alive,
}

/// Whether a packet is the first of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Starts {
    Yes,
    No,
}

/// Why a packet is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Foreign,
    Malformed,
    Repeated,
}

impl AudioLeg {
    pub(super) fn new(port: u16, outgoing: Outgoing) -> Self {
        Self {
            port,
            far_end: None,
            outgoing,
            watch: AudioWatch::default(),
            tracker: SequenceTracker::default(),
            events: EventReceiver::default(),
            detector: None,
            jitter: None,
            partner: None,
            play: None,
            incoming: None,
            relayed_at: None,
        }
    }

    /// The far end is known, or changed.
    pub(super) fn connect(&mut self, now: Timestamp, remote: RemoteMedia, learn_source: bool) {
        let learn_from = learn_source.then_some(now);
        let source = match self.far_end.take() {
            // A hold or a session refresh says the same address again: what was learned stays.
            Some(before) if before.source.agreed() == remote.addr => before.source,
            Some(_) | None => Source::new(remote.addr, learn_from),
        };
        self.far_end = Some(FarEnd {
            source,
            codec: codec_of(remote.codec),
            telephone_event: remote.telephone_event,
            we_send: remote.we_send,
            it_sends: remote.it_sends,
        });
        match remote.telephone_event {
            // Both at once would report a key twice: gateways leak the first milliseconds of a tone.
            Some(_) => self.detector = None,
            None => _ = self.detector.get_or_insert_default(),
        }
    }

    pub(super) fn answered(&mut self, now: Timestamp) {
        self.watch.answered(now);
        if let Some(far_end) = &mut self.far_end {
            far_end.source.answered(now);
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        self.watch.is_answered()
    }

    /// None while the far end is not known or holds us.
    pub(super) fn destination(&self) -> Option<Destination> {
        let far_end = self.far_end.as_ref().filter(|f| f.we_send)?;
        Some(Destination {
            addr: far_end.source.destination(),
            codec: far_end.codec,
            telephone_event: far_end.telephone_event,
        })
    }

    pub(super) fn far_end_sends(&self) -> bool {
        self.far_end.as_ref().is_some_and(|f| f.it_sends)
    }

    /// Whether packets of the partner are being passed on, so that silence of ours would be in their way.
    pub(super) fn hears_partner(&self, now: Timestamp) -> bool {
        self.relayed_at
            .is_some_and(|at| now.since(at) < RELAY_PAUSE)
    }

    /// Judges a packet.
    pub(super) fn hear(
        &mut self,
        now: Timestamp,
        from: SocketAddr,
        packet: &RtpPacket<'_>,
    ) -> Result<Heard, Refused> {
        let header = &packet.header;
        let far_end = self.far_end.as_mut().ok_or(Refused::Foreign)?;
        if !far_end.it_sends || !far_end.source.accepts(now, from, header.ssrc) {
            return Err(Refused::Foreign);
        }
        let is_event = far_end.telephone_event == Some(header.payload_type);
        // RFC 3264 section 5.1: any codec of the offer may come, whichever we send.
        let codec = Codec::of_payload_type(header.payload_type);
        let is_known = is_event || codec.is_some() || header.payload_type == COMFORT_NOISE;
        if !is_known || packet.payload.len() > LONGEST_PAYLOAD {
            return Err(Refused::Malformed);
        }
        if is_event && self.tracker.ssrc().is_some_and(|ssrc| ssrc != header.ssrc) {
            // RFC 4733 section 2.1 wants events in the stream of the sound. Some gateways give them one of
            // their own; the numbers of the sound do not apply to it.
            return Ok(Heard::Event(self.events.receive(header, packet.payload)));
        }
        let starts = match self.tracker.arrive(header) {
            Arrival::Starts => Starts::Yes,
            Arrival::New => Starts::No,
            Arrival::Repeated | Arrival::Stray => return Err(Refused::Repeated),
        };
        if is_event {
            return Ok(Heard::Event(self.events.receive(header, packet.payload)));
        }
        match codec {
            Some(codec) if !packet.payload.is_empty() => Ok(Heard::Audio(codec, starts)),
            Some(_) | None => Ok(Heard::Alive),
        }
    }

    /// Puts sound in order, when somebody wants it so.
    pub(super) fn order(&mut self, codec: Codec, starts: Starts, packet: &RtpPacket<'_>) {
        let Some(jitter) = &mut self.jitter else {
            return;
        };
        if starts == Starts::Yes {
            jitter.reset();
        }
        let mut samples = [0; LONGEST_PAYLOAD];
        let samples = &mut samples[..packet.payload.len().min(LONGEST_PAYLOAD)];
        codec.decode_into(packet.payload, samples);
        jitter.push(packet.header.timestamp, samples);
    }
}

/// The codec as this half knows it.
const fn codec_of(codec: sip::Codec) -> Codec {
    match codec {
        sip::Codec::Pcmu => Codec::Ulaw,
        sip::Codec::Pcma => Codec::Alaw,
    }
}

/// Notices when the far end's audio begins and stops.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AudioWatch {
    answered: bool,
    /// A packet came since the answer.
    started: bool,
    /// A pause was reported and no packet came since.
    paused: bool,
    /// The loss was reported and no packet came since.
    lost: bool,
    /// The last packet, or the instant from which one is due.
    since: Timestamp,
}

impl AudioWatch {
    fn answered(&mut self, now: Timestamp) {
        if !self.answered {
            self.answered = true;
            self.since = now;
        }
    }

    const fn is_answered(&self) -> bool {
        self.answered
    }

    /// A packet came. Whether it is the first since the answer, or since a pause.
    pub(super) fn packet(&mut self, now: Timestamp) -> bool {
        self.since = now;
        self.lost = false;
        let first = self.answered && !self.started;
        self.started |= first;
        first || std::mem::take(&mut self.paused)
    }

    /// Whether the audio of a talk pauses, as far as not said before.
    pub(super) fn is_newly_paused(&mut self, now: Timestamp) -> bool {
        let pauses = self.started && !self.paused && now.since(self.since) >= PAUSE_LIMIT;
        self.paused |= pauses;
        pauses
    }

    /// Whether the audio is lost, as far as not said before. A far end that holds us owes none.
    pub(super) fn is_newly_lost(&mut self, now: Timestamp, it_sends: bool) -> bool {
        if !it_sends {
            self.since = now;
        }
        let limit = if self.started {
            TALK_AUDIO_LIMIT
        } else {
            FIRST_AUDIO_LIMIT
        };
        let newly = self.answered && !self.lost && now.since(self.since) >= limit;
        self.lost |= newly;
        newly
    }
}
