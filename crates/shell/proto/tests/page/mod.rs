//! The page: services with their RPCs, then the messages and enums that these share.

mod contract;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use contract::{Contract, Enum, Field, Message, Rpc};

const HEAD: &str = "\
# RPCs

Written from `proto/` by a test of `crates/shell/proto`; change the proto files, then run
`UPDATE=1 cargo test -p proto --test rpc_page`.

- gRPC with the proto files in `proto/` is all that a client needs; `tests/python/agent.py` is one that has nothing else.
- Every RPC but those for anybody needs a token, sent as metadata `authorization: Bearer TOKEN`. Without one the answer is
  UNAUTHENTICATED; with one of a role that is not named, PERMISSION_DENIED. No role implies another.
- A field that is not set is absent: 0, empty, false. What that means stands with the field.
- Under each RPC stand its path, whether it is unary or who streams, and who may call it.
";

/// A comment as long as this that says the same of a field in many messages is said once, at the top.
const COMMON: usize = 8;
const LONG: usize = 50;

/// Writes the page from an encoded `FileDescriptorSet` that has comments.
pub(crate) fn write(descriptors: &[u8]) -> String {
    let contract = Contract::read(descriptors);
    let common = common_fields(&contract);
    let mut page = HEAD.to_owned();
    contents(&mut page, &contract);
    page.push_str("\n## Common fields\n\nThey mean the same wherever they stand.\n\n");
    page.push_str("| Field | Meaning |\n|---|---|\n");
    for (name, comment) in &common {
        writeln!(page, "| `{name}` | {comment} |").unwrap();
    }
    for service in &contract.services {
        writeln!(page, "\n## {}\n\n{}", service.name, service.comment).unwrap();
        for rpc in &service.rpcs {
            describe_rpc(&mut page, &contract, &common, rpc);
        }
    }
    let with_their_rpc: BTreeSet<&str> = contract
        .rpcs()
        .flat_map(|rpc| [rpc.request.as_str(), rpc.response.as_str()])
        .collect();
    page.push_str("\n## Messages\n");
    for message in contract.messages.values() {
        if !with_their_rpc.contains(message.name.as_str()) {
            writeln!(page, "\n### {}\n\n{}\n", message.name, message.comment).unwrap();
            fields(&mut page, &contract, &common, message);
        }
    }
    page.push_str("\n## Enums\n");
    for one in contract.enums.values() {
        describe_enum(&mut page, one);
    }
    page
}

fn contents(page: &mut String, contract: &Contract) {
    page.push_str("\n| Service | RPCs |\n|---|---|\n");
    for service in &contract.services {
        let rpcs: Vec<String> = service
            .rpcs
            .iter()
            .map(|rpc| format!("[{}](#{})", rpc.name, anchor(&rpc.name)))
            .collect();
        let name = &service.name;
        writeln!(
            page,
            "| [{name}](#{}) | {} |",
            anchor(name),
            rpcs.join(", ")
        )
        .unwrap();
    }
}

fn describe_rpc(
    page: &mut String,
    contract: &Contract,
    common: &BTreeSet<(String, String)>,
    rpc: &Rpc,
) {
    writeln!(page, "\n### {}\n\n{}\n", rpc.name, rpc.comment).unwrap();
    let roles = rpc.roles.join(", ");
    writeln!(page, "`{}` · {} · {roles}", rpc.path, rpc.kind).unwrap();
    for (what, name) in [("Request", &rpc.request), ("Response", &rpc.response)] {
        let message = &contract.messages[name];
        // The comment of a request says again what the RPC does; that of a response says what comes.
        let comment = match what {
            "Response" => format!(": {}", message.comment),
            _ => String::new(),
        };
        writeln!(page, "\n**{what}** `{}`{comment}\n", short(name)).unwrap();
        fields(page, contract, common, message);
    }
}

fn fields(
    page: &mut String,
    contract: &Contract,
    common: &BTreeSet<(String, String)>,
    message: &Message,
) {
    if message.fields.is_empty() {
        page.push_str("No fields.\n");
        return;
    }
    page.push_str("| Field | Type | Meaning |\n|---|---|---|\n");
    for field in &message.fields {
        let said = (field.name.clone(), field.comment.clone());
        let meaning = match (common.contains(&said), &field.one_of) {
            (true, _) => "[as everywhere](#common-fields)".to_owned(),
            (_, Some(one_of)) => format!("{} (one of `{one_of}`)", field.comment),
            (_, None) => field.comment.clone(),
        };
        let kind = kind(contract, field);
        writeln!(page, "| `{}` | {kind} | {meaning} |", field.name).unwrap();
    }
}

/// The type as a proto file writes it, with a link where this page describes it.
fn kind(contract: &Contract, field: &Field) -> String {
    let name = |name: &str| match contract.describes(name) {
        true => format!("[{}](#{})", short(name), anchor(name)),
        false => short(name).to_owned(),
    };
    match &field.key {
        Some(key) => format!("map of {key} to {}", name(&field.kind)),
        None if field.repeated => format!("repeated {}", name(&field.kind)),
        None => name(&field.kind),
    }
}

fn describe_enum(page: &mut String, one: &Enum) {
    writeln!(page, "\n### {}\n\n{}\n", one.name, one.comment).unwrap();
    page.push_str("| Value | Number | Meaning |\n|---|---|---|\n");
    for (name, number, comment) in &one.values {
        writeln!(page, "| `{name}` | {number} | {comment} |").unwrap();
    }
}

fn common_fields(contract: &Contract) -> BTreeSet<(String, String)> {
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for field in contract.messages.values().flat_map(|m| &m.fields) {
        let said = (field.name.clone(), field.comment.clone());
        *seen.entry(said).or_default() += 1;
    }
    let often = seen
        .into_iter()
        .filter(|((_, comment), times)| *times >= COMMON && comment.len() >= LONG);
    often.map(|(said, _)| said).collect()
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap()
}

/// The anchor that Markdown renderers give a heading: lower case, dots dropped.
fn anchor(heading: &str) -> String {
    heading.to_ascii_lowercase().replace('.', "")
}
