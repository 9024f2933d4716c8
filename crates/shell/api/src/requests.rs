//! Requests that carry an id are carried out once (AIP-155): the same id gets the first answer again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use model::Problem;
use prost::Message;
use store::{AccountId, RequestKey, SecretHash, Seen, Store};

use crate::{Error, secret};

/// Answers to one account's commands that memory keeps.
const KEPT: usize = 256;

/// Where the answer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// In the database, for 24 hours: what changes what is configured.
    Durably,
    /// In the database, but only that it was answered: the answer holds a secret.
    ThatItWas,
    /// In memory, the account's newest: what an agent does. It must work while the database is away, and
    /// means nothing to the calls of the next run.
    InMemory,
}

/// One request: who asks what under which id.
pub(crate) struct Asked<'a, R> {
    pub(crate) account: AccountId,
    /// Name of the method; an id belongs to one.
    pub(crate) method: &'static str,
    /// UUID chosen by the client; empty: none.
    pub(crate) id: &'a str,
    pub(crate) request: &'a R,
}

/// The newest requests of each account and their answers, oldest first.
type Memory = Arc<Mutex<BTreeMap<AccountId, VecDeque<(u128, Slot)>>>>;

/// Remembers requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Requests {
    store: Store,
    memory: Memory,
}

/// The answer to one request; held while it is carried out, so that a repetition waits for it.
type Slot = Arc<tokio::sync::Mutex<Option<(SecretHash, Vec<u8>)>>>;

impl Requests {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            memory: Arc::default(),
        }
    }

    /// Carries `work` out unless the id was answered before. It runs to its end even when the client goes
    /// away in the middle, so that a repetition finds the answer.
    ///
    /// # Errors
    /// As `work`, and then the id may be used again; [`Error::RequestIdReused`], [`Error::RequestOpen`].
    pub(crate) async fn once<Req, Res>(
        &self,
        keep: Keep,
        asked: Asked<'_, Req>,
        work: impl Future<Output = Result<Res, Error>> + Send + 'static,
    ) -> Result<Res, Error>
    where
        Req: Message,
        Res: Message + Default + Send + 'static,
    {
        if asked.id.is_empty() {
            return run(work).await;
        }
        let id = uuid(asked.id)?;
        let digest = secret::digest(asked.method, &asked.request.encode_to_vec());
        let slot = self.slot(asked.account, id);
        let mut slot = slot.lock_owned().await;
        if let Some((known, answer)) = slot.as_ref() {
            if *known != digest {
                return Err(Error::RequestIdReused {
                    id: asked.id.to_owned(),
                });
            }
            return decode(answer);
        }
        let key = RequestKey {
            account: asked.account,
            id,
        };
        if keep != Keep::InMemory {
            match self.store.begin_request(key, asked.method, &digest).await? {
                Seen::New => {}
                Seen::Answered(answer) => return decode(&answer),
                Seen::Open => {
                    return Err(Error::RequestOpen {
                        id: asked.id.to_owned(),
                    });
                }
                Seen::OtherContent => {
                    return Err(Error::RequestIdReused {
                        id: asked.id.to_owned(),
                    });
                }
            }
        }
        let store = self.store.clone();
        run(async move {
            let result = work.await;
            match (&result, keep) {
                (Ok(answer), Keep::InMemory) => *slot = Some((digest, answer.encode_to_vec())),
                (Ok(answer), Keep::Durably) => {
                    // It is done; that its answer was not kept must not make the client believe otherwise.
                    if let Err(error) = store.finish_request(key, &answer.encode_to_vec()).await {
                        tracing::warn!(%error, "the answer to a request was not kept");
                    }
                }
                (Ok(_), Keep::ThatItWas) | (Err(_), Keep::InMemory) => {}
                // A failure of our own leaves open what was done: the id stays taken.
                (Err(error), Keep::Durably | Keep::ThatItWas) => {
                    if error.problem() == Problem::Caller
                        && let Err(error) = store.forget_request(key).await
                    {
                        tracing::warn!(%error, "a refused request keeps its id");
                    }
                }
            }
            result
        })
        .await
    }

    fn slot(&self, account: AccountId, id: u128) -> Slot {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = memory.entry(account).or_default();
        if let Some((_, slot)) = slots.iter().find(|(known, _)| *known == id) {
            return slot.clone();
        }
        let slot = Slot::default();
        slots.push_back((id, slot.clone()));
        if slots.len() > KEPT {
            slots.pop_front();
        }
        slot
    }
}

async fn run<Res: Send + 'static>(
    work: impl Future<Output = Result<Res, Error>> + Send + 'static,
) -> Result<Res, Error> {
    tokio::spawn(work)
        .await
        .map_err(|e| Error::Internal(format!("a request ended before its answer: {e}")))?
}

fn decode<Res: Message + Default>(answer: &[u8]) -> Result<Res, Error> {
    Res::decode(answer).map_err(|e| Error::Internal(format!("a kept answer cannot be read: {e}")))
}

fn uuid(text: &str) -> Result<u128, Error> {
    // The 8-4-4-4-12 form that attempts have, too.
    text.parse().map(model::AttemptId::bits).map_err(|_| {
        Error::invalid(
            "request_id",
            "not_a_uuid",
            "write a UUID as 8-4-4-4-12 hexadecimal digits",
        )
    })
}
