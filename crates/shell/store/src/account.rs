//! Who signs in: accounts, tokens and the set-up token. Passwords are hashed by the caller.

use model::WallTime;
use serde::{Deserialize, Serialize};

use crate::convert::{Row, stamp, stamps, wall, walls};
use crate::db::run_tx;
use crate::refusal::{found, not_found, refers, taken};
use crate::{Error, Page, PageRequest, Store};

/// Key of an account. An account that takes calls is the agent of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub i32);

impl From<model::AgentId> for AccountId {
    fn from(agent: model::AgentId) -> Self {
        Self(agent.0)
    }
}

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes calls.
    Agent,
    /// Runs campaigns.
    Supervisor,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Supervisor, Self::Admin];

    /// The name in rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }

    /// From its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == name)
    }
}

/// Somebody who signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The key.
    pub id: AccountId,
    /// Lower case.
    pub login: String,
    /// The name to show.
    pub name: String,
    /// What the account may do.
    pub role: Role,
    /// PHC string of argon2; `None`: signs in by token only.
    pub password_hash: Option<String>,
    /// May not sign in.
    pub disabled: bool,
}

/// An account to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// Made lower case; unique.
    pub login: String,
    /// The name to show. Not empty.
    pub name: String,
    /// What the account may do.
    pub role: Role,
    /// PHC string of argon2; `None`: signs in by token only.
    pub password_hash: Option<String>,
}

/// What to change of an account; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The name to show.
    pub name: Option<String>,
    /// What the account may do.
    pub role: Option<Role>,
    /// PHC string of argon2.
    pub password_hash: Option<String>,
    /// Whether it may not sign in.
    pub disabled: Option<bool>,
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The key.
    pub id: i32,
    /// Whose it is.
    pub account: AccountId,
    /// What it is for, in the owner's words.
    pub label: String,
    /// When it was made.
    pub created_at: WallTime,
    /// Not valid from then on.
    pub expires_at: Option<WallTime>,
    /// When it was taken back.
    pub revoked_at: Option<WallTime>,
}

/// SHA-256 of a secret. Secrets are 128 random bits or more, so that no slow hash is needed.
pub type SecretHash = [u8; 32];

struct AccountRow {
    id: i32,
    login: String,
    name: String,
    role: String,
    password_hash: Option<String>,
    disabled: bool,
}

impl AccountRow {
    fn account(self) -> Result<Account, Error> {
        let row = Row {
            table: "account",
            key: self.id,
        };
        Ok(Account {
            id: AccountId(self.id),
            role: row.named(&self.role, Role::parse)?,
            login: self.login,
            name: self.name,
            password_hash: self.password_hash,
            disabled: self.disabled,
        })
    }
}

impl Store {
    /// Makes an account.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the login is taken.
    pub async fn create_account(&self, new: &NewAccount) -> Result<AccountId, Error> {
        insert_account(&self.api, new).await
    }

