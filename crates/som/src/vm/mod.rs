//! The virtual machine: all state of one SOM world.
//!
//! A [`Vm`] owns its heap, its guest stack, its classes and globals; several may live in one process. Programs are run
//! by [`Vm::run_program`], snippets by [`Vm::evaluate`], single messages by [`Vm::send`].

mod allocation;
mod builder;
#[cfg(feature = "jit")]
mod compiled;
mod loader;
mod memory;
mod specials;
mod stack;
mod trace;

use std::path::PathBuf;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};
use tailor::jit;
use tailor_gc::{Gc, Heap, HeapConfig};

use crate::classes::{ClassInfo, Core, InstanceFormat};
use crate::errors::{LoadError, Raise, RaiseKind, RuntimeError, Stopped, Unwind};
use crate::interpreter::{Execution, Executor, SavedRegs};
use crate::method::Method;
use crate::objects::{Association, ClassId, Instance, Str};
use crate::output::Output;
use crate::value::Value;

pub(crate) use allocation::{allocate, try_allocate, try_double};
#[cfg(feature = "jit")]
pub(crate) use compiled::Compiling;
pub use loader::ClassPath;
pub use stack::GuestStack;

/// How to make a [`Vm`].
#[derive(Debug)]
pub struct Config {
    /// Directories to search for classes, before the embedded core library.
    pub class_path: Vec<PathBuf>,
    /// The heap.
    pub heap: HeapConfig,
    /// Size of the guest stack in bytes; only what is used takes memory.
    pub stack_size: usize,
    /// Where `print` and its kin write.
    pub output: Output,
    /// Which reading of the interpreter executes programs.
    pub execution: Execution,
}

/// A guest stack of 128 MiB holds more than a million activations of small methods.
pub const DEFAULT_STACK_SIZE: usize = 128 << 20;

/// Entries of the global lookup cache; a power of two.
const LOOKUP_CACHE: usize = 1024;

#[derive(Clone, Copy)]
struct LookupEntry {
    class: ClassId,
    selector: usize,
    method: Option<Gc<Method>>,
}

/// Assumptions about the classes loaded so far, on which fast paths of instructions rest. They only ever become false.
#[jit::object]
#[derive(Debug)]
pub(crate) struct Assumptions {
    /// Nil answers `isNil`, `notNil`, and the `ifNil:` family as expected.
    #[jit(quasi_immutable)]
    pub nil: bool,
    /// Object does, too, and no other class defines them.
    #[jit(quasi_immutable)]
    pub not_nil: bool,
    /// Only core classes define `==`.
    #[jit(quasi_immutable)]
    pub identity: bool,
}

/// A SOM world.
#[jit::object]
pub struct Vm {
    pub(crate) heap: Heap,
    pub(crate) stack: GuestStack,
    /// The state of the interpreter when it last left its loop: for stack traces and the collector.
    pub(crate) saved: SavedRegs,
    /// The JIT compiler.
    #[jit(opaque)]
    pub(crate) jit: tailor::Jit,
    /// Which reading of the interpreter executes programs.
    #[jit(opaque)]
    pub(crate) executor: Executor,
    /// Why execution stopped, until [`Vm::take_unwind`].
    #[jit(opaque)]
    stopped: Option<Raise>,
    #[jit(immutable)]
    pub(crate) nil: Value,
    #[jit(immutable)]
    pub(crate) true_: Value,
    #[jit(immutable)]
    pub(crate) false_: Value,
    #[jit(immutable)]
    pub(crate) zero: Value,
    #[jit(immutable)]
    pub(crate) negative_zero: Value,
    /// The strings of one ASCII character, by that.
    #[jit(immutable)]
    pub(crate) characters: [Value; 128],
    pub(crate) assumptions: Assumptions,
    /// How often compiled code has used up the heap: see `vm/allocation.rs`.
    #[jit(quasi_immutable)]
    pub(crate) exhaustions: u32,
    #[jit(opaque)]
    pub(crate) symbols_used: Symbols,
    #[jit(opaque)]
    pub(crate) output: Output,
    #[jit(opaque)]
    pub(crate) started: Instant,
    #[jit(opaque)]
    pub(crate) random_state: u64,
    /// Counts the entries into the interpreter. A method that was active when an error ended its run is not active in the
    /// next one, though nothing marked its home context.
    pub(crate) run: u32,
    #[jit(opaque)]
    classes: Vec<ClassInfo>,
    #[jit(opaque)]
    globals: FxHashMap<usize, Gc<Association>>,
    #[jit(opaque)]
    symbols: FxHashMap<Box<str>, Gc<Str>>,
    #[jit(opaque)]
    methods: Vec<Gc<Method>>,
    #[jit(opaque)]
    lookup_cache: Box<[LookupEntry]>,
    #[jit(opaque)]
    specials: FxHashSet<&'static str>,
    /// What decides on values other than Booleans as conditions of loops compiled in place: for `whileFalse:`, for `whileTrue:`.
    #[jit(opaque)]
    loop_conditions: [Option<Gc<Method>>; 2],
    #[jit(opaque)]
    class_path: ClassPath,
}

