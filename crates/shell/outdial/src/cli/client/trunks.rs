//! Trunks, their groups, and how the daemon is.

use clap::{Args, Subcommand, ValueEnum};
use proto::admin::v1::admin_service_client::AdminServiceClient;
use proto::admin::v1::{
    CreateTrunkGroupRequest, CreateTrunkRequest, GetNodeStatusRequest, ListTrunkGroupsRequest,
    ListTrunksRequest, SetTrunkEnabledRequest, SipTransport, Trunk, TrunkConnection,
};

use super::connection::{Authorised, Connection, Refusal};
use super::{Shown, find, request_id, table};

type Admin = AdminServiceClient<Authorised>;

/// `outdial trunk …`
#[derive(Debug, Subcommand)]
pub enum TrunkCommand {
    /// Makes a trunk.
    Add(Box<AddTrunk>),
    /// Lists trunks.
    List,
    /// Lets a trunk take calls.
    Enable {
        /// Name or key.
        trunk: String,
    },
    /// Takes a trunk out of service; calls in progress go on.
    Disable {
        /// Name or key.
        trunk: String,
    },
    /// Makes a group of trunks.
    AddGroup {
        /// Its name.
        name: String,
    },
    /// Lists groups of trunks.
    Groups,
}

/// `outdial trunk add`
#[derive(Debug, Args)]
pub struct AddTrunk {
    /// Its name.
    name: String,
    /// Its group, by name or key.
    #[arg(long)]
    group: String,
    /// Host name or address of the carrier.
    #[arg(long)]
    host: String,
    /// Port.
    #[arg(long, default_value_t = 5_060)]
    port: u16,
    /// How messages travel.
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    transport: Transport,
    /// Calls it carries at once.
    #[arg(long)]
    channels: i32,
    /// New calls per second it accepts.
    #[arg(long)]
    calls_per_second: i32,
    /// Order in its group: lower is tried first.
    #[arg(long, default_value_t = 0)]
    priority: i32,
    /// Share of the calls among trunks of the same priority.
    #[arg(long, default_value_t = 1)]
    weight: i32,
    /// User name for digest. Absent: the carrier knows us by our address.
    #[arg(long, default_value = "")]
    user: String,
    /// Password for digest.
    #[arg(
        long,
        default_value = "",
        env = "OUTDIAL_SIP_PASSWORD",
        hide_env_values = true
    )]
    password: String,
    /// Domain of our address in From. Absent: the host.
    #[arg(long, default_value = "")]
    domain: String,
    /// Registers there.
    #[arg(long)]
    register: bool,
    /// Codec offered, the preferred first; may be given several times. Absent: PCMA, PCMU.
    #[arg(long = "codec")]
    codecs: Vec<String>,
    /// Takes no calls yet.
    #[arg(long)]
    disabled: bool,
}

/// How SIP messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A TCP connection.
    Tcp,
    /// A TLS connection.
    Tls,
}

impl AddTrunk {
    fn request(&self, trunk_group_id: i32) -> anyhow::Result<CreateTrunkRequest> {
        let transport = match self.transport {
            Transport::Udp => SipTransport::Udp,
            Transport::Tcp => SipTransport::Tcp,
            Transport::Tls => SipTransport::Tls,
        };
        let connection = TrunkConnection {
            host: self.host.clone(),
            port: self.port.into(),
            transport: transport.into(),
            user: self.user.clone(),
            password: self.password.clone(),
            domain: self.domain.clone(),
            register: self.register,
            codecs: self.codecs.clone(),
        };
        Ok(CreateTrunkRequest {
            trunk: Some(Trunk {
                trunk_id: 0,
                name: self.name.clone(),
                trunk_group_id,
                priority: self.priority,
                weight: self.weight,
                channels: self.channels,
                calls_per_second: self.calls_per_second,
                enabled: !self.disabled,
                connection: Some(connection),
            }),
            request_id: request_id()?,
            validate_only: false,
        })
    }
}

