//! Log lines on standard error: text on a terminal, JSON elsewhere.

use std::fs::File;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::config::{Log, LogFormat};

/// Begins to log.
///
/// # Errors
/// When the filter cannot be read, or logging was begun before.
pub fn init(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter)?;
    let to_terminal = std::io::stderr().is_terminal();
    let base = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(to_terminal);
    let as_json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !to_terminal,
    };
    let started = if as_json {
        base.json().flatten_event(true).try_init()
    } else {
        base.try_init()
    };
    started.map_err(|e| anyhow::anyhow!("logging was begun twice: {e}"))
}

/// Begins to log into a file, where standard error shows something else.
///
/// # Errors
/// When the file cannot be made, or logging was begun before.
pub fn to_file(path: &Path) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("could not make {}", path.display()))?;
    tracing_subscriber::fmt()
        .with_writer(Mutex::new(file))
        .with_env_filter(EnvFilter::try_new(Log::default().filter)?)
        .with_ansi(false)
        .try_init()
        .map_err(|e| anyhow::anyhow!("logging was begun twice: {e}"))
}
