//! The functions that random units call. Each is recorded with its arguments, reads and writes the current memory as its row says, and answers with what it
//! has read: so a call that is made too early, too late, too often or with stale memory shows.

use std::cell::RefCell;
use std::rc::Rc;

use super::memory::{self, LOG_BIT, Memory, OLD, STACK};
use super::shapes::{Kind, Shape};

/// A function and what its descriptor says.
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Its address.
    pub address: *const (),
    /// What it takes.
    pub arguments: &'static [Kind],
    /// What it answers with.
    pub result: Option<Kind>,
    /// Alias classes that it reads.
    pub reads: &'static [u8],
    /// Alias classes that it writes.
    pub writes: &'static [u8],
    /// See [`crate::ir::CallDesc`].
    pub collects: bool,
    /// See [`crate::ir::CallDesc`].
    pub elidable: bool,
}

// SAFETY: addresses of functions.
unsafe impl Sync for Function {}

thread_local! {
    static CURRENT: RefCell<Option<Rc<RefCell<Memory>>>> = const { RefCell::new(None) };
}

/// Makes `memory` the one that this thread's calls work on.
pub fn enter(memory: &Rc<RefCell<Memory>>) {
    CURRENT.set(Some(memory.clone()));
}

fn with<T>(act: impl FnOnce(&mut Memory) -> T) -> T {
    CURRENT.with_borrow(|current| act(&mut current.as_ref().expect("a run begins with World::reset").borrow_mut()))
}

/// See [`crate::runtime::AllocSlow`].
pub unsafe extern "C" fn alloc_slow(_context: usize, bytes: u64, header: u64) -> u64 {
    with(|world| world.allocate(bytes, header))
}

/// See [`crate::runtime::BarrierSlow`].
pub unsafe extern "C" fn barrier_slow(_context: usize, object: u64) {
    with(|world| world.poke(object, world.peek(object) & !LOG_BIT));
}

/// See [`crate::runtime::IsLasting`].
pub unsafe extern "C" fn is_lasting(_context: usize, word: u64) -> bool {
    memory::is_lasting(word)
}

fn record(world: &mut Memory, function: u64, words: &[u64]) {
    world.calls.extend([function, words.len() as u64]);
    world.calls.extend(words);
}

fn mix(a: u64, b: u64) -> u64 {
    (a ^ b.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)
}

/// The bits of a double, with one NaN only.
fn bits(float: f64) -> u64 {
    if float.is_nan() { f64::NAN.to_bits() } else { float.to_bits() }
}

extern "C" fn pure(a: u64, b: u64) -> u64 {
    mix(a, b)
}

extern "C" fn pure_float(a: f64, b: f64) -> f64 {
    if a < b { b - a } else { a * 0.5 + b }
}

/// Reads what never changes.
extern "C" fn measure(object: u64) -> u64 {
    with(|world| mix(world.peek(object + 8), 77))
}

extern "C" fn print(a: u64) {
    with(|world| record(world, 2, &[a]));
}

extern "C" fn print_float(a: f64) {
    with(|world| record(world, 3, &[bits(a)]));
}

extern "C" fn show(tagged: u64) {
    with(|world| record(world, 4, &[tagged]));
}

/// Reads integers of the object and of all old `P`.
extern "C" fn sum(object: u64) -> u64 {
    with(|world| {
        let old = (0..OLD).map(|number| world.layout.old(Shape::P, number));
        let sum = old.chain([object]).fold(5, |sum, p| mix(mix(sum, world.peek(p + 8)), world.peek(p + 16)));
        record(world, 5, &[object, sum]);
        sum
    })
}

extern "C" fn set(object: u64, value: u64) {
    with(|world| {
        record(world, 6, &[object, value]);
        world.poke(object + 8, value);
        world.poke(world.layout.old(Shape::P, 1) + 8, mix(value, 1));
    });
}

/// Lets `a.next` and `b.next` change places.
extern "C" fn swap(a: u64, b: u64) {
    with(|world| {
        record(world, 7, &[a, b]);
        let (x, y) = (world.peek(a + 24), world.peek(b + 24));
        for (object, next) in [(a, y), (b, x)] {
            world.poke(object + 24, next);
            world.poke(object, world.peek(object) & !LOG_BIT);
        }
    });
}

extern "C" fn collect() {
    with(|world| {
        record(world, 8, &[]);
        world.collect();
    });
}

