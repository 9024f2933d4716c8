//! Accounts, groups and phones of a whole team from a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use proto::admin::v1::{CreateGroupRequest, CreateUserRequest, ListGroupsRequest};
use proto::options::v1::Role;
use serde::Serialize;
use serde_json::json;
use sheets::Record;

use super::connection::{Connection, Refusal};
use super::credentials::{Credentials, CredentialsFile, new_password};
use super::people::{Admin, users};
use super::{Shown, request_id, table};
use crate::cli::exit::{Exit, OrExit};

/// `outdial user import`
#[derive(Debug, Args)]
pub struct ImportUsers {
    /// The file, csv or xlsx, with a header: login, and as wanted name, role (agent, supervisor, admin; absent: agent),
    /// groups (several with commas), sip user. Groups that there are not yet are made.
    file: PathBuf,
    /// Says what would be made, and makes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Writes logins and passwords to this new csv file, which only its owner may read, instead of showing them.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// What a row asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    row: u32,
    login: String,
    name: String,
    role: Role,
    groups: Vec<String>,
    sip_user: String,
}

/// A row that makes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Problem {
    row: u32,
    login: String,
    reason: String,
}

/// What became of the file.
#[derive(Debug, Default, Serialize)]
struct Report {
    created: Vec<Credentials>,
    existing: Vec<String>,
    groups_created: Vec<String>,
    problems: Vec<Problem>,
    /// Columns that mean nothing here.
    ignored_columns: Vec<String>,
    dry_run: bool,
}

impl ImportUsers {
    /// Asks.
    pub async fn run(&self, to: &Connection) -> anyhow::Result<Shown> {
        let records = sheets::read_records(&self.file).or_exit(Exit::Refused)?;
        let (wanted, mut report) = read(&records).or_exit(Exit::Refused)?;
        report.dry_run = self.dry_run;
        let mut admin = Admin::new(to.authorised().await?);
        let known: BTreeSet<String> = users(&mut admin)
            .await?
            .users
            .into_iter()
            .map(|u| u.login)
            .collect();
        let (existing, new): (Vec<Wanted>, Vec<Wanted>) =
            wanted.into_iter().partition(|w| known.contains(&w.login));
        report.existing = existing.into_iter().map(|w| w.login).collect();
        if self.dry_run {
            let groups = groups(&mut admin).await?;
            let missing: BTreeSet<&String> = new.iter().flat_map(|w| &w.groups).collect();
            report.groups_created = missing
                .into_iter()
                .filter(|g| !groups.contains_key(*g))
                .cloned()
                .collect();
            report.created = new.iter().map(planned).collect();
            return self.shown(&report);
        }
        // Before the first password is drawn: a place that cannot be written to must not cost one.
        let mut file = match &self.to {
            Some(path) if !new.is_empty() => Some(CredentialsFile::make(path)?),
            Some(_) | None => None,
        };
        let mut groups = groups(&mut admin).await?;
        for wanted in new {
            match make(&mut admin, &wanted, &mut groups, &mut report.groups_created).await {
                Ok(made) => {
                    if let Some(file) = &mut file {
                        file.add(&made)?;
                    }
                    report.created.push(made);
                }
                Err(error) => report.problems.push(Problem {
                    row: wanted.row,
                    login: wanted.login,
                    reason: format!("{error:#}"),
                }),
            }
        }
        report.problems.sort_by_key(|p| p.row);
        self.shown(&report)
    }

    fn shown(&self, report: &Report) -> anyhow::Result<Shown> {
        let mut value = serde_json::to_value(report)?;
        let hidden = self.to.as_ref().filter(|_| !report.dry_run);
        if let Some(path) = hidden {
            // They stand in the file, once.
            for made in value["created"].as_array_mut().into_iter().flatten() {
                if let Some(made) = made.as_object_mut() {
                    made.remove("password");
                    made.remove("sip_password");
                }
            }
            value["file"] = json!(path.display().to_string());
        }
        let exit = if report.problems.is_empty() {
            None
        } else if report.created.is_empty() && report.existing.is_empty() {
            Some(Exit::Refused)
        } else {
            Some(Exit::Partial)
        };
        Ok(Shown {
            text: text(report, &value, hidden.is_some()),
            value,
            exit,
        })
    }
}

