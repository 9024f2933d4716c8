//! What goes into a user agent and what comes out of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::{AgentId, LegEnd, LegId, SipStatus, WallTime};

use crate::digest::{Credentials, Secret};
use crate::media::{LocalMedia, RemoteMedia};
pub use crate::unfinished::Unfinished;

/// Something the user agent is told.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A datagram came. The owner has decided that its source may speak to us.
    Datagram {
        /// Where from.
        from: SocketAddr,
        /// What.
        bytes: &'a [u8],
    },
    /// A wish of the owner.
    Command(Command),
    /// A datagram could not be sent.
    SendFailed {
        /// The `sender` of its [`Effect::Send`].
        sender: Sender,
    },
    /// The time of [`next_wakeup`](crate::UserAgent::next_wakeup) has come.
    Tick,
}

/// Names the transaction behind a datagram, so that a failed send finds its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender(pub(crate) Option<crate::wire::ClientKey>);

/// Something the owner is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a datagram.
    Send {
        /// Where to.
        to: SocketAddr,
        /// The message.
        bytes: Arc<[u8]>,
        /// For [`Input::SendFailed`].
        sender: Sender,
    },
    /// A fact.
    Report(Event),
}

/// A trunk, or whatever else the owner keeps alive or registers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerId(pub u32);

/// Where requests inside a dialog are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NextHop {
    /// RFC 3261 section 12.2.1.1: the first route, else the remote target; the peer's address when that is
    /// a name, which only the owner could resolve.
    #[default]
    Dialog,
    /// Always where the INVITE went or came from: phones behind NAT, whose Contact is a private address.
    Peer,
}

/// Whom to invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A URI by way of a peer.
    Peer {
        /// Where the INVITE is sent.
        addr: SocketAddr,
        /// Request-URI and To, for example `sip:+79161234567@carrier.example`.
        uri: String,
    },
    /// The phone that an agent registered last.
    Phone(AgentId),
}

/// An INVITE to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Names the leg; below [`INBOUND_LEGS`].
    pub leg: LegId,
    /// Whom.
    pub to: Callee,
    /// The caller's URI, for example `sip:+49301234567@dialer.example`.
    pub from: String,
    /// The caller's URI for P-Asserted-Identity (RFC 3325): for trunks that trust us and want their own account
    /// in From.
    pub asserted: Option<String>,
    /// Begins the Call-ID, for logs; a random part follows.
    pub call_id: String,
    /// Our end of the audio.
    pub media: LocalMedia,
    /// For challenges; `None`: a challenge ends the leg.
    pub credentials: Option<Arc<Credentials>>,
    /// Where later requests go.
    pub next_hop: NextHop,
}

/// How an inbound leg is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Respond {
    /// 180, or 183 with our answer to the offer as early media.
    Progress {
        /// 101 to 199.
        status: SipStatus,
        /// Our end of the audio, for early media.
        media: Option<LocalMedia>,
    },
    /// 200 with our answer. Without a common codec the leg is rejected with 488 and ends as such.
    Answer {
        /// Our end of the audio; the one of an earlier `Progress` must be the same.
        media: LocalMedia,
    },
    /// A final refusal.
    Reject {
        /// 300 to 699.
        status: SipStatus,
        /// A Q.850 cause for the Reason header.
        q850: Option<u8>,
        /// The reason's text.
        text: Option<String>,
    },
}

/// A wish. One for a leg that has ended is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Place a call.
    Invite(Box<Invite>),
    /// Stop a leg that is not answered; an answer that crosses is reported, and the leg lives.
    Cancel(LegId),
    /// End a leg: CANCEL before the answer, BYE after it; an inbound one not answered gets 603.
    HangUp(LegId),
    /// Answer an inbound leg.
    Respond {
        /// The leg of [`Event::Incoming`].
        leg: LegId,
        /// How.
        how: Respond,
    },
    /// Replaces the users of the registrar. Bindings of users that are gone are dropped.
    SetUsers(Vec<User>),
    /// Registers phones as an earlier process knew them; those of unknown agents and those that have expired
    /// are left out. After `SetUsers`.
    RestorePhones(Vec<PhoneBinding>),
    /// Says what an earlier process left unsaid.
    Finish(Unfinished),
    /// Registers with a peer and keeps the registration fresh; replaces an earlier one of this id.
    Register(Box<Registrant>),
    /// Takes a registration back and forgets it.
    Unregister(PeerId),
    /// Sends OPTIONS again and again; replaces an earlier watch of this id.
    Watch(Watch),
    /// Ends a watch.
    Unwatch(PeerId),
}

/// A user of the registrar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who uses the phone.
    pub agent: AgentId,
    /// The user part of the address of record, and the digest user name.
    pub name: String,
    /// What proves it.
    pub secret: Secret,
}

/// A registered phone, as another process must know it to call it: digest has proved it already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneBinding {
    /// Whose.
    pub agent: AgentId,
    /// Where it is.
    pub source: SocketAddr,
    /// Its Contact, in angle brackets.
    pub contact: Box<[u8]>,
    /// Call-ID of its REGISTER.
    pub call_id: Box<[u8]>,
    /// CSeq number of its REGISTER.
    pub cseq: u32,
    /// When the registration ends unless refreshed.
    pub expires_at: WallTime,
}

