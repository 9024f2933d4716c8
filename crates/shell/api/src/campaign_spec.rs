//! From a campaign's row to what the engine works by, or everything that keeps it from working. A pure
//! function of what exists, so that the daemon asks it at its start too.

use std::collections::BTreeSet;
use std::error::Error as _;
use std::time::Duration;

use announce::{Available, Message, MessageError, Segment};
use compliance::{Profile, Rules};
use engine::{CampaignSpec, Mode, Sound};
use model::{Currency, WallTime};
use pacing::PolicyName;
use store::{AgentGroup, Campaign, Trunk, TrunkGroup};

use crate::campaign_config::{Settings, read_settings};
use crate::catalogue::Voice;
use crate::{Catalogue, FieldProblem};

/// What there is for a campaign to name.
#[derive(Clone, Copy, Debug)]
pub struct Existing<'a> {
    /// Profiles, voices and recordings.
    pub catalogue: &'a Catalogue,
    /// Groups of agents.
    pub groups: &'a [AgentGroup],
    /// Groups of trunks.
    pub trunk_groups: &'a [TrunkGroup],
    /// Trunks.
    pub trunks: &'a [Trunk],
    /// Currencies of the amounts in the campaign's lists.
    pub currencies: &'a [Currency],
    /// The instant by which profiles are in force and ends are in the past.
    pub at: WallTime,
}

/// What the engine works a campaign by.
///
/// # Errors
/// Everything that is wrong, in the order of the contract's fields.
pub fn campaign_spec(
    campaign: &Campaign,
    existing: &Existing<'_>,
) -> Result<CampaignSpec, Vec<FieldProblem>> {
    let mut check = Check {
        campaign,
        existing,
        problems: Vec::new(),
    };
    let settings = match read_settings(campaign) {
        Ok(settings) => settings,
        Err(error) => return Err(vec![FieldProblem::new("", "unreadable", error.to_string())]),
    };
    check.lists();
    let policy = check.policy();
    check.groups();
    check.trunks();
    check.dates();
    check.dispositions();
    let rules = check.rules(&settings);
    if let Some(rules) = &rules {
        check.ringing(&settings, rules);
    }
    let message = check.message(&settings);
    let abandoned_message = check.abandoned(&settings, rules.as_ref());
    let (Some(policy), Some(rules), true) = (policy, rules, check.problems.is_empty()) else {
        return Err(check.problems);
    };
    let config = &campaign.config;
    let ms = Duration::from_millis;
    Ok(CampaignSpec {
        id: campaign.id,
        version: campaign.version,
        name: config.name.clone(),
        state: campaign.state,
        seller: config.seller.clone(),
        purpose: config.purpose.clone(),
        subject: config.subject.clone(),
        mode: config.mode,
        policy,
        groups: config.groups.clone(),
        trunk_group: config.trunk_group,
        caller: config.caller,
        ring_limit: ms(settings.ring_limit_ms),
        set_up_limit: ms(settings.set_up_limit_ms),
        starts_at: config.starts_at,
        ends_at: config.ends_at,
        rules,
        retry: settings.retry,
        machine_message_is_success: settings.machine_message_is_success,
        wrap_up_limit: ms(settings.wrap_up_limit_ms),
        preview_limit: ms(settings.preview_limit_ms),
        wrap_up_extension: ms(settings.wrap_up_extension_ms),
        return_limit: ms(settings.return_limit_ms),
        lost_agent_limit: ms(settings.lost_agent_limit_ms),
        callbacks: settings.callbacks,
        route_by_language: settings.route_by_language,
        questionnaire: config.questionnaire,
        greeting: settings.greeting,
        dispositions: config.dispositions.clone(),
        message,
        abandoned_message,
    })
}

/// What a supervisor should know but that holds nothing back.
pub(crate) fn warnings(spec: &CampaignSpec, existing: &Existing<'_>) -> Vec<String> {
    let mut warnings: Vec<String> = spec
        .rules
        .unconfirmed()
        .map(|id| format!("profile {id} rests on sources that nobody has confirmed; have it checked by a lawyer"))
        .collect();
    let manned = existing
        .groups
        .iter()
        .any(|g| spec.groups.contains(&g.id) && !g.members.is_empty());
    if spec.mode != Mode::Notification && !manned {
        warnings
            .push("no agent belongs to its groups; nothing is dialled until one does".to_owned());
    }
    warnings
}

