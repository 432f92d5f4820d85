//! Runs one process to its end and says what it cost.
//!
//! CPU time and peak memory come from the kernel's own accounting for that process (`wait4`), not from the harness, so
//! they include start-up, compilation and collection on any thread.
//!
//! # Invariants
//! - Output goes to unnamed files, not pipes: a process can neither block on a full pipe nor keep this program waiting
//!   through a grandchild that holds one open.
//! - A process that has ended stays a zombie until `wait4` reaps it, which happens only after the watchdog is gone; so
//!   the watchdog can never signal a process that took over the same id.
//!
//! # A limit
//! Linux carries the peak memory of the process that starts another over into the new one. Peaks below this program's
//! own (a few MiB, [`own_peak_rss`]) therefore cannot be seen, and reports mark them as bounds.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::results::Cost;

/// A process that has ended.
pub struct Finished {
    /// Why it ended.
    pub end: End,
    /// All of its standard output.
    pub stdout: String,
    /// All of its standard error.
    pub stderr: String,
    /// What it took.
    pub cost: Cost,
}

/// Why a process ended.
pub enum End {
    /// By itself or by someone else's signal.
    Exited(ExitStatus),
    /// By us, because its time was up.
    TimedOut,
}

/// Starts `command`, waits for its end, and kills it after `limit`.
///
/// # Errors
/// When the process cannot be started or its output cannot be stored.
pub fn run(command: &mut Command, limit: Duration) -> io::Result<Finished> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    let start = Instant::now();
    let child = command.spawn()?;
    let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
    let timed_out = wait_or_kill(pid, limit)?;
    let wall = start.elapsed();
    let (status, usage) = reap(pid)?;
    let end = if timed_out { End::TimedOut } else { End::Exited(status) };
    Ok(Finished { end, stdout: contents(&mut stdout)?, stderr: contents(&mut stderr)?, cost: cost(&usage, wall) })
}

/// Waits until `pid` has ended, leaving it to be reaped; true if it had to be killed.
fn wait_or_kill(pid: i32, limit: Duration) -> io::Result<bool> {
    let (ended, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watchdog = scope.spawn(move || {
            let expired = end.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if expired {
                kill(pid);
            }
            expired
        });
        let waited = wait_for_end(pid);
        drop(ended);
        let expired = watchdog.join().map_err(|_| io::Error::other("the watchdog thread failed"))?;
        waited.map(|()| expired)
    })
}

fn wait_for_end(pid: i32) -> io::Result<()> {
    let id = libc::id_t::try_from(pid).map_err(io::Error::other)?;
    retry_interrupted(|| {
        // SAFETY: an all-zero siginfo_t is a valid value of that plain C struct.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` is a valid place to write to for the duration of the call.
        unsafe { libc::waitid(libc::P_PID, id, &mut info, libc::WEXITED | libc::WNOWAIT) }
    })
}

fn kill(pid: i32) {
    // SAFETY: kill has no memory effects; the caller has not reaped `pid` yet, so it names our own child.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

fn reap(pid: i32) -> io::Result<(ExitStatus, libc::rusage)> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid value of that plain C struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    retry_interrupted(|| {
        // SAFETY: `status` and `usage` are valid places to write to for the duration of the call.
        unsafe { libc::wait4(pid, &mut status, 0, &mut usage) }
    })?;
    Ok((ExitStatus::from_raw(status), usage))
}

fn retry_interrupted(mut call: impl FnMut() -> i32) -> io::Result<()> {
    loop {
        if call() >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Peak resident set of this program so far, KiB.
pub fn own_peak_rss() -> f64 {
    // SAFETY: an all-zero rusage is a valid value of that plain C struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is a valid place to write to; RUSAGE_SELF cannot fail.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    usage.ru_maxrss as f64
}

fn cost(usage: &libc::rusage, wall: Duration) -> Cost {
    Cost {
        user: milliseconds(usage.ru_utime),
        system: milliseconds(usage.ru_stime),
        wall: wall.as_secs_f64() * 1e3,
        peak_rss: usage.ru_maxrss as f64,
    }
}

fn milliseconds(time: libc::timeval) -> f64 {
    time.tv_sec as f64 * 1e3 + time.tv_usec as f64 * 1e-3
}

fn contents(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
