//! Campaigns and questionnaires.

use clap::{Args, Subcommand};
use proto::admin::v1::admin_service_client::AdminServiceClient;
use proto::supervisor::v1::campaign_service_client::CampaignServiceClient;
use proto::supervisor::v1::questionnaire_service_client::QuestionnaireServiceClient;
use proto::supervisor::v1::{
    AddListRequest, Campaign, CheckCampaignRequest, CreateCampaignRequest,
    CreateQuestionnaireRequest, ExplainCampaignRequest, GetCampaignRequest, ListCampaignsRequest,
    ListCampaignsResponse, ListQuestionnairesRequest, PauseCampaignRequest, RemoveListRequest,
    ReportCampaignRequest, ResumeCampaignRequest, StartCampaignRequest, StopCampaignRequest,
};
use serde_json::{Map, Value};

use super::campaign_update::{self, UpdateCampaign};
use super::connection::{Authorised, Connection, Refusal};
use super::written::{self, Written};
use super::{Shown, find, lists, people, request_id, table, trunks};
use crate::cli::exit::{Exit, OrExit};

/// The service.
pub type Campaigns = CampaignServiceClient<Authorised>;

/// `outdial campaign …`
#[derive(Debug, Subcommand)]
pub enum CampaignCommand {
    /// Makes a campaign in the state draft. Besides the API's fields, `groups`, `trunk_group` and `questionnaire`
    /// name by name what `group_ids`, `trunk_group_id` and `questionnaire_id` name by key.
    Create(Written),
    /// Lists everything that keeps a campaign from being started. Exit code 0 only when nothing does.
    Check(Which),
    /// Changes a campaign, also while it runs: what was placed goes on as it was, the next launches follow the change.
    Update(UpdateCampaign),
    /// Lists what was ever configured, who changed it and when, the newest first.
    Versions(Which),
    /// Lists campaigns.
    List,
    /// Shows a campaign.
    Show(Which),
    /// Lets a draft dial.
    Start(Which),
    /// Stops launches at once; talks go on.
    Pause(Which),
    /// Goes on from the same place.
    Resume(Which),
    /// Ends a campaign; talks go on to their end.
    Stop(Which),
    /// Counts what came of a campaign.
    Report(Which),
    /// Says why nothing, or not more, is being dialled.
    Explain(Which),
    /// Queues the prospects of a list, also while the campaign runs.
    AddList {
        /// Campaign, by name or key.
        campaign: String,
        /// List, by name or key.
        list: String,
    },
    /// Takes the prospects of a list out of the queue, also while the campaign runs; calls in progress go on.
    RemoveList {
        /// Campaign, by name or key.
        campaign: String,
        /// List, by name or key.
        list: String,
    },
}

/// A campaign.
#[derive(Debug, Args)]
pub struct Which {
    /// Name or key.
    campaign: String,
}

/// `outdial questionnaire …`
#[derive(Debug, Subcommand)]
pub enum QuestionnaireCommand {
    /// Makes a questionnaire, or the next version of the one of that name.
    Create(Written),
}

/// One RPC that changes a campaign's state and answers with the campaign.
macro_rules! change {
    ($campaigns:ident, $which:ident, $method:ident, $request:ident) => {{
        let request = $request {
            campaign_id: campaign_id(&mut $campaigns, &$which.campaign).await?,
            request_id: request_id()?,
        };
        let response = $campaigns
            .$method(request)
            .await
            .map_err(Refusal::from)?
            .into_inner();
        Shown::new(&response, |v| line(&v["campaign"]))
    }};
}

/// One RPC that asks about a campaign.
macro_rules! ask {
    ($campaigns:ident, $which:ident, $method:ident, $request:ident) => {{
        let request = $request {
            campaign_id: campaign_id(&mut $campaigns, &$which.campaign).await?,
        };
        $campaigns
            .$method(request)
            .await
            .map_err(Refusal::from)?
            .into_inner()
    }};
}