/// Symbols that the interpreter sends.
#[derive(Clone, Copy)]
pub(crate) struct Symbols {
    pub does_not_understand: Gc<Str>,
    pub unknown_global: Gc<Str>,
    pub escaped_block: Gc<Str>,
}

impl std::fmt::Debug for Vm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vm({} classes)", self.classes.len() / 2)
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        for &method in &self.methods {
            // SAFETY: the VM goes, and with it everything that could use a method.
            unsafe { Method::drop_details(method) }
        }
    }
}

impl Vm {
    // ---- classes and lookup ----

    /// The class table's entry for `id`.
    #[inline]
    pub fn class_info(&self, id: ClassId) -> &ClassInfo {
        &self.classes[id.index()]
    }

    /// The class table's entry for the metaclass of `id`.
    pub fn metaclass_info(&self, id: ClassId) -> &ClassInfo {
        &self.classes[id.index() + 1]
    }

    /// The name of a class.
    pub fn class_name(&self, id: ClassId) -> &str {
        self.class_info(id).name.as_str()
    }

    /// The entry of a core class.
    pub fn core(&self, core: Core) -> &ClassInfo {
        &self.classes[core.index()]
    }

    pub(crate) fn class_at(&self, index: usize) -> &ClassInfo {
        &self.classes[index]
    }

    /// The class of a value.
    #[inline(always)]
    pub fn class_of(&self, value: Value) -> ClassId {
        class_id(value)
    }

    /// Whether `class` is `ancestor` or inherits from it.
    pub fn inherits(&self, class: ClassId, ancestor: ClassId) -> bool {
        let mut current = Some(class.index());
        while let Some(index) = current {
            if index == ancestor.index() {
                return true;
            }
            current = self.classes[index].superclass;
        }
        false
    }

    /// The class that a class object stands for.
    pub fn as_class(&self, value: Value) -> Option<ClassId> {
        let object = value.downcast::<Instance>()?;
        let info = self.class_info(object.class_id());
        if info.format != InstanceFormat::Class {
            return None;
        }
        let id = object.slots().first()?.get().to_small()?;
        Some(ClassId(id as u32))
    }

    /// The class object of a class.
    pub fn class_object(&self, id: ClassId) -> Value {
        self.class_info(id).object.map_or(self.nil, Value::from_gc)
    }

    /// The method that instances of `class` have for `selector`.
    #[inline]
    pub fn lookup(&mut self, class: ClassId, selector: Gc<Str>) -> Option<Gc<Method>> {
        let key = selector.as_ptr() as usize;
        let slot = (key >> 4 ^ class.index() << 3) & (LOOKUP_CACHE - 1);
        let entry = self.lookup_cache[slot];
        if entry.class == class && entry.selector == key {
            return entry.method;
        }
        let method = self.lookup_uncached(class.index(), selector);
        self.lookup_cache[slot] = LookupEntry { class, selector: key, method };
        method
    }

