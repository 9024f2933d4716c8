//! The messages, clients and servers that are generated from `proto/`, and the roles their methods state.
//!
//! The proto files are the contract and its documentation; this crate adds nothing to them.
#![allow(
    clippy::large_enum_variant,
    clippy::large_futures,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

mod roles;

pub use roles::{Method, methods};

/// The encoded `google.protobuf.FileDescriptorSet` of every file, imports included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

pub mod options {
    //! Options of the proto files themselves.
    pub mod v1 {
        //! Version 1.
        tonic::include_proto!("outdial.options.v1");
    }
}

pub mod admin {
    //! Accounts, tokens, groups and trunks.
    pub mod v1 {
        //! Version 1.
        tonic::include_proto!("outdial.admin.v1");
    }
}

pub mod supervisor {
    //! Campaigns, lists and what is going on.
    pub mod v1 {
        //! Version 1.
        tonic::include_proto!("outdial.supervisor.v1");
    }
}

pub mod agent {
    //! An agent's work.
    pub mod v1 {
        //! Version 1.
        tonic::include_proto!("outdial.agent.v1");
    }
}
