//! Trunks as configured.

use proto::admin::v1 as pb;
use serde::{Deserialize, Serialize};
use store::{Trunk, TrunkSettings};

use crate::convert::{small, text_within};
use crate::shared::Shared;
use crate::{Error, FieldProblem};

/// How a trunk is reached: what `store` keeps as the trunk's connection and telephony is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrunkConnection {
    /// Host name or address of the carrier.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Transport.
    pub transport: Transport,
    /// User name for digest; empty: the carrier trusts our address.
    #[serde(default)]
    pub user: String,
    /// Password for digest.
    #[serde(default)]
    pub password: String,
    /// Domain in URIs.
    pub domain: String,
    /// Whether to register there.
    #[serde(default)]
    pub register: bool,
    /// Names of codecs, the preferred first.
    pub codecs: Vec<String>,
}

impl std::fmt::Debug for TrunkConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The password stays out of every log.
        f.debug_struct("TrunkConnection")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("transport", &self.transport)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// How SIP messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// A TLS connection.
    Tls,
}

const CODECS: [&str; 2] = ["PCMA", "PCMU"];

pub(super) async fn create(
    shared: &Shared,
    asked: pb::CreateTrunkRequest,
) -> Result<pb::CreateTrunkResponse, Error> {
    let settings = settings(asked.trunk.unwrap_or_default())?;
    if asked.validate_only {
        let id = model::TrunkId(0);
        let trunk = Some(to_proto(&Trunk { id, settings })?);
        return Ok(pb::CreateTrunkResponse { trunk });
    }
    let id = shared.store.create_trunk(&settings).await?;
    shared.trunks_changed.tell();
    let trunk = Some(to_proto(&Trunk { id, settings })?);
    Ok(pb::CreateTrunkResponse { trunk })
}

pub(super) async fn update(
    shared: &Shared,
    asked: pb::UpdateTrunkRequest,
) -> Result<pb::UpdateTrunkResponse, Error> {
    let to = asked.trunk.unwrap_or_default();
    let is = find(shared, to.trunk_id).await?;
    let mut merged = with_password(&is)?;
    merge(&mut merged, to, asked.update_mask)?;
    let trunk = if asked.validate_only {
        let (id, settings) = (is.id, settings(merged)?);
        to_proto(&Trunk { id, settings })?
    } else {
        save(shared, merged).await?
    };
    Ok(pb::UpdateTrunkResponse { trunk: Some(trunk) })
}

pub(super) async fn set_enabled(
    shared: &Shared,
    asked: pb::SetTrunkEnabledRequest,
) -> Result<pb::SetTrunkEnabledResponse, Error> {
    let is = find(shared, asked.trunk_id).await?;
    let mut changed = with_password(&is)?;
    changed.enabled = asked.enabled;
    let trunk = save(shared, changed).await?;
    Ok(pb::SetTrunkEnabledResponse { trunk: Some(trunk) })
}

async fn save(shared: &Shared, trunk: pb::Trunk) -> Result<pb::Trunk, Error> {
    let id = model::TrunkId(trunk.trunk_id);
    let settings = settings(trunk)?;
    shared.store.update_trunk(id, &settings).await?;
    shared.trunks_changed.tell();
    to_proto(&Trunk { id, settings })
}

async fn find(shared: &Shared, id: i32) -> Result<Trunk, Error> {
    let mut trunks = shared.store.trunks().await?;
    trunks.retain(|t| t.id.0 == id);
    trunks.pop().ok_or_else(|| Error::NotFound {
        what: "trunk",
        id: id.to_string(),
    })
}

fn merge(
    into: &mut pb::Trunk,
    to: pb::Trunk,
    mask: Option<prost_types::FieldMask>,
) -> Result<(), Error> {
    let Some(mask) = mask else {
        let kept = into.connection.take().unwrap_or_default().password;
        *into = to;
        if let Some(connection) = &mut into.connection
            && connection.password.is_empty()
        {
            connection.password = kept;
        }
        return Ok(());
    };
    let from = to.connection.unwrap_or_default();
    let is = into.connection.get_or_insert_default();
    for path in mask.paths {
        match path.as_str() {
            "name" => into.name.clone_from(&to.name),
            "trunk_group_id" => into.trunk_group_id = to.trunk_group_id,
            "priority" => into.priority = to.priority,
            "weight" => into.weight = to.weight,
            "channels" => into.channels = to.channels,
            "calls_per_second" => into.calls_per_second = to.calls_per_second,
            "enabled" => into.enabled = to.enabled,
            "connection" => {
                let kept = std::mem::take(&mut is.password);
                is.clone_from(&from);
                if is.password.is_empty() {
                    is.password = kept;
                }
            }
            "connection.host" => is.host.clone_from(&from.host),
            "connection.port" => is.port = from.port,
            "connection.transport" => is.transport = from.transport,
            "connection.user" => is.user.clone_from(&from.user),
            "connection.password" => is.password.clone_from(&from.password),
            "connection.domain" => is.domain.clone_from(&from.domain),
            "connection.register" => is.register = from.register,
            "connection.codecs" => is.codecs.clone_from(&from.codecs),
            other => {
                let text = format!("\"{other}\" is no field of a trunk that can be changed");
                return Err(Error::invalid("update_mask", "unknown_field", text));
            }
        }
    }
    Ok(())
}

