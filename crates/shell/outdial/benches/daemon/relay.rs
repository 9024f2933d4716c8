//! The floor: a process that takes a UDP packet and sends it on, with as many streams as there are calls.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::spread::Spread;

/// Packets of one stream in a second of G.711.
const PER_SECOND: u32 = 50;
/// An RTP packet of 20 ms of G.711.
const PACKET: usize = 172;
const SECONDS: u32 = 4;

/// What the relay took.
#[derive(Serialize)]
pub struct Relayed {
    pub us: Spread,
    pub packets_per_second: u32,
}

/// `streams` streams through one relay.
pub fn measure(streams: usize) -> Relayed {
    let open = || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        socket
    };
    let (source, relay, sink) = (open(), open(), open());
    let (relay_addr, sink_addr) = (relay.local_addr().unwrap(), sink.local_addr().unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let relaying = {
        let over = Arc::clone(&over);
        std::thread::spawn(move || {
            let mut packet = [0; 2_048];
            while !over.load(Ordering::Relaxed) {
                if let Ok(length) = relay.recv(&mut packet) {
                    relay.send_to(&packet[..length], sink_addr).unwrap();
                }
            }
        })
    };
    let began = Instant::now();
    let hearing = {
        let over = Arc::clone(&over);
        std::thread::spawn(move || {
            let mut times = Vec::new();
            let mut packet = [0; 2_048];
            while !over.load(Ordering::Relaxed) {
                if sink.recv(&mut packet).is_ok() {
                    let sent_us = u64::from_le_bytes(packet[..8].try_into().unwrap());
                    times.push(
                        began
                            .elapsed()
                            .saturating_sub(Duration::from_micros(sent_us)),
                    );
                }
            }
            times
        })
    };
    let streams = u32::try_from(streams).unwrap();
    let pause = Duration::from_secs(1) / (PER_SECOND * streams);
    for n in 0..PER_SECOND * streams * SECONDS {
        let due = pause * n;
        if let Some(wait) = due.checked_sub(began.elapsed()) {
            std::thread::sleep(wait);
        }
        let mut packet = [0; PACKET];
        packet[..8].copy_from_slice(&(began.elapsed().as_micros() as u64).to_le_bytes());
        source.send_to(&packet, relay_addr).unwrap();
    }
    std::thread::sleep(Duration::from_millis(300));
    over.store(true, Ordering::Relaxed);
    relaying.join().unwrap();
    Relayed {
        us: Spread::of(hearing.join().unwrap()),
        packets_per_second: PER_SECOND * streams,
    }
}
