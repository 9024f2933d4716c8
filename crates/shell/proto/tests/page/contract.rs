//! What the descriptors say, with comments at the things they belong to.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::source_code_info::Location;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, ServiceDescriptorProto,
};
use proto::options::v1::Role;

pub(crate) struct Contract {
    /// By name.
    pub(crate) services: Vec<Service>,
    /// By full name, without a leading dot.
    pub(crate) messages: BTreeMap<String, Message>,
    pub(crate) enums: BTreeMap<String, Enum>,
}

pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) comment: String,
    pub(crate) rpcs: Vec<Rpc>,
}

pub(crate) struct Rpc {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) comment: String,
    pub(crate) roles: Vec<String>,
    /// Who sends more than one message, in gRPC's words.
    pub(crate) kind: &'static str,
    pub(crate) request: String,
    pub(crate) response: String,
}

pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) comment: String,
    pub(crate) fields: Vec<Field>,
}

pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) comment: String,
    /// A scalar as proto files write it, or a full name.
    pub(crate) kind: String,
    /// Of a map, the type of its keys; `kind` is that of its values.
    pub(crate) key: Option<String>,
    pub(crate) repeated: bool,
    pub(crate) one_of: Option<String>,
}

pub(crate) struct Enum {
    pub(crate) name: String,
    pub(crate) comment: String,
    /// Name, number, comment.
    pub(crate) values: Vec<(String, i32, String)>,
}

// Field numbers in google/protobuf/descriptor.proto: the steps of which the path of a comment is made.
const FILE_MESSAGE: i32 = 4;
const FILE_ENUM: i32 = 5;
const FILE_SERVICE: i32 = 6;
const MESSAGE_FIELD: i32 = 2;
const ENUM_VALUE: i32 = 2;
const SERVICE_METHOD: i32 = 2;

impl Contract {
    pub(crate) fn read(descriptors: &[u8]) -> Self {
        let set = FileDescriptorSet::decode(descriptors).unwrap();
        let roles: BTreeMap<String, Vec<String>> = proto::methods(descriptors)
            .unwrap()
            .into_iter()
            .map(|m| (m.path, m.roles.into_iter().map(in_words).collect()))
            .collect();
        let mut contract = Self {
            services: Vec::new(),
            messages: BTreeMap::new(),
            enums: BTreeMap::new(),
        };
        let own = |file: &&FileDescriptorProto| file.package().starts_with("outdial.");
        for file in set.file.iter().filter(own) {
            let comments = Comments::of(file);
            for (step, service) in (0..).zip(&file.service) {
                let service = read_service(&comments, file, step, service, &roles);
                contract.services.push(service);
            }
            for (step, message) in (0..).zip(&file.message_type) {
                let nested = message.nested_type.iter().all(is_map_entry);
                assert!(
                    nested && message.enum_type.is_empty(),
                    "{} holds other types; the page has no place for them",
                    message.name()
                );
                let message = read_message(&comments, file, step, message);
                contract.messages.insert(message.name.clone(), message);
            }
            for (step, one) in (0..).zip(&file.enum_type) {
                let one = read_enum(&comments, file, step, one);
                contract.enums.insert(one.name.clone(), one);
            }
        }
        contract.services.sort_by(|a, b| a.name.cmp(&b.name));
        let mut names = BTreeSet::new();
        for rpc in contract.rpcs() {
            assert!(
                names.insert(&rpc.name),
                "two RPCs, one anchor: {}",
                rpc.name
            );
        }
        contract
    }

    pub(crate) fn rpcs(&self) -> impl Iterator<Item = &Rpc> {
        self.services.iter().flat_map(|s| &s.rpcs)
    }

    pub(crate) fn describes(&self, name: &str) -> bool {
        self.messages.contains_key(name) || self.enums.contains_key(name)
    }
}

/// The comments of a file.
struct Comments<'a> {
    file: &'a str,
    locations: &'a [Location],
}

impl<'a> Comments<'a> {
    fn of(file: &'a FileDescriptorProto) -> Self {
        let info = file.source_code_info.as_ref();
        let Some(info) = info else {
            panic!("{} was compiled without comments", file.name());
        };
        Self {
            file: file.name(),
            locations: &info.location,
        }
    }

