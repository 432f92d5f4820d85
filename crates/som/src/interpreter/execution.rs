//! Which reading of the interpreter executes programs.
//!
//! The interpreter is one source with two readings (see `tailor`): machine code made by rustc, and jitcode, which the black hole
//! executes. That a program does the same in both is what everything derived from jitcode rests on.

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "jit")]
use tailor::jit;
use tailor_gc::{Gc, Heap};

use super::{Frame, interpret};
use crate::errors::Stopped;
use crate::method::Method;
use crate::value::Value;
#[cfg(feature = "jit")]
use crate::vm::Compiling;
use crate::vm::Vm;

/// A reading of the interpreter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Execution {
    /// Machine code, made by rustc.
    #[default]
    Native,
    /// Jitcode, in the black hole: for tests, some hundred times slower.
    #[cfg(feature = "jit")]
    Jitcode,
    /// The same, taking the paths that units take.
    #[cfg(feature = "jit")]
    JitcodeAsUnit,
}

/// There is no such reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownExecution(String);

impl fmt::Display for UnknownExecution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = if cfg!(feature = "jit") {
            "'native', 'jitcode' or 'jitcode-unit'"
        } else {
            "'native' (this is a build without the JIT)"
        };
        write!(f, "there is no '{}'; use {known}", self.0)
    }
}

impl std::error::Error for UnknownExecution {}

impl FromStr for Execution {
    type Err = UnknownExecution;

    fn from_str(name: &str) -> Result<Self, UnknownExecution> {
        match name {
            "" | "native" => Ok(Execution::Native),
            #[cfg(feature = "jit")]
            "jitcode" => Ok(Execution::Jitcode),
            #[cfg(feature = "jit")]
            "jitcode-unit" => Ok(Execution::JitcodeAsUnit),
            _ => Err(UnknownExecution(name.to_string())),
        }
    }
}

/// What a VM keeps for the reading that executes its programs.
#[derive(Debug)]
pub(crate) struct Executor {
    execution: Execution,
    /// Whether the native reading is compiled.
    #[cfg(feature = "jit")]
    pub compiling: Compiling,
    /// What executing jitcode holds is seen by the collector for as long as this is there.
    #[cfg(feature = "jit")]
    _roots: Option<std::rc::Rc<jit::RegisterRoots>>,
}

impl Executor {
    /// For programs whose objects lie in `heap`.
    #[cfg(feature = "jit")]
    pub fn new(execution: Execution, heap: &mut Heap) -> Executor {
        let roots = (execution != Execution::Native).then(|| {
            let roots = std::rc::Rc::new(jit::RegisterRoots);
            heap.add_ambiguous_roots(&roots);
            roots
        });
        Executor { execution, compiling: Compiling::No, _roots: roots }
    }

    /// For programs whose objects lie in any heap.
    #[cfg(not(feature = "jit"))]
    pub fn new(execution: Execution, _: &mut Heap) -> Executor {
        Executor { execution }
    }
}

/// The jitcode of the interpreter's functions whose names contain `name`, as text; none if there is no such function.
#[cfg(feature = "jit")]
pub fn jitcode(name: &str) -> Option<String> {
    jit::jitcode_of!(interpret, name)
}

/// Executes from the given state on until the frame that was entered from Rust returns.
pub(super) fn execute(vm: &mut Vm, method: Gc<Method>, pc: usize, frame: Frame) -> Result<Value, Stopped> {
    match vm.executor.execution {
        Execution::Native => interpret(vm, method, pc, frame),
        #[cfg(feature = "jit")]
        // SAFETY: the arguments are those that the native reading would get.
        Execution::Jitcode => unsafe { jit::in_black_hole!(interpret(std::ptr::from_mut(vm), method, pc, frame)) },
        #[cfg(feature = "jit")]
        // SAFETY: the same.
        Execution::JitcodeAsUnit => unsafe {
            jit::in_black_hole_as_unit!(interpret(std::ptr::from_mut(vm), method, pc, frame))
        },
    }
}
