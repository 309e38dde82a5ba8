//! The policy as its owner writes it: the keys of an agent's configuration file.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use shared::job::configuration;
use shared::job::error::{JobError, JobErrors};
use shared::job::schema::{Key, Shape};
use shared::units::{parse_duration, parse_size};

use super::paths::PathPattern;
use super::programs::ProgramRule;
use super::targets::TargetRule;
use super::{DatabaseRules, Limits, Policy, ProgramRules, TargetRules, VariablePattern};
use crate::child::launch::{Account, Confinement, Launch};
use crate::workload::TABLE;

/// Every kind of the table, as a word.
const KINDS: [&str; TABLE.len()] = {
    let mut kinds = [""; TABLE.len()];
    let mut place = 0;
    while place < TABLE.len() {
        kinds[place] = TABLE[place].schema.kind;
        place += 1;
    }
    kinds
};

const VARIABLE: Shape = Shape::Parsed {
    what: "a variable's name such as \"API_TOKEN\" or \"BENCH_*\"",
    check: |text| VariablePattern::parse(text).map(drop).map_err(|error| error.to_string()),
};
const PROGRAM: Shape = Shape::Parsed {
    what: "a path such as \"/usr/bin/git\" or \"/opt/bench/*\", or \"fleetmark\"",
    check: |text| ProgramRule::try_from(text.to_owned()).map(drop),
};
const FILE: Shape = Shape::Parsed {
    what: "a path such as \"/srv/bench/*.db\"",
    check: |text| PathPattern::parse(text).map(drop),
};
const USER: Shape = Shape::Parsed { what: "a user of this host", check: |name| account(name).map(drop) };
const TARGET: Shape = Shape::Parsed {
    what: "a target such as \"10.0.0.0/8\", \"*.example.org:443\" or \"unix:/run/app.sock\"",
    check: |text| TargetRule::parse(text).map(drop),
};

/// Every key that there is.
pub const KEYS: &[Key] = &[
    Key::optional(
        "kinds",
        Shape::List(&Shape::OneOf(&KINDS)),
        "Workload kinds that may be run; default all that run no programs. `--allow` adds to them.",
    ),
    Key::optional(
        "target",
        Shape::Boolean,
        "Whether the programs of `[target]` may be started; default false, true with `--allow command`.",
    ),
    Key::optional(
        "hooks",
        Shape::Boolean,
        "Whether the programs of `[hooks]` may be run; default false, true with `--allow command`.",
    ),
    Key::optional(
        "profile",
        Shape::Boolean,
        "Whether the programs of `[profile]` may be run; default false, true with `--allow command`.",
    ),
    Key::optional(
        "env",
        Shape::List(&VARIABLE),
        "Environment variables of the agent that jobs may read as `{{env:NAME}}`; default none. `--allow-env` adds to \
         them.",
    ),
    Key::optional(
        "databases",
        Shape::List(&FILE),
        "Files that SQLite may open or make (`sqlite:/path/file.db` in jobs), by where they really are, links followed; `*` \
         stands for anything but `/`. Its journals lie beside them. Default none; `--allow command` allows all, unless \
         `programs.allow` or `programs.run_as` is given.",
    ),
    Key::optional("programs", Shape::Table(PROGRAM_KEYS), "Which programs may be started, if any may."),
    Key::optional("targets", Shape::Table(TARGET_KEYS), "Where the agent may connect to."),
    Key::optional("limits", Shape::Table(LIMIT_KEYS), "How much a trial may ask of the agent."),
];

const PROGRAM_KEYS: &[Key] = &[
    Key::optional(
        "allow",
        Shape::List(&PROGRAM),
        "Programs that workloads, targets, hooks and profilers may start, by where they really are, links followed; `*` stands for \
     anything but `/`, and `fleetmark` for fleetmark itself in targets and hooks. Default all. A shell or an \
     interpreter among them allows everything.",
    ),
    Key::optional(
        "run_as",
        USER,
        "The user as whom programs run, with that user's groups; only an agent of root can do so. Default the agent's own.",
    ),
    Key::optional(
        "memory",
        Shape::Size,
        "Most memory that each process of a program may map (`RLIMIT_AS`); default the agent's own bound.",
    ),
    Key::optional(
        "file_size",
        Shape::Size,
        "Largest file that a program may write (`RLIMIT_FSIZE`): one that writes more is ended by a signal; default the \
         agent's own bound.",
    ),
    Key::optional(
        "open_files",
        Shape::Integer { min: 3, max: 1_048_576 },
        "Most files that each process of a program may have open; default the agent's own bound.",
    ),
    Key::optional(
        "processes",
        Shape::Integer { min: 1, max: 4_194_304 },
        "Most processes that the user of the programs may have, all together (`RLIMIT_NPROC`, which does not bind root); \
         default the agent's own bound.",
    ),
];

