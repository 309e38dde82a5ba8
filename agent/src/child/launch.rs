//! How programs are started: with what of the agent's environment, as whom, and within which bounds.

use std::ffi::OsString;
use std::io;
use std::process::Command;

use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
use serde::{Deserialize, Serialize};

use super::system;
use crate::policy::VariablePattern;

/// Variables that every program gets if the agent has them: without these few hardly any program works.
const ALWAYS_GIVEN: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];
/// The variable that says where a user's own files are.
const HOME: &str = "HOME";

/// How programs are started.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Launch {
    /// Which of the agent's variables programs get, beside a few that all need; `None`: all of them.
    pub environment: Option<Vec<VariablePattern>>,
    /// As whom, and within which bounds.
    pub confinement: Confinement,
}

/// As whom programs run, and within which bounds; a guard is told so as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Confinement {
    /// As whom; `None`: as the agent.
    pub account: Option<Account>,
    /// Most memory that each process may map, bytes.
    pub memory_bytes: Option<u64>,
    /// Largest file that each process may write, bytes.
    pub file_bytes: Option<u64>,
    /// Most files that each process may have open.
    pub open_files: Option<u64>,
    /// Most processes that the account may have.
    pub processes: Option<u64>,
    /// Whether what a program held in memory is never written to disk when it crashes.
    pub dumps_nothing: bool,
}

/// A user of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The user.
    pub user: u32,
    /// The user's own group.
    pub group: u32,
    /// All groups of the user.
    pub groups: Vec<u32>,
    /// Where the user's files are.
    pub home: String,
}

impl Account {
    /// Looks a user up.
    ///
    /// # Errors
    /// When there is no such user, or the system cannot say.
    pub fn named(name: &str) -> io::Result<Self> {
        system::account(name)
    }
}

impl Launch {
    /// Gives a program the environment that it may have; what is added to the command afterwards comes on top.
    pub(crate) fn furnish(&self, command: &mut Command) {
        let Some(patterns) = &self.environment else { return };
        let is_given = |name: &OsString| {
            let name = name.to_string_lossy();
            ALWAYS_GIVEN.contains(&name.as_ref()) || patterns.iter().any(|pattern| pattern.matches(&name))
        };
        command.env_clear();
        command.envs(std::env::vars_os().filter(|(name, _)| is_given(name)));
        if let Some(account) = &self.confinement.account {
            command.env(HOME, &account.home);
        }
    }
}

impl Confinement {
    /// Has a program begin as who and within what it may run, with no file of ours open but its input and output. To be
    /// said before anything that a change of the user undoes, such as the parent-death signal.
    pub(crate) fn confine(&self, command: &mut Command) {
        let account = self.account.as_ref().map(|account| {
            let groups: Vec<_> = account.groups.iter().map(|group| system::group(*group)).collect();
            (system::user(account.user), system::group(account.group), groups)
        });
        let limits = [
            (Resource::As, self.memory_bytes),
            (Resource::Fsize, self.file_bytes),
            (Resource::Nofile, self.open_files),
            (Resource::Nproc, self.processes),
            (Resource::Core, self.dumps_nothing.then_some(0)),
        ];
        system::before_exec(command, move || {
            system::close_others_on_exec();
            if let Some((user, group, groups)) = &account {
                set_thread_groups(groups)?;
                set_thread_gid(*group)?;
                set_thread_uid(*user)?;
            }
            for (resource, most) in limits {
                if most.is_some() {
                    setrlimit(resource, Rlimit { current: most, maximum: most })?;
                }
            }
            Ok(())
        });
    }
}
