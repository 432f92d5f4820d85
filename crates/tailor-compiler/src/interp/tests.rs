use std::cell::{Cell, RefCell};

use super::{Exit, Force, FrameValues, Interpreter, Outcome};
use crate::ir::{Descriptors, EntryId, LabelId, SnapshotId, Unit};
use crate::runtime::{Runtime, nothing_lasts};
use crate::text::parse_with;

/// Where the tests' objects are allocated: some words, and the two that say where to go on.
struct Heap {
    words: Vec<Cell<u64>>,
    ends: Box<[Cell<u64>; 2]>,
}

thread_local! {
    static SLOW: RefCell<Vec<(u64, u64)>> = const { RefCell::new(Vec::new()) };
    static REMEMBERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

unsafe extern "C" fn alloc_slow(context: usize, size: u64, header: u64) -> u64 {
    SLOW.with_borrow_mut(|slow| slow.push((size, header)));
    // SAFETY: the context is the tests' two words; there is more room behind the limit.
    unsafe {
        let ends = context as *mut u64;
        let object = *ends;
        *ends += size;
        (object as *mut u64).write(header);
        object
    }
}

unsafe extern "C" fn barrier_slow(_: usize, object: u64) {
    REMEMBERED.with_borrow_mut(|all| all.push(object));
    // SAFETY: the tests' objects are words.
    unsafe { *(object as *mut u64) &= !2 };
}

impl Heap {
    /// A heap of so many words, of which some can be allocated quickly.
    fn new(words: usize, quick: usize) -> Heap {
        let words = vec![Cell::new(0xbaf); words];
        let start = words.as_ptr() as u64;
        Heap { words, ends: Box::new([Cell::new(start), Cell::new(start + quick as u64 * 8)]) }
    }

    fn words(&self, range: std::ops::Range<usize>) -> Vec<u64> {
        self.words[range].iter().map(Cell::get).collect()
    }

    fn runtime(&self) -> Runtime {
        let ends = self.ends.as_ptr() as usize;
        Runtime {
            cursor: ends,
            limit: ends + 8,
            alloc_slow,
            log_bit: 2,
            barrier_slow,
            is_lasting: nothing_lasts,
            context: ends,
            harmless: 7,
            stack_limit: 0,
        }
    }

    fn start(&self) -> u64 {
        self.words.as_ptr() as u64
    }
}

extern "C" fn seven() -> u64 {
    7
}
extern "C" fn half(a: f64) -> f64 {
    a / 2.0
}
extern "C" fn nothing(_: u64) {}
extern "C" fn weigh(a: u64, x: f64, b: u64, y: f64, c: u64, d: u64, e: u64, f: u64, z: f64) -> u64 {
    [a, b, c, d, e, f].iter().fold(0, |sum, word| sum * 10 + word) + (x * 100.0 + y * 10.0 + z) as u64 * 1_000_000
}

const HEAD: &str = "unit {
  mem x = field class=1 offset=8 i64
  mem p = field class=2 offset=16 ref
  mem i8 = field class=1 offset=8 i8
  mem u8 = field class=1 offset=8 u8
  mem i16 = field class=1 offset=8 i16
  mem u16 = field class=1 offset=8 u16
  mem i32 = field class=1 offset=8 i32
  mem u32 = field class=1 offset=8 u32
  mem e = element class=2 offset=8 scale=4 i32
  alloc pair = size=24 header=0x99
  call seven = () -> int
  call half = (float) -> float
  call nothing = (int)
  call weigh = (int, float, int, float, int, int, int, int, float) -> int
  entry sub = (int) -> int
}
";

fn parsed(text: &str, descriptors: &mut Descriptors) -> Unit {
    let symbols = |name: &str| match name {
        "seven" => Some(seven as *const () as usize),
        "half" => Some(half as *const () as usize),
        "nothing" => Some(nothing as *const () as usize),
        "weigh" => Some(weigh as *const () as usize),
        _ => None,
    };
    let unit = parse_with(&format!("{HEAD}{text}"), descriptors, &symbols).unwrap();
    assert_eq!(crate::verify::verify(&unit, descriptors), Ok(()));
    unit
}

fn run_on(heap: &Heap, text: &str, arguments: &[u64]) -> Outcome {
    let mut descriptors = Descriptors::default();
    let unit = parsed(text, &mut descriptors);
    let runtime = heap.runtime();
    // SAFETY: the tests' units touch their heap and nothing else.
    unsafe { Interpreter::new(&descriptors, &runtime).run(&unit, arguments) }
}

