//! What the desk is told, and what it wants done.

use model::WallTime;
use proto::agent::v1 as pb;
use proto::supervisor::v1::Question;
use tonic::Code;

use crate::terminal::Key;

/// A fact for the desk.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The stream of events is open.
    Watching,
    /// The stream of events brought one.
    Event(Box<pb::WatchSessionResponse>),
    /// The stream of events ended, or could not be opened.
    Lost(Refused),
    /// What came of [`Wish::Ask`].
    Answer {
        /// Its number.
        id: u64,
        /// What the server said.
        answer: Result<Reply, Refused>,
    },
    /// Time has passed.
    Tick,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Open the stream of events after the newest one known, in place of an older stream.
    Watch {
        /// The session.
        session: String,
        /// The newest event known; 0: none.
        after_seq: i64,
    },
    /// Ask the server, in order. The same number asked again is the same request.
    Ask {
        /// Names the request.
        id: u64,
        /// The session; empty for what needs none.
        session: String,
        /// What.
        ask: Ask,
    },
    /// Ring the bell.
    Bell,
    /// Draw everything anew.
    Redraw,
    /// Leave the screen.
    End(End),
}

/// How the desk was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The session is closed.
    Closed,
    /// By Ctrl-C; the session is as it was.
    Interrupted,
    /// The agent left, and the session is another's or gone.
    Left,
    /// It cannot go on.
    Failed(Refused),
}

/// A request of the desk.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Opens a session, whether one is open already or not.
    Open {
        /// Ends an older one.
        take_over: bool,
    },
    /// Ends the session.
    Close,
    /// Takes calls.
    Ready,
    /// Takes no calls.
    NotReady {
        /// Code of the reason.
        reason: String,
        /// At once; else after the present call.
        now: bool,
    },
    /// Dials what is offered.
    Take {
        /// This number; 0: the one offered.
        phone: i64,
    },
    /// Puts what is offered back.
    Skip,
    /// Dials a prospect.
    Dial {
        /// For which campaign.
        campaign: i32,
        /// Whom.
        prospect: i64,
        /// This number; 0: the first that is not closed.
        phone: i64,
    },
    /// Ends the call.
    HangUp,
    /// Lets the person wait.
    Hold,
    /// Goes on talking.
    Unhold,
    /// Keeps what was typed.
    Draft {
        /// About which talk.
        attempt: String,
        /// What.
        outcome: pb::Outcome,
    },
    /// Gives an outcome.
    Submit {
        /// Of which talk.
        attempt: String,
        /// What.
        outcome: pb::Outcome,
    },
    /// Ends the wrap-up without one.
    CloseWithoutOutcome {
        /// Of which talk.
        attempt: String,
    },
    /// More time in wrap-up.
    Extend,
    /// A prospect's record.
    Card {
        /// In which campaign.
        campaign: i32,
        /// Whose.
        prospect: i64,
    },
    /// The agent's work and callbacks.
    List,
    /// Another time for a callback.
    Move {
        /// Which.
        callback: i64,
        /// When.
        at: WallTime,
        /// Which number; 0: any.
        phone: i64,
    },
    /// Drops a callback.
    Cancel {
        /// Which.
        callback: i64,
    },
    /// A questionnaire.
    Questionnaire {
        /// Which version.
        id: i32,
    },
}

impl Ask {
    /// In words, for a complaint.
    pub const fn told(&self) -> &'static str {
        match self {
            Self::Open { .. } => "signing in",
            Self::Close => "leaving",
            Self::Ready => "ready",
            Self::NotReady { .. } => "not ready",
            Self::Take { .. } => "taking the offer",
            Self::Skip => "skipping the offer",
            Self::Dial { .. } => "dialling",
            Self::HangUp => "hanging up",
            Self::Hold | Self::Unhold => "hold",
            Self::Draft { .. } => "keeping a draft",
            Self::Submit { .. } => "the outcome",
            Self::CloseWithoutOutcome { .. } => "closing",
            Self::Extend => "more time",
            Self::Card { .. } => "the record",
            Self::List => "the list",
            Self::Move { .. } | Self::Cancel { .. } => "the callback",
            Self::Questionnaire { .. } => "the questionnaire",
        }
    }
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It is done, or will be.
    Done,
    /// A session is open.
    Opened {
        /// Its name.
        session: String,
        /// Reasons offered for a pause.
        reasons: Vec<String>,
    },
    /// A record.
    Card(Box<pb::Card>),
    /// The agent's work.
    List {
        /// Assigned prospects and promises, what is due first.
        items: Vec<pb::WorkItem>,
        /// Promises, with what can be done to them.
        callbacks: Vec<pb::Callback>,
    },
    /// What is asked in a talk.
    Questionnaire(Vec<Question>),
}

/// A refusal, or no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its kind.
    pub code: Code,
    /// In words.
    pub text: String,
}

impl Refused {
    /// Whether the server could not be asked, so that it makes sense to ask again.
    pub fn is_away(&self) -> bool {
        matches!(
            self.code,
            // Aborted: the same request is still being carried out.
            Code::Unavailable
                | Code::DeadlineExceeded
                | Code::Cancelled
                | Code::Unknown
                | Code::Aborted
        )
    }
}