/// Reads and writes the guest stack's integers and tagged words.
extern "C" fn walk_stack() -> u64 {
    with(|world| {
        let words = (0..STACK / 4).flat_map(|word| [word * 4, word * 4 + 1]);
        let sum = words.clone().fold(9, |sum, word| {
            let value = world.peek(world.layout.stack_word(word));
            // Addresses of new objects differ from run to run.
            mix(sum, if world.layout.in_heap(value) { 0 } else { value })
        });
        record(world, 9, &[sum]);
        world.poke(world.layout.stack_word(STACK / 2 + 4), sum);
        world.poke(world.layout.stack_word(STACK / 2 - 4), mix(sum, 3));
        sum
    })
}

/// May do everything to what is old, and allocates.
extern "C" fn anything(object: u64) -> u64 {
    with(|world| {
        let sum = mix(world.peek(object + 8), world.peek(object + 16));
        record(world, 10, &[object, sum]);
        let p = world.layout.old(Shape::P, 0);
        world.poke(p + 8, mix(world.peek(p + 8), world.peek(world.layout.old(Shape::Ints, 0) + 16)));
        let ints = world.layout.old(Shape::Ints, 0);
        world.poke(ints + 24, mix(world.peek(ints + 24), 7));
        let bytes = world.layout.old(Shape::Bytes, 0);
        world.poke(bytes + 16, mix(world.peek(bytes + 16), 8));
        let q = world.layout.old(Shape::Q, 0);
        world.poke(q + 16, mix(world.peek(q + 16), 9));
        let fresh = world.allocate(Shape::P.words() as u64 * 8, Shape::P.header());
        for (word, value) in [mix(1, 2), 6, object, 1.5f64.to_bits(), 0].into_iter().enumerate() {
            world.poke(fresh + 8 + word as u64 * 8, value);
        }
        fresh
    })
}

/// All registers for arguments.
#[allow(clippy::too_many_arguments)]
extern "C" fn many(
    a: u64,
    p: f64,
    b: u64,
    q: f64,
    c: u64,
    d: u64,
    r: f64,
    s: f64,
    e: u64,
    f: u64,
    t: f64,
    u: f64,
    v: f64,
    w: f64,
) -> f64 {
    let words = [a, b, c, d, e, f, bits(p), bits(q), bits(r), bits(s), bits(t), bits(u), bits(v), bits(w)];
    with(|world| record(world, 11, &words));
    p - 2.0 * q + r * s - (t + u) / (v + w)
}

const P: Kind = Kind::Object(Shape::P);
const I: Kind = Kind::Int;
const F: Kind = Kind::Float;

/// All of them.
pub const ALL: &[Function] = &[
    row("pure", pure as *const (), &[I, I], Some(I)).elidable(),
    row("pure_float", pure_float as *const (), &[F, F], Some(F)).elidable(),
    row("measure", measure as *const (), &[Kind::Object(Shape::R)], Some(I)).elidable(),
    row("print", print as *const (), &[I], None),
    row("print_float", print_float as *const (), &[F], None),
    row("show", show as *const (), &[Kind::Tagged], None),
    row("sum", sum as *const (), &[P], Some(I)).touches(&[1, 2], &[]),
    row("set", set as *const (), &[P, I], None).touches(&[], &[1]),
    row("swap", swap as *const (), &[P, P], None).touches(&[3], &[3]),
    row("collect", collect as *const (), &[], None).collects(),
    row("walk_stack", walk_stack as *const (), &[], Some(I)).touches(&[20], &[20]),
    row("anything", anything as *const (), &[P], Some(P)).touches(EVERYTHING, EVERYTHING).collects(),
    row("many", many as *const (), &[I, F, Kind::Tagged, F, I, P, F, F, I, I, F, F, F, F], Some(F)),
];

const EVERYTHING: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 20];

const fn row(name: &'static str, address: *const (), arguments: &'static [Kind], result: Option<Kind>) -> Function {
    Function { name, address, arguments, result, reads: &[], writes: &[], collects: false, elidable: false }
}

impl Function {
    const fn elidable(self) -> Function {
        Function { elidable: true, ..self }
    }

    const fn collects(self) -> Function {
        Function { collects: true, ..self }
    }

    const fn touches(self, reads: &'static [u8], writes: &'static [u8]) -> Function {
        Function { reads, writes, ..self }
    }
}
