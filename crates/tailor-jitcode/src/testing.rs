//! For this crate's tests: functions recorded by closures.

use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::Location;
use std::rc::Rc;

use crate::function::{Effects, JitFunction, Role, Signature, Touches, Traits, Trampoline};
use crate::tape::{Node, Shape, Tape};

type Recorder = Rc<dyn Fn(&Tape)>;

thread_local! {
    static RECORDERS: RefCell<HashMap<&'static JitFunction, Recorder>> = RefCell::default();
}

fn replay(tape: &Tape) {
    let recorder = RECORDERS.with_borrow(|recorders| recorders[tape.function()].clone());
    recorder(tape);
}

unsafe fn no_native(_: *const u64, _: *mut u64) {
    panic!("this function has no native reading");
}

fn names(count: usize) -> &'static [&'static str] {
    &["a", "b", "c", "d", "e", "f", "g", "h"][..count]
}

/// A function whose body `record` records at once; it may return a value, or have ended all paths by itself.
#[track_caller]
pub fn function(
    name: &'static str,
    parameters: &[&'static Shape],
    result: &'static Shape,
    record: impl Fn(&Tape, &[Node]) -> Option<Node> + 'static,
) -> &'static JitFunction {
    with_native(name, parameters, result, Traits::NONE, no_native, record)
}

/// The same with traits and a native reading.
#[track_caller]
pub fn with_native(
    name: &'static str,
    parameters: &[&'static Shape],
    result: &'static Shape,
    traits: Traits,
    native: Trampoline,
    record: impl Fn(&Tape, &[Node]) -> Option<Node> + 'static,
) -> &'static JitFunction {
    let function = declare(name, parameters, result, traits, native);
    define(function, record);
    function
}

/// A function to be recorded later, by [`define`], so that functions can call each other.
#[track_caller]
pub fn declare(
    name: &'static str,
    parameters: &[&'static Shape],
    result: &'static Shape,
    traits: Traits,
    native: Trampoline,
) -> &'static JitFunction {
    let signature = signature(name, parameters, result);
    Box::leak(Box::new(JitFunction::new(signature, replay, native, traits)))
}

/// A function that leaves guest frames.
#[track_caller]
pub fn leaving(
    name: &'static str,
    parameters: &[&'static Shape],
    result: &'static Shape,
    record: impl Fn(&Tape, &[Node]) -> Option<Node> + 'static,
) -> &'static JitFunction {
    let signature = signature(name, parameters, result);
    let function = Box::leak(Box::new(JitFunction::new(signature, replay, no_native, Traits::NONE).leaving()));
    define(function, record);
    function
}

/// A function that is recorded where it is called.
#[track_caller]
pub fn inlined(
    name: &'static str,
    parameters: &[&'static Shape],
    result: &'static Shape,
    record: impl Fn(&Tape, &[Node]) -> Option<Node> + 'static,
) -> &'static JitFunction {
    let signature = signature(name, parameters, result);
    let function = Box::leak(Box::new(JitFunction::new(signature, replay, no_native, Traits::NONE).inlined()));
    define(function, record);
    function
}

/// Records a declared function.
pub fn define(function: &'static JitFunction, record: impl Fn(&Tape, &[Node]) -> Option<Node> + 'static) {
    let recorder: Recorder = Rc::new(move |tape| {
        let parameters: Vec<Node> =
            tape.function().signature.parameters.iter().map(|_| tape.next_parameter()).collect();
        if let Some(result) = record(tape, &parameters) {
            tape.ret(result);
        }
    });
    RECORDERS.with_borrow_mut(|recorders| recorders.insert(function, recorder));
    function.code();
}

/// A residual function.
#[track_caller]
pub fn residual(
    name: &'static str,
    parameters: &[&'static Shape],
    result: &'static Shape,
    native: Trampoline,
) -> &'static JitFunction {
    let effects = Effects { reads: Touches::Only(&[]), writes: Touches::Only(&[("Log", "text")]), ..Effects::NONE };
    let signature = signature(name, parameters, result);
    Box::leak(Box::new(JitFunction::residual(signature, native, Traits::NONE, effects, Role::Ordinary)))
}

#[track_caller]
fn signature(name: &'static str, parameters: &[&'static Shape], result: &'static Shape) -> Signature {
    let parameters: &'static [&'static Shape] = parameters.to_vec().leak();
    Signature { name, location: Location::caller(), parameter_names: names(parameters.len()), parameters, result }
}
