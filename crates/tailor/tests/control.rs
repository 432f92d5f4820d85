//! Control flow, patterns, and the order in which things happen.

// What nobody would write is what is tested.
#![allow(unused_assignments, clippy::all)]

mod common;

use std::cell::Cell;

use tailor::jit;

#[jit]
fn loops(a: i64, b: i64) -> i64 {
    let mut sum = 0;
    let mut i = a;
    while i < b {
        if i % 3 == 0 {
            sum += i * 2;
        } else {
            sum -= 1;
        }
        i += 1;
    }
    sum
}

#[jit]
fn labelled(n: u32) -> u32 {
    let mut found = 0;
    'outer: for i in 2..n {
        for j in 2..=i {
            if j * j > i {
                found += 1;
                continue 'outer;
            }
            if i % j == 0 {
                if i > 50 {
                    break 'outer;
                }
                continue 'outer;
            }
        }
    }
    found
}

#[jit]
fn loop_values(n: i32) -> i32 {
    let mut i = 0;
    let x = loop {
        i += 1;
        if i * i > n {
            break i;
        } else if i == 77 {
            break -1;
        }
    };
    let y = 'block: {
        if x > 5 {
            break 'block x * 2;
        }
        if n < 0 {
            return -5;
        }
        7
    };
    x + y
}

#[jit]
fn inclusive(a: u8, b: u8) -> (u32, u8) {
    let (mut sum, mut last) = (0, 0);
    for i in a..=b {
        if i == 13 {
            continue;
        }
        sum += u32::from(i);
        last = i;
    }
    (sum, last)
}

#[jit]
fn shadowing(a: i64) -> i64 {
    let x = a + 1;
    let x = {
        let x = x * 2;
        let y = x;
        y + x
    };
    let mut y = x;
    {
        let y = 5;
        let _ = y;
    }
    y += 1;
    if let x @ 0..=100 = y { x * 3 } else { x - y }
}

#[jit::value]
#[derive(Clone, Copy, PartialEq, Debug)]
enum Shape {
    Empty,
    Circle(i64),
    Box { width: i64, height: i64 },
    Nested(Option<i64>, bool),
}

#[jit]
impl Shape {
    fn area(self) -> i64 {
        match self {
            Shape::Empty => 0,
            Shape::Circle(r) if r > 100 => -1,
            Shape::Circle(r) => 3 * r * r,
            Shape::Box { width: w, .. } if w < 0 => -2,
            Shape::Box { width, height } => width * height,
            Shape::Nested(Some(x), true) => x,
            Shape::Nested(None, flag) => i64::from(flag),
            Shape::Nested(Some(0 | 1), _) => 10,
            Self::Nested(..) => 11,
        }
    }

    fn of(kind: u8, a: i64, b: i64) -> Shape {
        match kind {
            0 => Shape::Empty,
            1 => Shape::Circle(a),
            2 => Shape::Box { height: a, width: b },
            3 => Self::Nested(Some(a), b > 0),
            _ => Self::Nested(None, b > 0),
        }
    }

    fn is_round(&self) -> bool {
        matches!(*self, Shape::Circle(_))
    }
}

#[jit]
fn shapes(kind: u8, a: i64, b: i64) -> (Shape, i64, bool, bool) {
    let shape = Shape::of(kind, a, b);
    (shape, shape.area(), shape == Shape::Circle(2), shape.is_round())
}

#[jit]
#[derive(Clone, Copy, PartialEq, Debug)]
#[repr(u8)]
enum Color {
    Red,
    Green = 7,
    Blue,
    Black = 255,
}

#[jit]
fn colors(x: u32) -> (Color, u32, u8, bool) {
    let color = match x {
        0 | 4..=9 => Color::Red,
        1 => Color::Green,
        2 => Color::Blue,
        _ => Color::Black,
    };
    let number = match color {
        Color::Red => 10,
        Color::Green => 20,
        Color::Blue => 30,
        Color::Black => x,
    };
    (color, number, color as u8, color != Color::Blue)
}

const LIMIT: i64 = 42;

#[jit]
fn constants(x: i64, s: (i64, bool)) -> i64 {
    let first = match x {
        LIMIT => 1,
        i64::MIN => 2,
        -7 => 3,
        n if n > LIMIT => 4,
        other => other,
    };
    let second = match s {
        (0, true) => 5,
        (LIMIT, false) => 6,
        (n, true) => n,
        (_, false) => 8,
    };
    first * 100 + second
}

#[jit]
fn chains(a: Option<i64>, b: Option<i64>) -> i64 {
    if let Some(x) = a
        && x > 10
        && let Some(y) = b
        && y != x
    {
        return x - y;
    }
    let Some(x) = a else { return -1 };
    let y = if let Some(y) = b { y } else { x };
    let mut left = a;
    let mut steps = 0;
    while let Some(n) = left {
        steps += 1;
        left = if n > 0 { Some(n / 2) } else { None };
    }
    if a.is_some() && (b.is_none() || y > 3) || steps == 2 { x + y + steps } else { steps }
}

