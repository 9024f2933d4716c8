//! Passwords: argon2id, and never more than two at a time.

use std::sync::{Arc, LazyLock};

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::Error;

/// A hash takes 19 MiB and tens of milliseconds of a core (OWASP's least for argon2id, the crate's default):
/// a flood of sign-ins must not starve the dialer.
const AT_ONCE: usize = 2;

/// Shortest password, in characters (NIST SP 800-63B section 3.1.1.2 asks for 8 and recommends more).
const SHORTEST: usize = 10;
/// Longest password, in characters.
const LONGEST: usize = 256;

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Passwords {
    slots: Arc<Semaphore>,
}

/// Checked when there is no such account, so that both answers take the same time.
static NOBODY: LazyLock<Option<String>> = LazyLock::new(|| {
    Argon2::default()
        .hash_password(b"nobody has this password")
        .ok()
        .map(|hash| hash.to_string())
});

impl Passwords {
    pub(crate) fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// [`Error::Invalid`] for `field` when it is too short or too long.
    pub(crate) async fn hash(&self, field: &str, password: String) -> Result<String, Error> {
        let length = password.chars().count();
        if !(SHORTEST..=LONGEST).contains(&length) {
            return Err(Error::invalid(
                field,
                "length",
                format!("a password has {SHORTEST} to {LONGEST} characters"),
            ));
        }
        self.on_a_slot(move || {
            Argon2::default()
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|e| Error::Internal(format!("hashing a password failed: {e}")))
        })
        .await?
    }

    /// Whether the password belongs to the hash; `false` without a hash, after the same time.
    pub(crate) async fn verify(
        &self,
        password: String,
        hash: Option<String>,
    ) -> Result<bool, Error> {
        self.on_a_slot(move || {
            let known = hash.is_some();
            let hash = hash.as_deref().or(NOBODY.as_deref()).unwrap_or_default();
            let right = Argon2::default()
                .verify_password(password.as_bytes(), hash)
                .is_ok();
            known && right
        })
        .await
    }

    async fn on_a_slot<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let slot = self.slots.clone().acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(slot);
            done
        })
        .await
        .map_err(|e| Error::Internal(format!("hashing a password failed: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_right() {
        let passwords = Passwords::new();
        let hash = passwords
            .hash("password", "correct horse".to_owned())
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        for (text, right) in [
            ("correct horse", true),
            ("correct hors", false),
            ("", false),
        ] {
            let is = passwords
                .verify(text.to_owned(), Some(hash.clone()))
                .await
                .unwrap();
            assert_eq!(is, right, "{text}");
        }
    }

    #[tokio::test]
    async fn an_account_without_a_password_has_no_right_one() {
        let nobody = "nobody has this password".to_owned();
        assert!(!Passwords::new().verify(nobody, None).await.unwrap());
    }

    #[tokio::test]
    async fn a_short_password_is_refused_by_field() {
        let refused = Passwords::new()
            .hash("new_password", "short".to_owned())
            .await;
        let Err(Error::Invalid(problems)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(problems[0].field, "new_password");
    }
}
