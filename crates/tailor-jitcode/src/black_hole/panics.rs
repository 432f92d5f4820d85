//! Panics of jitcode.
//!
//! A panic's payload is the message that the native reading would panic with. The place that the panic hook reports is this file, since Rust lets nobody else choose it;
//! [`last_panic`] says which place in the source it stands for.

use std::cell::Cell;
use std::panic::Location;

thread_local! {
    static LAST: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// Where in the source the last panic of this thread's jitcode was.
pub fn last_panic() -> Option<&'static Location<'static>> {
    LAST.get()
}

/// Panics.
#[cold]
#[inline(never)]
pub(super) fn raise(template: &'static str, arguments: &[u64], location: &'static Location<'static>) -> ! {
    LAST.set(Some(location));
    std::panic::panic_any(message(template, arguments))
}

/// The template with its arguments in place.
fn message(template: &str, arguments: &[u64]) -> String {
    let mut message = String::new();
    let mut rest = template;
    for &argument in arguments {
        let Some(at) = rest.find(['{']) else { break };
        message += &rest[..at];
        let place = &rest[at..];
        if let Some(behind) = place.strip_prefix("{u}") {
            message += &argument.to_string();
            rest = behind;
        } else {
            message += &(argument as i64).to_string();
            rest = place.strip_prefix("{}").unwrap_or(place);
        }
    }
    message + rest
}