struct Check<'a> {
    campaign: &'a Campaign,
    existing: &'a Existing<'a>,
    problems: Vec<FieldProblem>,
}

impl Check<'_> {
    fn add(&mut self, field: &str, reason: &'static str, text: impl Into<String>) {
        self.problems.push(FieldProblem::new(field, reason, text));
    }

    fn lists(&mut self) {
        if self.campaign.lists.is_empty() {
            self.add("list_ids", "missing", "has no list to call; add one");
        }
    }

    fn policy(&mut self) -> Option<PolicyName> {
        let config = &self.campaign.config;
        let policy = match config.policy.parse() {
            Ok(policy) => policy,
            Err(error) => {
                let error: pacing::UnknownPolicy = error;
                self.add("policy", "unknown", error.to_string());
                return None;
            }
        };
        // Lines without agents would be answered by nobody.
        let lines = policy == PolicyName::Lines;
        if lines != (config.mode == Mode::Notification) {
            let text = "lines is for notification, and notification has no other policy";
            self.add("policy", "wrong_mode", text);
        }
        Some(policy)
    }

    fn groups(&mut self) {
        let config = &self.campaign.config;
        let agentless = config.mode == Mode::Notification;
        if config.groups.is_empty() && !agentless {
            self.add(
                "group_ids",
                "missing",
                "needs agents; name at least one group",
            );
        }
        if agentless && !config.groups.is_empty() {
            self.add(
                "group_ids",
                "not_allowed",
                "a notification has no agents; name no group",
            );
        }
        for group in &config.groups {
            if !self.existing.groups.iter().any(|g| g.id == *group) {
                self.add(
                    "group_ids",
                    "not_found",
                    format!("group {group} does not exist"),
                );
            }
        }
    }

    fn trunks(&mut self) {
        let group = self.campaign.config.trunk_group;
        if !self.existing.trunk_groups.iter().any(|g| g.id == group) {
            self.add(
                "trunk_group_id",
                "not_found",
                format!("trunk group {group} does not exist"),
            );
        } else if !self
            .existing
            .trunks
            .iter()
            .any(|t| t.settings.group == group && t.settings.enabled)
        {
            let text = format!("trunk group {group} has no trunk in service; enable one");
            self.add("trunk_group_id", "no_trunk", text);
        }
    }

    fn dates(&mut self) {
        if self
            .campaign
            .config
            .ends_at
            .is_some_and(|end| end <= self.existing.at)
        {
            self.add(
                "ends_at",
                "past",
                "is in the past; give a later instant, or none",
            );
        }
    }

    fn dispositions(&mut self) {
        let config = &self.campaign.config;
        if config.dispositions.is_empty() && config.mode != Mode::Notification {
            self.add(
                "dispositions",
                "missing",
                "an outcome needs at least one disposition",
            );
        }
    }

    fn rules(&mut self, settings: &Settings) -> Option<Rules> {
        let today = self.existing.at.utc().date_naive();
        let mut versions: Vec<Profile> = Vec::new();
        let mut known = true;
        for name in &self.campaign.config.profiles {
            let of_name: Vec<Profile> = self.existing.catalogue.profile(name).cloned().collect();
            if of_name.is_empty() {
                known = false;
                let there = self
                    .existing
                    .catalogue
                    .profile_ids()
                    .into_iter()
                    .collect::<Vec<_>>();
                let text = format!(
                    "profile \"{name}\" does not exist; there are: {}",
                    there.join(", ")
                );
                self.add("profiles", "not_found", text);
            } else if !of_name.iter().any(|p| p.in_force(today)) {
                known = false;
                let text = format!("no version of profile \"{name}\" is in force today");
                self.add("profiles", "not_in_force", text);
            }
            versions.extend(of_name);
        }
        if !known {
            return None;
        }
        match Rules::combine(&versions, settings.hours.as_ref()) {
            Ok(rules) => Some(rules),
            Err(error) => {
                self.add("profiles", "not_combinable", error.to_string());
                None
            }
        }
    }

    fn ringing(&mut self, settings: &Settings, rules: &Rules) {
        let least = rules.abandon().min_ring;
        if Duration::from_millis(settings.ring_limit_ms) < least {
            let (is, least) = (settings.ring_limit_ms / 1_000, least.as_secs());
            let text = format!("is {is} s; its profiles ask for at least {least} s");
            self.add("ring_limit", "below_profile_minimum", text);
        }
    }

    fn message(&mut self, settings: &Settings) -> Option<Message> {
        let agentless = self.campaign.config.mode == Mode::Notification;
        match (&settings.message, agentless) {
            (None, true) => self.add("message", "missing", "a notification needs a message"),
            (Some(_), false) => self.add(
                "message",
                "not_allowed",
                "only a notification has a message",
            ),
            (None, false) | (Some(_), true) => {}
        }
        let message = settings.message.as_ref().filter(|_| agentless)?;
        let catalogue = self.existing.catalogue;
        let voice = catalogue.voice(&message.voice, Some(message.language));
        if voice.is_none() && message.needs_voice() {
            let text = self.no_voice(&message.voice);
            self.add("message.voice", "not_found", text);
            return None;
        }
        let message = Message {
            voice: voice.map_or_else(String::new, |v| v.name.clone()),
            ..message.clone()
        };
        let no_prompts = BTreeSet::new();
        let available = Available {
            prompts: voice.map_or(&no_prompts, |v| &v.prompts),
            recordings: self.existing.catalogue.recordings(),
            currencies: self.existing.currencies,
        };
        if let Err(error) = message.validate(&available) {
            let text = match error.source() {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            };
            self.add(message_field(&error), "not_playable", text);
        }
        Some(message)
    }

    fn abandoned(&mut self, settings: &Settings, rules: Option<&Rules>) -> Vec<Sound> {
        let field = "abandoned_message";
        let catalogue = self.existing.catalogue;
        let must = rules.is_some_and(|r| r.abandon().message_required);
        // Nobody waits for an agent where the agent dials, or where there is none.
        let can_abandon = matches!(
            self.campaign.config.mode,
            Mode::Predictive | Mode::Progressive
        );
        if settings.abandoned_message.is_empty() {
            if must && can_abandon {
                let what = rules.map(|r| r.abandon().message_must_contain.join(", "));
                let what = what.unwrap_or_default();
                self.add(
                    field,
                    "missing",
                    format!("its profiles ask for a message that contains: {what}"),
                );
            }
            return Vec::new();
        }
        let voice = catalogue.voice(&settings.abandoned_voice, None);
        let mut sounds = Vec::with_capacity(settings.abandoned_message.len());
        for segment in &settings.abandoned_message {
            match segment {
                Segment::Silence { ms } => {
                    sounds.push(Sound::Silence {
                        length: Duration::from_millis((*ms).into()),
                    });
                }
                Segment::Recording { name } => {
                    if !catalogue.recordings().contains(name) {
                        self.add(
                            field,
                            "not_found",
                            format!("recording \"{name}\" is not there"),
                        );
                    }
                    sounds.push(Sound::Recording { name: name.clone() });
                }
                Segment::Prompts { ids } => match voice {
                    Some(voice) => {
                        self.missing_prompts(field, voice, ids);
                        let voice = voice.name.clone();
                        sounds.push(Sound::Prompts {
                            voice,
                            ids: ids.clone(),
                        });
                    }
                    None => {
                        let text = self.no_voice(&settings.abandoned_voice);
                        self.add("abandoned_voice", "not_found", text);
                    }
                },
                Segment::Amount | Segment::Digits { .. } => {
                    let text = "must not tell a person's own facts: nobody knows who listens";
                    self.add(field, "personal", text);
                }
            }
        }
        sounds
    }

    fn missing_prompts(&mut self, field: &str, voice: &Voice, ids: &[String]) {
        let missing: BTreeSet<&str> = ids
            .iter()
            .filter(|id| !voice.prompts.contains(*id))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
            self.add(
                field,
                "not_found",
                format!("voice \"{}\" lacks {missing}", voice.name),
            );
        }
    }

    fn no_voice(&self, name: &str) -> String {
        let there = self
            .existing
            .catalogue
            .voice_names()
            .collect::<Vec<_>>()
            .join(", ");
        if name.is_empty() {
            format!("no voice is installed for its language; there are: {there}")
        } else {
            format!("voice \"{name}\" is not installed; there are: {there}")
        }
    }
}

const fn message_field(error: &MessageError) -> &'static str {
    match error {
        MessageError::NoIdentification => "message.identification",
        MessageError::NoBody | MessageError::Amount { .. } => "message.body",
        MessageError::NoGate => "message.gate",
        MessageError::Keys => "message.keys",
        MessageError::Personal { .. }
        | MessageError::MissingPrompts { .. }
        | MessageError::MissingRecordings { .. } => "message",
    }
}

#[cfg(test)]
mod tests;
