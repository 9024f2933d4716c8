//! A campaign between the contract and its rows.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use announce::{Gate, Keys, Message, Segment};
use compliance::{DailyHours, Span};
use engine::{CallbackRule, MissedCallback, Mode, RetryRule, RetryTable};
use model::{
    AgentGroupId, CallResult, CampaignId, Disposition, DispositionAction, DispositionKind,
    QuestionnaireId, TrunkGroupId, standard_dispositions,
};
use proto::supervisor::v1 as pb;
use serde::{Deserialize, Serialize};
use store::CampaignConfig;

use crate::convert::{
    instant, length, length_within, number, present, small, span, stamp, text_within,
};
use crate::services::{mode_to_proto, state_to_proto};
use crate::{Error, FieldProblem};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// What a campaign's row keeps as its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) ring_limit_ms: u64,
    pub(crate) set_up_limit_ms: u64,
    pub(crate) hours: Option<DailyHours>,
    pub(crate) retry: RetryTable,
    pub(crate) machine_message_is_success: bool,
    pub(crate) wrap_up_limit_ms: u64,
    pub(crate) preview_limit_ms: u64,
    pub(crate) lost_agent_limit_ms: u64,
    pub(crate) greeting: String,
    pub(crate) message: Option<Message>,
    pub(crate) abandoned_message: Vec<Segment>,
    pub(crate) abandoned_voice: String,
    #[serde(default = "return_limit_ms")]
    pub(crate) return_limit_ms: u64,
    #[serde(default = "wrap_up_extension_ms")]
    pub(crate) wrap_up_extension_ms: u64,
    #[serde(default = "callback_rule")]
    pub(crate) callbacks: CallbackRule,
    #[serde(default)]
    pub(crate) route_by_language: bool,
}

// What campaigns have that were made before there was a choice.
const fn return_limit_ms() -> u64 {
    8_000
}

const fn wrap_up_extension_ms() -> u64 {
    300_000
}

const fn callback_rule() -> CallbackRule {
    CallbackRule {
        tolerance: Duration::from_secs(600),
        missed: MissedCallback::Wait,
    }
}

/// Reads a campaign of the contract, with everything that is wrong in itself. Whether what it names exists
/// is looked at when it is checked or started.
pub(crate) fn read(given: pb::Campaign) -> Result<CampaignConfig, Error> {
    let mut found = Problems::default();
    let mode = match given.mode() {
        pb::Mode::Unspecified => {
            found.add("mode", "missing", "choose how it meets people");
            Mode::Progressive
        }
        pb::Mode::Predictive => Mode::Predictive,
        pb::Mode::Progressive => Mode::Progressive,
        pb::Mode::Preview => Mode::Preview,
        pb::Mode::Notification => Mode::Notification,
    };
    let config = CampaignConfig {
        name: found.keep(text_within("campaign.name", &given.name, 200)),
        seller: found.keep(text_within("campaign.seller", &given.seller, 200)),
        purpose: found.keep(text_within("campaign.purpose", &given.purpose, 100)),
        subject: present(given.subject.clone()),
        mode,
        policy: match given.policy.as_str() {
            "" if mode == Mode::Notification => "lines".to_owned(),
            "" => "progressive".to_owned(),
            policy => policy.to_owned(),
        },
        groups: given.group_ids.iter().copied().map(AgentGroupId).collect(),
        trunk_group: TrunkGroupId(given.trunk_group_id),
        caller: match number("campaign.caller", &given.caller) {
            Ok(caller) => caller,
            Err(problem) => {
                found.0.push(problem);
                return Err(Error::Invalid(found.0));
            }
        },
        starts_at: given.starts_at.map(instant),
        ends_at: given.ends_at.map(instant),
        questionnaire: present(given.questionnaire_id).map(QuestionnaireId),
        profiles: given.profiles.clone(),
        dispositions: dispositions(&given.dispositions, &mut found),
        settings: serde_json::Value::Null,
    };
    if let Err(error) = config.policy.parse::<pacing::PolicyName>() {
        found.add("policy", "unknown", error.to_string());
    }
    if config.profiles.is_empty() {
        found.add(
            "profiles",
            "missing",
            "name at least one calling-rule profile",
        );
    }
    if config
        .ends_at
        .is_some_and(|end| config.starts_at.is_some_and(|start| end <= start))
    {
        found.add("ends_at", "not_later", "must be later than starts_at");
    }
    let settings = settings(given, &mut found);
    if !found.0.is_empty() {
        return Err(Error::Invalid(found.0));
    }
    let settings = serde_json::to_value(settings)
        .map_err(|e| Error::Internal(format!("settings of a campaign cannot be written: {e}")))?;
    Ok(CampaignConfig { settings, ..config })
}

