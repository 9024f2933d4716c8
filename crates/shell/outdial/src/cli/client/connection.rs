//! The daemon as a client sees it: where it is, who asks, and what a refusal says.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;
use proto::admin::v1::RefreshRequest;
use proto::admin::v1::auth_service_client::AuthServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt;

use super::super::exit::{Exit, OrExit};
use super::token_file::{TokenFile, Tokens};

/// Where the daemon is and who asks.
#[derive(Clone, Args)]
#[command(next_help_heading = "Connection to the daemon")]
pub struct Connection {
    /// The daemon's API.
    #[arg(
        long,
        global = true,
        env = "OUTDIAL_SERVER",
        default_value = "http://127.0.0.1:7070",
        value_name = "URL"
    )]
    server: String,
    /// An API token; absent: who is signed in. For setup the one-time token that the first start printed.
    #[arg(long, global = true, env = "OUTDIAL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Certificates in PEM to trust instead of the system's.
    #[arg(long, global = true, env = "OUTDIAL_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// A channel that sends a token with every call.
pub type Authorised = InterceptedService<Channel, Bearer>;

/// Puts the token in.
#[derive(Clone)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", token.clone());
        }
        Ok(request)
    }
}

/// Where Debian keeps what the system trusts; elsewhere SSL_CERT_FILE says where.
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Between questions whether the peer is there, while calls are open; and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// The token given, not the one kept.
    pub fn given_token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The server's URL.
    pub fn server(&self) -> &str {
        self.server.trim_end_matches('/')
    }

    /// A channel for RPCs that anybody may call.
    ///
    /// # Errors
    /// When the daemon cannot be reached.
    pub async fn anonymous(&self) -> anyhow::Result<Channel> {
        let mut endpoint = Endpoint::from_shared(self.server().to_owned())
            .with_context(|| format!("\"{}\" is no URL like http://127.0.0.1:7070", self.server))
            .or_exit(Exit::Usage)?
            .connect_timeout(CONNECT)
            // A peer that went away without a word is noticed by those who wait for it for hours.
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        if self.server.starts_with("https:") {
            endpoint = endpoint.tls_config(self.tls()?)?;
        }
        endpoint
            .connect()
            .await
            .with_context(|| {
                format!(
                    "no daemon answers at {}; start it, or name another with --server",
                    self.server()
                )
            })
            .or_exit(Exit::Unavailable)
    }

    fn tls(&self) -> anyhow::Result<ClientTlsConfig> {
        let system = || std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
        let path = self
            .ca
            .clone()
            .or_else(system)
            .unwrap_or_else(|| PathBuf::from(SYSTEM_CA));
        let pem = std::fs::read(&path)
            .with_context(|| {
                format!(
                    "could not read certificates from {}; name others with --ca",
                    path.display()
                )
            })
            .or_exit(Exit::NotFound)?;
        Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)))
    }

    /// A channel for everything else.
    ///
    /// # Errors
    /// When nobody is signed in, or the daemon cannot be reached.
    pub async fn authorised(&self) -> anyhow::Result<Authorised> {
        let channel = self.anonymous().await?;
        let token = self.present_token(&channel).await?;
        bearing(channel, &token)
    }

    /// The token given, else that of who is signed in, exchanged first when it is near its end.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub async fn present_token(&self, channel: &Channel) -> anyhow::Result<String> {
        match &self.token {
            Some(token) => Ok(token.clone()),
            None => self.kept_token(channel).await,
        }
    }

    async fn kept_token(&self, channel: &Channel) -> anyhow::Result<String> {
        let nobody = || {
            anyhow::anyhow!(
                "nobody is signed in at {}; run outdial login, or give --token",
                self.server()
            )
        };
        let mut file = self.token_file()?;
        let tokens = file
            .read()?
            .filter(|t| t.server == self.server())
            .ok_or_else(nobody)
            .or_exit(Exit::SignIn)?;
        if !tokens.is_stale(SystemTime::now()) {
            return Ok(tokens.access);
        }
        let refresh_token = tokens.refresh;
        let fresh = AuthServiceClient::new(channel.clone())
            .refresh(RefreshRequest { refresh_token })
            .await
            .map_err(Refusal::from)
            .context("the sign-in has ended; run outdial login")
            .or_exit(Exit::SignIn)?;
        let pair = fresh.into_inner().tokens.unwrap_or_default();
        let tokens = Tokens::of(self.server(), &pair);
        file.write(Some(&tokens))?;
        Ok(tokens.access)
    }

    /// Where the tokens are kept.
    ///
    /// # Errors
    /// When there is no place for them.
    pub fn token_file(&self) -> anyhow::Result<TokenFile> {
        let path = TokenFile::default_path()
            .context("there is no home directory to keep the token in; set OUTDIAL_TOKEN_FILE")?;
        TokenFile::open(&path)
    }
}

