//! A real softphone, baresip, as an agent's phone: it registers, is called, answers and hangs up or is hung up.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests"
)]

mod support;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use engine::{LegCommand, LegEvent};
use model::{AgentId, Ended};
use sip::Secret;
use support::*;
use telephony::{MediaCommand, PhoneUser, ShardCommand, TelephonyEvent};

const AGENT: AgentId = AgentId(3);

/// baresip with one account, answering by itself.
struct Phone {
    process: Child,
    home: PathBuf,
}

impl Phone {
    fn start(registrar: std::net::SocketAddr, password: &str) -> Option<Self> {
        let home = std::env::temp_dir().join(format!("outdial-baresip-{}", free_addr().port()));
        std::fs::create_dir_all(&home).unwrap();
        let modules = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"];
        let modules = modules
            .iter()
            .find(|p| std::path::Path::new(p).exists())
            .unwrap_or(&modules[0]);
        let config = format!(
            "module_path {modules}\nsip_listen 127.0.0.1:0\nmodule g711.so\nmodule aubridge.so\nmodule_app account.so\n\
             module_app menu.so\naudio_source aubridge,x\naudio_player aubridge,x\naudio_alert aubridge,y\n"
        );
        std::fs::write(home.join("config"), config).unwrap();
        let account = format!(
            "<sip:anna@{registrar}>;auth_user=anna;auth_pass={password};answermode=auto;regint=120\n"
        );
        std::fs::write(home.join("accounts"), account).unwrap();
        let started = Command::new("baresip")
            .args(["-4", "-f", &home.to_string_lossy(), "-t", "60"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(process) => Some(Self { process, home }),
            Err(error) if std::env::var_os("OUTDIAL_ALLOW_MISSING").is_some_and(|v| v == "1") => {
                eprintln!(
                    "SKIPPED: baresip cannot be started ({error}) and OUTDIAL_ALLOW_MISSING=1"
                );
                None
            }
            Err(error) => panic!(
                "baresip cannot be started: {error}; install baresip-core, or set OUTDIAL_ALLOW_MISSING=1"
            ),
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.process.kill().unwrap_or_default();
        self.process.wait().map(|_| ()).unwrap_or_default();
        std::fs::remove_dir_all(&self.home).unwrap_or_default();
    }
}

fn rig() -> Rig {
    let mut rig = Rig::with_trunk(trunk(free_addr()));
    rig.tell(ShardCommand::SetPhones(vec![PhoneUser {
        agent: AGENT,
        username: "anna".into(),
        secret: Secret::Password("right".into()),
    }]));
    rig
}

#[test]
fn a_softphone_registers_and_takes_the_standing_call_of_its_agent() {
    let mut rig = rig();
    let Some(_phone) = Phone::start(rig.shard.local_addr(), "right") else {
        return;
    };
    rig.wait("PhoneRegistered", |e| {
        *e == TelephonyEvent::PhoneRegistered { agent: AGENT }
    });
    rig.leg(LegCommand::CallAgent {
        leg: LEG,
        agent: AGENT,
    });
    assert!(!rig.wait_answered());
    rig.leg(LegCommand::HangUp { leg: LEG });
    assert_eq!(rig.wait_end().by, Ended::Local);
    let connected = rig.ports.commands.lock().unwrap().iter().any(
        |c| matches!(c, MediaCommand::Connect { remote, .. } if remote.we_send && remote.it_sends),
    );
    assert!(connected, "the phone's audio address is known");
    rig.finish();
}

#[test]
fn a_softphone_with_a_wrong_password_is_not_registered() {
    let mut rig = rig();
    let Some(_phone) = Phone::start(rig.shard.local_addr(), "wrong") else {
        return;
    };
    // Its first REGISTER is challenged, its second refused, and that is all.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while rig.shard.tally().received < 2 {
        assert!(
            std::time::Instant::now() < deadline,
            "the phone has not tried to register"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    rig.leg(LegCommand::CallAgent {
        leg: LEG,
        agent: AGENT,
    });
    assert_eq!(rig.wait_end().by, Ended::Refused);
    assert!(
        !rig.seen
            .iter()
            .any(|e| matches!(e, TelephonyEvent::PhoneRegistered { .. }))
    );
    assert!(
        !rig.seen
            .iter()
            .any(|e| matches!(e, TelephonyEvent::Leg(LegEvent::Answered { .. })))
    );
    rig.finish();
}
