//! Places: what can be read and assigned.

use super::layout::{self, At, Layout};
use super::session::{self, Session};
use super::value::{ByAddress, Id, JitType, V};
use crate::tape::{Memory, Mutability, Node, Shape, Variable};
use tailor_compiler::ir::{MemKind, OpCode, Width};

/// What a place's handle stands for.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// A mutable local.
    Variable(Variable),
    /// A part of a place.
    Part {
        /// Of what.
        of: Id,
        /// Which.
        index: u32,
    },
    /// An element of an array in a mutable local, at an index that is no constant.
    Chosen { of: Id, index: Node, length: u32, shape: &'static Shape },
    /// Memory.
    Memory { at: At, layout: &'static Layout, shape: &'static Shape },
}

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The object's type.
    pub owner: &'static str,
    /// The field's name.
    pub name: &'static str,
    /// Bytes from the object's address.
    pub offset: usize,
    /// How the field lies there.
    pub layout: &'static Layout,
    /// What it is made of.
    pub shape: &'static Shape,
    /// Whether it changes.
    pub mutability: Mutability,
    /// What its offset says; see [`Memory::kind`].
    pub kind: MemKind,
}

impl Field {
    /// Field `name` of type `T`.
    pub const fn of<T: JitType>(
        owner: &'static str,
        name: &'static str,
        offset: usize,
        mutability: Mutability,
    ) -> Field {
        Field { owner, name, offset, layout: T::LAYOUT, shape: T::SHAPE, mutability, kind: MemKind::Element }
    }

    /// The same in a type that is a slot.
    #[must_use]
    pub const fn of_slot(mut self) -> Field {
        self.kind = MemKind::Field;
        self
    }
}

/// A new mutable local that holds `value`.
#[inline(never)]
pub fn var<T>(value: V<T>) -> V<T> {
    V::__from(variable_of(value.0))
}

#[cold]
#[inline(never)]
fn variable_of(value: Id) -> Id {
    session::with(|s| {
        let variable = s.tape().variable_of(value.node());
        s.new_place(Place::Variable(variable))
    })
}

/// A new mutable local that holds nothing yet.
#[inline(never)]
pub fn uninit<T: JitType>() -> V<T> {
    V::__from(uninit_of(T::SHAPE))
}

#[cold]
#[inline(never)]
pub(super) fn uninit_of(shape: &'static Shape) -> Id {
    session::with(|s| {
        let variable = s.tape().variable(shape);
        s.new_place(Place::Variable(variable))
    })
}

/// The value in a place (of a type by address: its address). Of a value: itself.
#[inline(always)]
#[track_caller]
pub fn get<T>(place: V<T>) -> V<T> {
    V::__from(read(place.0))
}

/// Assigns to a place.
#[inline(always)]
#[track_caller]
pub fn set<T>(place: V<T>, value: V<T>) {
    write(place.0, value.0);
}

/// The receiver of a method: of a type by address, the place, which knows whose field it is.
#[inline(always)]
#[track_caller]
pub fn receiver<T>(place: V<T>) -> V<T> {
    V::__from(receiver_of(place.0))
}

#[cold]
#[inline(never)]
#[track_caller]
fn receiver_of(id: Id) -> Id {
    let by_address = |s: &Session| matches!(s.place(id), Some(Place::Memory { layout: Layout::Address, .. }));
    if session::with(by_address) { id } else { read(id) }
}

/// `&place`
#[inline(always)]
#[track_caller]
pub fn address<T>(place: V<T>) -> V<&'static T> {
    V::__from(read(place.0))
}

/// `&mut place`
#[inline(always)]
#[track_caller]
pub fn address_mut<T: ByAddress>(place: V<T>) -> V<&'static T> {
    V::__from(read(place.0))
}

#[cold]
#[inline(never)]
#[track_caller]
pub(super) fn read(id: Id) -> Id {
    if !id.is_place() {
        return id;
    }
    session::located(|s| Id::of(node(s, id)))
}

/// The value in a place or value.
pub(super) fn node(s: &Session, id: Id) -> Node {
    match s.place(id) {
        None => id.node(),
        Some(Place::Variable(variable)) => s.tape().get(variable),
        Some(Place::Part { of, index }) => {
            let whole = node(s, of);
            s.tape().part(whole, index as usize)
        }
        Some(Place::Chosen { of, index, length, shape }) => {
            let whole = node(s, of);
            choose(s, whole, index, length as usize, shape)
        }
        Some(Place::Memory { at, layout, shape }) => layout::load(s, layout, shape, at),
    }
}

/// The element of an array in registers that `index`, which is in bounds, says.
pub(super) fn choose(s: &Session, array: Node, index: Node, length: usize, shape: &'static Shape) -> Node {
    let tape = s.tape();
    let result = tape.variable(shape);
    each_element(s, index, length, |i| tape.set(result, tape.part(array, i)));
    tape.get(result)
}

