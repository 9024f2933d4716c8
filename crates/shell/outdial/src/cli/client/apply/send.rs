//! One object on its way to the server: only checked there, or made and changed.

use std::path::Path;

use prost_types::FieldMask;
use proto::admin::v1::{
    CreateGroupRequest, CreateTrunkGroupRequest, CreateTrunkRequest, CreateUserRequest, Group,
    Trunk, TrunkGroup, UpdateTrunkRequest, UpdateUserRequest, User,
};
use proto::supervisor::v1::{
    Campaign, CreateCampaignRequest, CreateQuestionnaireRequest, Questionnaire,
    UpdateCampaignRequest,
};
use serde_json::{Map, Value};

use super::kind::Kind;
use super::known::{Known, Services, of_questionnaire};
use super::ready::Ready;
use crate::cli::client::connection::Refusal;
use crate::cli::client::credentials::{Credentials, new_password};
use crate::cli::client::document::{Named, from_json, to_json};
use crate::cli::client::request_id;

/// How an object is sent.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    /// Says what it would become, and changes nothing.
    pub only_check: bool,
    /// Sends passwords also to what there is already.
    pub secrets: bool,
    /// Where files of passwords are looked for.
    pub directory: &'a Path,
}

/// What came of it.
#[derive(Debug)]
pub struct Sent {
    /// The object as a file would describe it.
    pub described: Map<String, Value>,
    /// Passwords that were drawn for it.
    pub credentials: Option<Credentials>,
}

impl Sent {
    const fn plain(described: Map<String, Value>) -> Self {
        Self {
            described,
            credentials: None,
        }
    }
}

/// Sends one object. What was made is known afterwards.
///
/// # Errors
/// As the server refuses it.
pub async fn send(
    services: &mut Services,
    known: &mut Known,
    ready: &Ready,
    how: How<'_>,
) -> anyhow::Result<Sent> {
    match ready.described.kind {
        Kind::TrunkGroup => trunk_group(services, known, ready, how).await,
        Kind::Trunk => trunk(services, known, ready, how).await,
        Kind::Group => group(services, known, ready, how).await,
        Kind::User => user(services, known, ready, how).await,
        Kind::Questionnaire => questionnaire(services, known, ready, how).await,
        Kind::Campaign => campaign(services, known, ready, how).await,
    }
}

/// A name only: nothing to check but its length, which the server refuses when it comes to it.
fn name_of(ready: &Ready) -> anyhow::Result<String> {
    let name = &ready.described.name;
    anyhow::ensure!(
        name.chars().count() <= 100,
        "name: has more than 100 characters"
    );
    Ok(name.clone())
}

async fn trunk_group(
    services: &mut Services,
    known: &mut Known,
    ready: &Ready,
    how: How<'_>,
) -> anyhow::Result<Sent> {
    let name = name_of(ready)?;
    if !how.only_check && known.trunk_group_id(&name).is_none() {
        let request = CreateTrunkGroupRequest {
            name,
            request_id: request_id()?,
        };
        let made = services.admin.create_trunk_group(request).await;
        let made: TrunkGroup = made
            .map_err(Refusal::from)?
            .into_inner()
            .trunk_group
            .unwrap_or_default();
        known.trunk_groups.push(made);
    }
    Ok(Sent::plain(ready.fields.clone()))
}

async fn group(
    services: &mut Services,
    known: &mut Known,
    ready: &Ready,
    how: How<'_>,
) -> anyhow::Result<Sent> {
    let name = name_of(ready)?;
    if !how.only_check && known.group_id(&name).is_none() {
        let request = CreateGroupRequest {
            name,
            request_id: request_id()?,
        };
        let made = services.admin.create_group(request).await;
        let made: Group = made
            .map_err(Refusal::from)?
            .into_inner()
            .group
            .unwrap_or_default();
        known.groups.push(made);
    }
    Ok(Sent::plain(ready.fields.clone()))
}

