//! Tags, branches and Call-IDs.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of unguessable bits: the owner seeds it from the system, a test with a constant.
pub(crate) struct Random(ChaCha20Rng);

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    pub(crate) fn key(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 64 bits as 16 hexadecimal digits (RFC 3261 section 19.3 asks for at least 32 bits in a tag).
    pub(crate) fn token(&mut self) -> String {
        token(self.key())
    }

    pub(crate) fn bytes32(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }
}

/// How a key stands in a branch or tag.
pub(crate) fn token(key: u64) -> String {
    format!("{key:016x}")
}