fn settings(given: pb::Campaign, found: &mut Problems) -> Settings {
    let ms = |l: Duration| u64::try_from(l.as_millis()).unwrap_or(u64::MAX);
    let mut limit = |field: &str, given, absent: u64, from: u64, to: u64| {
        let field = format!("campaign.{field}");
        ms(found.keep(length_within(
            &field,
            given,
            SECOND * u32_of(absent),
            SECOND * u32_of(from),
            SECOND * u32_of(to),
        )))
    };
    Settings {
        ring_limit_ms: limit("ring_limit", given.ring_limit, 25, 5, 180),
        set_up_limit_ms: limit("set_up_limit", given.set_up_limit, 12, 1, 60),
        wrap_up_limit_ms: limit("wrap_up_limit", given.wrap_up_limit, 60, 5, 3_600),
        preview_limit_ms: limit("preview_limit", given.preview_limit, 120, 5, 3_600),
        lost_agent_limit_ms: limit("lost_agent_limit", given.lost_agent_limit, 10, 1, 60),
        return_limit_ms: limit("return_limit", given.return_limit, 8, 0, 60),
        wrap_up_extension_ms: limit("wrap_up_extension", given.wrap_up_extension, 300, 0, 3_600),
        callbacks: callbacks(given.callbacks.unwrap_or_default(), found),
        route_by_language: given.route_by_language,
        hours: hours(&given.hours, found),
        retry: retry(given.retry.unwrap_or_default(), found),
        machine_message_is_success: given.machine_message_is_success,
        greeting: given.greeting,
        message: given.message.and_then(|m| message(m, found)),
        abandoned_message: segments("abandoned_message", given.abandoned_message, found),
        abandoned_voice: given.abandoned_voice,
    }
}

fn callbacks(given: pb::CallbackRule, found: &mut Problems) -> CallbackRule {
    let missed = given.missed();
    let tolerance = found.keep(length_within(
        "campaign.callbacks.tolerance",
        given.tolerance,
        SECOND * 600,
        SECOND * 10,
        DAY,
    ));
    let by = found.keep(length_within(
        "campaign.callbacks.reschedule_by",
        given.reschedule_by,
        SECOND * 1_800,
        SECOND * 60,
        DAY * 7,
    ));
    let missed = match missed {
        pb::MissedCallback::Unspecified | pb::MissedCallback::Wait => MissedCallback::Wait,
        pb::MissedCallback::Reschedule => MissedCallback::Reschedule { by },
        pb::MissedCallback::MakePublic => MissedCallback::MakePublic,
    };
    CallbackRule { tolerance, missed }
}

fn show_callbacks(is: CallbackRule) -> pb::CallbackRule {
    let (missed, by) = match is.missed {
        MissedCallback::Wait => (pb::MissedCallback::Wait, None),
        MissedCallback::Reschedule { by } => (pb::MissedCallback::Reschedule, Some(span(by))),
        MissedCallback::MakePublic => (pb::MissedCallback::MakePublic, None),
    };
    pb::CallbackRule {
        tolerance: Some(span(is.tolerance)),
        missed: missed.into(),
        reschedule_by: by,
    }
}

