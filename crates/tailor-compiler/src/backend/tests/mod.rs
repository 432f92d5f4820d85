//! Tests of the backend as a whole.

mod bridges;
mod checked;
mod opcodes;
mod parallel;
mod pieces;
mod units;

use std::rc::Rc;

use super::{Compiler, Machine, Options, Run, run};
use crate::exit::Code;
use crate::ir::{Descriptors, Unit};
use crate::runtime::{Runtime, nothing_lasts};
use crate::text::parse_with;

/// A place to allocate from and a word for the native stack's limit.
pub struct Heap {
    words: Box<[u64; 64]>,
    front: Box<[usize; 3]>,
}

extern "C" fn slow(front: usize, size: u64, header: u64) -> u64 {
    let front = front as *mut [usize; 3];
    // SAFETY: the context is the heap's front; there is room behind the limit.
    unsafe {
        let object = (*front)[0];
        (*front)[0] = object + size as usize;
        (object as *mut u64).write(header);
        object as u64
    }
}

extern "C" fn note(_: usize, object: u64) {
    // SAFETY: objects begin with a header.
    unsafe { *(object as *mut u64) &= !2 };
}

impl Heap {
    pub fn new() -> Heap {
        let words = Box::new([0; 64]);
        let start = words.as_ptr() as usize;
        Heap { words, front: Box::new([start, start + 24, 0]) }
    }

    pub fn runtime(&self) -> Runtime {
        let at = |number: usize| &raw const self.front[number] as usize;
        Runtime {
            cursor: at(0),
            limit: at(1),
            alloc_slow: slow,
            log_bit: 2,
            barrier_slow: note,
            is_lasting: nothing_lasts,
            context: at(0),
            harmless: 0,
            stack_limit: at(2),
        }
    }

    /// A word of the heap.
    pub fn word(&self, number: usize) -> u64 {
        // SAFETY: in the array; compiled code has written it.
        unsafe { (&raw const self.words[number]).read_volatile() }
    }

    pub fn set_stack_limit(&mut self, address: usize) {
        self.front[2] = address;
    }
}

/// A machine, descriptors and a compiler.
pub struct Fixture {
    pub heap: Heap,
    pub machine: Machine,
    pub descriptors: Descriptors,
    pub compiler: Compiler,
}

extern "C" fn add_floats(a: u64, x: f64, b: u64, y: f64) -> f64 {
    a as f64 + x * 10.0 + b as f64 * 100.0 + y * 1000.0
}

extern "C" fn twice(a: u64) -> u64 {
    a * 2
}

fn symbol(name: &str) -> Option<usize> {
    match name {
        "add_floats" => Some(add_floats as *const () as usize),
        "twice" => Some(twice as *const () as usize),
        _ => None,
    }
}

impl Fixture {
    pub fn new() -> Fixture {
        let heap = Heap::new();
        let machine = Machine::new(heap.runtime(), 1 << 20).unwrap();
        Fixture { heap, machine, descriptors: Descriptors::default(), compiler: Compiler::new() }
    }

    pub fn parse(&mut self, text: &str) -> Unit {
        let unit = parse_with(text, &mut self.descriptors, &symbol).unwrap();
        crate::verify::verify(&unit, &self.descriptors).unwrap();
        unit
    }

    pub fn compile(&mut self, text: &str) -> Rc<Code> {
        let unit = self.parse(text);
        let code = self.compiler.compile(&self.machine, &unit, &self.descriptors).unwrap();
        for export in &unit.exports {
            self.machine.bind(export.entry, &code, code.entry_of(export.label).unwrap());
        }
        code
    }

    /// Compiles with random choices.
    pub fn random(&mut self, seed: u64) -> &mut Fixture {
        self.compiler.options = Options { random: Some(seed) };
        self
    }

    pub fn run(&self, code: &Code, arguments: &[u64]) -> Run {
        // SAFETY: the units of these tests are sound.
        unsafe { run(&self.machine, code, &self.descriptors, arguments) }
    }
}
