//! Messages of the API as JSON and back, by the descriptors that the messages were generated from.
//!
//! The proto3 JSON mapping with the names of the proto files, 64-bit numbers as numbers, and enum values in
//! small letters without their prefix: `"state": "running"`. On the way in also durations like `25m`.

use std::sync::OnceLock;

use anyhow::Context;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind,
    MessageDescriptor, SerializeOptions,
};
use serde_json::Value;

/// A message that is shown or read.
pub trait Named: Message + Default {
    /// Its full name in the proto files.
    const NAME: &'static str;
}

macro_rules! named {
    ($($package:literal $module:path { $($message:ident)* })*) => {
        $(mod_impls!($package $module { $($message)* });)*
        #[cfg(test)]
        const ALL: &[&str] = &[$($(concat!($package, ".", stringify!($message)),)*)*];
    };
}
macro_rules! mod_impls {
    ($package:literal $module:path { $($message:ident)* }) => {
        const _: () = {
            use $module as module;
            $(impl Named for module::$message {
                const NAME: &'static str = concat!($package, ".", stringify!($message));
            })*
        };
    };
}

named! {
    "outdial.admin.v1" proto::admin::v1 {
        CreateGroupResponse CreateTrunkGroupResponse CreateTrunkResponse CreateUserResponse GetMeResponse
        GetNodeStatusResponse Identity ListGroupsResponse ListTrunkGroupsResponse ListTrunksResponse
        ListUsersResponse LoginResponse SetTrunkEnabledResponse SetupResponse Trunk UpdateUserResponse User
    }
    "outdial.supervisor.v1" proto::supervisor::v1 {
        AddListResponse AddSuppressionsResponse Campaign CheckCampaignResponse CheckSuppressionResponse
        CreateCampaignResponse CreateQuestionnaireRequest CreateQuestionnaireResponse
        ExplainCampaignResponse GetCampaignResponse GetRejectedResponse ImportListResponse
        LiftHaltResponse ListCampaignVersionsResponse ListCampaignsResponse ListHaltsResponse ListImportsResponse
        ListListsResponse OrderHaltResponse PauseCampaignResponse Questionnaire RemoveListResponse ReportCampaignResponse
        ResumeCampaignResponse StartCampaignResponse StopCampaignResponse WatchBoardResponse
    }
}

fn descriptor(name: &str) -> anyhow::Result<MessageDescriptor> {
    static POOL: OnceLock<Result<DescriptorPool, String>> = OnceLock::new();
    let pool = POOL
        .get_or_init(|| DescriptorPool::decode(proto::DESCRIPTORS).map_err(|e| e.to_string()))
        .as_ref()
        .map_err(|e| anyhow::anyhow!("the API's descriptors cannot be read: {e}"))?;
    pool.get_message_by_name(name)
        .with_context(|| format!("the API has no message {name}"))
}

/// As JSON, with every field.
///
/// # Errors
/// Only when the descriptors are not those of the message.
pub fn to_json<M: Named>(message: &M) -> anyhow::Result<Value> {
    let descriptor = descriptor(M::NAME)?;
    let dynamic = DynamicMessage::decode(descriptor.clone(), message.encode_to_vec().as_slice())?;
    let options = SerializeOptions::new()
        .stringify_64_bit_integers(false)
        .use_proto_field_name(true)
        .skip_default_fields(false);
    let mut value = dynamic.serialize_with_options(serde_json::value::Serializer, &options)?;
    shorten(&descriptor, &mut value);
    Ok(value)
}

/// From JSON as a person writes it.
///
/// # Errors
/// All fields that mean nothing at once, each with the nearest right one; else the first wrong value.
pub fn from_json<M: Named>(mut value: Value) -> anyhow::Result<M> {
    let descriptor = descriptor(M::NAME)?;
    let mut unknown = Vec::new();
    complete(&descriptor, &mut value, "", &mut unknown);
    anyhow::ensure!(unknown.is_empty(), "{}", unknown.join("\n  "));
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let dynamic = DynamicMessage::deserialize_with_options(descriptor, value, &options)?;
    Ok(M::decode(dynamic.encode_to_vec().as_slice())?)
}

fn is_ours(message: &MessageDescriptor) -> bool {
    !message.full_name().starts_with("google.protobuf.")
}

/// The values of a field: one, those of a list, or those of a map.
fn each<'a>(field: &FieldDescriptor, value: &'a mut Value) -> Vec<&'a mut Value> {
    if field.is_list() {
        value.as_array_mut().into_iter().flatten().collect()
    } else if field.is_map() {
        let entries = value.as_object_mut().into_iter();
        entries.flat_map(|map| map.values_mut()).collect()
    } else {
        vec![value]
    }
}

/// What stands in a field; of a map, what its values are.
fn kind(field: &FieldDescriptor) -> Kind {
    match field.kind() {
        Kind::Message(entry) if field.is_map() => entry.map_entry_value_field().kind(),
        kind => kind,
    }
}

fn shorten(message: &MessageDescriptor, value: &mut Value) {
    let Value::Object(fields) = value else { return };
    for field in message.fields() {
        let Some(value) = fields.get_mut(field.name()) else {
            continue;
        };
        for value in each(&field, value) {
            match kind(&field) {
                Kind::Enum(values) => {
                    if let Value::String(name) = value {
                        *name = short(&values, name);
                    }
                }
                Kind::Message(inner) if is_ours(&inner) => shorten(&inner, value),
                _ => {}
            }
        }
    }
}

