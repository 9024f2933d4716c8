//! The binary under test, and a carrier that is just large enough to be called.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests; each uses its part"
)]

use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// Runs the command in the repository's root.
pub fn outdial(args: &[&str]) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../..");
    Command::new(env!("CARGO_BIN_EXE_outdial"))
        .args(args)
        .args(["--output", "json"])
        .current_dir(root)
        .output()
        .unwrap()
}

/// Runs the command and reads the one document it prints.
pub fn json(args: &[&str]) -> Value {
    let out = outdial(args);
    serde_json::from_slice(&out.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&out.stderr)))
}

/// The keys of an object, sorted.
pub fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// What a carrier does with an INVITE.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// 180, 200, and waits for the BYE.
    Answer,
    /// 180, and nothing until the CANCEL.
    Ring,
    /// A final status with a Q.850 cause.
    Refuse(u16, u8),
    /// 407 until a digest comes, then as `Answer`.
    Challenge,
}

/// A SIP peer on a port of loopback. Ends with the test.
pub struct Carrier {
    pub addr: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    stop: UdpSocket,
    thread: Option<JoinHandle<()>>,
}

impl Carrier {
    pub fn new(does: Does) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let thread = std::thread::spawn(move || serve(&socket, does, &log));
        let stop = UdpSocket::bind("127.0.0.1:0").unwrap();
        Self {
            addr,
            seen,
            stop,
            thread: Some(thread),
        }
    }

    /// Request lines in the order they came, retransmissions included.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|l| l.starts_with(method)).count()
    }

    /// Waits until a request has come.
    pub fn wait_for(&self, method: &str) {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while self.count(method) == 0 {
            assert!(
                std::time::Instant::now() < deadline,
                "no {method} came: {:?}",
                self.seen()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.stop
            .send_to(b"STOP", self.addr)
            .map(|_| ())
            .unwrap_or_default();
        self.thread.take().map(|t| t.join().is_ok());
    }
}

fn serve(socket: &UdpSocket, does: Does, log: &Mutex<Vec<String>>) {
    let mut buffer = [0; 4_096];
    let mut invite = String::new();
    loop {
        let (n, from) = socket.recv_from(&mut buffer).unwrap();
        let request = String::from_utf8_lossy(&buffer[..n]).into_owned();
        let line = request.lines().next().unwrap_or_default().to_owned();
        let method = line.split(' ').next().unwrap_or_default().to_owned();
        if method == "STOP" {
            return;
        }
        log.lock().unwrap().push(line);
        let send = |response: String| {
            socket.send_to(response.as_bytes(), from).unwrap();
        };
        match (method.as_str(), does) {
            ("INVITE", Does::Refuse(status, cause)) => {
                send(reply(
                    &request,
                    status,
                    &format!("Reason: Q.850;cause={cause}\r\n"),
                ));
            }
            ("INVITE", Does::Ring) => {
                invite.clone_from(&request);
                send(reply(&request, 180, ""));
            }
            ("INVITE", Does::Challenge) if !request.contains("\r\nProxy-Authorization:") => {
                send(reply(
                    &request,
                    407,
                    "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", algorithm=MD5\r\n",
                ));
            }
            ("INVITE", Does::Answer | Does::Challenge) => {
                send(reply(&request, 180, ""));
                send(answer(&request, socket.local_addr().unwrap()));
            }
            ("CANCEL", _) => {
                send(reply(&request, 200, ""));
                send(reply(&invite, 487, ""));
            }
            ("BYE", _) => send(reply(&request, 200, "")),
            _ => {}
        }
    }
}

fn reply(request: &str, status: u16, more: &str) -> String {
    let mut response = format!("SIP/2.0 {status} As told\r\n");
    for line in request.lines().skip(1).take_while(|l| !l.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        match name {
            "Via" | "From" | "Call-ID" | "CSeq" => response += &format!("{line}\r\n"),
            "To" if line.contains("tag=") => response += &format!("{line}\r\n"),
            "To" => response += &format!("{line};tag=carrier\r\n"),
            _ => {}
        }
    }
    response + more + "Content-Length: 0\r\n\r\n"
}

fn answer(request: &str, at: SocketAddr) -> String {
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
        ip = at.ip(),
        // Audio goes to the SIP port, where it is no request and is ignored.
        port = at.port(),
    );
    reply(
        request,
        200,
        &format!("Contact: <sip:{at}>\r\nContent-Type: application/sdp\r\n"),
    )
    .replace(
        "Content-Length: 0\r\n\r\n",
        &format!("Content-Length: {}\r\n\r\n{sdp}", sdp.len()),
    )
}
