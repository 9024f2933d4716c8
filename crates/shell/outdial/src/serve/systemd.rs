//! What systemd is told: that the daemon is ready, how it is, and that its engine lives. sd_notify(3).

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use api::EngineHandle;
use engine::{Answer, Ask, Board, CampaignState};

use crate::driver::Inbox;

/// The way to systemd. Says nothing when nobody listens.
#[derive(Clone, Debug)]
pub struct Notifier {
    socket: Option<Arc<UnixDatagram>>,
    watchdog: Option<Duration>,
}

/// Without a watchdog, the status is renewed so often.
const STATUS_EVERY: Duration = Duration::from_secs(10);

impl Notifier {
    /// By what systemd put into the environment of its service.
    ///
    /// # Errors
    /// When it named a socket that cannot be used: a service of type notify would be killed at its start's limit.
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let socket = variable("NOTIFY_SOCKET").map(|path| {
            connect(&path)
                .with_context(|| format!("systemd cannot be told anything at NOTIFY_SOCKET={path}"))
        });
        let for_us = variable("WATCHDOG_PID").is_none_or(|p| p == std::process::id().to_string());
        let limit = variable("WATCHDOG_USEC").and_then(|us| us.parse().ok());
        Ok(Self {
            socket: socket.transpose()?.map(Arc::new),
            watchdog: limit
                .filter(|us| for_us && *us > 0)
                .map(Duration::from_micros),
        })
    }

    /// Clients are served from now on.
    pub fn ready(&self) {
        self.send("READY=1\nSTATUS=ready");
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.send("STOPPING=1\nSTATUS=draining: no new calls, those in progress go on");
    }

    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(message.as_bytes())
        {
            tracing::warn!(%error, "systemd was not told: {message}");
        }
    }
}

/// unix(7): a name that begins with `@` lies in no file system.
fn connect(path: &str) -> std::io::Result<UnixDatagram> {
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name.as_bytes())?,
        None => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    Ok(socket)
}

/// The engine's heart, to be listened to.
#[derive(Clone)]
pub struct Pulse {
    /// Asks it.
    pub engine: EngineHandle,
    /// Knows how many inputs it has handled.
    pub inbox: Inbox,
    /// False once the daemon drains.
    pub serves: Arc<AtomicBool>,
}

impl Pulse {
    /// Whether the engine has done anything within the time: it answers, or, when it has too much to do for that,
    /// works on what waits. A drain has limits of its own.
    async fn beats(&self, within: Duration) -> Beat {
        let handled = self.inbox.handled();
        match tokio::time::timeout(within, self.engine.ask(Ask::Board)).await {
            Ok(Ok(Answer::Board(board))) => return Beat::Answers(board),
            Ok(_) => tokio::time::sleep(within).await,
            Err(_) => {}
        }
        if self.inbox.handled() > handled {
            Beat::Overloaded
        } else if self.serves.load(Ordering::Relaxed) {
            Beat::Stuck
        } else {
            Beat::Ends
        }
    }
}

enum Beat {
    Answers(Box<Board>),
    Overloaded,
    Ends,
    Stuck,
}

/// Tells systemd again and again how the daemon is, and that it lives as long as its engine does: a process whose
/// engine stands still looks alive to everybody else, and must be restarted. Never ends.
pub async fn keep_telling(notifier: Notifier, pulse: Pulse) {
    if notifier.socket.is_none() {
        return;
    }
    // Three chances within the limit: sd_watchdog_enabled(3) advises two.
    let every = notifier.watchdog.map_or(STATUS_EVERY, |limit| limit / 3);
    let mut next = tokio::time::interval(every);
    next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        next.tick().await;
        match pulse.beats(every).await {
            Beat::Answers(board) => {
                notifier.send(&format!("WATCHDOG=1\nSTATUS={}", status(&board)))
            }
            Beat::Overloaded => {
                notifier.send("WATCHDOG=1\nSTATUS=overloaded: the engine works, but answers late");
            }
            Beat::Ends => notifier.send("WATCHDOG=1"),
            Beat::Stuck => {
                tracing::error!("the engine stands still; systemd is not told that we live");
                notifier.send("STATUS=the engine stands still");
            }
        }
    }
}