#[jit]
fn fallible(a: i64, b: i64) -> Result<i64, bool> {
    let quotient = a.checked_div(b).ok_or(false)?;
    let sum = quotient.checked_add(a).ok_or_else(|| quotient > 0)?;
    if sum == 0 {
        return Err(true);
    }
    Ok(sum)
}

#[jit]
fn optional(a: i64, b: i64) -> Option<i64> {
    let difference = a.checked_sub(b)?;
    let product = Some(difference).filter(|d| *d != 3).map(|d| d.wrapping_mul(2))?;
    [product, a][(b & 1) as usize].checked_add(b)
}

// ---- Order of evaluation, shown by a trail of what happened.

#[jit::object]
#[derive(Debug)]
struct Trail {
    steps: Cell<u64>,
    value: Cell<i64>,
    count: i64,
}

#[jit]
impl Trail {
    fn note(&self, step: u64) -> i64 {
        self.steps.set(self.steps.get().wrapping_mul(10).wrapping_add(step));
        step as i64
    }

    fn set(&mut self, step: i64) -> &mut Trail {
        self.note(step as u64);
        self.count += step;
        self
    }

    fn this(&self, step: u64) -> &Trail {
        self.note(step);
        self
    }
}

#[jit]
fn operands(t: &Trail) -> i64 {
    let sum = t.note(1) * 100 + t.note(2) * 10 - t.note(3);
    let pair = (t.note(4), t.note(5));
    let max = t.note(6).max(t.note(7));
    sum + pair.0 + pair.1 + max + three(t.note(8), t.note(9), t.note(1))
}

#[jit]
fn three(a: i64, b: i64, c: i64) -> i64 {
    a * 100 + b * 10 + c
}

#[jit]
fn assignments(t: &Trail) -> i64 {
    t.this(1).value.set(t.note(2));
    let mut pair = (1, 2);
    pair.0 = {
        pair.1 = 9;
        pair.1 + 1
    };
    let mut x = 5;
    x += {
        x = 7;
        x
    };
    let mut array = [1, 2, 3, 4];
    let mut i = 0;
    array[i] = {
        i = 2;
        array[0] + 10
    };
    array[{
        i += 1;
        i
    }] += t.note(3);
    let copy = array;
    array[1] = 77;
    (pair.1, pair.0) = (pair.0, pair.1);
    let (a, b);
    (a, b) = (array[1], copy[1]);
    x * 100_000 + array[0] * 1000 + array[3] * 100 + pair.0 + a - b + i as i64
}

#[jit]
fn short_circuits(t: &Trail, a: bool, b: bool) -> bool {
    let both = a && t.note(1) == 1 && b;
    let either = a || t.note(2) == 3 || b && t.note(3) > 0;
    both != (either && !(b || t.note(4) == 4))
}

#[jit]
fn mutations(t: &mut Trail) -> i64 {
    t.count = 3;
    t.set(4).set(5).count *= 2;
    t.count -= t.note(1);
    if t.count > 0 { t.count } else { 0 }
}

fn trail() -> Trail {
    Trail { steps: Cell::new(0), value: Cell::new(0), count: 0 }
}

#[jit]
fn closures(a: i64, b: i64) -> i64 {
    let scale = 3;
    let f = |x: i64| x * scale + b;
    let g = |x| f(x) - 1;
    let early = |x: i64| -> i64 {
        if x > 10 {
            return 0;
        }
        x + 1
    };
    let question = |x: i64| -> Option<i64> { Some(x.checked_sub(5)? * 2) };
    let mut count = 0;
    let mut bump = |by: i64| count += by;
    bump(2);
    bump(a);
    applied(f, a) + g(b) + early(a) + question(a).unwrap_or(99) + applied(triple, b) + count
}

#[jit]
fn moving(a: i64) -> i64 {
    let mut x = a;
    let copied = move || x * 2;
    let mut counter = move |by: i64| {
        x += by;
        x
    };
    x = 100;
    let first = counter(1);
    x + copied() + first + counter(2)
}

#[jit]
fn triple(x: i64) -> i64 {
    x * 3
}

#[jit]
fn applied(f: impl Fn(i64) -> i64, x: i64) -> i64 {
    if x == 4 {
        return f(f(x));
    }
    f(x) + 1
}

#[jit]
fn bounded<F>(f: F, n: i64) -> i64
where
    F: Fn(i64) -> Option<i64>,
{
    let mut x = n;
    while let Some(next) = f(x) {
        x = next;
    }
    x
}

#[jit]
fn counting(n: i64) -> i64 {
    bounded(|x| if x > 0 { Some(x - 3) } else { None }, n)
}

#[jit]
fn local_macros(a: i64, b: i64) -> i64 {
    let mut state = a;
    macro_rules! step {
        ($by:expr) => {{
            let next: i64 = $by;
            state += next;
        }};
    }
    macro_rules! both {
        ($x:expr, $name:ident) => {
            if $x > 0 { $name * 2 } else { state }
        };
    }
    step!(b + 1);
    step!(both!(a - b, b));
    loop {
        step!(1 + 2 * 3);
        if state > 40 {
            return both!(a + b, state);
        }
    }
}

