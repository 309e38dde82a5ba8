//! The stage on which the tests of the whole system play: real processes on loopback, each ended by id.
//!
//! Tests stand in `cases/`, one file a subject. Rooms: [`account`] (whom servers run as), [`process`] (a child that is never left behind),
//! [`running`] (a command line that goes on), [`restarted`] (one whose coordinator dies), [`cast`] (coordinators, agents, command lines), [`nginx`] (a server that
//! keeps its own count), [`redis`], [`postgres`] and [`mariadb`] (which do too), [`shop`] (jobs on a database), [`java`] (an HdrHistogram that others wrote), [`bad_server`] (servers that misbehave),
//! [`grpc_server`] (one of gRPC that others wrote) and [`tls_front`] (TLS before any),
//! [`bad_http2`] (how over HTTP/2), [`bad_certificate`] (those whose certificates are not to be trusted), [`broken_run`] (how a
//! run against them must end),
//! [`witness`] (one that remembers what it was asked), [`target`] (fleetmark's own, which keeps its own count),
//! [`patience`] (waiting for a state, with a deadline), [`readings`] (where the figures of a report stand),
//! [`goodness_of_fit`] (samples against the distribution that they were meant to have), [`machine`] (what else it did
//! meanwhile),
//! [`contract`] (which there must be), [`browser`] (somebody who asks a coordinator for pages), [`chromium`] (a real browser), [`site`] (and the coordinator).
//!
//! For faults: [`acknowledged`] and [`stored`] (what was promised, and what is there), [`proxy`] (a network that cuts),
//! [`slow_link`] (one that takes its time), [`namespaces`] (hosts with cables that can be pulled),
//! [`small_disk`] (a disk that fills up), [`trace`] (what a process asked of the kernel, in order), [`seed`] (chance
//! that can be repeated), [`eavesdropper`] (somebody who listens on the way), [`membership`] (how others join a coordinator that
//! encrypts), [`family`] (who descends from whom), [`job`] (jobs that measure fleetmark's own target),
//! [`suites`] (suites that people bring), [`written`] (who finds a word in what was written).
#![forbid(unsafe_code)]

pub mod account;
pub mod acknowledged;
pub mod bad_certificate;
pub mod bad_http2;
pub mod bad_server;
pub mod broken_run;
pub mod browser;
pub mod cast;
pub mod chromium;
pub mod contract;
pub mod eavesdropper;
pub mod family;
pub mod goodness_of_fit;
pub mod grpc_server;
pub mod java;
pub mod job;
pub mod machine;
pub mod mariadb;
pub mod membership;
pub mod namespaces;
pub mod nginx;
pub mod patience;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod readings;
pub mod redis;
pub mod restarted;
pub mod running;
pub mod seed;
pub mod shop;
pub mod simulation;
pub mod site;
pub mod slow_link;
pub mod small_disk;
pub mod stored;
pub mod suites;
pub mod target;
pub mod tls_front;
pub mod trace;
pub mod witness;
pub mod written;
