//! How workers pause, pace, connect and are pinned.

use std::time::Duration;

use crate::shared::delay::Delay;
use crate::{errors, job_with, read};

#[test]
fn a_worker_may_pause_and_connect_as_it_is_told() {
    let text = job_with(
        "[load]\nthink = \"lognormal(5ms,0.5)\"\npace = \"1s\"\npin = true\nconnect_rate = 2.5\n\
         connections_per_worker = 3\nstreams_per_connection = 4\nnew_connection_every = 100\n",
    );
    let load = read(&text).unwrap().load;
    assert_eq!(load.think, Some(Delay::LogNormal { median: Duration::from_millis(5), sigma: 0.5 }));
    assert_eq!((load.pace, load.pins_threads), (Some(Duration::from_secs(1)), true));
    assert_eq!((load.connect_rate, load.new_connection_every), (Some(2.5), Some(100)));
    assert_eq!((load.connections_per_worker, load.streams_per_connection), (3, 4));
}

#[test]
fn without_a_word_nothing_pauses_and_nothing_is_limited() {
    let load = read(&job_with("[load]\nthink = \"0s\"\npace = \"0s\"\n")).unwrap().load;
    assert_eq!(
        (load.think, load.pace, load.connect_rate, load.new_connection_every),
        (None, None, None, None)
    );
    assert_eq!((load.connections_per_worker, load.streams_per_connection, load.pins_threads), (1, 1, false));
}

#[test]
fn what_is_out_of_bounds_is_told() {
    let text = job_with(
        "[load]\nthink = \"normal(1ms,2ms)\"\npace = 5\npin = 1\nconnect_rate = 0\nconnections_per_worker = 0\n\
         streams_per_connection = 100001\nnew_connection_every = 0\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    7:9: load.think: "normal(1ms,2ms)" is not a delay: write a duration like 5ms, uniform(1ms,9ms), lognormal(5ms,0.5) with the median and sigma, or exponential(10ms) with the mean
    8:8: load.pace: expected a duration such as "5s", "1m30s" or "250us", found the number 5 (a number needs a unit: "5s")
    9:7: load.pin: expected true or false, found the number 1
    10:16: load.connect_rate: expected a number from 0.001 to 1000000000, found the number 0
    11:26: load.connections_per_worker: expected a whole number from 1 to 100000, found the number 0
    12:26: load.streams_per_connection: expected a whole number from 1 to 100000, found the number 100001
    13:24: load.new_connection_every: expected a whole number from 1 to 31622400000000, found the number 0
    "#);
}

#[test]
fn pausing_contradicts_the_open_model() {
    let text = job_with("[load]\nmodel = \"open\"\nrate = 5\nthink = \"5ms\"\npace = \"1s\"\n");
    insta::assert_snapshot!(errors(&text), @r#"
    9:1: load.think: "think" contradicts the open model, whose operations are due by its rate (leave it out; only between the steps of a scenario can its workers pause)
    10:1: load.pace: "pace" contradicts the open model, whose operations are due by its rate (leave it out, or write model = "closed")
    "#);
}

#[test]
fn connections_must_be_few_and_open_in_time() {
    let text = job_with("[load]\nworkers = 5000\nconnections_per_worker = 1000\nconnect_rate = 100\n");
    insta::assert_snapshot!(errors(&text), @r#"
    8:26: load.connections_per_worker: 5000 workers with 1000 connections each are more than 1000000 connections (lower it, or load.workers)
    9:16: load.connect_rate: opening 5000000 connections at 100 per second takes longer than 1h (raise it, or lower load.workers)
    "#);
}

#[test]
fn a_kind_without_connections_takes_no_key_about_them() {
    let text = "name = \"j\"\n[workload]\nkind = \"command\"\n[[workload.operations]]\ncommand = \"true\"\n\
        [load]\nconnect_rate = 5\nconnections_per_worker = 2\nthink = \"5ms\"\n";
    insta::assert_snapshot!(errors(text), @r#"
    7:1: load.connect_rate: "connect_rate" has no meaning: command opens no connections
    8:1: load.connections_per_worker: "connections_per_worker" has no meaning: command opens no connections
    "#);
}
