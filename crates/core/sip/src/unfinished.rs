//! What must still be said to a peer when we die in the middle of a call, and saying it in the next life.
//!
//! A process that is killed sends nothing: the phone it called rings on, and who answered sits in silence
//! until a timer of the peer's ends it, which few have. So the owner keeps, outside the process, one request
//! for each leg: its INVITE, to be cancelled, until it is answered; then the BYE, written in advance.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use model::LegId;

use crate::dialog::Dialog;
use crate::message::Message;
use crate::method::Method;
use crate::via::key_of_branch;
use crate::wire::{Owner, Wire};

/// What is left to be said about a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// Where it goes.
    pub to: SocketAddr,
    /// An INVITE that was sent and is to be cancelled, or a BYE that is to be sent.
    pub request: Arc<[u8]>,
}

/// What the owner has not yet been told. `None`: the leg is over.
pub(crate) type Changes = VecDeque<(LegId, Option<Unfinished>)>;

impl Wire {
    /// The INVITE of a leg is about to be sent.
    pub(crate) fn keep_invite(&mut self, leg: LegId, to: SocketAddr, request: &[u8]) {
        if let Some(changes) = &mut self.unfinished {
            let request = request.into();
            changes.push_back((leg, Some(Unfinished { to, request })));
        }
    }

    /// A leg has been answered. Its BYE carries no credentials: a peer that challenges it inside a dialog
    /// learns of our death by its own timers.
    pub(crate) fn keep_bye(&mut self, leg: LegId, dialog: &Dialog) {
        if self.unfinished.is_none() {
            return;
        }
        let branch = self.random.key();
        let cseq = dialog.local_cseq.saturating_add(1);
        let bye = dialog.begin(self, Method::Bye, cseq, branch).end();
        let (to, request) = (dialog.destination(), bye.into());
        if let Some(changes) = &mut self.unfinished {
            changes.push_back((leg, Some(Unfinished { to, request })));
        }
    }

    /// Nothing is left to be said.
    pub(crate) fn keep_nothing(&mut self, leg: LegId) {
        if let Some(changes) = &mut self.unfinished {
            changes.push_back((leg, None));
        }
    }

    /// Says what an earlier process left unsaid. Nobody waits for what comes of it.
    pub(crate) fn finish(&mut self, unfinished: Unfinished) {
        let Unfinished { to, request } = unfinished;
        let Ok(message) = Message::read(&request) else {
            return;
        };
        let branch = message.via().and_then(|v| v.branch());
        let Some(branch) = branch.and_then(key_of_branch) else {
            return;
        };
        if message.cseq_method() == Some(Method::Invite) {
            // The answer may have crossed our end: it is a stray then, and ended as such.
            self.cancel_left_behind(branch, to, request);
        } else {
            self.start_request(Owner::Nobody, branch, to, request.to_vec());
        }
    }
}
