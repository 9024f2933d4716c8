//! What became of it: recounted from rows each time, in short statements.

use std::time::Duration;

use compliance::LedgerCounts;
use model::{AgentId, CallResult, CampaignId, E164, ProspectId, WallTime};

use crate::convert::{Row, count, stamp, stamps, wall, walls};
use crate::list::in_file_order;
use crate::{Error, Page, PageRequest, Store};

/// A campaign in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignReport {
    /// Attempts that ended, by result; most first.
    pub results: Vec<(CallResult, u64)>,
    /// Attempts that have not ended.
    pub open_attempts: u64,
    /// Attempts with a 2xx.
    pub answered: u64,
    /// Attempts with two-way audio with an agent.
    pub bridged: u64,
    /// The abandon ledger.
    pub ledger: LedgerCounts,
    /// Answered attempts that ended at no agent, in no announcement and in no class of the ledger.
    /// Always zero; a report shows it because it must be.
    pub unaccounted: u64,
    /// Prospects by state, over all time.
    pub prospects: ProspectCounts,
    /// Dispositions given, newest versions; most first.
    pub dispositions: Vec<(String, u64)>,
    /// Prospects that a rule holds, by rule and the first instant at which one of them is free.
    pub held: Vec<HeldCount>,
    /// What each agent did.
    pub agents: Vec<AgentReport>,
}

/// Prospects of a campaign by state. The sum is all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProspectCounts {
    /// Wait to be called, never tried.
    pub fresh: u64,
    /// Wait to be called again.
    pub retry: u64,
    /// A promise to call is open.
    pub callback: u64,
    /// Claimed or in a call.
    pub in_call: u64,
    /// With an agent until the outcome comes.
    pub awaiting_outcome: u64,
    /// Held until facts change.
    pub held: u64,
    /// The goal was met.
    pub success: u64,
    /// Reached without success.
    pub done: u64,
    /// No number or no try is left.
    pub exhausted: u64,
    /// Must not be called.
    pub suppressed: u64,
}

/// Prospects that one rule holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldCount {
    /// The rule, for example `us_fl@2 window`.
    pub rule: String,
    /// When the first of them may be called; `None`: not before facts change.
    pub until: Option<WallTime>,
    /// How many.
    pub prospects: u64,
}

/// What one agent did for a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentReport {
    /// Who.
    pub agent: AgentId,
    /// The name to show.
    pub name: String,
    /// Attempts bridged to the agent.
    pub talks: u64,
    /// Time from bridge to end, in whole seconds.
    pub talk: Duration,
    /// Outcomes given.
    pub outcomes: u64,
    /// Of those, with a disposition that counts as a success.
    pub successes: u64,
}

/// A prospect with what became of it, for export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportRow {
    /// The prospect.
    pub prospect: ProspectId,
    /// The identifier column.
    pub external_id: String,
    /// The name column.
    pub name: Option<String>,
    /// Every further column, in file order.
    pub fields: Vec<(String, String)>,
    /// Where it stands: `due`, `in_call`, `awaiting_outcome`, `held`, or how it was closed.
    pub state: String,
    /// In words: what put it there.
    pub because: String,
    /// When it is called next, if it is.
    pub next_at: Option<WallTime>,
    /// Attempts, those without a launch included.
    pub attempts: u64,
    /// The newest attempt.
    pub last: Option<LastAttempt>,
    /// The newest outcome of any attempt.
    pub outcome: Option<LastOutcome>,
}

/// The newest attempt of a prospect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastAttempt {
    /// When it was launched.
    pub at: WallTime,
    /// The number.
    pub number: E164,
    /// How it ended; `None` while it goes on.
    pub result: Option<CallResult>,
    /// The agent's name.
    pub agent: Option<String>,
    /// From bridge to end.
    pub talk: Option<Duration>,
    /// How much of the announcement was sent.
    pub heard: Option<Duration>,
    /// Keys that the person pressed.
    pub digits: String,
}

/// The newest outcome of a prospect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastOutcome {
    /// Code of the disposition.
    pub disposition: String,
    /// Answers by field of the questionnaire.
    pub answers: Vec<(String, String)>,
    /// Free text.
    pub note: String,
    /// When to call again.
    pub call_at: Option<WallTime>,
}

