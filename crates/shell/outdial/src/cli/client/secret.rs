//! Passwords, which belong neither into arguments (any user can read those) nor onto the screen.

use std::io::{BufRead, IsTerminal};

use anyhow::Context;

/// From the environment variable, else the next line of standard input.
///
/// # Errors
/// When there is none.
pub fn password(variable: &str, asked: &str) -> anyhow::Result<String> {
    if let Ok(password) = std::env::var(variable) {
        return Ok(password);
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        // Without the means to turn the echo off, a visible prompt would invite to type it visibly.
        anyhow::bail!(
            "{asked} is needed; set {variable}, or pipe it in: printf %s \"$PASSWORD\" | outdial …"
        );
    }
    let mut line = String::new();
    stdin
        .lock()
        .read_line(&mut line)
        .with_context(|| format!("{asked} could not be read from standard input"))?;
    let password = line.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(
        !password.is_empty(),
        "{asked} is needed; set {variable}, or pipe it in"
    );
    Ok(password.to_owned())
}