    /// Changes an account.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn update_account(&self, id: AccountId, change: &AccountChange) -> Result<(), Error> {
        let done = sqlx::query!(
            "UPDATE account SET name = coalesce($2, name), role = coalesce($3, role),
                    password_hash = coalesce($4, password_hash), disabled = coalesce($5, disabled)
             WHERE id = $1",
            id.0,
            change.name,
            change.role.map(Role::as_str),
            change.password_hash,
            change.disabled,
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("update_account", e))?;
        found(done.rows_affected(), "account", id.0)
    }

    /// One account by its key.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn account(&self, id: AccountId) -> Result<Account, Error> {
        sqlx::query_as!(
            AccountRow,
            "SELECT id, login, name, role, password_hash, disabled FROM account WHERE id = $1",
            id.0
        )
        .fetch_optional(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("account", e))?
        .ok_or_else(|| not_found("account", id.0))?
        .account()
    }

    /// One account by its login; `None` when there is none, so that signing in can take the same time.
    ///
    /// # Errors
    /// As the database.
    pub async fn account_by_login(&self, login: &str) -> Result<Option<Account>, Error> {
        sqlx::query_as!(
            AccountRow,
            "SELECT id, login, name, role, password_hash, disabled FROM account WHERE login = lower($1)",
            login
        )
        .fetch_optional(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("account_by_login", e))?
        .map(AccountRow::account)
        .transpose()
    }

    /// Accounts by key.
    ///
    /// # Errors
    /// As the database.
    pub async fn accounts(&self, page: PageRequest) -> Result<Page<Account>, Error> {
        let rows = sqlx::query_as!(
            AccountRow,
            "SELECT id, login, name, role, password_hash, disabled FROM account
             WHERE id > $1 ORDER BY id LIMIT $2",
            i32::try_from(page.after).unwrap_or(i32::MAX),
            page.limit()
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("accounts", e))?;
        let accounts = rows
            .into_iter()
            .map(AccountRow::account)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(page.page(accounts, |a| i64::from(a.id.0)))
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the account.
    pub async fn create_token(
        &self,
        account: AccountId,
        label: &str,
        secret: &SecretHash,
        expires_at: Option<WallTime>,
    ) -> Result<i32, Error> {
        sqlx::query_scalar!(
            "INSERT INTO api_token (account_id, label, secret_hash, expires_at) VALUES ($1, $2, $3, $4)
             RETURNING id",
            account.0,
            label,
            secret.as_slice(),
            stamps(expires_at)
        )
        .fetch_one(&self.api)
        .await
        .map_err(|e| refers("create_token", "account", account.0, e))
    }

    /// The account that a token speaks for, when the token is valid at `at` and the account is not disabled.
    ///
    /// # Errors
    /// As the database.
    pub async fn account_by_token(
        &self,
        secret: &SecretHash,
        at: WallTime,
    ) -> Result<Option<Account>, Error> {
        sqlx::query_as!(
            AccountRow,
            "SELECT a.id, a.login, a.name, a.role, a.password_hash, a.disabled
             FROM api_token t JOIN account a ON a.id = t.account_id
             WHERE t.secret_hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
               AND NOT a.disabled",
            secret.as_slice(),
            stamp(at)
        )
        .fetch_optional(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("account_by_token", e))?
        .map(AccountRow::account)
        .transpose()
    }

    /// An account's tokens, newest first.
    ///
    /// # Errors
    /// As the database.
    pub async fn tokens(&self, account: AccountId) -> Result<Vec<Token>, Error> {
        let rows = sqlx::query!(
            "SELECT id, label, created_at, expires_at, revoked_at FROM api_token
             WHERE account_id = $1 ORDER BY id DESC",
            account.0
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("tokens", e))?;
        Ok(rows
            .into_iter()
            .map(|r| Token {
                id: r.id,
                account,
                label: r.label,
                created_at: wall(r.created_at),
                expires_at: walls(r.expires_at),
                revoked_at: walls(r.revoked_at),
            })
            .collect())
    }

    /// Takes a token back; again: no effect.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_token(
        &self,
        account: AccountId,
        id: i32,
        at: WallTime,
    ) -> Result<(), Error> {
        let done = sqlx::query!(
            "UPDATE api_token SET revoked_at = coalesce(revoked_at, $3) WHERE account_id = $1 AND id = $2",
            account.0,
            id,
            stamp(at)
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("revoke_token", e))?;
        found(done.rows_affected(), "token", id)
    }

    /// Keeps the hash of a new set-up token when there is no account yet and none was used: true when
    /// the token is the valid one from now on.
    ///
    /// # Errors
    /// As the database.
    pub async fn offer_setup_token(&self, secret: &SecretHash) -> Result<bool, Error> {
        let done = sqlx::query!(
            "INSERT INTO setup_token (secret_hash) SELECT $1 WHERE NOT EXISTS (SELECT FROM account)
             ON CONFLICT (singleton) DO UPDATE SET secret_hash = excluded.secret_hash, created_at = now()
             WHERE setup_token.used_at IS NULL",
            secret.as_slice()
        )
        .execute(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("offer_setup_token", e))?;
        Ok(done.rows_affected() == 1)
    }

    /// Makes the first account, once, for who holds the set-up token. `None` when the token is not the
    /// valid one.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the login is taken.
    pub async fn use_setup_token(
        &self,
        secret: &SecretHash,
        new: &NewAccount,
    ) -> Result<Option<AccountId>, Error> {
        run_tx!(&self.api, "use_setup_token", async |tx| {
            let done = sqlx::query!(
                "UPDATE setup_token SET used_at = now() WHERE secret_hash = $1 AND used_at IS NULL",
                secret.as_slice()
            )
            .execute(&mut *tx)
            .await
            .map_err(|e| Error::from_sqlx("use_setup_token", e))?;
            if done.rows_affected() == 0 {
                return Ok(None);
            }
            insert_account(&mut *tx, new).await.map(Some)
        })
    }
}

pub(crate) async fn insert_account<'e>(
    db: impl sqlx::PgExecutor<'e>,
    new: &NewAccount,
) -> Result<AccountId, Error> {
    let id = sqlx::query_scalar!(
        "INSERT INTO account (login, name, role, password_hash) VALUES (lower($1), $2, $3, $4) RETURNING id",
        new.login,
        new.name,
        new.role.as_str(),
        new.password_hash
    )
    .fetch_one(db)
    .await
    .map_err(|e| taken("create_account", "account", &new.login, e))?;
    Ok(AccountId(id))
}
