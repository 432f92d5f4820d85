//! The kinds of heap objects that SOM values refer to.
//!
//! | kind | used for | header tag |
//! |---|---|---|
//! | [`Instance`] | ordinary objects, `nil`, `true`, `false`, `system`, and classes | the [`ClassId`] |
//! | [`Array`] | arrays | the [`ClassId`] |
//! | [`Str`] | strings and symbols | the [`ClassId`] |
//! | [`BoxedDouble`] | doubles outside the immediate range | the [`ClassId`] of Double |
//! | [`BigInt`] | integers outside the 63-bit range | the [`ClassId`] of Integer |
//! | [`Block`] | closures | the [`ClassId`] of Block1 to Block3 |
//! | [`Context`] | captured variables | the number of slots |
//! | [`Method`] | methods and primitives | the [`ClassId`] |
//! | [`Association`] | globals | 0 |
//!
//! A class is an `Instance` of its metaclass whose slot 0 holds its own `ClassId` as an integer; everything else about it is
//! in the VM's class table. Class-side fields follow in slot 1 and up.
//!
//! # Invariants
//! - Every object of a class with a given [`InstanceFormat`](crate::classes::InstanceFormat) has the kind of that format;
//!   hence a class check is also a check of the representation.
//! - Classes, symbols, methods, associations and literals are immortal.

use std::cell::Cell;

use tailor::{JitObject, jit};
use tailor_gc::{Gc, Header, KindId, Object, Part, Visitor};

use crate::method::Method;
use crate::value::{ContextSlot, ElementSlot, FieldSlot, FinalSlot, GlobalSlot, Value};

/// Kind numbers within SOM's heap.
pub mod kind {
    use super::KindId;
    /// [`super::Instance`]
    pub const INSTANCE: KindId = 1;
    /// [`super::Array`]
    pub const ARRAY: KindId = 2;
    /// [`super::Str`]
    pub const STR: KindId = 3;
    /// [`super::BoxedDouble`]
    pub const DOUBLE: KindId = 4;
    /// [`super::BigInt`]
    pub const BIG_INT: KindId = 5;
    /// [`super::Block`]
    pub const BLOCK: KindId = 6;
    /// [`super::Context`]
    pub const CONTEXT: KindId = 7;
    /// [`crate::method::Method`]
    pub const METHOD: KindId = 8;
    /// [`super::Association`]
    pub const ASSOCIATION: KindId = 9;
}

/// A class's number: the header tag of its instances.
///
/// The low 20 bits index the VM's class table; the high 12 bits repeat the number of slots of an instance, so
/// that the heap can size an [`Instance`] from its header alone.
#[jit::value]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub struct ClassId(pub u32);

#[jit]
impl ClassId {
    /// The most slots an instance can have.
    pub const MAX_SLOTS: usize = (1 << 12) - 1;
    /// The most classes a VM can have.
    pub const MAX_CLASSES: usize = 1 << 20;

    /// A class with the given place in the class table, whose instances have `slots` slots.
    #[jit::native]
    pub const fn new(index: usize, slots: usize) -> ClassId {
        assert!(index < Self::MAX_CLASSES && slots <= Self::MAX_SLOTS);
        ClassId((slots << 20 | index) as u32)
    }

    /// The place in the class table.
    #[inline(always)]
    pub const fn index(self) -> usize {
        (self.0 & 0xf_ffff) as usize
    }

    /// The number of slots of an instance.
    #[inline(always)]
    pub const fn slots(self) -> usize {
        (self.0 >> 20) as usize
    }
}

/// The slots behind a fixed-size head.
///
/// # Safety
/// `len` slots lie directly behind `head`, within the same object.
#[inline(always)]
unsafe fn tail<H, T>(head: &H, len: usize) -> &[T] {
    // SAFETY: the caller's promise; both types are word-aligned.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(head).add(1).cast::<T>(), len) }
}

/// `len` slots.
///
/// # Safety
/// They lie there, within one object that lives as long as the result is used.
#[jit]
#[inline(always)]
unsafe fn slots_at<'a, S: JitObject>(first: *const S, len: usize) -> &'a [S] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(first, len) }
}

/// An ordinary object: its header and its fields.
#[jit::object]
#[derive(Debug)]
#[repr(C)]
pub struct Instance {
    header: Header,
}

#[jit]
impl Instance {
    /// Bytes of an instance with `slots` slots.
    #[inline(always)]
    pub const fn size_for(slots: usize) -> usize {
        8 + 8 * slots
    }

    /// The class of the object.
    #[inline(always)]
    pub fn class_id(&self) -> ClassId {
        ClassId(self.header.tag())
    }

