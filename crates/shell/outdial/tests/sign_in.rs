//! Signing in and what is sent afterwards, against a server that only knows tokens.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use proto::admin::v1 as api;
use proto::admin::v1::auth_service_server::{AuthService, AuthServiceServer};
use proto::options::v1::Role;
use serde_json::Value;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

#[test]
fn a_sign_in_is_kept_for_the_commands_after_it_and_forgotten_at_its_end() {
    let site = Site::new(Duration::from_secs(900));
    let out = site.run(&["login", "Anna"], "secret word");
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let identity: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        (&identity["login"], &identity["role"]),
        (&"anna".into(), &"admin".into())
    );
    let kept = std::fs::metadata(&site.token_file).unwrap();
    assert_eq!(kept.permissions().mode() & 0o777, 0o600);
    assert!(site.run(&["whoami"], "").status.success());
    assert!(site.run(&["logout"], "").status.success());
    let out = site.run(&["whoami"], "");
    assert_eq!(out.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&out.stderr).contains("outdial login"));
    assert_eq!(site.log(), ["login", "me access-1", "logout access-1"]);
}

#[test]
fn a_token_near_its_end_is_exchanged_first_and_the_fresh_one_kept() {
    let site = Site::new(Duration::from_secs(5));
    assert!(site.run(&["login", "anna"], "secret word").status.success());
    assert!(site.run(&["whoami"], "").status.success());
    assert!(site.run(&["whoami"], "").status.success());
    assert_eq!(
        site.log(),
        [
            "login",
            "refresh refresh-1",
            "me access-2",
            "refresh refresh-2",
            "me access-3"
        ]
    );
}

#[test]
fn a_refused_sign_in_tells_all_problems_and_keeps_nothing() {
    let site = Site::new(Duration::from_secs(900));
    let out = site.run(&["login", "anna"], "wrong");
    assert_eq!(out.status.code(), Some(5), "{out:?}");
    let out = site.run(&["setup", "--token", "once"], "short");
    assert_eq!(out.status.code(), Some(4), "{out:?}");
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    for problem in ["password: is too short", "login: is taken"] {
        assert!(told.contains(problem), "{told}");
    }
    assert_eq!(site.run(&["whoami"], "").status.code(), Some(5));
}

/// A server, and a place for tokens.
struct Site {
    server: String,
    log: Arc<Mutex<Vec<String>>>,
    token_file: PathBuf,
    _directory: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Site {
    /// Access tokens live so long.
    fn new(life: Duration) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let tokens = TokensOnly {
            life,
            log: Arc::clone(&log),
            given: Mutex::new(0),
        };
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(
            tonic::transport::Server::builder()
                .add_service(AuthServiceServer::new(tokens))
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        let directory = tempfile::tempdir().unwrap();
        Self {
            server,
            log,
            token_file: Path::join(directory.path(), "token.json"),
            _directory: directory,
            _runtime: runtime,
        }
    }

    fn run(&self, args: &[&str], password: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_outdial"));
        command
            .args(args)
            .args(["--server", &self.server, "--output", "json"])
            .env("OUTDIAL_TOKEN_FILE", &self.token_file)
            .env("OUTDIAL_PASSWORD", password)
            .env_remove("OUTDIAL_TOKEN")
            .stdin(Stdio::null());
        command.output().unwrap()
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

struct TokensOnly {
    life: Duration,
    log: Arc<Mutex<Vec<String>>>,
    given: Mutex<u32>,
}

impl TokensOnly {
    fn note(&self, line: String) {
        self.log.lock().unwrap().push(line);
    }

    fn pair(&self) -> Option<api::TokenPair> {
        let mut given = self.given.lock().unwrap();
        *given += 1;
        Some(api::TokenPair {
            access_token: format!("access-{given}"),
            access_expires_at: Some((SystemTime::now() + self.life).into()),
            refresh_token: format!("refresh-{given}"),
            refresh_expires_at: None,
        })
    }
}

fn identity() -> Option<api::Identity> {
    Some(api::Identity {
        user_id: 1,
        login: "anna".to_owned(),
        name: "Anna".to_owned(),
        role: Role::Admin.into(),
    })
}

fn bearer<T>(request: &Request<T>) -> String {
    let header = request.metadata().get("authorization").unwrap();
    header
        .to_str()
        .unwrap()
        .strip_prefix("Bearer ")
        .unwrap()
        .to_owned()
}

#[tonic::async_trait]
impl AuthService for TokensOnly {
    async fn setup(
        &self,
        _: Request<api::SetupRequest>,
    ) -> Result<Response<api::SetupResponse>, Status> {
        let details = ErrorDetails::with_bad_request(vec![
            FieldViolation::new("password", "is too short"),
            FieldViolation::new("login", "is taken"),
        ]);
        let code = tonic::Code::InvalidArgument;
        Err(Status::with_error_details(
            code,
            "no admin was made",
            details,
        ))
    }

    async fn login(
        &self,
        request: Request<api::LoginRequest>,
    ) -> Result<Response<api::LoginResponse>, Status> {
        if request.into_inner().password != "secret word" {
            return Err(Status::unauthenticated("login or password is wrong"));
        }
        self.note("login".to_owned());
        Ok(Response::new(api::LoginResponse {
            tokens: self.pair(),
            identity: identity(),
        }))
    }

    async fn refresh(
        &self,
        request: Request<api::RefreshRequest>,
    ) -> Result<Response<api::RefreshResponse>, Status> {
        self.note(format!("refresh {}", request.into_inner().refresh_token));
        Ok(Response::new(api::RefreshResponse {
            tokens: self.pair(),
        }))
    }

    async fn logout(
        &self,
        request: Request<api::LogoutRequest>,
    ) -> Result<Response<api::LogoutResponse>, Status> {
        self.note(format!("logout {}", bearer(&request)));
        Ok(Response::new(api::LogoutResponse {}))
    }

    async fn get_me(
        &self,
        request: Request<api::GetMeRequest>,
    ) -> Result<Response<api::GetMeResponse>, Status> {
        self.note(format!("me {}", bearer(&request)));
        Ok(Response::new(api::GetMeResponse {
            identity: identity(),
        }))
    }

    async fn change_password(
        &self,
        _: Request<api::ChangePasswordRequest>,
    ) -> Result<Response<api::ChangePasswordResponse>, Status> {
        Err(Status::unimplemented("no command asks for it"))
    }

    async fn create_api_token(
        &self,
        _: Request<api::CreateApiTokenRequest>,
    ) -> Result<Response<api::CreateApiTokenResponse>, Status> {
        Err(Status::unimplemented("no command asks for it"))
    }

    async fn list_api_tokens(
        &self,
        _: Request<api::ListApiTokensRequest>,
    ) -> Result<Response<api::ListApiTokensResponse>, Status> {
        Err(Status::unimplemented("no command asks for it"))
    }

    async fn revoke_api_token(
        &self,
        _: Request<api::RevokeApiTokenRequest>,
    ) -> Result<Response<api::RevokeApiTokenResponse>, Status> {
        Err(Status::unimplemented("no command asks for it"))
    }
}
