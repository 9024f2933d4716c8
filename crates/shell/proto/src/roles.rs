//! Every method with the roles that may call it, read from the descriptors.

use prost::Message;

use crate::options::v1::Role;

/// A method of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// As in the request line, for example `/outdial.admin.v1.AuthService/Login`.
    pub path: String,
    /// Who may call it. Empty: nobody.
    pub roles: Vec<Role>,
}

/// Every method of `descriptors`, an encoded `google.protobuf.FileDescriptorSet`, in its order.
///
/// # Errors
/// When the bytes are not such a set.
pub fn methods(descriptors: &[u8]) -> Result<Vec<Method>, prost::DecodeError> {
    let set = FileSet::decode(descriptors)?;
    let mut methods = Vec::new();
    for file in set.file {
        for service in file.service {
            for method in service.method {
                methods.push(Method {
                    path: format!("/{}.{}/{}", file.package, service.name, method.name),
                    roles: method
                        .options
                        .unwrap_or_default()
                        .role
                        .into_iter()
                        .filter_map(|r| Role::try_from(r).ok())
                        .filter(|r| *r != Role::Unspecified)
                        .collect(),
                });
            }
        }
    }
    Ok(methods)
}

// The part of google/protobuf/descriptor.proto that leads to our option. `prost_types` drops options that
// it does not know, so its own FileDescriptorSet cannot be used here.

#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "6")]
    service: Vec<Service>,
}

#[derive(Clone, PartialEq, Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    method: Vec<MethodDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
struct MethodDescriptor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "4")]
    options: Option<MethodOptions>,
}

#[derive(Clone, PartialEq, Message)]
struct MethodOptions {
    // proto/outdial/options/v1/role.proto: `repeated Role role = 50817`. Declared unpacked as protoc writes
    // options; prost reads both forms.
    #[prost(int32, repeated, packed = "false", tag = "50817")]
    role: Vec<i32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_states_a_role_and_no_public_one_states_another() {
        let methods = methods(crate::DESCRIPTORS).unwrap();
        assert!(methods.len() > 60, "{}", methods.len());
        for method in methods {
            assert!(!method.roles.is_empty(), "{} states no role", method.path);
            let public = method.roles.contains(&Role::Public);
            assert!(!public || method.roles.len() == 1, "{}", method.path);
        }
    }

    #[test]
    fn only_signing_in_is_public() {
        let methods = methods(crate::DESCRIPTORS).unwrap();
        let public: Vec<_> = methods
            .iter()
            .filter(|m| m.roles == [Role::Public])
            .map(|m| m.path.as_str())
            .collect();
        assert_eq!(
            public,
            [
                "/outdial.admin.v1.AuthService/Setup",
                "/outdial.admin.v1.AuthService/Login",
                "/outdial.admin.v1.AuthService/Refresh",
            ]
        );
    }

    #[test]
    fn whatever_changes_something_takes_a_request_id() {
        // What only reads, signs in, or is harmless when repeated.
        const FREE: [&str; 12] = [
            "Get",
            "List",
            "Check",
            "Explain",
            "Report",
            "Watch",
            "Export",
            "Heartbeat",
            "Login",
            "Refresh",
            "Logout",
            "Setup",
        ];
        let set = prost_types::FileDescriptorSet::decode(crate::DESCRIPTORS).unwrap();
        for file in &set.file {
            for method in file.service.iter().flat_map(|s| &s.method) {
                let name = method.name();
                if FREE.iter().any(|verb| name.starts_with(verb))
                    || ["ChangePassword", "RevokeApiToken", "ImportList"].contains(&name)
                {
                    continue;
                }
                let request = format!("{name}Request");
                let message = file
                    .message_type
                    .iter()
                    .find(|m| m.name() == request)
                    .unwrap();
                assert!(
                    message.field.iter().any(|f| f.name() == "request_id"),
                    "{request} has no request_id"
                );
            }
        }
    }
}
