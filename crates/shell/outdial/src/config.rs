//! The configuration file: what is of the machine. What is of the business lives in the database.
//!
//! TOML, every key with a default, overridden by environment variables `OUTDIAL__SECTION__KEY`. An unknown
//! key is refused and the nearest right one named.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::ClusterOptions;

/// Everything that can be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// This daemon among those that share a database.
    pub node: Node,
    /// Where everything is kept.
    pub database: Database,
    /// Signalling of calls.
    pub sip: Sip,
    /// Audio of calls.
    pub rtp: Rtp,
    /// The gRPC API for agents, supervisors and the command line.
    pub api: Api,
    /// Health and metrics, over HTTP.
    pub admin: Admin,
    /// Voice packs and recordings.
    pub voices: Voices,
    /// Calling rules by jurisdiction.
    pub rules: Rules,
    /// Log lines.
    pub log: Log,
    /// How the daemon ends.
    pub shutdown: Shutdown,
}

/// This daemon among those that share a database.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// Number of this daemon, from 1; another for each daemon on one database.
    #[schemars(range(min = 1))]
    pub id: i32,
    /// Directory for the private database, the spool and run-time files. Made when missing.
    #[schemars(extend("format" = "path"))]
    pub data_dir: PathBuf,
    /// No call is launched while less than so many MiB are free where the data directory lies: what calls bring
    /// must find room.
    pub disk_reserve_mb: u64,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            id: 1,
            data_dir: PathBuf::from("/var/lib/outdial"),
            disk_reserve_mb: 256,
        }
    }
}

/// Where everything is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// An existing Postgres, `postgres://user:password@host/name`. Absent: the daemon runs a private one
    /// in its data directory.
    pub url: Option<String>,
    /// Directory of the Postgres programs for the private one. Absent: they are looked for.
    #[schemars(extend("format" = "path"))]
    pub pg_bin: Option<PathBuf>,
    /// User as whom the private Postgres runs when the daemon is started as root. Absent: `postgres`.
    pub run_as: Option<String>,
}

/// Signalling of calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sip {
    /// UDP address on which trunks and agents' phones reach the daemon.
    #[schemars(extend("format" = "address:port"))]
    pub listen: SocketAddr,
    /// Address written into messages when it differs from `listen`, for example behind NAT. Needed when
    /// `listen` is 0.0.0.0, unless `rtp.bind` is loopback.
    pub advertised: Option<IpAddr>,
    /// How long an INVITE may go without any response before the next trunk is tried, in milliseconds.
    #[schemars(range(min = 500, max = 32000))]
    pub no_response_ms: u32,
    /// Name of the realm in which phones register.
    pub realm: String,
}

impl Default for Sip {
    fn default() -> Self {
        let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5060);
        Self {
            listen,
            advertised: None,
            no_response_ms: 5_000,
            realm: "outdial".to_owned(),
        }
    }
}

/// Audio of calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rtp {
    /// Address on which audio is received.
    pub bind: IpAddr,
    /// Address written into offers when it differs from `bind`. Needed when `bind` is 0.0.0.0.
    pub advertised: Option<IpAddr>,
    /// First UDP port for audio; two ports per leg.
    #[schemars(range(min = 1024))]
    pub port_from: u16,
    /// Last UDP port for audio; at least two above `port_from`.
    #[schemars(range(min = 1024))]
    pub port_to: u16,
}

impl Default for Rtp {
    fn default() -> Self {
        Self {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            advertised: None,
            port_from: 20_000,
            port_to: 29_999,
        }
    }
}

/// The gRPC API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// Address of the gRPC API.
    #[schemars(extend("format" = "address:port"))]
    pub listen: SocketAddr,
    /// Certificate chain in PEM. With `tls_key`: TLS; without: plain, for loopback or a proxy.
    #[schemars(extend("format" = "path"))]
    pub tls_cert: Option<PathBuf>,
    /// Private key in PEM. Goes with `tls_cert`.
    #[schemars(extend("format" = "path"))]
    pub tls_key: Option<PathBuf>,
}

