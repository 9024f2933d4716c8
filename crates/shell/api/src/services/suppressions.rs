//! Numbers that must not be called.

use std::sync::Arc;

use model::E164;
use proto::supervisor::v1 as pb;
use proto::supervisor::v1::suppression_service_server::SuppressionService;
use store::Suppression;
use tonic::{Request, Response, Status};

use super::admin::once;
use crate::convert::{count, number, page, stamp};
use crate::identity::{Identity, caller};
use crate::requests::{Asked, Keep};
use crate::shared::Shared;
use crate::{Error, FieldProblem};

/// Numbers of one request.
const AT_ONCE: usize = 1_000;

pub(crate) struct Suppressions(pub(crate) Arc<Shared>);

#[tonic::async_trait]
impl SuppressionService for Suppressions {
    async fn add_suppressions(
        &self,
        request: Request<pb::AddSuppressionsRequest>,
    ) -> Result<Response<pb::AddSuppressionsResponse>, Status> {
        once!(
            self,
            request,
            "AddSuppressions",
            Keep::Durably,
            |shared: Arc<Shared>, me, asked| async move { add(&shared, &me, asked).await }
        )
    }

    async fn remove_suppression(
        &self,
        request: Request<pb::RemoveSuppressionRequest>,
    ) -> Result<Response<pb::RemoveSuppressionResponse>, Status> {
        once!(
            self,
            request,
            "RemoveSuppression",
            Keep::Durably,
            |shared: Arc<Shared>, _, asked: pb::RemoveSuppressionRequest| async move {
                let number = one_number(&asked.number)?;
                let removed = shared.store.unsuppress(number, &asked.seller).await?;
                Ok(pb::RemoveSuppressionResponse { removed })
            }
        )
    }

    async fn list_suppressions(
        &self,
        request: Request<pb::ListSuppressionsRequest>,
    ) -> Result<Response<pb::ListSuppressionsResponse>, Status> {
        let asked = request.into_inner();
        let size = page(asked.page_size, "")?.size;
        // The token is the number after which the page begins.
        let after = match asked.page_token.as_str() {
            "" => None,
            token => Some(token.parse::<E164>().map_err(|_| {
                Error::invalid(
                    "page_token",
                    "unknown",
                    "send the next_page_token of the page before",
                )
            })?),
        };
        let mut found = self
            .0
            .store
            .suppressions(after, size)
            .await
            .map_err(Error::from)?;
        let full = found.len() >= size as usize;
        let mut next_page_token = String::new();
        if full && let Some(last) = found.last().map(|s| s.number) {
            // Entries of one number for several sellers stay together on a page.
            if found.first().is_some_and(|first| first.number != last) {
                found.retain(|s| s.number != last);
            }
            next_page_token = found
                .last()
                .map(|s| s.number.to_string())
                .unwrap_or_default();
        }
        Ok(Response::new(pb::ListSuppressionsResponse {
            suppressions: found.iter().map(to_proto).collect(),
            next_page_token,
        }))
    }

    async fn check_suppression(
        &self,
        request: Request<pb::CheckSuppressionRequest>,
    ) -> Result<Response<pb::CheckSuppressionResponse>, Status> {
        let asked = request.into_inner();
        let number = one_number(&asked.number)?;
        let found = self
            .0
            .store
            .suppressions_of(number, &asked.seller)
            .await
            .map_err(Error::from)?;
        Ok(Response::new(pb::CheckSuppressionResponse {
            suppressions: found.iter().map(to_proto).collect(),
        }))
    }
}

async fn add(
    shared: &Shared,
    me: &Identity,
    asked: pb::AddSuppressionsRequest,
) -> Result<pb::AddSuppressionsResponse, Error> {
    let mut problems = Vec::new();
    if asked.numbers.is_empty() || asked.numbers.len() > AT_ONCE {
        problems.push(FieldProblem::new(
            "numbers",
            "length",
            "give 1 to 1000 numbers",
        ));
    }
    let reason = if asked.reason.is_empty() {
        "asked".to_owned()
    } else {
        asked.reason
    };
    let source = format!("api:{}", me.login);
    let added_at = shared.clock.now();
    let mut entries = Vec::with_capacity(asked.numbers.len());
    for (i, text) in asked.numbers.iter().enumerate() {
        match number(&format!("numbers[{i}]"), text) {
            Ok(number) => entries.push(Suppression {
                number,
                seller: asked.seller.clone(),
                reason: reason.clone(),
                source: source.clone(),
                added_at,
            }),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let added = shared.store.suppress(&entries).await?;
    Ok(pb::AddSuppressionsResponse {
        added: count(added),
    })
}

fn one_number(text: &str) -> Result<E164, Error> {
    number("number", text).map_err(|p| Error::Invalid(vec![p]))
}

fn to_proto(entry: &Suppression) -> pb::Suppression {
    pb::Suppression {
        number: entry.number.to_string(),
        seller: entry.seller.clone(),
        reason: entry.reason.clone(),
        source: entry.source.clone(),
        added_at: Some(stamp(entry.added_at)),
    }
}