fn u32_of(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn hours(given: &[pb::DailyHours], found: &mut Problems) -> Option<DailyHours> {
    if given.is_empty() {
        return None;
    }
    let mut week = DailyHours::default();
    for (i, row) in given.iter().enumerate() {
        let field = format!("hours[{i}]");
        let times = row
            .open
            .parse()
            .and_then(|open| Ok((open, row.close.parse()?)))
            .and_then(|(open, close)| Span::new(open, close));
        let span = match times {
            Ok(span) => span,
            Err(error) => {
                found.add(&field, "not_hours", error.to_string());
                continue;
            }
        };
        let days = if row.weekdays.is_empty() {
            (1..=7).collect()
        } else {
            row.weekdays.clone()
        };
        for day in days {
            match day {
                1 => week.mon.push(span),
                2 => week.tue.push(span),
                3 => week.wed.push(span),
                4 => week.thu.push(span),
                5 => week.fri.push(span),
                6 => week.sat.push(span),
                7 => week.sun.push(span),
                _ => found.add(
                    &format!("{field}.weekdays"),
                    "out_of_range",
                    "give 1 (Monday) to 7",
                ),
            }
        }
    }
    Some(week)
}

fn retry(given: pb::RetryTable, found: &mut Problems) -> RetryTable {
    let standard = RetryTable::default();
    let mut tries = |field: &str, given: i32, absent: u32| match u32::try_from(given) {
        Ok(0) => absent,
        Ok(n) if n <= 100 => n,
        _ => {
            found.add(&format!("retry.{field}"), "out_of_range", "give 1 to 100");
            absent
        }
    };
    let mut table = RetryTable {
        tries_per_phone: tries(
            "tries_per_phone",
            given.tries_per_phone,
            standard.tries_per_phone,
        ),
        tries_per_prospect: tries(
            "tries_per_prospect",
            given.tries_per_prospect,
            standard.tries_per_prospect,
        ),
        tries_per_day: tries("tries_per_day", given.tries_per_day, standard.tries_per_day),
        ..standard
    };
    let absent = Duration::from_secs(table.no_outcome_after_s);
    let field = "campaign.retry.no_outcome_after";
    let after = length_within(field, given.no_outcome_after, absent, SECOND, DAY * 30);
    table.no_outcome_after_s = found.keep(after).as_secs();
    for (name, rule) in given.rules {
        let field = format!("retry.rules[{name}]");
        let Ok(result) = name.parse::<CallResult>() else {
            found.add(&field, "unknown", "is not a call result");
            continue;
        };
        let mut after_s = Vec::with_capacity(rule.after.len());
        for delay in rule.after {
            match length(delay).filter(|d| *d <= DAY * 365) {
                Some(delay) => after_s.push(delay.as_secs()),
                None => found.add(
                    &format!("{field}.after"),
                    "out_of_range",
                    "give 0 s to 365 days",
                ),
            }
        }
        let rule = RetryRule {
            after_s,
            hunt: rule.hunt,
            reserved_agent: rule.reserved_agent,
        };
        table.rules.insert(result, rule);
    }
    table
}

fn dispositions(given: &[pb::Disposition], found: &mut Problems) -> Vec<Disposition> {
    let standard = standard_dispositions();
    if given.is_empty() {
        return standard;
    }
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(given.len());
    for (i, row) in given.iter().enumerate() {
        let field = format!("dispositions[{i}]");
        let plain = row
            .code
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b == b'_');
        if row.code.is_empty() || row.code.len() > 40 || !plain {
            found.add(
                &format!("{field}.code"),
                "not_a_code",
                "give 1 to 40 small letters and underscores",
            );
            continue;
        }
        if !seen.insert(row.code.as_str()) {
            found.add(
                &format!("{field}.code"),
                "repeated",
                format!("\"{}\" stands there twice", row.code),
            );
            continue;
        }
        let known = standard.iter().find(|d| d.code == row.code);
        let bare = row.label.is_empty() && row.kind == 0 && row.action == 0;
        if let (true, Some(known)) = (bare, known) {
            all.push(known.clone());
            continue;
        }
        let kind = kind(row.kind()).or(known.map(|d| d.kind));
        let after = row.try_again_after.and_then(length);
        let action = action(row.action(), after).or(known.map(|d| d.action.clone()));
        let label = match row.label.as_str() {
            "" => known.map(|d| d.label.clone()),
            label => Some(Cow::Owned(label.to_owned())),
        };
        let (Some(kind), Some(action), Some(label)) = (kind, action, label) else {
            let text = "is not a standard disposition; give its label, kind and action";
            found.add(&field, "incomplete", text);
            continue;
        };
        let code = Cow::Owned(row.code.clone());
        all.push(Disposition {
            code,
            label,
            kind,
            action,
            success: row.success,
        });
    }
    all
}

const fn kind(kind: pb::DispositionKind) -> Option<DispositionKind> {
    Some(match kind {
        pb::DispositionKind::Unspecified => return None,
        pb::DispositionKind::CallBack => DispositionKind::CallBack,
        pb::DispositionKind::Negative => DispositionKind::Negative,
        pb::DispositionKind::Sale => DispositionKind::Sale,
        pb::DispositionKind::Appointment => DispositionKind::Appointment,
        pb::DispositionKind::FollowUp => DispositionKind::FollowUp,
        pb::DispositionKind::Information => DispositionKind::Information,
        pb::DispositionKind::Technical => DispositionKind::Technical,
    })
}