    /// The comment above a thing, in one line. Everything in the contract has one.
    fn at(&self, path: &[i32], name: &str) -> String {
        let location = self.locations.iter().find(|l| l.path == path);
        let lines = location.map(|l| l.leading_comments().split_whitespace());
        let comment = lines.into_iter().flatten().collect::<Vec<_>>().join(" ");
        assert!(!comment.is_empty(), "{}: {name} says nothing", self.file);
        assert!(!comment.contains('|'), "a table cannot hold: {comment}");
        comment
    }
}

fn read_service(
    comments: &Comments<'_>,
    file: &FileDescriptorProto,
    step: i32,
    service: &ServiceDescriptorProto,
    roles: &BTreeMap<String, Vec<String>>,
) -> Service {
    let name = format!("{}.{}", file.package(), service.name());
    let mut rpcs = Vec::new();
    for (method_step, method) in (0..).zip(&service.method) {
        let kind = match (method.client_streaming(), method.server_streaming()) {
            (false, false) => "unary",
            (false, true) => "server streaming",
            (true, false) => "client streaming",
            (true, true) => "bidirectional streaming",
        };
        let path = format!("/{name}/{}", method.name());
        rpcs.push(Rpc {
            name: method.name().to_owned(),
            comment: comments.at(
                &[FILE_SERVICE, step, SERVICE_METHOD, method_step],
                method.name(),
            ),
            roles: roles[&path].clone(),
            path,
            kind,
            request: full_name(method.input_type()),
            response: full_name(method.output_type()),
        });
    }
    Service {
        comment: comments.at(&[FILE_SERVICE, step], &name),
        name,
        rpcs,
    }
}

fn read_message(
    comments: &Comments<'_>,
    file: &FileDescriptorProto,
    step: i32,
    message: &DescriptorProto,
) -> Message {
    let name = format!("{}.{}", file.package(), message.name());
    let mut fields = Vec::new();
    for (field_step, field) in (0..).zip(&message.field) {
        let path = [FILE_MESSAGE, step, MESSAGE_FIELD, field_step];
        let entry = message
            .nested_type
            .iter()
            .find(|entry| field.type_name() == format!(".{name}.{}", entry.name()));
        let one_of = field
            .oneof_index
            .filter(|_| !field.proto3_optional())
            .map(|index| message.oneof_decl[usize::try_from(index).unwrap()].name());
        fields.push(Field {
            name: field.name().to_owned(),
            comment: comments.at(&path, field.name()),
            kind: kind(entry.map_or(field, |entry| &entry.field[1])),
            key: entry.map(|entry| kind(&entry.field[0])),
            repeated: field.label() == Label::Repeated,
            one_of: one_of.map(str::to_owned),
        });
    }
    Message {
        comment: comments.at(&[FILE_MESSAGE, step], &name),
        name,
        fields,
    }
}

fn read_enum(
    comments: &Comments<'_>,
    file: &FileDescriptorProto,
    step: i32,
    one: &EnumDescriptorProto,
) -> Enum {
    let name = format!("{}.{}", file.package(), one.name());
    let values = (0..).zip(&one.value).map(|(value_step, value)| {
        let path = [FILE_ENUM, step, ENUM_VALUE, value_step];
        let comment = comments.at(&path, value.name());
        (value.name().to_owned(), value.number(), comment)
    });
    Enum {
        values: values.collect(),
        comment: comments.at(&[FILE_ENUM, step], &name),
        name,
    }
}

fn is_map_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|o| o.map_entry())
}

fn full_name(type_name: &str) -> String {
    type_name.trim_start_matches('.').to_owned()
}

fn kind(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => full_name(field.type_name()),
        // `TYPE_INT32` is written `int32`.
        scalar => scalar
            .as_str_name()
            .trim_start_matches("TYPE_")
            .to_ascii_lowercase(),
    }
}

fn in_words(role: Role) -> String {
    match role {
        Role::Public => "anybody".to_owned(),
        // `ROLE_AGENT` is called agent.
        role => role
            .as_str_name()
            .trim_start_matches("ROLE_")
            .to_ascii_lowercase(),
    }
}