impl CampaignCommand {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let channel = to.authorised().await?;
        let mut campaigns = Campaigns::new(channel.clone());
        match self {
            Self::Create(written) => {
                let object = with_keys(written.object()?, channel).await?;
                let request = CreateCampaignRequest {
                    campaign: Some(written::message::<Campaign>(object)?),
                    request_id: request_id()?,
                    validate_only: false,
                };
                let response = campaigns
                    .create_campaign(request)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, |v| line(&v["campaign"]))
            }
            Self::Check(which) => {
                let checked = ask!(campaigns, which, check_campaign, CheckCampaignRequest);
                let is_refused = !checked.problems.is_empty();
                let shown = Shown::new(&checked, check_text)?;
                Ok(shown.with_exit(is_refused.then_some(Exit::Refused)))
            }
            Self::List => Shown::new(&all(&mut campaigns).await?, |v| {
                table::rows(
                    &v["campaigns"],
                    &[
                        ("ID", "campaign_id"),
                        ("NAME", "name"),
                        ("MODE", "mode"),
                        ("STATE", "state"),
                        ("BECAUSE", "state_because"),
                    ],
                )
            }),
            Self::Show(which) => {
                let shown = ask!(campaigns, which, get_campaign, GetCampaignRequest);
                Shown::new(&shown, |v| table::fields(&v["campaign"]))
            }
            Self::Start(which) => change!(campaigns, which, start_campaign, StartCampaignRequest),
            Self::Pause(which) => change!(campaigns, which, pause_campaign, PauseCampaignRequest),
            Self::Resume(which) => {
                change!(campaigns, which, resume_campaign, ResumeCampaignRequest)
            }
            Self::Stop(which) => change!(campaigns, which, stop_campaign, StopCampaignRequest),
            Self::Report(which) => {
                let report = ask!(campaigns, which, report_campaign, ReportCampaignRequest);
                Shown::new(&report, table::fields)
            }
            Self::Explain(which) => {
                let explained = ask!(campaigns, which, explain_campaign, ExplainCampaignRequest);
                Shown::new(&explained, explain_text)
            }
            Self::AddList { campaign, list } => {
                let request = AddListRequest {
                    campaign_id: campaign_id(&mut campaigns, campaign).await?,
                    list_id: lists::list_id(channel, list).await?,
                    request_id: request_id()?,
                };
                let response = campaigns
                    .add_list(request)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, table::fields)
            }
            Self::RemoveList { campaign, list } => {
                let request = RemoveListRequest {
                    campaign_id: campaign_id(&mut campaigns, campaign).await?,
                    list_id: lists::list_id(channel, list).await?,
                    request_id: request_id()?,
                };
                let response = campaigns
                    .remove_list(request)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, table::fields)
            }
            Self::Update(update) => update.run(&mut campaigns, channel).await,
            Self::Versions(which) => {
                campaign_update::versions(&mut campaigns, &which.campaign).await
            }
        }
    }
}

impl QuestionnaireCommand {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let Self::Create(written) = self;
        let mut request: CreateQuestionnaireRequest = written::message(written.object()?)?;
        if request.request_id.is_empty() {
            request.request_id = request_id()?;
        }
        let response = QuestionnaireServiceClient::new(to.authorised().await?)
            .create_questionnaire(request)
            .await
            .map_err(Refusal::from)?
            .into_inner();
        Shown::new(&response, |v| table::fields(&v["questionnaire"]))
    }
}

/// Replaces names of groups, a trunk group and a questionnaire by their keys.
pub async fn with_keys(
    mut object: Map<String, Value>,
    channel: Authorised,
) -> anyhow::Result<Map<String, Value>> {
    let mut admin = AdminServiceClient::new(channel.clone());
    if let Some(names) = object.remove("groups") {
        let ids = people::group_ids(&mut admin, &texts("groups", &names)?).await?;
        object.insert("group_ids".to_owned(), ids.into());
    }
    if let Some(name) = object.remove("trunk_group") {
        let id = trunks::trunk_group_id(&mut admin, &text("trunk_group", &name)?).await?;
        object.insert("trunk_group_id".to_owned(), id.into());
    }
    if let Some(name) = object.remove("questionnaire") {
        let all = QuestionnaireServiceClient::new(channel)
            .list_questionnaires(ListQuestionnairesRequest {})
            .await
            .map_err(Refusal::from)?
            .into_inner()
            .questionnaires;
        let known: Vec<_> = all
            .iter()
            .map(|q| (q.questionnaire_id, q.name.as_str()))
            .collect();
        let id = find("questionnaire", &text("questionnaire", &name)?, &known)?;
        object.insert("questionnaire_id".to_owned(), id.into());
    }
    Ok(object)
}

fn text(field: &str, value: &Value) -> anyhow::Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(anyhow::anyhow!("{field} is {value}; write a name")).or_exit(Exit::Refused),
    }
}

