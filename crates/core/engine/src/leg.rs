//! What the engine asks of legs, and what it is told of them.
//!
//! A leg is one SIP dialog with its audio. The engine names legs; whoever carries out the commands
//! owns sockets, packets and the 20 ms clock, and reports facts. For every leg that was asked for,
//! exactly one [`LegEvent::Ended`] comes, after which the leg is forgotten by both sides.

use std::time::Duration;

use model::{AgentId, AttemptId, E164, LegEnd, LegId, PlayId, TrunkId};
use serde::{Deserialize, Serialize};

/// A wish about one or two legs. Commands for a leg that has ended are ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegCommand {
    /// Send an INVITE to a person. Its launch is committed.
    Dial {
        /// The new leg.
        leg: LegId,
        /// For logs and the SIP Call-ID.
        attempt: AttemptId,
        /// The trunk whose channel the engine holds for this leg.
        trunk: TrunkId,
        /// The number.
        to: E164,
        /// The caller's number shown.
        from: E164,
    },
    /// Send an INVITE to the phone that an agent registered.
    CallAgent {
        /// The new leg.
        leg: LegId,
        /// Whose phone.
        agent: AgentId,
    },
    /// Stop a leg that is not answered. An answer that crosses it is reported as such.
    Cancel {
        /// The leg.
        leg: LegId,
    },
    /// End a leg whatever its state: CANCEL before the answer, BYE after it.
    HangUp {
        /// The leg.
        leg: LegId,
    },
    /// Let two answered legs hear each other; each leaves the bridge it was in.
    Bridge {
        /// One leg.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// Take a leg and its partner out of their bridge; both then hear silence, and whatever is played to them.
    Unbridge {
        /// Either leg of the bridge.
        leg: LegId,
    },
    /// Play sounds to a leg, mixed over what its bridge lets it hear. Ends a play that is under way.
    Play {
        /// The leg.
        leg: LegId,
        /// Names this playing in [`LegEvent::Played`].
        play: PlayId,
        /// Played without gaps, in this order.
        sounds: Vec<Sound>,
        /// Start again at the end, until stopped.
        repeat: bool,
    },
    /// End the play that is under way on a leg, if any; it is reported.
    StopPlay {
        /// The leg.
        leg: LegId,
    },
}

/// Something that can be played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sound {
    /// Prompts of a voice pack, joined by its longest matches.
    Prompts {
        /// The pack's name.
        voice: String,
        /// Prompt ids in the order spoken.
        ids: Vec<String>,
    },
    /// A recording by its name.
    Recording {
        /// The name.
        name: String,
    },
    /// Nothing for a while.
    Silence {
        /// How long.
        length: Duration,
    },
    /// A tone made by us.
    Tone {
        /// Which.
        tone: Tone,
    },
}

/// Tones that need no recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// In the agent's ear when a person is joined: short and rising.
    Connected,
    /// To a person on hold or waiting for an agent who was lost: a soft beep every few seconds.
    Hold,
    /// To either side before we release because of an own fault.
    Fault,
}

/// A fact about a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegEvent {
    /// 180, or 183 with audio: the far side is being alerted, or something speaks before the answer.
    Ringing {
        /// The leg.
        leg: LegId,
        /// Whether audio comes before the answer.
        early_media: bool,
    },
    /// A 2xx came and was acknowledged; audio can flow.
    Answered {
        /// The leg.
        leg: LegId,
        /// It crossed our CANCEL: a person picked up all the same (RFC 3261 section 9.1).
        after_cancel: bool,
    },
    /// A key was pressed: `0`-`9`, `*`, `#`, `A`-`D`.
    Digit {
        /// The leg.
        leg: LegId,
        /// The key.
        digit: char,
    },
    /// A play ended: whole, stopped, replaced, or with its leg.
    Played {
        /// The leg.
        leg: LegId,
        /// Which play.
        play: PlayId,
        /// How much was sent to the leg.
        heard: Duration,
        /// Whether it came to its end.
        whole: bool,
    },
    /// The first audio packet of an answered leg came, or the first after a pause.
    AudioStarted {
        /// The leg.
        leg: LegId,
    },
    /// No audio packet for more than a second of a talk: a phone on mute, or one that is gone.
    AudioPaused {
        /// The leg.
        leg: LegId,
    },
    /// No audio packet for the lost-media limit (2 s after the answer, 10 s in a talk).
    AudioLost {
        /// The leg.
        leg: LegId,
    },
    /// A bridge carries audio from this instant.
    Bridged {
        /// One leg.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// The leg is over. The last event of a leg.
    Ended {
        /// The leg.
        leg: LegId,
        /// How.
        end: LegEnd,
    },
}

impl LegEvent {
    /// The leg that it speaks of; for a bridge, the first.
    pub const fn leg(&self) -> LegId {
        match self {
            Self::Ringing { leg, .. }
            | Self::Answered { leg, .. }
            | Self::Digit { leg, .. }
            | Self::Played { leg, .. }
            | Self::AudioStarted { leg }
            | Self::AudioPaused { leg }
            | Self::AudioLost { leg }
            | Self::Bridged { a: leg, .. }
            | Self::Ended { leg, .. } => *leg,
        }
    }
}
