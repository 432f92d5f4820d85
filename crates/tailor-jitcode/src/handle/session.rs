//! The tape that is being recorded on this thread.

use std::cell::{Cell, RefCell};
use std::panic::Location;

use super::place::Place;
use super::value::{Id, JitType, V};
use crate::tape::{Overflow, Tape};

/// The bit of an [`Id`] that tells a place.
pub(super) const PLACE: u32 = 1 << 31;

/// What handles share while a builder runs.
pub(super) struct Session {
    tape: *const Tape,
    places: RefCell<Vec<Place>>,
    /// Whether arithmetic overflow panics in the function being built; differs between inlined functions of several crates.
    pub(super) checks: Cell<bool>,
}

thread_local! {
    static CURRENT: Cell<*const Session> = const { Cell::new(std::ptr::null()) };
}

impl Session {
    pub(super) fn tape(&self) -> &Tape {
        // SAFETY: `run` borrows the tape for as long as the session exists.
        unsafe { &*self.tape }
    }

    pub(super) fn overflow(&self) -> Overflow {
        if self.checks.get() { Overflow::Panic } else { Overflow::Wrap }
    }

    pub(super) fn new_place(&self, place: Place) -> Id {
        let mut places = self.places.borrow_mut();
        places.push(place);
        Id(PLACE | (places.len() as u32 - 1))
    }

    pub(super) fn place(&self, id: Id) -> Option<Place> {
        id.is_place().then(|| self.places.borrow()[(id.0 & !PLACE) as usize])
    }
}

/// Records a function: runs `body` with `tape` as the current one. `checks` says whether arithmetic overflow panics.
#[cold]
#[inline(never)]
pub fn run(tape: &Tape, checks: bool, body: fn()) {
    struct Restore(*const Session);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let session = Session { tape, places: RefCell::default(), checks: Cell::new(checks) };
    // A builder may ask for other functions' code: sessions nest.
    let _restore = Restore(CURRENT.replace(&session));
    body();
}

/// The current session.
#[cold]
#[inline(never)]
pub(super) fn with<R>(f: impl FnOnce(&Session) -> R) -> R {
    let session = CURRENT.get();
    assert!(!session.is_null(), "a builder runs only while a function is being recorded");
    // SAFETY: not null, so `run` is on this thread's stack below, and the session with it.
    f(unsafe { &*session })
}

/// The current session; what is recorded next stems from the caller's place in the source.
#[cold]
#[track_caller]
pub(super) fn located<R>(f: impl FnOnce(&Session) -> R) -> R {
    let location = Location::caller();
    with(|s| {
        s.tape().at(location);
        f(s)
    })
}

/// The function's next parameter.
#[inline(never)]
pub fn parameter<T: JitType>() -> V<T> {
    V::__from(next_parameter())
}

#[cold]
#[inline(never)]
fn next_parameter() -> Id {
    with(|s| Id::of(s.tape().next_parameter()))
}
