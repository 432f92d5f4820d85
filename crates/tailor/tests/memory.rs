//! Memory: objects, cells, arrays, slices, pointers, the guest stack; what crosses between native and jitted code.

// What nobody would write is what is tested.
#![allow(clippy::all)]

mod common;

use std::cell::Cell;
use std::fmt::Debug;

use tailor::{GuestStack, JitObject, JitType, JitValue, jit};
use tailor_jitcode::black_hole::{Mode, run};

#[jit::value]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
struct Word(u64);

#[jit]
impl Word {
    const ZERO: Word = Word(0);
    const MASK: u64 = 0xff;

    const fn new(bits: u64) -> Self {
        Self(bits)
    }

    fn low(self) -> u64 {
        self.0 & Self::MASK
    }

    fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    fn try_new(bits: u64) -> Option<Word> {
        (bits < 1000).then_some(Word(bits))
    }

    fn swap(self, other: Self) -> (Self, Word) {
        (other, self)
    }
}

#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
struct Mixed {
    small: i16,
    word: Word,
    float: f64,
    pair: (u8, bool),
    array: [i32; 3],
    unit: (),
}

#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
enum Stored {
    Nothing,
    Number(i64),
    Pair { a: u8, b: Option<u32> },
    Word(Word),
}

#[jit::opaque]
#[derive(Clone, Copy, Debug)]
struct Callback(fn(i64) -> i64, u32);

#[jit::value]
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(i8)]
enum Sign {
    Minus = -1,
    Zero,
    Plus,
}

#[jit::object]
#[derive(Debug)]
struct Inner {
    count: Cell<u32>,
    limit: u32,
}

#[jit]
impl Inner {
    fn bump(&self, by: u32) -> u32 {
        self.count.set(self.count.get() + by);
        if self.count.get() > self.limit { self.count.replace(0) } else { self.count.get() }
    }
}

#[jit::object]
#[derive(Debug)]
struct Outer {
    bytes: [u8; 5],
    flag: bool,
    signed: i8,
    half: u16,
    wide: i32,
    float: f64,
    word: Cell<Word>,
    mixed: Mixed,
    inner: Inner,
    cells: [Cell<i64>; 4],
    stored: Cell<Stored>,
    sign: Sign,
    link: Option<&'static Inner>,
    pointer: *mut i64,
    maybe: Option<u32>,
    maybe_word: Cell<Option<Word>>,
    maybe_byte: Cell<Option<i8>>,
    callback: Callback,
    #[jit(opaque)]
    #[allow(dead_code)]
    native_only: Vec<String>,
    #[jit(immutable)]
    size: usize,
}

fn outer() -> Outer {
    Outer {
        bytes: [1, 2, 3, 4, 255],
        flag: true,
        signed: -3,
        half: 65535,
        wide: -70000,
        float: 2.5,
        word: Cell::new(Word(77)),
        mixed: Mixed { small: -5, word: Word(8), float: 0.5, pair: (9, false), array: [10, -20, 30], unit: () },
        inner: Inner { count: Cell::new(3), limit: 10 },
        cells: [Cell::new(5), Cell::new(-6), Cell::new(7), Cell::new(8)],
        stored: Cell::new(Stored::Pair { a: 4, b: Some(5) }),
        sign: Sign::Minus,
        link: Some(Box::leak(Box::new(Inner { count: Cell::new(1), limit: 2 }))),
        pointer: Box::leak(Box::new([100_i64, 200, 300])).as_mut_ptr(),
        maybe: None,
        maybe_word: Cell::new(None),
        maybe_byte: Cell::new(Some(-2)),
        callback: Callback(|x| x * 2, 9),
        native_only: Vec::new(),
        size: 3,
    }
}

#[jit]
fn reads(o: &Outer, i: usize) -> (i64, f64, Mixed, Stored, Sign, Option<u32>) {
    let sum = i64::from(o.bytes[i]) + i64::from(o.signed) + o.half as i64 + i64::from(o.wide) + i64::from(o.flag);
    let mixed = o.mixed;
    let deep = i64::from(o.mixed.array[i % 3]) + i64::from(mixed.array[1]) + o.mixed.pair.0 as i64;
    let cells = o.cells[i % 4].get() + o.word.get().low() as i64 + o.cells.len() as i64;
    let link = match o.link {
        Some(inner) => i64::from(inner.limit) + i64::from(inner.count.get()),
        None => -1,
    };
    // SAFETY: there are three numbers.
    let pointed = unsafe { *o.pointer.add(i % 3) + *o.pointer };
    (sum * 1000 + deep * 100 + cells + link + pointed + o.size as i64, o.float, mixed, o.stored.get(), o.sign, o.maybe)
}

