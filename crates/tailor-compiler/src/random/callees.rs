//! The units that random units call and continue in. They are few and written by hand, but they call each other, allocate, and have guards that may fail: then all units under way are left.

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
}
";

const P: Kind = Kind::Object(Shape::P);
const I: Kind = Kind::Int;
const F: Kind = Kind::Float;

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
];

/// All of them, their descriptors being added to `descriptors`; `symbols` tells the addresses of functions.
pub fn callees(descriptors: &mut Descriptors, symbols: &dyn Fn(&str) -> Option<usize>) -> Callees {
    let mut all = Callees::default();
    for (number, (text, signatures)) in ALL.iter().enumerate() {
        let mut unit = parse_with(&format!("{DECLARATIONS}{text}"), descriptors, symbols)
            .unwrap_or_else(|error| unreachable!("the texts are right: {error}"));
        attach(&mut unit, number as u32 + 1);
        for (export, &(arguments, result)) in unit.exports.iter().zip(*signatures) {
            all.entries.push(Callee { entry: export.entry, arguments, result, place: (number, export.label) });
        }
        all.units.push(unit);
    }
    all
}
