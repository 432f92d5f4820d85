//! The units that random units call and continue in. They are few and written by hand, but they call each other, allocate, and have guards that may fail: then all units under way are left.

use super::memory::STACK;
use super::resume::attach;
use super::shapes::{Kind, Shape};
use crate::ir::{Descriptors, EntryId, LabelId, Unit};
use crate::text::parse_with;

/// An entry and what is behind it.
pub struct Callee {
    /// What others name it by.
    pub entry: EntryId,
    /// What it takes.
    pub arguments: &'static [Kind],
    /// What it returns.
    pub result: Option<Kind>,
    /// Where it is: the index of its unit among [`Callees::units`], and the label.
    pub place: (usize, LabelId),
}

/// All entries and units.
#[derive(Default)]
pub struct Callees {
    /// The entries.
    pub entries: Vec<Callee>,
    /// Those that take a frame of the guest stack with four words of arguments.
    pub frames: Vec<Callee>,
    /// The units. Their snapshots are those of [`attach`], each unit's number being its index and 1.
    pub units: Vec<Unit>,
}

const DECLARATIONS: &str = "unit {
  mem a = field class=1 offset=8 i64
  mem b = field class=2 offset=16 i64
  mem next = field class=3 offset=24 ref
  mem x = field class=4 offset=32 f64
  mem maybe = field class=5 offset=40 ref
  alloc p = size=48 header=0x50060000
  call print = (int)
  call collect = () collects
  entry count = (int, ref) -> int
  entry descend = (int, ref) -> int
  entry scale = (float, int) -> float
  entry make = (int, ref) -> ref
  entry note = (ref)
  entry spin = (int, ref) -> int
  entry head = (int, int, ref) -> int
  call show = (int)
  entry frame = (ref) -> int
  entry frame_above = (ref) -> int
  entry passed = (ref, int, int) -> int stack(0, 8)
  mem w0 = stack class=20 offset=0 i64
  mem w1 = stack class=20 offset=8 i64
  mem w2 = stack class=20 offset=16 f64
  mem w3 = stack class=20 offset=24 ref
  mem w4 = stack class=20 offset=32 i64
}
";

const P: Kind = Kind::Object(Shape::P);
const I: Kind = Kind::Int;
const F: Kind = Kind::Float;
/// Where frames of calls lie.
const S: Kind = Kind::Stack(STACK as u8);

/// A text, and for each of its exports, in their order: arguments and result.
type Row = (&'static str, &'static [(&'static [Kind], Option<Kind>)]);

const ALL: &[Row] = &[
    (
        "entry(%n: int, %p: ref) export.count:
           @1
           %old = load.a %p
           %o = ovf_add %old, %n
           guard_false %o []
           %new = add %old, %n
           store.a %p, %new
           return(%new)",
        &[(&[I, P], Some(I))],
    ),
    (
        // Calls itself up to three times.
        "entry(%n: int, %p: ref) export.descend:
           %depth = and %n, 3
           br_unless %depth, bottom()
           %less = add %depth, -1
           %next = load.next %p
           %sum = call_unit.descend(%less, %next) []
           %b = load.b %p
           %far = le %b, 0x4000000000000000
           @1
           guard_true %far []
           %all = add %sum, %b
           return(%all)
         bottom():
           %a = load.a %p
           %r = call_unit.count(1, %p) []
           %s = sub %r, %a
           return(%s)",
        &[(&[I, P], Some(I))],
    ),
    (
        "entry(%x: float, %n: int) export.scale:
           %y = i2f %n
           %z = fmul %x, %y
           %small = flt %z, 1e12
           guard_true %small []
           return(%z)",
        &[(&[F, I], Some(F))],
    ),
    (
        "entry(%n: int, %p: ref) export.make:
           %x = i2f %n
           %o = new.p
           store.a %o, %n
           store.b %o, 5
           store.next %o, %p
           store.x %o, %x
           store.maybe %o, %o
           return(%o)",
        &[(&[I, P], Some(P))],
    ),
    (
        "entry(%p: ref) export.note:
           %b = load.b %p
           call.print(%b)
           call.collect()
           return()",
        &[(&[P], None)],
    ),
    (
        // A loop that can be entered from outside.
        "entry(%n: int, %p: ref) export.spin:
           %m = mul %n, 5
           jump head(%m, 0, %p)
         head(%i: int, %s: int, %q: ref) export.head:
           %left = and %i, 3
           %a = load.a %q
           %t = xor %a, %s
           %o = ovf_mul %t, 3
           guard_false %o []
           %u = mul %t, 3
           store.b %q, %u
           br_unless %left, out(%u)
           %next = load.next %q
           %less = add %left, -1
           jump head(%less, %u, %next)
         out(%r: int):
           return(%r)",
        &[(&[I, P], Some(I)), (&[I, I, P], Some(I))],
    ),
    (
        "entry(%f: ref) export.frame:
           %a = load.w0 %f
           %p = load.w3 %f
           %b = load.b %p
           store.w4 %f, %b
           %o = ovf_add %a, %b
           guard_false %o []
           %s = add %a, %b
           store.w0 %f, %s
           call.collect()
           %c = load.w4 %f
           @1
           %far = le %c, 0x4000000000000000
           guard_true %far []
           %t = load.w1 %f
           call.show(%t)
           %d = load.w0 %f
           release %f
           return(%d)",
        &[(&[S], Some(I))],
    ),
    (
        "entry(%f: ref, %a: int, %t: int) export.passed:
           store.w0 %f, %a
           store.w1 %f, %t
           %x = load.w2 %f
           %n = f2i %x
           store.w4 %f, %n
           @1
           %o = ovf_mul %a, 3
           guard_false %o []
           %m = mul %a, 3
           call.show(%t)
           %g = ptr_add %f, 40
           store.w0 %g, %m
           %r = call_unit.frame_above(%g) []
           %u = load.w1 %f
           call.show(%u)
           %v = load.w0 %f
           %s = add %r, %v
           return(%s)",
        &[(&[S, I, Kind::Tagged], Some(I))],
    ),
    (
        "entry(%f: ref) export.frame_above:
           %a = load.w0 %f
           store.w1 %f, %a
           @1
           %odd = and %a, 7
           guard_true %odd []
           %b = load.w1 %f
           return(%b)",
        &[(&[S], Some(I))],
    ),
];

/// All of them, their descriptors being added to `descriptors`; `symbols` tells the addresses of functions.
pub fn callees(descriptors: &mut Descriptors, symbols: &dyn Fn(&str) -> Option<usize>) -> Callees {
    let mut all = Callees::default();
    for (number, (text, signatures)) in ALL.iter().enumerate() {
        let mut unit = parse_with(&format!("{DECLARATIONS}{text}"), descriptors, symbols)
            .unwrap_or_else(|error| unreachable!("the texts are right: {error}"));
        attach(&mut unit, number as u32 + 1);
        for (export, &(arguments, result)) in unit.exports.iter().zip(*signatures) {
            let callee = Callee { entry: export.entry, arguments, result, place: (number, export.label) };
            // Others are given random values.
            let list = if arguments.first() == Some(&S) { &mut all.frames } else { &mut all.entries };
            list.push(callee);
        }
        all.units.push(unit);
    }
    all
}