fn texts(field: &str, value: &Value) -> anyhow::Result<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(|item| text(field, item)).collect(),
        one => Ok(vec![text(field, one)?]),
    }
}

/// Every campaign.
pub async fn all(campaigns: &mut Campaigns) -> anyhow::Result<ListCampaignsResponse> {
    let mut all = ListCampaignsResponse::default();
    let mut request = ListCampaignsRequest {
        page_size: 1_000,
        page_token: String::new(),
    };
    loop {
        let page = campaigns
            .list_campaigns(request.clone())
            .await
            .map_err(Refusal::from)?
            .into_inner();
        all.campaigns.extend(page.campaigns);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

/// The key of a campaign that is named by key or name.
pub async fn campaign_id(campaigns: &mut Campaigns, named: &str) -> anyhow::Result<i32> {
    if let Ok(id) = named.parse() {
        return Ok(id);
    }
    let all = all(campaigns).await?.campaigns;
    let known: Vec<_> = all
        .iter()
        .map(|c| (c.campaign_id, c.name.as_str()))
        .collect();
    find("campaign", named, &known)
}

fn say(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn line(campaign: &Value) -> String {
    let because = match say(&campaign["state_because"]) {
        "" => String::new(),
        because => format!(": {because}"),
    };
    format!(
        "campaign {} \"{}\" is {}{because}\n",
        campaign["campaign_id"],
        say(&campaign["name"]),
        say(&campaign["state"])
    )
}

fn check_text(checked: &Value) -> String {
    let none = Vec::new();
    let problems = checked["problems"].as_array().unwrap_or(&none);
    let mut text = if problems.is_empty() {
        "nothing keeps it from being started\n".to_owned()
    } else {
        table::rows(
            &checked["problems"],
            &[
                ("FIELD", "field"),
                ("REASON", "reason"),
                ("WHAT TO DO", "description"),
            ],
        )
    };
    for warning in checked["warnings"].as_array().unwrap_or(&none) {
        text.push_str(&format!("warning: {}\n", say(warning)));
    }
    text + &table::fields(&checked["prospects"])
}

fn explain_text(explained: &Value) -> String {
    let gates = table::rows(
        &explained["gates"],
        &[
            ("GATE", "name"),
            ("COUNT", "count"),
            ("UNTIL", "until"),
            ("", "text"),
        ],
    );
    let mut rest = explained.clone();
    if let Some(rest) = rest.as_object_mut() {
        rest.remove("gates");
        rest.remove("summary");
    }
    format!(
        "{}\n{gates}{}",
        say(&explained["summary"]),
        table::fields(&rest)
    )
}

#[cfg(test)]
mod tests {
    use proto::supervisor::v1::{CheckCampaignResponse, ExplainCampaignResponse, Gate, Problem};

    use super::*;

    #[test]
    fn a_check_shows_every_problem_and_warning() {
        let problem = |field: &str| Problem {
            field: field.to_owned(),
            reason: "empty".to_owned(),
            description: format!("say {field}"),
        };
        let checked = CheckCampaignResponse {
            problems: vec![problem("seller"), problem("caller")],
            warnings: vec!["its profile is not confirmed".to_owned()],
            prospects: None,
        };
        let shown = Shown::new(&checked, check_text).unwrap();
        for part in [
            "seller",
            "say caller",
            "warning: its profile is not confirmed",
        ] {
            assert!(shown.text.contains(part), "{}", shown.text);
        }
        assert_eq!(shown.value["problems"][1]["field"], "caller");
    }

    #[test]
    fn an_explanation_begins_with_its_sentence_and_lists_the_gates() {
        let explained = ExplainCampaignResponse {
            summary: "Nobody may be called now.".to_owned(),
            gates: vec![Gate {
                name: "outside_hours".to_owned(),
                text: "outside hours".to_owned(),
                count: 12,
                until: None,
            }],
            ..ExplainCampaignResponse::default()
        };
        let shown = Shown::new(&explained, explain_text).unwrap();
        assert!(
            shown.text.starts_with("Nobody may be called now.\n"),
            "{}",
            shown.text
        );
        assert!(
            shown.text.contains("outside_hours     12"),
            "{}",
            shown.text
        );
    }

    #[test]
    fn names_are_texts() {
        let one = serde_json::json!("day");
        assert_eq!(texts("groups", &one).unwrap(), ["day"]);
        assert!(texts("groups", &serde_json::json!([1])).is_err());
    }
}
