//! Tokens: made, checked, taken back.
//!
//! A session is a row that holds the hash of its refresh token. Access tokens live in memory alone: they are
//! checked without the database, so that agents in a call are served while it is away, and a restart costs
//! each client one Refresh. Only hashes of random secrets are looked up, so how long a look-up takes says
//! nothing about any token.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Problem, WallTime};
use store::{Account, AccountId, SecretHash, Store, Token};

use crate::identity::{Identity, Proof};
use crate::secret::{self, Kind};
use crate::{Clock, Error};

/// Life of an access token.
pub(crate) const ACCESS: Duration = Duration::from_secs(15 * 60);
/// Life of a refresh token: a working day.
pub(crate) const REFRESH: Duration = Duration::from_secs(12 * 3_600);
/// How long what the database said about an account is believed: other daemons may have changed it.
const BELIEVED: Duration = Duration::from_secs(5);
/// Access tokens in memory; a bound met only when somebody signs in in a loop.
const ACCESS_TOKENS: usize = 100_000;
/// Label of the rows that are sessions; a label that people give cannot contain it.
const SESSION: &str = "\u{2060}session";

/// A fresh pair, as shown once.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) access: String,
    pub(crate) access_until: WallTime,
    pub(crate) refresh: String,
    pub(crate) refresh_until: WallTime,
}

/// What is remembered of a token that was checked.
struct Known {
    identity: Identity,
    until: Option<WallTime>,
    checked_at: WallTime,
}

/// Makes and checks tokens.
pub(crate) struct Tokens {
    store: Store,
    clock: Clock,
    known: Mutex<BTreeMap<SecretHash, Known>>,
}

