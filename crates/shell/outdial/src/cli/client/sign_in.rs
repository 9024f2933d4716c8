//! Signing in and out.

use clap::Args;
use proto::admin::v1::auth_service_client::AuthServiceClient;
use proto::admin::v1::{
    GetMeRequest, Identity, LoginRequest, LogoutRequest, SetupRequest, TokenPair,
};

use super::connection::{Authorised, Connection, Refusal, bearing};
use super::token_file::Tokens;
use super::{Shown, secret, table};
use crate::cli::exit::{Exit, OrExit};

/// `outdial login`
#[derive(Debug, Args)]
pub struct Login {
    /// The account.
    login: String,
}

/// `outdial setup`
#[derive(Debug, Args)]
pub struct Setup {
    /// Login of the admin.
    #[arg(long, default_value = "admin")]
    login: String,
    /// Name to show. Absent: the login.
    #[arg(long, default_value = "")]
    name: String,
}

pub(super) const PASSWORD: &str = "OUTDIAL_PASSWORD";

impl Login {
    /// Signs in.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let request = LoginRequest {
            login: self.login.clone(),
            password: secret::password(PASSWORD, "the password").or_exit(Exit::Usage)?,
        };
        let response = AuthServiceClient::new(to.anonymous().await?)
            .login(request)
            .await
            .map_err(Refusal::from)?
            .into_inner();
        keep(to, response.tokens.as_ref())?;
        show(&response.identity.unwrap_or_default())
    }
}

impl Setup {
    /// Makes the first admin.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let token = to
            .given_token()
            .ok_or_else(|| {
                anyhow::anyhow!(
                    "setup needs the one-time token that the first start printed; give --token"
                )
            })
            .or_exit(Exit::Usage)?;
        let request = SetupRequest {
            setup_token: token.to_owned(),
            login: self.login.clone(),
            name: self.name.clone(),
            password: secret::password(PASSWORD, "the admin's password").or_exit(Exit::Usage)?,
        };
        let channel = to.anonymous().await?;
        let response = AuthServiceClient::new(channel.clone())
            .setup(request)
            .await
            .map_err(Refusal::from)?
            .into_inner();
        keep(to, response.tokens.as_ref())?;
        let token = response.tokens.unwrap_or_default().access_token;
        identity(bearing(channel, &token)?).await
    }
}

/// Signs out. Without a sign-in there is nothing to do.
pub async fn log_out(to: &Connection) -> anyhow::Result<Shown> {
    let channel = to.authorised().await?;
    AuthServiceClient::new(channel)
        .logout(LogoutRequest {})
        .await
        .map_err(Refusal::from)?;
    to.token_file()?.write(None)?;
    Ok(Shown {
        value: serde_json::json!({}),
        text: "signed out\n".to_owned(),
        exit: None,
    })
}

/// Says who is signed in.
pub async fn who_am_i(to: &Connection) -> anyhow::Result<Shown> {
    identity(to.authorised().await?).await
}

async fn identity(channel: Authorised) -> anyhow::Result<Shown> {
    let response = AuthServiceClient::new(channel)
        .get_me(GetMeRequest {})
        .await
        .map_err(Refusal::from)?
        .into_inner();
    show(&response.identity.unwrap_or_default())
}

fn keep(to: &Connection, pair: Option<&TokenPair>) -> anyhow::Result<()> {
    let pair = pair.ok_or_else(|| anyhow::anyhow!("the server gave no token"))?;
    to.token_file()?.write(Some(&Tokens::of(to.server(), pair)))
}

fn show(identity: &Identity) -> anyhow::Result<Shown> {
    Shown::new(identity, table::fields)
}
