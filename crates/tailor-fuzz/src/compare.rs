//! Runs a function natively and in the black hole, and compares what can be seen of it.
//!
//! # What is compared
//! The result, or the message and place of the panic; and the objects that it worked on. The black hole runs it in one go, or ([`Way::Pieces`]) in pieces of so many
//! instructions, after each of which the live values are carried over to a fresh frame that is full of garbage.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use tailor_compiler::random::Rng;
use tailor_jitcode::JitFunction;
use tailor_jitcode::black_hole::{Mode, Outcome, last_panic, run_for, run_in_pieces};

use crate::generate::function::{Parameter, Signature};
use crate::generate::types::{INTS, Int, Types};
use crate::values;
use crate::world::{Mobile, Rec0, World};

/// More instructions than any generated function executes.
const LIMIT: u64 = 50_000_000;

/// How a function is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Its native reading.
    Native,
    /// In the black hole.
    BlackHole,
    /// In the black hole, in pieces of so many instructions.
    Pieces(u64),
}

/// What a function is called with.
#[derive(Clone, Debug)]
pub struct Input {
    world: World,
    mobile: Mobile,
    arguments: Vec<Argument>,
}

#[derive(Clone, Debug)]
enum Argument {
    Words(Vec<u64>),
    Slice(Int, Vec<u64>),
}

/// What can be seen of a call.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The result, or the panic.
    pub outcome: String,
    /// Where it panicked, if it did.
    pub place: String,
    world: World,
    mobile: Mobile,
}

impl Seen {
    /// Whether the black hole's is what the native reading's was.
    pub fn agrees_with(&self, native: &Seen) -> bool {
        // Some methods of the standard library report places of their own.
        let foreign = native.place.contains("/library/");
        self.outcome == native.outcome
            && (foreign || self.place == native.place)
            // NaNs are not equal, their texts are.
            && (self.world == native.world || format!("{:?}", self.world) == format!("{:?}", native.world))
            && (self.mobile == native.mobile || format!("{:?}", self.mobile) == format!("{:?}", native.mobile))
    }
}

impl Input {
    /// A random one.
    pub fn random(signature: &Signature, types: &Types, rng: &mut Rng) -> Input {
        let argument = |parameter: &Parameter, rng: &mut Rng| match parameter {
            Parameter::Value(ty, _) | Parameter::Reference(ty) => {
                let mut words = Vec::new();
                values::random(types, ty, rng, &mut words);
                Argument::Words(words)
            }
            Parameter::Slice(int) => {
                Argument::Slice(*int, (0..rng.below(5)).map(|_| values::random_int(*int, rng)).collect())
            }
            Parameter::Closure(..) => unreachable!("functions with closures are not called from outside"),
        };
        let arguments = signature.parameters.iter().map(|p| argument(p, rng)).collect();
        Input { world: random_world(rng), mobile: random_mobile(rng), arguments }
    }

    /// For people.
    pub fn text(&self, signature: &Signature, types: &Types) -> String {
        let mut text = String::new();
        for (i, (parameter, argument)) in signature.parameters.iter().zip(&self.arguments).enumerate() {
            let value = match (parameter, argument) {
                (Parameter::Value(ty, _) | Parameter::Reference(ty), Argument::Words(words)) => {
                    values::text(types, ty, &mut &words[..])
                }
                (_, Argument::Slice(_, words)) => format!("{:?}", words.iter().map(|w| *w as i64).collect::<Vec<_>>()),
                _ => unreachable!("arguments are made from their parameters"),
            };
            text += &format!("x{i} = {value}\n");
        }
        text + &format!("w = {:?}\nm = {:?}\n", self.world, self.mobile)
    }
}

fn random_world(rng: &mut Rng) -> World {
    let mut int = |i: usize| INTS[i].random(rng);
    let world = World {
        fuel: Cell::new(60),
        c_i8: Cell::new(int(0) as i8),
        c_u8: Cell::new(int(1) as u8),
        c_i16: Cell::new(int(2) as i16),
        c_u16: Cell::new(int(3) as u16),
        c_i32: Cell::new(int(4) as i32),
        c_u32: Cell::new(int(5) as u32),
        c_i64: Cell::new(int(6) as i64),
        c_u64: Cell::new(int(7) as u64),
        c_isize: Cell::new(int(8) as isize),
        c_usize: Cell::new(int(9) as usize),
        fixed: int(4) as i32,
        words: std::array::from_fn(|_| Cell::new(int(6) as i64)),
        c_rec: Cell::new(Rec0 { f0: int(4) as i32, f1: int(1) as u8 }),
        c_option: Cell::new(Some(int(4) as i32)),
        bytes: std::array::from_fn(|_| Cell::new(int(1) as u8)),
        shorts: std::array::from_fn(|_| Cell::new(int(2) as i16)),
        stack: std::array::from_fn(|_| Cell::new(int(6) as i64)),
        ..World::default()
    };
    world.inner.deep.set(INTS[4].random(rng) as i32);
    world.c_bool.set(rng.chance(50));
    world.c_f64.set(rng.float());
    world
}

