//! Accounts, and the phones of those that take calls.

use proto::admin::v1 as pb;
use store::{Account, AccountChange, AccountId, NewAccount, NewAgent, Role, Store};

use super::auth::login;
use crate::convert::{agent_of, role, role_to_proto, text_within};
use crate::shared::Shared;
use crate::{Error, FieldProblem, secret};

pub(super) async fn create(
    shared: &Shared,
    asked: pb::CreateUserRequest,
) -> Result<pb::CreateUserResponse, Error> {
    let mut problems = Vec::new();
    let login = login(&asked.login)
        .map_err(|p| problems.push(p))
        .unwrap_or_default();
    let role = role("role", asked.role)
        .map_err(|p| problems.push(p))
        .unwrap_or(Role::Agent);
    let name = match asked.name.trim() {
        "" => login.clone(),
        name => text_within("name", name, 200)
            .map_err(|p| problems.push(p))
            .unwrap_or_default(),
    };
    let sip_user = match asked.sip_user.as_str() {
        "" => login.clone(),
        user => sip_user(user)
            .map_err(|p| problems.push(p))
            .unwrap_or_default(),
    };
    if role != Role::Agent && !(asked.group_ids.is_empty() && asked.sip_user.is_empty()) {
        let text = "only an agent has groups and a phone";
        problems.push(FieldProblem::new("group_ids", "not_an_agent", text));
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let password_hash = match asked.password {
        none if none.is_empty() => None,
        password => Some(shared.passwords.hash("password", password).await?),
    };
    if asked.validate_only {
        let is_agent = role == Role::Agent;
        let user = pb::User {
            login,
            name,
            role: role_to_proto(role).into(),
            group_ids: asked.group_ids,
            sip_user: if is_agent { sip_user } else { String::new() },
            ..pb::User::default()
        };
        return Ok(pb::CreateUserResponse {
            user: Some(user),
            sip: None,
        });
    }
    let (id, sip) = if role == Role::Agent {
        let (ha1, sip) = phone_secret(&sip_user, &shared.sip_realm)?;
        let groups = asked
            .group_ids
            .into_iter()
            .map(model::AgentGroupId)
            .collect();
        let new = NewAgent {
            login,
            name,
            password_hash,
            sip_user,
            sip_ha1: ha1,
            groups,
            skills: skills("skills", &asked.skills).map_err(|p| Error::Invalid(vec![p]))?,
        };
        (
            AccountId::from(shared.store.create_agent(&new).await?),
            Some(sip),
        )
    } else {
        let new = NewAccount {
            login,
            name,
            role,
            password_hash,
        };
        (shared.store.create_account(&new).await?, None)
    };
    if sip.is_some() {
        shared.trunks_changed.tell();
    }
    let account = shared.store.account(id).await?;
    let user = Some(user(&shared.store, &account).await?);
    Ok(pb::CreateUserResponse { user, sip })
}

pub(super) async fn update(
    shared: &Shared,
    asked: pb::UpdateUserRequest,
) -> Result<pb::UpdateUserResponse, Error> {
    let to = asked.user.unwrap_or_default();
    let id = AccountId(to.user_id);
    let was = shared.store.account(id).await?;
    let mut change = AccountChange::default();
    let mut groups = None;
    let mut may = None;
    let mut problems = Vec::new();
    for path in asked.update_mask.unwrap_or_default().paths {
        match path.as_str() {
            "name" => match text_within("user.name", &to.name, 200) {
                Ok(name) => change.name = Some(name),
                Err(problem) => problems.push(problem),
            },
            "role" => match role("user.role", to.role) {
                // An agent's number, phone and history hang on the account.
                Ok(role) if (role == Role::Agent) != (was.role == Role::Agent) => {
                    let text = "an agent cannot become something else, or the reverse; make another account";
                    problems.push(FieldProblem::new("user.role", "not_possible", text));
                }
                Ok(role) => change.role = Some(role),
                Err(problem) => problems.push(problem),
            },
            "disabled" => change.disabled = Some(to.disabled),
            "group_ids" if was.role == Role::Agent => {
                groups = Some(
                    to.group_ids
                        .iter()
                        .copied()
                        .map(model::AgentGroupId)
                        .collect::<Vec<_>>(),
                );
            }
            "skills" if was.role == Role::Agent => match skills("user.skills", &to.skills) {
                Ok(skills) => may = Some(skills),
                Err(problem) => problems.push(problem),
            },
            "skills" => {
                let text = "only an agent has skills";
                problems.push(FieldProblem::new("user.skills", "not_an_agent", text));
            }
            "group_ids" => {
                problems.push(FieldProblem::new(
                    "user.group_ids",
                    "not_an_agent",
                    "only an agent has groups",
                ));
            }
            other => problems.push(FieldProblem::new(
                "update_mask",
                "unknown_field",
                format!(
                    "\"{other}\" cannot be changed; use name, role, disabled, group_ids or skills"
                ),
            )),
        }
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    if !asked.password.is_empty() {
        change.password_hash = Some(shared.passwords.hash("password", asked.password).await?);
    }
    if asked.validate_only {
        let mut user = user(&shared.store, &was).await?;
        user.name = change.name.unwrap_or(user.name);
        user.role = change.role.map_or(user.role, |r| role_to_proto(r).into());
        user.disabled = change.disabled.unwrap_or(user.disabled);
        if let Some(groups) = groups {
            user.group_ids = groups.iter().map(|g| g.0).collect();
            user.group_ids.sort_unstable();
            user.group_ids.dedup();
        }
        return Ok(pb::UpdateUserResponse { user: Some(user) });
    }
    shared.store.update_account(id, &change).await?;
    if let Some(groups) = groups {
        shared.store.set_agent_groups(agent_of(id), &groups).await?;
    }
    if let Some(skills) = may {
        shared.store.set_agent_skills(agent_of(id), &skills).await?;
    }
    if change.role.is_some() || change.password_hash.is_some() || change.disabled == Some(true) {
        shared
            .tokens
            .end_all(id, change.disabled == Some(true))
            .await?;
    }
    let account = shared.store.account(id).await?;
    let user = Some(user(&shared.store, &account).await?);
    Ok(pb::UpdateUserResponse { user })
}

pub(super) async fn reset_sip_password(
    shared: &Shared,
    asked: pb::ResetSipPasswordRequest,
) -> Result<pb::ResetSipPasswordResponse, Error> {
    let agent = shared.store.agent(model::AgentId(asked.user_id)).await?;
    let (ha1, sip) = phone_secret(&agent.sip_user, &shared.sip_realm)?;
    shared
        .store
        .set_agent_phone(agent.id, &agent.sip_user, &ha1)
        .await?;
    shared.trunks_changed.tell();
    Ok(pb::ResetSipPasswordResponse { sip: Some(sip) })
}

pub(super) async fn user(store: &Store, account: &Account) -> Result<pb::User, Error> {
    let agent = match account.role {
        Role::Agent => Some(store.agent(agent_of(account.id)).await?),
        Role::Supervisor | Role::Admin => None,
    };
    Ok(pb::User {
        user_id: account.id.0,
        login: account.login.clone(),
        name: account.name.clone(),
        role: role_to_proto(account.role).into(),
        disabled: account.disabled,
        group_ids: agent
            .iter()
            .flat_map(|a| a.groups.iter().map(|g| g.0))
            .collect(),
        skills: agent.iter().flat_map(|a| a.skills.clone()).collect(),
        sip_user: agent.map(|a| a.sip_user).unwrap_or_default(),
    })
}

/// A fresh password of a phone, and the digest secret that is kept of it.
fn phone_secret(user: &str, realm: &str) -> Result<(String, pb::SipCredentials), Error> {
    let password = secret::sip_password()?;
    let ha1 = secret::sip_ha1(user, realm, &password);
    let sip = pb::SipCredentials {
        user: user.to_owned(),
        realm: realm.to_owned(),
        password,
    };
    Ok((ha1, sip))
}

/// Languages as BCP 47 tags (RFC 5646 section 2.1): letters, digits and hyphens, at most 35.
fn skills(field: &str, given: &[String]) -> Result<Vec<String>, FieldProblem> {
    let tag = |s: &String| {
        let parts_are_good = s.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        });
        s.len() <= 35 && parts_are_good
    };
    match given.iter().find(|s| !tag(s)) {
        Some(bad) => {
            let text = format!("\"{bad}\" is no language tag; write for example ru, en or pt-BR");
            Err(FieldProblem::new(field, "not_a_language", text))
        }
        None => Ok(given.to_vec()),
    }
}

fn sip_user(text: &str) -> Result<String, FieldProblem> {
    // RFC 3261 section 25.1: these need no escaping in the user part of a URI.
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if text.is_empty() || text.len() > 64 || !plain {
        return Err(FieldProblem::new(
            "sip_user",
            "not_a_user",
            "a phone's user has 1 to 64 letters, digits, dots, dashes and underscores",
        ));
    }
    Ok(text.to_owned())
}
