//! What is in the database, in the words of the files: by names, without keys, states and secrets.

use std::collections::BTreeMap;

use proto::admin::v1::{
    Group, ListGroupsRequest, ListTrunkGroupsRequest, ListTrunksRequest, Trunk, TrunkGroup, User,
};
use proto::options::v1::Role;
use proto::supervisor::v1::questionnaire_service_client::QuestionnaireServiceClient;
use proto::supervisor::v1::{
    Campaign, GetQuestionnaireRequest, ListQuestionnairesRequest, Questionnaire,
};
use serde_json::{Map, Value, json};

use super::kind::Kind;
use crate::cli::client::campaigns::{self, Campaigns};
use crate::cli::client::connection::{Authorised, Refusal};
use crate::cli::client::document::{Named, to_json};
use crate::cli::client::people::{self, Admin};

/// Clients of the services that an apply needs.
pub struct Services {
    pub admin: Admin,
    pub campaigns: Campaigns,
    pub questionnaires: QuestionnaireServiceClient<Authorised>,
}

impl Services {
    /// Over one channel.
    pub fn new(channel: Authorised) -> Self {
        Self {
            admin: Admin::new(channel.clone()),
            campaigns: Campaigns::new(channel.clone()),
            questionnaires: QuestionnaireServiceClient::new(channel),
        }
    }
}

/// Everything that can be described, as it is.
#[derive(Debug, Default)]
pub struct Known {
    pub trunk_groups: Vec<TrunkGroup>,
    pub trunks: Vec<Trunk>,
    pub groups: Vec<Group>,
    pub users: Vec<User>,
    /// The newest versions.
    pub questionnaires: Vec<Questionnaire>,
    pub campaigns: Vec<Campaign>,
    /// Older versions that campaigns use, by key.
    older: BTreeMap<i32, Questionnaire>,
}

