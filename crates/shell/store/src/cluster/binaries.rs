//! Where the server's programs are.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::ClusterError;

/// A directory with `postgres` and `initdb` of one major version.
#[derive(Clone, Debug)]
pub(super) struct Binaries {
    dir: PathBuf,
    major: String,
}

/// Debian keeps each major version apart here.
const VERSIONED: &str = "/usr/lib/postgresql";

impl Binaries {
    /// The directory given, else what `pg_config` names, else the newest of Debian's, else the search
    /// path. When there is data already, only its own major version will do: another one refuses it.
    pub(super) fn find(given: Option<&Path>, data: &Path) -> Result<Self, ClusterError> {
        let candidates = match given {
            Some(dir) => vec![dir.to_owned()],
            None => candidates(),
        };
        let found: Vec<Self> = candidates
            .iter()
            .filter_map(|dir| Self::look(dir))
            .collect();
        let looked = || {
            candidates
                .iter()
                .map(|d| d.display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let Some(data_major) = data_major(data)? else {
            return found
                .into_iter()
                .next()
                .ok_or_else(|| ClusterError::NoBinaries { looked: looked() });
        };
        if found.is_empty() {
            return Err(ClusterError::NoBinaries { looked: looked() });
        }
        let majors = found
            .iter()
            .map(|b| b.major.clone())
            .collect::<Vec<_>>()
            .join(", ");
        found
            .into_iter()
            .find(|b| b.major == data_major)
            .ok_or_else(|| ClusterError::OtherVersion {
                dir: data.to_owned(),
                data: data_major,
                found: majors,
            })
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn major(&self) -> &str {
        &self.major
    }

    pub(super) fn path(&self, program: &str) -> PathBuf {
        self.dir.join(program)
    }

    /// A client program such as `pg_dump`, for a server that need not be of this machine: in the directory
    /// given, else of the newest version found, else on the search path.
    pub(super) fn client(
        given: Option<&Path>,
        program: &'static str,
    ) -> Result<PathBuf, ClusterError> {
        let mut dirs = match given {
            Some(dir) => vec![dir.to_owned()],
            None => candidates(),
        };
        if let (None, Some(path)) = (given, std::env::var_os("PATH")) {
            dirs.extend(std::env::split_paths(&path));
        }
        let found = dirs.iter().map(|dir| dir.join(program));
        let mut found = found.filter(|file| file.is_file());
        found.next().ok_or_else(|| ClusterError::NoProgram {
            program,
            major: "15".to_owned(),
        })
    }

    /// A client program of the same version.
    pub(super) fn client_of(&self, program: &'static str) -> Result<PathBuf, ClusterError> {
        let file = self.path(program);
        if file.is_file() {
            return Ok(file);
        }
        Err(ClusterError::NoProgram {
            program,
            major: self.major.clone(),
        })
    }

    fn look(dir: &Path) -> Option<Self> {
        if !dir.join("initdb").is_file() {
            return None;
        }
        let said = said_by(Command::new(dir.join("postgres")).arg("--version"))?;
        // "postgres (PostgreSQL) 15.8 (Debian …)", or "16beta1".
        let version = said.split_whitespace().nth(2)?;
        let major: String = version.chars().take_while(char::is_ascii_digit).collect();
        (!major.is_empty()).then(|| Self {
            dir: dir.to_owned(),
            major,
        })
    }
}

fn candidates() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = said_by(Command::new("pg_config").arg("--bindir"))
        .map(PathBuf::from)
        .into_iter()
        .collect();
    let mut versioned: Vec<(u32, PathBuf)> = std::fs::read_dir(VERSIONED)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path().join("bin"))))
        .collect();
    versioned.sort_by_key(|(major, _)| std::cmp::Reverse(*major));
    dirs.extend(versioned.into_iter().map(|(_, dir)| dir));
    if let Some(path) = std::env::var_os("PATH") {
        dirs.extend(std::env::split_paths(&path).filter(|dir| dir.join("postgres").is_file()));
    }
    let mut seen = std::collections::BTreeSet::new();
    dirs.retain(|dir| seen.insert(dir.clone()));
    dirs
}

/// Standard output without the line end; `None` when the program is missing or fails.
fn said_by(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}

fn data_major(data: &Path) -> Result<Option<String>, ClusterError> {
    let file = data.join("PG_VERSION");
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(ClusterError::dir(&file)(e)),
    }
}