#[jit]
fn writes(o: &mut Outer, i: usize) -> u32 {
    o.bytes[i] = o.bytes[0].wrapping_add(7);
    o.bytes[0] += 1;
    o.flag = !o.flag;
    o.signed -= 2;
    o.half ^= 0xf0f;
    o.wide /= -3;
    o.float *= 1.5;
    o.mixed.pair.1 = true;
    o.mixed.array[i % 3] = -1;
    o.mixed.word = Word::new(o.word.get().0 + 1);
    o.word.set(Word(o.mixed.word.low() + 256));
    o.cells[i % 4].set(o.cells[1].get() - 1);
    let old = o.stored.get();
    o.stored.set(match old {
        Stored::Nothing => Stored::Number(-1),
        Stored::Number(n) => Stored::Word(Word(n as u64)),
        Stored::Pair { a, b: Some(b) } => Stored::Pair { a: a + 1, b: b.checked_sub(3) },
        Stored::Pair { .. } => Stored::Nothing,
        Stored::Word(_) => Stored::Nothing,
    });
    o.sign = if o.sign == Sign::Minus { Sign::Plus } else { Sign::Zero };
    o.maybe = match o.maybe {
        None => Some(1),
        Some(n) if n > 1 => None,
        Some(n) => Some(n + 1),
    };
    o.maybe_word.set(o.maybe_byte.get().map(|b| Word(b as u64)));
    o.maybe_byte.set(o.maybe_byte.get().and_then(|b| b.checked_mul(7)));
    if i == 2 {
        o.link = None;
    }
    // SAFETY: there are three numbers.
    unsafe {
        *o.pointer.add(1) = *o.pointer + 1;
        *o.pointer -= 5;
    }
    let inner = &o.inner;
    inner.bump(2) + through(&o.inner) + o.inner.bump(1)
}

#[jit]
fn through(inner: &Inner) -> u32 {
    inner.bump(3) * 100
}

/// Calls both readings on objects that are alike; compares results and objects.
fn on_objects<T: Debug, R: JitValue + Debug>(
    make: fn() -> T,
    native: fn(&mut T, usize) -> R,
    function: &'static tailor::__jit::JitFunction,
    rounds: std::ops::Range<usize>,
) {
    let (mut one, mut other) = (make(), make());
    for i in rounds {
        let expected = native(&mut one, i);
        // SAFETY: the functions take an object and a number.
        let found: R = unsafe {
            let words = run(function, &[std::ptr::from_mut(&mut other) as u64, i as u64], Mode::Throughout);
            tailor::__jit::value_of_words(&words)
        };
        assert_eq!(format!("{expected:?}"), format!("{found:?}"), "{} in round {i}", function.signature.name);
        let strip = |text: String| {
            text.split("pointer: ")
                .map(|part| part.split_once(',').map_or(part, |p| p.1).to_string())
                .collect::<String>()
        };
        assert_eq!(strip(format!("{one:?}")), strip(format!("{other:?}")), "{} in round {i}", function.signature.name);
    }
}

#[test]
fn objects() {
    on_objects(outer, |o, i| reads(o, i), <reads>::__function(), 0..5);
    on_objects(outer, writes, <writes>::__function(), 0..5);
    let after = || {
        let mut o = outer();
        writes(&mut o, 2);
        o
    };
    on_objects(after, |o, i| reads(o, i), <reads>::__function(), 0..5);
}

#[test]
fn indices_are_checked_with_rusts_message() {
    let object = outer();
    let native = common::native(|| reads(&object, 5));
    let words = [std::ptr::from_ref(&object) as u64, 5];
    let jitted = common::jitted(<reads>::__function(), &words, || reads(&object, 5));
    assert_eq!(native, jitted);
    assert!(
        matches!(native, common::Outcome::Panic(message, _) if message.contains("the len is 5 but the index is 5"))
    );
}

#[jit]
fn slices(all: &[Cell<i64>], numbers: &[i64], n: usize) -> i64 {
    let mut sum = 0;
    for cell in all {
        sum += cell.get();
    }
    for (i, factor) in [(0, 3), (1, 5)] {
        sum += factor * i;
    }
    for x in numbers.iter() {
        sum = sum * 2 + *x;
    }
    let found = numbers.iter().position(|x| *x == 7).unwrap_or(100) as i64;
    let positive = numbers.iter().any(|x| *x > 0) as i64 + numbers.iter().all(|x| *x > 0) as i64 * 2;
    let half = numbers.iter().find_map(|x| if *x % 2 == 0 { Some(*x / 2) } else { None });
    // SAFETY: `n` is in range.
    let here = unsafe { all.get_unchecked(n).get() + *numbers.get_unchecked(n) };
    let maybe = numbers.get(n + 1).copied().unwrap_or(-9) + i64::from(numbers.is_empty());
    sum + found * 10 + positive * 1000 + half.unwrap_or(0) + here + maybe + all.len() as i64 + all[n].get() + numbers[n]
}

