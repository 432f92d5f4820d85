//! Starting up: from nothing to a world with all core classes.
//!
//! The core classes refer to each other in circles (the class of a class is a metaclass, whose superclass is a class). So the
//! class table's first entries are reserved for them by [`Core`], and superclasses are named by index.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustc_hash::{FxHashMap, FxHashSet};
use tailor_gc::Heap;

use super::{Assumptions, ClassPath, Config, LOOKUP_CACHE, LookupEntry, Symbols, Vm};
use crate::classes::{ClassInfo, Core};
use crate::errors::{LoadError, Raise, RaiseKind};
use crate::interpreter::{Executor, SavedRegs};
use crate::objects::{ClassId, Instance, Str};
use crate::value::Value;
use tailor_gc::Gc;

impl From<Raise> for LoadError {
    fn from(raise: Raise) -> LoadError {
        match raise.into_kind() {
            RaiseKind::Error(_, message) => LoadError::Class(message),
            RaiseKind::Exit(code) => LoadError::Class(format!("exit with code {code} during start-up")),
        }
    }
}

impl Vm {
    /// A new world: loads the core classes, from the class path where they are there, else the embedded ones.
    ///
    /// # Errors
    /// If a core class is wrong, or the heap or stack is too small.
    pub fn new(config: Config) -> Result<Vm, LoadError> {
        let stack = super::GuestStack::new(config.stack_size).ok_or_else(|| {
            LoadError::Class(format!(
                "No memory for a stack of {} bytes. Try a smaller --stack-size.",
                config.stack_size
            ))
        })?;
        let mut heap = Heap::new(config.heap);
        super::memory::register_kinds(&mut heap);
        let executor = Executor::new(config.execution, &mut heap);
        let symbols_used = first_symbols(&mut heap)?;
        let no_entry = LookupEntry { class: ClassId(u32::MAX), selector: 0, method: None };
        let mut vm = Vm {
            heap,
            stack,
            saved: SavedRegs::EMPTY,
            jit: tailor::Jit::default(),
            executor,
            stopped: None,
            nil: Value::UNDEFINED,
            true_: Value::UNDEFINED,
            false_: Value::UNDEFINED,
            zero: Value::UNDEFINED,
            negative_zero: Value::UNDEFINED,
            characters: [Value::UNDEFINED; 128],
            assumptions: Assumptions { nil: true, not_nil: true, identity: true },
            exhaustions: 0,
            symbols_used,
            output: config.output,
            started: Instant::now(),
            random_state: random_seed(),
            run: 0,
            classes: Vec::new(),
            globals: FxHashMap::default(),
            symbols: FxHashMap::default(),
            methods: Vec::new(),
            lookup_cache: vec![no_entry; LOOKUP_CACHE].into(),
            specials: FxHashSet::default(),
            loop_conditions: [None; 2],
            class_path: ClassPath::new(config.class_path),
        };
        for symbol in [symbols_used.does_not_understand, symbols_used.unknown_global, symbols_used.escaped_block] {
            vm.symbols.insert(symbol.as_str().into(), symbol);
        }
        vm.reserve_core_classes()?;
        vm.make_singletons()?;
        vm.load_core_classes()?;
        vm.find_specials();
        Ok(vm)
    }

    fn reserve_core_classes(&mut self) -> Result<(), LoadError> {
        for core in Core::ALL {
            let name = self.intern(core.name())?;
            let meta_name = self.intern(&format!("{} class", core.name()))?;
            for (name, is_metaclass) in [(name, false), (meta_name, true)] {
                let index = self.classes.len();
                self.classes.push(ClassInfo {
                    id: ClassId::new(index, 0),
                    name,
                    superclass: None,
                    object: None,
                    format: core.format(),
                    fields: Vec::new(),
                    methods: Vec::new(),
                    by_selector: FxHashMap::default(),
                    file: None,
                    is_metaclass,
                });
            }
        }
        Ok(())
    }

    /// `nil` and the others must exist before anything can be initialised with them. Their classes have no fields.
    fn make_singletons(&mut self) -> Result<(), LoadError> {
        let singleton = |vm: &mut Vm, core: Core| -> Result<Value, Raise> {
            let object: Gc<Instance> = vm.new_immortal_instance(core.id())?;
            Ok(Value::from_gc(object))
        };
        self.nil = singleton(self, Core::Nil)?;
        self.true_ = singleton(self, Core::True)?;
        self.false_ = singleton(self, Core::False)?;
        let system = singleton(self, Core::System)?;
        self.zero = self.immortal_double(0.0)?;
        self.negative_zero = self.immortal_double(-0.0)?;
        for c in 0..128_u8 {
            self.characters[usize::from(c)] = self.immortal_string(char::from(c).encode_utf8(&mut [0]))?;
        }
        for (name, value) in [("nil", self.nil), ("true", self.true_), ("false", self.false_), ("system", system)] {
            let name = self.intern(name)?;
            self.set_global(name, value)?;
        }
        Ok(())
    }

    fn load_core_classes(&mut self) -> Result<(), LoadError> {
        for core in Core::ALL {
            self.load_class(core.name())?;
        }
        Ok(())
    }
}

/// Different in each VM; never zero, which xorshift could not leave.
fn random_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_nanos() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

/// The interpreter's symbols are made before there is a VM to intern them.
fn first_symbols(heap: &mut Heap) -> Result<Symbols, LoadError> {
    let mut symbol = |text: &str| -> Result<Gc<Str>, LoadError> {
        // SAFETY: initialised at once.
        unsafe {
            let s: Gc<Str> = heap.alloc_immortal(Str::size_for(text.len()), Core::Symbol.id().0)?;
            Str::init(s, text);
            Ok(s)
        }
    };
    Ok(Symbols {
        does_not_understand: symbol("doesNotUnderstand:arguments:")?,
        unknown_global: symbol("unknownGlobal:")?,
        escaped_block: symbol("escapedBlock:")?,
    })
}