fn settings(trunk: pb::Trunk) -> Result<TrunkSettings, Error> {
    let mut problems = Vec::new();
    let mut within = |field: &str, value: i32, absent: i32, from: u32, to: u32| {
        let value = if value == 0 { absent } else { value };
        match u32::try_from(value) {
            Ok(n) if (from..=to).contains(&n) => n,
            _ => {
                let text = format!("give {from} to {to}");
                problems.push(FieldProblem::new(
                    format!("trunk.{field}"),
                    "out_of_range",
                    text,
                ));
                from
            }
        }
    };
    let short = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
    let priority = short(within("priority", trunk.priority, 0, 0, 65_535));
    let weight = short(within("weight", trunk.weight, 1, 1, 65_535));
    let channels = within("channels", trunk.channels, 0, 1, 100_000);
    let calls_per_second = within("calls_per_second", trunk.calls_per_second, 0, 1, 10_000);
    let peer = trunk.connection.unwrap_or_default();
    let port = short(within("connection.port", peer.port, 5060, 1, 65_535));
    let name = text_within("trunk.name", &trunk.name, 100)
        .map_err(|p| problems.push(p))
        .unwrap_or_default();
    let host = text_within("trunk.connection.host", &peer.host, 253)
        .map_err(|p| problems.push(p))
        .unwrap_or_default();
    let transport = match peer.transport() {
        pb::SipTransport::Unspecified | pb::SipTransport::Udp => Transport::Udp,
        pb::SipTransport::Tcp => Transport::Tcp,
        pb::SipTransport::Tls => Transport::Tls,
    };
    if peer.register && peer.user.is_empty() {
        let text = "registering needs a user and a password";
        problems.push(FieldProblem::new("trunk.connection.user", "missing", text));
    }
    for codec in peer.codecs.iter().filter(|c| !CODECS.contains(&c.as_str())) {
        let text = format!("\"{codec}\" is not supported; use {}", CODECS.join(" or "));
        problems.push(FieldProblem::new(
            "trunk.connection.codecs",
            "unknown",
            text,
        ));
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let codecs = if peer.codecs.is_empty() {
        CODECS.map(str::to_owned).to_vec()
    } else {
        peer.codecs
    };
    let domain = if peer.domain.is_empty() {
        host.clone()
    } else {
        peer.domain
    };
    let connection = TrunkConnection {
        host,
        port,
        transport,
        user: peer.user,
        password: peer.password,
        domain,
        register: peer.register,
        codecs,
    };
    Ok(TrunkSettings {
        group: model::TrunkGroupId(trunk.trunk_group_id),
        name,
        priority,
        weight,
        channels,
        calls_per_second,
        enabled: trunk.enabled,
        connection: serde_json::to_value(connection)
            .map_err(|e| Error::Internal(format!("a trunk's connection cannot be written: {e}")))?,
    })
}

/// As shown: without the password.
pub(super) fn to_proto(trunk: &Trunk) -> Result<pb::Trunk, Error> {
    let mut shown = with_password(trunk)?;
    if let Some(connection) = &mut shown.connection {
        connection.password.clear();
    }
    Ok(shown)
}

fn with_password(trunk: &Trunk) -> Result<pb::Trunk, Error> {
    let is = &trunk.settings;
    let peer: TrunkConnection = serde_json::from_value(is.connection.clone()).map_err(|e| {
        Error::Internal(format!(
            "the connection of trunk {} cannot be read: {e}",
            trunk.id
        ))
    })?;
    let transport = match peer.transport {
        Transport::Udp => pb::SipTransport::Udp,
        Transport::Tcp => pb::SipTransport::Tcp,
        Transport::Tls => pb::SipTransport::Tls,
    };
    Ok(pb::Trunk {
        trunk_id: trunk.id.0,
        name: is.name.clone(),
        trunk_group_id: is.group.0,
        priority: is.priority.into(),
        weight: is.weight.into(),
        channels: small(is.channels),
        calls_per_second: small(is.calls_per_second),
        enabled: is.enabled,
        connection: Some(pb::TrunkConnection {
            host: peer.host,
            port: peer.port.into(),
            transport: transport.into(),
            user: peer.user,
            password: peer.password,
            domain: peer.domain,
            register: peer.register,
            codecs: peer.codecs,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk() -> pb::Trunk {
        pb::Trunk {
            name: "carrier".to_owned(),
            trunk_group_id: 1,
            channels: 10,
            calls_per_second: 5,
            enabled: true,
            connection: Some(pb::TrunkConnection {
                host: "sip.example.net".to_owned(),
                user: "u".to_owned(),
                password: "secret".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_password_is_kept_and_never_shown() {
        let kept = Trunk {
            id: model::TrunkId(1),
            settings: settings(trunk()).unwrap(),
        };
        assert_eq!(to_proto(&kept).unwrap().connection.unwrap().password, "");
        let mut merged = with_password(&kept).unwrap();
        let mut change = to_proto(&kept).unwrap();
        change.channels = 20;
        merge(&mut merged, change, None).unwrap();
        assert_eq!(
            (
                merged.channels,
                merged.connection.unwrap().password.as_str()
            ),
            (20, "secret")
        );
    }

    #[test]
    fn every_wrong_field_is_reported_at_once() {
        let Err(Error::Invalid(problems)) = settings(pb::Trunk::default()) else {
            panic!("an empty trunk was taken");
        };
        let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "trunk.channels",
                "trunk.calls_per_second",
                "trunk.name",
                "trunk.connection.host"
            ]
        );
    }

    #[test]
    fn a_mask_changes_what_it_names_and_nothing_else() {
        let mut is = trunk();
        let to = pb::Trunk {
            name: "other".to_owned(),
            channels: 3,
            ..Default::default()
        };
        let mask = prost_types::FieldMask {
            paths: vec!["channels".to_owned()],
        };
        merge(&mut is, to, Some(mask)).unwrap();
        assert_eq!((is.name.as_str(), is.channels), ("carrier", 3));
        let wrong = prost_types::FieldMask {
            paths: vec!["colour".to_owned()],
        };
        assert!(merge(&mut is, pb::Trunk::default(), Some(wrong)).is_err());
    }
}
