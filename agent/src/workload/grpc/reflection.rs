//! What a server's methods and messages look like, asked of the server itself: `grpc.reflection.v1`, or else `v1alpha`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use prost_reflect::prost::Message;
use prost_reflect::prost_types::FileDescriptorProto;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use protox::file::{File, FileResolver, GoogleFileResolver};
use serde_json::json;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::call::{Course, Ledger, Status, call};
use super::channel::{Sender, open};
use super::code::Code;
use super::descriptors::pool_of;
use super::frames::{FrameReader, framed};
use super::settings::elsewhere;
use crate::workload::connection::failure::Failure;
use crate::workload::connection::progress::Progress;
use crate::workload::connection::target::Target;

/// The words of the protocol.
const SOURCE: &str = include_str!("reflection.proto");
/// How long a server may take for all of it.
const WITHIN: Duration = Duration::from_secs(10);
/// Most files of one server: far more than any API has, and a bound on what it may make us read.
const FILES_MAX: usize = 1_024;
/// Most bytes of them together.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// Services that are asked, in this order.
const VERSIONS: [&str; 2] = ["v1", "v1alpha"];

/// Why a server tells nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReflectionError {
    /// It offers none.
    #[error(
        "the server has no reflection (neither grpc.reflection.v1 nor v1alpha): give the files as proto, or a descriptor_set"
    )]
    Off,
    /// It knows no such service.
    #[error("the server's reflection knows no {asked}: {said}")]
    Unknown {
        /// What it was asked for.
        asked: String,
        /// What it said.
        said: String,
    },
    /// It ended the call otherwise.
    #[error("the server's reflection failed with {0}")]
    Status(Status),
    /// It could not be asked.
    #[error("the server's reflection could not be asked: {0}")]
    Call(String),
    /// It did not answer in time.
    #[error("the server's reflection did not answer within {WITHIN:?}")]
    Overdue,
    /// What it told is no set of descriptors.
    #[error("what the server's reflection told cannot be used: {0}")]
    Unusable(String),
}

/// Asks a server for a service with all that its messages need. Blocks, on a thread and a runtime of its own.
///
/// # Errors
/// Why it tells nothing.
pub(super) fn ask(
    target: &Target,
    service: &str,
    request: &Request<()>,
) -> Result<DescriptorPool, ReflectionError> {
    let asking = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| ReflectionError::Call(error.to_string()))?;
        let asked = async { timeout(WITHIN, of_any_version(target, service, request)).await };
        LocalSet::new().block_on(&runtime, asked).unwrap_or(Err(ReflectionError::Overdue))
    };
    let broken = || ReflectionError::Call("its thread broke".to_owned());
    thread::scope(|scope| scope.spawn(asking).join().map_err(|_| broken())).flatten()
}

async fn of_any_version(
    target: &Target,
    service: &str,
    request: &Request<()>,
) -> Result<DescriptorPool, ReflectionError> {
    for version in VERSIONS {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let request = elsewhere(request, &path).map_err(|error| ReflectionError::Call(error.to_string()))?;
        let sender = open(target, &mut 0, WITHIN, &mut Progress::new()).await;
        let sender = sender.map_err(|failure| ReflectionError::Call(failure.message))?;
        match (Conversation { sender, request, words: Words::new()? }).pool_of(service).await {
            Err(ReflectionError::Status(status)) if status.code == Code::UNIMPLEMENTED => {}
            result => return result,
        }
    }
    Err(ReflectionError::Off)
}

/// The types of the protocol's messages.
struct Words {
    request: MessageDescriptor,
    response: MessageDescriptor,
}

/// Questions to one server.
struct Conversation {
    sender: Sender,
    request: Request<()>,
    words: Words,
}

impl Words {
    fn new() -> Result<Self, ReflectionError> {
        let unusable = |error: String| ReflectionError::Unusable(error);
        let file =
            File::from_source("reflection.proto", SOURCE).map_err(|error| unusable(error.to_string()))?;
        let mut pool = DescriptorPool::new();
        let added = pool.add_file_descriptor_proto(file.file_descriptor_proto().clone());
        added.map_err(|error| unusable(error.to_string()))?;
        let message =
            |name: &str| pool.get_message_by_name(name).ok_or_else(|| unusable(format!("{name} is missing")));
        Ok(Self {
            request: message("ServerReflectionRequest")?,
            response: message("ServerReflectionResponse")?,
        })
    }
}

