//! What to say: amounts and digits of a language become prompts of a voice, and segments become a message.
//!
//! Is told: the language, the message as segments, a prospect's amount and fields, what a voice pack holds.
//! Decides: which prompts say it ([`Speaker`]), which files of a pack say the prompts
//! ([`VoicePack::join`]), and whether a message may be played at all ([`Message::validate`]).
//!
//! ```
//! use announce::{Language, Options, Speaker};
//! use model::Money;
//!
//! let speaker = Speaker::new(Language::Russian, Options::default());
//! let phrase = speaker.amount(Money::new(12_100_105, "RUB".parse()?))?;
//! assert_eq!(phrase.text, "сто двадцать одна тысяча один рубль пять копеек");
//! assert_eq!(phrase.tokens[..4], ["100", "20", "1f", "thousand.one"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(missing_docs, clippy::wildcard_enum_match_arm)]

mod en;
mod grammar;
mod language;
mod message;
mod ru;
mod speaker;
mod voice_pack;

pub use language::{Language, UnknownLanguage};
pub use message::{Available, Facts, Gate, Keys, Message, MessageError, Segment, Spoken};
pub use speaker::{Minor, MinorPolicy, Negative, Options, Phrase, SpeakError, Speaker};
pub use voice_pack::{Entry, MissingPrompts, PackError, VoicePack};