/// `CampaignState`, `CAMPAIGN_STATE_RUNNING` → `running`.
fn short(values: &EnumDescriptor, name: &str) -> String {
    name.strip_prefix(&prefix(values))
        .unwrap_or(name)
        .to_ascii_lowercase()
}

fn prefix(values: &EnumDescriptor) -> String {
    let mut prefix = String::new();
    for (i, c) in values.name().chars().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            prefix.push('_');
        }
        prefix.push(c.to_ascii_uppercase());
    }
    prefix + "_"
}

fn complete(message: &MessageDescriptor, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    let Value::Object(fields) = value else { return };
    for (key, value) in fields.iter_mut() {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        let field = message
            .get_field_by_name(key)
            .or_else(|| message.get_field_by_json_name(key));
        let Some(field) = field else {
            unknown.push(no_such_field(message, key, &path));
            continue;
        };
        for value in each(&field, value) {
            match kind(&field) {
                Kind::Enum(values) => long(&values, value),
                Kind::Message(inner) if inner.full_name() == "google.protobuf.Duration" => {
                    seconds(value);
                }
                Kind::Message(inner) if is_ours(&inner) => complete(&inner, value, &path, unknown),
                _ => {}
            }
        }
    }
}

fn no_such_field(message: &MessageDescriptor, key: &str, path: &str) -> String {
    let nearest = message
        .fields()
        .map(|f| {
            (
                strsim::damerau_levenshtein(f.name(), key),
                f.name().to_owned(),
            )
        })
        .min()
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3));
    match nearest {
        Some((_, name)) => format!("unknown field {path}; did you mean {name}?"),
        None => format!("unknown field {path}"),
    }
}

fn long(values: &EnumDescriptor, value: &mut Value) {
    if let Value::String(name) = value {
        let full = prefix(values) + &name.to_ascii_uppercase();
        if values.get_value_by_name(&full).is_some() {
            *name = full;
        }
    }
}

/// `90`, `1.5h`, `25m`, `7d` → seconds; what is none of these is left for the error that names it.
fn seconds(value: &mut Value) {
    let written = match value {
        Value::Number(n) => n.to_string() + "s",
        Value::String(text) => text.clone(),
        _ => return,
    };
    let at = written.len() - written.chars().last().map_or(0, char::len_utf8);
    let (number, unit) = written.split_at(at);
    let factor = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return,
    };
    if let Ok(number) = number.trim().parse::<f64>() {
        *value = Value::String(format!("{}s", number * factor));
    }
}

#[cfg(test)]
mod tests {
    use proto::supervisor::v1::{Campaign, CampaignState, GetCampaignResponse, Mode};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_message_has_a_descriptor() {
        for name in ALL {
            assert!(descriptor(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_message_is_shown_with_all_its_fields_and_short_names() {
        let response = GetCampaignResponse {
            campaign: Some(Campaign {
                campaign_id: 7,
                state: CampaignState::Running.into(),
                mode: Mode::Predictive.into(),
                ..Campaign::default()
            }),
        };
        let value = to_json(&response).unwrap();
        let campaign = &value["campaign"];
        assert_eq!(campaign["campaign_id"], 7);
        assert_eq!(campaign["state"], "running");
        assert_eq!(campaign["mode"], "predictive");
        assert_eq!(campaign["group_ids"], json!([]));
        assert_eq!(campaign["seller"], "");
    }

    #[test]
    fn a_message_is_read_as_a_person_writes_it() {
        let campaign: Campaign = from_json(json!({
            "name": "spring", "mode": "notification", "ring_limit": "0.5m", "wrap_up_limit": 90,
            "starts_at": "2026-06-01T00:00:00Z",
            "message": {"language": "en", "body": [{"amount": {}}, {"silence": "1s"}]},
            "retry": {"rules": {"busy": {"after": ["5m", "1h"], "hunt": true}}}
        }))
        .unwrap();
        assert_eq!(campaign.mode(), Mode::Notification);
        assert_eq!(campaign.ring_limit.unwrap().seconds, 30);
        assert_eq!(campaign.wrap_up_limit.unwrap().seconds, 90);
        assert_eq!(
            campaign.retry.unwrap().rules["busy"].after[1].seconds,
            3_600
        );
        assert_eq!(campaign.message.unwrap().body.len(), 2);
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let campaign = Campaign {
            name: "spring".to_owned(),
            mode: Mode::Preview.into(),
            group_ids: vec![1, 2],
            ..Campaign::default()
        };
        let again: Campaign = from_json(to_json(&campaign).unwrap()).unwrap();
        assert_eq!(again, campaign);
    }

    #[test]
    fn all_unknown_fields_are_named_at_once_with_the_nearest() {
        let error = from_json::<Campaign>(json!({
            "nme": "x", "message": {"lnguage": "en"}, "zzzzzzzzzz": 1
        }))
        .unwrap_err()
        .to_string();
        for part in [
            "unknown field nme; did you mean name?",
            "message.lnguage; did you mean language?",
            "unknown field zzzzzzzzzz",
        ] {
            assert!(error.contains(part), "{error}");
        }
        let error = from_json::<Campaign>(json!({"mode": "telepathy"})).unwrap_err();
        assert!(format!("{error:#}").contains("telepathy"), "{error:#}");
    }
}
