//! Everything that the demo asks of the daemon: the public API, as any client would use it.

use std::path::Path;

use anyhow::Context;
use proto::admin::v1::admin_service_client::AdminServiceClient;
use proto::admin::v1::auth_service_client::AuthServiceClient;
use proto::admin::v1::{CreateApiTokenRequest, LoginRequest, SetupRequest};
use proto::supervisor::v1::board_service_client::BoardServiceClient;
use proto::supervisor::v1::campaign_service_client::CampaignServiceClient;
use proto::supervisor::v1::import_list_request::Part as ImportPart;
use proto::supervisor::v1::list_service_client::ListServiceClient;
use proto::supervisor::v1::questionnaire_service_client::QuestionnaireServiceClient;
use proto::supervisor::v1::{
    AddListRequest, Attempt, Campaign, CheckCampaignRequest, CreateCampaignRequest,
    ExplainCampaignRequest, ExportResultsRequest, ImportHeader, ImportListRequest,
    ImportListResponse, ListAttemptsRequest, PauseCampaignRequest, ReportCampaignRequest,
    ReportCampaignResponse, ResumeCampaignRequest, StartCampaignRequest, WatchBoardRequest,
    WatchBoardResponse,
};
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint};

use crate::cli::{Authorised, Refusal, bearing};

/// Bytes in one message of an import; the API takes up to 3 MiB.
const CHUNK: usize = 1 << 20;

/// Makes the first administrator and returns the channel that acts as them.
///
/// # Errors
/// When the daemon refuses it.
pub async fn set_up(
    channel: Channel,
    setup_token: &str,
    login: &str,
    password: &str,
) -> anyhow::Result<AdminServiceClient<Authorised>> {
    let setup = SetupRequest {
        setup_token: setup_token.to_owned(),
        login: login.to_owned(),
        name: String::new(),
        password: password.to_owned(),
    };
    let done = AuthServiceClient::new(channel.clone()).setup(setup).await;
    let tokens = done.map_err(Refusal::from)?.into_inner().tokens;
    let token = tokens.unwrap_or_default().access_token;
    Ok(AdminServiceClient::new(bearing(channel, &token)?))
}

/// A channel to the daemon at this address.
///
/// # Errors
/// When nobody answers there.
pub async fn connect(url: &str) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(url.to_owned())?;
    let connected = endpoint.connect().await;
    connected.with_context(|| format!("the daemon does not answer at {url}"))
}

/// A supervisor's client.
#[derive(Clone, Debug)]
pub struct Supervisor {
    campaigns: CampaignServiceClient<Authorised>,
    lists: ListServiceClient<Authorised>,
    board: BoardServiceClient<Authorised>,
    questionnaires: QuestionnaireServiceClient<Authorised>,
}