    /// The fields.
    #[inline(always)]
    pub fn slots(&self) -> &[FieldSlot] {
        // SAFETY: instances are allocated with as many slots as their class number says.
        unsafe { slots_at(std::ptr::from_ref(self).add(1).cast(), self.class_id().slots()) }
    }

    /// Field `index`, unchecked in release builds.
    ///
    /// # Safety
    /// `index` is less than the number of slots.
    #[inline(always)]
    pub unsafe fn slot(&self, index: usize) -> &FieldSlot {
        debug_assert!(index < self.slots().len());
        // SAFETY: the caller's promise.
        unsafe { &*std::ptr::from_ref(self).add(1).cast::<FieldSlot>().add(index) }
    }
}

// SAFETY: `repr(C)`, begins with the header, sized by its tag, traces all slots.
unsafe impl Object for Instance {
    const KIND: KindId = kind::INSTANCE;
    const NAME: &'static str = "Instance";
    fn size(&self) -> usize {
        Self::size_for(self.class_id().slots())
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        for slot in self.slots() {
            visitor.visit(slot);
        }
    }
}

/// An array.
#[jit::object]
#[derive(Debug)]
#[repr(C)]
pub struct Array {
    header: Header,
    #[jit(immutable)]
    #[jit(by_name)]
    length: Cell<u32>,
}

#[jit]
impl Array {
    /// The most elements an array can have. (That the length is a half word tells compiled code its range: so an index that is less is not negative, and does not overflow.)
    pub const MAX_LENGTH: usize = u32::MAX as usize;

    /// Bytes of an array with `length` elements; `None` if there cannot be one.
    #[jit::native]
    pub fn size_for(length: usize) -> Option<usize> {
        (length <= Array::MAX_LENGTH).then(|| 8 * length + 16)
    }

    /// Sets the length of a new array, whose elements are then to be set.
    ///
    /// # Safety
    /// The array was just allocated with room for `length` elements.
    #[inline(always)]
    pub(crate) unsafe fn set_length(&self, length: usize) {
        self.length.set(length as u32);
    }

    /// Fills a new array.
    ///
    /// # Safety
    /// The array was just allocated with room for `length` elements.
    #[jit::native]
    pub(crate) unsafe fn init(this: Gc<Array>, length: usize, fill: Value) {
        // SAFETY: the caller's promise; nothing else refers to the array yet.
        unsafe {
            (&raw mut (*this.as_ptr()).length).write(Cell::new(length as u32));
            let elements = this.as_ptr().add(1).cast::<Value>();
            for i in 0..length {
                elements.add(i).write(fill);
            }
        }
    }

    /// The number of elements.
    #[inline(always)]
    pub fn length(&self) -> usize {
        self.length.get() as usize
    }

    /// The elements.
    #[inline(always)]
    pub fn elements(&self) -> &[ElementSlot] {
        // SAFETY: allocated with that many elements.
        unsafe { slots_at(std::ptr::from_ref(self).add(1).cast(), self.length()) }
    }
}

// SAFETY: `repr(C)`, begins with the header, sized by its length, traces all elements.
unsafe impl Object for Array {
    const KIND: KindId = kind::ARRAY;
    const NAME: &'static str = "Array";
    fn size(&self) -> usize {
        16 + 8 * self.length()
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        for element in self.elements() {
            visitor.visit(element);
        }
    }
    const HAS_PARTS: bool = true;
    fn trace_part(&self, part: Part, visitor: &mut Visitor<'_>) {
        for element in part.of(self.elements()) {
            visitor.visit(element);
        }
    }
}

/// A string or a symbol: UTF-8 text, immutable.
#[jit::object]
#[derive(Debug)]
#[repr(C)]
pub struct Str {
    header: Header,
    #[jit(immutable)]
    bytes: u32,
    #[jit(immutable)]
    chars: u32,
}

