//! What the next process must know if this one dies: the calls in which somebody would be left in silence, and
//! where agents' phones are, which register anew only after minutes.
//!
//! A file of lines, appended to before the packet leaves that makes it true. It is not synced: it is there for
//! the end of a process, not of a machine, whose peers notice by themselves that no audio comes. A line cut off
//! in the middle was never followed by its packet and is ignored.
//!
//! | Line | Meaning |
//! |---|---|
//! | `leg ID TO HEX` | the request HEX must be finished towards TO |
//! | `over ID` | nothing is left to be said about leg ID |
//! | `phone AGENT SOURCE UNTIL CSEQ CONTACT-HEX CALL-ID-HEX` | a registered phone, until then (Unix seconds) |
//! | `away AGENT` | the agent's phones are forgotten |

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use model::{AgentId, LegId, WallTime};
use sip::{PhoneBinding, Unfinished};

/// A file that has grown by so much is written anew with what still holds.
const GROWTH_MAX: usize = 4 * 1024 * 1024;

/// What an earlier process left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftBehind {
    pub(crate) unfinished: Vec<Unfinished>,
    pub(crate) phones: Vec<PhoneBinding>,
}

/// The file, and what it says.
#[derive(Debug)]
pub(crate) struct Keepsake {
    path: PathBuf,
    file: File,
    legs: BTreeMap<LegId, Unfinished>,
    phones: BTreeMap<AgentId, Vec<PhoneBinding>>,
    grown: usize,
    failed: bool,
}

impl Keepsake {
    /// Reads what an earlier process left, and begins anew. Its phones are kept on; what it had to say is
    /// handed out once: a peer that does not hear it now will have noticed by itself when we die again.
    pub(crate) fn open(path: &Path) -> std::io::Result<(Self, LeftBehind)> {
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(e),
        };
        let (legs, phones) = read(&text);
        let left = LeftBehind {
            unfinished: legs.into_values().collect(),
            phones: phones.values().flatten().cloned().collect(),
        };
        let mut keepsake = Self {
            path: path.to_owned(),
            file: File::options().create(true).append(true).open(path)?,
            legs: BTreeMap::new(),
            phones,
            grown: 0,
            failed: false,
        };
        keepsake.rewrite()?;
        Ok((keepsake, left))
    }

    /// What is left to be said about a leg; `None`: nothing.
    pub(crate) fn leg(&mut self, leg: LegId, unfinished: Option<Unfinished>) {
        let line = match unfinished {
            Some(unfinished) => {
                let line = leg_line(leg, &unfinished);
                self.legs.insert(leg, unfinished);
                line
            }
            None => {
                self.legs.remove(&leg);
                format!("over {leg}\n")
            }
        };
        self.append(&line);
    }

    /// Where an agent's phones are now.
    pub(crate) fn phones(&mut self, agent: AgentId, bindings: Vec<PhoneBinding>) {
        let line = phone_lines(agent, &bindings);
        if bindings.is_empty() {
            self.phones.remove(&agent);
        } else {
            self.phones.insert(agent, bindings);
        }
        self.append(&line);
    }

    /// The first failure is told; calls go on without.
    fn append(&mut self, line: &str) {
        self.grown += line.len();
        let mut done = self.file.write_all(line.as_bytes());
        if done.is_ok() && self.grown > GROWTH_MAX {
            done = self.rewrite();
        }
        if let Err(error) = done
            && !std::mem::replace(&mut self.failed, true)
        {
            tracing::error!(
                file = %self.path.display(), %error,
                "calls in progress are not kept: after a crash their ends would be left in silence"
            );
        }
    }

    /// In a neighbour first: a crash in the middle leaves the old file whole.
    fn rewrite(&mut self) -> std::io::Result<()> {
        let legs = self.legs.iter().map(|(leg, u)| leg_line(*leg, u));
        let phones = self.phones.iter().map(|(a, b)| phone_lines(*a, b));
        let text: String = legs.chain(phones).collect();
        let new = self.path.with_extension("new");
        // Whoever reads it could end our calls.
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(text.as_bytes())?;
        std::fs::rename(&new, &self.path)?;
        self.file = file;
        self.grown = 0;
        Ok(())
    }
}

type Kept = (
    BTreeMap<LegId, Unfinished>,
    BTreeMap<AgentId, Vec<PhoneBinding>>,
);

fn read(text: &str) -> Kept {
    let (mut legs, mut phones) = Kept::default();
    for line in text.split_inclusive('\n') {
        let Some(line) = line.strip_suffix('\n') else {
            break;
        };
        if read_line(line, &mut legs, &mut phones).is_none() {
            tracing::warn!(
                line,
                "a line about the calls of an earlier run cannot be read"
            );
        }
    }
    (legs, phones)
}