fn random_mobile(rng: &mut Rng) -> Mobile {
    let mut int = |i: usize| INTS[i].random(rng);
    let mobile = Mobile {
        n: int(6) as i64,
        k: int(1) as u8,
        s: int(2) as i16,
        u: int(5) as u32,
        bytes: std::array::from_fn(|_| int(1) as u8),
        words: std::array::from_fn(|_| int(6) as i64),
        recs: std::array::from_fn(|_| Rec0 { f0: int(4) as i32, f1: int(1) as u8 }),
        ..Mobile::default()
    };
    Mobile { b: rng.chance(50), f: rng.float(), ..mobile }
}

/// Calls the function.
pub fn call(function: &'static JitFunction, signature: &Signature, types: &Types, input: &Input, way: Way) -> Seen {
    let (world, mut mobile) = (input.world.clone(), input.mobile.clone());
    let memory: Vec<_> = input.arguments.iter().map(Argument::memory).collect();
    let mut words = Vec::new();
    if signature.world {
        words.push(std::ptr::from_ref(&world) as u64);
    }
    for (argument, memory) in input.arguments.iter().zip(&memory) {
        match argument {
            Argument::Words(w) => words.extend(w),
            Argument::Slice(_, w) => words.extend([memory.as_ptr() as u64, w.len() as u64]),
        }
    }
    if signature.mobile {
        words.push(std::ptr::from_mut(&mut mobile) as u64);
    }
    assert_eq!(words.len(), function.argument_words(), "words for {}", signature.name);
    // SAFETY: the words are what the signature says, and the objects live until the call is over.
    let outcome = expecting_panics(way, || unsafe {
        match way {
            Way::Native => {
                let mut results = vec![0; function.signature.result.leaf_count()];
                (function.native)(words.as_ptr(), results.as_mut_ptr());
                results
            }
            Way::BlackHole => match run_for(function, &words, Mode::Throughout, &mut LIMIT.clone()) {
                Outcome::Returned(results) => results,
                Outcome::Interrupted(_) => panic!("it does not end"),
            },
            Way::Pieces(steps) => run_in_pieces(function, &words, Mode::Throughout, steps),
        }
    });
    let (outcome, place) = match outcome {
        Ok(results) => (values::text(types, &signature.result, &mut &results[..]), String::new()),
        Err((message, place)) => (format!("panic: {message}"), place),
    };
    Seen { outcome, place, world, mobile }
}

impl Argument {
    /// A slice's elements as they lie in memory.
    fn memory(&self) -> Vec<u64> {
        let Argument::Slice(int, words) = self else { return Vec::new() };
        let bytes: Vec<u8> =
            words.iter().flat_map(|w| w.to_le_bytes().into_iter().take(int.bits as usize / 8)).collect();
        let word = |chunk: &[u8]| chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        bytes.chunks(8).map(word).collect()
    }
}

thread_local! {
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs it; a panic's message and place, if it panics.
fn expecting_panics<R>(way: Way, run: impl FnOnce() -> R) -> Result<R, (String, String)> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if EXPECTED.get() {
                PLACE.set(info.location().map(ToString::to_string).unwrap_or_default());
            } else {
                others(info);
            }
        }));
    });
    EXPECTED.set(true);
    let result = catch_unwind(AssertUnwindSafe(run));
    EXPECTED.set(false);
    result.map_err(|payload| {
        let message = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
            (Some(message), _) => message,
            (None, Some(message)) => message.as_str(),
            (None, None) => "something that is no text",
        };
        let place = match way {
            Way::Native => PLACE.take(),
            Way::BlackHole | Way::Pieces(_) => last_panic().map(ToString::to_string).unwrap_or_default(),
        };
        (message.to_string(), place)
    })
}

/// What the black hole makes of a function, for people.
pub fn dump(function: &'static JitFunction) -> String {
    tailor_jitcode::code::dump(function.code())
}