fn run(text: &str, arguments: &[u64]) -> Outcome {
    run_on(&Heap::new(64, 64), text, arguments)
}

fn returned(words: &[i64]) -> Outcome {
    Outcome::Returned(words.iter().map(|&word| word as u64).collect())
}

#[test]
fn a_loop() {
    let text = "entry(%n: int): jump loop(%n, 0) loop(%i: int, %s: int): %t = add %s, %i %j = add %i, -1 br_if %j, loop(%j, %t) return(%t, %j)";
    assert_eq!(run(text, &[10]), returned(&[55, 0]));
}

#[test]
fn arguments_are_read_before_parameters_are_set() {
    let text = "entry(%n: int): jump loop(%n, 1, 2) loop(%i: int, %a: int, %b: int): %j = add %i, -1 br_if %j, loop(%j, %b, %a) return(%a, %b)";
    assert_eq!(run(text, &[2]), returned(&[2, 1]));
}

#[test]
fn narrow_loads_and_stores() {
    let heap = Heap::new(64, 64);
    let text = "entry(%r: ref): store.x %r, -1 store.u16 %r, 0x18485 %a = load.i8 %r %b = load.u8 %r %c = load.i16 %r %d = load.u16 %r
                %e = load.i32 %r %f = load.u32 %r store.e %r, 1, 3 %g = load.x %r %h = load.e %r, 0 return(%a, %b, %c, %d, %e, %f, %g, %h)";
    let expected = [
        0x85u8 as i8 as i64,
        0x85,
        0x8485u16 as i16 as i64,
        0x8485,
        0xffff_8485u32 as i32 as i64,
        0xffff_8485,
        0x3_ffff_8485,
        -31611,
    ];
    assert_eq!(run_on(&heap, text, &[heap.start()]), returned(&expected));
}

#[test]
fn calls_pass_words_and_floats() {
    let text = "entry(): call.nothing(5) %s = call.seven() %h = call.half(5.0) %w = call.weigh(1, 1.0, 2, 2.0, 3, 4, 5, 6, 3.0) return(%s, %h, %w)";
    assert_eq!(run(text, &[]), returned(&[7, 2.5f64.to_bits() as i64, 123_123_456]));
}

#[test]
fn allocation_quick_and_slow() {
    let heap = Heap::new(64, 5);
    let text =
        "entry(): %a = new.pair store.x %a, 1 store.p %a, %a %b = new.pair store.x %b, 2 store.p %b, %a return(%a, %b)";
    let start = heap.start();
    assert_eq!(run_on(&heap, text, &[]), Outcome::Returned(vec![start, start + 24]));
    assert_eq!(heap.words(0..6), [0x99, 1, start, 0x99, 2, start]);
    assert_eq!(SLOW.take(), [(24, 0x99)]);
}

#[test]
fn barriers_are_called_once() {
    let heap = Heap::new(64, 64);
    let text = "entry(%r: ref): store.x %r, 0 barrier %r barrier %r return()";
    let mut descriptors = Descriptors::default();
    let set = parsed("entry(%r: ref): %q = ptr_add %r, -8 store.x %q, 0x12 return()", &mut descriptors);
    let runtime = heap.runtime();
    // SAFETY: as in `run_on`.
    unsafe { Interpreter::new(&descriptors, &runtime).run(&set, &[heap.start()]) };
    run_on(&heap, text, &[heap.start()]);
    assert_eq!(REMEMBERED.take(), [heap.start()]);
    assert_eq!(heap.words(0..1), [0x10]);
}

#[test]
fn exits_rebuild_objects_and_carry_out_stores() {
    let heap = Heap::new(64, 64);
    let text = "entry(%a: int, %r: ref): %b = add %a, 1
        guard_true %a [ 5@6 { %b, v1, dead } < 7@8 { v0, %r, 1.5 } new.pair v0 { x = %b, p = v1 } new.pair v1 { p = v0 } store.p %r, v1 barrier store.e %r, 0, %a ]
        return()";
    let old = heap.start() + 240;
    assert_eq!(run_on(&heap, text, &[3, old]), returned(&[]));
    let (first, second) = (heap.start(), heap.start() + 24);
    let frames = vec![
        FrameValues { code: 5, position: 6, words: vec![1, second, 0] },
        FrameValues { code: 7, position: 8, words: vec![first, old, 1.5f64.to_bits()] },
    ];
    let exit = Exit { op: 4, snapshot: SnapshotId(0), frames };
    assert_eq!(run_on(&heap, text, &[0, old]), Outcome::Exited(vec![exit]));
    // A field that no recipe mentions holds what the collector passes over.
    assert_eq!(heap.words(0..6), [0x99, 1, second, 0x99, 7, first]);
    assert_eq!(heap.words(30..33), [0xbaf & !2, 0, second]);
    assert_eq!(REMEMBERED.take(), [old]);
}

