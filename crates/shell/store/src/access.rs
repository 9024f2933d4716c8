//! A way into the database for commands: beside a daemon, or without one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};
use url::Url;

use crate::cluster::{self, Cluster, ClusterError, ClusterOptions, NAME, Reached};
use crate::{Error, Options, Store};

/// An open way into the database. End it with [`Access::close`].
#[derive(Debug)]
pub struct Access {
    connect: PgConnectOptions,
    /// What the programs of Postgres read (libpq's environment variables).
    environment: Vec<(&'static str, String)>,
    home: Home,
}

#[derive(Debug)]
enum Home {
    /// The private cluster, started for this.
    Ours(ClusterOptions, Box<Cluster>),
    /// The private cluster of a daemon that runs.
    Daemons(ClusterOptions, String),
    /// Not ours; where client programs are looked for.
    Elsewhere(Option<PathBuf>),
}

impl Access {
    /// To the private cluster. Started when no daemon runs it.
    ///
    /// # Errors
    /// [`ClusterError::NoData`] when there is none yet, else by variant.
    pub async fn private(options: &ClusterOptions) -> Result<Self, ClusterError> {
        let (connect, home) = match Cluster::reach(options).await? {
            Reached::Ours(cluster) => (
                cluster.connect_options(),
                Home::Ours(options.clone(), Box::new(cluster)),
            ),
            Reached::Daemons { connect, holder } => {
                (*connect, Home::Daemons(options.clone(), holder))
            }
        };
        Ok(Self {
            environment: environment_of_socket(&connect),
            connect,
            home,
        })
    }

    /// To the database of a URL.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is no such URL.
    pub fn elsewhere(url: &str, bin_dir: Option<&Path>) -> Result<Self, Error> {
        let connect = Options::from_url(url)?.connect;
        Ok(Self {
            connect,
            environment: environment_of_url(url)?,
            home: Home::Elsewhere(bin_dir.map(Path::to_owned)),
        })
    }

    /// The process of the daemon that runs the private cluster; `None` when no daemon does, or the database
    /// is elsewhere.
    pub fn daemon(&self) -> Option<&str> {
        match &self.home {
            Home::Daemons(_, holder) => Some(holder),
            Home::Ours(..) | Home::Elsewhere(_) => None,
        }
    }

    /// Whether it is the private cluster.
    pub fn is_private(&self) -> bool {
        !matches!(self.home, Home::Elsewhere(_))
    }

    /// The tables. Close it before this is closed.
    pub fn store(&self) -> Store {
        Store::connect(Options::new(self.connect.clone()))
    }

    /// A connection of its own, without the limits of the daily work.
    ///
    /// # Errors
    /// [`Error::Away`] when the database does not answer.
    pub(crate) async fn connection(&self) -> Result<PgConnection, Error> {
        let connect = self.connect.clone().application_name(COMMAND_NAME);
        connect
            .connect()
            .await
            .map_err(|e| Error::from_sqlx("connect", e))
    }

    /// A program of Postgres that connects to this database.
    pub(crate) fn program(&self, program: &'static str) -> Result<Command, ClusterError> {
        let file = match &self.home {
            Home::Ours(options, _) | Home::Daemons(options, _) => {
                Cluster::client(options, program)?
            }
            Home::Elsewhere(bin_dir) => cluster::client(bin_dir.as_deref(), program)?,
        };
        let mut command = Command::new(file);
        command.envs(self.environment.iter().cloned());
        Ok(command)
    }

    /// Ends what was started for it.
    ///
    /// # Errors
    /// When the private cluster does not end.
    pub async fn close(self) -> Result<(), ClusterError> {
        match self.home {
            Home::Ours(_, cluster) => cluster.stop().await,
            Home::Daemons(..) | Home::Elsewhere(_) => Ok(()),
        }
    }
}

/// Commands are told from daemons by it.
const COMMAND_NAME: &str = "outdial command";

/// PostgreSQL manual, "Environment Variables" of libpq. Not arguments: others on the machine can read those.
pub(crate) fn environment_of_socket(connect: &PgConnectOptions) -> Vec<(&'static str, String)> {
    let socket = connect.get_socket().map(|s| s.display().to_string());
    vec![
        ("PGHOST", socket.unwrap_or_default()),
        ("PGUSER", NAME.to_owned()),
        ("PGDATABASE", NAME.to_owned()),
    ]
}

fn environment_of_url(text: &str) -> Result<Vec<(&'static str, String)>, Error> {
    let invalid = |why: String| Error::Invalid {
        what: "database.url",
        why: format!("{why}; write postgres://user:password@host:5432/database"),
    };
    let url = Url::from_str(text).map_err(|e| invalid(e.to_string()))?;
    let decoded = |text: &str| {
        let bytes = percent_decode_str(text).decode_utf8();
        bytes
            .map(|t| t.into_owned())
            .map_err(|e| invalid(e.to_string()))
    };
    let mut variables = Vec::new();
    for (name, value) in [
        ("PGHOST", url.host_str().unwrap_or_default()),
        ("PGUSER", url.username()),
        ("PGPASSWORD", url.password().unwrap_or_default()),
        ("PGDATABASE", url.path().trim_start_matches('/')),
    ] {
        if !value.is_empty() {
            // A host in brackets is an IPv6 address, which libpq wants without them.
            let value = decoded(value)?;
            variables.push((name, value.trim_matches(['[', ']']).to_owned()));
        }
    }
    if let Some(port) = url.port() {
        variables.push(("PGPORT", port.to_string()));
    }
    for (key, value) in url.query_pairs() {
        let name = match &*key {
            "host" => "PGHOST",
            "port" => "PGPORT",
            "user" => "PGUSER",
            "password" => "PGPASSWORD",
            "dbname" => "PGDATABASE",
            "sslmode" | "ssl-mode" => "PGSSLMODE",
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            // Of sqlx alone, as its cache of statements.
            _ => continue,
        };
        variables.retain(|(n, _)| *n != name);
        variables.push((name, value.into_owned()));
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_of_postgres_are_told_what_the_url_says() {
        let cases: [(&str, &[(&str, &str)]); 3] = [
            (
                "postgres://dialer:p%40ss%3Aword@db.example:6432/calls?sslmode=require",
                &[
                    ("PGHOST", "db.example"),
                    ("PGUSER", "dialer"),
                    ("PGPASSWORD", "p@ss:word"),
                    ("PGDATABASE", "calls"),
                    ("PGPORT", "6432"),
                    ("PGSSLMODE", "require"),
                ],
            ),
            (
                "postgres://outdial@localhost/outdial?host=/run/pg&statement-cache-capacity=0",
                &[
                    ("PGUSER", "outdial"),
                    ("PGDATABASE", "outdial"),
                    ("PGHOST", "/run/pg"),
                ],
            ),
            (
                "postgresql://a@[2001:db8::1]/b",
                &[
                    ("PGHOST", "2001:db8::1"),
                    ("PGUSER", "a"),
                    ("PGDATABASE", "b"),
                ],
            ),
        ];
        for (url, expected) in cases {
            let said = environment_of_url(url).unwrap();
            let said: Vec<_> = said.iter().map(|(n, v)| (*n, v.as_str())).collect();
            assert_eq!(said, expected, "{url}");
        }
    }
}