fn action(action: pb::DispositionAction, after: Option<Duration>) -> Option<DispositionAction> {
    Some(match action {
        pb::DispositionAction::Unspecified => return None,
        pb::DispositionAction::CloseProspect => DispositionAction::CloseProspect,
        pb::DispositionAction::ClosePhone => DispositionAction::ClosePhone,
        pb::DispositionAction::SuppressPerson => DispositionAction::SuppressPerson,
        pb::DispositionAction::CallBackPrivate => DispositionAction::CallBack { private: true },
        pb::DispositionAction::CallBackPublic => DispositionAction::CallBack { private: false },
        pb::DispositionAction::TryAgain => DispositionAction::TryAgain {
            after: after.unwrap_or(DAY),
        },
    })
}

fn message(given: pb::Message, found: &mut Problems) -> Option<Message> {
    let standard = Keys::default();
    let keys = given.keys.unwrap_or_default();
    let mut key = |field: &str, text: &str, absent: char| {
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (None, _) => absent,
            (Some(key), None) => key,
            (Some(_), Some(_)) => {
                found.add(
                    &format!("message.keys.{field}"),
                    "not_a_key",
                    "give one of 0-9, * and #",
                );
                absent
            }
        }
    };
    let keys = Keys {
        confirm: key("confirm", &keys.confirm, standard.confirm),
        wrong_person: key("wrong_person", &keys.wrong_person, standard.wrong_person),
        repeat: key("repeat", &keys.repeat, standard.repeat),
        opt_out: key("opt_out", &keys.opt_out, standard.opt_out),
    };
    let gate = given.gate.map(|gate| Gate {
        wait: found.keep(length_within(
            "campaign.message.gate.wait",
            gate.wait,
            SECOND * 10,
            SECOND,
            SECOND * 60,
        )),
        prompt: segments("message.gate.prompt", gate.prompt, found),
    });
    let message = Message {
        language: match given.language.parse() {
            Ok(language) => language,
            Err(error) => {
                let error: announce::UnknownLanguage = error;
                found.add("message.language", "unknown", error.to_string());
                return None;
            }
        },
        voice: given.voice,
        options: announce::Options::default(),
        identification: segments("message.identification", given.identification, found),
        gate,
        body: segments("message.body", given.body, found),
        goodbye: segments("message.goodbye", given.goodbye, found),
        keys,
        amount_without_check: present(given.amount_without_check),
    };
    Some(message)
}

fn segments(field: &str, given: Vec<pb::Segment>, found: &mut Problems) -> Vec<Segment> {
    use pb::segment::Say;
    let mut all = Vec::with_capacity(given.len());
    for (i, segment) in given.into_iter().enumerate() {
        let field = format!("{field}[{i}]");
        all.push(match segment.say {
            Some(Say::Recording(name)) => Segment::Recording { name },
            Some(Say::Prompts(prompts)) => Segment::Prompts { ids: prompts.ids },
            Some(Say::Amount(_)) => Segment::Amount,
            Some(Say::DigitsField(field)) => Segment::Digits { field },
            Some(Say::Silence(span)) => {
                let least = Duration::from_millis(10);
                let given = length_within(
                    &format!("campaign.{field}"),
                    Some(span),
                    least,
                    least,
                    SECOND * 10,
                );
                let ms = found.keep(given).as_millis();
                Segment::Silence {
                    ms: u32::try_from(ms).unwrap_or(u32::MAX),
                }
            }
            None => {
                found.add(&field, "missing", "says nothing");
                continue;
            }
        });
    }
    all
}

/// A campaign as the contract shows it.
///
/// # Errors
/// [`Error::Internal`] when its settings cannot be read.
pub(crate) fn show(is: &store::Campaign) -> Result<pb::Campaign, Error> {
    Ok(pb::Campaign {
        version: small(is.version),
        state: state_to_proto(is.state).into(),
        state_because: is.state_because.clone(),
        state_since: Some(stamp(is.state_at)),
        list_ids: is.lists.iter().map(|l| l.0).collect(),
        ..show_config(is.id, &is.config)?
    })
}