#[test]
fn slices_and_iteration() {
    let cells: Vec<Cell<i64>> = (0..4).map(|i| Cell::new(i * i - 3)).collect();
    for numbers in [[1, 2, 3, 4], [7, -1, 0, 9], [-5, -6, -7, -8]] {
        for n in 0..4 {
            let words = [cells.as_ptr() as u64, 4, numbers.as_ptr() as u64, 4, n];
            let native = common::native(|| slices(&cells, &numbers, n as usize));
            let jitted = common::jitted(<slices>::__function(), &words, || slices(&cells, &numbers, n as usize));
            assert_eq!(native, jitted);
        }
    }
}

#[jit]
fn values(bits: u64, other: u64) -> (Mixed, Mixed, bool, Option<Word>, u64) {
    let word = Word::new(bits);
    let (a, b) = word.swap(Word(other));
    let mut mixed = Mixed { word: b, small: -1, float: 0.25, array: [1; 3], pair: (0, a.is_zero()), unit: () };
    let before = mixed;
    mixed.array[(bits % 3) as usize] += 5;
    mixed.pair.0 = before.array[0] as u8;
    mixed.word.0 += 1;
    let changed = Mixed { small: 9, ..mixed };
    let Mixed { small, word: Word(inner), .. } = changed;
    (before, changed, before == mixed, Word::try_new(bits), inner + small as u64)
}

#[jit]
fn comparisons(a: Stored, b: Stored, s: Sign, t: Option<Sign>) -> (bool, bool, bool, i8, bool) {
    (a == b, a != b, Some(s) == t, s as i8, (a, s) == (b, Sign::Zero))
}

#[test]
fn values_in_registers() {
    for bits in [0, 1, 2, 999, 1000, u64::MAX - 1] {
        for other in [0, 5] {
            both!(values(bits, other));
        }
    }
    let all = [
        Stored::Nothing,
        Stored::Number(3),
        Stored::Number(4),
        Stored::Pair { a: 3, b: None },
        Stored::Pair { a: 3, b: Some(0) },
        Stored::Word(Word(3)),
    ];
    for a in all {
        for b in all {
            both!(comparisons(a, b, Sign::Minus, Some(Sign::Minus)));
            both!(comparisons(a, b, Sign::Zero, None::<Sign>));
        }
    }
}

// ---- Residual functions.

#[jit::residual(reads(Outer.half), no_collect)]
fn native_sum(o: &Outer, words: &[Word], extra: Option<i64>, mixed: Mixed) -> Result<(i64, Sign), Stored> {
    let sum: u64 = words.iter().map(|w| w.0).sum();
    let total = i64::from(o.half) + sum as i64 + extra.unwrap_or(-1) + i64::from(mixed.array[2]);
    if total < 0 { Err(Stored::Number(total)) } else { Ok((total, Sign::Plus)) }
}

#[jit::residual(pure, elidable)]
fn call(callback: Callback, x: i64) -> i64 {
    (callback.0)(x) + i64::from(callback.1)
}

#[jit::residual]
fn replace(o: &mut Outer, text: &str) -> usize {
    o.native_only.push(text.to_string());
    o.native_only.len() * 10 + text.len()
}

#[jit]
fn residuals(o: &mut Outer, n: usize) -> Result<i64, Stored> {
    let words = [Word(1), Word(n as u64)];
    let _ = words;
    // SAFETY: the slice is of one word, which is there.
    let slice = unsafe { std::slice::from_raw_parts(o.word.as_ptr().cast_const(), 1) };
    let (sum, sign) = native_sum(o, slice, if n > 1 { Some(-70_000 * n as i64) } else { None }, o.mixed)?;
    let texts = replace(o, "jitted") as i64;
    Ok(call(o.callback, sum) + sign as i64 + texts)
}

#[test]
fn residual_functions() {
    on_objects(outer, residuals, <residuals>::__function(), 0..4);
}

// ---- Generic functions.

#[jit]
fn largest<T: JitValue + Copy>(a: T, b: T, more: impl Fn(T, T) -> bool) -> T {
    if more(a, b) { a } else { b }
}

