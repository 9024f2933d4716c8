//! A sign-in that holds for a working day: access tokens live for minutes, screens for hours.

use std::time::SystemTime;

use proto::admin::v1::auth_service_client::AuthServiceClient;
use proto::admin::v1::{GetMeRequest, Identity, LoginRequest, RefreshRequest};
use tonic::transport::Channel;

use super::connection::{Authorised, Connection, Refusal, bearing};
use super::token_file::Tokens;
use super::{secret, sign_in};
use crate::cli::exit::{Exit, OrExit};

/// Whose screen it is. Finds the daemon again after a loss.
#[derive(Clone)]
pub struct Standing {
    to: Connection,
    channel: Channel,
    /// Tokens of a sign-in of this screen alone; none: the connection's own.
    own: Option<Tokens>,
}

impl Standing {
    /// With a login, signs in for this screen alone: who is signed in for the other commands stays signed in.
    ///
    /// # Errors
    /// When the daemon cannot be reached, or refuses.
    pub async fn open(to: &Connection, login: Option<&str>) -> anyhow::Result<Self> {
        let (to, channel) = (to.clone(), to.anonymous().await?);
        let own = match login {
            None => None,
            Some(login) => {
                let asked = format!("password of {login}");
                let request = LoginRequest {
                    login: login.to_owned(),
                    password: secret::password(sign_in::PASSWORD, &asked).or_exit(Exit::Usage)?,
                };
                let response = AuthServiceClient::new(channel.clone())
                    .login(request)
                    .await
                    .map_err(Refusal::from)?;
                let pair = response.into_inner().tokens.unwrap_or_default();
                Some(Tokens::of(to.server(), &pair))
            }
        };
        Ok(Self { to, channel, own })
    }

    /// A channel with a token that holds.
    ///
    /// # Errors
    /// When the sign-in has ended, or the daemon is away just when the token must be exchanged.
    pub async fn authorised(&mut self) -> anyhow::Result<Authorised> {
        let token = match &mut self.own {
            None => self.to.present_token(&self.channel).await?,
            Some(own) => {
                if own.is_stale(SystemTime::now()) {
                    let refresh_token = own.refresh.clone();
                    let fresh = AuthServiceClient::new(self.channel.clone())
                        .refresh(RefreshRequest { refresh_token })
                        .await
                        .map_err(Refusal::from)?;
                    let pair = fresh.into_inner().tokens.unwrap_or_default();
                    *own = Tokens::of(self.to.server(), &pair);
                }
                own.access.clone()
            }
        };
        bearing(self.channel.clone(), &token)
    }

    /// Who it is.
    ///
    /// # Errors
    /// As [`Standing::authorised`].
    pub async fn identity(&mut self) -> anyhow::Result<Identity> {
        let response = AuthServiceClient::new(self.authorised().await?)
            .get_me(GetMeRequest {})
            .await
            .map_err(Refusal::from)?;
        Ok(response.into_inner().identity.unwrap_or_default())
    }
}
