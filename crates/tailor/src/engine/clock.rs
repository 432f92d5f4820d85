//! Clocks: time that this thread has computed, which is the measure of the budget, and of what compiling costs; and moments, for what is too short to be measured by a call of the system.
//!
//! *Why not the time of day?* A program that waits for its input, or for a processor that others use as well, has not been running meanwhile: what it may spend on being compiled
//! is a share of what it computes.

use std::time::Duration;
#[cfg(not(target_arch = "x86_64"))]
use std::{sync::OnceLock, time::Instant};

/// A point of this thread's computing time.
#[derive(Clone, Copy, Debug)]
pub struct ThreadTime(Duration);

impl ThreadTime {
    /// Now. Takes some hundred nanoseconds: a call of the system.
    pub fn now() -> ThreadTime {
        ThreadTime(computed())
    }

    /// What has been computed since then; nothing, if that was in another thread which had computed more.
    pub fn elapsed(self) -> Duration {
        computed().saturating_sub(self.0)
    }
}

#[cfg(unix)]
fn computed() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: there is a place for the result, which stays 0 if the system has no such clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Elsewhere it is the time of day.
#[cfg(not(unix))]
fn computed() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGINNING.elapsed()
}

/// A point of time, in cycles (of the time stamp counter, where there is one; else nanoseconds).
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment(pub(super) u64);

impl Moment {
    /// This one. Takes some ten nanoseconds.
    #[inline]
    pub fn now() -> Moment {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every processor of this architecture has the instruction, which does nothing but read a counter.
        return Moment(unsafe { core::arch::x86_64::_rdtsc() });
        #[cfg(not(target_arch = "x86_64"))]
        {
            static START: OnceLock<Instant> = OnceLock::new();
            Moment(START.get_or_init(Instant::now).elapsed().as_nanos() as u64)
        }
    }

    /// How many cycles lie between this and a later one.
    pub fn cycles_until(self, later: Moment) -> i64 {
        later.0.saturating_sub(self.0).min(i64::MAX as u64) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::ThreadTime;
    use std::time::{Duration, Instant};

    #[test]
    fn sleeping_is_not_computing() {
        let (begun, day) = (ThreadTime::now(), Instant::now());
        std::thread::sleep(Duration::from_millis(40));
        let slept = begun.elapsed();
        let mut sum = 0_u64;
        while begun.elapsed() < slept + Duration::from_millis(5) {
            sum = std::hint::black_box(sum + 1);
        }
        if cfg!(unix) {
            assert!(slept < Duration::from_millis(20), "{slept:?}");
        }
        assert!(day.elapsed() >= Duration::from_millis(45));
    }
}
