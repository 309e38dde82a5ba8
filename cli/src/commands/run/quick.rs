//! A job without a file: `fleetmark run --url …`.

use shared::units::print_duration;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value, value};

use crate::args::QuickArgs;

/// The job that the options describe, as the file that it could have been.
pub(super) fn job(url: &str, options: &QuickArgs) -> String {
    let mut operation = Table::new();
    operation["name"] = value("get");
    if let Some(method) = &options.method {
        operation["name"] = value(operation_name(method));
        operation["method"] = value(method.as_str());
    }
    operation["url"] = value(url);
    if !options.headers.is_empty() {
        let mut headers = toml_edit::InlineTable::new();
        for header in &options.headers {
            let (name, content) = header.split_once(':').unwrap_or((header, ""));
            headers.insert(name.trim(), Value::from(content.trim()));
        }
        operation["headers"] = value(headers);
    }
    if let Some(body) = &options.body {
        operation["body"] = value(body.as_str());
    }
    let mut operations = ArrayOfTables::new();
    operations.push(operation);
    let mut workload = Table::new();
    workload["kind"] = value("http");
    workload["operations"] = Item::ArrayOfTables(operations);
    let mut load = Table::new();
    if let Some(rate) = options.rate {
        load["model"] = value("open");
        load["rate"] = value(rate);
    }
    if let Some(workers) = options.workers {
        load["workers"] = value(i64::from(workers));
    }
    if let Some(duration) = options.duration {
        load["duration"] = value(print_duration(duration));
    }
    let mut job = DocumentMut::new();
    job["name"] = value("quick");
    job["workload"] = Item::Table(workload);
    job["load"] = Item::Table(load);
    job.to_string()
}

/// A method as an operation's name; one that cannot be keeps the default, and the method itself is judged elsewhere.
fn operation_name(method: &str) -> String {
    let name = method.to_ascii_lowercase();
    if shared::ids::Name::new(name.as_str()).is_ok() { name } else { "get".to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::check;
    use super::*;

    fn options() -> QuickArgs {
        QuickArgs {
            url: None,
            rate: None,
            workers: None,
            duration: None,
            method: None,
            headers: Vec::new(),
            body: None,
        }
    }

    #[test]
    fn options_become_the_job_that_they_describe() {
        let options = QuickArgs {
            workers: Some(3),
            duration: Some(Duration::from_millis(1_500)),
            method: Some("POST".to_owned()),
            headers: vec!["accept: a/b".to_owned()],
            body: Some("x = \"1\"".to_owned()),
            ..options()
        };
        let job =
            check::check("--url", job("http://127.0.0.1:1/", &options), &[], Path::new(".")).unwrap().job;
        assert_eq!(job.load.workers, Some(3));
        assert_eq!(job.load.window, shared::job::Window::For(Duration::from_millis(1_500)));
        let operation = &job.workload.operations[0];
        assert_eq!(operation.name.as_str(), "post");
        assert_eq!(operation.settings["headers"]["accept"], "a/b");
    }
}
