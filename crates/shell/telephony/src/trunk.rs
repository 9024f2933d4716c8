//! Trunks as the SIP half knows them: where they are, how to speak to them, whether they are there.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use model::{E164, TrunkId};
use sip::{Command, Credentials, DownReason, NextHop, PeerId, Registrant, Watch};

/// How a trunk wants numbers written in URIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NumberForm {
    /// `+79161234567`.
    #[default]
    Plus,
    /// `79161234567`.
    Digits,
}

impl NumberForm {
    fn write(self, number: E164) -> String {
        match self {
            Self::Plus => number.to_string(),
            Self::Digits => number.digits().to_string(),
        }
    }
}

/// Where a trunk wants the caller's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CallerIn {
    /// In From: trunks that know us by our address.
    #[default]
    From,
    /// In P-Asserted-Identity (RFC 3325), with our account in From: many trunks that we register with.
    AssertedIdentity,
}

/// A trunk's SIP side, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkPeer {
    /// Which trunk.
    pub id: TrunkId,
    /// For logs.
    pub name: String,
    /// Where requests go, resolved.
    pub addr: SocketAddr,
    /// Further addresses that its requests may come from.
    pub also_from: Vec<IpAddr>,
    /// The host in URIs; often a name although `addr` is an address.
    pub domain: String,
    /// Answers its challenges; `None`: it knows us by our address.
    pub credentials: Option<Arc<Credentials>>,
    /// Whether to register with it; needs credentials.
    pub register: bool,
    /// How often OPTIONS asks whether it is there; `None`: never, it counts as up.
    pub options_every: Option<Duration>,
    /// How it wants numbers.
    pub numbers: NumberForm,
    /// Where it wants the caller's number.
    pub caller: CallerIn,
    /// Where requests inside a dialog go.
    pub next_hop: NextHop,
}

/// Lifetime asked for in a registration; the registrar may grant less (RFC 3261 section 10.2.1.1).
const REGISTRATION_LIFE: Duration = Duration::from_secs(600);
/// How long an answer to OPTIONS may take: as long as an INVITE waits (Timer B as configured).
const OPTIONS_PATIENCE: Duration = Duration::from_secs(5);

impl TrunkPeer {
    /// The URI of a number behind this trunk.
    pub(crate) fn uri(&self, number: E164) -> String {
        format!("sip:{}@{}", self.numbers.write(number), self.domain)
    }

    /// The URIs for From and for P-Asserted-Identity.
    pub(crate) fn caller(&self, number: E164) -> (String, Option<String>) {
        let number = self.uri(number);
        match (self.caller, &self.credentials) {
            (CallerIn::AssertedIdentity, Some(account)) => (
                format!("sip:{}@{}", account.user, self.domain),
                Some(number),
            ),
            (CallerIn::AssertedIdentity, None) => (number.clone(), Some(number)),
            (CallerIn::From, _) => (number, None),
        }
    }

    fn peer(&self) -> PeerId {
        // The bits matter, not the sign.
        PeerId(self.id.0.cast_unsigned())
    }

    fn registration(&self) -> Option<Registrant> {
        let credentials = self.credentials.clone().filter(|_| self.register)?;
        Some(Registrant {
            peer: self.peer(),
            addr: self.addr,
            registrar: format!("sip:{}", self.domain),
            aor: format!("sip:{}@{}", credentials.user, self.domain),
            user: credentials.user.clone(),
            credentials,
            expires: REGISTRATION_LIFE,
        })
    }

    fn watch(&self) -> Option<Watch> {
        self.options_every.map(|every| Watch {
            peer: self.peer(),
            addr: self.addr,
            uri: format!("sip:{}", self.domain),
            every,
            patience: OPTIONS_PATIENCE,
        })
    }

    /// What the user agent must be told when this trunk comes.
    pub(crate) fn begin(&self) -> impl Iterator<Item = Command> {
        let register = self.registration().map(|r| Command::Register(Box::new(r)));
        register.into_iter().chain(self.watch().map(Command::Watch))
    }

    /// What it must be told when this trunk goes.
    pub(crate) fn end(&self) -> impl Iterator<Item = Command> {
        let peer = self.peer();
        let unregister = self.registration().map(|_| Command::Unregister(peer));
        unregister
            .into_iter()
            .chain(self.watch().map(|_| Command::Unwatch(peer)))
    }
}

