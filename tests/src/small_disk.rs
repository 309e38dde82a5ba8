//! A disk that fills up: a small tmpfs that only one coordinator sees, in a mount namespace of its own.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cast::{Coordinator, Scene};

/// Enough for the store's headroom and a few runs, little enough to be filled in no time.
const DISK_MIB: usize = 64;
/// The folder that is the disk.
const STORE: &str = "store";
/// What somebody else puts on the disk.
const BALLAST: &str = "ballast";
/// How much is written at once while filling.
const CHUNK_BYTES: usize = 256 * 1024;

/// A coordinator whose store lies on a disk of its own.
#[derive(Debug)]
pub struct SmallDisk {
    /// The coordinator.
    pub coordinator: Coordinator,
    /// The disk, as reached from outside its namespace.
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts the disk and starts a coordinator over it.
    ///
    /// # Panics
    /// When the system allows no private mount: this needs root and `unshare`.
    pub fn start(scene: &Scene) -> Self {
        let is_allowed = Command::new("unshare").args(["--mount", "true"]).status();
        assert!(
            is_allowed.as_ref().is_ok_and(std::process::ExitStatus::success),
            "this test mounts a small disk where only it sees it: run it as root, with unshare and mount installed ({is_allowed:?})"
        );
        let store = scene.path().join(STORE);
        fs::create_dir(&store).expect("a folder to mount on");
        let script = format!("mount -t tmpfs -o size={DISK_MIB}m none \"$0\" && exec \"$@\"");
        let store = store.to_str().expect("a temporary folder's path is text");
        let under = ["unshare", "--mount", "sh", "-c", &script, store];
        let coordinator = Coordinator::start_under(scene, STORE, &under, &["--listen", "127.0.0.1:0"]);
        let folder =
            Path::new("/proc").join(coordinator.process.pid().to_string()).join(format!("root{store}"));
        Self { coordinator, folder }
    }

    /// Fills the disk to its last byte.
    ///
    /// # Panics
    /// When it cannot be written for another reason than that it is full.
    pub fn fill(&self) {
        let mut ballast = File::create(self.folder.join(BALLAST)).expect("a file on the small disk");
        for chunk_bytes in [CHUNK_BYTES, 1] {
            let chunk = vec![1; chunk_bytes];
            let refused = loop {
                if let Err(error) = ballast.write_all(&chunk) {
                    break error;
                }
            };
            assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull, "{refused}");
        }
    }

    /// Frees what was filled.
    ///
    /// # Panics
    /// When it was not filled.
    pub fn free(&self) {
        fs::remove_file(self.folder.join(BALLAST)).expect("the ballast can be removed");
    }
}
