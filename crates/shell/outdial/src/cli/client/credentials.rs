//! Passwords of accounts that were just made: drawn here, shown once, kept nowhere else.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use proto::admin::v1::{CreateUserResponse, SipCredentials};
use serde::Serialize;

use crate::cli::exit::{Exit, OrExit};

/// Letters and digits that nobody takes for another when a password is read aloud or from paper.
const SYMBOLS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789R";
/// Of 32 symbols each: 80 bits.
const LENGTH: usize = 16;

/// A fresh password.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_password() -> anyhow::Result<String> {
    let mut random = [0_u8; LENGTH];
    getrandom::fill(&mut random).context("the system gives no random bytes")?;
    let symbol = |byte: &u8| char::from(SYMBOLS[usize::from(*byte) % SYMBOLS.len()]);
    Ok(random.iter().map(symbol).collect())
}

/// What somebody needs to sign in and to set up a phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Credentials {
    /// Login.
    pub login: String,
    /// Name to show.
    pub name: String,
    /// Password; empty for one that signs in by token only.
    pub password: String,
    /// User name of the phone; empty without one.
    pub sip_user: String,
    /// Its realm.
    pub sip_realm: String,
    /// Its password.
    pub sip_password: String,
}

impl Credentials {
    /// Of an account as the server made it.
    pub fn of(made: CreateUserResponse, password: String) -> Self {
        let user = made.user.unwrap_or_default();
        let SipCredentials {
            user: sip_user,
            realm,
            password: sip_password,
        } = made.sip.unwrap_or_default();
        Self {
            login: user.login,
            name: user.name,
            password,
            sip_user,
            sip_realm: realm,
            sip_password,
        }
    }

    fn cells(&self) -> [&str; 6] {
        [
            &self.login,
            &self.name,
            &self.password,
            &self.sip_user,
            &self.sip_realm,
            &self.sip_password,
        ]
    }
}

/// A csv file that only its owner may read, with a line for each account as soon as it is made: what is shown once
/// must not be lost because a later one fails.
#[derive(Debug)]
pub struct CredentialsFile {
    path: PathBuf,
    file: File,
}

impl CredentialsFile {
    /// Makes the file.
    ///
    /// # Errors
    /// When it exists: somebody's only passwords may stand in it.
    pub fn make(path: &Path) -> anyhow::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .with_context(|| {
                format!(
                    "could not make {}; name a file that does not exist",
                    path.display()
                )
            })
            .or_exit(Exit::Refused)?;
        let mut made = Self {
            path: path.to_owned(),
            file,
        };
        made.line([
            "login",
            "name",
            "password",
            "sip_user",
            "sip_realm",
            "sip_password",
        ])?;
        Ok(made)
    }

    /// Adds an account.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn add(&mut self, credentials: &Credentials) -> anyhow::Result<()> {
        self.line(credentials.cells())
    }

    fn line(&mut self, cells: [&str; 6]) -> anyhow::Result<()> {
        let line = cells.map(quoted).join(",") + "\n";
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data())
            .with_context(|| format!("could not write {}", self.path.display()))
    }
}

/// RFC 4180 section 2: fields with commas, quotes or line breaks stand in quotes, and a quote is doubled.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_password_is_long_enough_for_the_server_and_no_two_are_alike() {
        let (a, b) = (new_password().unwrap(), new_password().unwrap());
        assert_eq!(a.len(), LENGTH);
        assert_ne!(a, b);
        assert!(a.bytes().all(|c| SYMBOLS.contains(&c)), "{a}");
    }

    #[test]
    fn the_file_is_its_owner_s_alone_and_never_written_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new.csv");
        let mut file = CredentialsFile::make(&path).unwrap();
        file.add(&Credentials {
            login: "anna".to_owned(),
            name: "Anna \"A\", day".to_owned(),
            password: "p".to_owned(),
            sip_user: "301".to_owned(),
            sip_realm: "r".to_owned(),
            sip_password: "s".to_owned(),
        })
        .unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "login,name,password,sip_user,sip_realm,sip_password\nanna,\"Anna \"\"A\"\", day\",p,301,r,s\n"
        );
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(CredentialsFile::make(&path).is_err());
    }
}