    /// As [`Vm::lookup`], starting from the class at an index, without the cache.
    pub(crate) fn lookup_uncached(&self, class: usize, selector: Gc<Str>) -> Option<Gc<Method>> {
        let mut current = Some(class);
        while let Some(index) = current {
            let info = &self.classes[index];
            if let Some(method) = info.own_method(selector) {
                return Some(method);
            }
            current = info.superclass;
        }
        None
    }

    /// The slot of the field `name` in instances of `class`.
    pub fn field_index(&self, class: ClassId, name: &str) -> Option<u16> {
        let info = self.class_info(class);
        let index = info.fields.iter().rposition(|f| f.as_str() == name)?;
        Some((index + info.format.hidden_slots()) as u16)
    }

    /// Messages whose instructions may take the fast path for core classes.
    pub(crate) fn specials(&self) -> &FxHashSet<&'static str> {
        &self.specials
    }

    // ---- globals ----

    /// The value of a global.
    pub fn global(&self, name: Gc<Str>) -> Option<Value> {
        let value = self.globals.get(&(name.as_ptr() as usize))?.value();
        (value != Value::UNDEFINED).then_some(value)
    }

    /// Sets a global.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn set_global(&mut self, name: Gc<Str>, value: Value) -> Result<(), Raise> {
        let association = self.association(name)?;
        self.assign_global(association, value);
        Ok(())
    }

    /// The value of a name that can never change: `nil`, `true`, `false`.
    pub(crate) fn literal_constant(&self, name: &str) -> Option<Value> {
        match name {
            "nil" => Some(self.nil),
            "true" => Some(self.true_),
            "false" => Some(self.false_),
            _ => None,
        }
    }

    /// `nil`.
    #[inline(always)]
    pub fn nil(&self) -> Value {
        self.nil
    }

    // ---- running ----

    /// Runs the program `class`: sends `initialize:` to `system` with the name and the arguments.
    ///
    /// # Errors
    /// [`Unwind::Error`] if a run-time error ended it, [`Unwind::Exit`] if it asked for that.
    pub fn run_program(&mut self, class: &str, args: &[String]) -> Result<Value, Unwind> {
        let arguments = self.program_arguments(class, args).map_err(|r| self.unwind(r))?;
        let selector = self.intern("initialize:").map_err(|r| self.unwind(r))?;
        let system = self.system();
        self.send(system, selector, &[arguments])
    }

    fn program_arguments(&mut self, class: &str, args: &[String]) -> Result<Value, Raise> {
        let array = self.new_array(Core::Array.id(), 1 + args.len())?;
        for (i, text) in std::iter::once(class).chain(args.iter().map(String::as_str)).enumerate() {
            let string = self.new_string(text)?;
            array.elements()[i].set(string);
            self.heap.write_barrier(array);
        }
        Ok(Value::from_gc(array))
    }

    /// `system`.
    pub fn system(&mut self) -> Value {
        self.intern("system").ok().and_then(|name| self.global(name)).unwrap_or(self.nil)
    }

    /// Sends a message and runs until it is answered.
    ///
    /// # Errors
    /// As for [`Vm::run_program`].
    pub fn send(&mut self, receiver: Value, selector: Gc<Str>, args: &[Value]) -> Result<Value, Unwind> {
        let result = crate::interpreter::run(self, receiver, selector, args);
        if result.is_err() {
            self.saved.clear();
        }
        result
    }

    /// As [`Vm::send`], with the selector as text.
    ///
    /// # Errors
    /// As for [`Vm::run_program`].
    pub fn send_named(&mut self, receiver: Value, selector: &str, args: &[Value]) -> Result<Value, Unwind> {
        let selector = self.intern(selector).map_err(|r| self.unwind(r))?;
        self.send(receiver, selector, args)
    }

    /// Sets a global by name.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn set_named_global(&mut self, name: &str, value: Value) -> Result<(), Unwind> {
        let result = self.intern(name).and_then(|name| self.set_global(name, value));
        result.map_err(|r| self.unwind(r))
    }

    /// The text of a string or symbol.
    pub fn text_of(&self, value: Value) -> Option<&str> {
        let string = value.downcast::<Str>()?;
        // SAFETY: the object is alive while the caller holds `value`, and the borrow of the VM keeps the collector away.
        Some(unsafe { &*std::ptr::from_ref(string.as_str()) })
    }

    /// Compiles a method that has not been invoked yet.
    ///
    /// # Errors
    /// The message of the compiler.
    pub fn make_executable(&mut self, method: Gc<Method>) -> Result<(), String> {
        crate::interpreter::make_executable(self, method).map_err(|raise| raise.to_string())
    }

    /// Compiles `code` as the body of a method and runs it; the value is that of its last expression.
    ///
    /// `self` in the snippet is `nil`. Local variables end with it; assigning to an undeclared name sets a global, which stays.
    ///
    /// # Errors
    /// [`EvalError::Source`] if it cannot be compiled, else as for [`Vm::run_program`].
    pub fn evaluate(&mut self, name: &str, code: &str) -> Result<Value, EvalError> {
        let method = self.snippet(name, code)?;
        crate::interpreter::run_method(self, self.nil, method, &[]).map_err(EvalError::Unwind)
    }

    /// An error raised outside running code, or by a primitive, as it leaves the interpreter.
    #[cold]
    pub(crate) fn unwind(&mut self, raise: Raise) -> Unwind {
        match raise.into_kind() {
            RaiseKind::Exit(code) => Unwind::Exit(code),
            RaiseKind::Error(kind, message) => {
                let (trace, omitted) = self.trace();
                Unwind::Error(Box::new(RuntimeError { kind, message, trace, omitted }))
            }
        }
    }

    /// Ends execution: notes why. Where is told when the interpreter has been left: until then, links of frames may not have been written yet, if this is
    /// called by compiled code.
    #[cold]
    pub(crate) fn stop(&mut self, raise: Raise) -> Stopped {
        self.stopped = Some(raise);
        Stopped
    }

    /// Why execution stopped, as [`Vm::unwind`] tells it.
    pub(crate) fn take_unwind(&mut self) -> Unwind {
        let raise = self.stopped.take().expect("`Stopped` is made by `stop` only, and handed on until here");
        self.unwind(raise)
    }

    /// Writes out what the program has printed.
    pub fn flush(&mut self) {
        self.output.flush();
    }

    /// The output, for hosts that collect it.
    pub fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// The heap's counts.
    pub fn heap_stats(&self) -> tailor_gc::HeapStats {
        self.heap.stats()
    }
}

