//! The functions shown in `docs/subset.md`, and whether the jitcode shown there is what they give.
//! (`TAILOR_UPDATE_DOCS=1 cargo test -p tailor --test subset` renews it.)

use std::cell::Cell;

use tailor::__jit::JitFunction;
use tailor::{Gc, GuestStack, Jit, jit};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/subset.md");
const SOURCE: &str = include_str!("subset.rs");

// begin arithmetic
#[jit]
fn arithmetic(a: i32, b: i32, x: f64) -> (i32, Option<i32>, f64) {
    (a.wrapping_add(b) >> 3, a.checked_mul(b), x.sqrt() * f64::from(a))
}
// end

// begin casts
#[jit]
fn casts(a: i64, x: f64) -> (u8, f64, i16) {
    (a as u8, a as f64, x as i16)
}
// end

// begin branches
#[jit]
fn branches(a: i64, b: Option<i64>) -> i64 {
    if let Some(b) = b
        && b > a
    {
        return b - a;
    }
    match a {
        0 | 1 => 10,
        2 => 20,
        i64::MAX => 30,
        _ => a,
    }
}
// end

// begin loops
#[jit]
fn loops(n: u32) -> u32 {
    let mut sum = 0;
    for i in 0..n {
        if i == 7 {
            continue;
        }
        sum ^= i;
    }
    sum
}
// end

// begin values
#[jit::value]
#[derive(Clone, Copy, PartialEq)]
struct Range {
    low: i64,
    high: i64,
}

#[jit]
impl Range {
    fn widened(self, by: i64) -> Range {
        Range { low: self.low.wrapping_sub(by), ..self }
    }
}

#[jit]
fn values(mut r: Range, x: i64) -> (bool, i64) {
    r.high = x;
    let Range { low, high } = r.widened(1);
    (r == Range { low, high }, high)
}
// end

// begin enums
#[jit::value]
#[derive(Clone, Copy)]
enum Shape {
    Empty,
    Circle(i64),
    Rectangle { width: i64, height: i64 },
}

#[jit]
fn enums(s: Shape) -> i64 {
    match s {
        Shape::Empty => 0,
        Shape::Circle(r) => r.wrapping_mul(3),
        Shape::Rectangle { width, height } => width.wrapping_mul(height),
    }
}
// end

// begin questions
#[jit]
fn questions(a: i64, b: i64) -> Result<i64, bool> {
    let quotient = a.checked_div(b).ok_or(false)?;
    Ok(quotient.wrapping_add(1))
}
// end

// begin closures
#[jit]
fn apply(f: impl Fn(i64) -> i64, x: i64) -> i64 {
    f(f(x))
}

#[jit]
fn closures(a: i64, b: i64) -> i64 {
    apply(|x| x ^ b, a)
}
// end

// begin objects
#[jit::object]
struct Node {
    #[jit(immutable)]
    size: u32,
    next: Cell<Option<Gc<Node>>>,
    values: [u16; 4],
}

#[jit]
fn objects(node: Gc<Node>, i: usize) -> u32 {
    match node.next.get() {
        Some(next) if next.size > node.size => next.size,
        _ => u32::from(node.values[i]),
    }
}
// end

// begin stack
#[jit]
fn stack(frame: GuestStack<u64>, r: u16) -> u64 {
    // SAFETY: never executed.
    unsafe {
        frame.set(0, frame.get(r as isize));
        frame.up(2).get(-1)
    }
}
// end

// begin calls
#[jit::residual(reads(Node.size), no_collect, no_reenter)]
fn described(node: &Node, x: i64) -> Option<i64> {
    println!("{} {x}", node.size);
    Some(x)
}

#[jit]
fn calls(node: &Node, x: i64) -> i64 {
    described(node, questions(x, 3).unwrap_or(0)).unwrap_or(x)
}
// end

// begin portal
#[jit(portal)]
fn portal(code: &[u8], mut pc: usize, mut sum: u64) -> u64 {
    loop {
        jit::merge_point!(greens: code, pc; reds: sum);
        match code[pc] {
            0 => sum = sum.wrapping_add(1),
            1 if sum < 100 => {
                jit::can_enter!(code, 0; sum);
                pc = 0;
                continue;
            }
            _ => return sum,
        }
        pc += 1;
    }
}
// end

