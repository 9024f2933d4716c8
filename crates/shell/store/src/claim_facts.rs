//! Everything that a decision about a claimed prospect needs, read in a few statements for the whole claim.

use std::collections::BTreeMap;

use engine::{Card, Claim, PhoneFacts, WorkKind};
use model::{CallResult, CampaignId, ListId, PastTry, PhoneId, ProspectId, WallTime};
use sqlx::PgConnection;

use crate::Error;
use crate::card::{card_lines, promises};
use crate::convert::{Row, stamp, wall};
use crate::list::in_file_order;
use crate::refusal::not_found;
use crate::work_kind::work_kind;

/// A prospect's place in the queue, just leased.
pub(crate) struct Leased {
    prospect: ProspectId,
    lease: u64,
    kind: WorkKind,
    next_phone: Option<PhoneId>,
    tries: u32,
}

impl Leased {
    pub(crate) fn from_row(
        campaign: CampaignId,
        prospect: i64,
        lease: Option<i64>,
        priority: i16,
        next_phone: Option<i64>,
        tries: i32,
    ) -> Result<Self, Error> {
        let row = Row {
            table: "queue",
            key: format!("{campaign}, {prospect}"),
        };
        Ok(Self {
            prospect: ProspectId(prospect),
            lease: row.unsigned(lease.ok_or_else(|| row.impossible("leased without a token"))?)?,
            kind: work_kind(priority)
                .ok_or_else(|| row.impossible(format!("priority {priority}")))?,
            next_phone: next_phone.map(PhoneId),
            tries: row.unsigned(tries)?,
        })
    }
}

/// Full claims, in the order of `leased`. History of numbers is read from `since` on.
///
/// The numbers' versions are read before their histories: what happens in between makes the version too
/// old, and the launch is refused, never the other way round.
pub(crate) async fn load(
    tx: &mut PgConnection,
    campaign: CampaignId,
    leased: Vec<Leased>,
    since: WallTime,
) -> Result<Vec<Claim>, Error> {
    let (seller, _) = seller_and_subject(tx, campaign).await?;
    let ids: Vec<i64> = leased.iter().map(|l| l.prospect.0).collect();
    let mut phones = phones(tx, campaign, &seller, &ids, Some(since)).await?;
    let mut history = card_lines(tx, &seller, &ids).await?;
    let mut promises = promises(tx, &seller, &ids).await?;
    let mut people = people(tx, campaign, &ids).await?;
    leased
        .into_iter()
        .map(|l| {
            let mut claim = people
                .remove(&l.prospect)
                .ok_or_else(|| not_found("prospect", l.prospect))?;
            claim.lease = l.lease;
            claim.kind = l.kind;
            claim.next_phone = l.next_phone;
            claim.tries = l.tries;
            claim.phones = phones.remove(&l.prospect).unwrap_or_default();
            claim.card.history = history.remove(&l.prospect).unwrap_or_default();
            claim.card.promises = promises.remove(&l.prospect).unwrap_or_default();
            Ok(claim)
        })
        .collect()
}

/// For whom a campaign calls, and what about unless a prospect says otherwise.
pub(crate) async fn seller_and_subject(
    tx: &mut PgConnection,
    campaign: CampaignId,
) -> Result<(String, Option<String>), Error> {
    sqlx::query!(
        "SELECT seller, subject FROM campaign WHERE id = $1",
        campaign.0
    )
    .fetch_optional(tx)
    .await
    .map_err(|e| Error::from_sqlx("claim_facts", e))?
    .map(|r| (r.seller, r.subject))
    .ok_or_else(|| not_found("campaign", campaign))
}

