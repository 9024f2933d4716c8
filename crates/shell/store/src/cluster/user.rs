//! As whom the server runs.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use super::ClusterError;

/// The daemon's own user; or, when that is root, another one: Postgres refuses to run as root.
#[derive(Clone, Debug)]
pub(super) struct ServerUser {
    /// Name, uid and gid to change to; `None`: stay who we are.
    other: Option<(String, u32, u32)>,
}

impl ServerUser {
    pub(super) fn find(name: &str) -> Result<Self, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self { other: None });
        }
        // id(1) of coreutils knows every source of users that the machine has.
        let number = |flag| {
            let output = Command::new("id").args([flag, "--", name]).output().ok()?;
            String::from_utf8(output.stdout)
                .ok()?
                .trim()
                .parse::<u32>()
                .ok()
        };
        match (number("-u"), number("-g")) {
            (Some(0), _) => Err(ClusterError::User {
                user: name.to_owned(),
                why: "is root, which Postgres refuses; name another user in database.run_as".to_owned(),
            }),
            (Some(uid), Some(gid)) => Ok(Self { other: Some((name.to_owned(), uid, gid)) }),
            _ => Err(ClusterError::User {
                user: name.to_owned(),
                why: "does not exist; make it with \"adduser --system\", or name another in database.run_as"
                    .to_owned(),
            }),
        }
    }

    /// Makes the directory the server's alone (0700). Whoever can enter it can enter the database.
    ///
    /// The daemon itself still can: it is either the same user or root.
    pub(super) fn own(&self, dir: &Path) -> Result<(), ClusterError> {
        if let Some((name, uid, gid)) = &self.other {
            chown(dir, Some(*uid), Some(*gid)).map_err(ClusterError::dir(dir))?;
            if !self.succeeds(Command::new("test").arg("-x"), dir) {
                return Err(ClusterError::User {
                    user: name.clone(),
                    why: format!(
                        "cannot enter {}; open its parents (chmod o+x), or choose another directory",
                        dir.display()
                    ),
                });
            }
        }
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
            .map_err(ClusterError::dir(dir))
    }

    pub(super) fn may_write(&self, dir: &Path) -> bool {
        // The directory below is made by us and given away; so ours is the right that counts.
        Command::new("test")
            .arg("-w")
            .arg(dir)
            .status()
            .is_ok_and(|s| s.success())
    }

    fn succeeds(&self, test: &Command, dir: &Path) -> bool {
        let mut command = self.command(Path::new(test.get_program()));
        command
            .args(test.get_args())
            .arg(dir)
            .status()
            .is_ok_and(|s| s.success())
    }

    /// A command that runs as the server's user.
    ///
    /// setpriv(1) of util-linux, which every Debian has, changes the user between fork and exec; doing
    /// that from here would need `unsafe` (`pre_exec`) and buy nothing.
    pub(super) fn command(&self, program: &Path) -> Command {
        match &self.other {
            None => Command::new(program),
            Some((_, uid, gid)) => {
                let mut command = Command::new("setpriv");
                command
                    .arg(format!("--reuid={uid}"))
                    .arg(format!("--regid={gid}"))
                    .arg("--init-groups")
                    .arg("--")
                    .arg(program)
                    // Where we stand may be closed to that user.
                    .current_dir("/");
                command
            }
        }
    }

    /// As [`ServerUser::command`]; and when the thread that starts it dies, the kernel sends SIGINT.
    ///
    /// prctl(2): a change of user clears the parent-death signal, so it is set after that, which is
    /// setpriv's order; and it is kept over the exec of a program that is not set-uid.
    pub(super) fn dying_with_us(&self, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig=INT");
        if let Some((_, uid, gid)) = &self.other {
            command
                .arg(format!("--reuid={uid}"))
                .arg(format!("--regid={gid}"))
                .arg("--init-groups");
        }
        command.arg("--").arg(program).current_dir("/");
        command
    }
}
