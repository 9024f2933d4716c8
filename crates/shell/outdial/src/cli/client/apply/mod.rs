//! `outdial apply`: what is configured, kept in files and brought about from them.

mod carry_out;
mod export;
mod files;
mod kind;
mod known;
mod plan;
mod ready;
mod secrets;
mod send;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use self::files::Fault;
use self::known::{Known, Services};
use self::plan::{Action, Step};
use self::send::How;
use super::connection::Connection;
use super::credentials::{Credentials, CredentialsFile};
use super::{Shown, changes, confirm, table};
use crate::cli::exit::{Exit, OrExit, code_of};

/// Brings about what files describe: trunk groups, trunks, groups, users, questionnaires and campaigns. Shows the change
/// and asks first; nothing is changed when anything is wrong.
#[derive(Debug, Args)]
pub struct Apply {
    /// Directory with .toml files of any names: tables [[trunk_group]], [[trunk]], [[group]], [[user]],
    /// [[questionnaire]] and [[campaign]], with the fields of the API and others named by name. A field that a file does
    /// not say is left as it is.
    #[arg(
        short = 'f',
        long,
        value_name = "DIR",
        required_unless_present = "export"
    )]
    files: Option<PathBuf>,
    /// Shows what would be changed, and changes nothing.
    #[arg(long)]
    diff: bool,
    /// Does not ask.
    #[arg(long)]
    yes: bool,
    /// Removes trunks, trunk groups and groups that are not in the files; refuses when one is still used.
    #[arg(long)]
    prune: bool,
    /// Sends passwords (password_env, password_file) also to what there is already. Absent: only to what is made.
    #[arg(long)]
    secrets: bool,
    /// Writes passwords that are drawn for new users to this new csv file, which only its owner may read, instead of
    /// showing them.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// Writes what is in the database as such files.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["files", "diff", "yes", "prune", "secrets", "to"])]
    export: Option<PathBuf>,
}

impl Apply {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        match (&self.export, &self.files) {
            (Some(directory), _) => export(to, directory).await,
            (None, Some(directory)) => self.apply(to, directory).await,
            (None, None) => Err(anyhow::anyhow!("name a directory with -f")).or_exit(Exit::Usage),
        }
    }

    async fn apply(&self, to: &Connection, directory: &Path) -> anyhow::Result<Shown> {
        let (described, mut faults) = files::read(directory)?;
        let mut services = Services::new(to.authorised().await?);
        let mut known = Known::load(&mut services).await?;
        let how = How {
            only_check: false,
            secrets: self.secrets,
            directory,
        };
        let planned = plan::plan(
            &mut services,
            &mut known,
            described,
            how,
            self.prune,
            &mut faults,
        );
        let mut steps = Box::pin(planned).await?;
        if !faults.is_empty() {
            return Err(wrong(faults)).or_exit(Exit::Refused);
        }
        let is_done = |step: &Step| matches!(step.action, Action::Unchanged | Action::LeaveAlone);
        if self.diff || steps.iter().all(is_done) {
            return shown(&steps, &[], None, None);
        }
        if !self.yes && !confirm::ask(&format!("{}Apply this?", text(&steps)))? {
            let text = format!(
                "{}nothing was changed; say --yes to change it",
                text(&steps)
            );
            return Err(anyhow::anyhow!(text)).or_exit(Exit::Refused);
        }
        let file = self.to.as_deref().map(CredentialsFile::make).transpose()?;
        let mut drawn = Vec::new();
        let done =
            carry_out::carry_out(&mut services, &mut known, &mut steps, how, &mut drawn, file);
        let failure = Box::pin(done).await.err();
        shown(&steps, &drawn, failure, self.to.as_deref())
    }
}

async fn export(to: &Connection, directory: &Path) -> anyhow::Result<Shown> {
    let mut services = Services::new(to.authorised().await?);
    let known = Known::load(&mut services).await?;
    let files = export::export(&known, directory)?;
    let path = directory.display().to_string();
    Ok(Shown {
        text: format!("written to {path}: {}\n", files.join(", ")),
        value: json!({"directory": path, "files": files}),
        exit: None,
    })
}