/// Whether a trunk can take calls, from what is known.
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(crate) peer: TrunkPeer,
    registration: Part,
    options: Part,
    told: Option<Health>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    NotAsked,
    Unknown,
    Good,
    Bad(DownReason),
}

/// Up, or down for a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    Up,
    NotRegistered(DownReason),
    Away(DownReason),
}

impl Trunk {
    pub(crate) fn new(peer: TrunkPeer) -> Self {
        let asked = |is: bool| if is { Part::Unknown } else { Part::NotAsked };
        Self {
            registration: asked(peer.registration().is_some()),
            options: asked(peer.watch().is_some()),
            peer,
            told: None,
        }
    }

    pub(crate) fn registered(&mut self, result: Result<(), DownReason>) {
        self.registration = result.map_or_else(Part::Bad, |()| Part::Good);
    }

    pub(crate) fn watched(&mut self, result: Result<(), DownReason>) {
        self.options = result.map_or_else(Part::Bad, |()| Part::Good);
    }

    /// The health, when it has changed since it was last asked for.
    pub(crate) fn news(&mut self) -> Option<Health> {
        let health = match (self.options, self.registration) {
            (Part::Bad(why), _) => Health::Away(why),
            (_, Part::Bad(why)) => Health::NotRegistered(why),
            (Part::Unknown, _) | (_, Part::Unknown) => return None,
            (Part::Good | Part::NotAsked, Part::Good | Part::NotAsked) => Health::Up,
        };
        (self.told != Some(health)).then(|| {
            self.told = Some(health);
            health
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Secret;

    fn peer(register: bool, options: bool) -> TrunkPeer {
        TrunkPeer {
            id: TrunkId(1),
            name: "one".into(),
            addr: "192.0.2.1:5060".parse().unwrap(),
            also_from: Vec::new(),
            domain: "carrier.example".into(),
            credentials: Some(Arc::new(Credentials {
                user: "u".into(),
                secret: Secret::Password("p".into()),
            })),
            register,
            options_every: options.then_some(Duration::from_secs(30)),
            numbers: NumberForm::Digits,
            caller: CallerIn::From,
            next_hop: NextHop::Dialog,
        }
    }

    #[test]
    fn a_trunk_of_which_nothing_is_asked_is_up_at_once() {
        let mut trunk = Trunk::new(peer(false, false));
        assert_eq!((trunk.news(), trunk.news()), (Some(Health::Up), None));
    }

    #[test]
    fn a_trunk_is_up_only_when_it_answers_and_holds_the_registration() {
        let mut trunk = Trunk::new(peer(true, true));
        assert_eq!(trunk.news(), None);
        trunk.watched(Ok(()));
        assert_eq!(trunk.news(), None);
        trunk.registered(Ok(()));
        assert_eq!(trunk.news(), Some(Health::Up));
        trunk.registered(Err(DownReason::Silent));
        assert_eq!(
            trunk.news(),
            Some(Health::NotRegistered(DownReason::Silent))
        );
        trunk.watched(Err(DownReason::Silent));
        assert_eq!(trunk.news(), Some(Health::Away(DownReason::Silent)));
    }

    #[test]
    fn numbers_are_written_as_the_trunk_wants_them() {
        let number: E164 = "+79161234567".parse().unwrap();
        assert_eq!(
            peer(false, false).uri(number),
            "sip:79161234567@carrier.example"
        );
    }

    #[test]
    fn the_callers_number_stands_where_the_trunk_wants_it() {
        let number: E164 = "+79161234567".parse().unwrap();
        let shown = "sip:79161234567@carrier.example".to_owned();
        let account = "sip:u@carrier.example".to_owned();
        for (caller, account_known, from, asserted) in [
            (CallerIn::From, true, &shown, None),
            (
                CallerIn::AssertedIdentity,
                true,
                &account,
                Some(shown.clone()),
            ),
            (
                CallerIn::AssertedIdentity,
                false,
                &shown,
                Some(shown.clone()),
            ),
        ] {
            let mut peer = peer(false, false);
            peer.caller = caller;
            peer.credentials = peer.credentials.filter(|_| account_known);
            assert_eq!(peer.caller(number), (from.clone(), asserted), "{caller:?}");
        }
    }
}
