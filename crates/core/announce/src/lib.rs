//! What to say.
