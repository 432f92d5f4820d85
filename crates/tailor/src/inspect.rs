//! Looking at jitcode.

use std::fmt::Write;

use tailor_jitcode::JitFunction;
use tailor_jitcode::analysis::effects::reachable;
use tailor_jitcode::code::dump;

/// The text of the jitcode of all functions whose names contain `name`, among those that `root` can call, itself included; and the names of the residual
/// ones. `None` if there is none of that name.
#[doc(hidden)]
pub fn jitcode_text(root: &'static JitFunction, name: &str) -> Option<String> {
    let mut functions: Vec<_> = reachable(root).into_iter().filter(|f| f.signature.name.contains(name)).collect();
    functions.sort_by_key(|f| (f.signature.location.file(), f.signature.location.line(), f.signature.name));
    let mut text = String::new();
    for function in &functions {
        // Writing to a string does not fail.
        let _ = if function.is_residual() {
            writeln!(text, "{}: residual, {}\n", function.signature.name, function.signature.location)
        } else {
            writeln!(text, "{}", dump(function.code()))
        };
    }
    (!functions.is_empty()).then_some(text)
}

/// The text of the jitcode of the functions that a jitted function can call, by a part of their names: `jit::jitcode_of!(interpret, "add")`, an `Option<String>`.
#[macro_export]
macro_rules! jitcode_of {
    ($function:ident, $name:expr) => {
        $crate::__jit::jitcode_text(<$function>::__function(), $name)
    };
}