/// A registration to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registrant {
    /// Names it.
    pub peer: PeerId,
    /// Where REGISTER goes.
    pub addr: SocketAddr,
    /// The registrar's URI, for example `sip:carrier.example`.
    pub registrar: String,
    /// The address of record, for example `sip:4711@carrier.example`.
    pub aor: String,
    /// The user part of our Contact.
    pub user: String,
    /// For the challenge.
    pub credentials: Arc<Credentials>,
    /// The lifetime asked for.
    pub expires: Duration,
}

/// A peer to keep an eye on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Names it.
    pub peer: PeerId,
    /// Where OPTIONS goes.
    pub addr: SocketAddr,
    /// The Request-URI, for example `sip:carrier.example`.
    pub uri: String,
    /// Between the end of one OPTIONS and the next.
    pub every: Duration,
    /// How long a response may take.
    pub patience: Duration,
}

/// Why a peer is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DownReason {
    /// No answer to OPTIONS or REGISTER.
    Silent,
    /// The packet could not be sent.
    Unreachable,
    /// It answered OPTIONS with 503, or refused REGISTER with this status.
    Refused(SipStatus),
}

impl std::fmt::Display for DownReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Silent => f.write_str("it does not answer"),
            Self::Unreachable => f.write_str("packets to it cannot be sent"),
            Self::Refused(status) => write!(f, "it refuses with SIP status {status}"),
        }
    }
}

/// Legs that others began are named by the user agent, from here upwards.
pub const INBOUND_LEGS: u64 = 1 << 63;

/// A fact. For every leg invited and every one reported as incoming, exactly one `Ended` comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The far side rings, or sends audio before the answer. Again when one of the two is added.
    Ringing {
        /// The leg.
        leg: LegId,
        /// Whether 180 was seen.
        rang: bool,
        /// Audio before the answer.
        media: Option<RemoteMedia>,
    },
    /// A 2xx came (outbound; it has been acknowledged) or was acknowledged (inbound).
    Answered {
        /// The leg.
        leg: LegId,
        /// We had asked to stop it.
        after_cancel: bool,
        /// The far end's audio; `None`: the answer carried none that we can use.
        media: Option<RemoteMedia>,
    },
    /// The far end has moved, holds or resumes.
    MediaChanged {
        /// The leg.
        leg: LegId,
        /// What holds from now on.
        media: RemoteMedia,
    },
    /// Somebody calls. To be answered with [`Command::Respond`]; 100 has been sent.
    Incoming {
        /// Names the leg.
        leg: LegId,
        /// Where the INVITE came from.
        source: SocketAddr,
        /// User part of From.
        from: String,
        /// User part of the Request-URI.
        to: String,
    },
    /// The leg is over.
    Ended {
        /// The leg.
        leg: LegId,
        /// How.
        end: LegEnd,
        /// How long the peer wants to be left alone (RFC 3261 section 20.33).
        retry_after: Option<Duration>,
    },
    /// A phone registered, or refreshed its registration.
    PhoneRegistered {
        /// Whose.
        agent: AgentId,
        /// Where it is.
        source: SocketAddr,
    },
    /// An agent's last phone is gone: de-registered or expired.
    PhoneGone {
        /// Whose.
        agent: AgentId,
    },
    /// A registration of ours holds. Reported for the first time and after a failure.
    Registered(PeerId),
    /// A registration of ours does not hold; it is tried again.
    NotRegistered(PeerId, DownReason),
    /// A watched peer answers. Reported for the first time and after a failure.
    PeerUp(PeerId),
    /// A watched peer does not answer.
    PeerDown(PeerId, DownReason),
}

/// What a user agent is set up with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Our address as peers must see it: in Via and Contact.
    pub local: SocketAddr,
    /// User-Agent and Server.
    pub product: String,
    /// Transaction timers.
    pub timers: Timers,
    /// Most legs at a time, those included that only wait for late packets.
    pub legs_max: usize,
    /// What to do with calls from outside.
    pub inbound: Inbound,
    /// The built-in registrar; `None`: REGISTER is refused.
    pub realm: Option<Realm>,
}

/// What the built-in registrar asks phones for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// The realm, part of every password hash.
    pub name: String,
    /// The digest algorithms offered.
    pub challenge: Challenges,
}

/// The digest algorithms a registrar offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Challenges {
    /// MD5 only: every phone knows it, and many (baresip 1.0 for one) give up when any other algorithm is
    /// offered beside it.
    #[default]
    Md5,
    /// SHA-256, then MD5, as RFC 8760 section 2.3 says: for phones known to read on.
    Sha256Md5,
    /// SHA-256 only.
    Sha256,
}

pub use crate::timers::Timers;

/// What to do with calls from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// Refuse them with this status.
    Refuse(SipStatus),
    /// Report them as [`Event::Incoming`].
    Report,
}

/// What the user agent holds and has dropped, for metrics and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tally {
    /// Legs in the table.
    pub legs: usize,
    /// Client transactions in the table.
    pub client_transactions: usize,
    /// Server transactions in the table.
    pub server_transactions: usize,
    /// Datagrams that were no SIP message.
    pub malformed: u64,
    /// Responses that belong to nothing.
    pub stray_responses: u64,
    /// Requests refused because a table was full.
    pub refused: u64,
}