/// A byte of a text, as jitted code reads it.
#[jit::object]
#[repr(transparent)]
struct TextByte(#[jit(immutable)] u8);

/// Eight bytes of a text.
#[jit::object]
#[repr(transparent)]
struct TextWord(#[jit(immutable)] u64);

#[jit]
impl Str {
    /// The number of characters.
    #[inline(always)]
    pub fn chars(&self) -> usize {
        self.chars as usize
    }

    /// Whether each character is one byte.
    #[inline(always)]
    pub fn is_ascii(&self) -> bool {
        self.bytes == self.chars
    }

    /// The number of bytes.
    #[inline(always)]
    pub fn bytes(&self) -> usize {
        self.bytes as usize
    }

    /// Byte `offset` of the text.
    ///
    /// # Safety
    /// `offset` is less than the number of bytes.
    #[inline(always)]
    pub unsafe fn byte(&self, offset: usize) -> u8 {
        // SAFETY: the text lies behind the head; the rest is the caller's promise.
        unsafe { (*std::ptr::from_ref(self).add(1).cast::<TextByte>().add(offset)).0 }
    }

    /// The first eight bytes of the text, zeros behind a shorter one.
    ///
    /// # Safety
    /// The text is not empty.
    #[inline(always)]
    pub unsafe fn first_bytes(&self) -> u64 {
        // SAFETY: the text lies behind the head, in whole words.
        unsafe { (*std::ptr::from_ref(self).add(1).cast::<TextWord>()).0 }
    }
}

impl Str {
    /// The most bytes a string can have.
    pub const MAX_BYTES: usize = u32::MAX as usize;

    /// Bytes of an object for a text of `bytes` bytes.
    pub const fn size_for(bytes: usize) -> usize {
        16 + bytes.next_multiple_of(8)
    }

    /// Fills a new string.
    ///
    /// # Safety
    /// The string was just allocated with room for `text`, which has at most [`Str::MAX_BYTES`] bytes.
    pub(crate) unsafe fn init(this: Gc<Str>, text: &str) {
        // SAFETY: the caller's promise; nothing else refers to the string yet.
        unsafe {
            let head = &mut *this.as_ptr();
            head.bytes = text.len() as u32;
            head.chars = if text.is_ascii() { text.len() as u32 } else { text.chars().count() as u32 };
            let target = this.as_ptr().add(1).cast::<u8>();
            if let Some(last) = text.len().checked_sub(1) {
                // Texts in words: those of up to eight bytes are compared at once.
                target.cast::<u64>().add(last / 8).write(0);
            }
            target.copy_from_nonoverlapping(text.as_ptr(), text.len());
        }
    }

    /// The text. Its life is that of the object, which the caller keeps reachable; the collector does not move an
    /// object that a native stack refers to.
    #[inline(always)]
    pub fn as_str(&self) -> &str {
        // SAFETY: filled by `init` from a `str`.
        unsafe { std::str::from_utf8_unchecked(tail(self, self.bytes as usize)) }
    }

    /// The class: String, Symbol, or a subclass.
    #[inline(always)]
    pub fn class_id(&self) -> ClassId {
        ClassId(self.header.tag())
    }
}

// SAFETY: `repr(C)`, begins with the header, sized by its length, holds no references.
unsafe impl Object for Str {
    const KIND: KindId = kind::STR;
    const NAME: &'static str = "String";
    fn size(&self) -> usize {
        Self::size_for(self.bytes as usize)
    }
    fn trace(&self, _: &mut Visitor<'_>) {}
}

/// A double outside the immediate range.
#[jit::object]
#[derive(Debug)]
#[repr(C)]
pub struct BoxedDouble {
    header: Header,
    #[jit(immutable)]
    #[jit(by_name)]
    pub(crate) value: Cell<f64>,
}

#[jit]
impl BoxedDouble {
    /// Its size in bytes.
    pub const SIZE: usize = 16;

    /// The number.
    #[inline(always)]
    pub fn get(&self) -> f64 {
        self.value.get()
    }
}

// SAFETY: `repr(C)`, begins with the header, fixed size, holds no references.
unsafe impl Object for BoxedDouble {
    const KIND: KindId = kind::DOUBLE;
    const NAME: &'static str = "Double";
    fn size(&self) -> usize {
        Self::SIZE
    }
    fn trace(&self, _: &mut Visitor<'_>) {}
}

/// An integer outside the 63-bit range: sign and magnitude, least significant word first.
#[derive(Debug)]
#[repr(C)]
pub struct BigInt {
    header: Header,
    words: u32,
    negative: u32,
}

impl BigInt {
    /// Bytes of a big integer with `words` magnitude words.
    pub const fn size_for(words: usize) -> usize {
        16 + 8 * words
    }

    /// Fills a new big integer.
    ///
    /// # Safety
    /// It was just allocated with room for `magnitude`.
    pub(crate) unsafe fn init(this: Gc<BigInt>, magnitude: &[u64], negative: bool) {
        // SAFETY: the caller's promise; nothing else refers to the object yet.
        unsafe {
            let head = &mut *this.as_ptr();
            head.words = magnitude.len() as u32;
            head.negative = u32::from(negative);
            let target = this.as_ptr().add(1).cast::<u64>();
            target.copy_from_nonoverlapping(magnitude.as_ptr(), magnitude.len());
        }
    }

    /// The magnitude, least significant word first.
    pub fn magnitude(&self) -> &[u64] {
        // SAFETY: allocated with that many words.
        unsafe { tail(self, self.words as usize) }
    }

    /// Whether the number is less than zero.
    pub fn is_negative(&self) -> bool {
        self.negative != 0
    }
}

// SAFETY: `repr(C)`, begins with the header, sized by its length, holds no references.
unsafe impl Object for BigInt {
    const KIND: KindId = kind::BIG_INT;
    const NAME: &'static str = "BigInt";
    fn size(&self) -> usize {
        Self::size_for(self.words as usize)
    }
    fn trace(&self, _: &mut Visitor<'_>) {}
}

/// Variables that a closure captured, one context a scope.
#[jit::object]
#[derive(Debug)]
#[repr(C)]
pub struct Context {
    header: Header,
    /// The context of the enclosing scope, or [`Value::UNDEFINED`].
    pub outer: FinalSlot,
}

#[jit]
impl Context {
    /// Slot of a *home context* (the method's own one, where blocks return non-locally) that tells whether the method is
    /// still active: where its frame lies (see `interpreter::returns`), or [`Context::DEAD`].
    pub const HOME_SLOT: usize = 0;
    /// In [`Context::HOME_SLOT`]: the method has returned.
    pub const DEAD: Value = Value::small(-1);

    /// Bytes of a context with `slots` slots.
    #[inline(always)]
    pub const fn size_for(slots: usize) -> usize {
        16 + 8 * slots
    }

    /// The variables.
    #[inline(always)]
    pub fn slots(&self) -> &[ContextSlot] {
        // SAFETY: allocated with as many slots as the header tag says.
        unsafe { slots_at(std::ptr::from_ref(self).add(1).cast(), self.header.tag() as usize) }
    }

    /// Variable `index`.
    ///
    /// # Safety
    /// `index` is less than the number of slots.
    #[inline(always)]
    pub unsafe fn slot(&self, index: usize) -> &ContextSlot {
        debug_assert!(index < self.slots().len());
        // SAFETY: the caller's promise.
        unsafe { &*std::ptr::from_ref(self).add(1).cast::<ContextSlot>().add(index) }
    }
}

// SAFETY: `repr(C)`, begins with the header, sized by its tag, traces all slots.
unsafe impl Object for Context {
    const KIND: KindId = kind::CONTEXT;
    const NAME: &'static str = "Context";
    fn size(&self) -> usize {
        Self::size_for(self.header.tag() as usize)
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        visitor.visit(&self.outer);
        for slot in self.slots() {
            visitor.visit(slot);
        }
    }
}

/// A closure.
#[jit::object]
#[derive(Debug)]
#[repr(C)]
pub struct Block {
    header: Header,
    #[jit(immutable)]
    #[jit(by_name)]
    pub(crate) method: Cell<Gc<Method>>,
    pub(crate) receiver: FinalSlot,
    pub(crate) context: FinalSlot,
}

#[jit]
impl Block {
    /// Its size in bytes.
    pub const SIZE: usize = 32;

    /// Its code.
    #[inline(always)]
    pub fn method(&self) -> Gc<Method> {
        self.method.get()
    }

    /// `self` in its body.
    #[inline(always)]
    pub fn receiver(&self) -> Value {
        self.receiver.get()
    }

    /// The innermost context around it, or [`Value::UNDEFINED`].
    #[inline(always)]
    pub fn context(&self) -> Value {
        self.context.get()
    }

    /// Block1, Block2 or Block3.
    pub fn class_id(&self) -> ClassId {
        ClassId(self.header.tag())
    }
}

// SAFETY: `repr(C)`, begins with the header, fixed size; the method is immortal and needs no visit.
unsafe impl Object for Block {
    const KIND: KindId = kind::BLOCK;
    const NAME: &'static str = "Block";
    fn size(&self) -> usize {
        Self::SIZE
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        visitor.visit(&self.receiver);
        visitor.visit(&self.context);
    }
}

/// A global: its name and its value.
#[jit::object]
#[derive(Debug)]
#[repr(C)]
pub struct Association {
    header: Header,
    #[jit(immutable)]
    pub(crate) name: Cell<Gc<Str>>,
    pub(crate) value: GlobalSlot,
}

#[jit]
impl Association {
    /// Its size in bytes.
    pub const SIZE: usize = 24;

    /// The name, a symbol.
    pub fn name(&self) -> Gc<Str> {
        self.name.get()
    }

    /// The value, or [`Value::UNDEFINED`].
    #[inline(always)]
    pub fn value(&self) -> Value {
        self.value.get()
    }
}

// SAFETY: `repr(C)`, begins with the header, fixed size, traces all slots.
unsafe impl Object for Association {
    const KIND: KindId = kind::ASSOCIATION;
    const NAME: &'static str = "Association";
    fn size(&self) -> usize {
        Self::SIZE
    }
    fn trace(&self, visitor: &mut Visitor<'_>) {
        visitor.visit(&self.name);
        visitor.visit(&self.value);
    }
}
