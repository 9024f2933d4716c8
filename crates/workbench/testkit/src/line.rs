//! The audio of calls: one RTP socket each, all driven by one 20 ms clock.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hound::{SampleFormat, WavSpec, WavWriter};
use media::{Codec, EventSender, FRAME, Outgoing, RtpPacket, SAMPLE_RATE};
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use model::Timestamp;
use sip::RemoteMedia;

use crate::clock::Clock;
use crate::draw::Draw;
use crate::ear::{Ear, decode};
use crate::error::{TestkitError, system};
use crate::script::{Script, Speeches};
use crate::socket::{RTP_BUFFER_BYTES, bind};

/// RTP over Ethernet is at most 1,460 bytes.
const LONGEST_DATAGRAM: usize = 2_048;
/// RFC 3551 section 3: payload types from here on are agreed in SDP; telephone events are all we agree on.
const FIRST_DYNAMIC: u8 = 96;
/// How long a key is held down.
const KEY_HELD: Duration = Duration::from_millis(120);
/// A clock that stood still for longer leaves out what it missed.
const LONGEST_DELAY: Duration = Duration::from_millis(500);

/// Names a line.
pub(crate) type LineId = usize;

/// All lines of a thread.
pub(crate) struct Lines {
    registry: Registry,
    lines: BTreeMap<LineId, Line>,
    next_id: LineId,
    next_tick: Timestamp,
    draw: Draw,
    pub(crate) clock: Clock,
    pub(crate) speeches: Speeches,
}

struct Line {
    socket: UdpSocket,
    remote: Option<RemoteMedia>,
    out: Outgoing,
    script: Script,
    pressing: Option<Pressing>,
    ear: Ear,
    recording: Option<Recording>,
}

#[derive(Debug)]
struct Pressing {
    packets: EventSender,
    /// RFC 4733 section 2.3.5: the timestamp of a press is that of its beginning.
    timestamp: Option<u32>,
}

type Recording = WavWriter<BufWriter<File>>;

impl Lines {
    pub(crate) fn new(registry: Registry, clock: Clock, seed: u64) -> Self {
        Self {
            registry,
            lines: BTreeMap::new(),
            next_id: 1,
            next_tick: Timestamp::default(),
            draw: Draw::new(seed, 0, 0),
            clock,
            speeches: Speeches::default(),
        }
    }

    /// Opens a line; it is silent and deaf to nothing. With `wav`, what is heard is written there too.
    pub(crate) fn open(
        &mut self,
        ip: IpAddr,
        ear: Ear,
        wav: Option<&Path>,
    ) -> Result<(LineId, SocketAddr), TestkitError> {
        let (mut socket, local) = bind(SocketAddr::new(ip, 0), RTP_BUFFER_BYTES)?;
        let id = self.next_id;
        self.registry
            .register(&mut socket, token(id), Interest::READABLE)
            .map_err(system("wait for RTP"))?;
        let recording = wav.map(record).transpose()?;
        let [a, b, c, d, e, f, g, h] = self.draw.next_u64().to_le_bytes();
        let line = Line {
            socket,
            remote: None,
            out: Outgoing::new(
                u32::from_le_bytes([a, b, c, d]),
                u16::from_le_bytes([e, f]),
                u32::from(u16::from_le_bytes([g, h])),
            ),
            script: Script::default(),
            pressing: None,
            ear,
            recording,
        };
        if self.lines.is_empty() {
            self.next_tick = self.clock.now().mono;
        }
        self.lines.insert(id, line);
        self.next_id += 1;
        Ok((id, local))
    }

    /// Says where to speak to.
    pub(crate) fn connect(&mut self, id: LineId, remote: RemoteMedia) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.remote = Some(remote);
        }
    }

    /// Replaces what is said.
    pub(crate) fn say(&mut self, id: LineId, script: Script) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.script = script;
        }
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, id: LineId, key: media::Dtmf) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.script.press(key);
        }
    }

    pub(crate) fn close(&mut self, id: LineId) {
        let Some(mut line) = self.lines.remove(&id) else {
            return;
        };
        if let Err(cause) = self.registry.deregister(&mut line.socket) {
            tracing::warn!(%cause, "an RTP socket could not be forgotten");
        }
        if let Some(Err(cause)) = line.recording.map(WavWriter::finalize) {
            tracing::warn!(%cause, "a recording could not be finished");
        }
    }

    /// When the clock strikes next; never while nobody talks.
    pub(crate) fn next_tick(&self) -> Option<Timestamp> {
        (!self.lines.is_empty()).then_some(self.next_tick)
    }

    /// Sends one frame per line for each 20 ms that have passed.
    pub(crate) fn on_time(&mut self, now: Timestamp) {
        if self.lines.is_empty() {
            return;
        }
        if now.since(self.next_tick) > LONGEST_DELAY {
            self.next_tick = now;
        }
        while self.next_tick <= now {
            for line in self.lines.values_mut() {
                line.tick(self.next_tick);
            }
            self.next_tick = self.next_tick + FRAME;
        }
    }

    /// Reads everything that came on a line.
    pub(crate) fn on_readable(&mut self, id: LineId) {
        if let Some(line) = self.lines.get_mut(&id) {
            line.read(Instant::now());
        }
    }
}

