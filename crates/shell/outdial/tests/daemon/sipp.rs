//! sipp as a carrier: another stack's opinion of what the daemon sends.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;

/// sipp playing one scenario for each call that comes.
pub struct Sipp {
    pub addr: SocketAddr,
    scenario: String,
    errors: PathBuf,
    process: Child,
}

impl Sipp {
    /// Scenarios of a carrier are shared with `telephony`, but for those of whole talks.
    pub fn play(scenario: &str, dir: &Path) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let file = [
            here.join("tests/sipp"),
            here.join("../telephony/tests/sipp"),
        ]
        .map(|d| d.join(format!("{scenario}.xml")))
        .into_iter()
        .find(|f| f.exists())
        .unwrap_or_else(|| panic!("there is no scenario {scenario}"));
        let script = dir.join(format!("{scenario}.xml"));
        std::fs::write(
            &script,
            answering_options(&std::fs::read_to_string(file).unwrap()),
        )
        .unwrap();
        let (addr, media) = (free_addr(), free_addr());
        let errors = dir.join(format!("sipp-{scenario}-{}.log", addr.port()));
        let process = Command::new("sipp")
            .arg("-sf")
            .arg(script)
            .args(["-i", "127.0.0.1", "-p", &addr.port().to_string()])
            .args(["-mp", &media.port().to_string(), "-rtp_echo", "-nostdin"])
            .args(["-timeout", "240s", "-trace_err", "-error_file"])
            .arg(&errors)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sipp runs; install the package sip-tester");
        Self {
            addr,
            scenario: scenario.to_owned(),
            errors,
            process,
        }
    }

    /// Lets the calls in progress finish: sipp must be content with every message it got.
    pub fn must_be_content(mut self) {
        // sipp's manual: after SIGUSR1 it takes no new call and exits when the others are done, with 0 when all
        // went as in the scenario, with 1 when one did not, with 99 when there was none.
        let pid = Pid::from_raw(self.process.id().cast_signed()).unwrap();
        kill_process(pid, Signal::USR1).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "{} has not ended", self.scenario);
            std::thread::sleep(Duration::from_millis(20));
        };
        let errors = std::fs::read_to_string(&self.errors).unwrap_or_default();
        assert!(
            status.success(),
            "sipp is not content with {}: {errors}",
            self.scenario
        );
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        // It has ended by itself unless the test has failed.
        self.process.kill().unwrap_or_default();
        self.process.wait().map(|_| ()).unwrap_or_default();
    }
}

/// The same scenario, which besides answers the OPTIONS by which the daemon watches its trunks: a call of its own
/// to sipp, so the branch stands at the beginning and ends at the end.
fn answering_options(scenario: &str) -> String {
    const BRANCH: &str = r#"<recv request="OPTIONS" optional="true" next="1"/>
  "#;
    const ANSWER: &str = r#"  <nop next="2"/>
  <label id="1"/>
  <send>
    <![CDATA[

SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]options[call_number]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0


    ]]>
  </send>
  <label id="2"/>
  <nop/>
</scenario>"#;
    let first = scenario.find("<recv request=\"INVITE\"").unwrap();
    let (head, tail) = scenario.split_at(first);
    let tail = tail.replace("</scenario>", ANSWER);
    format!("{head}{BRANCH}{tail}")
}

/// A port of 127.0.0.1 that was free a moment ago.
fn free_addr() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}