impl Store {
    /// A campaign's report; attempts and outcomes from `from` (included) to `to` (not included).
    ///
    /// # Errors
    /// As the database.
    pub async fn campaign_report(
        &self,
        campaign: CampaignId,
        from: Option<WallTime>,
        to: Option<WallTime>,
    ) -> Result<CampaignReport, Error> {
        let mut report = CampaignReport::default();
        self.report_attempts(&mut report, campaign, from, to)
            .await?;
        report.ledger = self.ledger_counts(campaign, from, to).await?;
        report.prospects = self.prospect_counts(campaign).await?;
        report.held = self.held_counts(campaign).await?;
        report.dispositions = self.disposition_counts(campaign, from, to).await?;
        report.agents = self.agent_reports(campaign, from, to).await?;
        Ok(report)
    }

    async fn report_attempts(
        &self,
        report: &mut CampaignReport,
        campaign: CampaignId,
        from: Option<WallTime>,
        to: Option<WallTime>,
    ) -> Result<(), Error> {
        let rows = sqlx::query!(
            r#"SELECT result, count(*) AS "n!",
                      count(*) FILTER (WHERE answered_at IS NOT NULL) AS "answered!",
                      count(*) FILTER (WHERE bridged_at IS NOT NULL) AS "bridged!",
                      count(*) FILTER (WHERE answered_at IS NOT NULL AND result IS NOT NULL AND ledger IS NULL
                                         AND NOT message AND bridged_at IS NULL) AS "unaccounted!"
               FROM attempt
               WHERE campaign_id = $1 AND ($2::timestamptz IS NULL OR launched_at >= $2)
                 AND ($3::timestamptz IS NULL OR launched_at < $3)
               GROUP BY result ORDER BY 2 DESC, 1"#,
            campaign.0,
            stamps(from),
            stamps(to)
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("campaign_report", e))?;
        for r in rows {
            match r.result {
                None => report.open_attempts = count(r.n),
                Some(name) => {
                    let row = Row {
                        table: "attempt",
                        key: campaign,
                    };
                    report
                        .results
                        .push((row.named(&name, |n| n.parse().ok())?, count(r.n)));
                }
            }
            report.answered += count(r.answered);
            report.bridged += count(r.bridged);
            report.unaccounted += count(r.unaccounted);
        }
        Ok(())
    }

