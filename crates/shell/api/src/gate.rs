//! The one place that lets requests in: token → identity → role of the method. What is not known here is
//! refused, so a service that forgets to check forgets nothing.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response};
use proto::options::v1::Role;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::Error;
use crate::convert::role_to_proto;
use crate::tokens::Tokens;

/// Open to everybody besides what the descriptors say: load balancers ask it without a token.
const HEALTH: [&str; 2] = [
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
];

/// What a method asks of its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nothing.
    Public,
    /// One of these roles.
    Roles(Vec<Role>),
}

/// The rules of every method.
#[derive(Clone, Debug)]
pub(crate) struct Rules(BTreeMap<String, Rule>);

impl Rules {
    /// From the descriptors of the contract.
    ///
    /// # Errors
    /// [`Error::Internal`] when they cannot be read.
    pub(crate) fn of_contract() -> Result<Self, Error> {
        let methods = proto::methods(proto::DESCRIPTORS).map_err(|e| {
            Error::Internal(format!("the contract's descriptors cannot be read: {e}"))
        })?;
        let health = HEALTH.iter().map(|path| ((*path).to_owned(), Rule::Public));
        let methods = methods.into_iter().map(|method| {
            let rule = if method.roles == [Role::Public] {
                Rule::Public
            } else {
                Rule::Roles(method.roles)
            };
            (method.path, rule)
        });
        Ok(Self(methods.chain(health).collect()))
    }

    fn of(&self, path: &str) -> Option<&Rule> {
        self.0.get(path)
    }
}

/// Puts the gate before services.
#[derive(Clone)]
pub(crate) struct Gate {
    rules: Arc<Rules>,
    tokens: Arc<Tokens>,
}

impl Gate {
    pub(crate) fn new(rules: Rules, tokens: Arc<Tokens>) -> Self {
        Self {
            rules: Arc::new(rules),
            tokens,
        }
    }

    /// Lets a request in, with its caller's identity, or says why not.
    async fn admit(&self, request: &mut Request<Body>) -> Result<(), Status> {
        let path = request.uri().path().to_owned();
        let roles = match self.rules.of(&path) {
            Some(Rule::Public) => return Ok(()),
            Some(Rule::Roles(roles)) => roles,
            None => return Err(Status::unimplemented(format!("there is no method {path}"))),
        };
        let token = bearer(request.headers()).ok_or(Error::NotSignedIn)?;
        let identity = self.tokens.check(token).await?;
        if !roles.contains(&role_to_proto(identity.role)) {
            let role = identity.role.as_str();
            return Err(Error::Forbidden { method: path, role }.into());
        }
        request.extensions_mut().insert(identity);
        Ok(())
    }
}

/// RFC 6750 section 2.1; the scheme's name in any case (RFC 9110 section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated {
            gate: self.clone(),
            inner,
        }
    }
}

/// A service behind the gate.
#[derive(Clone)]
pub(crate) struct Gated<S> {
    gate: Gate,
    inner: S,
}

impl<S> Service<Request<Body>> for Gated<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        // The clone that was polled ready is the one to call.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let gate = self.gate.clone();
        Box::pin(async move {
            // Nobody but the gate says who calls.
            request.extensions_mut().remove::<crate::Identity>();
            match gate.admit(&mut request).await {
                Ok(()) => inner.call(request).await,
                Err(status) => Ok(status.into_http()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_the_contract_does_not_name_has_no_rule() {
        let rules = Rules::of_contract().unwrap();
        assert_eq!(
            rules.of("/outdial.admin.v1.AuthService/Login"),
            Some(&Rule::Public)
        );
        assert_eq!(
            rules.of("/outdial.admin.v1.AdminService/CreateUser"),
            Some(&Rule::Roles(vec![Role::Admin]))
        );
        for path in [
            "/outdial.admin.v1.AdminService/createuser",
            "",
            "/",
            "/grpc.reflection.v1.ServerReflection/X",
        ] {
            assert_eq!(rules.of(path), None, "{path}");
        }
    }

    #[test]
    fn a_token_is_found_behind_its_scheme_in_any_case() {
        for (value, token) in [
            ("Bearer oda_1", Some("oda_1")),
            ("bearer  oda_1 ", Some("oda_1")),
            ("Basic oda_1", None),
            ("oda_1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(bearer(&headers), token, "{value}");
        }
    }
}
