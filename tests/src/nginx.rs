//! A web server that others wrote, and that writes down every request it answered.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::cast::{START_WITHIN, Scene};
use crate::patience::wait_for;
use crate::process::Process;

/// A free port may be taken by somebody else before nginx has it; five times in a row means something else is wrong.
const PORTS_TRIED_MAX: u32 = 5;
/// How long nginx may take to end once it was told to.
const STOP_WITHIN: Duration = Duration::from_secs(20);

/// An nginx of its own: own configuration, own log, one process.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    log: PathBuf,
    /// Where it answers everything with 200, without a slash at its end.
    pub url: String,
}

impl Nginx {
    /// Starts one in the scene's folder, on a free port, and waits until it listens.
    ///
    /// # Panics
    /// When nginx is not installed or does not listen in time.
    pub fn start(scene: &Scene) -> Self {
        Self::speaking(scene, "http", |port| format!("listen 127.0.0.1:{port};"))
    }

    /// The same for HTTP/2 over TLS, with a certificate that nobody need trust.
    ///
    /// # Panics
    /// When nginx is not installed or does not listen in time, or no certificate can be made.
    pub fn start_http2(scene: &Scene) -> Self {
        let certified =
            rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
        scene.write("nginx-certificate.pem", &certified.cert.pem());
        scene.write("nginx-key.pem", &certified.signing_key.serialize_pem());
        Self::speaking(scene, "https", |port| {
            format!(
                "listen 127.0.0.1:{port} ssl http2; ssl_certificate ../nginx-certificate.pem; ssl_certificate_key ../nginx-key.pem;"
            )
        })
    }

    /// Starts one whose configuration says on which port it listens and how.
    fn speaking(scene: &Scene, scheme: &str, listen: impl Fn(u16) -> String) -> Self {
        let folder = scene.path().join("nginx");
        fs::create_dir_all(&folder).expect("a folder for nginx");
        let log = folder.join("access.log");
        for _ in 0..PORTS_TRIED_MAX {
            let port = free_port();
            fs::write(folder.join("nginx.conf"), configuration(&listen(port)))
                .expect("nginx's configuration");
            let mut command = Command::new(program());
            command.arg("-p").arg(&folder).args(["-c", "nginx.conf", "-e", "error.log"]);
            let mut process = Process::start("nginx", command.stdin(Stdio::null()).stderr(Stdio::null()));
            // The pid file is written once the port is open; a connection to look would be seen by nginx.
            let is_listening = wait_for("nginx to listen", START_WITHIN, || {
                if !process.is_running() {
                    return Some(false);
                }
                fs::read_to_string(folder.join("nginx.pid")).ok()?.trim().parse::<u32>().ok().map(|_| true)
            });
            if is_listening {
                return Self { process, log, url: format!("{scheme}://127.0.0.1:{port}") };
            }
        }
        let said = fs::read_to_string(folder.join("error.log")).unwrap_or_default();
        panic!("nginx did not start on any of {PORTS_TRIED_MAX} free ports: {said}");
    }

    /// Stops it in order, and returns what it logged: `METHOD PATH STATUS` for each request, in the order of answers;
    /// for those of HTTP/2 followed by that.
    ///
    /// # Panics
    /// When it does not end, or its log cannot be read.
    pub fn stop(mut self) -> Vec<String> {
        self.process.signal(Signal::QUIT);
        self.process.wait(STOP_WITHIN);
        fs::read_to_string(&self.log).expect("nginx's log").lines().map(ToOwned::to_owned).collect()
    }
}

/// A port that was free a moment ago.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Where nginx is: distributions put it where not everybody's PATH leads.
fn program() -> PathBuf {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&places).collect();
    folders.push(PathBuf::from("/usr/sbin"));
    let found = folders.iter().map(|folder| folder.join("nginx")).find(|path| path.is_file());
    found.expect("nginx is not installed: tests/run.sh installs it, or: apt-get install nginx-light")
}

/// Connections are kept for as long as the other side likes, so that no request is ever sent twice.
fn configuration(listen: &str) -> String {
    format!(
        "daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log error.log;
events {{ worker_connections 512; }}
http {{
  log_format line '$request_method $uri $status$protocol';
  map $server_protocol $protocol {{ HTTP/2.0 ' HTTP/2'; default ''; }}
  access_log access.log line;
  keepalive_requests 1000000000; keepalive_timeout 1h;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{ {listen} location / {{ return 200 'ok'; }} }}
}}
"
    )
}
