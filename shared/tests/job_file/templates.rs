//! Names in templates: where they come from, where they can stand, and what is filled in when.

use std::collections::BTreeMap;

use crate::shared::job::template::render_text;
use crate::shared::job::{DataColumn, DataOrder, DataSource, Job, ResolveError, ResolvedJob};
use crate::{errors, job_with, read};

const WITH_DATA: &str = r#"
name = "session"

[workload]
kind = "http"
base = "http://{{target.host}}:{{target.port}}"

[[workload.operations]]
name = "login"
url = "/login/{{id}}?worker={{worker}}"
body = "{{{{literal}} {{city}} {{secret}} {{{n}}}"
extract = { token = "json:/token" }

[[workload.operations]]
name = "read"
url = "/read/{{n}}"
headers = { authorization = "{{ token }}", x-key = "{{env:KEY}}-{{random.int(1, 6)}}" }

[params]
n = 7
secret = "a {{id}} b"
patience = "90s"
file = "cities"

[data.id]
range = [1, 10000]

[data.city]
csv = "{{file}}.csv"
column = "name"
order = "random"

[data.word]
values = ["one", 2, true, "{{n}}"]

[load]
duration = "{{patience}}"

[target]
start = ["server", "{{target.port}}", "{{secret}}"]
"#;