impl Default for Api {
    fn default() -> Self {
        let listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7070);
        Self {
            listen,
            tls_cert: None,
            tls_key: None,
        }
    }
}

/// Health and metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Admin {
    /// Address of `/healthz`, `/readyz` and `/metrics`.
    #[schemars(extend("format" = "address:port"))]
    pub listen: SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7071),
        }
    }
}

/// Voice packs and recordings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Voices {
    /// Directory with one folder per voice pack.
    #[schemars(extend("format" = "path"))]
    pub directory: PathBuf,
    /// Directory with recordings as WAV files.
    #[schemars(extend("format" = "path"))]
    pub recordings: PathBuf,
}

impl Default for Voices {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/usr/share/outdial/voices"),
            recordings: PathBuf::from("/var/lib/outdial/recordings"),
        }
    }
}

/// Calling rules by jurisdiction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Directory of profiles in TOML.
    #[schemars(extend("format" = "path"))]
    pub directory: PathBuf,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/usr/share/outdial/profiles"),
        }
    }
}

/// Log lines, on standard error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged, as `level` or `crate=level,…`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            filter: "info".to_owned(),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// How the daemon ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// How long calls in progress may go on after SIGTERM, in seconds.
    pub drain_limit_s: u64,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { drain_limit_s: 600 }
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("could not read configuration file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{} is not TOML", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        cause: Box<toml::de::Error>,
    },
    /// A key that means nothing.
    #[error("{origin}: unknown key {key}{}", nearest.as_ref().map(|n| format!("; did you mean {n}?")).unwrap_or_default())]
    UnknownKey {
        /// File or environment variable.
        origin: String,
        /// The key as written.
        key: String,
        /// The nearest right one.
        nearest: Option<String>,
    },
    /// A value of the wrong kind.
    #[error("a value has the wrong form")]
    BadValue {
        /// Which and why.
        #[source]
        cause: Box<toml::de::Error>,
    },
    /// A number outside its range.
    #[error("{key} is {value}; use {range}")]
    OutOfRange {
        /// `section.key`.
        key: String,
        /// What was given.
        value: serde_json::Number,
        /// What is possible, in words.
        range: String,
    },
    /// Values that do not fit together.
    #[error("{0}")]
    Unusable(String),
}

/// Reads the file, if one is given, lays the environment over it and checks the whole.
///
/// # Errors
/// [`ConfigError`] by variant.
pub fn load(
    path: Option<&Path>,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let known = known_keys();
    let mut table = toml::Table::new();
    if let Some(path) = path {
        let unreadable = |cause| ConfigError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let not_toml = |cause| ConfigError::NotToml {
            path: path.to_owned(),
            cause: Box::new(cause),
        };
        table = text.parse().map_err(not_toml)?;
        for key in keys_of(&table) {
            refuse_unknown(&known, &key, &path.display().to_string())?;
        }
    }
    for (name, value) in environment {
        let Some(path) = name.strip_prefix("OUTDIAL__") else {
            continue;
        };
        let key = path.to_ascii_lowercase().replace("__", ".");
        refuse_unknown(&known, &key, &name)?;
        set(&mut table, &key, &value);
    }
    let config: Config =
        toml::Value::Table(table)
            .try_into()
            .map_err(|cause| ConfigError::BadValue {
                cause: Box::new(cause),
            })?;
    config.check()?;
    Ok(config)
}

/// The JSON schema of the file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Config).to_value()
}

