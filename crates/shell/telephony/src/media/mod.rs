//! The media half of legs.

mod error;
mod library;
mod voice_pack;

pub use error::{LibraryError, MediaError, MissingSound};
pub use library::PromptLibrary;