impl Supervisor {
    /// Signs in, and takes a token that outlives the longest demo.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn sign_in(channel: Channel, login: &str, password: &str) -> anyhow::Result<Self> {
        let request = LoginRequest {
            login: login.to_owned(),
            password: password.to_owned(),
        };
        let answer = AuthServiceClient::new(channel.clone()).login(request).await;
        let tokens = answer.map_err(Refusal::from)?.into_inner().tokens;
        let token = tokens.unwrap_or_default().access_token;
        let request = CreateApiTokenRequest {
            label: "demo".to_owned(),
            lifetime: None,
            request_id: String::new(),
        };
        let answer = AuthServiceClient::new(bearing(channel.clone(), &token)?)
            .create_api_token(request)
            .await;
        let secret = answer.map_err(Refusal::from)?.into_inner().secret;
        let channel = bearing(channel, &secret)?;
        Ok(Self {
            campaigns: CampaignServiceClient::new(channel.clone()),
            lists: ListServiceClient::new(channel.clone()),
            board: BoardServiceClient::new(channel.clone()),
            questionnaires: QuestionnaireServiceClient::new(channel),
        })
    }

    /// For what is asked of questionnaires.
    pub fn questionnaires(&self) -> QuestionnaireServiceClient<Authorised> {
        self.questionnaires.clone()
    }

    /// Imports a sheet of a workbook.
    ///
    /// # Errors
    /// When the file cannot be read, or the daemon refuses it.
    pub async fn import(
        &mut self,
        file: &Path,
        header: ImportHeader,
    ) -> anyhow::Result<ImportListResponse> {
        let bytes =
            std::fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
        let chunks = bytes.chunks(CHUNK).map(|c| ImportPart::Chunk(c.to_vec()));
        let parts: Vec<_> = std::iter::once(ImportPart::Header(header))
            .chain(chunks)
            .map(|part| ImportListRequest { part: Some(part) })
            .collect();
        let done = self.lists.import_list(tokio_stream::iter(parts)).await;
        Ok(done.map_err(Refusal::from)?.into_inner())
    }

    /// Makes a campaign for a list, looks whether it can start, and returns its key.
    ///
    /// # Errors
    /// When the daemon refuses it, or says what keeps it from starting.
    pub async fn create(&mut self, campaign: Campaign, list_id: i32) -> anyhow::Result<i32> {
        let name = campaign.name.clone();
        let create = CreateCampaignRequest {
            campaign: Some(campaign),
            ..CreateCampaignRequest::default()
        };
        let made = self.campaigns.create_campaign(create).await;
        let made = made
            .map_err(Refusal::from)
            .with_context(|| format!("campaign {name} cannot be made"))?;
        let campaign_id = made.into_inner().campaign.unwrap_or_default().campaign_id;
        let add = AddListRequest {
            campaign_id,
            list_id,
            request_id: String::new(),
        };
        self.campaigns.add_list(add).await.map_err(Refusal::from)?;
        let check = CheckCampaignRequest { campaign_id };
        let checked = self.campaigns.check_campaign(check).await;
        let problems = checked.map_err(Refusal::from)?.into_inner().problems;
        let told: Vec<String> = problems
            .into_iter()
            .map(|p| format!("{}: {}", p.field, p.description))
            .collect();
        anyhow::ensure!(
            told.is_empty(),
            "campaign {name} cannot start: {}",
            told.join("; ")
        );
        Ok(campaign_id)
    }

    /// Lets a campaign dial.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn start(&mut self, campaign_id: i32) -> anyhow::Result<()> {
        let start = StartCampaignRequest {
            campaign_id,
            request_id: String::new(),
        };
        let done = self.campaigns.start_campaign(start).await;
        done.map(drop).map_err(|s| Refusal::from(s).into())
    }

    /// Stops launches of a campaign. Repeating it is as good as doing it once.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn pause(&mut self, campaign_id: i32) -> anyhow::Result<()> {
        let pause = PauseCampaignRequest {
            campaign_id,
            request_id: String::new(),
        };
        let done = self.campaigns.pause_campaign(pause).await;
        done.map(drop).map_err(|s| Refusal::from(s).into())
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn resume(&mut self, campaign_id: i32) -> anyhow::Result<()> {
        let resume = ResumeCampaignRequest {
            campaign_id,
            request_id: String::new(),
        };
        let done = self.campaigns.resume_campaign(resume).await;
        done.map(drop).map_err(|s| Refusal::from(s).into())
    }

    /// Why it does not dial more, in one sentence.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn explain(&mut self, campaign_id: i32) -> anyhow::Result<String> {
        let explain = ExplainCampaignRequest { campaign_id };
        let done = self.campaigns.explain_campaign(explain).await;
        Ok(done.map_err(Refusal::from)?.into_inner().summary)
    }

    /// What came of it.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn report(&mut self, campaign_id: i32) -> anyhow::Result<ReportCampaignResponse> {
        let report = ReportCampaignRequest { campaign_id };
        let done = self.campaigns.report_campaign(report).await;
        Ok(done.map_err(Refusal::from)?.into_inner())
    }

    /// Every attempt of a campaign.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn attempts(&mut self, campaign_id: i32) -> anyhow::Result<Vec<Attempt>> {
        let mut all = Vec::new();
        let mut request = ListAttemptsRequest {
            campaign_id,
            page_size: 1_000,
            ..ListAttemptsRequest::default()
        };
        loop {
            let page = self.board.list_attempts(request.clone()).await;
            let page = page.map_err(Refusal::from)?.into_inner();
            all.extend(page.attempts);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            request.page_token = page.next_page_token;
        }
    }

    /// The board, as it changes.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn watch(&mut self) -> anyhow::Result<Streaming<WatchBoardResponse>> {
        let watch = self.board.watch_board(WatchBoardRequest {}).await;
        Ok(watch.map_err(Refusal::from)?.into_inner())
    }

    /// Writes what came of a campaign as a spreadsheet.
    ///
    /// # Errors
    /// When the daemon refuses it, or the file cannot be written.
    pub async fn export(&mut self, campaign_id: i32, file: &Path) -> anyhow::Result<()> {
        let export = ExportResultsRequest {
            campaign_id,
            format: 0,
        };
        let parts = self.lists.export_results(export).await;
        let mut parts = parts.map_err(Refusal::from)?.into_inner();
        let mut bytes = Vec::new();
        while let Some(part) = parts.message().await.map_err(Refusal::from)? {
            bytes.extend(part.chunk);
        }
        std::fs::write(file, bytes).with_context(|| format!("could not write {}", file.display()))
    }
}