// begin slots
#[jit::slot]
struct FieldSlot(Cell<u64>);

#[jit::object]
#[repr(C)]
struct Pair {
    #[jit(immutable)]
    class: Cell<u32>,
    first: FieldSlot,
    second: FieldSlot,
}

#[jit]
impl FieldSlot {
    #[inline(always)]
    fn get(&self) -> u64 {
        self.0.get()
    }
}

#[jit]
fn slots(pair: &Pair) -> u64 {
    pair.second.0.set(u64::from(pair.class.get()));
    pair.first.get()
}
// end

// begin entering
#[jit::object(depth)]
#[repr(C)]
struct Machine {
    #[jit(immutable)]
    depth: u64,
    jit: Jit,
}

#[jit(leaves)]
fn leave(frame: GuestStack<u64>, value: u64) -> Option<GuestStack<u64>> {
    // SAFETY: never executed. A frame is two words, with the one below linked to it.
    unsafe {
        let linked = frame.get(0) != 0;
        frame.release();
        let below = frame.down(2);
        below.set(1, value);
        linked.then_some(below)
    }
}

#[jit(portal, jit = vm.jit)]
fn interpret(vm: &mut Machine, mut pc: usize, mut frame: GuestStack<u64>) -> u64 {
    'portal: loop {
        jit::merge_point!(greens: vm, pc; reds: frame);
        // SAFETY: never executed.
        let value = unsafe { frame.get(1) };
        if value < vm.depth {
            jit::can_enter!(call: vm, 0; frame.up(2));
            pc = 0;
            frame = frame.up(2);
        } else {
            match leave(frame, value) {
                None => return value,
                Some(below) => frame = below,
            }
            pc += 1;
        }
    }
}
// end

/// The text of a function's jitcode, without the places in the source.
fn jitcode(function: &'static JitFunction) -> String {
    let dump = tailor_jitcode::code::dump(function.code());
    let line = |line: &str| line.split(" ; ").next().unwrap_or_default().trim_end().to_string();
    dump.lines().map(line).collect::<Vec<_>>().join("\n").trim().to_string()
}

/// What stands between `// begin NAME` and `// end` above.
fn source(name: &str) -> &'static str {
    let begin = format!("// begin {name}\n");
    let from = SOURCE.find(&begin).expect("it is there") + begin.len();
    let length = SOURCE[from..].find("// end").expect("it ends");
    SOURCE[from..from + length].trim()
}

#[test]
fn the_document_is_current() {
    let functions: [(&str, &'static JitFunction); 14] = [
        ("arithmetic", <arithmetic>::__function()),
        ("casts", <casts>::__function()),
        ("branches", <branches>::__function()),
        ("loops", <loops>::__function()),
        ("values", <values>::__function()),
        ("enums", <enums>::__function()),
        ("questions", <questions>::__function()),
        ("closures", <closures>::__function()),
        ("objects", <objects>::__function()),
        ("stack", <stack>::__function()),
        ("calls", <calls>::__function()),
        ("portal", <portal>::__function()),
        ("slots", <slots>::__function()),
        ("entering", <interpret>::__function()),
    ];
    let mut document = std::fs::read_to_string(DOCUMENT).expect("docs/subset.md is there");
    let before = document.clone();
    for (name, function) in functions {
        let marker = format!("<!-- {name} -->\n");
        let from = document.find(&marker).unwrap_or_else(|| panic!("{name} is shown")) + marker.len();
        let to = document[from..].find("<!-- end -->").expect("it ends") + from;
        let shown = format!("```rust\n{}\n```\n```text\n{}\n```\n", source(name), jitcode(function));
        document.replace_range(from..to, &shown);
    }
    if std::env::var_os("TAILOR_UPDATE_DOCS").is_some() {
        std::fs::write(DOCUMENT, &document).expect("docs/subset.md can be written");
    } else {
        assert!(
            document == before,
            "docs/subset.md is out of date: TAILOR_UPDATE_DOCS=1 cargo test -p tailor --test subset"
        );
    }
}