async fn trunk(
    services: &mut Services,
    known: &mut Known,
    ready: &Ready,
    how: How<'_>,
) -> anyhow::Result<Sent> {
    let is = known.trunk(&ready.described.name).cloned();
    let mut wanted: Trunk = laid_over(is.as_ref(), ready.with_keys(known))?;
    if is.is_none() && !ready.fields.contains_key("enabled") {
        wanted.enabled = true;
    }
    if let Some(secret) = ready
        .secret
        .as_ref()
        .filter(|_| is.is_none() || how.secrets)
    {
        let connection = wanted.connection.get_or_insert_default();
        connection.password = secret.read(how.directory)?;
    }
    let validate_only = how.only_check;
    let made = if is.is_some() {
        let request = UpdateTrunkRequest {
            trunk: Some(wanted),
            update_mask: Some(FieldMask {
                paths: ready.paths(),
            }),
            request_id: id(how)?,
            validate_only,
        };
        let done = services.admin.update_trunk(request).await;
        done.map_err(Refusal::from)?.into_inner().trunk
    } else {
        let request = CreateTrunkRequest {
            trunk: Some(wanted),
            request_id: id(how)?,
            validate_only,
        };
        let done = services.admin.create_trunk(request).await;
        done.map_err(Refusal::from)?.into_inner().trunk
    };
    let made = made.unwrap_or_default();
    let described = known.of_trunk(&made)?;
    if !how.only_check {
        known.trunks.retain(|t| t.trunk_id != made.trunk_id);
        known.trunks.push(made);
    }
    Ok(Sent::plain(described))
}

async fn user(
    services: &mut Services,
    known: &mut Known,
    ready: &Ready,
    how: How<'_>,
) -> anyhow::Result<Sent> {
    let is = known.user(&ready.described.name).cloned();
    let wanted: User = laid_over(is.as_ref(), ready.with_keys(known))?;
    let from_secret = |secret: &super::secrets::Secret| secret.read(how.directory);
    let given = ready
        .secret
        .as_ref()
        .filter(|_| is.is_none() || how.secrets);
    let given = given.map(from_secret).transpose()?;
    let validate_only = how.only_check;
    let (made, credentials) = match is {
        Some(is) => {
            anyhow::ensure!(
                wanted.sip_user == is.sip_user,
                "sip_user: a phone keeps its user name; make another account"
            );
            // Only what differs: a role that is said again would sign the person out.
            let mut paths = ready.paths();
            paths.retain(|path| match path.as_str() {
                "name" => wanted.name != is.name,
                "role" => wanted.role != is.role,
                "disabled" => wanted.disabled != is.disabled,
                "skills" => sorted(&wanted.skills) != sorted(&is.skills),
                "group_ids" => sorted(&wanted.group_ids) != sorted(&is.group_ids),
                _ => false,
            });
            let request = UpdateUserRequest {
                user: Some(wanted),
                update_mask: Some(FieldMask { paths }),
                password: given.unwrap_or_default(),
                request_id: id(how)?,
                validate_only,
            };
            let done = services.admin.update_user(request).await;
            (done.map_err(Refusal::from)?.into_inner().user, None)
        }
        None => {
            let drawn = match (&given, ready.no_password) {
                (None, false) => Some(new_password()?),
                (Some(_), _) | (None, true) => None,
            };
            let password = given.or_else(|| drawn.clone()).unwrap_or_default();
            let is_disabled = wanted.disabled;
            let request = CreateUserRequest {
                login: wanted.login,
                name: wanted.name,
                role: wanted.role,
                password: password.clone(),
                group_ids: wanted.group_ids,
                sip_user: wanted.sip_user,
                skills: wanted.skills,
                request_id: id(how)?,
                validate_only,
            };
            let done = services.admin.create_user(request).await;
            let mut done = done.map_err(Refusal::from)?.into_inner();
            if is_disabled && !how.only_check {
                done.user = disable(services, done.user.unwrap_or_default()).await?;
            }
            let user = done.user.clone();
            (user, Some(Credentials::of(done, drawn.unwrap_or_default())))
        }
    };
    let made = made.unwrap_or_default();
    let described = known.of_user(&made)?;
    if !how.only_check {
        known.users.retain(|u| u.user_id != made.user_id);
        known.users.push(made);
    }
    Ok(Sent {
        described,
        credentials: credentials.filter(|_| !how.only_check),
    })
}