#[jit]
fn deferred(a: i64) -> i64 {
    let x;
    let y: i64;
    if a > 3 {
        x = a * 2;
        y = 1;
    } else {
        x = 7;
        y = x;
    }
    x * 10 + y
}

#[jit]
fn panics(n: i64, d: &Trail) -> i64 {
    let array = [10, 20, 30];
    match n {
        0 => panic!("a plain panic"),
        1 => unreachable!(),
        2 => unreachable!("with {{braces}}"),
        3 => todo!(),
        4 => assert!(n < 3),
        5 => assert!(n < 3, "with a message"),
        6 => assert!(n < 3, "{{braces}}"),
        8 => return array[n as usize],
        9 => return None::<i64>.expect("there is none"),
        10 => return n / (n - 10),
        11 => return i64::MIN / (10 - n),
        12 => return (n as u8 - 13) as i64,
        13 => return 1 << (n + 51),
        14 => debug_assert!(n == 3, "debugging"),
        15 => return i64::from(n as i8 * 100),
        16 => return None::<i64>.unwrap(),
        17 => return -(i64::MIN + n - 17),
        _ => {}
    }
    n + d.count
}

#[jit]
fn comparisons(n: i64) -> i64 {
    assert_eq!((n == 7, n), (false, n));
    assert_ne!(Some(n), Some(8));
    debug_assert_eq!(n, n);
    n
}

fn panicking(n: i64) -> i64 {
    panics(n, &trail())
}

#[test]
fn control_flow() {
    for a in -5..5 {
        for b in -5..20 {
            both!(loops(a, b));
            both!(closures(a, b));
            both!(local_macros(a, b));
            both!(fallible(a, b));
            both!(optional(a, b));
            both!(constants(a, (b, a > 0)));
        }
        both!(shadowing(a));
        both!(deferred(a));
        both!(counting(a));
        both!(moving(a));
    }
    for n in [0, 1, 2, 10, 30, 60, 100] {
        both!(labelled(n));
        both!(loop_values(n as i32 - 1));
    }
    for (a, b) in [(0, 10), (5, 5), (9, 3), (250, 255), (0, 255), (13, 13)] {
        both!(inclusive(a, b));
    }
    for x in [LIMIT, i64::MIN, -7, 43, 0] {
        for s in [(0, true), (0, false), (LIMIT, false), (9, true)] {
            both!(constants(x, s));
        }
    }
    for (a, b) in [(1, 0), (i64::MAX, 1), (-4, 4), (i64::MIN, -1), (8, 2)] {
        both!(fallible(a, b));
    }
    for a in [None, Some(0), Some(2), Some(20), Some(-3)] {
        for b in [None, Some(1), Some(20), Some(5)] {
            both!(chains(a, b));
        }
    }
}

#[test]
fn enums() {
    for kind in 0..6 {
        for a in [-1, 0, 1, 2, 101] {
            for b in [-1, 0, 2] {
                both!(shapes(kind, a, b));
            }
        }
    }
    for x in 0..12 {
        both!(colors(x));
    }
}

#[test]
fn evaluation_order() {
    for n in 0..4 {
        let (native, jitted) = (trail(), trail());
        let (a, b) = (n & 1 == 1, n & 2 == 2);
        let expected = (operands(&native), assignments(&native), short_circuits(&native, a, b));
        let run = |function, words: &[u64]| {
            // SAFETY: the arguments are those of the functions below.
            unsafe { tailor_jitcode::black_hole::run(function, words, tailor_jitcode::black_hole::Mode::Throughout)[0] }
        };
        let address = std::ptr::from_ref(&jitted) as u64;
        let found = (
            run(<operands>::__function(), &[address]) as i64,
            run(<assignments>::__function(), &[address]) as i64,
            run(<short_circuits>::__function(), &[address, u64::from(a), u64::from(b)]) != 0,
        );
        assert_eq!(expected, found);
        assert_eq!(native.steps, jitted.steps);
        assert_eq!(native.value, jitted.value);
    }
    let (mut native, mut jitted) = (trail(), trail());
    let expected = mutations(&mut native);
    let address = std::ptr::from_mut(&mut jitted) as u64;
    // SAFETY: the argument is that of the function.
    let found = unsafe {
        tailor_jitcode::black_hole::run(
            <mutations>::__function(),
            &[address],
            tailor_jitcode::black_hole::Mode::Throughout,
        )
    };
    assert_eq!((expected, native.count, native.steps.get()), (found[0] as i64, jitted.count, jitted.steps.get()));
}

#[test]
fn panics_alike() {
    let here: &'static Trail = Box::leak(Box::new(trail()));
    for n in 0..20 {
        both!(panics(n, here));
    }
    // The operands are shown by a native function, whose place is not the assertion's.
    for n in [7, 8] {
        let native = common::native(|| comparisons(n));
        let jitted = common::jitted(<comparisons>::__function(), &[n as u64], || comparisons(n));
        match (native, jitted) {
            (common::Outcome::Panic(a, _), common::Outcome::Panic(b, _)) => assert_eq!(a, b),
            (a, b) => assert_eq!(a, b),
        }
    }
    both!(comparisons(9));
    assert_eq!(panicking(20), 20);
}
