//! Servers that others wrote, for requests that cost the server next to nothing.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use crate::stage::{Kept, wait_for};

/// A server and the folder of its configuration, which goes when it does.
#[derive(Debug)]
pub struct Server {
    _process: Kept,
    _folder: tempfile::TempDir,
    /// Where it answers, with a slash at its end.
    pub url: String,
}

/// nginx with one process that answers `ok` to everything and logs nothing.
///
/// # Errors
/// When it does not start.
pub fn nginx() -> io::Result<Server> {
    let (folder, port) = (tempfile::tempdir()?, free_port()?);
    fs::write(folder.path().join("nginx.conf"), nginx_configuration(port))?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
    start(&mut command, folder, port, "")
}

/// nghttpd with one thread, without TLS: HTTP/2 from the first byte.
///
/// # Errors
/// When it does not start.
pub fn nghttpd() -> io::Result<Server> {
    let (folder, port) = (tempfile::tempdir()?, free_port()?);
    fs::write(folder.path().join("ok"), "ok")?;
    let mut command = Command::new("nghttpd");
    command.args(["--no-tls", "-n", "1", "-a", "127.0.0.1", "-d"]).arg(folder.path()).arg(port.to_string());
    start(&mut command, folder, port, "ok")
}

fn start(command: &mut Command, folder: tempfile::TempDir, port: u16, page: &str) -> io::Result<Server> {
    let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let process = Kept::of(process);
    wait_for(|| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok())?;
    Ok(Server { _process: process, _folder: folder, url: format!("http://127.0.0.1:{port}/{page}") })
}

/// A port that was free a moment ago: neither server can tell which one it took.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn nginx_configuration(port: u16) -> String {
    format!(
        "daemon off; master_process off; worker_processes 1; pid nginx.pid; error_log error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000; keepalive_timeout 1h;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 'ok'; }} }}
}}
"
    )
}
