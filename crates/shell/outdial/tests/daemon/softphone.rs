//! baresip as an agent's phone: it registers, answers by itself, speaks from a file and writes what it hears.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testkit::Voice;

/// The rate of G.711, and of all sound files here.
const RATE: u32 = 8_000;

/// A softphone that runs.
pub struct Softphone {
    home: PathBuf,
    process: Child,
}

impl Softphone {
    /// Registers with the daemon and speaks in a voice.
    pub fn start(
        dir: &Path,
        registrar: SocketAddr,
        user: &str,
        password: &str,
        voice: Voice,
    ) -> Self {
        let home = dir.join(format!("baresip-{user}"));
        let heard = home.join("heard");
        std::fs::create_dir_all(&heard).unwrap();
        let speech = home.join("speech.wav");
        // Longer than any talk here: what baresip does at the end of a file is its own affair.
        write_wav(&speech, &sound(voice, Duration::from_secs(60)));
        let modules = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"];
        let modules = modules
            .iter()
            .find(|p| Path::new(p).exists())
            .unwrap_or(&modules[0]);
        let config = format!(
            "module_path {modules}\nsip_listen 127.0.0.1:0\nmodule g711.so\nmodule aufile.so\nmodule aubridge.so\n\
             module sndfile.so\nmodule_app account.so\nmodule_app menu.so\naudio_source aufile,{speech}\n\
             audio_player aubridge,x\naudio_alert aubridge,y\naudio_srate {RATE}\nausrc_srate {RATE}\n\
             auplay_srate {RATE}\nsnd_path {heard}\n",
            speech = speech.display(),
            heard = heard.display(),
        );
        std::fs::write(home.join("config"), config).unwrap();
        let account = format!(
            "<sip:{user}@{registrar}>;auth_user={user};auth_pass={password};answermode=auto;regint=120;\
             audio_codecs=PCMA\n"
        );
        std::fs::write(home.join("accounts"), account).unwrap();
        let log = std::fs::File::create(home.join("baresip.log")).unwrap();
        let process = Command::new("baresip")
            .args(["-4", "-f"])
            .arg(&home)
            // It ends by itself should the test be killed.
            .args(["-t", "240"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("baresip runs; install the package baresip-core");
        Self { home, process }
    }

    /// Ends it, and returns what was heard in all its calls, as 8 kHz samples.
    pub fn heard(mut self) -> Vec<i16> {
        // sndfile writes its headers when a call ends, which SIGTERM brings about.
        let pid = rustix::process::Pid::from_raw(self.process.id().cast_signed()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.process.wait().unwrap();
        let mut samples = Vec::new();
        for entry in std::fs::read_dir(self.home.join("heard")).unwrap() {
            let path = entry.unwrap().path();
            // `dump-TIME-dec.wav` is what came, `-enc.wav` what went.
            if path.to_string_lossy().ends_with("-dec.wav") {
                let mut wav = hound::WavReader::open(&path).unwrap();
                samples.extend(wav.samples::<i16>().map_while(Result::ok));
            }
        }
        samples
    }

    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.home.join("baresip.log")).unwrap_or_default()
    }
}

impl Drop for Softphone {
    fn drop(&mut self) {
        self.process.kill().unwrap_or_default();
        self.process.wait().map(|_| ()).unwrap_or_default();
    }
}

/// How many tenths of a second a voice is heard in.
pub fn tenths_of(voice: Voice, samples: &[i16]) -> usize {
    samples
        .chunks_exact(800)
        .filter(|tenth| voice.is_in(tenth))
        .count()
}

fn sound(voice: Voice, length: Duration) -> Vec<i16> {
    let (low, high) = voice.frequencies_hz();
    media::dual_tone(low, high, -20.0, length)
}

fn write_wav(path: &Path, samples: &[i16]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).unwrap();
    for sample in samples {
        wav.write_sample(*sample).unwrap();
    }
    wav.finalize().unwrap();
}