fn text(report: &Report, value: &serde_json::Value, hidden: bool) -> String {
    let would = if report.dry_run { "would be " } else { "" };
    let mut text = format!(
        "{} {would}made, {} there already, {} refused\n",
        report.created.len(),
        report.existing.len(),
        report.problems.len()
    );
    if !report.groups_created.is_empty() {
        let groups = report.groups_created.join(", ");
        text.push_str(&format!("groups {would}made: {groups}\n"));
    }
    for login in &report.existing {
        text.push_str(&format!("there already, left as it is: {login}\n"));
    }
    for problem in &report.problems {
        text.push_str(&format!("row {}: {}\n", problem.row, problem.reason));
    }
    if !report.ignored_columns.is_empty() {
        let columns = report.ignored_columns.join(", ");
        text.push_str(&format!("columns that mean nothing here: {columns}\n"));
    }
    if let Some(path) = value["file"].as_str() {
        text.push_str(&format!("passwords stand in {path}, and nowhere else\n"));
    } else if !report.created.is_empty() {
        let secret = [
            ("LOGIN", "login"),
            ("NAME", "name"),
            ("PASSWORD", "password"),
            ("PHONE", "sip_user"),
            ("REALM", "sip_realm"),
            ("PHONE PASSWORD", "sip_password"),
        ];
        let open = [("LOGIN", "login"), ("NAME", "name"), ("PHONE", "sip_user")];
        let columns: &[table::Column] = if report.dry_run || hidden {
            &open
        } else {
            &secret
        };
        text.push_str(&table::rows(&value["created"], columns));
        if !report.dry_run {
            text.push_str("passwords are shown this once\n");
        }
    }
    text
}

fn planned(wanted: &Wanted) -> Credentials {
    let phone = if wanted.sip_user.is_empty() && wanted.role == Role::Agent {
        wanted.login.clone()
    } else {
        wanted.sip_user.clone()
    };
    Credentials {
        login: wanted.login.clone(),
        name: if wanted.name.is_empty() {
            wanted.login.clone()
        } else {
            wanted.name.clone()
        },
        password: String::new(),
        sip_user: phone,
        sip_realm: String::new(),
        sip_password: String::new(),
    }
}

async fn groups(admin: &mut Admin) -> anyhow::Result<BTreeMap<String, i32>> {
    let all = admin
        .list_groups(ListGroupsRequest {})
        .await
        .map_err(Refusal::from)?
        .into_inner()
        .groups;
    Ok(all.into_iter().map(|g| (g.name, g.group_id)).collect())
}

async fn make(
    admin: &mut Admin,
    wanted: &Wanted,
    groups: &mut BTreeMap<String, i32>,
    made: &mut Vec<String>,
) -> anyhow::Result<Credentials> {
    let mut group_ids = Vec::with_capacity(wanted.groups.len());
    for name in &wanted.groups {
        let id = match groups.get(name) {
            Some(id) => *id,
            None => {
                let request = CreateGroupRequest {
                    name: name.clone(),
                    request_id: request_id()?,
                };
                let response = admin.create_group(request).await.map_err(Refusal::from)?;
                let id = response.into_inner().group.unwrap_or_default().group_id;
                groups.insert(name.clone(), id);
                made.push(name.clone());
                id
            }
        };
        group_ids.push(id);
    }
    let password = new_password()?;
    let request = CreateUserRequest {
        login: wanted.login.clone(),
        name: wanted.name.clone(),
        role: wanted.role.into(),
        password: password.clone(),
        group_ids,
        sip_user: wanted.sip_user.clone(),
        skills: Vec::new(),
        request_id: request_id()?,
        validate_only: false,
    };
    let response = admin.create_user(request).await.map_err(Refusal::from)?;
    Ok(Credentials::of(response.into_inner(), password))
}

/// Where each field stands.
#[derive(Debug, Default)]
struct Columns {
    login: Option<usize>,
    name: Option<usize>,
    role: Option<usize>,
    groups: Option<usize>,
    sip_user: Option<usize>,
}

/// Rows and what is wrong with them, without the server.
fn read(records: &[Record]) -> anyhow::Result<(Vec<Wanted>, Report)> {
    let Some((header, rows)) = records.split_first() else {
        anyhow::bail!("the file is empty");
    };
    let mut columns = Columns::default();
    let mut report = Report::default();
    for (index, head) in header.cells.iter().enumerate() {
        let key = head.to_lowercase().replace(['_', '-', ' '], "");
        let place = match key.as_str() {
            "login" | "user" | "username" | "логин" => &mut columns.login,
            "name" | "fullname" | "имя" | "фио" => &mut columns.name,
            "role" | "роль" => &mut columns.role,
            "group" | "groups" | "группа" | "группы" => &mut columns.groups,
            "sipuser" | "phone" | "extension" | "sip" | "телефон" | "внутренний" => {
                &mut columns.sip_user
            }
            "" => continue,
            _ => {
                report.ignored_columns.push(head.clone());
                continue;
            }
        };
        anyhow::ensure!(place.is_none(), "the header has two columns for \"{head}\"");
        *place = Some(index);
    }
    anyhow::ensure!(
        columns.login.is_some(),
        "the header has no column login; it has: {}",
        header.cells.join(", ")
    );
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut phones: BTreeMap<String, u32> = BTreeMap::new();
    for record in rows {
        let judged = read_row(record, &columns).and_then(|w| {
            if let Some(first) = seen.get(&w.login) {
                return Err(format!("login {} stands already in row {first}", w.login));
            }
            let phone = planned(&w).sip_user;
            if let Some(first) = phones.get(&phone).filter(|_| !phone.is_empty()) {
                return Err(format!("phone {phone} stands already in row {first}"));
            }
            seen.insert(w.login.clone(), w.row);
            phones.insert(phone, w.row);
            Ok(w)
        });
        match judged {
            Ok(w) => wanted.push(w),
            Err(reason) => report.problems.push(Problem {
                row: record.row,
                login: cell(record, columns.login).to_owned(),
                reason,
            }),
        }
    }
    Ok((wanted, report))
}

