//! What the JIT compiler must know of a VM, and compiled code of its heap.
//!
//! Compiled code holds the addresses of the VM and its heap. So compilation begins with the first run, and a VM that has been moved since then goes on without.

use tailor::engine::{Config, Log, Parameters, Runtime, Stats};
use tailor_gc::{Gc, Header, Heap};

use super::Vm;
use crate::method::{Invokable, Method};

/// Whether a VM compiles.
#[derive(Debug, Default)]
pub(crate) enum Compiling {
    /// It does not.
    #[default]
    No,
    /// From the next run on.
    Wanted(Parameters, Log),
    /// It does, at this address.
    At(*const Vm),
}

impl Vm {
    /// Makes the VM compile, from the next run on. It must not be moved then; if it is, it goes on without compiled code.
    pub fn compile(&mut self, parameters: Parameters, log: Log) {
        self.executor.compiling = Compiling::Wanted(parameters, log);
    }

    /// What the JIT has done so far; `None` if it is off.
    pub fn jit_stats(&mut self) -> Option<&Stats> {
        self.jit.stats()
    }

    /// To be called before each run.
    pub(crate) fn prepare_to_compile(&mut self) {
        let address: *const Vm = self;
        match std::mem::take(&mut self.executor.compiling) {
            Compiling::No => {}
            Compiling::Wanted(parameters, log) => {
                let config = Config { runtime: self.runtime(), parameters, describe, log };
                // Without code, programs are interpreted.
                if self.jit.start(config, &mut self.heap).is_ok() {
                    self.executor.compiling = Compiling::At(address);
                }
            }
            Compiling::At(there) if std::ptr::eq(there, address) => self.executor.compiling = Compiling::At(there),
            Compiling::At(_) => self.jit.stop(),
        }
    }

    fn runtime(&mut self) -> Runtime {
        let heap = &raw mut self.heap;
        Runtime {
            cursor: heap as usize + Heap::CURSOR_OFFSET,
            limit: heap as usize + Heap::LIMIT_OFFSET,
            alloc_slow,
            log_bit: u64::from(Header::UNLOGGED) << (8 * Header::STATE_OFFSET),
            barrier_slow,
            is_lasting,
            context: std::ptr::from_mut(self) as usize,
            // An undefined value.
            harmless: 0,
            stack_limit: 0,
        }
    }
}

/// The slow half of allocation. When memory has run out, it is handed out all the same, and compiled code is left as soon as may be.
///
/// # Safety
/// `vm` is the address of the VM that compiled code runs for; `header` is that of an object of `bytes` bytes.
unsafe extern "C" fn alloc_slow(vm: usize, bytes: u64, header: u64) -> u64 {
    // SAFETY: the caller's promise. Nothing else uses the VM while compiled code runs.
    let vm = unsafe { &mut *(vm as *mut Vm) };
    vm.saved.clear();
    let live = vm.live_stack();
    // SAFETY: compiled code fills the object at once; all of the stack that may be in use is covered.
    let (object, is_within_limit) = unsafe { vm.heap.alloc_beyond_limit(bytes as usize, header, live) };
    if !is_within_limit {
        vm.exhaustions += 1;
        vm.jit.changed(&raw const vm.exhaustions);
    }
    object as u64
}

/// The slow half of the write barrier.
///
/// # Safety
/// As for [`alloc_slow`]; `object` is the address of an object.
unsafe extern "C" fn barrier_slow(vm: usize, object: u64) {
    // SAFETY: as in `alloc_slow`.
    unsafe { (*(vm as *mut Vm)).heap.remember(std::ptr::NonNull::new_unchecked(object as *mut Header)) }
}

/// Whether compiled code may store a constant without a barrier.
///
/// # Safety
/// `vm` is the address of the VM that compiled code runs for.
unsafe extern "C" fn is_lasting(vm: usize, word: u64) -> bool {
    // SAFETY: the caller's promise; this looks at the heap's table of blocks only, which nobody changes at the same time.
    unsafe { (*(vm as *const Vm)).heap.is_lasting(word) }
}

/// Names the point of a program that the greens of the interpreter say: VM, method, index of the instruction.
fn describe(greens: &[u64]) -> String {
    let &[vm, method, pc] = greens else { return format!("{greens:?}") };
    // SAFETY: the compiler knows such points from the interpreter.
    let (vm, method): (&Vm, Gc<Method>) = unsafe { (&*(vm as *const Vm), Gc::from_ptr(method as *mut Method)) };
    let source = &method.details().definition.source;
    let span = match (method.invokable(), method.compiled()) {
        (Invokable::Bytecode, Some(code)) => code.spans.get(pc as usize).copied().unwrap_or_default(),
        _ => Default::default(),
    };
    let block = if method.is_block() { "block in " } else { "" };
    let (class, selector) = (vm.class_name(method.holder()), method.selector());
    format!("{block}{class}>>{} at {pc}, line {}", selector.as_str(), source.position(span.start).line)
}
