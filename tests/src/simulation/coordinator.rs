//! One life of the coordinator: the real director, schedule, ingest and store's queue, driven by hand. What its tasks do
//! by waiting is done here by looking at each of them until none goes on.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use coordinator::director::errands::{self, Errands};
use coordinator::director::{Beginning, Director, Downward, MESSAGES_MAX, Message};
use coordinator::ingest::{Ingest, Intake};
use coordinator::rpc::agent_service::{attach, hello, take_all};
use coordinator::schedule::{Deadlines, Submission};
use coordinator::secrets::SecretStore;
use coordinator::server::unfinished;
use coordinator::store::StoreHandle;
use coordinator::store::thread::StoreQueue;
use shared::ids::{AgentId, RunId};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Status;

use super::disk::Disk;
use super::network::ConnectionId;

/// Commands that may wait for an agent to read them, as on the real stream.
const COMMANDS_MAX: usize = 256;
/// Answers that may wait on `Report`, as on the real stream.
const ANSWERS_MAX: usize = 16;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// What the coordinator sends down a connection.
#[derive(Debug)]
pub enum Descent {
    /// Something on `Attach`.
    Attach(Box<proto::AttachDown>),
    /// Something on `Report`.
    Report(proto::ReportDown),
    /// One of the streams ended.
    Broken(String),
}

/// How a coordinator is to be.
#[derive(Debug, Clone, Copy)]
pub struct Temper {
    /// How long a run waits for an agent whose connection broke.
    pub lost_after: std::time::Duration,
    /// Room for what waits to be stored, bytes.
    pub room_bytes: u32,
}

/// One life of the coordinator.
pub struct Coordinator {
    /// The one that decides.
    pub director: Director,
    /// Takes intervals in.
    pub ingest: Ingest,
    store: StoreHandle,
    queue: StoreQueue,
    messages: mpsc::Receiver<Message>,
    sender: mpsc::Sender<Message>,
    tasks: Vec<Task>,
    connections: BTreeMap<ConnectionId, Ends>,
}

/// The coordinator's ends of one connection.
struct Ends {
    agent: AgentId,
    /// The director's number for it.
    number: u64,
    commands: Option<mpsc::Receiver<Downward>>,
    report: Option<Report>,
}

struct Report {
    task: Task,
    batches: mpsc::UnboundedSender<Result<proto::ReportUp, Status>>,
    answers: mpsc::Receiver<Result<proto::ReportDown, Status>>,
}

impl Coordinator {
    /// A coordinator begins over what is on the disk, and takes up what an earlier one left.
    ///
    /// # Errors
    /// When what is on the disk cannot be read.
    pub fn begin(beginning: Beginning, temper: Temper, disk: &mut Disk) -> Result<Self, String> {
        let (store, mut queue) = StoreHandle::queue();
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        let (errands, errands_queue) = Errands::queue();
        let intake = Arc::new(Intake::default());
        let secrets = SecretStore::default();
        let unread = unfinished::read(&store, &secrets);
        let adoptions = served(unread, &mut queue, disk).map_err(|error| error.to_string())?;
        let deadlines = Deadlines { lost_after: temper.lost_after, ..Deadlines::default() };
        let mut director = Director::new(beginning, deadlines, errands, intake.clone());
        served(unfinished::take_up(&store, &mut director, adoptions), &mut queue, disk);
        let ingest = Ingest::new(intake, store.clone(), sender.clone()).bounded(temper.room_bytes);
        let errands: Task = Box::pin(errands::run(errands_queue, store.clone(), sender.clone()));
        Ok(Self {
            director,
            ingest,
            store,
            queue,
            messages,
            sender,
            tasks: vec![errands],
            connections: BTreeMap::new(),
        })
    }

    /// A job is accepted, once it is stored.
    pub fn submit(&mut self, submission: Submission) {
        let (store, sender) = (self.store.clone(), self.sender.clone());
        self.tasks.push(Box::pin(async move {
            let (record, files) = (submission.record.clone(), (*submission.files).clone());
            if store.create_run(record, files).await.is_ok() {
                let (reply, _whoever_asked_is_not_simulated) = oneshot::channel();
                let submission = Box::new(submission);
                let _it_may_be_stopping =
                    sender.send(Message::Submit { submission, refuse_to_wait: false, reply }).await;
            }
        }));
    }

    /// Somebody cancels a run.
    pub fn cancel(&mut self, now_ns: u64, run: RunId) {
        let (reply, _whoever_asked_is_not_simulated) = oneshot::channel();
        self.director.take(now_ns, Message::Cancel { run, reason: "enough".to_owned(), reply });
    }

