//! Accounts and groups of agents.

use clap::{Args, Subcommand, ValueEnum};
use proto::admin::v1::admin_service_client::AdminServiceClient;
use proto::admin::v1::{
    CreateGroupRequest, CreateUserRequest, Group, ListGroupsRequest, ListUsersRequest,
    ListUsersResponse, UpdateUserRequest, User,
};
use proto::options::v1::Role;

use super::connection::{Authorised, Connection, Refusal};
use super::user_import::ImportUsers;
use super::{Shown, find, request_id, secret, table};
use crate::cli::exit::{Exit, OrExit};

/// The service.
pub type Admin = AdminServiceClient<Authorised>;

/// `outdial user …`
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Makes an account; its password comes from OUTDIAL_NEW_PASSWORD or standard input.
    Add(AddUser),
    /// Makes accounts, groups and phones from a file; what exists already is left as it is. Exit code 7 when rows could
    /// not be used, 4 when none could.
    Import(ImportUsers),
    /// Lists accounts.
    List,
    /// Gives an agent exactly these skills; valid from the next sign-in on.
    Skills {
        /// Login or key.
        user: String,
        /// Languages as tags like ru or pt-BR. None: no skill.
        skills: Vec<String>,
    },
    /// Gives an account a new password, from OUTDIAL_NEW_PASSWORD or standard input.
    Passwd {
        /// Login or key.
        user: String,
    },
}

/// `outdial user add`
#[derive(Debug, Args)]
pub struct AddUser {
    /// Login.
    login: String,
    /// What it may do.
    #[arg(long, value_enum)]
    role: RoleName,
    /// Name to show. Absent: the login.
    #[arg(long, default_value = "")]
    name: String,
    /// Group of agents, by name or key; may be given several times.
    #[arg(long = "group")]
    groups: Vec<String>,
    /// User name of the agent's phone. Absent: the login.
    #[arg(long, default_value = "")]
    sip_user: String,
    /// Language that the agent speaks, as a tag like ru or pt-BR; may be given several times.
    #[arg(long = "skill")]
    skills: Vec<String>,
    /// No password: it signs in by API token only.
    #[arg(long)]
    no_password: bool,
}

/// Roles an account can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RoleName {
    /// Takes calls.
    Agent,
    /// Runs campaigns.
    Supervisor,
    /// Manages accounts and trunks.
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Agent => Self::Agent,
            RoleName::Supervisor => Self::Supervisor,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// `outdial group …`
#[derive(Debug, Subcommand)]
pub enum GroupCommand {
    /// Makes a group of agents.
    Add {
        /// Its name.
        name: String,
    },
    /// Lists the groups of agents.
    List,
}

const PASSWORD: &str = "OUTDIAL_NEW_PASSWORD";

impl AddUser {
    fn request(&self, group_ids: Vec<i32>, password: String) -> anyhow::Result<CreateUserRequest> {
        Ok(CreateUserRequest {
            login: self.login.clone(),
            name: self.name.clone(),
            role: Role::from(self.role).into(),
            password,
            group_ids,
            sip_user: self.sip_user.clone(),
            skills: self.skills.clone(),
            request_id: request_id()?,
            validate_only: false,
        })
    }
}

