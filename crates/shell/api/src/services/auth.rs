//! Signing in and out.

use std::sync::Arc;
use std::time::Duration;

use proto::admin::v1 as pb;
use proto::admin::v1::auth_service_server::AuthService;
use store::{Account, AccountChange, NewAccount, Role};
use tonic::{Request, Response, Status};

use crate::convert::{length_within, stamp, text_within};
use crate::identity::{Identity, Proof, caller};
use crate::requests::{Asked, Keep};
use crate::shared::Shared;
use crate::tokens::Pair;
use crate::{Error, FieldProblem, secret};

/// API tokens of one account.
const API_TOKENS: usize = 100;
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) struct Auth(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl AuthService for Auth {
    async fn setup(
        &self,
        request: Request<pb::SetupRequest>,
    ) -> Result<Response<pb::SetupResponse>, Status> {
        let peer = request.remote_addr().map(|a| a.ip());
        let asked = request.into_inner();
        // The token cannot be guessed; this keeps a flood from the database and the hashing.
        self.0.throttle.attempt("", peer, self.0.clock.now())?;
        let login = login(&asked.login).map_err(|p| Error::Invalid(vec![p]))?;
        let name = if asked.name.is_empty() {
            login.clone()
        } else {
            asked.name
        };
        let password_hash = self.0.passwords.hash("password", asked.password).await?;
        let new = NewAccount {
            login,
            name,
            role: Role::Admin,
            password_hash: Some(password_hash),
        };
        let id = self
            .0
            .store
            .use_setup_token(&secret::hash(&asked.setup_token), &new)
            .await
            .map_err(Error::from)?
            .ok_or(Error::WrongSetupToken)?;
        self.0.throttle.succeeded("", peer);
        tracing::info!(
            account_id = id.0,
            login = new.login,
            "the first admin was made"
        );
        let account = self.0.store.account(id).await.map_err(Error::from)?;
        let pair = self.0.tokens.sign_in(&account).await?;
        Ok(Response::new(pb::SetupResponse {
            tokens: Some(tokens(pair)),
        }))
    }

    async fn login(
        &self,
        request: Request<pb::LoginRequest>,
    ) -> Result<Response<pb::LoginResponse>, Status> {
        let peer = request.remote_addr().map(|a| a.ip());
        let asked = request.into_inner();
        let login = asked.login.trim();
        self.0.throttle.attempt(login, peer, self.0.clock.now())?;
        let account = self
            .0
            .store
            .account_by_login(login)
            .await
            .map_err(Error::from)?;
        let hash = account.as_ref().and_then(|a| a.password_hash.clone());
        let right = self.0.passwords.verify(asked.password, hash).await?;
        let account: Account = account
            .filter(|a| right && !a.disabled)
            .ok_or(Error::WrongPassword)?;
        self.0.throttle.succeeded(login, peer);
        let pair = self.0.tokens.sign_in(&account).await?;
        let identity = Identity::new(&account, Proof::ApiToken).to_proto();
        Ok(Response::new(pb::LoginResponse {
            tokens: Some(tokens(pair)),
            identity: Some(identity),
        }))
    }

    async fn refresh(
        &self,
        request: Request<pb::RefreshRequest>,
    ) -> Result<Response<pb::RefreshResponse>, Status> {
        let (_, pair) = self
            .0
            .tokens
            .refresh(&request.into_inner().refresh_token)
            .await?;
        Ok(Response::new(pb::RefreshResponse {
            tokens: Some(tokens(pair)),
        }))
    }

    async fn logout(
        &self,
        request: Request<pb::LogoutRequest>,
    ) -> Result<Response<pb::LogoutResponse>, Status> {
        let me = caller(&request)?;
        match me.by {
            Proof::Session(session) => self.0.tokens.end_session(me.account, session).await?,
            Proof::ApiToken => {
                return Err(not_with_an_api_token("RevokeApiToken voids an API token").into());
            }
        }
        Ok(Response::new(pb::LogoutResponse {}))
    }

    async fn get_me(
        &self,
        request: Request<pb::GetMeRequest>,
    ) -> Result<Response<pb::GetMeResponse>, Status> {
        let identity = Some(caller(&request)?.to_proto());
        Ok(Response::new(pb::GetMeResponse { identity }))
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        let me = caller(&request)?;
        let peer = request.remote_addr().map(|a| a.ip());
        let asked = request.into_inner();
        // A program's token must not be enough to take an account over.
        if me.by == Proof::ApiToken {
            return Err(not_with_an_api_token("sign in with the password").into());
        }
        let account = self
            .0
            .store
            .account(me.account)
            .await
            .map_err(Error::from)?;
        if account.password_hash.is_some() {
            self.0
                .throttle
                .attempt(&me.login, peer, self.0.clock.now())?;
            let hash = account.password_hash.clone();
            if !self.0.passwords.verify(asked.old_password, hash).await? {
                return Err(
                    Error::invalid("old_password", "wrong", "is not the password so far").into(),
                );
            }
            self.0.throttle.succeeded(&me.login, peer);
        }
        let hash = self
            .0
            .passwords
            .hash("new_password", asked.new_password)
            .await?;
        let change = AccountChange {
            password_hash: Some(hash),
            ..AccountChange::default()
        };
        self.0
            .store
            .update_account(me.account, &change)
            .await
            .map_err(Error::from)?;
        self.0.tokens.end_all(me.account, false).await?;
        let pair = self.0.tokens.sign_in(&account).await?;
        Ok(Response::new(pb::ChangePasswordResponse {
            tokens: Some(tokens(pair)),
        }))
    }

    async fn create_api_token(
        &self,
        request: Request<pb::CreateApiTokenRequest>,
    ) -> Result<Response<pb::CreateApiTokenResponse>, Status> {
        let me = caller(&request)?;
        let asked = request.into_inner();
        let shared = self.0.clone();
        let id = Asked {
            account: me.account,
            method: "CreateApiToken",
            id: &asked.request_id,
            request: &asked,
        };
        let work = create_api_token(shared, me, asked.clone());
        let answer = self.0.requests.once(Keep::ThatItWas, id, work).await?;
        Ok(Response::new(answer))
    }

    async fn list_api_tokens(
        &self,
        request: Request<pb::ListApiTokensRequest>,
    ) -> Result<Response<pb::ListApiTokensResponse>, Status> {
        let me = caller(&request)?;
        let api_tokens = self.0.tokens.list_api(me.account).await?;
        Ok(Response::new(pb::ListApiTokensResponse {
            api_tokens: api_tokens.iter().map(api_token).collect(),
        }))
    }

    async fn revoke_api_token(
        &self,
        request: Request<pb::RevokeApiTokenRequest>,
    ) -> Result<Response<pb::RevokeApiTokenResponse>, Status> {
        let me = caller(&request)?;
        let id = request.into_inner().api_token_id;
        self.0.tokens.revoke_api(me.account, id).await?;
        Ok(Response::new(pb::RevokeApiTokenResponse {}))
    }
}

async fn create_api_token(
    shared: Arc<Shared>,
    me: Identity,
    asked: pb::CreateApiTokenRequest,
) -> Result<pb::CreateApiTokenResponse, Error> {
    // Else a leaked token could outlive its own end by making others.
    if me.by == Proof::ApiToken {
        return Err(not_with_an_api_token("sign in with the password"));
    }
    let least = Duration::from_secs(60);
    let lifetime = length_within("lifetime", asked.lifetime, DAY * 90, least, DAY * 400);
    let label = text_within("label", &asked.label, 100);
    let (label, lifetime) = match (label, lifetime) {
        (Ok(label), Ok(lifetime)) => (label, lifetime),
        (label, lifetime) => {
            let problems = label.err().into_iter().chain(lifetime.err());
            return Err(Error::Invalid(problems.collect()));
        }
    };
    let now = shared.clock.now();
    let existing = shared.tokens.list_api(me.account).await?;
    let in_use = existing
        .iter()
        .filter(|t| t.revoked_at.is_none() && t.expires_at.is_none_or(|at| at > now));
    if in_use.count() >= API_TOKENS {
        return Err(Error::NotReady {
            subject: "account".to_owned(),
            problems: vec![FieldProblem::new(
                "",
                "too_many",
                format!("has {API_TOKENS} API tokens; revoke one"),
            )],
        });
    }
    let until = now + lifetime;
    let (id, secret) = shared.tokens.create_api(me.account, &label, until).await?;
    Ok(pb::CreateApiTokenResponse {
        api_token: Some(pb::ApiToken {
            api_token_id: id,
            label,
            created_at: Some(stamp(now)),
            expires_at: Some(stamp(until)),
            revoked_at: None,
        }),
        secret,
    })
}

fn not_with_an_api_token(instead: &str) -> Error {
    Error::NotReady {
        subject: "token".to_owned(),
        problems: vec![FieldProblem::new(
            "",
            "api_token",
            format!("this cannot be done with an API token; {instead}"),
        )],
    }
}

/// A login as it is kept.
pub(super) fn login(text: &str) -> Result<String, FieldProblem> {
    let login = text.trim().to_lowercase();
    let plain = login
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if login.is_empty() || login.len() > 64 || !plain {
        return Err(FieldProblem::new(
            "login",
            "not_a_login",
            "a login has 1 to 64 letters, digits, dots, dashes and underscores",
        ));
    }
    Ok(login)
}

fn tokens(pair: Pair) -> pb::TokenPair {
    pb::TokenPair {
        access_token: pair.access,
        access_expires_at: Some(stamp(pair.access_until)),
        refresh_token: pair.refresh,
        refresh_expires_at: Some(stamp(pair.refresh_until)),
    }
}

fn api_token(token: &store::Token) -> pb::ApiToken {
    pb::ApiToken {
        api_token_id: token.id,
        label: token.label.clone(),
        created_at: Some(stamp(token.created_at)),
        expires_at: token.expires_at.map(stamp),
        revoked_at: token.revoked_at.map(stamp),
    }
}