fn sorted<T: Ord + Clone>(all: &[T]) -> std::collections::BTreeSet<T> {
    all.iter().cloned().collect()
}

async fn disable(services: &mut Services, user: User) -> anyhow::Result<Option<User>> {
    let request = UpdateUserRequest {
        user: Some(User {
            disabled: true,
            ..user
        }),
        update_mask: Some(FieldMask {
            paths: vec!["disabled".to_owned()],
        }),
        password: String::new(),
        request_id: request_id()?,
        validate_only: false,
    };
    let done = services.admin.update_user(request).await;
    Ok(done.map_err(Refusal::from)?.into_inner().user)
}

async fn questionnaire(
    services: &mut Services,
    known: &mut Known,
    ready: &Ready,
    how: How<'_>,
) -> anyhow::Result<Sent> {
    let written: Questionnaire = from_json(Value::Object(ready.fields.clone()))?;
    let request = CreateQuestionnaireRequest {
        name: ready.described.name.clone(),
        questions: written.questions,
        request_id: id(how)?,
        validate_only: how.only_check,
    };
    let done = services.questionnaires.create_questionnaire(request).await;
    let made = done
        .map_err(Refusal::from)?
        .into_inner()
        .questionnaire
        .unwrap_or_default();
    let described = of_questionnaire(&made)?;
    if !how.only_check {
        known.questionnaires.retain(|q| q.name != made.name);
        known.questionnaires.push(made);
    }
    Ok(Sent::plain(described))
}

async fn campaign(
    services: &mut Services,
    known: &mut Known,
    ready: &Ready,
    how: How<'_>,
) -> anyhow::Result<Sent> {
    let is = known.campaign(&ready.described.name).cloned();
    let wanted: Campaign = laid_over(is.as_ref(), ready.with_keys(known))?;
    let validate_only = how.only_check;
    let made = match is {
        Some(is) => {
            let mut paths = ready.paths();
            if how.only_check {
                // What is made only later cannot be looked at now.
                for (field, path) in [
                    ("groups", "group_ids"),
                    ("trunk_group", "trunk_group_id"),
                    ("questionnaire", "questionnaire_id"),
                ] {
                    if ready.names_what_comes(field, known) {
                        paths.retain(|p| p != path);
                    }
                }
            }
            let request = UpdateCampaignRequest {
                campaign: Some(Campaign {
                    version: is.version,
                    ..wanted
                }),
                update_mask: Some(FieldMask { paths }),
                request_id: id(how)?,
                validate_only,
            };
            let done = services.campaigns.update_campaign(request).await;
            done.map_err(Refusal::from)?.into_inner().campaign
        }
        None => {
            let request = CreateCampaignRequest {
                campaign: Some(wanted),
                request_id: id(how)?,
                validate_only,
            };
            let done = services.campaigns.create_campaign(request).await;
            done.map_err(Refusal::from)?.into_inner().campaign
        }
    };
    let made = made.unwrap_or_default();
    let mut described = known.of_campaign(&made)?;
    if how.only_check {
        for field in ["groups", "trunk_group", "questionnaire"] {
            if let Some(value) = ready
                .fields
                .get(field)
                .filter(|_| ready.names_what_comes(field, known))
            {
                described.insert(field.to_owned(), value.clone());
            }
        }
    } else {
        known
            .campaigns
            .retain(|c| c.campaign_id != made.campaign_id);
        known.campaigns.push(made);
    }
    Ok(Sent::plain(described))
}

/// The object as it is with the file's fields over it, each as a whole.
fn laid_over<M: Named>(is: Option<&M>, fields: Map<String, Value>) -> anyhow::Result<M> {
    let mut all = match is.map(to_json).transpose()? {
        Some(Value::Object(all)) => all,
        _ => Map::new(),
    };
    all.extend(fields);
    from_json(Value::Object(all))
}

/// A check is no request that is carried out once.
fn id(how: How<'_>) -> anyhow::Result<String> {
    if how.only_check {
        Ok(String::new())
    } else {
        request_id()
    }
}