#[test]
fn many_virtual_objects_in_a_circle() {
    let heap = Heap::new(400, 400);
    let recipes: String = (0..100).map(|n| format!("new.pair v{n} {{ x = {n}, p = v{} }} ", (n + 1) % 100)).collect();
    let outcome = run_on(&heap, &format!("entry(): exit [ 1@1 {{ v99 }} {recipes} ]"), &[]);
    let Outcome::Exited(exits) = outcome else { panic!("{outcome:?}") };
    let mut object = exits[0].frames[0].words[0];
    for number in (0..100).map(|n| (n + 99) % 100) {
        let at = (object - heap.start()) as usize / 8;
        assert_eq!(heap.words(at + 1..at + 2), [number]);
        object = heap.words[at + 2].get();
    }
    assert_eq!(object, exits[0].frames[0].words[0]);
}

#[test]
fn forced_guards_fail_at_their_time() {
    let mut descriptors = Descriptors::default();
    let unit = parsed(
        "entry(%n: int): jump loop(%n) loop(%i: int): guard_true 1 [ 1@1 { %i } ] %j = add %i, -1 br_if %j, loop(%j) guard_valid [ 2@2 { %j } ] return()",
        &mut descriptors,
    );
    let heap = Heap::new(64, 64);
    let runtime = heap.runtime();
    let mut interpreter = Interpreter::new(&descriptors, &runtime);
    let mut forced = |op, execution| {
        interpreter.force = Some(Force { op, execution });
        // SAFETY: as in `run_on`.
        match unsafe { interpreter.run(&unit, &[5]) } {
            Outcome::Exited(exits) => Some((exits[0].frames[0].code, exits[0].frames[0].words[0])),
            _ => None,
        }
    };
    assert_eq!(forced(5, 0), Some((1, 5)));
    assert_eq!(forced(5, 3), Some((1, 2)));
    assert_eq!(forced(5, 5), None);
    assert_eq!(forced(8, 0), Some((2, 0)));
    assert_eq!(interpreter.executions[5], 5);
}

#[test]
fn units_call_units_and_are_left_together() {
    let mut descriptors = Descriptors::default();
    let text = "entry(%n: int): br_if %n, more() return(40) more(): guard_true 1 [ 1@1 { %n } ] %m = add %n, -1 %r = call_unit.sub(%m) [ 2@2 { %n } ] %s = add %r, 1 return(%s)";
    let unit = parsed(text, &mut descriptors);
    let failing = parsed("entry(%n: int): guard_true 0 [ 9@9 { 5 } ] return(%n)", &mut descriptors);
    let tail = parsed("entry(%n: int): jump_unit.sub(%n)", &mut descriptors);
    let heap = Heap::new(64, 64);
    let runtime = heap.runtime();
    let entries = |entry| (entry == EntryId(0)).then_some((&unit, LabelId(0)));
    let mut interpreter = Interpreter::new(&descriptors, &runtime);
    interpreter.entries = &entries;
    // SAFETY: as in `run_on`.
    assert_eq!(unsafe { interpreter.run(&tail, &[2]) }, returned(&[42]));
    // The innermost unit leaves where its own guard does, its callers where they called.
    let entries = |_| Some((&failing, LabelId(0)));
    interpreter.entries = &entries;
    // SAFETY: as in `run_on`.
    let outcome = unsafe { interpreter.run(&unit, &[2]) };
    let Outcome::Exited(exits) = outcome else { panic!("{outcome:?}") };
    let codes: Vec<_> = exits.iter().map(|exit| (exit.frames[0].code, exit.frames[0].words[0])).collect();
    assert_eq!(codes, [(9, 5), (2, 2)]);
}

#[test]
fn what_has_no_meaning_is_said() {
    assert_eq!(run("entry(%a: int): %b = div_s 1, %a return(%b)", &[0]), Outcome::Undefined { op: 2 });
    assert_eq!(
        run("entry(%a: int): %b = rem_s 0x8000000000000000, %a return(%b)", &[u64::MAX]),
        Outcome::Undefined { op: 2 }
    );
    assert_eq!(run("entry(): jump_unit.sub(1)", &[]), Outcome::Undefined { op: 1 });
    assert_eq!(run("entry(): jump loop() loop(): jump loop()", &[]), Outcome::OutOfFuel);
}