impl TrunkCommand {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let mut admin = Admin::new(to.authorised().await?);
        match self {
            Self::Add(add) => {
                let group = trunk_group_id(&mut admin, &add.group).await?;
                let response = admin
                    .create_trunk(add.request(group)?)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| table::fields(&v["trunk"]))
            }
            Self::List => {
                let response = admin
                    .list_trunks(ListTrunksRequest {})
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| {
                    table::rows(
                        &v["trunks"],
                        &[
                            ("ID", "trunk_id"),
                            ("NAME", "name"),
                            ("GROUP", "trunk_group_id"),
                            ("PRIORITY", "priority"),
                            ("CHANNELS", "channels"),
                            ("CPS", "calls_per_second"),
                            ("ENABLED", "enabled"),
                        ],
                    )
                })
            }
            Self::Enable { trunk } => set_enabled(&mut admin, trunk, true).await,
            Self::Disable { trunk } => set_enabled(&mut admin, trunk, false).await,
            Self::AddGroup { name } => {
                let request = CreateTrunkGroupRequest {
                    name: name.clone(),
                    request_id: request_id()?,
                };
                let response = admin
                    .create_trunk_group(request)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| table::fields(&v["trunk_group"]))
            }
            Self::Groups => {
                let response = admin
                    .list_trunk_groups(ListTrunkGroupsRequest {})
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| {
                    table::rows(
                        &v["trunk_groups"],
                        &[("ID", "trunk_group_id"), ("NAME", "name")],
                    )
                })
            }
        }
    }
}

async fn set_enabled(admin: &mut Admin, trunk: &str, enabled: bool) -> anyhow::Result<Shown> {
    let trunks = admin
        .list_trunks(ListTrunksRequest {})
        .await
        .map_err(Refusal::from)?
        .into_inner()
        .trunks;
    let known: Vec<_> = trunks
        .iter()
        .map(|t| (t.trunk_id, t.name.as_str()))
        .collect();
    let request = SetTrunkEnabledRequest {
        trunk_id: find("trunk", trunk, &known)?,
        enabled,
        request_id: request_id()?,
    };
    let response = admin
        .set_trunk_enabled(request)
        .await
        .map_err(Refusal::from)?
        .into_inner();
    Shown::new(&response, |v| table::fields(&v["trunk"]))
}

/// The key of a trunk group that is named by key or name.
pub async fn trunk_group_id(admin: &mut Admin, named: &str) -> anyhow::Result<i32> {
    let groups = admin
        .list_trunk_groups(ListTrunkGroupsRequest {})
        .await
        .map_err(Refusal::from)?
        .into_inner()
        .trunk_groups;
    let known: Vec<_> = groups
        .iter()
        .map(|g| (g.trunk_group_id, g.name.as_str()))
        .collect();
    find("trunk group", named, &known)
}

/// Says how the daemon is.
pub async fn status(to: &Connection) -> anyhow::Result<Shown> {
    let response = Admin::new(to.authorised().await?)
        .get_node_status(GetNodeStatusRequest {})
        .await
        .map_err(Refusal::from)?
        .into_inner();
    Shown::new(&response, table::fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_asked_for_as_the_arguments_say() {
        let add = AddTrunk {
            name: "one".to_owned(),
            group: "main".to_owned(),
            host: "sip.example".to_owned(),
            port: 5_061,
            transport: Transport::Tls,
            channels: 30,
            calls_per_second: 5,
            priority: 1,
            weight: 2,
            user: "u".to_owned(),
            password: "p".to_owned(),
            domain: String::new(),
            register: true,
            codecs: vec!["PCMU".to_owned()],
            disabled: true,
        };
        let trunk = add.request(3).unwrap().trunk.unwrap();
        assert_eq!(
            (trunk.trunk_group_id, trunk.channels, trunk.calls_per_second),
            (3, 30, 5)
        );
        assert_eq!((trunk.priority, trunk.weight, trunk.enabled), (1, 2, false));
        let connection = trunk.connection.unwrap();
        assert_eq!(connection.transport(), SipTransport::Tls);
        assert_eq!(
            (connection.host.as_str(), connection.port),
            ("sip.example", 5_061)
        );
        assert!(connection.register && connection.password == "p");
    }
}
