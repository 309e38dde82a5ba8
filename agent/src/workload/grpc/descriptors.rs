//! What a server's methods and messages look like, from the job's own files: `.proto` sources, or a set of descriptors.

use std::collections::BTreeMap;

use prost_reflect::prost::Message;
use prost_reflect::prost_types::{FileDescriptorProto, FileDescriptorSet};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

/// Most names that a message lists.
const NAMES_SHOWN_MAX: usize = 10;

/// Why the files of a job tell no descriptors.
#[derive(Debug, thiserror::Error)]
pub(in crate::workload) enum DescriptorsError {
    /// A file that did not come along.
    #[error("{0:?} did not come with the job")]
    NoFile(String),
    /// Sources that do not compile.
    #[error("does not compile: {0}")]
    Source(String),
    /// No set of descriptors.
    #[error("holds no set of descriptors (protoc --descriptor_set_out, with --include_imports): {0}")]
    Set(String),
    /// No method's name.
    #[error("{0:?} is no method: write package.Service/Method")]
    Form(String),
    /// No such service.
    #[error("there is no service {service:?}; there are: {known}")]
    Service {
        /// What was asked for.
        service: String,
        /// What there is.
        known: String,
    },
    /// No such method.
    #[error("the service {service:?} has no method {method:?}; it has: {known}")]
    Method {
        /// Its service.
        service: String,
        /// What was asked for.
        method: String,
        /// What there is.
        known: String,
    },
}

/// Files of a job, as imports name them.
struct JobFiles {
    sources: BTreeMap<String, String>,
}

impl FileResolver for JobFiles {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let source = self.sources.iter().find(|(path, _)| is_named(path, name));
        let (_, source) = source.ok_or_else(|| protox::Error::file_not_found(name))?;
        File::from_source(name, source)
    }
}

/// Compiles the sources that a job names.
///
/// # Errors
/// Where they do not compile.
pub(in crate::workload) fn of_sources(
    paths: &[String],
    files: &BTreeMap<String, Vec<u8>>,
) -> Result<DescriptorPool, DescriptorsError> {
    let mut sources = BTreeMap::new();
    for path in paths {
        let content = files.get(path).ok_or_else(|| DescriptorsError::NoFile(path.clone()))?;
        let text = std::str::from_utf8(content)
            .map_err(|error| DescriptorsError::Source(format!("{path:?} is not text in UTF-8: {error}")))?;
        let name = path.trim_start_matches("./").to_owned();
        sources.insert(name, text.to_owned());
    }
    let roots = roots(&sources)?;
    let mut resolver = ChainFileResolver::new();
    resolver.add(JobFiles { sources });
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    for name in roots {
        compiler.open_file(&name).map_err(|error| DescriptorsError::Source(told(&error)))?;
    }
    Ok(compiler.descriptor_pool())
}

/// Reads a set of descriptors that a compiler wrote.
///
/// # Errors
/// When it is none.
pub(in crate::workload) fn of_set(bytes: &[u8]) -> Result<DescriptorPool, DescriptorsError> {
    let set = FileDescriptorSet::decode(bytes).map_err(|error| DescriptorsError::Set(error.to_string()))?;
    pool_of(set.file).map_err(DescriptorsError::Set)
}

/// Puts files together, in whatever order they are, as somebody else's compiler or server told them.
///
/// # Errors
/// With the reason, when they do not fit together, or are written in a syntax that cannot be read yet: the library's own check of that
/// does not end well.
pub(in crate::workload) fn pool_of(files: Vec<FileDescriptorProto>) -> Result<DescriptorPool, String> {
    let is_read = |file: &&FileDescriptorProto| matches!(file.syntax(), "" | "proto2" | "proto3");
    if let Some(file) = files.iter().find(|file| !is_read(file)) {
        let (name, syntax) = (file.name(), file.syntax());
        return Err(format!("{name:?} is written in the syntax {syntax:?}; proto2 and proto3 can be read"));
    }
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_protos(files).map_err(|error| error.to_string())?;
    Ok(pool)
}

/// Takes a method's name apart: its service, and its own.
///
/// # Errors
/// When it is of another form.
pub(in crate::workload) fn split(name: &str) -> Result<(&str, &str), DescriptorsError> {
    let wrong = || DescriptorsError::Form(name.to_owned());
    let (service, method) = name.trim_start_matches('/').split_once('/').ok_or_else(wrong)?;
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
    };
    if is_word(service) && is_word(method) { Ok((service, method)) } else { Err(wrong()) }
}

/// Finds a method.
///
/// # Errors
/// When there is none, with those that there are.
pub(in crate::workload) fn method(
    pool: &DescriptorPool,
    name: &str,
) -> Result<MethodDescriptor, DescriptorsError> {
    let (service, method) = split(name)?;
    let Some(found) = pool.get_service_by_name(service) else {
        let known = list(pool.services().map(|service| service.full_name().to_owned()));
        return Err(DescriptorsError::Service { service: service.to_owned(), known });
    };
    let own = found.methods().find(|known| known.name() == method);
    own.ok_or_else(|| DescriptorsError::Method {
        service: service.to_owned(),
        method: method.to_owned(),
        known: list(found.methods().map(|method| method.name().to_owned())),
    })
}

/// The files that no other one imports: those are compiled under the names that imports give them.
fn roots(sources: &BTreeMap<String, String>) -> Result<Vec<String>, DescriptorsError> {
    let mut imported = Vec::new();
    for (name, source) in sources {
        let file = File::from_source(name, source).map_err(|error| DescriptorsError::Source(told(&error)))?;
        imported.extend(file.file_descriptor_proto().dependency.iter().cloned());
    }
    let is_root = |path: &&String| !imported.iter().any(|name| is_named(path, name));
    let roots: Vec<String> = sources.keys().filter(is_root).cloned().collect();
    // All import each other in a circle, which the compiler tells.
    Ok(if roots.is_empty() { sources.keys().cloned().collect() } else { roots })
}

/// Whether an import names a file: it does so from some root, and which one that is, the job does not say.
fn is_named(path: &str, name: &str) -> bool {
    path == name || path.strip_suffix(name).is_some_and(|folder| folder.ends_with('/'))
}

fn list(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let more = names.len().saturating_sub(NAMES_SHOWN_MAX);
    names.truncate(NAMES_SHOWN_MAX);
    match (names.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{}, and {more} more", names.join(", ")),
    }
}

/// A compiler's error with its causes and its place.
fn told(error: &protox::Error) -> String {
    let mut text = error.to_string();
    if let Some(file) = error.file() {
        text = format!("{file}: {text}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_in_a_syntax_of_later_years_are_refused_with_words() {
        let file = FileDescriptorProto {
            name: Some("new.proto".to_owned()),
            syntax: Some("editions".to_owned()),
            ..FileDescriptorProto::default()
        };
        let refused = pool_of(vec![file]).unwrap_err();
        assert!(refused.contains("new.proto") && refused.contains("editions"), "{refused}");
    }
}
