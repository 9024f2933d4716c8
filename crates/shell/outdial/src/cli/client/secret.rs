//! Passwords, which belong neither into arguments (any user can read those) nor onto the screen.

use std::io::{BufRead, IsTerminal};

use anyhow::Context;

use crate::cli::exit::{Exit, OrExit};
use crate::terminal;

/// From the environment variable, else asked on the terminal without echo, else the next line of standard input.
///
/// # Errors
/// When there is none.
pub fn password(variable: &str, asked: &str) -> anyhow::Result<String> {
    if let Ok(password) = std::env::var(variable) {
        return Ok(password);
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let typed = terminal::secret(asked)?
            .ok_or_else(|| anyhow::anyhow!("{asked} was not given"))
            .or_exit(Exit::Interrupted)?;
        anyhow::ensure!(!typed.is_empty(), "{asked} is needed");
        return Ok(typed);
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