/// Lines have odd tokens.
pub(crate) const fn token(id: LineId) -> Token {
    Token(id * 2 + 1)
}

/// The line of a token.
pub(crate) const fn line_of(token: Token) -> Option<LineId> {
    if token.0 % 2 == 1 {
        Some(token.0 / 2)
    } else {
        None
    }
}

fn record(path: &Path) -> Result<Recording, TestkitError> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    WavWriter::create(path, spec)
        .map_err(|cause| system("write a recording")(io::Error::other(cause)))
}

/// Where the recording of a call goes; names from outside may hold anything.
pub(crate) fn recording_of(dir: &Path, who: &str, nth: u32) -> PathBuf {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let who: String = who.chars().take(64).map(safe).collect();
    dir.join(format!("{who}-{nth}.wav"))
}

impl Line {
    fn tick(&mut self, due: Timestamp) {
        let Some(remote) = self.remote.filter(|r| r.we_send) else {
            return;
        };
        let codec = codec_of(remote);
        if self.pressing.is_none()
            && let Some(key) = self.script.next_key(self.ear.sound())
        {
            match remote.telephone_event {
                Some(_) => {
                    self.pressing = Some(Pressing {
                        packets: EventSender::new(key, KEY_HELD),
                        timestamp: None,
                    });
                }
                None => self.script.sound_key(key),
            }
        }
        let mut packet = Vec::with_capacity(media::RTP_HEADER_BYTES + media::FRAME_SAMPLES);
        if !self.write_key(due, remote, &mut packet) {
            let payload = self.script.next(codec);
            self.out
                .own(due, codec.payload_type())
                .write(&payload, &mut packet);
        }
        // A far end that has just gone refuses packets; it will be told by SIP.
        if let Err(cause) = self.socket.send_to(&packet, remote.addr) {
            tracing::trace!(%cause, "an RTP packet was not sent");
        }
    }

    /// Writes the next packet of a press that is under way.
    fn write_key(&mut self, due: Timestamp, remote: RemoteMedia, packet: &mut Vec<u8>) -> bool {
        let (Some(pressing), Some(payload_type)) = (&mut self.pressing, remote.telephone_event)
        else {
            return false;
        };
        let Some(event) = pressing.packets.next() else {
            self.pressing = None;
            return false;
        };
        let mut header = self.out.own(due, payload_type);
        header.timestamp = *pressing.timestamp.get_or_insert(header.timestamp);
        header.marker = event.marker;
        header.write(&event.payload, packet);
        true
    }

    fn read(&mut self, at: Instant) {
        let mut buffer = [0; LONGEST_DATAGRAM];
        // An error other than "nothing more" speaks of a packet that we sent; the next read goes on.
        let mut errors = 0;
        while errors < 4 {
            match self.socket.recv_from(&mut buffer) {
                Ok((length, _)) => self.take(at, buffer.get(..length).unwrap_or_default()),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => errors += 1,
            }
        }
    }

    fn take(&mut self, at: Instant, datagram: &[u8]) {
        let Ok(packet) = RtpPacket::read(datagram) else {
            return;
        };
        let payload_type = packet.header.payload_type;
        if payload_type >= FIRST_DYNAMIC {
            self.ear.feel(&packet);
        } else if let Some(codec) = Codec::of_payload_type(payload_type) {
            let samples = decode(codec, packet.payload);
            self.ear.hear(at, &samples);
            let Some(recording) = &mut self.recording else {
                return;
            };
            for sample in samples {
                if let Err(cause) = recording.write_sample(sample) {
                    tracing::warn!(%cause, "a recording ends early");
                    self.recording = None;
                    return;
                }
            }
        }
    }
}

fn codec_of(remote: RemoteMedia) -> Codec {
    match remote.codec {
        sip::Codec::Pcma => Codec::Alaw,
        sip::Codec::Pcmu => Codec::Ulaw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_recording_stays_within_its_directory() {
        let path = recording_of(Path::new("wav"), "../../etc/x", 2);
        assert_eq!(path, Path::new("wav/______etc_x-2.wav"));
    }

    #[test]
    fn tokens_of_lines_are_told_from_others() {
        assert_eq!(line_of(token(7)), Some(7));
        assert_eq!(line_of(Token(14)), None);
    }
}
