//! What is started, for every kind that starts programs: words, environment, directory and input, ready to be filled in. Room:
//! [`keys`], by which a job says it.

pub(super) mod keys;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use shared::job::template::{Part, Template};

use crate::child::group::Program;
use crate::child::memory_floor::MemoryFloor;
use crate::policy::{Refusal, Warden};
use crate::values::{Names, NamesError, Place, RenderError, Rendering, Values};

/// The variable that says where programs are looked for.
const PATH: &str = "PATH";

/// What an operation starts.
#[derive(Debug, PartialEq)]
pub(super) struct Invocation {
    /// The program and its arguments, at least one word.
    pub(super) words: Vec<Rendering>,
    pub(super) environment: BTreeMap<String, Rendering>,
    /// Where it runs; `None`: where the agent does.
    pub(super) directory: Option<Rendering>,
    /// What is written to its standard input; `None`: that is empty from the start.
    pub(super) stdin: Option<Rendering>,
}

/// Why a program cannot be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum FillError {
    /// A value that is not there, or that no program can be given.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The agent's policy.
    #[error("this agent refuses: {0}")]
    Refused(#[from] Refusal),
}

/// A program with everything filled in, which can be started over and over.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) program: Program,
    /// The program's name, for messages.
    pub(super) name: String,
    /// Where it runs.
    pub(super) directory: Option<PathBuf>,
}

impl Filled {
    /// Its name and its words, as they would be typed if none had a space in it.
    pub(super) fn words(&self) -> Vec<u8> {
        let mut line = self.name.clone().into_bytes();
        for word in self.program.words() {
            line.push(b' ');
            line.extend_from_slice(word.as_bytes());
        }
        line
    }
}

impl Invocation {
    /// Whether the same is started each time.
    pub(super) fn is_static(&self) -> bool {
        let mut texts = self.words.iter().chain(self.environment.values()).chain(&self.directory);
        texts.all(|text| text.as_static().is_some())
    }

    /// Asks the policy before anything is run, if the program is known by then and is there.
    pub(super) fn check_before(&self, warden: &Warden) -> Result<(), Refusal> {
        let is_fixed = |text: &Rendering| text.as_static().is_some();
        let path = self.environment.get(PATH);
        let fixed = self.words.first().and_then(Rendering::as_static);
        let Some(program) = fixed.filter(|_| path.into_iter().chain(&self.directory).all(is_fixed)) else {
            return Ok(());
        };
        let path = path.and_then(Rendering::as_static).map(|path| OsStr::from_bytes(path).to_owned());
        let path = path.or_else(|| std::env::var_os(PATH));
        let directory = self.directory.as_ref().and_then(static_path);
        match warden.policy().programs.permitted(OsStr::from_bytes(program), path.as_deref(), directory) {
            Err(refusal @ Refusal::Program { .. }) => Err(warden.refuse(refusal)),
            // An earlier operation may make it: it is asked again when it is started.
            _ => Ok(()),
        }
    }

    /// Fills in everything but the input.
    ///
    /// # Errors
    /// A value that is not there, or that no program can be given; a program that the policy does not allow.
    pub(super) fn fill_in(
        &self,
        warden: &Warden,
        floor: MemoryFloor,
        values: &mut Values,
    ) -> Result<Filled, FillError> {
        let mut words = Vec::with_capacity(self.words.len());
        for word in &self.words {
            words.push(filled_in(word, values)?);
        }
        let mut words = words.into_iter();
        let program = words.next().unwrap_or_default();
        let mut environment = BTreeMap::new();
        for (name, value) in &self.environment {
            environment.insert(name.as_str(), filled_in(value, values)?);
        }
        let directory = self.directory.as_ref().map(|directory| filled_in(directory, values)).transpose()?;
        let path = environment.get(PATH).cloned().or_else(|| std::env::var_os(PATH));
        let permitted =
            warden.permitted_program(&program, path.as_deref(), directory.as_deref().map(Path::new))?;
        let mut command = match permitted {
            // What was checked is what is started, under the name that it was asked for by.
            Some(found) => Command::new(found),
            None => Command::new(&program),
        };
        let launch = &warden.policy().launch;
        launch.furnish(&mut command);
        launch.confinement.confine(&mut command);
        command.arg0(&program).args(words).envs(environment);
        if let Some(directory) = &directory {
            command.current_dir(directory);
        }
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = program.to_string_lossy().into_owned();
        Ok(Filled { program: Program::new(command, floor), name, directory: directory.map(PathBuf::from) })
    }

    /// What is written to its standard input; `buffer` holds it when it changes.
    ///
    /// # Errors
    /// A value that is not there.
    pub(super) fn input<'a>(
        &'a self,
        values: &mut Values,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], RenderError> {
        buffer.clear();
        match &self.stdin {
            None => Ok(&[]),
            Some(Rendering::Static(text)) => Ok(text),
            Some(text) => text.render(values, buffer).map(|()| buffer.as_slice()),
        }
    }
}

/// Splits a text as a shell would, and leaves every name in one word whatever its value holds; `None`: a quote or
/// backslash lacks its end.
pub(super) fn split(text: &str, names: &Names) -> Result<Option<Vec<Rendering>>, NamesError> {
    let template = Template::parse(text)?;
    // A character for private use stands for each name while the text is split: it means nothing to a shell. A text
    // that holds all 65534 of them loses one of its own.
    let mut marks = '\u{f0000}'..='\u{ffffd}';
    let mark = marks.find(|mark| !text.contains(*mark)).unwrap_or('\u{ffffd}');
    let mut marked = String::with_capacity(text.len());
    for part in template.parts() {
        match part {
            Part::Text(literal) => marked.push_str(literal),
            Part::Name(_) => marked.push(mark),
        }
    }
    let mut own_names = template.names();
    let word_of = |word: String| {
        let mut parts = Vec::new();
        for (place, literal) in word.split(mark).enumerate() {
            if place > 0 {
                parts.extend(own_names.next().map(|name| Part::Name(name.to_owned())));
            }
            parts.push(Part::Text(literal.to_owned()));
        }
        Rendering::of_parts(&parts, names, Place::Argument)
    };
    shlex::split(&marked).map(|words| words.into_iter().map(word_of).collect()).transpose()
}

/// A text that is the same each time, as a path.
pub(super) fn static_path(text: &Rendering) -> Option<&Path> {
    text.as_static().map(|path| Path::new(OsStr::from_bytes(path)))
}

fn filled_in(text: &Rendering, values: &mut Values) -> Result<OsString, RenderError> {
    let mut bytes = Vec::new();
    text.render(values, &mut bytes)?;
    Ok(OsString::from_vec(bytes))
}
