//! What lies in a coordinator's store, asked over the wire as any client may: which intervals, and what each counted.

use std::collections::BTreeMap;

use proto::control_service_client::ControlServiceClient;
use proto::convert::interval::decode;

/// Reports of the tests are small; this is room for all of them.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Where an interval belongs: the trial as `RUN/TRIAL/ATTEMPT`, the agent's id, and its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// The trial, as logs write it.
    pub trial: String,
    /// The agent's id, as lists write it.
    pub agent: String,
    /// Its number, from 0.
    pub sequence: u64,
}

/// All intervals that are stored of a run, each with the number of operations of the measured window that ended in it.
///
/// # Errors
/// What the coordinator says when it refuses: there is no such run, or it is damaged.
///
/// # Panics
/// When the coordinator cannot be reached, or what it sends does not read, or an interval comes twice.
pub fn intervals(coordinator: &str, run: &str) -> Result<BTreeMap<Address, u64>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client =
            ControlServiceClient::connect(coordinator.to_owned()).await.expect("the coordinator answers");
        let mut client = client.max_decoding_message_size(MESSAGE_BYTES_MAX);
        let request = proto::ExportRequest { run: run.to_owned() };
        let mut parts =
            client.export(request).await.map_err(|status| status.message().to_owned())?.into_inner();
        let mut found = BTreeMap::new();
        while let Some(part) = parts.message().await.map_err(|status| status.message().to_owned())? {
            if let Some(proto::export_part::Part::Interval(bytes)) = part.part {
                let (address, count) = read(&bytes);
                let twice = found.insert(address.clone(), count);
                assert_eq!(twice, None, "stored twice: {address:?}");
            }
        }
        Ok(found)
    })
}

fn read(bytes: &[u8]) -> (Address, u64) {
    let interval = decode(bytes).expect("what is stored is an interval");
    let address = Address {
        trial: interval.trial.to_string(),
        agent: interval.agent.to_string(),
        sequence: interval.sequence.0,
    };
    (address, interval.operations.iter().map(|operation| operation.count()).sum())
}