    /// The abandon ledger, recounted from rows: attempts launched from `from` (included) to `to` (not
    /// included).
    ///
    /// # Errors
    /// As the database.
    pub async fn ledger_counts(
        &self,
        campaign: CampaignId,
        from: Option<WallTime>,
        to: Option<WallTime>,
    ) -> Result<LedgerCounts, Error> {
        // A machine that no agent met was released by detection alone.
        let r = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE ledger = 'C') AS "c!", count(*) FILTER (WHERE ledger = 'L') AS "l!",
                      count(*) FILTER (WHERE ledger = 'A') AS "a!", count(*) FILTER (WHERE ledger = 'H') AS "h!",
                      count(*) FILTER (WHERE ledger = 'M') AS "m!", count(*) FILTER (WHERE ledger = 'S') AS "s!",
                      count(*) FILTER (WHERE ledger = 'M' AND bridged_at IS NULL) AS "released!"
               FROM attempt
               WHERE campaign_id = $1 AND ledger IS NOT NULL
                 AND ($2::timestamptz IS NULL OR launched_at >= $2)
                 AND ($3::timestamptz IS NULL OR launched_at < $3)"#,
            campaign.0,
            stamps(from),
            stamps(to)
        )
        .fetch_one(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("ledger_counts", e))?;
        Ok(LedgerCounts {
            c: count(r.c),
            l: count(r.l),
            a: count(r.a),
            h: count(r.h),
            m: count(r.m),
            s: count(r.s),
            machines_released: count(r.released),
        })
    }

    /// When a campaign's first attempt was launched: its ledger's periods are counted from there.
    ///
    /// # Errors
    /// As the database.
    pub async fn first_launch(&self, campaign: CampaignId) -> Result<Option<WallTime>, Error> {
        sqlx::query_scalar!(
            "SELECT min(launched_at) FROM attempt WHERE campaign_id = $1",
            campaign.0
        )
        .fetch_one(&self.api)
        .await
        .map(walls)
        .map_err(|e| Error::from_sqlx("first_launch", e))
    }

    /// Prospects of a campaign by state.
    ///
    /// # Errors
    /// As the database.
    pub async fn prospect_counts(&self, campaign: CampaignId) -> Result<ProspectCounts, Error> {
        let rows = sqlx::query!(
            r#"SELECT state, priority, closed_as, count(*) AS "n!" FROM queue WHERE campaign_id = $1
               GROUP BY 1, 2, 3"#,
            campaign.0
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("prospect_counts", e))?;
        let mut counts = ProspectCounts::default();
        for r in rows {
            let of = match (r.state, r.priority, r.closed_as.as_deref()) {
                (0, 0, _) => &mut counts.fresh,
                (0, 4 | 5, _) => &mut counts.callback,
                (0, _, _) => &mut counts.retry,
                (1 | 2, _, _) => &mut counts.in_call,
                (3, _, _) => &mut counts.awaiting_outcome,
                (4, _, _) => &mut counts.held,
                (_, _, Some("success")) => &mut counts.success,
                (_, _, Some("exhausted")) => &mut counts.exhausted,
                (_, _, Some("suppressed")) => &mut counts.suppressed,
                _ => &mut counts.done,
            };
            *of += count(r.n);
        }
        Ok(counts)
    }

    /// Prospects that a rule holds; most first.
    ///
    /// # Errors
    /// As the database.
    pub async fn held_counts(&self, campaign: CampaignId) -> Result<Vec<HeldCount>, Error> {
        let rows = sqlx::query!(
            r#"SELECT held_by AS "rule!", min(next_attempt_at) FILTER (WHERE state = 0) AS until, count(*) AS "n!"
               FROM queue WHERE campaign_id = $1 AND held_by IS NOT NULL AND state IN (0, 4)
               GROUP BY held_by, state ORDER BY 3 DESC, 1"#,
            campaign.0
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("held_counts", e))?;
        Ok(rows
            .into_iter()
            .map(|r| HeldCount {
                rule: r.rule,
                until: walls(r.until),
                prospects: count(r.n),
            })
            .collect())
    }

    async fn disposition_counts(
        &self,
        campaign: CampaignId,
        from: Option<WallTime>,
        to: Option<WallTime>,
    ) -> Result<Vec<(String, u64)>, Error> {
        let rows = sqlx::query!(
            r#"SELECT disposition AS "disposition!", count(*) AS "n!" FROM current_outcome
               WHERE campaign_id = $1 AND ($2::timestamptz IS NULL OR at >= $2)
                 AND ($3::timestamptz IS NULL OR at < $3)
               GROUP BY 1 ORDER BY 2 DESC, 1"#,
            campaign.0,
            stamps(from),
            stamps(to)
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("campaign_report", e))?;
        Ok(rows
            .into_iter()
            .map(|r| (r.disposition, count(r.n)))
            .collect())
    }

    async fn agent_reports(
        &self,
        campaign: CampaignId,
        from: Option<WallTime>,
        to: Option<WallTime>,
    ) -> Result<Vec<AgentReport>, Error> {
        let rows = sqlx::query!(
            r#"SELECT a.agent_id AS "agent!", c.name,
                      count(*) FILTER (WHERE a.bridged_at IS NOT NULL) AS "talks!",
                      coalesce(extract(epoch FROM sum(a.ended_at - a.bridged_at)), 0)::bigint AS "talk_s!",
                      count(o.disposition) AS "outcomes!",
                      count(*) FILTER (WHERE EXISTS (
                          SELECT FROM campaign m JOIN disposition d ON d.campaign_id = m.id AND d.version = m.version
                          WHERE m.id = a.campaign_id AND d.code = o.disposition AND d.success)) AS "successes!"
               FROM attempt a JOIN account c ON c.id = a.agent_id
               LEFT JOIN current_outcome o ON o.campaign_id = a.campaign_id AND o.attempt_id = a.attempt_id
               WHERE a.campaign_id = $1 AND ($2::timestamptz IS NULL OR a.launched_at >= $2)
                 AND ($3::timestamptz IS NULL OR a.launched_at < $3)
               GROUP BY 1, 2 ORDER BY 2, 1"#,
            campaign.0,
            stamps(from),
            stamps(to)
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("campaign_report", e))?;
        Ok(rows
            .into_iter()
            .map(|r| AgentReport {
                agent: AgentId(r.agent),
                name: r.name,
                talks: count(r.talks),
                talk: Duration::from_secs(count(r.talk_s)),
                outcomes: count(r.outcomes),
                successes: count(r.successes),
            })
            .collect())
    }

    /// A campaign's prospects with what became of them, by key: a statement for each piece, so that no
    /// export, however long, holds an old snapshot.
    ///
    /// # Errors
    /// As the database.
    pub async fn export(
        &self,
        campaign: CampaignId,
        page: PageRequest,
    ) -> Result<Page<ExportRow>, Error> {
        let rows = sqlx::query!(
            r#"SELECT q.prospect_id, q.state, q.closed_as, q.because, q.held_by, q.next_attempt_at,
                      p.external_id, p.name, p.fields, l.columns,
                      (SELECT count(*) FROM attempt n WHERE n.prospect_id = q.prospect_id
                         AND n.campaign_id = q.campaign_id) AS "attempts!",
                      a.launched_at AS "launched_at?", a.number AS "number?", a.result, a.bridged_at, a.ended_at,
                      a.heard_ms, a.digits AS "digits?", g.name AS "agent?",
                      o.disposition AS "disposition?", o.answers AS "answers?", o.note AS "note?", o.call_at
               FROM queue q JOIN prospect p ON p.id = q.prospect_id JOIN list l ON l.id = p.list_id
               LEFT JOIN LATERAL (
                   SELECT * FROM attempt t WHERE t.prospect_id = q.prospect_id AND t.campaign_id = q.campaign_id
                   ORDER BY t.launched_at DESC LIMIT 1) a ON true
               LEFT JOIN account g ON g.id = a.agent_id
               LEFT JOIN LATERAL (
                   SELECT * FROM outcome u WHERE u.prospect_id = q.prospect_id AND u.campaign_id = q.campaign_id
                   ORDER BY u.at DESC, u.version DESC LIMIT 1) o ON true
               WHERE q.campaign_id = $1 AND q.prospect_id > $2 ORDER BY q.prospect_id LIMIT $3"#,
            campaign.0,
            page.after,
            page.limit()
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("export", e))?;
        let rows = rows
            .into_iter()
            .map(|r| {
                let row = Row {
                    table: "queue",
                    key: format!("{campaign}, {}", r.prospect_id),
                };
                let last = match r.launched_at.zip(r.number) {
                    None => None,
                    Some((at, number)) => Some(LastAttempt {
                        at: wall(at),
                        number: row.number(&number)?,
                        result: r
                            .result
                            .map(|n| row.named(&n, |n| n.parse().ok()))
                            .transpose()?,
                        agent: r.agent,
                        talk: r
                            .ended_at
                            .zip(r.bridged_at)
                            .map(|(end, bridge)| wall(end).since(wall(bridge))),
                        heard: r.heard_ms.map(|ms| Duration::from_millis(count(ms))),
                        digits: r.digits.unwrap_or_default(),
                    }),
                };
                let outcome = match r.disposition.zip(r.answers) {
                    None => None,
                    Some((disposition, answers)) => Some(LastOutcome {
                        disposition,
                        answers: row.json(answers)?,
                        note: r.note.unwrap_or_default(),
                        call_at: walls(r.call_at),
                    }),
                };
                Ok(ExportRow {
                    prospect: ProspectId(r.prospect_id),
                    external_id: r.external_id,
                    name: r.name,
                    fields: in_file_order(row.json(r.fields)?, &r.columns),
                    state: state_name(r.state, r.closed_as).into_owned(),
                    because: r.held_by.unwrap_or(r.because),
                    next_at: (r.state == 0).then(|| wall(r.next_attempt_at)),
                    attempts: count(r.attempts),
                    last,
                    outcome,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(page.page(rows, |r| r.prospect.0))
    }

    /// How long an agent was in each state from `from` to `to`, by the state's name. The state at `from`
    /// counts; the newest one lasts until `to`.
    ///
    /// # Errors
    /// As the database.
    pub async fn agent_time(
        &self,
        agent: AgentId,
        from: WallTime,
        to: WallTime,
    ) -> Result<Vec<(String, Duration)>, Error> {
        let rows = sqlx::query!(
            r#"SELECT state, extract(epoch FROM sum(greatest(until, $2) - greatest(at, $2)))::bigint AS "seconds!"
               FROM (SELECT state, at, least(coalesce(lead(at) OVER (ORDER BY at, id), $3), $3) AS until
                     FROM agent_state_log
                     WHERE agent_id = $1 AND at < $3
                       AND at >= coalesce((SELECT max(at) FROM agent_state_log
                                           WHERE agent_id = $1 AND at <= $2), $2)) spans
               GROUP BY state ORDER BY state"#,
            agent.0,
            stamp(from),
            stamp(to)
        )
        .fetch_all(&self.api)
        .await
        .map_err(|e| Error::from_sqlx("agent_time", e))?;
        Ok(rows
            .into_iter()
            .map(|r| (r.state, Duration::from_secs(count(r.seconds))))
            .collect())
    }
}

fn state_name(state: i16, closed_as: Option<String>) -> std::borrow::Cow<'static, str> {
    match (state, closed_as) {
        (0, _) => "due".into(),
        (1 | 2, _) => "in_call".into(),
        (3, _) => "awaiting_outcome".into(),
        (4, _) => "held".into(),
        (_, closed_as) => closed_as.unwrap_or_else(|| "closed".to_owned()).into(),
    }
}