#[jit]
fn either<T: JitValue + Copy>(first: bool, a: T, b: T) -> Option<T> {
    if first { Some(a) } else { keep(b) }
}

#[jit]
fn keep<T: JitValue + Copy>(x: T) -> Option<T> {
    Some(x)
}

#[jit]
unsafe fn behind<H: JitObject, T: JitType>(head: &H, index: usize) -> *mut T {
    std::ptr::from_ref(head).wrapping_add(1).cast::<T>().cast_mut().wrapping_add(index)
}

#[jit]
fn generic(a: i64, b: i64) -> (i64, Option<i64>, Option<(u8, f64)>, usize) {
    let inner = largest(a, b, |x, y| x > y);
    let pair = either(a > 3, (1, 0.5), (2, 1.5));
    (inner, either::<i64>(b > 3, a, b), pair, size_of::<Mixed>() + std::mem::align_of::<u16>())
}

#[jit]
fn generic_pointers(o: &Outer, n: usize) -> isize {
    // SAFETY: nothing is read.
    let p: *mut u32 = unsafe { behind(&o.inner, n) };
    let start = std::ptr::from_ref(&o.inner) as usize;
    let same = std::ptr::eq(&o.inner, &o.inner);
    (p as usize - start) as isize
        // SAFETY: only the distance counts.
        + unsafe { p.offset_from(p.wrapping_sub(3)) }
        + same as isize
        + i64::from(p.is_null()) as isize
}

#[test]
fn generic_functions() {
    for a in [0, 4, 9] {
        for b in [0, 5] {
            both!(generic(a, b));
        }
    }
    on_objects(outer, |o, n| generic_pointers(o, n), <generic_pointers>::__function(), 0..3);
}

// ---- The guest stack.

#[jit::value]
#[derive(Clone, Copy)]
struct Frame(GuestStack<Word>);

#[jit]
impl Frame {
    fn get(self, r: u16) -> Word {
        // SAFETY: the tests use registers that are there.
        unsafe { self.0.get(r as isize) }
    }

    fn set(self, r: u16, value: Word) {
        // SAFETY: the tests use registers that are there.
        unsafe { self.0.set(r as isize, value) }
    }

    fn window(self, r: u16) -> Frame {
        Frame(self.0.up(r as usize))
    }

    fn link(self) -> u64 {
        // SAFETY: the tests leave room below.
        unsafe { self.0.cast::<u64>().get(-1) }
    }
}

#[jit]
fn on_the_stack(base: *mut Word, n: u16) -> u64 {
    let frame = Frame(GuestStack::at(base)).window(2);
    let callee = frame.window(n);
    callee.set(1, Word(frame.get(0).low() + callee.link()));
    let down = Frame(callee.0.down(1));
    let same = down.0.address() == callee.0.address().wrapping_sub(1);
    frame.get(n + 1).0 + down.get(2).0 + same as u64
}

#[test]
fn guest_stack() {
    for n in 1..4 {
        let mut one: Vec<Word> = (10..20).map(Word).collect();
        let mut other = one.clone();
        let expected = on_the_stack(one.as_mut_ptr(), n);
        // SAFETY: the function takes an address and a number.
        let found = unsafe {
            run(<on_the_stack>::__function(), &[other.as_mut_ptr() as u64, u64::from(n)], Mode::Throughout)[0]
        };
        assert_eq!((expected, one), (found, other));
    }
}

// ---- Modules.

mod elsewhere {
    use super::{Word, jit};

    #[jit]
    pub(super) fn doubled(w: Word) -> Word {
        Word(w.0 * 2)
    }

    pub(super) mod deeper {
        #[super::jit]
        pub fn tripled(x: u64) -> u64 {
            x * 3
        }
    }

    #[jit]
    impl super::Word {
        pub(super) fn quadrupled(self) -> u64 {
            self.0 * 4
        }
    }
}

use elsewhere::deeper::{self, tripled};

#[jit]
fn across(x: u64) -> u64 {
    elsewhere::doubled(Word(x)).0 + tripled(x) + deeper::tripled(1) + Word(x).quadrupled() + Word::quadrupled(Word(1))
}

#[jit::ignore]
fn nothing() {}

#[jit]
fn ignoring(x: u64) -> u64 {
    nothing();
    if jit::we_are_jitted() {
        0
    } else {
        jit::promote(x) + x.checked_sub(1).map(tripled).map_or(0, Word::quadrupled_of)
    }
}

#[jit]
impl Word {
    fn quadrupled_of(x: u64) -> u64 {
        Word(x).quadrupled()
    }
}

#[test]
fn across_modules() {
    both!(across(5));
    both!(ignoring(6));
}
