//! What accesses of memory are called: by field where it is known that nobody else reaches it, else by the type of what is accessed.

use std::cell::Cell;

use tailor::{Gc, GuestStack, jit};
use tailor_compiler::ir::MemKind;
use tailor_jitcode::JitFunction;
use tailor_jitcode::code::{Operation, Position};
use tailor_jitcode::tape::Mutability;

/// A field of a guest's object.
#[jit::slot]
struct FieldSlot(Cell<u64>);

/// A guest's global variable.
#[jit::slot]
struct GlobalSlot(#[jit(quasi_immutable)] Cell<u64>);

#[jit]
impl FieldSlot {
    fn get(&self) -> u64 {
        self.0.get()
    }
    fn set(&self, value: u64) {
        self.0.set(value);
    }
}

#[jit]
impl GlobalSlot {
    fn get(&self) -> u64 {
        self.0.get()
    }
}

#[jit::object]
struct Inner {
    #[jit(immutable)]
    limit: u64,
    shared: Cell<u64>,
}

#[jit::object]
#[repr(C)]
struct Object {
    #[jit(immutable)]
    table: Cell<*const u64>,
    #[jit(by_name)]
    count: Cell<u64>,
    shared: Cell<u64>,
    #[jit(immutable)]
    cells: [Cell<u64>; 2],
    values: [u32; 4],
    inner: Inner,
    slot: FieldSlot,
    global: GlobalSlot,
}

/// Owner, field, kind and mutability of the accesses of a function and of what it calls, in order.
fn accesses(function: &'static JitFunction) -> Vec<(&'static str, &'static str, MemKind, Mutability)> {
    let (code, mut list) = (function.code(), Vec::new());
    for position in 0..code.len() as Position {
        match code.operation(position) {
            Operation::Load { memory, .. } | Operation::Store { memory, .. } => {
                list.push((memory.owner, memory.field, memory.kind, memory.mutability));
            }
            Operation::Call { function, .. } if !function.is_residual() => list.extend(accesses(function)),
            _ => {}
        }
    }
    list
}

fn mutable(owner: &'static str, field: &'static str) -> (&'static str, &'static str, MemKind, Mutability) {
    (owner, field, MemKind::Element, Mutability::Mutable)
}

#[jit]
fn marked(object: &Object) -> u64 {
    // SAFETY: it points to a number.
    let first = unsafe { *object.table.get() };
    first ^ object.inner.limit ^ object.cells[1].get()
}

#[test]
fn marks_of_fields_reach_what_is_in_cells() {
    assert_eq!(
        accesses(<marked>::__function()),
        [
            ("*mut u64", "*", MemKind::Element, Mutability::Immutable),
            mutable("u64", "*"),
            ("Inner", "limit", MemKind::Element, Mutability::Immutable),
            ("u64", "*", MemKind::Element, Mutability::Immutable),
        ]
    );
}

#[jit]
fn borrow(cell: &Cell<u64>) -> u64 {
    cell.get()
}

#[jit]
fn reached_in_many_ways(object: &Object) -> u64 {
    object.shared.set(7);
    let pointer = object.inner.shared.as_ptr();
    // SAFETY: it points to the field.
    unsafe { *pointer = 8 };
    borrow(&object.shared) ^ object.inner.shared.get() ^ object.cells[0].replace(1)
}

#[test]
fn what_can_be_reached_by_reference_is_of_one_class() {
    let mut all = accesses(<reached_in_many_ways>::__function());
    all.iter_mut().for_each(|access| access.3 = Mutability::Mutable);
    assert_eq!(all, [mutable("u64", "*"); 6]);
}

#[jit]
fn by_name(object: &Object) -> u64 {
    let before = object.count.replace(object.count.get().wrapping_add(1));
    object.count.set(before.wrapping_add(5));
    before
}

#[test]
fn a_cell_that_is_accessed_by_name_is_of_its_own_class() {
    assert_eq!(accesses(<by_name>::__function()), [mutable("Object", "count"); 4]);
}

#[jit]
fn slots(object: Gc<Object>) -> u64 {
    object.slot.set(3);
    object.slot.get() ^ object.global.get()
}

#[test]
fn slots_are_classes_of_their_own() {
    let slot = ("FieldSlot", "0", MemKind::Field, Mutability::Mutable);
    let global = ("GlobalSlot", "0", MemKind::Field, Mutability::QuasiImmutable);
    assert_eq!(accesses(<slots>::__function()), [slot, slot, global]);
}

#[jit]
fn elements(object: &mut Object, i: usize) -> [u32; 4] {
    object.values[i] = 5;
    object.values[1] = 6;
    object.values
}

#[test]
fn an_array_in_a_field_is_of_one_class_with_its_elements() {
    assert_eq!(accesses(<elements>::__function()), [mutable("Object", "values"); 6]);
}

#[jit::residual(reads(u64.*, FieldSlot.0), writes(Object.count), no_collect, no_reenter, no_panic)]
fn declared(object: &Object) -> u64 {
    object.count.replace(object.shared.get())
}

#[test]
fn declarations_name_these_classes() {
    use tailor_jitcode::Touches;
    let effects = <declared>::__function().effects;
    assert_eq!(effects.reads, Touches::Only(&[("u64", "*"), ("FieldSlot", "0")]));
    assert_eq!(effects.writes, Touches::Only(&[("Object", "count")]));
}

fn object() -> Object {
    const TABLE: &u64 = &100;
    Object {
        table: Cell::new(TABLE),
        count: Cell::new(40),
        shared: Cell::new(1),
        cells: [Cell::new(2), Cell::new(4)],
        values: [1, 2, 3, 4],
        inner: Inner { limit: 8, shared: Cell::new(16) },
        slot: FieldSlot(Cell::new(32)),
        global: GlobalSlot(Cell::new(64)),
    }
}

#[test]
fn both_readings_access_the_same_memory() {
    let address = |object: &mut Object| std::ptr::from_mut(object) as u64;
    let run = |function: &'static JitFunction, arguments: &[u64]| {
        // SAFETY: the functions can be called with these arguments.
        unsafe { tailor_jitcode::black_hole::run(function, arguments, tailor_jitcode::black_hole::Mode::Throughout) }
    };
    let (mut a, mut b) = (object(), object());
    let at = address(&mut b);
    assert_eq!(run(<marked>::__function(), &[at]), [marked(&a)]);
    assert_eq!(run(<reached_in_many_ways>::__function(), &[at]), [reached_in_many_ways(&a)]);
    assert_eq!(run(<by_name>::__function(), &[at]), [by_name(&a)]);
    let native: Vec<u64> = elements(&mut a, 3).iter().map(|&value| u64::from(value)).collect();
    assert_eq!(run(<elements>::__function(), &[at, 3]), native);
    // SAFETY: only its fields are accessed.
    let gc = |object: &mut Object| unsafe { Gc::from_ptr(std::ptr::from_mut(object)) };
    assert_eq!(run(<slots>::__function(), &[at]), [slots(gc(&mut a))]);
    for (a, b) in [(&a.count, &b.count), (&a.shared, &b.shared), (&a.inner.shared, &b.inner.shared)] {
        assert_eq!(a.get(), b.get());
    }
    assert_eq!((a.values, a.slot.0.get()), (b.values, b.slot.0.get()));
    assert_eq!(declared(&a), 45);
}

#[jit(leaves)]
fn leave(frame: GuestStack<u64>, value: u64) -> (GuestStack<u64>, u64) {
    // SAFETY: frames are two words.
    unsafe {
        let below = frame.down(2);
        frame.down(1).release();
        below.set(0, value);
        (below, value)
    }
}

#[test]
fn leaving_says_what_is_dead() {
    let function = <leave>::__function();
    assert_eq!(function.role, tailor_jitcode::Role::Leave);
    let released = (0..function.code().len() as Position)
        .filter(|&position| matches!(function.code().operation(position), Operation::Release { .. }))
        .count();
    assert_eq!(released, 1);
    let mut words = [1_u64, 2, 3, 4];
    let top = words.as_mut_ptr().wrapping_add(2);
    let (below, value) = leave(GuestStack::at(top), 9);
    assert_eq!((below.address(), value, words), (words.as_mut_ptr(), 9, [9, 2, 3, 4]));
}
