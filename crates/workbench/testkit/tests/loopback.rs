//! Simulated people and phones never meet real ones.
#![allow(clippy::unwrap_used, reason = "tests")]

use model::Problem;
use testkit::{Behaviour, Carrier, CarrierOptions, Phone, PhoneOptions, TestkitError};

#[test]
fn a_carrier_listens_on_loopback_only() {
    for elsewhere in ["0.0.0.0:0", "192.0.2.1:5060", "[::]:0"] {
        let mut options = CarrierOptions::new(Behaviour::default());
        options.listen = elsewhere.parse().unwrap();
        let error = Carrier::start(options).unwrap_err();
        assert!(matches!(error, TestkitError::NotLoopback { .. }), "{error}");
        assert!(error.to_string().contains(elsewhere), "{error}");
        assert_eq!(error.problem(), Problem::Caller);
    }
}

#[test]
fn a_phone_registers_on_loopback_only() {
    let options = PhoneOptions::new("192.0.2.1:5060".parse().unwrap(), "anna", "secret", 0);
    let error = Phone::start(options).unwrap_err();
    assert!(matches!(error, TestkitError::NotLoopback { .. }), "{error}");
}

#[test]
fn a_taken_port_is_named() {
    let first = Carrier::start(CarrierOptions::new(Behaviour::default())).unwrap();
    let mut options = CarrierOptions::new(Behaviour::default());
    options.listen = first.addr();
    let error = Carrier::start(options).unwrap_err();
    assert!(matches!(error, TestkitError::Bind { .. }), "{error}");
    assert!(
        error.to_string().contains(&first.addr().to_string()),
        "{error}"
    );
}
