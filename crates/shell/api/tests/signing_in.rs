//! From the set-up token to signing out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::redundant_closure,
    reason = "a test that panics has failed, which is its purpose"
)]

mod common;

use common::{Api, fields, with};
use proto::admin::v1 as pb;
use proto::admin::v1::admin_service_client::AdminServiceClient;
use proto::admin::v1::auth_service_client::AuthServiceClient;
use proto::options::v1::Role;
use tonic::Code;

const PASSWORD: &str = "correct horse battery";

async fn set_up(api: &Api) -> pb::TokenPair {
    let mut auth = AuthServiceClient::new(api.channel.clone());
    let request = pb::SetupRequest {
        setup_token: api.setup_token.clone(),
        login: "Root".to_owned(),
        name: String::new(),
        password: PASSWORD.to_owned(),
    };
    auth.setup(request)
        .await
        .unwrap()
        .into_inner()
        .tokens
        .unwrap()
}

fn login(login: &str, password: &str) -> pb::LoginRequest {
    pb::LoginRequest {
        login: login.to_owned(),
        password: password.to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_set_up_token_makes_one_admin_and_no_second_one() {
    let api = Api::start().await;
    let tokens = set_up(&api).await;
    let mut auth = AuthServiceClient::new(api.channel.clone());
    let me = auth
        .get_me(with(&tokens.access_token, pb::GetMeRequest {}))
        .await
        .unwrap();
    let me = me.into_inner().identity.unwrap();
    assert_eq!((me.login.as_str(), me.role()), ("root", Role::Admin));
    let again = pb::SetupRequest {
        setup_token: api.setup_token.clone(),
        login: "second".to_owned(),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    assert_eq!(
        auth.setup(again).await.unwrap_err().code(),
        Code::Unauthenticated
    );
    assert!(api::offer_setup_token(&api.store).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_voids_the_pair_before_and_a_logout_the_one_in_use() {
    let api = Api::start().await;
    let first = set_up(&api).await;
    let mut auth = AuthServiceClient::new(api.channel.clone());
    let refresh = |token: &str| pb::RefreshRequest {
        refresh_token: token.to_owned(),
    };
    let second = auth
        .refresh(refresh(&first.refresh_token))
        .await
        .unwrap()
        .into_inner()
        .tokens
        .unwrap();
    for void in [&first.access_token, &second.refresh_token] {
        let refused = auth
            .get_me(with(void, pb::GetMeRequest {}))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{void}");
    }
    let refused = auth
        .refresh(refresh(&first.refresh_token))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    auth.logout(with(&second.access_token, pb::LogoutRequest {}))
        .await
        .unwrap();
    let refused = auth
        .get_me(with(&second.access_token, pb::GetMeRequest {}))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let refused = auth
        .refresh(refresh(&second.refresh_token))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sixth_wrong_password_is_not_looked_at() {
    let api = Api::start().await;
    set_up(&api).await;
    let mut auth = AuthServiceClient::new(api.channel.clone());
    auth.login(login("ROOT", PASSWORD)).await.unwrap();
    for _ in 0..5 {
        let refused = auth.login(login("root", "wrong")).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    let refused = auth.login(login("root", PASSWORD)).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    // Nor does an unknown login say that it is one.
    let refused = auth.login(login("nobody", "wrong")).await.unwrap_err();
    assert_eq!(refused.message(), "login or password is wrong");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_password_ends_every_other_session_at_once() {
    let api = Api::start().await;
    set_up(&api).await;
    let mut auth = AuthServiceClient::new(api.channel.clone());
    let mut sign_in = async |password| {
        auth.login(login("root", password))
            .await
            .map(|r| r.into_inner().tokens.unwrap().access_token)
    };
    let here = sign_in(PASSWORD).await.unwrap();
    let there = sign_in(PASSWORD).await.unwrap();
    let change = |old: &str, new: &str| pb::ChangePasswordRequest {
        old_password: old.to_owned(),
        new_password: new.to_owned(),
    };
    let mut auth = AuthServiceClient::new(api.channel.clone());
    let refused = auth
        .change_password(with(&here, change(PASSWORD, "short")))
        .await
        .unwrap_err();
    assert_eq!(fields(&refused), ["new_password"]);
    let fresh = auth
        .change_password(with(&here, change(PASSWORD, "another long one")))
        .await
        .unwrap()
        .into_inner()
        .tokens
        .unwrap();
    for void in [&here, &there] {
        let refused = auth
            .get_me(with(void, pb::GetMeRequest {}))
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    auth.get_me(with(&fresh.access_token, pb::GetMeRequest {}))
        .await
        .unwrap();
    assert!(auth.login(login("root", PASSWORD)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_token_works_until_it_is_revoked_and_makes_no_other() {
    let api = Api::start().await;
    let tokens = set_up(&api).await;
    let mut auth = AuthServiceClient::new(api.channel.clone());
    let ask = || pb::CreateApiTokenRequest {
        label: "crm".to_owned(),
        ..Default::default()
    };
    let made = auth
        .create_api_token(with(&tokens.access_token, ask()))
        .await
        .unwrap()
        .into_inner();
    auth.get_me(with(&made.secret, pb::GetMeRequest {}))
        .await
        .unwrap();
    let refused = auth
        .create_api_token(with(&made.secret, ask()))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let api_token_id = made.api_token.unwrap().api_token_id;
    let list = auth
        .list_api_tokens(with(&tokens.access_token, pb::ListApiTokensRequest {}))
        .await
        .unwrap();
    let ids: Vec<_> = list
        .into_inner()
        .api_tokens
        .iter()
        .map(|t| t.api_token_id)
        .collect();
    assert_eq!(ids, [api_token_id], "sessions are not in the list");
    auth.revoke_api_token(with(
        &tokens.access_token,
        pb::RevokeApiTokenRequest { api_token_id },
    ))
    .await
    .unwrap();
    let refused = auth
        .get_me(with(&made.secret, pb::GetMeRequest {}))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disabled_account_is_out_at_once() {
    let api = Api::start().await;
    let root = set_up(&api).await.access_token;
    let mut auth = AuthServiceClient::new(api.channel.clone());
    let mut admin = AdminServiceClient::new(api.channel.clone());
    let made = admin
        .create_user(with(
            &root,
            pb::CreateUserRequest {
                login: "anna".to_owned(),
                role: Role::Agent.into(),
                password: PASSWORD.to_owned(),
                ..Default::default()
            },
        ))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(made.sip.unwrap().password.len(), 20);
    let anna = auth
        .login(login("anna", PASSWORD))
        .await
        .unwrap()
        .into_inner()
        .tokens
        .unwrap();
    auth.get_me(with(&anna.access_token, pb::GetMeRequest {}))
        .await
        .unwrap();
    let user_id = made.user.unwrap().user_id;
    admin
        .update_user(with(
            &root,
            pb::UpdateUserRequest {
                user: Some(pb::User {
                    user_id,
                    disabled: true,
                    ..Default::default()
                }),
                update_mask: Some(prost_types::FieldMask {
                    paths: vec!["disabled".to_owned()],
                }),
                ..Default::default()
            },
        ))
        .await
        .unwrap();
    let refused = auth
        .get_me(with(&anna.access_token, pb::GetMeRequest {}))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(auth.login(login("anna", PASSWORD)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_id_makes_one_group_and_gives_the_first_answer_again() {
    let api = Api::start().await;
    let root = set_up(&api).await.access_token;
    let mut admin = AdminServiceClient::new(api.channel.clone());
    let ask = |name: &str| pb::CreateGroupRequest {
        name: name.to_owned(),
        request_id: "01912345-6789-7abc-8def-0123456789ab".to_owned(),
    };
    let first = admin
        .create_group(with(&root, ask("sales")))
        .await
        .unwrap()
        .into_inner();
    let again = admin
        .create_group(with(&root, ask("sales")))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first, again);
    let other = admin
        .create_group(with(&root, ask("support")))
        .await
        .unwrap_err();
    assert_eq!(other.code(), Code::InvalidArgument);
    let groups = admin
        .list_groups(with(&root, pb::ListGroupsRequest {}))
        .await
        .unwrap()
        .into_inner()
        .groups;
    assert_eq!(groups.len(), 1);
}
