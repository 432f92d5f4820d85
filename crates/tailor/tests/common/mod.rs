//! Runs a jitted function in both readings and compares: results, or the messages and places of panics.

use std::cell::RefCell;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use tailor::__jit::{JitFunction, Words, value_of_words};
use tailor_jitcode::black_hole;

/// What a call came to.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// The result, as text: so NaN equals NaN, and 0.0 does not equal -0.0.
    Value(String),
    /// The message of a panic, and its place.
    Panic(String, String),
}

thread_local! {
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Lets panics be silent, and notes where they were.
fn note_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let default = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PLACE.set(info.location().map(ToString::to_string).unwrap_or_default());
            if !EXPECTED.with(std::cell::Cell::get) {
                default(info);
            }
        }));
    });
}

thread_local! {
    static EXPECTED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

fn outcome<R: Debug>(f: impl FnOnce() -> R, place: fn() -> String) -> Outcome {
    note_panics();
    EXPECTED.set(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    EXPECTED.set(false);
    match result {
        Ok(value) => Outcome::Value(format!("{value:?}")),
        Err(payload) => {
            let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
                (Some(text), _) => (*text).to_string(),
                (_, Some(text)) => text.clone(),
                _ => "?".to_string(),
            };
            Outcome::Panic(text, place())
        }
    }
}

/// The native reading's outcome.
pub fn native<R: Debug>(f: impl FnOnce() -> R) -> Outcome {
    outcome(f, || PLACE.take())
}

/// The black hole's outcome, of a function that returns what `_like` does.
pub fn jitted<R: Words + Debug>(
    function: &'static JitFunction,
    arguments: &[u64],
    _like: impl FnOnce() -> R,
) -> Outcome {
    outcome(
        || {
            // SAFETY: the arguments are those of the function, and the words of the result are those of an `R`.
            unsafe {
                let words = black_hole::run(function, arguments, black_hole::Mode::Throughout);
                value_of_words::<R>(&words)
            }
        },
        || black_hole::last_panic().map(ToString::to_string).unwrap_or_default(),
    )
}

/// Compares both readings of a call; yields the outcome.
#[macro_export]
macro_rules! both {
    ($f:ident($($argument:expr),* $(,)?)) => {{
        let native = $crate::common::native(|| $f($($argument),*));
        #[allow(unused_mut)]
        let mut words: Vec<u64> = Vec::new();
        $(words.extend(tailor::__jit::constant_words($argument));)*
        let function = <$f>::__function();
        let jitted = $crate::common::jitted(function, &words, || $f($($argument),*));
        if native != jitted {
            eprintln!("{}", tailor_jitcode::code::dump(function.code()));
            panic!("{} of {:?}: native {native:?}, black hole {jitted:?}", stringify!($f), ($($argument,)*));
        }
        native
    }};
}