/// What is configured, without state, version and lists.
///
/// # Errors
/// [`Error::Internal`] when its settings cannot be read.
pub(crate) fn show_config(id: CampaignId, config: &CampaignConfig) -> Result<pb::Campaign, Error> {
    let settings = settings_of(id, config)?;
    let limit = |ms: u64| Some(span(Duration::from_millis(ms)));
    Ok(pb::Campaign {
        campaign_id: id.0,
        name: config.name.clone(),
        seller: config.seller.clone(),
        purpose: config.purpose.clone(),
        subject: config.subject.clone().unwrap_or_default(),
        mode: mode_to_proto(config.mode).into(),
        policy: config.policy.clone(),
        group_ids: config.groups.iter().map(|g| g.0).collect(),
        trunk_group_id: config.trunk_group.0,
        caller: config.caller.to_string(),
        ring_limit: limit(settings.ring_limit_ms),
        set_up_limit: limit(settings.set_up_limit_ms),
        starts_at: config.starts_at.map(stamp),
        ends_at: config.ends_at.map(stamp),
        hours: settings.hours.as_ref().map(show_hours).unwrap_or_default(),
        profiles: config.profiles.clone(),
        retry: Some(show_retry(&settings.retry)),
        machine_message_is_success: settings.machine_message_is_success,
        wrap_up_limit: limit(settings.wrap_up_limit_ms),
        preview_limit: limit(settings.preview_limit_ms),
        lost_agent_limit: limit(settings.lost_agent_limit_ms),
        questionnaire_id: config.questionnaire.map(|q| q.0).unwrap_or_default(),
        greeting: settings.greeting,
        dispositions: config.dispositions.iter().map(show_disposition).collect(),
        message: settings.message.map(show_message),
        abandoned_message: settings
            .abandoned_message
            .into_iter()
            .map(show_segment)
            .collect(),
        abandoned_voice: settings.abandoned_voice,
        return_limit: limit(settings.return_limit_ms),
        wrap_up_extension: limit(settings.wrap_up_extension_ms),
        callbacks: Some(show_callbacks(settings.callbacks)),
        route_by_language: settings.route_by_language,
        ..pb::Campaign::default()
    })
}

pub(crate) fn read_settings(is: &store::Campaign) -> Result<Settings, Error> {
    settings_of(is.id, &is.config)
}

fn settings_of(id: CampaignId, config: &CampaignConfig) -> Result<Settings, Error> {
    serde_json::from_value(config.settings.clone())
        .map_err(|e| Error::Internal(format!("the settings of campaign {id} cannot be read: {e}")))
}

fn show_hours(week: &DailyHours) -> Vec<pb::DailyHours> {
    use chrono::Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    [
        (1, Mon),
        (2, Tue),
        (3, Wed),
        (4, Thu),
        (5, Fri),
        (6, Sat),
        (7, Sun),
    ]
    .into_iter()
    .flat_map(|(number, day)| {
        week.of(day).iter().map(move |span| {
            let (open, close) = (*span).into();
            pb::DailyHours {
                weekdays: vec![number],
                open: open.to_string(),
                close: close.to_string(),
            }
        })
    })
    .collect()
}

fn show_retry(table: &RetryTable) -> pb::RetryTable {
    pb::RetryTable {
        rules: table
            .rules
            .iter()
            .map(|(result, rule)| {
                let rule = pb::RetryRule {
                    after: rule
                        .after_s
                        .iter()
                        .map(|s| span(Duration::from_secs(*s)))
                        .collect(),
                    hunt: rule.hunt,
                    reserved_agent: rule.reserved_agent,
                };
                (result.as_str().to_owned(), rule)
            })
            .collect(),
        tries_per_phone: small(table.tries_per_phone),
        tries_per_prospect: small(table.tries_per_prospect),
        tries_per_day: small(table.tries_per_day),
        no_outcome_after: Some(span(Duration::from_secs(table.no_outcome_after_s))),
    }
}

fn show_disposition(is: &Disposition) -> pb::Disposition {
    let kind = match is.kind {
        DispositionKind::CallBack => pb::DispositionKind::CallBack,
        DispositionKind::Negative => pb::DispositionKind::Negative,
        DispositionKind::Sale => pb::DispositionKind::Sale,
        DispositionKind::Appointment => pb::DispositionKind::Appointment,
        DispositionKind::FollowUp => pb::DispositionKind::FollowUp,
        DispositionKind::Information => pb::DispositionKind::Information,
        DispositionKind::Technical => pb::DispositionKind::Technical,
    };
    let (action, after) = match is.action {
        DispositionAction::CloseProspect => (pb::DispositionAction::CloseProspect, None),
        DispositionAction::ClosePhone => (pb::DispositionAction::ClosePhone, None),
        DispositionAction::SuppressPerson => (pb::DispositionAction::SuppressPerson, None),
        DispositionAction::CallBack { private: true } => {
            (pb::DispositionAction::CallBackPrivate, None)
        }
        DispositionAction::CallBack { private: false } => {
            (pb::DispositionAction::CallBackPublic, None)
        }
        DispositionAction::TryAgain { after } => {
            (pb::DispositionAction::TryAgain, Some(span(after)))
        }
    };
    pb::Disposition {
        code: is.code.to_string(),
        label: is.label.to_string(),
        kind: kind.into(),
        action: action.into(),
        try_again_after: after,
        success: is.success,
    }
}

