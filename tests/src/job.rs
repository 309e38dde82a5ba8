//! Jobs for the tests: fleetmark measures its own target, or a server of the test's own.

/// A job against a target that fleetmark starts itself. `load` is what stands in `[load]`; `more` follows at its end.
/// `mark` stands on the target's command line, by which a test finds its target and that one's guard.
pub fn with_target(name: &str, load: &str, mark: u64, more: &str) -> String {
    format!(
        r#"
name = "{name}"

[workload]
kind = "http"

[[workload.operations]]
name = "read"
url = "http://{{{{target.host}}}}:{{{{target.port}}}}/"

[load]
{load}

[target]
start = ["fleetmark", "target", "--listen", "{{{{target.host}}}}:{{{{target.port}}}}", "--latency", "2ms", "{seed}"]
ready = "http://{{{{target.host}}}}:{{{{target.port}}}}/health"
restart = "run"

{more}
"#,
        seed = seed_word(mark),
    )
}

/// A job against a server that is there already. `load` is what stands in `[load]`; `more` follows at its end.
pub fn against(name: &str, url: &str, load: &str, more: &str) -> String {
    of_operations(name, &operation("read", url), load, more)
}

/// A job of given operations, as [`operation`] writes them.
pub fn of_operations(name: &str, operations: &str, load: &str, more: &str) -> String {
    format!("name = \"{name}\"\n\n[workload]\nkind = \"http\"\n\n{operations}\n[load]\n{load}\n\n{more}\n")
}

/// An operation that gets a page.
pub fn operation(name: &str, url: &str) -> String {
    format!("[[workload.operations]]\nname = \"{name}\"\nurl = \"{url}\"\n")
}

/// The word on a target's command line that bears its mark.
pub fn seed_word(mark: u64) -> String {
    format!("--seed={mark}")
}