impl Config {
    fn check(&self) -> Result<(), ConfigError> {
        let unusable = |text: String| Err(ConfigError::Unusable(text));
        refuse_out_of_range(self)?;
        let (from, to) = (self.rtp.port_from, self.rtp.port_to);
        if to <= from.saturating_add(1) {
            return unusable(format!(
                "rtp ports {from} to {to} hold no call; use a wider range, two ports a leg"
            ));
        }
        if self.rtp.bind.is_unspecified() && self.rtp.advertised.is_none() {
            return unusable(
                "rtp.bind is 0.0.0.0; set rtp.advertised to the address that peers can reach"
                    .to_owned(),
            );
        }
        if self.sip.listen.ip().is_unspecified()
            && self.sip.advertised.is_none()
            && !self.rtp.bind.is_loopback()
        {
            return unusable(
                "sip.listen is 0.0.0.0; set sip.advertised to the address that peers can reach"
                    .to_owned(),
            );
        }
        if self.sip.listen.port() == 0 && self.sip_advertised().is_some() {
            return unusable(
                "sip.listen has port 0, which is another at each start; name the port that peers are to use"
                    .to_owned(),
            );
        }
        if self.api.tls_cert.is_some() != self.api.tls_key.is_some() {
            return unusable(
                "api.tls_cert and api.tls_key go together; set both or neither".to_owned(),
            );
        }
        Ok(())
    }

    /// The private database of this daemon.
    pub fn cluster_options(&self) -> ClusterOptions {
        let mut options = ClusterOptions::new(self.node.data_dir.join("postgres"));
        options.bin_dir.clone_from(&self.database.pg_bin);
        if let Some(user) = &self.database.run_as {
            options.user.clone_from(user);
        }
        options
    }

    /// The address written into SIP messages when it is not the one listened on.
    pub fn sip_advertised(&self) -> Option<SocketAddr> {
        let listen = self.sip.listen;
        let everywhere = listen.ip().is_unspecified().then(|| self.rtp_advertised());
        let ip = self.sip.advertised.or(everywhere)?;
        Some(SocketAddr::new(ip, listen.port()))
    }

    /// The address written into offers.
    pub fn rtp_advertised(&self) -> IpAddr {
        self.rtp.advertised.unwrap_or(self.rtp.bind)
    }
}

/// Every section and every key as `section.key`, from the schema, so that the two cannot differ.
fn known_keys() -> Vec<String> {
    let keys = schema_by_key().into_iter().flat_map(|(section, keys)| {
        let of_section: Vec<String> = keys.keys().map(|k| format!("{section}.{k}")).collect();
        std::iter::once(section).chain(of_section)
    });
    keys.collect()
}

type Properties = serde_json::Map<String, serde_json::Value>;

/// The schema of each key, by section.
fn schema_by_key() -> Vec<(String, Properties)> {
    let schema = schema();
    let properties = |of: &serde_json::Value| -> Properties {
        let map = of.get("properties").and_then(|p| p.as_object());
        map.cloned().unwrap_or_default()
    };
    let mut sections = Vec::new();
    for (section, value) in properties(&schema) {
        let reference = value.get("$ref").and_then(|r| r.as_str());
        let definition = reference
            .and_then(|r| r.strip_prefix('#'))
            .and_then(|r| schema.pointer(r));
        sections.push((section, properties(definition.unwrap_or(&value))));
    }
    sections
}

/// The schema states the ranges; serde does not read them.
fn refuse_out_of_range(config: &Config) -> Result<(), ConfigError> {
    // Every configuration has a JSON form: it is what `config check` prints.
    let given = serde_json::to_value(config).unwrap_or_default();
    for (section, keys) in schema_by_key() {
        for (key, schema) in keys {
            let bound = |name: &str| schema.get(name).and_then(serde_json::Value::as_i64);
            let number = given.get(&section).and_then(|s| s.get(&key));
            let Some(serde_json::Value::Number(value)) = number else {
                continue;
            };
            let (min, max) = (bound("minimum"), bound("maximum"));
            // Above i64 is above every maximum that a schema states.
            let n = value.as_i64().unwrap_or(i64::MAX);
            if min.is_none_or(|min| n >= min) && max.is_none_or(|max| n <= max) {
                continue;
            }
            let range = match (min, max) {
                (Some(min), Some(max)) => format!("{min} to {max}"),
                (Some(min), None) => format!("{min} or more"),
                (None, Some(max)) => format!("{max} or less"),
                (None, None) => continue,
            };
            return Err(ConfigError::OutOfRange {
                key: format!("{section}.{key}"),
                value: value.clone(),
                range,
            });
        }
    }
    Ok(())
}

