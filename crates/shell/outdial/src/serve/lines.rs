//! Trunks and agents' phones: read from the database, told to the SIP thread and to the engine, at the start
//! and whenever somebody changes them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::{Transport, TrunkConnection};
use engine::{Input, TrunkSpec};
use sip::{Algorithm, Credentials, NextHop, Secret};
use store::{PageRequest, Store, Trunk};
use telephony::{CallerIn, NumberForm, PhoneUser, ShardCommand, ShardHandle, TrunkPeer};
use tokio::sync::watch;

use crate::driver::Inbox;

/// How often trunks are asked whether they are there.
const OPTIONS_EVERY: Duration = Duration::from_secs(30);

/// Tells what the database says of trunks and phones.
pub struct Lines {
    store: Store,
    shard: ShardHandle,
    inbox: Inbox,
}

impl Lines {
    /// To be told through these.
    pub fn new(store: Store, shard: ShardHandle, inbox: Inbox) -> Self {
        Self {
            store,
            shard,
            inbox,
        }
    }

    /// Reads and tells. A trunk that cannot be used is told to the engine as down, with why; it does not stop
    /// the others.
    ///
    /// # Errors
    /// When the database does not answer, or the daemon is ending.
    pub async fn tell(&self) -> anyhow::Result<()> {
        let trunks = self.store.trunks().await?;
        let mut peers = Vec::new();
        let mut unusable = Vec::new();
        for trunk in &trunks {
            match peer(trunk).await {
                Ok(peer) => peers.push(peer),
                Err(error) => {
                    tracing::warn!(
                        trunk = trunk.settings.name,
                        "a trunk cannot be used: {error:#}"
                    );
                    unusable.push((trunk.id, format!("{error:#}")));
                }
            }
        }
        self.inbox
            .tell(Input::Trunks(trunks.iter().map(spec).collect()))?;
        for (trunk, reason) in unusable {
            self.inbox.tell(Input::TrunkDown { trunk, reason })?;
        }
        self.shard.send(ShardCommand::SetTrunks(peers))?;
        self.shard
            .send(ShardCommand::SetPhones(self.phones().await?))?;
        Ok(())
    }

    async fn phones(&self) -> anyhow::Result<Vec<PhoneUser>> {
        let mut phones = Vec::new();
        let mut page = PageRequest::FIRST;
        loop {
            let agents = self.store.agents(page).await?;
            let may = agents.items.into_iter().filter(|a| !a.disabled);
            phones.extend(may.map(|agent| PhoneUser {
                agent: agent.id,
                username: agent.sip_user,
                secret: Secret::Ha1 {
                    algorithm: Algorithm::Md5,
                    hex: agent.sip_ha1,
                },
            }));
            match agents.next {
                Some(after) => page.after = after,
                None => return Ok(phones),
            }
        }
    }
}

/// Tells again whenever `changes` says so.
///
/// # Errors
/// None; what fails is logged, and told with the next change.
pub async fn follow(
    lines: Lines,
    mut changes: watch::Receiver<()>,
    mut stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                if let Err(error) = lines.tell().await {
                    tracing::error!("trunks and phones could not be read again: {error:#}");
                }
            }
            () = super::stopped(&mut stop) => return Ok(()),
        }
    }
}

fn spec(trunk: &Trunk) -> TrunkSpec {
    let settings = &trunk.settings;
    TrunkSpec {
        id: trunk.id,
        name: settings.name.clone(),
        group: settings.group,
        priority: settings.priority,
        weight: settings.weight,
        channels: settings.channels,
        calls_per_second: settings.calls_per_second,
        enabled: settings.enabled,
    }
}

/// How to speak to a trunk, its host looked up.
///
/// # Errors
/// When it cannot be used; says why.
pub async fn peer(trunk: &Trunk) -> anyhow::Result<TrunkPeer> {
    let connection: TrunkConnection = serde_json::from_value(trunk.settings.connection.clone())
        .context("its connection is not understood")?;
    anyhow::ensure!(
        connection.transport == Transport::Udp,
        "only UDP is spoken to trunks; set connection.transport to udp"
    );
    let addresses: Vec<_> = tokio::net::lookup_host((connection.host.as_str(), connection.port))
        .await
        .with_context(|| format!("its host {} was not found", connection.host))?
        .collect();
    let addr = *addresses
        .first()
        .with_context(|| format!("its host {} has no address", connection.host))?;
    let credentials = (!connection.user.is_empty()).then(|| {
        Arc::new(Credentials {
            user: connection.user,
            secret: Secret::Password(connection.password),
        })
    });
    Ok(TrunkPeer {
        id: trunk.id,
        name: trunk.settings.name.clone(),
        addr,
        // A name with several addresses: the carrier may call back from any of them.
        also_from: addresses.iter().skip(1).map(|a| a.ip()).collect(),
        domain: connection.domain,
        credentials,
        register: connection.register,
        options_every: Some(OPTIONS_EVERY),
        numbers: NumberForm::default(),
        caller: CallerIn::default(),
        next_hop: NextHop::Dialog,
    })
}
