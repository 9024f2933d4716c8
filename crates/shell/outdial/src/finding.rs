//! What a check says: in order, or what is wrong and what to do about it.

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::Exit;

/// How serious it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In order.
    Ok,
    /// Works, but somebody should look at it.
    Warning,
    /// Does not work.
    Failure,
}

/// One line of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at; stable.
    pub check: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub says: String,
    /// What to do about it; nothing when it is in order.
    pub remedy: Option<String>,
}

impl Finding {
    /// In order.
    pub fn ok(check: &'static str, says: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Ok,
            says: says.into(),
            remedy: None,
        }
    }

    /// Works, but.
    pub fn warning(
        check: &'static str,
        says: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            check,
            state: State::Warning,
            says: says.into(),
            remedy: Some(remedy.into()),
        }
    }

    /// Does not work.
    pub fn failure(
        check: &'static str,
        says: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            check,
            state: State::Failure,
            says: says.into(),
            remedy: Some(remedy.into()),
        }
    }
}

/// All lines of a check.
#[derive(Debug, Serialize)]
pub struct Findings {
    /// In the order looked at.
    pub checks: Vec<Finding>,
    /// How many are failures.
    pub failures: usize,
    /// How many are warnings.
    pub warnings: usize,
}

impl From<Vec<Finding>> for Findings {
    fn from(checks: Vec<Finding>) -> Self {
        let count = |state| checks.iter().filter(|f| f.state == state).count();
        Self {
            failures: count(State::Failure),
            warnings: count(State::Warning),
            checks,
        }
    }
}

impl Findings {
    /// For people: a line each, what to do below it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let width = self.checks.iter().map(|f| f.check.len()).max().unwrap_or(0);
        for Finding {
            check,
            state,
            says,
            remedy,
        } in &self.checks
        {
            let state = match state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Failure => "FAILURE",
            };
            text.push_str(&format!("{state:<8} {check:<width$}  {says}\n"));
            if let Some(remedy) = remedy {
                text.push_str(&format!("{:<8} {:<width$}  -> {remedy}\n", "", ""));
            }
        }
        let (failures, warnings) = (self.failures, self.warnings);
        text.push_str(&match (failures, warnings) {
            (0, 0) => "all in order\n".to_owned(),
            _ => format!("failures: {failures}, warnings: {warnings}\n"),
        });
        text
    }

    /// 0 without failures.
    pub fn code(&self) -> ExitCode {
        if self.failures == 0 {
            ExitCode::SUCCESS
        } else {
            Exit::Failure.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_has_its_line_and_its_remedy_below() {
        let findings = Findings::from(vec![
            Finding::ok("disk", "12 GiB free"),
            Finding::failure("database", "it does not answer", "start it"),
        ]);
        assert_eq!(
            findings.text(),
            "ok       disk      12 GiB free\n\
             FAILURE  database  it does not answer\n\
             \u{20}                  -> start it\n\
             failures: 1, warnings: 0\n"
        );
    }
}