/// Does for the element at `index`, which is in bounds, what `then` does.
fn each_element(s: &Session, index: Node, length: usize, then: impl Fn(usize)) {
    let tape = s.tape();
    let end = tape.block();
    for i in 0..length {
        let next = tape.block();
        if i + 1 < length {
            let number = tape.int(i as u64);
            let is = tape.pure(OpCode::Eq, &[index, number]);
            tape.check(is, next);
        }
        then(i);
        tape.jump(end);
        tape.enter(next);
    }
    tape.enter(end);
}

#[cold]
#[inline(never)]
#[track_caller]
pub(super) fn write(place: Id, value: Id) {
    session::located(|s| assign(s, place, value.node()));
}

fn assign(s: &Session, place: Id, value: Node) {
    match s.place(place) {
        None => panic!("a value is assigned to: the macro should have made a place of it"),
        Some(Place::Variable(variable)) => s.tape().set(variable, value),
        Some(Place::Part { of, index }) => {
            let whole = node(s, of);
            let whole = s.tape().with_part(whole, index as usize, value);
            assign(s, of, whole);
        }
        Some(Place::Chosen { of, index, length, .. }) => {
            let whole = node(s, of);
            each_element(s, index, length as usize, |i| assign(s, of, s.tape().with_part(whole, i, value)));
        }
        Some(Place::Memory { at, layout, shape }) => layout::store(s, layout, shape, at, value),
    }
}

/// Part `index` of a product: of a place, again a place.
pub(super) fn part_of(s: &Session, id: Id, index: usize) -> Id {
    match s.place(id) {
        None => Id::of(s.tape().part(id.node(), index)),
        Some(Place::Memory { at, layout, shape: Shape::Product(shapes) }) => {
            let (offset, layout) = match layout {
                Layout::Struct(parts) => parts[index],
                Layout::Array { stride, element, .. } => (index * stride, *element),
                _ => panic!("{}.{} has no parts in memory", at.memory.owner, at.memory.field),
            };
            s.new_place(Place::Memory { at: at.plus(offset), layout, shape: shapes[index] })
        }
        Some(_) => s.new_place(Place::Part { of: id, index: index as u32 }),
    }
}

/// Where something by address is: `(base, offset)` of it, or the address as base.
pub(super) fn location(s: &Session, id: Id) -> At {
    const NOTHING: Memory = Memory::element("", "", Width::Ref, 0, 0);
    match s.place(id) {
        Some(Place::Memory { at, layout: Layout::Address, .. }) => at,
        _ => At { memory: NOTHING, base: node(s, id), index: None },
    }
}

/// A field of the object at an address, as a place.
#[cold]
#[inline(never)]
pub fn object_field(object: Id, field: &'static Field) -> Id {
    session::with(|s| {
        let mut at = location(s, object).plus(field.offset);
        at.memory.owner = field.owner;
        at.memory.field = field.name;
        at.memory.kind = field.kind;
        // A field of something that never changes never changes.
        if at.memory.mutability == Mutability::Mutable {
            at.memory.mutability = field.mutability;
        }
        s.new_place(Place::Memory { at, layout: field.layout, shape: field.shape })
    })
}

/// The value of a field of the object at an address.
#[cold]
#[inline(never)]
#[track_caller]
pub fn read_field(object: Id, field: &'static Field) -> Id {
    read(object_field(object, field))
}

/// The name of a type as owner of places that have no better one: without its module, so that declarations can name it.
pub(super) fn plain_name(name: &'static str) -> &'static str {
    let is_path = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == ':');
    if is_path { name.rsplit(':').next().unwrap_or(name) } else { name }
}

/// The place that a pointer to `T` points to. Accesses through plain pointers to one type, the contents of cells and the elements of slices are one alias class.
pub(super) fn pointee<T: JitType>(pointer: Id) -> Id {
    memory_place(pointer, std::any::type_name::<T>, T::LAYOUT, T::SHAPE)
}

#[cold]
#[inline(never)]
fn memory_place(pointer: Id, owner: fn() -> &'static str, layout: &'static Layout, shape: &'static Shape) -> Id {
    session::with(|s| {
        let memory = Memory::element(plain_name(owner()), "*", Width::Ref, 0, 0);
        s.new_place(Place::Memory { at: At { memory, base: pointer.node(), index: None }, layout, shape })
    })
}

/// What lies in the cell at an address, named after its type `owner`, as behind a pointer; it keeps the mutability of the field that it is.
#[cold]
#[inline(never)]
pub(super) fn contents(address: Id, owner: fn() -> &'static str, layout: &'static Layout, shape: &'static Shape) -> Id {
    session::with(|s| {
        let mut at = location(s, address);
        at.memory.owner = plain_name(owner());
        at.memory.field = "*";
        at.memory.kind = MemKind::Element;
        s.new_place(Place::Memory { at, layout, shape })
    })
}

/// What lies in a cell that is accessed by the name of its field only, whose class it keeps.
#[cold]
#[inline(never)]
pub(super) fn contents_by_name(cell: Id, layout: &'static Layout, shape: &'static Shape) -> Id {
    session::with(|s| match s.place(cell) {
        Some(Place::Memory { at, .. }) => s.new_place(Place::Memory { at, layout, shape }),
        _ => panic!(
            "a cell that is marked `by_name`, or that a slot consists of, is borrowed: write `object.field.get()` where it is read"
        ),
    })
}
