//! Numbers that must not be called.

use clap::Subcommand;
use model::E164;
use proto::supervisor::v1::suppression_service_client::SuppressionServiceClient;
use proto::supervisor::v1::{AddSuppressionsRequest, CheckSuppressionRequest};

use super::connection::{Connection, Refusal};
use super::{Shown, request_id, table};
use crate::cli::exit::Exit;

/// `outdial suppression …`
#[derive(Debug, Subcommand)]
pub enum SuppressionCommand {
    /// Puts numbers on the list; takes effect at the next launch.
    Add {
        /// Numbers, in international form.
        #[arg(required = true)]
        numbers: Vec<E164>,
        /// For whom they must not be called. Absent: for nobody.
        #[arg(long, default_value = "")]
        seller: String,
        /// Why.
        #[arg(long, default_value = "asked")]
        reason: String,
    },
    /// Says whether the list forbids a number. Exit code 0 only when it does not.
    Check {
        /// The number, in international form.
        number: E164,
        /// For whom it would be called. Absent: only entries for everybody count.
        #[arg(long, default_value = "")]
        seller: String,
    },
}

impl SuppressionCommand {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let mut client = SuppressionServiceClient::new(to.authorised().await?);
        match self {
            Self::Add {
                numbers,
                seller,
                reason,
            } => {
                let request = AddSuppressionsRequest {
                    numbers: numbers.iter().map(E164::to_string).collect(),
                    seller: seller.clone(),
                    reason: reason.clone(),
                    request_id: request_id()?,
                };
                let response = client
                    .add_suppressions(request)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                Shown::new(&response, table::fields)
            }
            Self::Check { number, seller } => {
                let request = CheckSuppressionRequest {
                    number: number.to_string(),
                    seller: seller.clone(),
                };
                let response = client
                    .check_suppression(request)
                    .await
                    .map_err(Refusal::from)?
                    .into_inner();
                let forbidden = !response.suppressions.is_empty();
                let shown = Shown::new(&response, |v| {
                    if !forbidden {
                        return "nothing on the list forbids it\n".to_owned();
                    }
                    table::rows(
                        &v["suppressions"],
                        &[
                            ("NUMBER", "number"),
                            ("SELLER", "seller"),
                            ("REASON", "reason"),
                            ("SINCE", "added_at"),
                        ],
                    )
                })?;
                Ok(shown.with_exit(forbidden.then_some(Exit::Failure)))
            }
        }
    }
}
