//! What full-screen commands share: the terminal itself, keys, colours, typed text and typed instants.
//!
//! A command is a pure machine (keys and facts in, wishes out) and a drawing of it; [`Screen`] is the only part
//! that touches the terminal.

mod field;
mod fold;
mod key;
mod offer;
mod palette;
mod screen;
mod secret;
mod when;
mod words;
mod zone;

pub use field::Field;
pub use fold::{NO_BREAK, fold};
pub use key::Key;
pub use offer::Offer;
pub use palette::Palette;
pub use screen::{Screen, Typed};
pub use secret::secret;
pub use when::{Understood, day, instant};
pub use words::{clock, ellipsis, length, width};
pub use zone::{Zone, local, local_zone};
