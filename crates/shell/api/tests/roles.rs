//! Every RPC of the contract, called by everybody who may and may not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::redundant_closure,
    reason = "a test that panics has failed, which is its purpose"
)]

mod common;

use std::collections::BTreeMap;

use common::{Api, with};
use model::WallTime;
use proto::options::v1::Role as Says;
use store::Role;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rpc_is_for_the_roles_it_states_and_for_nobody_else() {
    let api = Api::start().await;
    let mut callers: Vec<(&str, Option<Says>, Option<String>)> = vec![("anonymous", None, None)];
    for (name, role, says) in [
        ("agent", Role::Agent, Says::Agent),
        ("supervisor", Role::Supervisor, Says::Supervisor),
        ("admin", Role::Admin, Says::Admin),
    ] {
        let (_, token) = api.account(name, role).await;
        callers.push((name, Some(says), Some(token)));
    }
    // An admin's tokens, so that nothing but their end keeps them out.
    let (id, _) = api.account("former", Role::Admin).await;
    let expired = api.token(id, Some(WallTime::from_unix_seconds(1))).await;
    callers.push(("expired", None, Some(expired)));
    let revoked = api.token(id, None).await;
    let newest = api
        .store
        .tokens(id)
        .await
        .unwrap()
        .iter()
        .map(|t| t.id)
        .max()
        .unwrap();
    api.store
        .revoke_token(id, newest, WallTime::from_unix_seconds(1))
        .await
        .unwrap();
    callers.push(("revoked", None, Some(revoked)));
    callers.push(("forged", None, Some("odk_0123456789abcdef".to_owned())));
    let (gone, token) = api.account("gone", Role::Admin).await;
    let change = store::AccountChange {
        disabled: Some(true),
        ..Default::default()
    };
    api.store.update_account(gone, &change).await.unwrap();
    callers.push(("disabled", None, Some(token)));

    let methods = proto::methods(proto::DESCRIPTORS).unwrap();
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for method in &methods {
        for (name, role, token) in &callers {
            let public = method.roles == [Says::Public];
            let allowed = public || role.is_some_and(|r| method.roles.contains(&r));
            let code = call(&api.channel, &method.path, token.as_deref()).await;
            // An empty request may be refused for what it lacks, but only by who was let in.
            let refused = match code {
                Code::PermissionDenied => true,
                Code::Unauthenticated => !public,
                _ => false,
            };
            if refused == allowed {
                wrong.push(format!("{name} at {}: {code:?}", method.path));
            }
            if !allowed {
                let expected = if role.is_some() {
                    Code::PermissionDenied
                } else {
                    Code::Unauthenticated
                };
                if code != expected {
                    wrong.push(format!(
                        "{name} at {}: {code:?}, not {expected:?}",
                        method.path
                    ));
                }
            }
            *counts.entry(name).or_default() += usize::from(!refused);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The counts show that nobody was refused, or let in, everywhere.
    assert_eq!(counts["anonymous"], 3, "{counts:?}");
    assert!(
        counts["agent"] > 20 && counts["supervisor"] > 20,
        "{counts:?}"
    );
    assert!(counts["admin"] > counts["supervisor"], "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_outside_the_contract_is_refused_without_looking_at_the_token() {
    let api = Api::start().await;
    let (_, token) = api.account("admin", Role::Admin).await;
    for path in ["/outdial.admin.v1.AdminService/DropEverything", "/x.Y/Z"] {
        assert_eq!(
            call(&api.channel, path, Some(&token)).await,
            Code::Unimplemented,
            "{path}"
        );
    }
    assert_eq!(
        call(&api.channel, "/grpc.health.v1.Health/Check", None).await,
        Code::Ok
    );
}

/// Calls any method with an empty request. Streams count by their first answer.
async fn call(channel: &Channel, path: &str, token: Option<&str>) -> Code {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let request: Request<Vec<u8>> = match token {
        Some(token) => with(token, Vec::new()),
        None => Request::new(Vec::new()),
    };
    let request = request.map(|empty| tokio_stream::once(empty));
    let path = path.parse().unwrap();
    let called = common::soon(client.streaming(request, path, Bytes)).await;
    match called {
        Err(status) => status.code(),
        Ok(stream) => match common::soon(stream.into_inner().message()).await {
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
        use bytes::BufMut;
        to.put_slice(&item);
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
