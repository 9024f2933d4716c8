//! The whole dialer as one pure state machine.
#![warn(missing_docs)]