fn show_message(is: Message) -> pb::Message {
    let all = |segments: Vec<Segment>| segments.into_iter().map(show_segment).collect();
    pb::Message {
        language: is.language.to_string(),
        voice: is.voice,
        identification: all(is.identification),
        gate: is.gate.map(|gate| pb::IdentityCheck {
            prompt: all(gate.prompt),
            wait: Some(span(gate.wait)),
        }),
        body: all(is.body),
        goodbye: all(is.goodbye),
        keys: Some(pb::MessageKeys {
            confirm: is.keys.confirm.to_string(),
            wrong_person: is.keys.wrong_person.to_string(),
            repeat: is.keys.repeat.to_string(),
            opt_out: is.keys.opt_out.to_string(),
        }),
        amount_without_check: is.amount_without_check.unwrap_or_default(),
    }
}

fn show_segment(is: Segment) -> pb::Segment {
    use pb::segment::Say;
    let say = match is {
        Segment::Recording { name } => Say::Recording(name),
        Segment::Prompts { ids } => Say::Prompts(pb::Prompts { ids }),
        Segment::Amount => Say::Amount(pb::Amount {}),
        Segment::Digits { field } => Say::DigitsField(field),
        Segment::Silence { ms } => Say::Silence(span(Duration::from_millis(ms.into()))),
    };
    pb::Segment { say: Some(say) }
}

/// Does something with every field of a campaign that can be configured, in the order of the contract.
macro_rules! each_field {
    ($do:ident) => {
        $do!(
            name seller purpose subject mode policy group_ids trunk_group_id caller ring_limit set_up_limit
            starts_at ends_at hours profiles retry machine_message_is_success wrap_up_limit preview_limit
            lost_agent_limit questionnaire_id greeting dispositions message abandoned_message abandoned_voice
            return_limit wrap_up_extension callbacks route_by_language
        )
    };
}

/// Lays the named fields of `to` over `is`; without a mask, every field that is not empty.
///
/// # Errors
/// [`Error::Invalid`] for a name that cannot be changed.
pub(crate) fn merge(
    is: &mut pb::Campaign,
    to: pb::Campaign,
    mask: Option<prost_types::FieldMask>,
) -> Result<(), Error> {
    let named: Option<BTreeSet<String>> = mask.map(|m| m.paths.into_iter().collect());
    let empty = pb::Campaign::default();
    macro_rules! lay_over {
        ($($field:ident)*) => {
            const NAMES: &[&str] = &[$(stringify!($field)),*];
            if let Some(unknown) = named.iter().flatten().find(|n| !NAMES.contains(&n.as_str())) {
                let text = format!("\"{unknown}\" is no field of a campaign that can be changed");
                return Err(Error::invalid("update_mask", "unknown_field", text));
            }
            $(
                if named.as_ref().map_or(to.$field != empty.$field, |n| n.contains(stringify!($field))) {
                    is.$field = to.$field;
                }
            )*
        };
    }
    each_field!(lay_over);
    Ok(())
}

/// The fields that differ, and what they were before.
pub(crate) fn differences(before: pb::Campaign, is: &pb::Campaign) -> (Vec<String>, pb::Campaign) {
    let mut names = Vec::new();
    let mut were = pb::Campaign::default();
    macro_rules! compare {
        ($($field:ident)*) => {
            $(
                if before.$field != is.$field {
                    names.push(stringify!($field).to_owned());
                    were.$field = before.$field;
                }
            )*
        };
    }
    each_field!(compare);
    // Lists are changed by RPCs of their own.
    compare!(list_ids);
    (names, were)
}

/// Collects what is wrong, so that all of it is told at once.
#[derive(Default)]
struct Problems(Vec<FieldProblem>);

impl Problems {
    fn add(&mut self, field: &str, reason: &'static str, text: impl Into<String>) {
        self.0
            .push(FieldProblem::new(format!("campaign.{field}"), reason, text));
    }

    fn keep<T: Default>(&mut self, value: Result<T, FieldProblem>) -> T {
        value.unwrap_or_else(|problem| {
            self.0.push(problem);
            T::default()
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