impl UserCommand {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let mut admin = Admin::new(to.authorised().await?);
        match self {
            Self::Import(import) => import.run(to).await,
            Self::Add(add) => {
                let group_ids = group_ids(&mut admin, &add.groups).await?;
                let password = if add.no_password {
                    String::new()
                } else {
                    new_password()?
                };
                let response = admin
                    .create_user(add.request(group_ids, password)?)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| {
                    table::fields(&v["user"]) + &table::fields(&v["sip"])
                })
            }
            Self::List => {
                let all = users(&mut admin).await?;
                Shown::new(&all, |v| {
                    table::rows(
                        &v["users"],
                        &[
                            ("ID", "user_id"),
                            ("LOGIN", "login"),
                            ("NAME", "name"),
                            ("ROLE", "role"),
                            ("GROUPS", "group_ids"),
                            ("SKILLS", "skills"),
                            ("PHONE", "sip_user"),
                            ("DISABLED", "disabled"),
                        ],
                    )
                })
            }
            Self::Skills { user, skills } => {
                let all = users(&mut admin).await?.users;
                let known: Vec<_> = all.iter().map(|u| (u.user_id, u.login.as_str())).collect();
                let request = UpdateUserRequest {
                    user: Some(User {
                        user_id: find("user", user, &known)?,
                        skills: skills.clone(),
                        ..User::default()
                    }),
                    update_mask: Some(prost_types::FieldMask {
                        paths: vec!["skills".to_owned()],
                    }),
                    request_id: request_id()?,
                    ..UpdateUserRequest::default()
                };
                let response = admin
                    .update_user(request)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| table::fields(&v["user"]))
            }
            Self::Passwd { user } => {
                let all = users(&mut admin).await?.users;
                let known: Vec<_> = all.iter().map(|u| (u.user_id, u.login.as_str())).collect();
                let request = UpdateUserRequest {
                    user: Some(User {
                        user_id: find("user", user, &known)?,
                        ..User::default()
                    }),
                    update_mask: None,
                    password: new_password()?,
                    request_id: request_id()?,
                    validate_only: false,
                };
                let response = admin
                    .update_user(request)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| table::fields(&v["user"]))
            }
        }
    }
}

fn new_password() -> anyhow::Result<String> {
    secret::password(PASSWORD, "the account's new password").or_exit(Exit::Usage)
}

/// Every account.
pub async fn users(admin: &mut Admin) -> anyhow::Result<ListUsersResponse> {
    let mut all = ListUsersResponse::default();
    let mut request = ListUsersRequest {
        page_size: 1_000,
        ..ListUsersRequest::default()
    };
    loop {
        let page = admin
            .list_users(request.clone())
            .await
            .map_err(Refusal::from)?
            .into_inner();
        all.users.extend(page.users);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

impl GroupCommand {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let mut admin = Admin::new(to.authorised().await?);
        match self {
            Self::Add { name } => {
                let request = CreateGroupRequest {
                    name: name.clone(),
                    request_id: request_id()?,
                };
                let response = admin
                    .create_group(request)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| table::fields(&v["group"]))
            }
            Self::List => {
                let response = admin
                    .list_groups(ListGroupsRequest {})
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| {
                    table::rows(
                        &v["groups"],
                        &[("ID", "group_id"), ("NAME", "name"), ("MEMBERS", "members")],
                    )
                })
            }
        }
    }
}

/// Keys of groups that are named by key or name.
pub async fn group_ids(admin: &mut Admin, named: &[String]) -> anyhow::Result<Vec<i32>> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let groups: Vec<Group> = admin
        .list_groups(ListGroupsRequest {})
        .await
        .map_err(Refusal::from)?
        .into_inner()
        .groups;
    let known: Vec<_> = groups
        .iter()
        .map(|g| (g.group_id, g.name.as_str()))
        .collect();
    named
        .iter()
        .map(|name| find("group", name, &known))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_asked_for_as_the_arguments_say() {
        let add = AddUser {
            login: "anna".to_owned(),
            role: RoleName::Agent,
            name: "Anna".to_owned(),
            groups: vec!["day".to_owned()],
            skills: Vec::new(),
            sip_user: "301".to_owned(),
            no_password: false,
        };
        let request = add.request(vec![4], "0123456789".to_owned()).unwrap();
        assert_eq!(request.role(), Role::Agent);
        assert_eq!(
            (request.login.as_str(), request.name.as_str()),
            ("anna", "Anna")
        );
        assert_eq!(
            (request.group_ids.as_slice(), request.sip_user.as_str()),
            (&[4][..], "301")
        );
        assert_eq!(request.password, "0123456789");
        assert!(!request.request_id.is_empty());
    }
}