fn keys_of(table: &toml::Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (section, value) in table {
        match value {
            toml::Value::Table(inner) => {
                keys.extend(inner.keys().map(|k| format!("{section}.{k}")))
            }
            _ => keys.push(section.clone()),
        }
        keys.push(section.clone());
    }
    keys
}

fn refuse_unknown(known: &[String], key: &str, origin: &str) -> Result<(), ConfigError> {
    if known.iter().any(|k| k == key) {
        return Ok(());
    }
    let nearest = known
        .iter()
        .map(|k| (strsim::damerau_levenshtein(k, key), k))
        .min()
        .filter(|(distance, k)| *distance <= k.len().div_ceil(3))
        .map(|(_, k)| k.clone());
    Err(ConfigError::UnknownKey {
        origin: origin.to_owned(),
        key: key.to_owned(),
        nearest,
    })
}

fn set(table: &mut toml::Table, key: &str, value: &str) {
    // What reads as a number or truth value is one; everything else is text.
    let value = format!("v = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut t| t.remove("v"))
        .filter(|v| v.is_integer() || v.is_bool() || v.is_float())
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    match key.split_once('.') {
        Some((section, key)) => {
            let section = table
                .entry(section)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(section) = section {
                section.insert(key.to_owned(), value);
            }
        }
        None => {
            table.insert(key.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("outdial.toml");
        std::fs::write(&path, text).unwrap();
        load(
            Some(&path),
            env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        )
    }

    #[test]
    fn an_empty_file_is_the_defaults() {
        assert_eq!(with("", &[]).unwrap(), Config::default());
    }

    #[test]
    fn the_example_file_holds_every_key_with_its_default() {
        let text = include_str!("../../../../config/outdial.example.toml");
        // The example comments each key out; uncommented it must be the defaults.
        let uncommented: String = text
            .lines()
            .map(|line| {
                line.strip_prefix("# ")
                    .filter(|l| l.contains(" = ") && !l.contains("  "))
                    .unwrap_or(line)
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let config = with(&uncommented, &[]).unwrap();
        assert_eq!(config, Config::default());
        for key in known_keys().iter().filter(|k| k.contains('.')) {
            let (_, key) = key.split_once('.').unwrap();
            assert!(
                text.contains(&format!("{key} = ")),
                "{key} is missing in config/outdial.example.toml"
            );
        }
    }

    #[test]
    fn an_unknown_key_is_refused_and_the_nearest_named() {
        let refused = with("[sip]\nlistn = \"127.0.0.1:5060\"\n", &[])
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("sip.listn") && refused.contains("did you mean sip.listen?"),
            "{refused}"
        );
        let refused = with("[siip]\nlisten = \"127.0.0.1:5060\"\n", &[])
            .unwrap_err()
            .to_string();
        assert!(refused.contains("did you mean sip.listen?"), "{refused}");
    }

    #[test]
    fn the_environment_lies_over_the_file() {
        let config = with(
            "[sip]\nrealm = \"a\"\n",
            &[("OUTDIAL__SIP__REALM", "b"), ("OUTDIAL__NODE__ID", "3")],
        )
        .unwrap();
        assert_eq!((config.sip.realm.as_str(), config.node.id), ("b", 3));
        assert!(with("", &[("OUTDIAL__SIP__RELM", "b")]).is_err());
    }

    #[test]
    fn values_that_do_not_fit_together_are_refused_with_what_to_do() {
        for (text, says) in [
            ("[rtp]\nbind = \"0.0.0.0\"", "rtp.advertised"),
            (
                "[rtp]\nport_from = 30000\nport_to = 30000",
                "two ports a leg",
            ),
            ("[api]\ntls_cert = \"a.pem\"", "tls_key"),
            ("[node]\nid = 0", "node.id is 0; use 1 or more"),
            ("[sip]\nno_response_ms = 100", "500 to 32000"),
            ("[sip]\nno_response_ms = 40000", "500 to 32000"),
            ("[rtp]\nport_from = 80", "1024 to 65535"),
        ] {
            let refused = with(text, &[]).unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }
}
