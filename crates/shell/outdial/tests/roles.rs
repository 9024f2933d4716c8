//! Every RPC of the contract on the daemon itself, by everybody who may and may not call it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod daemon;

use std::collections::BTreeMap;

use daemon::{Office, Site, soon, with};
use proto::options::v1::Role;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rpc_is_open_to_the_roles_it_states_and_to_nobody_else() {
    let mut site = Site::new();
    let daemon = site.start();
    let office = Office::found(&daemon).await;
    let mut callers: Vec<(&str, Option<Role>, Option<String>)> = vec![
        ("anonymous", None, None),
        ("forged", None, Some("odk_0123456789abcdef".to_owned())),
    ];
    for (name, role) in [
        ("anna", Role::Agent),
        ("boss", Role::Supervisor),
        ("chief", Role::Admin),
    ] {
        office.account(name, role, &[]).await;
        let token = office.sign_in(name).await;
        callers.push((name, Some(role), Some(token)));
    }

    let methods = proto::methods(proto::DESCRIPTORS).unwrap();
    let mut wrong = Vec::new();
    let mut let_in: BTreeMap<&str, usize> = BTreeMap::new();
    for method in &methods {
        let public = method.roles == [Role::Public];
        for (name, role, token) in &callers {
            let allowed = public || role.is_some_and(|r| method.roles.contains(&r));
            let code = call(&office.channel, &method.path, token.as_deref()).await;
            // An empty request may be refused for what it lacks, but only of who was let in.
            let expected = match (allowed, role) {
                (true, _) => None,
                (false, Some(_)) => Some(Code::PermissionDenied),
                (false, None) => Some(Code::Unauthenticated),
            };
            let shut_out = [Code::PermissionDenied, Code::Unauthenticated].contains(&code);
            let right = match expected {
                Some(expected) => code == expected,
                None => !shut_out || public,
            };
            if !right {
                wrong.push(format!("{name} at {}: {code:?}", method.path));
            }
            // A fault of ours, whoever asks.
            if [
                Code::Internal,
                Code::Unknown,
                Code::Unimplemented,
                Code::DataLoss,
            ]
            .contains(&code)
            {
                wrong.push(format!("{name} at {}: {code:?}", method.path));
            }
            *let_in.entry(name).or_default() += usize::from(!shut_out);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Nobody was refused, or let in, everywhere.
    assert!(methods.len() > 60, "{}", methods.len());
    assert!(let_in["anonymous"] <= 3, "{let_in:?}");
    assert!(
        let_in["anna"] > 20 && let_in["chief"] > let_in["boss"],
        "{let_in:?}"
    );
    let after = office.status().await.unwrap();
    assert!(after.store_up, "the daemon is whole after all that");
}

/// Calls any method with an empty request. Streams count by their first answer.
async fn call(channel: &Channel, path: &str, token: Option<&str>) -> Code {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let request = match token {
        Some(token) => with(token, Vec::new()),
        None => Request::new(Vec::new()),
    };
    let request = request.map(tokio_stream::once);
    let called = client.streaming(request, path.parse().unwrap(), Bytes);
    match soon(path, called).await {
        Err(status) => status.code(),
        Ok(stream) => match soon(path, stream.into_inner().message()).await {
            Ok(_) => Code::Ok,
            Err(status) => status.code(),
        },
    }
}

/// Messages as they are on the wire.
#[derive(Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(to, &item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        use bytes::Buf;
        let mut item = vec![0; from.remaining()];
        from.copy_to_slice(&mut item);
        Ok(Some(item))
    }
}