#[jit]
impl Vm {
    /// Sets a global.
    ///
    /// Units take its value for a constant; what rests on the old one is given up.
    #[jit::residual(reads(), writes(GlobalSlot.0), no_collect, no_reenter)]
    pub(crate) fn assign_global(&mut self, association: Gc<Association>, value: Value) {
        if association.value() != value {
            association.value.set(value);
            self.heap.write_barrier(association);
            self.jit.changed(&raw const association.value);
        }
    }

    /// The truth value as SOM object.
    #[inline(always)]
    pub fn boolean(&self, b: bool) -> Value {
        if b { self.true_ } else { self.false_ }
    }
}

/// Why a snippet has no value.
#[derive(Debug)]
pub enum EvalError {
    /// It is wrong.
    Source(LoadError),
    /// It ended in an error or in `exit:`.
    Unwind(Unwind),
}

/// The class of a value.
#[jit]
#[inline(always)]
pub(crate) fn class_id(value: Value) -> ClassId {
    if value.made_of().is_some() {
        const { Core::Double.id() }
    } else if value.is_ref() {
        debug_assert!(value != Value::UNDEFINED);
        // SAFETY: values that programs see are never undefined.
        ClassId(unsafe { value.header_unchecked() }.tag())
    } else if value.is_small() {
        const { Core::Integer.id() }
    } else {
        const { Core::Double.id() }
    }
}
