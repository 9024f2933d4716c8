//! From an empty daemon to campaigns that can start: accounts, lines, lists, campaigns, all over the API.

use std::net::SocketAddr;

use model::WallTime;
use proto::admin::v1::admin_service_client::AdminServiceClient;
use proto::admin::v1::{
    CreateGroupRequest, CreateTrunkGroupRequest, CreateTrunkRequest, CreateUserRequest, Trunk,
    TrunkConnection,
};
use proto::options::v1::Role;
use proto::supervisor::v1::{
    CreateQuestionnaireRequest, ImportHeader, ImportListResponse, Question, QuestionKind,
};
use testkit::{Account, Member};
use tonic::transport::Channel;

use super::campaigns::{Keys, PROFILE, Part, campaign};
use super::plan::Options;
use super::supervisor::{self, Supervisor};
use super::workbook::{COUNTRY, Workbook};
use crate::cli::{Authorised, Refusal};

/// The password of every account of the demo. It listens on loopback only.
pub const PASSWORD: &str = "demo-password";
/// Who may do everything.
pub const ADMIN: &str = "admin";
/// Who runs campaigns.
pub const SUPERVISOR: &str = "supervisor";
/// Groups of agents.
pub const SELLERS: &str = "sellers";
const ADVISERS: &str = "advisers";

/// Calls that each trunk may begin in a second.
const CALLS_PER_SECOND: i32 = 20;

const NAMES: [&str; 12] = [
    "Anna",
    "Борис",
    "Clara",
    "Дарья",
    "Emil",
    "Фаина",
    "Georg",
    "Инна",
    "Karl",
    "Лев",
    "Maria",
    "Олег",
];

/// Agents, and keys of what they and campaigns use.
#[derive(Debug)]
pub struct Staff {
    /// Agents of all groups.
    pub members: Vec<Member>,
    /// Groups and lines; the questionnaire is not made yet.
    keys: Keys,
}

/// Makes accounts, groups and trunks, as an administrator.
///
/// # Errors
/// When the daemon refuses any of it.
pub async fn staff(
    channel: Channel,
    setup_token: &str,
    options: &Options,
    (carrier, account): (SocketAddr, &Account),
) -> anyhow::Result<Staff> {
    let mut admin = supervisor::set_up(channel, setup_token, ADMIN, PASSWORD).await?;
    user(&mut admin, SUPERVISOR, "Supervisor", Role::Supervisor, None).await?;
    let sellers = group(&mut admin, SELLERS).await?;
    let advisers = group(&mut admin, ADVISERS).await?;
    let mut members = Vec::new();
    for n in 0..options.agents {
        let login = format!("agent{}", n + 1);
        let name = name_of(n);
        let of = if n < options.agents - options.preview_agents() {
            sellers
        } else {
            advisers
        };
        let phone = user(&mut admin, &login, &name, Role::Agent, Some(of)).await?;
        members.push(Member {
            login,
            password: PASSWORD.to_owned(),
            phone_password: phone,
        });
    }
    let lines = trunk_group(&mut admin, "lines").await?;
    // Messages need no agent and take every line there is: each language has its own.
    let lines_ru = trunk_group(&mut admin, "lines-ru").await?;
    let lines_en = trunk_group(&mut admin, "lines-en").await?;
    // Two trunks for agents: when one refuses for lack of circuits, the other is tried.
    let half = options.agent_lines().div_ceil(2);
    for (name, group, channels) in [
        ("carrier-a", lines, half),
        ("carrier-b", lines, half),
        ("carrier-ru", lines_ru, options.message_lines()),
        ("carrier-en", lines_en, options.message_lines() / 2),
    ] {
        let trunk = Trunk {
            name: name.to_owned(),
            trunk_group_id: group,
            channels: i32::try_from(channels)?,
            calls_per_second: CALLS_PER_SECOND,
            enabled: true,
            connection: Some(TrunkConnection {
                host: carrier.ip().to_string(),
                port: carrier.port().into(),
                user: account.user.clone(),
                password: account.password.clone(),
                ..TrunkConnection::default()
            }),
            ..Trunk::default()
        };
        let create = CreateTrunkRequest {
            trunk: Some(trunk),
            ..CreateTrunkRequest::default()
        };
        admin.create_trunk(create).await.map_err(Refusal::from)?;
    }
    Ok(Staff {
        members,
        keys: Keys {
            sellers,
            advisers,
            lines,
            lines_ru,
            lines_en,
            questionnaire: 0,
        },
    })
}