impl Known {
    /// Asks for all of it.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn load(services: &mut Services) -> anyhow::Result<Self> {
        let admin = &mut services.admin;
        let trunk_groups = admin.list_trunk_groups(ListTrunkGroupsRequest {}).await;
        let trunks = admin.list_trunks(ListTrunksRequest {}).await;
        let groups = admin.list_groups(ListGroupsRequest {}).await;
        let questionnaires = services
            .questionnaires
            .list_questionnaires(ListQuestionnairesRequest {})
            .await;
        let mut known = Self {
            trunk_groups: trunk_groups
                .map_err(Refusal::from)?
                .into_inner()
                .trunk_groups,
            trunks: trunks.map_err(Refusal::from)?.into_inner().trunks,
            groups: groups.map_err(Refusal::from)?.into_inner().groups,
            users: people::users(admin).await?.users,
            questionnaires: questionnaires
                .map_err(Refusal::from)?
                .into_inner()
                .questionnaires,
            campaigns: campaigns::all(&mut services.campaigns).await?.campaigns,
            older: BTreeMap::new(),
        };
        let used: Vec<i32> = known.campaigns.iter().map(|c| c.questionnaire_id).collect();
        for id in used {
            let is_known = known
                .questionnaires
                .iter()
                .any(|q| q.questionnaire_id == id);
            if id == 0 || is_known || known.older.contains_key(&id) {
                continue;
            }
            let request = GetQuestionnaireRequest {
                questionnaire_id: id,
            };
            let got = services.questionnaires.get_questionnaire(request).await;
            let got = got.map_err(Refusal::from)?.into_inner().questionnaire;
            known.older.insert(id, got.unwrap_or_default());
        }
        Ok(known)
    }

    /// Names of all objects of a kind.
    pub fn names(&self, kind: Kind) -> Vec<String> {
        match kind {
            Kind::TrunkGroup => self.trunk_groups.iter().map(|g| g.name.clone()).collect(),
            Kind::Trunk => self.trunks.iter().map(|t| t.name.clone()).collect(),
            Kind::Group => self.groups.iter().map(|g| g.name.clone()).collect(),
            Kind::User => self.users.iter().map(|u| u.login.clone()).collect(),
            Kind::Questionnaire => self.questionnaires.iter().map(|q| q.name.clone()).collect(),
            Kind::Campaign => self.campaigns.iter().map(|c| c.name.clone()).collect(),
        }
    }

    /// The object of that name as a file would describe it.
    ///
    /// # Errors
    /// Only when the API's descriptors are not those of its messages.
    pub fn described(&self, kind: Kind, name: &str) -> anyhow::Result<Option<Map<String, Value>>> {
        Ok(match kind {
            Kind::TrunkGroup => self
                .trunk_groups
                .iter()
                .find(|g| g.name == name)
                .map(|g| named(&g.name)),
            Kind::Group => self
                .groups
                .iter()
                .find(|g| g.name == name)
                .map(|g| named(&g.name)),
            Kind::Trunk => self.trunk(name).map(|t| self.of_trunk(t)).transpose()?,
            Kind::User => self.user(name).map(|u| self.of_user(u)).transpose()?,
            Kind::Questionnaire => self.questionnaire(name).map(of_questionnaire).transpose()?,
            Kind::Campaign => self
                .campaign(name)
                .map(|c| self.of_campaign(c))
                .transpose()?,
        })
    }

    pub fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.trunks.iter().find(|t| t.name == name)
    }

    pub fn user(&self, login: &str) -> Option<&User> {
        self.users.iter().find(|u| u.login == login)
    }

    pub fn questionnaire(&self, name: &str) -> Option<&Questionnaire> {
        self.questionnaires.iter().find(|q| q.name == name)
    }

    pub fn campaign(&self, name: &str) -> Option<&Campaign> {
        self.campaigns.iter().find(|c| c.name == name)
    }

    pub fn group_id(&self, name: &str) -> Option<i32> {
        let found = self.groups.iter().find(|g| g.name == name);
        found.map(|g| g.group_id)
    }

    pub fn trunk_group_id(&self, name: &str) -> Option<i32> {
        let found = self.trunk_groups.iter().find(|g| g.name == name);
        found.map(|g| g.trunk_group_id)
    }

    fn group_names(&self, ids: &[i32]) -> Value {
        let name = |id: &i32| {
            let found = self.groups.iter().find(|g| g.group_id == *id);
            found.map_or_else(|| id.to_string(), |g| g.name.clone())
        };
        ids.iter().map(name).collect()
    }

    fn trunk_group_name(&self, id: i32) -> Value {
        let found = self.trunk_groups.iter().find(|g| g.trunk_group_id == id);
        found
            .map_or_else(|| id.to_string(), |g| g.name.clone())
            .into()
    }

    /// The questionnaire of that key; of an older version, with its version.
    fn questionnaire_name(&self, id: i32) -> Value {
        if id == 0 {
            return "".into();
        }
        if let Some(newest) = self
            .questionnaires
            .iter()
            .find(|q| q.questionnaire_id == id)
        {
            return newest.name.clone().into();
        }
        let older = self
            .older
            .get(&id)
            .map(|q| format!("{} (version {})", q.name, q.version));
        older.unwrap_or_else(|| id.to_string()).into()
    }

    /// Whether a campaign uses the newest version of its questionnaire, or none.
    pub fn is_newest(&self, campaign: &Campaign) -> bool {
        !self.older.contains_key(&campaign.questionnaire_id)
    }

    pub fn of_trunk(&self, trunk: &Trunk) -> anyhow::Result<Map<String, Value>> {
        let mut fields = fields_of(trunk)?;
        fields.remove("trunk_id");
        fields.remove("trunk_group_id");
        fields.insert(
            "trunk_group".to_owned(),
            self.trunk_group_name(trunk.trunk_group_id),
        );
        if let Some(Value::Object(connection)) = fields.get_mut("connection") {
            connection.remove("password");
        }
        Ok(fields)
    }

    pub fn of_user(&self, user: &User) -> anyhow::Result<Map<String, Value>> {
        let mut fields = fields_of(user)?;
        fields.remove("user_id");
        fields.remove("group_ids");
        if user.role() == Role::Agent {
            fields.insert("groups".to_owned(), self.group_names(&user.group_ids));
        } else {
            fields.remove("sip_user");
            fields.remove("skills");
        }
        Ok(fields)
    }

    pub fn of_campaign(&self, campaign: &Campaign) -> anyhow::Result<Map<String, Value>> {
        let mut fields = fields_of(campaign)?;
        for of_the_server in NOT_DESCRIBED {
            fields.remove(*of_the_server);
        }
        for by_key in ["group_ids", "trunk_group_id", "questionnaire_id"] {
            fields.remove(by_key);
        }
        fields.insert("groups".to_owned(), self.group_names(&campaign.group_ids));
        let trunk_group = self.trunk_group_name(campaign.trunk_group_id);
        fields.insert("trunk_group".to_owned(), trunk_group);
        let questionnaire = self.questionnaire_name(campaign.questionnaire_id);
        fields.insert("questionnaire".to_owned(), questionnaire);
        Ok(fields)
    }
}

/// Fields of a campaign that commands change, not files.
pub const NOT_DESCRIBED: &[&str] = &[
    "campaign_id",
    "version",
    "state",
    "state_because",
    "state_since",
    "list_ids",
];

/// A questionnaire as a file would describe it.
pub fn of_questionnaire(is: &Questionnaire) -> anyhow::Result<Map<String, Value>> {
    let mut fields = fields_of(is)?;
    fields.remove("questionnaire_id");
    fields.remove("version");
    Ok(fields)
}

fn named(name: &str) -> Map<String, Value> {
    Map::from_iter([("name".to_owned(), json!(name))])
}

fn fields_of<M: Named>(message: &M) -> anyhow::Result<Map<String, Value>> {
    match to_json(message)? {
        Value::Object(fields) => Ok(fields),
        other => anyhow::bail!("{} is written as {other}", M::NAME),
    }
}
