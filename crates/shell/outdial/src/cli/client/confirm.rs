//! Asking for a yes.

use std::io::{BufRead, IsTerminal};

use crate::output;

/// Asks at the terminal; without one the answer is no, since nobody said yes.
///
/// # Errors
/// When standard input cannot be read.
pub fn ask(question: &str) -> anyhow::Result<bool> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Ok(false);
    }
    output::prompt(&format!("{question} [y/N] "));
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    Ok(is_yes(&line))
}

fn is_yes(line: &str) -> bool {
    ["y", "yes"].contains(&line.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for (line, yes) in [
            ("y\n", true),
            (" YES \r\n", true),
            ("\n", false),
            ("", false),
            ("yeah\n", false),
        ] {
            assert_eq!(is_yes(line), yes, "{line:?}");
        }
    }
}