fn cell(record: &Record, column: Option<usize>) -> &str {
    column.map_or("", |index| record.text(index))
}

fn read_row(record: &Record, columns: &Columns) -> Result<Wanted, String> {
    let login = cell(record, columns.login).to_lowercase();
    plain("login", &login)?;
    let role = match cell(record, columns.role).to_lowercase().as_str() {
        "" | "agent" | "оператор" => Role::Agent,
        "supervisor" | "супервизор" => Role::Supervisor,
        "admin" | "администратор" => Role::Admin,
        other => {
            return Err(format!(
                "role \"{other}\" is none; write agent, supervisor or admin"
            ));
        }
    };
    let mut groups: Vec<String> = cell(record, columns.groups)
        .split([',', ';', '|', '\n'])
        .map(|g| g.trim().to_owned())
        .filter(|g| !g.is_empty())
        .collect();
    groups.sort();
    groups.dedup();
    let sip_user = cell(record, columns.sip_user).to_owned();
    if !sip_user.is_empty() {
        plain("sip user", &sip_user)?;
    }
    if role != Role::Agent && !(groups.is_empty() && sip_user.is_empty()) {
        return Err("only an agent has groups and a phone".to_owned());
    }
    Ok(Wanted {
        row: record.row,
        login,
        name: cell(record, columns.name).to_owned(),
        role,
        groups,
        sip_user,
    })
}

fn plain(what: &str, text: &str) -> Result<(), String> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if text.is_empty() {
        return Err(format!("no {what}"));
    }
    if text.len() > 64 || !text.bytes().all(is_plain) {
        return Err(format!(
            "{what} \"{text}\" has something else than 1 to 64 Latin letters, digits, dots, dashes and underscores"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(rows: &[&[&str]]) -> Vec<Record> {
        (1..)
            .zip(rows)
            .map(|(row, cells)| Record {
                row,
                cells: cells.iter().map(|c| (*c).to_owned()).collect(),
            })
            .collect()
    }

    #[test]
    fn rows_are_read_by_the_names_of_their_columns() {
        let rows = records(&[
            &["Логин", "ФИО", "Groups", "SIP user", "Отдел"],
            &["Anna", "Анна", "day, night; day", "301", "x"],
            &["boss", "", "", "", ""],
        ]);
        let (wanted, report) = read(&rows).unwrap();
        assert_eq!(report.ignored_columns, ["Отдел"]);
        assert_eq!(
            wanted[0],
            Wanted {
                row: 2,
                login: "anna".to_owned(),
                name: "Анна".to_owned(),
                role: Role::Agent,
                groups: vec!["day".to_owned(), "night".to_owned()],
                sip_user: "301".to_owned(),
            }
        );
        assert_eq!(planned(&wanted[1]).sip_user, "boss");
    }

    #[test]
    fn every_wrong_row_is_told_with_its_reason() {
        let rows = records(&[
            &["login", "role", "groups", "sip_user"],
            &["", "agent", "", ""],
            &["анна", "", "", ""],
            &["anna", "king", "", ""],
            &["boss", "supervisor", "day", ""],
            &["anna", "", "", "301"],
            &["ANNA", "", "", "302"],
            &["olga", "", "", "301"],
        ]);
        let (wanted, report) = read(&rows).unwrap();
        assert_eq!(wanted.len(), 1);
        let told: Vec<(u32, bool)> = report
            .problems
            .iter()
            .zip([
                "no login",
                "Latin letters",
                "role \"king\"",
                "only an agent",
                "already in row 6",
                "phone 301 stands already in row 6",
            ])
            .map(|(p, part)| (p.row, p.reason.contains(part)))
            .collect();
        assert_eq!(
            told,
            [
                (2, true),
                (3, true),
                (4, true),
                (5, true),
                (7, true),
                (8, true)
            ],
            "{:?}",
            report.problems
        );
    }

    #[test]
    fn a_file_without_logins_is_refused() {
        let error = read(&records(&[&["name"], &["Anna"]])).unwrap_err();
        assert!(error.to_string().contains("no column login"), "{error}");
        assert!(read(&[]).is_err());
    }
}
