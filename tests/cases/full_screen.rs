//! The full-screen view on a real terminal: it draws, asks, and leaves the terminal as it found it.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use fleetmark_tests::cast::{Scene, fleetmark};
use fleetmark_tests::patience::wait_for;
use fleetmark_tests::process::Process;
use rustix::process::{Pid, Signal, kill_process};

/// However busy the machine: starting a coordinator, an agent and a target.
const SEEN_WITHIN: Duration = Duration::from_secs(60);
const JOB: &str = r#"
name = "watched"
[workload]
kind = "http"
[[workload.operations]]
name = "read"
url = "http://{{target.host}}:{{target.port}}/"
[load]
workers = 1
duration = "120s"
[target]
start = ["fleetmark", "target", "--listen", "{{target.host}}:{{target.port}}", "--latency", "5ms"]
ready = "http://{{target.host}}:{{target.port}}/health"
"#;

/// A shell on a terminal of its own that runs the job on the full screen, and what it wrote there.
struct Terminal {
    scene: Scene,
    shell: Process,
}

impl Terminal {
    fn watching() -> Self {
        let scene = Scene::new();
        scene.write("job.toml", JOB);
        let program = fleetmark();
        let commands = format!(
            "stty cols 80 rows 24; stty -a > before; \
             (sh -c 'echo $$ > pid; exec \"{0}\" run job.toml --tui'; echo $? > code); stty -a > after",
            program.display()
        );
        let mut shell = Command::new("script");
        shell.args(["--quiet", "--flush", "--command", &commands, "screen"]).current_dir(scene.path());
        shell.env("XDG_CONFIG_HOME", scene.path().join("config")).env("TERM", "xterm-256color");
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let shell = Process::start("a shell on a terminal", &mut shell);
        Self { scene, shell }
    }

    /// What was written to the terminal so far.
    fn screen(&self) -> String {
        let bytes = fs::read(self.scene.path().join("screen")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn wait_until_it_shows(&self, text: &str) {
        wait_for(&format!("{text:?} on the screen"), SEEN_WITHIN, || {
            self.screen().contains(text).then_some(())
        });
    }

    fn press(&mut self, key: &str) {
        let keys = self.shell.child().stdin.as_mut().expect("the terminal's keyboard");
        keys.write_all(key.as_bytes()).and_then(|()| keys.flush()).expect("a key is pressed");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.scene.path().join(file)).unwrap_or_default()
    }

    /// Waits for the end; the terminal must be as it was, and the exit code is returned.
    fn end(mut self) -> String {
        self.shell.wait(SEEN_WITHIN);
        let screen = self.screen();
        let (entered, left) = (screen.rfind("\u{1b}[?1049h"), screen.rfind("\u{1b}[?1049l"));
        assert!(entered.is_some() && entered < left, "the other screen is left");
        assert!(screen.rfind("\u{1b}[?25l") < screen.rfind("\u{1b}[?25h"), "the cursor is shown again");
        assert!(!self.read("before").is_empty());
        assert_eq!(self.read("before"), self.read("after"), "the terminal's settings are as they were");
        self.read("code").trim().to_owned()
    }
}

#[test]
fn quitting_asks_and_a_cancelled_run_leaves_the_terminal_as_it_was() {
    let mut terminal = Terminal::watching();
    terminal.wait_until_it_shows("Throughput");
    terminal.press("q");
    // Only what differs is drawn, so that words that stand apart may come apart.
    terminal.wait_until_it_shows("watching");
    terminal.press("c");
    assert_eq!(terminal.end(), "130");
}

#[test]
fn sigterm_leaves_the_terminal_as_it_was() {
    let terminal = Terminal::watching();
    terminal.wait_until_it_shows("Throughput");
    let pid: i32 = terminal.read("pid").trim().parse().expect("a process id");
    kill_process(Pid::from_raw(pid).expect("no zero"), Signal::TERM).expect("it can be signalled");
    assert_eq!(terminal.end(), "130");
}

#[test]
fn without_a_terminal_it_is_refused_with_the_reason() {
    let scene = Scene::new();
    scene.write("job.toml", JOB);
    let said = scene.run(&["run", "job.toml", "--tui"]);
    assert_eq!(said.code, 64, "{said:?}");
    assert!(said.errors.contains("--tui draws on a terminal"), "{said:?}");
}
