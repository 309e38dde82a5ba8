//! Somebody on the network between: passes everything on, and keeps a copy.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What is kept at most, bytes.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The eavesdropper.
#[derive(Debug)]
pub struct Eavesdropper {
    /// Where it is called: host and port.
    pub address: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Eavesdropper {
    /// Starts one before a server, given as host and port.
    ///
    /// # Panics
    /// When it cannot listen on loopback.
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (server, kept) = (server.to_owned(), heard.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let ends = (client.try_clone(), server.try_clone());
                let (Ok(client_again), Ok(server_again)) = ends else { continue };
                for (from, to) in [(client, server_again), (server, client_again)] {
                    let kept = kept.clone();
                    thread::spawn(move || pass_on(from, to, &kept));
                }
            }
        });
        Self { address, heard }
    }

    /// All that passed so far, both directions mixed.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, kept: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_BYTES_MAX {
            kept.extend_from_slice(&chunk[..count]);
        }
        drop(kept);
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    let _either_end_may_be_gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
