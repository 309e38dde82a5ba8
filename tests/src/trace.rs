//! What a coordinator asked of the kernel, in order, by strace: did each acknowledgement leave after the bytes of what
//! it acknowledges had reached the disk?
//!
//! strace stops every thread at the begin and at the end of every call, one at a time, and writes in that order: a
//! call that ended before another one began stands before it. Rooms: [`call`] (strace's lines), [`conversation`]
//! (the messages of HTTP/2 connections, and when their bytes passed), [`order`] (the rule itself).

pub mod call;
pub mod conversation;
pub mod order;

/// The words that put a program under strace, to be followed by the program; the trace goes to `file`.
///
/// The program stays the child that was started, with strace beside it: ending it ends both.
pub fn under_strace(file: &str) -> Vec<&str> {
    vec!["strace", "-D", "-f", "-y", "-xx", "-s", "4194304", "-e", "signal=none", "-e", CALLS, "-o", file]
}

/// All calls by which the coordinator's sockets and files are read and written.
const CALLS: &str =
    "trace=read,readv,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync";

/// A moment: the place of a begin or an end among all that strace saw.
pub type Moment = usize;