fn name_of(n: u32) -> String {
    let count = NAMES.len();
    let n = usize::try_from(n).unwrap_or(usize::MAX);
    let name = NAMES.get(n % count).copied().unwrap_or_default();
    match n / count {
        0 => name.to_owned(),
        more => format!("{name} {}", more + 1),
    }
}

type Admin = AdminServiceClient<Authorised>;

/// Makes an account; returns the password of its phone, empty when it has none.
async fn user(
    admin: &mut Admin,
    login: &str,
    name: &str,
    role: Role,
    group: Option<i32>,
) -> anyhow::Result<String> {
    let create = CreateUserRequest {
        login: login.to_owned(),
        name: name.to_owned(),
        role: role.into(),
        password: PASSWORD.to_owned(),
        group_ids: group.into_iter().collect(),
        ..CreateUserRequest::default()
    };
    let made = admin.create_user(create).await.map_err(Refusal::from)?;
    Ok(made.into_inner().sip.unwrap_or_default().password)
}

async fn group(admin: &mut Admin, name: &str) -> anyhow::Result<i32> {
    let create = CreateGroupRequest {
        name: name.to_owned(),
        request_id: String::new(),
    };
    let made = admin.create_group(create).await.map_err(Refusal::from)?;
    Ok(made.into_inner().group.unwrap_or_default().group_id)
}

async fn trunk_group(admin: &mut Admin, name: &str) -> anyhow::Result<i32> {
    let create = CreateTrunkGroupRequest {
        name: name.to_owned(),
        request_id: String::new(),
    };
    let made = admin.create_trunk_group(create).await;
    let made = made.map_err(Refusal::from)?.into_inner().trunk_group;
    Ok(made.unwrap_or_default().trunk_group_id)
}

/// A campaign that can start, with what its import said.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Which.
    pub part: Part,
    /// Its key.
    pub id: i32,
    /// What became of its sheet.
    pub imported: ImportListResponse,
}

/// Imports the sheets and makes the campaigns, as a supervisor.
///
/// # Errors
/// When the daemon refuses any of it.
pub async fn campaigns(
    supervisor: &mut Supervisor,
    staff: &Staff,
    workbook: &Workbook,
    at: WallTime,
) -> anyhow::Result<Vec<Prepared>> {
    let keys = Keys {
        questionnaire: questionnaire(supervisor).await?,
        ..staff.keys
    };
    let mut prepared = Vec::new();
    for part in Part::ALL {
        let header = ImportHeader {
            list_name: part.name().to_owned(),
            file_name: "prospects.xlsx".to_owned(),
            country: COUNTRY.to_owned(),
            sheet: part.sheet().name().to_owned(),
            currency: if part == Part::DebtsEn { "USD" } else { "" }.to_owned(),
            profile: PROFILE.to_owned(),
            // The sheets are messy on purpose.
            accept_rejects: true,
            ..ImportHeader::default()
        };
        let imported = supervisor.import(&workbook.path, header).await?;
        let id = supervisor
            .create(campaign(part, &keys, at), imported.list_id)
            .await?;
        prepared.push(Prepared { part, id, imported });
    }
    Ok(prepared)
}

async fn questionnaire(supervisor: &Supervisor) -> anyhow::Result<i32> {
    let question = |field: &str, text: &str, kind: QuestionKind, choices: &[&str]| Question {
        field: field.to_owned(),
        text: text.to_owned(),
        kind: kind.into(),
        choices: choices.iter().map(|c| (*c).to_owned()).collect(),
        ..Question::default()
    };
    let create = CreateQuestionnaireRequest {
        name: "sales talk".to_owned(),
        questions: vec![
            question(
                "has_card",
                "У вас уже есть наша карта?",
                QuestionKind::YesNo,
                &[],
            ),
            question(
                "interest",
                "What are you interested in?",
                QuestionKind::Choice,
                &["card", "mortgage", "deposit", "nothing"],
            ),
            question(
                "visit_on",
                "Когда вам удобно зайти?",
                QuestionKind::Date,
                &[],
            ),
        ],
        ..CreateQuestionnaireRequest::default()
    };
    let mut client = supervisor.questionnaires();
    let made = client.create_questionnaire(create).await;
    let made = made.map_err(Refusal::from)?.into_inner().questionnaire;
    Ok(made.unwrap_or_default().questionnaire_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_agent_has_another_name() {
        let names: std::collections::BTreeSet<_> = (0..500).map(name_of).collect();
        assert_eq!(names.len(), 500);
        assert!(names.contains("Anna") && names.contains("Anna 2"));
    }
}
