//! `outdial call`: test calls through the production stack, without daemon or database.

mod place;
mod tally;
mod target;
mod test_call;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use model::E164;
use sip::{Codecs, Credentials, NextHop, Secret};
use telephony::{CallerIn, MediaOptions, NumberForm, PortRange, TrunkPeer};

use self::place::{Finished, Run, trunk_id};
use self::target::HostPort;
pub use self::target::{Target, address_towards};
use self::test_call::Plan;
use super::exit::{Exit, OrExit};

/// Places test calls, as a campaign would: the same SIP, audio, hunting and results. Exit code 0 when every
/// call was answered.
#[derive(Debug, Args)]
pub struct Call {
    /// Whom to call and where, sip:NUMBER@HOST[:PORT]; the number is dialled as written.
    #[arg(long, value_name = "URI")]
    to: Target,
    /// The next trunk to hunt to when one cannot take a call; may be given several times.
    #[arg(long, value_name = "HOST:PORT")]
    then: Vec<HostPort>,
    /// The caller's number shown.
    #[arg(long, default_value = "+12025550100")]
    from: E164,
    /// User name for digest; the trunk knows us by our address without it.
    #[arg(long, requires = "password")]
    user: Option<String>,
    /// Password for digest.
    #[arg(long, env = "OUTDIAL_SIP_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// How many calls.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    calls: u64,
    /// New calls per second.
    #[arg(long, value_name = "CPS", default_value_t = 10.0, value_parser = rate)]
    rate: f64,
    /// How long an answered call is held, in seconds. Absent: until the sound has been played, else 1 s.
    #[arg(long, value_name = "S", value_parser = seconds)]
    hold: Option<Duration>,
    /// A WAV file, played to whoever answers.
    #[arg(long, value_name = "FILE")]
    play: Option<PathBuf>,
    /// How long it may ring, in seconds.
    #[arg(long, value_name = "S", default_value = "25", value_parser = seconds)]
    ring_limit: Duration,
    /// How long to wait for the first ringing, in seconds.
    #[arg(long, value_name = "S", default_value = "12", value_parser = seconds)]
    set_up_limit: Duration,
    /// Our address. Absent: loopback towards loopback, else the one that packets to the target leave from.
    #[arg(long, value_name = "IP")]
    bind: Option<IpAddr>,
    /// UDP ports for audio, FIRST-LAST; two for each call at once.
    #[arg(long, value_name = "FIRST-LAST", default_value = "10000-32767", value_parser = ports)]
    rtp_ports: PortRange,
}

/// An answered call without a sound is held for so long.
const HOLD: Duration = Duration::from_secs(1);

impl Call {
    /// Places the calls.
    ///
    /// # Errors
    /// When they cannot be placed at all; a call that fails is a result.
    pub fn run(&self) -> anyhow::Result<Finished> {
        self.prepare()?.place().or_exit(Exit::Failure)
    }

    fn prepare(&self) -> anyhow::Result<Run> {
        let mut addresses = Vec::new();
        for host in std::iter::once(&self.to.host).chain(&self.then) {
            addresses.push(host.resolve().or_exit(Exit::Unavailable)?);
        }
        let bind = match (self.bind, addresses.first()) {
            (Some(ip), _) => ip,
            (None, Some(first)) => address_towards(*first)
                .with_context(|| format!("there is no route to {first}"))
                .or_exit(Exit::Unavailable)?,
            (None, None) => anyhow::bail!("no trunk was named"),
        };
        let read = |path: &PathBuf| {
            std::fs::read(path)
                .with_context(|| format!("could not read {}", path.display()))
                .or_exit(Exit::NotFound)
        };
        let sound = self.play.as_ref().map(read).transpose()?;
        let credentials = self.credentials();
        let trunks: Vec<TrunkPeer> = addresses
            .iter()
            .enumerate()
            .map(|(index, addr)| trunk(index, *addr, self.to.form, credentials.clone()))
            .collect();
        Ok(Run {
            sip: SocketAddr::new(bind, 0),
            media: MediaOptions {
                bind,
                advertised: bind,
                ports: self.rtp_ports,
                codecs: Codecs::AlawUlaw,
                learn_source: true,
                playout_delay: Duration::from_millis(40),
                port_rest: Duration::from_secs(5),
            },
            plan: Plan {
                trunks: trunks.len(),
                ring_limit: self.ring_limit,
                set_up_limit: self.set_up_limit,
                hold: self.hold.or(sound.is_none().then_some(HOLD)),
                plays: sound.is_some(),
            },
            trunks,
            to: self.to.number,
            from: self.from,
            calls: self.calls,
            interval: Duration::from_secs_f64(1.0 / self.rate),
            sound,
        })
    }

    fn credentials(&self) -> Option<Arc<Credentials>> {
        let (user, password) = self.user.clone().zip(self.password.clone())?;
        Some(Arc::new(Credentials {
            user,
            secret: Secret::Password(password),
        }))
    }
}

/// The trunk at an address, which knows us by ours and of which nothing is known.
pub fn plain_trunk(addr: SocketAddr) -> TrunkPeer {
    trunk(0, addr, NumberForm::default(), None)
}

fn trunk(
    index: usize,
    addr: SocketAddr,
    numbers: NumberForm,
    credentials: Option<Arc<Credentials>>,
) -> TrunkPeer {
    TrunkPeer {
        id: trunk_id(index),
        name: addr.to_string(),
        addr,
        also_from: Vec::new(),
        domain: addr.to_string(),
        // A trunk with an account wants the account in From.
        caller: match credentials {
            Some(_) => CallerIn::AssertedIdentity,
            None => CallerIn::From,
        },
        credentials,
        register: false,
        options_every: None,
        numbers,
        next_hop: NextHop::Dialog,
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=10_000.0).contains(&rate) => Ok(rate),
        _ => Err("write calls per second, from 0.01 to 10000".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(s) if (0.0..=86_400.0).contains(&s) => Ok(Duration::from_secs_f64(s)),
        _ => Err("write seconds, from 0 to 86400".to_owned()),
    }
}

fn ports(text: &str) -> Result<PortRange, String> {
    let ends = text
        .split_once('-')
        .and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    let (first, last) = ends.ok_or("write two ports, for example 10000-19999")?;
    PortRange::new(first, last).map_err(|e| e.to_string())
}