fn wrong(mut faults: Vec<Fault>) -> anyhow::Error {
    faults.sort();
    faults.dedup();
    let mut text = format!("{} problems; nothing was changed", faults.len());
    for Fault { place, text: what } in &faults {
        text.push_str(&if place.line > 0 {
            format!("\n  {}:{}: {what}", place.file, place.line)
        } else {
            format!("\n  {}: {what}", place.file)
        });
    }
    anyhow::anyhow!(text)
}

fn shown(
    steps: &[Step],
    drawn: &[Credentials],
    failure: Option<anyhow::Error>,
    to: Option<&Path>,
) -> anyhow::Result<Shown> {
    let count = |action: Action| steps.iter().filter(|s| s.action == action).count();
    let is_applied = steps.iter().any(|s| s.done);
    let objects: Vec<Value> = steps
        .iter()
        .map(|s| {
            let place = s.ready.as_ref().map(|r| &r.described.place);
            json!({
                "kind": s.kind, "name": s.name, "action": s.action, "changes": s.changes, "done": s.done,
                "file": place.map(|p| p.file.clone()), "line": place.map(|p| p.line),
            })
        })
        .collect();
    let mut value = json!({
        "objects": objects, "create": count(Action::Create), "change": count(Action::Change),
        "unchanged": count(Action::Unchanged), "left_alone": count(Action::LeaveAlone),
        "remove": count(Action::Remove), "applied": is_applied && failure.is_none(),
        "failure": failure.as_ref().map(|e| format!("{e:#}")),
    });
    let mut text = text(steps);
    match (to, drawn.is_empty()) {
        (_, true) => {}
        (Some(path), false) => {
            let path = path.display().to_string();
            text.push_str(&format!("passwords stand in {path}, and nowhere else\n"));
            value["credentials_file"] = path.into();
        }
        (None, false) => {
            value["credentials"] = serde_json::to_value(drawn)?;
            text.push_str(&table::rows(
                &value["credentials"],
                &[
                    ("LOGIN", "login"),
                    ("PASSWORD", "password"),
                    ("PHONE", "sip_user"),
                    ("REALM", "sip_realm"),
                    ("PHONE PASSWORD", "sip_password"),
                ],
            ));
            text.push_str("passwords are shown this once\n");
        }
    }
    let exit = failure.as_ref().map(|error| {
        let list = |done: bool| {
            let some = steps
                .iter()
                .filter(|s| {
                    s.done == done && !matches!(s.action, Action::Unchanged | Action::LeaveAlone)
                })
                .map(|s| format!("{} \"{}\"", s.kind.as_str(), s.name))
                .collect::<Vec<_>>();
            if some.is_empty() {
                "nothing".to_owned()
            } else {
                some.join(", ")
            }
        };
        text.push_str(&format!(
            "error: {error:#}\ndone: {}\nnot done: {}\na second run goes on from here\n",
            list(true),
            list(false)
        ));
        if is_applied {
            Exit::Partial
        } else {
            code_of(error)
        }
    });
    Ok(Shown { value, text, exit })
}

/// For people: what is done with each object.
fn text(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let what = match step.action {
            Action::Create => "create",
            Action::Change => "change",
            Action::Remove => "remove",
            Action::Unchanged => "unchanged",
            Action::LeaveAlone => "not in the files, left alone",
        };
        text.push_str(&format!("{} {}: {what}\n", step.kind.as_str(), step.name));
        text.push_str(&changes::text(&step.changes));
    }
    let count = |action: Action| steps.iter().filter(|s| s.action == action).count();
    let (create, change, remove) = (
        count(Action::Create),
        count(Action::Change),
        count(Action::Remove),
    );
    text.push_str(&if create + change + remove == 0 {
        "nothing to change\n".to_owned()
    } else {
        format!("{create} to create, {change} to change, {remove} to remove\n")
    });
    text
}