fn resolved(job: &Job) -> Result<ResolvedJob, ResolveError> {
    let known = [("target.host", "h"), ("target.port", "80")];
    job.resolved(&known.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

#[test]
fn data_columns_are_decoded_and_their_files_come_along() {
    let job = read(WITH_DATA).unwrap();
    let column = |source, order| DataColumn { source, order };
    let csv = DataSource::Csv { file: "cities.csv".to_owned(), column: "name".to_owned() };
    let words = ["one", "2", "true", "7"].map(str::to_owned).to_vec();
    let expected = [
        ("id", column(DataSource::Range { first: 1, last: 10_000 }, DataOrder::Sequential)),
        ("city", column(csv, DataOrder::Random)),
        ("word", column(DataSource::Values(words), DataOrder::Sequential)),
    ];
    assert_eq!(job.data, BTreeMap::from(expected.map(|(name, column)| (name.to_owned(), column))));
    assert_eq!(job.files, ["cities.csv"]);
}

#[test]
fn a_param_stands_for_an_amount_wherever_one_is_written_as_text() {
    use crate::shared::job::Window;
    let job = read(WITH_DATA).unwrap();
    assert_eq!(job.load.window, Window::For(std::time::Duration::from_secs(90)));
    let text = job_with("[load]\nduration = \"{{patience}}\"\n[params]\npatience = \"soon\"\n");
    insta::assert_snapshot!(errors(&text), @r#"7:12: load.duration: "soon" is not a duration such as "5s", "1m30s" or "250us""#);
}

#[test]
fn what_only_agents_know_stays_a_template() {
    let resolved = resolved(&read(WITH_DATA).unwrap()).unwrap();
    assert_eq!(resolved.workload.settings["base"], "http://h:80");
    let [login, read] = resolved.workload.operations.as_slice() else { panic!("two operations") };
    assert_eq!(login.settings["url"], "/login/{{id}}?worker={{worker}}");
    assert_eq!(read.settings["url"], "/read/7");
    assert_eq!(read.settings["headers"]["authorization"], "{{token}}");
    assert_eq!(read.settings["headers"]["x-key"], "{{env:KEY}}-{{random.int(1, 6)}}");
    assert_eq!(login.settings["extract"]["token"], "json:/token");
}

#[test]
fn literals_and_values_with_braces_reach_the_agent_as_they_are() {
    let resolved = resolved(&read(WITH_DATA).unwrap()).unwrap();
    let body = resolved.workload.operations[0].settings["body"].as_str().unwrap();
    let seen = render_text(body, &|name| Some(format!("<{name}>"))).unwrap();
    assert_eq!(seen, "{{literal}} <city> a {{id}} b {7}");
    let words = resolved.target.unwrap().start;
    let words: Vec<String> = words.iter().map(|word| render_text(word, &|_| None).unwrap()).collect();
    assert_eq!(words, ["server", "80", "a {{id}} b"]);
}

#[test]
fn names_must_be_defined_once() {
    let text = job_with(
        "body = \"{{pth}} {{target.host}} {{random.int(2,1)}} {{random.int(x)}} {{env:}} {{peer.host}}\"\n\
         method = \"{{ }}\"\nextract = { path = \"json:/a\", id = \"json:/b\", now = \"json:/c\" }\n\
         [params]\npath = 1\nnow = 2\n\"a.b\" = 3\n[data.id]\nrange = [1, 2]\n[data.worker]\nrange = [1, 2]\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    6:11: workload.operations.0.body: unknown name "pth" (did you mean "path"?)
    6:19: workload.operations.0.body: "target.host" has no value: there is no [target] (add [target] with what to start)
    6:35: workload.operations.0.body: random.int(2,1) must name the smaller number first
    6:55: workload.operations.0.body: "random.int(x)" needs two whole numbers, as in "random.int(1,100)"
    6:73: workload.operations.0.body: "env:" does not name a variable: write "env:" and letters, digits and _ only, not beginning with a digit
    6:82: workload.operations.0.body: "peer.host" has no value: agents do not meet in pairs (write placement = "pairs" in [fleet])
    7:10: workload.operations.0.method: "{{}}" names nothing; write "{{{{" for a literal "{{"
    8:47: workload.operations.0.extract.now: "now" is doubly defined: fleetmark itself gives it a value (choose another name)
    10:1: params.path: "path" is doubly defined: as a param and as data or an extracted value (choose another name)
    11:1: params.now: "now" is doubly defined: fleetmark itself gives it a value (choose another name)
    12:1: params."a.b": "a.b" cannot stand in a template (use letters, digits, _ and - only)
    13:7: data.id: "id" is doubly defined: as data and as an extracted value (choose another name)
    15:7: data.worker: "worker" is doubly defined: fleetmark itself gives it a value (choose another name)
    "#);
}

#[test]
fn what_only_agents_know_has_no_value_elsewhere() {
    let text = job_with(
        "body_file = \"{{id}}.json\"\ntimeout = \"{{worker}}s\"\nextract = { token = \"json:/{{id}}\" }\n\
         [data.id]\nrange = [1, 2]\n[data.word]\nvalues = [\"{{id}}\", \"{{agent}}\"]\n\
         [load]\nduration = \"{{later}}\"\n\
         [target]\nstart = [\"server\", \"{{id}}\", \"{{env:KEY}}\"]\n\
         [hooks]\nbefore_run = [\"touch {{target.host}}\"]\nafter_trial = [{ command = \"touch {{token}} {{target.host}}\", timeout = \"{{id}}s\" }]\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    6:16: workload.operations.0.body_file: "id" gets its values while operations run, and this must be known before (use a param)
    7:14: workload.operations.0.timeout: "worker" gets its values while operations run, and this must be known before (use a param)
    8:30: workload.operations.0.extract.token: "id" gets its values while operations run, and this must be known before (use a param)
    12:14: data.word.values.0: "id" has no value here: it gets one only while operations run (use a param)
    12:24: data.word.values.1: "agent" has no value here: it gets one only while operations run (use a param)
    14:12: load.duration: "{{later}}" is not a duration such as "5s", "1m30s" or "250us"
    14:15: load.duration: unknown name "later" (there is: id, word, token, random.int(a,b), random.uuid, sequence, worker, agent, now, env:NAME, secret:NAME, target.host, target.port, peer.host, target.pid, profile.output)
    16:23: target.start.1: "id" has no value here: it gets one only while operations run (use a param)
    18:24: hooks.before_run.0: "target.host" has no value here: no target has been started
    19:37: hooks.after_trial.0.command: "token" has no value here: it gets one only while operations run (use a param)
    19:73: hooks.after_trial.0.timeout: "{{id}}s" is not a duration such as "5s", "1m30s" or "250us"
    19:76: hooks.after_trial.0.timeout: "id" has no value here: it gets one only while operations run (use a param)
    "#);
}

#[test]
fn data_that_makes_no_sense_is_told() {
    let text = job_with(
        "[data.a]\n[data.b]\nrange = [2, 1]\n[data.c]\nrange = [1, 2]\nvalues = [1]\n[data.d]\ncsv = \"d.csv\"\n\
         [data.e]\nvalues = []\ncolumn = \"x\"\n[data.f]\nrange = [1]\norder = \"randm\"\n\
         [data.g]\nrange = [-9223372036854775808, 9223372036854775807]\n[data.h]\nvalues = [[1], { x = 1 }]\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    6:1: data.a: expected one of "range", "values" and "csv"
    8:9: data.b.range: the first number, 2, is above the last, 1
    11:1: data.c.values: only one of "range", "values" and "csv" can be given
    13:1: data.d.csv: "csv" needs "column": which column of the file
    15:10: data.e.values: expected at least one value
    16:1: data.e.column: "column" needs "csv": the file
    18:9: data.f.range: expected the first and the last number, as in [1, 10000]
    19:9: data.f.order: "randm" is no order: write "sequential", "random" or "zipf(s)" with s above 0 and at most 10
    21:9: data.g.range: expected a range of fewer than 2^63 numbers
    23:11: data.h.values.0: expected a text, a number, true or false, found a list
    23:16: data.h.values.1: expected a text, a number, true or false, found a table
    "#);
}

#[test]
fn params_put_in_early_cannot_ask_for_endless_text() {
    let values = vec!["\"{{a}}\""; 1000].join(", ");
    let text =
        job_with(&format!("[data.x]\nvalues = [{values}]\n[params]\na = \"{}\"\n", "x".repeat(10_000)));
    insta::assert_snapshot!(errors(&text), @r#"params: the job's names are replaced by more than 4194304 bytes: shorten a param or use it less"#);
}

#[test]
fn files_within_tables_come_along_with_params_put_in() {
    let text = job_with(
        "body_file = \"{{n}}.json\"\ntls = { ca_file = \"ca.pem\", cert_file = \"{{n}}.pem\", key_file = \"/etc/key\" }\n[params]\nn = 1\n",
    );
    assert_eq!(read(&text).unwrap().files, ["1.json", "ca.pem", "1.pem"]);
}

#[test]
fn maps_of_tables_are_checked_and_metrics_have_names() {
    let text = job_with(
        "expect = { header = { X-Cache = \"{{n}}\" }, json = { \"/status\" = \"ok\", \"/count\" = 3, \"/x\" = [1] } }\n\
         metrics = { hit = { from = \"header:X-Cache\", kind = \"ratio\", equals = \"HIT\" }, Miss = { kind = \"rato\", unit = 1 } }\n\
         [params]\nn = 1\n",
    );
    insta::assert_snapshot!(errors(&text), @r#"
    6:92: workload.operations.0.expect.json."/x": expected a text, or a number of any size, or true or false, found a list
    7:80: workload.operations.0.metrics.Miss: "Miss" is not a name of 1 to 64 characters out of a-z, 0-9, _ and - (it becomes part of the metric's name)
    7:80: workload.operations.0.metrics.Miss.from: "from" is missing (it takes a text)
    7:96: workload.operations.0.metrics.Miss.kind: expected "gauge", "ratio" or "histogram", found the text "rato" (did you mean "ratio"?)
    7:111: workload.operations.0.metrics.Miss.unit: expected a text, found the number 1 (put it in quotation marks)
    "#);
}
