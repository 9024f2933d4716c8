//! `outdial health`: whether the daemon of this machine is ready, by its exit code. For container engines, which have
//! no other program to ask with.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::cli::{Exit, OrExit};
use crate::config;
use crate::output::{self, Format};

/// Asks the daemon of this machine whether it is ready. Exit code 0 when it is, 1 when not, 6 when nobody answers.
#[derive(Debug, clap::Args)]
pub struct Health {
    /// The daemon's configuration file; absent: the defaults and the environment.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Answer {
    ready: bool,
    says: String,
}

/// The engine has two seconds for its part of the answer.
const LIMIT: Duration = Duration::from_secs(4);

impl Health {
    /// Asks.
    ///
    /// # Errors
    /// When nobody answers.
    pub fn run(&self, format: Format) -> anyhow::Result<ExitCode> {
        let config = config::load(self.config.as_deref(), std::env::vars())?;
        let admin = reachable(config.admin.listen);
        let page = get(admin, "/readyz", LIMIT)
            .with_context(|| format!("no daemon answers at {admin}"))
            .or_exit(Exit::Unavailable)?;
        let answer = Answer {
            ready: page.status == 200,
            says: page.body.trim().to_owned(),
        };
        output::print(format, &answer, |a| format!("{}\n", a.says))?;
        Ok(if answer.ready {
            ExitCode::SUCCESS
        } else {
            Exit::Failure.into()
        })
    }
}

/// What listens everywhere listens on loopback.
const fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// An answer over HTTP.
pub struct Page {
    /// 0 when it was none.
    pub status: u16,
    pub body: String,
}

/// Gets a page of the admin listener.
///
/// # Errors
/// When nobody answers within the limit.
pub fn get(addr: SocketAddr, path: &str, limit: Duration) -> std::io::Result<Page> {
    let mut stream = TcpStream::connect_timeout(&addr, limit)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    // HTTP/1.0: the answer ends with the connection and has no chunks.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    Ok(Page {
        status: status.unwrap_or(0),
        body: body.unwrap_or_default().to_owned(),
    })
}
