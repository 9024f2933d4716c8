//! What agents typed and never confirmed: kept in rows, and offered to the same agent.

use model::{AgentId, WallTime};
use proto::agent::v1 as pb;
use serde::{Deserialize, Serialize};
use store::OpenDraft;

use crate::Error;
use crate::convert::{instant, stamp};
use crate::shared::Shared;

/// A draft as its row has it.
#[derive(Serialize, Deserialize)]
struct Body {
    disposition: String,
    answers: Vec<(String, String)>,
    note: String,
    call_at: Option<WallTime>,
    call_phone_id: i64,
}

pub(super) fn to_row(draft: pb::Outcome) -> Result<serde_json::Value, Error> {
    let answers = draft.answers.into_iter().map(|a| (a.field, a.value));
    let body = Body {
        disposition: draft.disposition,
        answers: answers.collect(),
        note: draft.note,
        call_at: draft.call_at.map(instant),
        call_phone_id: draft.call_phone_id,
    };
    serde_json::to_value(body)
        .map_err(|e| Error::Internal(format!("a draft cannot be written: {e}")))
}

fn from_row(row: OpenDraft) -> Result<pb::DraftOffered, serde_json::Error> {
    let body: Body = serde_json::from_value(row.body)?;
    let answers = body.answers.into_iter();
    let draft = pb::Outcome {
        disposition: body.disposition,
        answers: answers
            .map(|(field, value)| pb::Answer { field, value })
            .collect(),
        note: body.note,
        call_at: body.call_at.map(stamp),
        call_phone_id: body.call_phone_id,
    };
    Ok(pb::DraftOffered {
        attempt_id: row.attempt.to_string(),
        campaign_id: row.campaign.0,
        campaign_name: row.campaign_name,
        prospect_id: row.prospect.0,
        name: row.name,
        ended_at: Some(stamp(row.ended_at)),
        draft: Some(draft),
    })
}

/// Shows an agent the drafts of earlier talks. Work goes on without them when the rows cannot be read.
pub(super) async fn offer(shared: &Shared, agent: AgentId) {
    let rows = match shared.store.open_drafts(agent).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::warn!(agent_id = agent.0, %error, "earlier drafts are not offered");
            return;
        }
    };
    let mut drafts = Vec::new();
    for row in rows {
        let attempt = row.attempt;
        match from_row(row) {
            Ok(draft) => drafts.push(draft),
            Err(error) => tracing::error!(%attempt, %error, "a draft cannot be read"),
        }
    }
    shared.desks.offer(agent, drafts);
}