    /// An agent says hello.
    ///
    /// # Errors
    /// Why it cannot attach.
    pub fn attach(
        &mut self,
        now_ns: u64,
        connection: ConnectionId,
        hello: proto::Hello,
    ) -> Result<(), String> {
        let introduction = hello::introduction(hello, None).map_err(|status| status.to_string())?;
        let agent = introduction.id;
        let (link, commands) = mpsc::channel(COMMANDS_MAX);
        let (reply, mut answer) = oneshot::channel();
        let introduction = Box::new(introduction);
        self.director.take(now_ns, Message::Attach { introduction, link, reply });
        let number =
            answer.try_recv().map_err(|error| error.to_string())?.map_err(|refusal| refusal.to_string())?;
        self.connections.insert(connection, Ends { agent, number, commands: Some(commands), report: None });
        Ok(())
    }

    /// An agent opens its stream of intervals.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn open_report(&mut self, connection: ConnectionId) -> Result<(), String> {
        let Some(ends) = self.connections.get_mut(&connection) else { return Ok(()) };
        let agent = ends.agent;
        let mut inflow = self.ingest.enter(agent).map_err(|error| error.to_string())?;
        let (batches, incoming) = mpsc::unbounded_channel();
        let (sender, answers) = mpsc::channel(ANSWERS_MAX);
        let credit = proto::Credit { intervals_in_flight_max: inflow.credit() };
        let credit = proto::ReportDown { message: Some(proto::report_down::Message::Credit(credit)) };
        let task: Task = Box::pin(async move {
            let _nobody_may_listen = sender.send(Ok(credit)).await;
            let taken = take_all(&mut inflow, agent, UnboundedReceiverStream::new(incoming), &sender).await;
            if let Err(status) = taken {
                let _the_agent_may_be_gone = sender.send(Err(status)).await;
            }
        });
        ends.report = Some(Report { task, batches, answers });
        Ok(())
    }

    /// Something came on `Attach`.
    ///
    /// # Errors
    /// When it breaks the wire's rules.
    pub fn hear(
        &mut self,
        now_ns: u64,
        connection: ConnectionId,
        message: proto::attach_up::Message,
    ) -> Result<(), String> {
        let Some(ends) = self.connections.get(&connection) else { return Ok(()) };
        let message = attach::read(ends.agent, message, now_ns).map_err(|error| error.to_string())?;
        self.director.take(now_ns, message);
        Ok(())
    }

    /// Intervals came on `Report`.
    pub fn take_batch(&mut self, connection: ConnectionId, batch: proto::ReportUp) {
        if let Some(report) = self.connections.get(&connection).and_then(|ends| ends.report.as_ref()) {
            let _the_stream_may_have_ended = report.batches.send(Ok(batch));
        }
    }

    /// A connection is seen to be dead.
    pub fn detach(&mut self, now_ns: u64, connection: ConnectionId) {
        if let Some(Ends { agent, number, .. }) = self.connections.remove(&connection) {
            self.director.take(now_ns, Message::Detach { agent, connection: number });
        }
    }

    /// The store carries out what was asked first.
    pub fn serve_store(&mut self, disk: &mut Disk) {
        self.queue.serve_next(disk.store());
    }

    /// Whether nothing is asked of the store.
    pub fn is_store_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Lets every task go on as far as it can; returns what is sent down.
    pub fn settle(&mut self, now_ns: u64) -> Vec<(ConnectionId, Descent)> {
        let mut descents = Vec::new();
        let mut context = Context::from_waker(Waker::noop());
        loop {
            self.tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
            let before = descents.len();
            for (connection, ends) in &mut self.connections {
                ends.drain(*connection, &mut context, &mut descents);
            }
            let mut has_heard = false;
            while let Ok(message) = self.messages.try_recv() {
                self.director.take(now_ns, message);
                has_heard = true;
            }
            if !has_heard && before == descents.len() {
                return descents;
            }
        }
    }
}

impl Ends {
    fn drain(
        &mut self,
        connection: ConnectionId,
        context: &mut Context<'_>,
        descents: &mut Vec<(ConnectionId, Descent)>,
    ) {
        if let Some(commands) = &mut self.commands {
            loop {
                match commands.try_recv() {
                    Ok(message) => {
                        let message = proto::AttachDown { message: Some(attach::message_down(message)) };
                        descents.push((connection, Descent::Attach(Box::new(message))));
                    }
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => {
                        self.commands = None;
                        descents.push((connection, Descent::Broken("the commands ended".to_owned())));
                        break;
                    }
                }
            }
        }
        let Some(report) = &mut self.report else { return };
        let is_over = report.task.as_mut().poll(context).is_ready();
        while let Ok(answer) = report.answers.try_recv() {
            descents.push((
                connection,
                match answer {
                    Ok(message) => Descent::Report(message),
                    Err(status) => Descent::Broken(status.to_string()),
                },
            ));
        }
        if is_over {
            self.report = None;
        }
    }
}

/// Waits for something that only waits for the store, and serves that meanwhile.
fn served<T>(future: impl Future<Output = T>, queue: &mut StoreQueue, disk: &mut Disk) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
        assert!(queue.serve_next(disk.store()), "it waits for the store, which was asked nothing");
    }
}