/// One line for `systemctl status`.
fn status(board: &Board) -> String {
    if board.draining {
        let left: u32 = board.campaigns.iter().map(|c| c.talking).sum();
        return format!("draining: {left} talks go on");
    }
    let running = board.campaigns.iter();
    let running = running
        .filter(|c| c.state == CampaignState::Running)
        .count();
    let in_flight: u32 = board.campaigns.iter().map(|c| c.in_flight).sum();
    let talking: u32 = board.campaigns.iter().map(|c| c.talking).sum();
    let away = if board.store_up {
        ""
    } else {
        "; the database does not answer"
    };
    format!(
        "campaigns running: {running}, calls under way: {in_flight}, talks: {talking}, agents: {}{away}",
        board.agents.len()
    )
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use engine::{AgentEvent, CampaignState, Input, LegCommand, Refused, RequestId, StoreWish};
    use model::{AgentId, CampaignId};

    use super::*;
    use crate::clock::Clock;
    use crate::driver::{Driver, NotTaken, Outlets};

    /// Lets the engine's thread stand still in the middle of an effect.
    struct Jammed {
        answers: EngineHandle,
        jam: mpsc::Receiver<()>,
    }

    impl Outlets for Jammed {
        fn leg(&mut self, _: LegCommand) {}
        fn store(&mut self, _: StoreWish) {}
        fn agent(&mut self, _: AgentId, _: AgentEvent) {}
        fn reply(&mut self, request: RequestId, answer: Result<Answer, Refused>) {
            self.answers.answer(request, answer);
        }
        fn campaign_ended(&mut self, _: CampaignId, _: CampaignState, _: String) {}
        fn drained(&mut self) {
            // Nobody ever sends: it ends when the test has.
            self.jam.recv().unwrap_err();
        }
    }

    fn systemd() -> (UnixDatagram, String) {
        let name = format!("outdial-test-{}-{:p}", std::process::id(), &());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        (socket, format!("@{name}"))
    }

    fn heard(socket: &UnixDatagram) -> Option<String> {
        let mut message = [0; 512];
        let length = socket.recv(&mut message).ok()?;
        Some(String::from_utf8_lossy(&message[..length]).into_owned())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_watchdog_is_fed_as_long_as_the_engine_answers_and_not_when_it_stands_still() {
        let (driver, inbox) = Driver::new(1, Clock::start(None), None);
        let to = inbox.clone();
        let engine = EngineHandle::new(move |input| {
            to.ask(input).map_err(|e| match e {
                NotTaken::Full => api::InboxError::Full,
                NotTaken::Ended => api::InboxError::Closed,
            })
        });
        let (release, jam) = mpsc::channel();
        let outlets = Jammed {
            answers: engine.clone(),
            jam,
        };
        let thread = std::thread::spawn(move || driver.run(outlets));
        let (socket, name) = systemd();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        let notifier = Notifier::new(|variable| match variable {
            "NOTIFY_SOCKET" => Some(name.clone()),
            "WATCHDOG_USEC" => Some("1500000".to_owned()),
            _ => None,
        })
        .unwrap();
        let pulse = Pulse {
            engine,
            inbox: inbox.clone(),
            serves: Arc::new(AtomicBool::new(true)),
        };
        let serves = Arc::clone(&pulse.serves);
        let telling = tokio::spawn(keep_telling(notifier, pulse));
        let (socket, fed) = tokio::task::spawn_blocking(move || {
            let fed = [heard(&socket), heard(&socket)];
            (socket, fed)
        })
        .await
        .unwrap();
        for message in fed.into_iter().flatten() {
            assert!(
                message.starts_with("WATCHDOG=1\nSTATUS=campaigns running: 0"),
                "{message}"
            );
        }

        // The engine's thread now waits in its outlet for ever, with nothing wrong in the rest of the process.
        inbox.tell(Input::Drain).unwrap();
        let (socket, said) = tokio::task::spawn_blocking(move || {
            let said = std::iter::from_fn(|| heard(&socket)).find(|m| !m.starts_with("WATCHDOG=1"));
            let next = heard(&socket);
            (socket, [said, next])
        })
        .await
        .unwrap();
        for message in said {
            assert_eq!(message.as_deref(), Some("STATUS=the engine stands still"));
        }

        // A drain may take its time: it has a limit of its own.
        serves.store(false, Ordering::Relaxed);
        let fed_again = tokio::task::spawn_blocking(move || {
            std::iter::from_fn(|| heard(&socket)).find(|m| m == "WATCHDOG=1")
        })
        .await
        .unwrap();
        assert!(fed_again.is_some());
        telling.abort();
        drop(release);
        thread.join().unwrap();
    }

    #[test]
    fn without_systemd_nothing_is_said_and_a_watchdog_of_another_process_is_not_ours() {
        let none = Notifier::new(|_| None).unwrap();
        none.ready();
        assert!(none.socket.is_none() && none.watchdog.is_none());
        let (_socket, name) = systemd();
        let other = Notifier::new(|variable| match variable {
            "NOTIFY_SOCKET" => Some(name.clone()),
            "WATCHDOG_USEC" => Some("300000".to_owned()),
            "WATCHDOG_PID" => Some("1".to_owned()),
            _ => None,
        })
        .unwrap();
        assert!(other.socket.is_some() && other.watchdog.is_none());
        let nowhere = Notifier::new(|v| (v == "NOTIFY_SOCKET").then(|| "/nowhere".to_owned()));
        assert!(nowhere.unwrap_err().to_string().contains("/nowhere"));
    }
}
