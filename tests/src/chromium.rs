//! A real browser, driven over WebDriver: Chromium without a window, which resolves no name and keeps what pages complain of.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::cast::{START_WITHIN, Scene};
use crate::patience::wait_for;
use crate::process::Process;

/// How often a page is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const WINDOW_HEIGHT: u32 = 1_400;

/// The driver, which starts browsers.
#[derive(Debug)]
pub struct Driver {
    _process: Process,
    url: String,
    folder: PathBuf,
}

/// One browser.
#[derive(Debug)]
pub struct Chromium {
    /// What it is told.
    pub client: Client,
    log: PathBuf,
}

/// Whether pages are to be light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Scheme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl Driver {
    /// Starts it on a free port.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub fn start(scene: &Scene) -> Self {
        let log = scene.path().join("chromedriver.log");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stderr(Stdio::null());
        command.stdout(File::create(&log).expect("a file for what it says"));
        let process = Process::start("chromedriver", &mut command);
        let port = wait_for("chromedriver to listen", START_WITHIN, || {
            let said = fs::read_to_string(&log).ok()?;
            let port = said.split("started successfully on port ").nth(1)?;
            Some(port.split_once('.')?.0.to_owned())
        });
        Self { _process: process, url: format!("http://127.0.0.1:{port}"), folder: scene.path().to_owned() }
    }

    /// Opens a browser, so many pixels wide.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn open(&self, scheme: Scheme, width: u32) -> Chromium {
        let folder = self.folder.join(format!("chromium-{}-{width}", scheme.name()));
        fs::create_dir_all(&folder).expect("a folder for its profile");
        let log = folder.join("console.log");
        let mut words = vec![
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--enable-logging".to_owned(),
            format!("--log-file={}", log.display()),
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1".to_owned(),
            format!("--user-data-dir={}", folder.display()),
            format!("--window-size={width},{WINDOW_HEIGHT}"),
        ];
        if scheme == Scheme::Dark {
            words.extend(["--force-dark-mode", "--blink-settings=preferredColorScheme=0"].map(str::to_owned));
        }
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": words }));
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&self.url).await.expect("a browser");
        Chromium { client, log }
    }
}

impl Chromium {
    /// Opens a page.
    ///
    /// # Panics
    /// When it does not open.
    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// What an expression of JavaScript gives on the page.
    ///
    /// # Panics
    /// When it throws.
    pub async fn value(&self, expression: &str) -> Value {
        let script = format!("return {expression};");
        self.client.execute(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until an expression gives something that `is_so`. A page that is just being loaded is asked again.
    ///
    /// # Panics
    /// When it does not in time.
    pub async fn wait_until(
        &self,
        expression: &str,
        within: Duration,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        let (script, deadline) = (format!("return {expression};"), Instant::now() + within);
        let mut last = Value::Null;
        while Instant::now() < deadline {
            if let Ok(value) = self.client.execute(&script, Vec::new()).await {
                if is_so(&value) {
                    return value;
                }
                last = value;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        panic!("waited {within:?} in vain for {expression}, which is {last}");
    }

    /// Takes a picture of the window for a person to judge.
    ///
    /// # Panics
    /// When it cannot be taken.
    pub async fn picture(&self, path: &Path) {
        let picture = self.client.screenshot().await.expect("a picture");
        fs::write(path, picture).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Addresses that the page asked, its own among them.
    pub async fn asked(&self) -> Vec<String> {
        let entries =
            "performance.getEntriesByType('resource').map((one) => one.name).concat([location.href])";
        let asked = self.value(entries).await;
        asked.as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned)).collect()
    }

    /// Closes it; gives what pages complained of.
    ///
    /// # Panics
    /// When it does not close.
    pub async fn close(self) -> Vec<String> {
        self.client.close().await.expect("it closes");
        let said = fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect()
    }
}