/// A channel with this token.
///
/// # Errors
/// When no token looks like it.
pub fn bearing(channel: Channel, token: &str) -> anyhow::Result<Authorised> {
    let bearer = format!("Bearer {token}")
        .parse()
        .context("the token holds characters that no token has")
        .or_exit(Exit::SignIn)?;
    Ok(InterceptedService::new(channel, Bearer(Some(bearer))))
}

/// An RPC that was refused: what the server said, and every problem that it names.
#[derive(Debug, thiserror::Error)]
#[error("{}", told(.0))]
pub struct Refusal(Box<Status>);

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self(Box::new(status))
    }
}

impl Refusal {
    /// Whether the server names this precondition as the one that does not hold.
    pub fn breaks(&self, precondition: &str) -> bool {
        let details = self.0.get_error_details();
        let failed = details.precondition_failure();
        failed.is_some_and(|f| f.violations.iter().any(|v| v.r#type == precondition))
    }

    /// Every problem that the server names: what it is about, and what is wrong.
    pub fn problems(&self) -> Vec<(String, String)> {
        let details = self.0.get_error_details();
        let fields = details.bad_request().map(|b| b.field_violations.as_slice());
        let fields = fields.unwrap_or_default().iter();
        let failed = details
            .precondition_failure()
            .map(|p| p.violations.as_slice());
        let failed = failed.unwrap_or_default().iter();
        fields
            .map(|v| (v.field.clone(), v.description.clone()))
            .chain(failed.map(|v| (v.subject.clone(), v.description.clone())))
            .collect()
    }

    /// Whether it says something about who asks or about the server, and not about what was sent.
    pub fn is_about_us(&self) -> bool {
        use tonic::Code as C;
        matches!(
            self.code(),
            C::Unauthenticated
                | C::PermissionDenied
                | C::Unavailable
                | C::DeadlineExceeded
                | C::Internal
                | C::Unknown
        )
    }

    /// The code, which decides the exit code.
    pub fn code(&self) -> tonic::Code {
        self.0.code()
    }
}

fn told(status: &Status) -> String {
    let mut text = match status.message() {
        "" => format!("the server refused it ({:?})", status.code()),
        message => message.to_owned(),
    };
    let details = status.get_error_details();
    let mut add = |field: &str, description: &str| {
        text.push_str("\n  ");
        if !field.is_empty() {
            text.push_str(field);
            text.push_str(": ");
        }
        text.push_str(description);
    };
    for v in details
        .bad_request()
        .map(|b| b.field_violations.as_slice())
        .unwrap_or_default()
    {
        add(&v.field, &v.description);
    }
    for v in details
        .precondition_failure()
        .map(|p| p.violations.as_slice())
        .unwrap_or_default()
    {
        add(&v.subject, &v.description);
    }
    if let Some(delay) = details.retry_info().and_then(|r| r.retry_delay) {
        add(
            "",
            &format!("try again in {} s", delay.as_secs_f64().ceil()),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation};

    use super::*;

    #[test]
    fn a_refusal_tells_every_problem_and_not_only_the_first() {
        let mut details = ErrorDetails::with_bad_request(vec![
            FieldViolation::new("name", "is empty"),
            FieldViolation::new("mode", "is not said"),
        ]);
        details.set_precondition_failure(vec![PreconditionViolation::new(
            "below_profile_minimum",
            "ring_limit",
            "is 10 s; the profile wants 15 s",
        )]);
        let status = Status::with_error_details(Code::InvalidArgument, "cannot be made", details);
        assert_eq!(
            Refusal::from(status).to_string(),
            "cannot be made\n  name: is empty\n  mode: is not said\n  ring_limit: is 10 s; the profile wants 15 s"
        );
    }
}
