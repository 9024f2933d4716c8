//! Stopping all calls, and letting them go on.

use clap::{Args, Subcommand};
use proto::supervisor::v1::campaign_service_client::CampaignServiceClient;
use proto::supervisor::v1::{LiftHaltRequest, ListHaltsRequest, OrderHaltRequest};
use serde_json::Value;

use super::connection::{Connection, Refusal};
use super::{Shown, request_id, table};

/// `outdial halt`
#[derive(Debug, Args)]
pub struct HaltCommand {
    #[command(subcommand)]
    what: Option<What>,
    /// For this seller alone. Absent: nobody is called at all.
    #[arg(long, default_value = "")]
    seller: String,
    /// Why; `explain` and the log tell it.
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lets calls go on.
    Lift {
        /// The seller of the halt. Absent: the halt of all calls.
        #[arg(long, default_value = "")]
        seller: String,
    },
    /// Lists the halts that hold.
    List,
}

impl HaltCommand {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let mut client = CampaignServiceClient::new(to.authorised().await?);
        match &self.what {
            None => {
                let request = OrderHaltRequest {
                    seller: self.seller.clone(),
                    reason: self.reason.clone(),
                    request_id: request_id()?,
                };
                let answer = client.order_halt(request).await.map_err(Refusal::from)?;
                Shown::new(&answer.into_inner(), text)
            }
            Some(What::Lift { seller }) => {
                let request = LiftHaltRequest {
                    seller: seller.clone(),
                    request_id: request_id()?,
                };
                let answer = client.lift_halt(request).await.map_err(Refusal::from)?;
                Shown::new(&answer.into_inner(), text)
            }
            Some(What::List) => {
                let request = ListHaltsRequest {};
                let answer = client.list_halts(request).await.map_err(Refusal::from)?;
                Shown::new(&answer.into_inner(), text)
            }
        }
    }
}

fn text(answer: &Value) -> String {
    if answer["halts"].as_array().is_none_or(Vec::is_empty) {
        return "no halt holds\n".to_owned();
    }
    let columns = [
        ("SELLER", "seller"),
        ("SINCE", "at"),
        ("BY", "by"),
        ("REASON", "reason"),
    ];
    table::rows(&answer["halts"], &columns)
}
