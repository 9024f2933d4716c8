//! The way to the engine and back: a request goes in, its one answer comes out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::{AgentAsk, Answer, Ask, Input, Refused, RequestId};
use model::AgentId;
use tokio::sync::oneshot;

use crate::Error;

type Reply = Result<Answer, Refused>;

/// The engine's inbox is full; the input was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InboxError {
    /// Too much waits; the input may be sent again.
    #[error("the engine's inbox is full")]
    Full,
    /// The engine has ended.
    #[error("the engine has ended")]
    Closed,
}

/// Asks the engine. Cheap to clone.
///
/// The owner of the engine gives a function that puts an input into the inbox without waiting, and calls
/// [`EngineHandle::answer`] for every `Effect::Reply`.
#[derive(Clone)]
pub struct EngineHandle {
    inner: Arc<Inner>,
}

struct Inner {
    put: Box<dyn Fn(Input) -> Result<(), InboxError> + Send + Sync>,
    next: AtomicU64,
    waiting: Mutex<BTreeMap<RequestId, oneshot::Sender<Reply>>>,
}

/// Requests that may be open at once. Each is a call of a client that waits.
const OPEN_REQUESTS: usize = 10_000;

impl EngineHandle {
    /// `put` must not block. Requests of this handle are numbered from 1 on; other askers of the same engine
    /// take numbers from `1 << 63` on.
    pub fn new(put: impl Fn(Input) -> Result<(), InboxError> + Send + Sync + 'static) -> Self {
        Self {
            inner: Arc::new(Inner {
                put: Box::new(put),
                next: AtomicU64::new(1),
                waiting: Mutex::default(),
            }),
        }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`Error::Refused`] as the engine says; [`Error::EngineBusy`] and [`Error::EngineGone`].
    pub async fn ask(&self, ask: Ask) -> Result<Answer, Error> {
        let request = RequestId(self.inner.next.fetch_add(1, Ordering::Relaxed));
        let (tell, told) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            if waiting.len() >= OPEN_REQUESTS {
                return Err(Error::EngineBusy);
            }
            waiting.insert(request, tell);
        }
        // Removes the entry also when the client went away and this future is dropped.
        let _open = Open {
            inner: &self.inner,
            request,
        };
        (self.inner.put)(Input::Request { request, ask }).map_err(|e| match e {
            InboxError::Full => Error::EngineBusy,
            InboxError::Closed => Error::EngineGone,
        })?;
        let reply = told.await.map_err(|_| Error::EngineGone)?;
        Ok(reply?)
    }

    /// Asks for an agent, for what is answered with done.
    ///
    /// # Errors
    /// As [`EngineHandle::ask`].
    pub async fn ask_agent(&self, agent: AgentId, ask: AgentAsk) -> Result<(), Error> {
        match self.ask(Ask::Agent { agent, ask }).await? {
            Answer::Done => Ok(()),
            other => Err(Error::Internal(format!("the engine answered {other:?}"))),
        }
    }

    /// Tells the engine a fact that has no answer, without waiting.
    ///
    /// # Errors
    /// [`Error::EngineBusy`] and [`Error::EngineGone`].
    pub fn tell(&self, input: Input) -> Result<(), Error> {
        (self.inner.put)(input).map_err(|e| match e {
            InboxError::Full => Error::EngineBusy,
            InboxError::Closed => Error::EngineGone,
        })
    }

    /// Delivers an answer. False when nobody waits for it: the client went away, or it was not asked here.
    pub fn answer(&self, request: RequestId, answer: Reply) -> bool {
        let waiter = self.waiting().remove(&request);
        waiter.is_some_and(|tell| tell.send(answer).is_ok())
    }

    /// The engine ended: everybody who waits hears it.
    pub fn close(&self) {
        self.waiting().clear();
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<RequestId, oneshot::Sender<Reply>>> {
        self.inner
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

struct Open<'a> {
    inner: &'a Inner,
    request: RequestId,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.inner
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.request);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn pair() -> (EngineHandle, mpsc::Receiver<Input>) {
        let (tx, rx) = mpsc::sync_channel(4);
        let handle = EngineHandle::new(move |input| {
            tx.try_send(input).map_err(|e| match e {
                mpsc::TrySendError::Full(_) => InboxError::Full,
                mpsc::TrySendError::Disconnected(_) => InboxError::Closed,
            })
        });
        (handle, rx)
    }

    fn request(input: Input) -> RequestId {
        match input {
            Input::Request { request, .. } => request,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn each_asker_gets_the_answer_to_its_own_question() {
        let (handle, inbox) = pair();
        let (a, b, ()) = tokio::join!(handle.ask(Ask::Board), handle.ask(Ask::Board), async {
            let first = request(inbox.recv().unwrap());
            let second = request(inbox.recv().unwrap());
            assert!(handle.answer(second, Err(Refused::Draining)));
            assert!(handle.answer(first, Ok(Answer::Done)));
        });
        assert_eq!(a.unwrap(), Answer::Done);
        assert!(matches!(b, Err(Error::Refused(Refused::Draining))));
    }

    #[tokio::test]
    async fn an_asker_who_went_away_leaves_nothing_behind() {
        let (handle, inbox) = pair();
        let asked = tokio::time::timeout(std::time::Duration::ZERO, handle.ask(Ask::Board)).await;
        assert!(asked.is_err());
        let request = request(inbox.recv().unwrap());
        assert!(!handle.answer(request, Ok(Answer::Done)));
    }

    #[tokio::test]
    async fn a_full_inbox_and_an_ended_engine_are_told_apart() {
        let (handle, inbox) = pair();
        for _ in 0..4 {
            handle.tell(Input::Tick).unwrap();
        }
        assert!(matches!(
            handle.ask(Ask::Board).await,
            Err(Error::EngineBusy)
        ));
        drop(inbox);
        assert!(matches!(
            handle.ask(Ask::Board).await,
            Err(Error::EngineGone)
        ));
    }
}