/// The prospects, with what comes from elsewhere still empty.
pub(crate) async fn people(
    tx: &mut PgConnection,
    campaign: CampaignId,
    ids: &[i64],
) -> Result<BTreeMap<ProspectId, Claim>, Error> {
    let rows = sqlx::query!(
        "SELECT p.id, p.list_id, p.external_id, p.name, z.zones, p.subject, p.amount_minor, p.currency,
                p.language, p.consent, p.fields, l.columns
         FROM prospect p JOIN zone_set z ON z.id = p.zone_set_id JOIN list l ON l.id = p.list_id
         WHERE p.id = ANY($1)",
        ids
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("claim_facts", e))?;
    rows.into_iter()
        .map(|r| {
            let row = Row {
                table: "prospect",
                key: r.id,
            };
            let claim = Claim {
                campaign,
                prospect: ProspectId(r.id),
                list: ListId(r.list_id),
                lease: 0,
                kind: WorkKind::Fresh,
                zones: row.zones(&r.zones)?,
                subject: r.subject,
                amount: row.money(r.amount_minor, r.currency.as_deref())?,
                language: r.language,
                consent: r.consent,
                phones: Vec::new(),
                next_phone: None,
                tries: 0,
                card: Card {
                    external_id: r.external_id,
                    name: r.name,
                    fields: in_file_order(row.json(r.fields)?, &r.columns),
                    history: Vec::new(),
                    promises: Vec::new(),
                },
            };
            Ok((claim.prospect, claim))
        })
        .collect()
}

/// The prospects' numbers in file order, with their history from `since` on; without it when `None`.
pub(crate) async fn phones(
    tx: &mut PgConnection,
    campaign: CampaignId,
    seller: &str,
    ids: &[i64],
    since: Option<WallTime>,
) -> Result<BTreeMap<ProspectId, Vec<PhoneFacts>>, Error> {
    let rows = sqlx::query!(
        r#"SELECT ph.id, ph.prospect_id, ph.number, ph.kind, ph.extension, n.version,
                  EXISTS (SELECT FROM suppression s
                          WHERE s.number = ph.number AND s.seller IN ('', $3)) AS "suppressed!",
                  EXISTS (SELECT FROM live_number v WHERE v.number = ph.number) AS "live!",
                  EXISTS (SELECT FROM closed_phone c WHERE c.campaign_id = $2
                            AND c.prospect_id = ph.prospect_id AND c.phone_id = ph.id)
                  OR EXISTS (SELECT FROM number_registry g
                             WHERE g.number = ph.number AND g.mark <> 'suspected') AS "closed!"
           FROM phone ph JOIN number n ON n.e164 = ph.number
           WHERE ph.prospect_id = ANY($1) ORDER BY ph.prospect_id, ph.position"#,
        ids,
        campaign.0,
        seller
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(|e| Error::from_sqlx("claim_facts", e))?;
    let mut numbers: Vec<String> = rows.iter().map(|r| r.number.clone()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let tries = match since {
        Some(since) => past_tries(tx, &numbers, since).await?,
        None => BTreeMap::new(),
    };
    let mut phones: BTreeMap<ProspectId, Vec<PhoneFacts>> = BTreeMap::new();
    for r in rows {
        phones
            .entry(ProspectId(r.prospect_id))
            .or_default()
            .push(PhoneFacts {
                id: PhoneId(r.id),
                number: Row {
                    table: "phone",
                    key: r.id,
                }
                .number(&r.number)?,
                kind: r.kind,
                extension: r.extension,
                closed: r.closed,
                suppressed: r.suppressed,
                live: r.live,
                version: r.version,
                // The same number may stand with two prospects of the claim.
                history: tries.get(&r.number).cloned().unwrap_or_default(),
            });
    }
    Ok(phones)
}

async fn past_tries(
    tx: &mut PgConnection,
    numbers: &[String],
    since: WallTime,
) -> Result<BTreeMap<String, Vec<PastTry>>, Error> {
    let rows = sqlx::query!(
        "SELECT number, at, campaign_id, attempt_id, seller, subject, result, rang, talked, message, refused
         FROM cap_slot WHERE number = ANY($1) AND at >= $2 ORDER BY number, at",
        numbers,
        stamp(since)
    )
    .fetch_all(tx)
    .await
    .map_err(|e| Error::from_sqlx("claim_facts", e))?;
    let mut tries: BTreeMap<String, Vec<PastTry>> = BTreeMap::new();
    for r in rows {
        let row = Row {
            table: "cap_slot",
            key: r.attempt_id,
        };
        let result = r
            .result
            .map(|name| row.named(&name, |n| n.parse::<CallResult>().ok()))
            .transpose()?;
        let past = PastTry {
            at: wall(r.at),
            number: row.number(&r.number)?,
            campaign: CampaignId(r.campaign_id),
            seller: r.seller,
            subject: r.subject,
            result,
            rang: r.rang,
            talked: r.talked,
            message: r.message,
            refused: r.refused,
        };
        tries.entry(r.number).or_default().push(past);
    }
    Ok(tries)
}
