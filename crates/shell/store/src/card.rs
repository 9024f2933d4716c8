//! A person's record as an agent sees it: with a claim, or looked up later.

use std::collections::BTreeMap;

use engine::{Card, CardEntry, PhoneFacts, Promise};
use model::{AgentId, CampaignId, Money, ProspectId};
use sqlx::PgConnection;

use crate::claim_facts::{people, phones, seller_and_subject};
use crate::convert::{Row, wall, walls};
use crate::refusal::not_found;
use crate::{Error, Store};

/// Lines of a card's history.
const CARD_LINES: i64 = 20;

/// A person's record, as a campaign's agents see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Columns, history and promises.
    pub card: Card,
    /// The amount column.
    pub amount: Option<Money>,
    /// The debt, contract or matter; the campaign's when the list names none.
    pub subject: Option<String>,
    /// The numbers in file order, without the history of their calls.
    pub phones: Vec<PhoneFacts>,
}

impl Store {
    /// A person's record, the same as a claim of that campaign carries, whether the prospect is open in it
    /// or closed.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the campaign or the prospect.
    pub async fn record(
        &self,
        campaign: CampaignId,
        prospect: ProspectId,
    ) -> Result<Record, Error> {
        let mut db = self
            .api
            .acquire()
            .await
            .map_err(|e| Error::from_sqlx("card", e))?;
        let (seller, subject) = seller_and_subject(&mut db, campaign).await?;
        let id = [prospect.0];
        let mut claim = people(&mut db, campaign, &id)
            .await?
            .remove(&prospect)
            .ok_or_else(|| not_found("prospect", prospect))?;
        let mut phones = phones(&mut db, campaign, &seller, &id, None).await?;
        let mut history = card_lines(&mut db, &seller, &id).await?;
        let mut promises = promises(&mut db, &seller, &id).await?;
        claim.card.history = history.remove(&prospect).unwrap_or_default();
        claim.card.promises = promises.remove(&prospect).unwrap_or_default();
        Ok(Record {
            card: claim.card,
            amount: claim.amount,
            subject: claim.subject.or(subject),
            phones: phones.remove(&prospect).unwrap_or_default(),
        })
    }

    /// Whether a prospect is or was an agent's in a campaign: handed over, promised, or called by the agent
    /// at any time.
    ///
    /// # Errors
    /// As the database.
    pub async fn has_met(
        &self,
        agent: AgentId,
        campaign: CampaignId,
        prospect: ProspectId,
    ) -> Result<bool, Error> {
        sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM queue WHERE campaign_id = $1 AND prospect_id = $2 AND agent_id = $3)
                   OR EXISTS (SELECT FROM attempt
                              WHERE prospect_id = $2 AND campaign_id = $1 AND agent_id = $3) AS "met!""#,
            campaign.0,
            prospect.0,
            agent.0
        )
        .fetch_one(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("has_met", e))
    }
}

/// The newest attempts of each prospect over the seller's campaigns, newest first.
pub(crate) async fn card_lines(
    tx: &mut PgConnection,
    seller: &str,
    ids: &[i64],
) -> Result<BTreeMap<ProspectId, Vec<CardEntry>>, Error> {
    let rows = sqlx::query!(
        r#"SELECT w.id AS "prospect_id!", a.launched_at, a.attempt_id, c.name AS campaign, a.result AS "result!",
                  o.disposition AS "disposition?", o.note AS "note?", o.call_at, g.name AS "agent?"
           FROM unnest($1::bigint[]) AS w(id)
           CROSS JOIN LATERAL (
               SELECT t.campaign_id, t.attempt_id, t.launched_at, t.result, t.agent_id FROM attempt t
               WHERE t.prospect_id = w.id AND t.seller = $2 AND t.result IS NOT NULL
               ORDER BY t.launched_at DESC LIMIT $3) a
           JOIN campaign c ON c.id = a.campaign_id
           LEFT JOIN LATERAL (
               SELECT u.disposition, u.note, u.call_at, u.agent_id FROM outcome u
               WHERE u.campaign_id = a.campaign_id AND u.attempt_id = a.attempt_id
               ORDER BY u.version DESC LIMIT 1) o ON true
           LEFT JOIN account g ON g.id = coalesce(o.agent_id, a.agent_id)
           ORDER BY w.id, a.launched_at DESC"#,
        ids,
        seller,
        CARD_LINES
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("card", e))?;
    let mut lines: BTreeMap<ProspectId, Vec<CardEntry>> = BTreeMap::new();
    for r in rows {
        let row = Row {
            table: "attempt",
            key: r.attempt_id,
        };
        lines
            .entry(ProspectId(r.prospect_id))
            .or_default()
            .push(CardEntry {
                at: wall(r.launched_at),
                campaign: r.campaign,
                result: row.named(&r.result, |n| n.parse().ok())?,
                disposition: r.disposition,
                note: r.note.filter(|n| !n.is_empty()),
                call_at: walls(r.call_at),
                agent: r.agent,
            });
    }
    Ok(lines)
}

/// Open promises to call each prospect over the seller's campaigns, the earliest first.
pub(crate) async fn promises(
    tx: &mut PgConnection,
    seller: &str,
    ids: &[i64],
) -> Result<BTreeMap<ProspectId, Vec<Promise>>, Error> {
    // By way of the queue: it knows a prospect's campaigns by index, and a campaign's open callback too.
    let rows = sqlx::query!(
        r#"SELECT b.prospect_id, b.at, b.note, c.name AS campaign, g.name AS "agent?"
           FROM queue q
           JOIN campaign c ON c.id = q.campaign_id AND c.seller = $2
           JOIN callback b ON b.campaign_id = q.campaign_id AND b.prospect_id = q.prospect_id AND b.state = 'open'
           LEFT JOIN account g ON g.id = b.agent_id
           WHERE q.prospect_id = ANY($1) ORDER BY b.at, b.id"#,
        ids,
        seller
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("card", e))?;
    let mut promises: BTreeMap<ProspectId, Vec<Promise>> = BTreeMap::new();
    for r in rows {
        promises
            .entry(ProspectId(r.prospect_id))
            .or_default()
            .push(Promise {
                at: wall(r.at),
                campaign: r.campaign,
                agent: r.agent,
                note: r.note,
            });
    }
    Ok(promises)
}