const TARGET_KEYS: &[Key] = &[
    Key::optional(
        "allow",
        Shape::List(&TARGET),
        "Networks, addresses and names of hosts that may be connected to, each with all ports, one or some; and Unix \
         sockets. Default `[\"*\"]`: every host, and no socket. A name allows whatever it leads to, unless that is denied.",
    ),
    Key::optional(
        "deny",
        Shape::List(&TARGET),
        "The same that may not, whatever `allow` says; default none beside the link-local ones.",
    ),
    Key::optional(
        "link_local",
        Shape::Boolean,
        "Whether 169.254.0.0/16, fe80::/10 and fd00:ec2::/32 may be connected to, where clouds give credentials to \
         whoever asks; default false.",
    ),
];

const LIMIT_KEYS: &[Key] = &[
    Key::optional(
        "rate",
        Shape::Number { min: 0.0, max: 1e9 },
        "Most operations that this agent begins per second; a closed load then needs `load.pace`. Default no bound.",
    ),
    Key::optional(
        "workers",
        Shape::Integer { min: 1, max: 1_000_000 },
        "Most workers of this agent, those that an open load may add included; default no bound.",
    ),
    Key::optional(
        "duration",
        Shape::Duration,
        "Longest trial, warm-up and window together; one that counts iterations is ended there, and so is each hook. Default no bound.",
    ),
];

impl Policy {
    /// Reads an agent's configuration.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place.
    pub fn read(text: &str) -> Result<Self, JobErrors> {
        let table = configuration::read(text, KEYS)?;
        // What the keys above let through these types take; a difference between the two is told all the same.
        let written = Written::deserialize(Value::Object(table)).map_err(|error| error.to_string());
        written.and_then(Written::policy).map_err(|error| JobErrors(vec![JobError::new(None, "", error)]))
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Written {
    kinds: Option<Vec<String>>,
    target: bool,
    hooks: bool,
    profile: bool,
    env: Vec<VariablePattern>,
    databases: Vec<PathPattern>,
    programs: WrittenPrograms,
    targets: WrittenTargets,
    limits: WrittenLimits,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct WrittenPrograms {
    allow: Option<Vec<ProgramRule>>,
    run_as: Option<String>,
    #[serde(deserialize_with = "size")]
    memory: Option<u64>,
    #[serde(deserialize_with = "size")]
    file_size: Option<u64>,
    open_files: Option<u64>,
    processes: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct WrittenTargets {
    allow: Option<Vec<TargetRule>>,
    deny: Vec<TargetRule>,
    link_local: bool,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct WrittenLimits {
    rate: Option<f64>,
    workers: Option<u32>,
    #[serde(deserialize_with = "duration")]
    duration: Option<Duration>,
}

impl Written {
    fn policy(self) -> Result<Policy, String> {
        let default = Policy::default();
        let confinement = Confinement {
            account: self.programs.run_as.as_deref().map(account).transpose()?,
            memory_bytes: self.programs.memory,
            file_bytes: self.programs.file_size,
            open_files: self.programs.open_files,
            processes: self.programs.processes,
            ..default.launch.confinement
        };
        Ok(Policy {
            kinds: self.kinds.map_or(default.kinds, |kinds| kinds.into_iter().collect()),
            allows_target: self.target,
            allows_hooks: self.hooks,
            allows_profile: self.profile,
            programs: ProgramRules { allowed: self.programs.allow },
            databases: DatabaseRules::new(self.databases),
            targets: TargetRules::new(self.targets.allow, self.targets.deny, self.targets.link_local),
            limits: Limits {
                rate: self.limits.rate,
                workers: self.limits.workers,
                duration: self.limits.duration,
            },
            launch: Launch { environment: Some(self.env.clone()), confinement },
            variables: self.env,
        })
    }
}

/// The user as whom programs are to run, if this agent can do that.
fn account(name: &str) -> Result<Account, String> {
    if !rustix::process::geteuid().is_root() {
        return Err(format!("{name:?}: only an agent of root can run programs as another user"));
    }
    Account::named(name).map_err(|error| format!("{name:?} cannot run programs: {error}"))
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) => parse_size(&text).map(Some).map_err(serde::de::Error::custom),
        other => Ok(other.as_u64()),
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).map(Some).map_err(serde::de::Error::custom)
}