impl Tokens {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock,
            known: Mutex::default(),
        }
    }

    /// Begins a session of an account.
    pub(crate) async fn sign_in(&self, account: &Account) -> Result<Pair, Error> {
        let now = self.clock.now();
        let refresh = secret::token(Kind::Refresh)?;
        let refresh_until = now + REFRESH;
        let session = self
            .store
            .create_token(
                account.id,
                SESSION,
                &secret::hash(&refresh),
                Some(refresh_until),
            )
            .await?;
        let access = secret::token(Kind::Access)?;
        let access_until = now + ACCESS;
        let known = Known {
            identity: Identity::new(account, Proof::Session(session)),
            until: Some(access_until),
            checked_at: now,
        };
        self.remember(secret::hash(&access), known, now);
        // The row's key travels with the secret, which the hash alone does not lead back to.
        let refresh = format!("{refresh}.{session}");
        Ok(Pair {
            access,
            access_until,
            refresh,
            refresh_until,
        })
    }

    /// Ends the session of a refresh token and begins another.
    pub(crate) async fn refresh(&self, token: &str) -> Result<(Account, Pair), Error> {
        let (secret, session) = token.rsplit_once('.').ok_or(Error::NotSignedIn)?;
        let session: i32 = session.parse().map_err(|_| Error::NotSignedIn)?;
        if Kind::of(secret) != Some(Kind::Refresh) {
            return Err(Error::NotSignedIn);
        }
        let now = self.clock.now();
        let account = self
            .store
            .account_by_token(&secret::hash(secret), now)
            .await?
            .ok_or(Error::NotSignedIn)?;
        self.end_session(account.id, session).await?;
        let pair = self.sign_in(&account).await?;
        Ok((account, pair))
    }

    /// Makes an API token.
    pub(crate) async fn create_api(
        &self,
        account: AccountId,
        label: &str,
        until: WallTime,
    ) -> Result<(i32, String), Error> {
        let token = secret::token(Kind::Api)?;
        let id = self
            .store
            .create_token(account, label, &secret::hash(&token), Some(until))
            .await?;
        Ok((id, token))
    }

    /// The account's API tokens.
    pub(crate) async fn list_api(&self, account: AccountId) -> Result<Vec<Token>, Error> {
        let mut tokens = self.store.tokens(account).await?;
        tokens.retain(|t| t.label != SESSION);
        tokens.sort_by_key(|t| t.id);
        Ok(tokens)
    }

    /// Takes a token back, at once.
    pub(crate) async fn revoke_api(&self, account: AccountId, id: i32) -> Result<(), Error> {
        if !self.list_api(account).await?.iter().any(|t| t.id == id) {
            return Err(Error::NotFound {
                what: "API token",
                id: id.to_string(),
            });
        }
        self.store
            .revoke_token(account, id, self.clock.now())
            .await?;
        // Which secret it was is not known; the account's others are looked up again.
        self.forget(|known| known.account == account && known.by == Proof::ApiToken);
        Ok(())
    }

    /// Ends one session, at once.
    pub(crate) async fn end_session(&self, account: AccountId, session: i32) -> Result<(), Error> {
        self.forget(|known| known.account == account && known.by == Proof::Session(session));
        self.store
            .revoke_token(account, session, self.clock.now())
            .await?;
        Ok(())
    }

    /// Ends every session of an account, at once; its API tokens too when `api` says so.
    pub(crate) async fn end_all(&self, account: AccountId, api: bool) -> Result<(), Error> {
        self.forget(|known| known.account == account);
        let now = self.clock.now();
        for token in self.store.tokens(account).await? {
            if token.revoked_at.is_none() && (api || token.label == SESSION) {
                self.store.revoke_token(account, token.id, now).await?;
            }
        }
        self.forget(|known| known.account == account);
        Ok(())
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// [`Error::NotSignedIn`] for one that is unknown, void, or not made for this; [`Error::Store`] when
    /// that cannot be found out.
    pub(crate) async fn check(&self, token: &str) -> Result<Identity, Error> {
        let kind = Kind::of(token);
        if !matches!(kind, Some(Kind::Access | Kind::Api)) {
            return Err(Error::NotSignedIn);
        }
        let hash = secret::hash(token);
        let now = self.clock.now();
        let believed = {
            let mut known = self.lock();
            if known
                .get(&hash)
                .is_some_and(|k| k.until.is_some_and(|until| until <= now))
            {
                known.remove(&hash);
            }
            match known.get(&hash) {
                Some(k) if now.since(k.checked_at) < BELIEVED => return Ok(k.identity.clone()),
                Some(k) => Some(k.identity.clone()),
                None => None,
            }
        };
        match (kind, believed) {
            (Some(Kind::Access), None) => Err(Error::NotSignedIn),
            (Some(Kind::Access), Some(identity)) => {
                let account = self.store.account(identity.account).await;
                let account = account.map(|a| Some(a).filter(|a| !a.disabled));
                self.settle(hash, account, identity.by, Some(identity), now)
            }
            (_, believed) => {
                let account = self.store.account_by_token(&hash, now).await;
                self.settle(hash, account, Proof::ApiToken, believed, now)
            }
        }
    }

    /// Makes an identity of what the database said; while it is away, what was known stays.
    fn settle(
        &self,
        hash: SecretHash,
        account: Result<Option<Account>, store::Error>,
        by: Proof,
        believed: Option<Identity>,
        now: WallTime,
    ) -> Result<Identity, Error> {
        match account {
            Ok(Some(account)) => {
                let identity = Identity::new(&account, by);
                match by {
                    Proof::ApiToken => {
                        let known = Known {
                            identity: identity.clone(),
                            until: None,
                            checked_at: now,
                        };
                        self.remember(hash, known, now);
                    }
                    // Only what is still there: the session may have ended while the database was asked.
                    Proof::Session(_) => match self.lock().get_mut(&hash) {
                        Some(known) => {
                            known.identity = identity.clone();
                            known.checked_at = now;
                        }
                        None => return Err(Error::NotSignedIn),
                    },
                }
                Ok(identity)
            }
            Ok(None) | Err(store::Error::NotFound { .. }) => {
                self.lock().remove(&hash);
                Err(Error::NotSignedIn)
            }
            Err(error) => match believed {
                Some(identity) if error.problem() == Problem::Busy => Ok(identity),
                Some(_) | None => Err(error.into()),
            },
        }
    }

    fn remember(&self, hash: SecretHash, token: Known, now: WallTime) {
        let mut known = self.lock();
        if known.len() >= ACCESS_TOKENS {
            known.retain(|_, k| k.until.is_some_and(|until| until > now));
        }
        if known.len() >= ACCESS_TOKENS {
            known.pop_first();
        }
        known.insert(hash, token);
    }

    fn forget(&self, which: impl Fn(&Identity) -> bool) {
        self.lock().retain(|_, known| !which(&known.identity));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SecretHash, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