impl Conversation {
    /// Collects the file of a service, and what that imports.
    async fn pool_of(&self, service: &str) -> Result<DescriptorPool, ReflectionError> {
        let mut files: BTreeMap<String, FileDescriptorProto> = BTreeMap::new();
        let mut asked: BTreeSet<String> = BTreeSet::new();
        let mut due = VecDeque::new();
        let mut size = 0;
        let first = self.files("file_containing_symbol", service).await?;
        let mut found = first;
        loop {
            for bytes in found {
                size += bytes.len();
                let file = FileDescriptorProto::decode(&bytes[..])
                    .map_err(|error| ReflectionError::Unusable(error.to_string()))?;
                due.extend(file.dependency.iter().cloned());
                files.insert(file.name().to_owned(), file);
                if files.len() > FILES_MAX || size > BYTES_MAX {
                    let bounds = format!("more than {FILES_MAX} files, or {BYTES_MAX} bytes");
                    return Err(ReflectionError::Unusable(bounds));
                }
            }
            let Some(next) = next_due(&mut due, &files, &mut asked) else { break };
            found = match self.files("file_by_filename", &next).await {
                // Some servers do not tell the files that everybody has.
                Err(ReflectionError::Unknown { .. }) if well_known(&next).is_some() => {
                    files.extend(well_known(&next).map(|file| (next, file)));
                    Vec::new()
                }
                told => told?,
            };
        }
        pool_of(files.into_values().collect()).map_err(ReflectionError::Unusable)
    }

    /// Asks for one thing; the files that the server tells.
    async fn files(&self, question: &str, asked: &str) -> Result<Vec<Bytes>, ReflectionError> {
        let told = self.exchange(question, asked).await?;
        if let Some(error) =
            told.get_field_by_name("error_response").filter(|_| told.has_field_by_name("error_response"))
        {
            let said = error.as_message().and_then(|error| {
                error.get_field_by_name("error_message").and_then(|text| text.as_str().map(ToOwned::to_owned))
            });
            return Err(ReflectionError::Unknown { asked: asked.to_owned(), said: said.unwrap_or_default() });
        }
        let response = told.get_field_by_name("file_descriptor_response");
        let files = response.as_ref().and_then(|response| response.as_message()).and_then(|response| {
            let files = response.get_field_by_name("file_descriptor_proto")?;
            Some(files.as_list()?.iter().filter_map(|file| file.as_bytes().cloned()).collect())
        });
        files.ok_or_else(|| ReflectionError::Unusable(format!("no file for {asked}")))
    }

    async fn exchange(&self, question: &str, asked: &str) -> Result<DynamicMessage, ReflectionError> {
        let unusable = |error: &dyn std::fmt::Display| ReflectionError::Unusable(error.to_string());
        let message = DynamicMessage::deserialize(self.words.request.clone(), json!({ question: asked }));
        let message = message.map_err(|error| unusable(&error))?.encode_to_vec();
        let message = framed(&message).ok_or_else(|| unusable(&"the question is too long"))?;
        let sender = self.sender.clone().ready().await;
        let sender = sender.map_err(|error| ReflectionError::Call(error.to_string()))?;
        let (mut reader, mut answer) = (FrameReader::default(), None);
        reader.begin(true);
        let course = Course { messages: 1, is_in_turn: false, is_timed: false };
        let next = |_| Ok::<_, Failure>(message.clone());
        let each = |bytes: &[u8]| answer = Some(bytes.to_vec());
        let ledger = Ledger::default();
        let status = call(sender, self.request.clone(), course, next, &mut reader, &ledger, each).await;
        let status = status.map_err(|failure| ReflectionError::Call(failure.message))?;
        if status.code != Code::OK {
            return Err(ReflectionError::Status(status));
        }
        let answer = answer.ok_or_else(|| unusable(&"an answer without a message"))?;
        DynamicMessage::decode(self.words.response.clone(), &answer[..]).map_err(|error| unusable(&error))
    }
}

/// The next file that is needed and was not asked for.
fn next_due(
    due: &mut VecDeque<String>,
    files: &BTreeMap<String, FileDescriptorProto>,
    asked: &mut BTreeSet<String>,
) -> Option<String> {
    std::iter::from_fn(|| due.pop_front())
        .find(|name| !files.contains_key(name) && asked.insert(name.clone()))
}

/// A file that comes with protobuf itself.
fn well_known(name: &str) -> Option<FileDescriptorProto> {
    GoogleFileResolver::new().open_file(name).ok().map(|file| file.file_descriptor_proto().clone())
}