fn read_line(
    line: &str,
    legs: &mut BTreeMap<LegId, Unfinished>,
    phones: &mut BTreeMap<AgentId, Vec<PhoneBinding>>,
) -> Option<()> {
    let mut words = line.split(' ');
    let kind = words.next()?;
    let mut word = || words.next();
    match kind {
        "leg" => {
            let leg = LegId(word()?.parse().ok()?);
            let to: SocketAddr = word()?.parse().ok()?;
            let request = of_hex(word()?)?.into();
            legs.insert(leg, Unfinished { to, request });
        }
        "over" => {
            legs.remove(&LegId(word()?.parse().ok()?));
        }
        "phone" => {
            let agent = AgentId(word()?.parse().ok()?);
            let binding = PhoneBinding {
                agent,
                source: word()?.parse().ok()?,
                expires_at: WallTime::from_unix_seconds(word()?.parse().ok()?),
                cseq: word()?.parse().ok()?,
                contact: of_hex(word()?)?.into(),
                call_id: of_hex(word()?)?.into(),
            };
            phones.entry(agent).or_default().push(binding);
        }
        "away" => {
            phones.remove(&AgentId(word()?.parse().ok()?));
        }
        _ => return None,
    }
    Some(())
}

fn leg_line(leg: LegId, unfinished: &Unfinished) -> String {
    format!("leg {leg} {} {}\n", unfinished.to, hex(&unfinished.request))
}

/// Whatever was known of the agent before is void.
fn phone_lines(agent: AgentId, bindings: &[PhoneBinding]) -> String {
    let phones = bindings.iter().map(|b| {
        let until = b.expires_at.unix_micros() / 1_000_000;
        let (contact, call_id) = (hex(&b.contact), hex(&b.call_id));
        format!(
            "phone {agent} {} {until} {} {contact} {call_id}\n",
            b.source, b.cseq
        )
    });
    std::iter::once(format!("away {agent}\n"))
        .chain(phones)
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS.get(usize::from(n)).copied().unwrap_or(b'0'));
    bytes
        .iter()
        .flat_map(|b| [digit(b >> 4), digit(b & 15)])
        .collect()
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect();
    let pairs = digits?;
    let pairs = pairs.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unfinished(request: &[u8]) -> Unfinished {
        Unfinished {
            to: "192.0.2.2:5060".parse().unwrap(),
            request: request.into(),
        }
    }

    fn binding(agent: i32, contact: &[u8]) -> PhoneBinding {
        PhoneBinding {
            agent: AgentId(agent),
            source: "192.0.2.7:5062".parse().unwrap(),
            contact: contact.into(),
            call_id: b"r\xff1".as_slice().into(),
            cseq: 7,
            expires_at: WallTime::from_unix_seconds(1_800_000_000),
        }
    }

    #[test]
    fn what_still_holds_at_the_end_is_what_the_next_process_finds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keepsake");
        let (mut kept, left) = Keepsake::open(&path).unwrap();
        assert_eq!(left, LeftBehind::default());
        kept.leg(LegId(1), Some(unfinished(b"INVITE")));
        kept.leg(LegId(2), Some(unfinished(b"INVITE 2")));
        kept.leg(LegId(1), Some(unfinished(b"BYE\r\n\xff")));
        kept.leg(LegId(2), None);
        kept.phones(
            AgentId(5),
            vec![binding(5, b"<sip:a@b>"), binding(5, b"<sip:c@d>")],
        );
        kept.phones(AgentId(6), vec![binding(6, b"<sip:e@f>")]);
        kept.phones(AgentId(6), Vec::new());
        drop(kept);
        let (kept, left) = Keepsake::open(&path).unwrap();
        assert_eq!(left.unfinished, [unfinished(b"BYE\r\n\xff")]);
        assert_eq!(
            left.phones,
            [binding(5, b"<sip:a@b>"), binding(5, b"<sip:c@d>")]
        );
        drop(kept);
        // Said once; phones stay.
        let (_, left) = Keepsake::open(&path).unwrap();
        assert_eq!((left.unfinished.len(), left.phones.len()), (0, 2));
    }

    #[test]
    fn a_line_that_was_cut_off_or_means_nothing_is_left_out() {
        let whole = leg_line(LegId(1), &unfinished(b"BYE"));
        let text = format!(
            "{whole}nonsense\nleg x y z\n{}",
            leg_line(LegId(2), &unfinished(b"BYE 2"))
        );
        for cut in whole.len()..text.len() - 1 {
            let (legs, _) = read(text.get(..cut).unwrap());
            assert_eq!(legs.len(), 1, "{cut}");
        }
        assert_eq!(read(&text).0.len(), 2);
    }

    #[test]
    fn a_file_that_has_grown_is_written_anew_with_what_holds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keepsake");
        let (mut kept, _) = Keepsake::open(&path).unwrap();
        kept.leg(LegId(1), Some(unfinished(b"BYE")));
        let long = vec![b'x'; 60_000];
        for n in 2..100 {
            kept.leg(LegId(n), Some(unfinished(&long)));
            kept.leg(LegId(n), None);
        }
        assert!(std::fs::metadata(&path).unwrap().len() < GROWTH_MAX as u64);
        let (_, left) = Keepsake::open(&path).unwrap();
        assert_eq!(left.unfinished, [unfinished(b"BYE")]);
    }
}
