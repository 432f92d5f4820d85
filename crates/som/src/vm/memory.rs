//! Making objects.

use std::cell::Cell;

use dashu_int::{IBig, Sign, UBig};
use tailor_gc::{Gc, Heap, StackRange};

use super::Vm;
use crate::classes::{Core, InstanceFormat};
use crate::errors::Raise;
use crate::method::{Method, NewMethod};
use crate::numbers::{self, Num};
use crate::objects::{Array, Association, BigInt, Block, BoxedDouble, ClassId, Context, Instance, Str};
use crate::primitives;
use crate::syntax::ast::Literal;
use crate::value::Value;

/// Where an object is to live.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Collected,
    Immortal,
}

/// Makes all kinds of objects known to the heap.
pub(super) fn register_kinds(heap: &mut Heap) {
    heap.register::<Instance>();
    heap.register::<Array>();
    heap.register::<Str>();
    heap.register::<BoxedDouble>();
    heap.register::<BigInt>();
    heap.register::<Block>();
    heap.register::<Context>();
    heap.register::<Method>();
    heap.register::<Association>();
}

impl Vm {
    /// The part of the guest stack that is in use; if nobody has said, all that may be.
    #[inline(always)]
    pub(crate) fn live_stack(&self) -> StackRange {
        let top = match self.saved.get() {
            Some(regs) => regs.top(),
            None => self.stack.limit(),
        };
        StackRange { base: self.stack.base().cast(), top: top.cast() }
    }

    fn alloc<T: tailor_gc::Object>(&mut self, life: Life, bytes: usize, tag: u32) -> Result<Gc<T>, Raise> {
        let live = self.live_stack();
        // SAFETY: all callers initialise the object at once; the live stack covers all frames.
        let object = unsafe {
            match life {
                Life::Collected => self.heap.alloc(bytes, tag, live)?,
                Life::Immortal => self.heap.alloc_immortal(bytes, tag)?,
            }
        };
        Ok(object)
    }

    /// A new instance with all fields nil.
    ///
    /// # Errors
    /// If memory runs out.
    #[inline]
    pub fn new_instance(&mut self, class: ClassId) -> Result<Gc<Instance>, Raise> {
        let live = self.live_stack();
        let slots = class.slots();
        // SAFETY: the slots are initialised below; the live stack covers all frames.
        let object: Gc<Instance> = unsafe { self.heap.alloc(Instance::size_for(slots), class.0, live)? };
        for slot in object.slots() {
            slot.set(self.nil);
        }
        Ok(object)
    }

    pub(super) fn new_immortal_instance(&mut self, class: ClassId) -> Result<Gc<Instance>, Raise> {
        let object: Gc<Instance> = self.alloc(Life::Immortal, Instance::size_for(class.slots()), class.0)?;
        for slot in object.slots() {
            slot.set(self.nil);
        }
        Ok(object)
    }

    /// A new array with all elements nil.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn new_array(&mut self, class: ClassId, length: usize) -> Result<Gc<Array>, Raise> {
        self.array(Life::Collected, class, length)
    }

    fn array(&mut self, life: Life, class: ClassId, length: usize) -> Result<Gc<Array>, Raise> {
        let Some(bytes) = Array::size_for(length) else {
            return Err(Raise::of(
                crate::errors::ErrorKind::OutOfMemory,
                format!("Out of memory: no room for {length} elements."),
            ));
        };
        let array = self.alloc(life, bytes, class.0)?;
        // SAFETY: just allocated with that length.
        unsafe { Array::init(array, length, self.nil) };
        Ok(array)
    }

    /// A new array with the given elements.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn new_array_of(&mut self, elements: &[Value]) -> Result<Value, Raise> {
        let array = self.new_array(Core::Array.id(), elements.len())?;
        for (slot, &value) in array.elements().iter().zip(elements) {
            slot.set(value);
        }
        self.heap.write_barrier(array);
        Ok(Value::from_gc(array))
    }

    /// A new string.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn new_string(&mut self, text: &str) -> Result<Value, Raise> {
        self.string(Life::Collected, Core::String.id(), text).map(Value::from_gc)
    }

    /// A new string of a subclass of String.
    ///
    /// # Errors
    /// If memory runs out.
    pub(crate) fn new_string_of(&mut self, class: ClassId, text: &str) -> Result<Value, Raise> {
        self.string(Life::Collected, class, text).map(Value::from_gc)
    }

    fn string(&mut self, life: Life, class: ClassId, text: &str) -> Result<Gc<Str>, Raise> {
        if text.len() > Str::MAX_BYTES {
            return Err(Raise::error("String too long."));
        }
        let string = self.alloc(life, Str::size_for(text.len()), class.0)?;
        // SAFETY: just allocated with that length, which was checked.
        unsafe { Str::init(string, text) };
        Ok(string)
    }

    /// The symbol with this text.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn intern(&mut self, text: &str) -> Result<Gc<Str>, Raise> {
        if let Some(&symbol) = self.symbols.get(text) {
            return Ok(symbol);
        }
        let symbol = self.string(Life::Immortal, Core::Symbol.id(), text)?;
        self.symbols.insert(text.into(), symbol);
        Ok(symbol)
    }

    /// A double as value.
    ///
    /// # Errors
    /// If memory runs out.
    #[inline(always)]
    pub fn new_double(&mut self, f: f64) -> Result<Value, Raise> {
        match Value::try_double(f) {
            Some(value) => Ok(value),
            None => self.boxed_double(f),
        }
    }

    #[cold]
    #[inline(never)]
    fn boxed_double(&mut self, f: f64) -> Result<Value, Raise> {
        if f == 0.0 {
            return Ok(if f.is_sign_negative() { self.negative_zero } else { self.zero });
        }
        self.double_object(Life::Collected, f)
    }

    fn double_object(&mut self, life: Life, f: f64) -> Result<Value, Raise> {
        let object: Gc<BoxedDouble> = self.alloc(life, BoxedDouble::SIZE, Core::Double.id().0)?;
        // SAFETY: just allocated; nothing else refers to it.
        unsafe { (&raw mut (*object.as_ptr()).value).write(Cell::new(f)) };
        Ok(Value::from_gc(object))
    }

    pub(super) fn immortal_string(&mut self, text: &str) -> Result<Value, Raise> {
        self.string(Life::Immortal, Core::String.id(), text).map(Value::from_gc)
    }

    pub(super) fn immortal_double(&mut self, f: f64) -> Result<Value, Raise> {
        self.double_object(Life::Immortal, f)
    }

    /// A number as value.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn new_number(&mut self, number: Num) -> Result<Value, Raise> {
        match number {
            Num::Int(i) => self.new_integer(i),
            Num::Big(big) => self.big_integer(Life::Collected, &big),
            Num::Double(f) => self.new_double(f),
        }
    }

    /// An integer as value.
    ///
    /// # Errors
    /// If memory runs out.
    #[inline(always)]
    pub fn new_integer(&mut self, i: i64) -> Result<Value, Raise> {
        match Value::try_small(i) {
            Some(value) => Ok(value),
            None => self.big_integer(Life::Collected, &IBig::from(i)),
        }
    }

    fn big_integer(&mut self, life: Life, big: &IBig) -> Result<Value, Raise> {
        if let Some(small) = i64::try_from(big).ok().and_then(Value::try_small) {
            return Ok(small);
        }
        let (sign, magnitude) = big.as_sign_words();
        let object = self.alloc(life, BigInt::size_for(magnitude.len()), Core::Integer.id().0)?;
        // SAFETY: just allocated with that length.
        unsafe { BigInt::init(object, magnitude, sign == Sign::Negative) };
        Ok(Value::from_gc(object))
    }

    /// The number that a value is, if it is one.
    pub fn number(&self, value: Value) -> Option<Num> {
        if let Some(i) = value.to_small() {
            Some(Num::Int(i))
        } else if let Some(f) = self.as_double(value) {
            Some(Num::Double(f))
        } else {
            let big = value.downcast::<BigInt>()?;
            let sign = if big.is_negative() { Sign::Negative } else { Sign::Positive };
            Some(Num::Big(IBig::from_parts(sign, UBig::from_words(big.magnitude()))))
        }
    }

    /// The double that a value is, if it is one.
    #[inline(always)]
    pub fn as_double(&self, value: Value) -> Option<f64> {
        if value.is_immediate_double() {
            Some(value.as_immediate_double())
        } else {
            value.downcast::<BoxedDouble>().map(|d| d.get())
        }
    }

    /// A new method; see [`Method`].
    pub(crate) fn new_method(&mut self, new: NewMethod) -> Result<Gc<Method>, Raise> {
        let class = match new.invokable {
            crate::method::Invokable::Primitive(_) => Core::Primitive,
            _ => Core::Method,
        };
        let method = self.alloc(Life::Immortal, Method::SIZE, class.id().0)?;
        // SAFETY: just allocated; the VM drops the details of all its methods once.
        unsafe { Method::init(method, new) };
        self.methods.push(method);
        Ok(method)
    }

    /// The association of a global, which is made if there is none.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn association(&mut self, name: Gc<Str>) -> Result<Gc<Association>, Raise> {
        let key = name.as_ptr() as usize;
        if let Some(&association) = self.globals.get(&key) {
            return Ok(association);
        }
        let association: Gc<Association> = self.alloc(Life::Immortal, Association::SIZE, 0)?;
        // SAFETY: just allocated; nothing else refers to it.
        unsafe {
            let p = association.as_ptr();
            (*p).name.set(name);
            (*p).value.set(Value::UNDEFINED);
        }
        self.globals.insert(key, association);
        Ok(association)
    }

    pub(crate) fn association_named(&mut self, name: &str) -> Result<Gc<Association>, Raise> {
        let name = self.intern(name)?;
        self.association(name)
    }

    /// The value of a literal; it lives as long as the VM.
    pub(crate) fn immortal_literal(&mut self, literal: &Literal) -> Result<Value, Raise> {
        Ok(match literal {
            Literal::Integer(i) => self.big_integer(Life::Immortal, i)?,
            Literal::Double(f) => match Value::try_double(*f) {
                Some(value) => value,
                None => self.double_object(Life::Immortal, *f)?,
            },
            Literal::Symbol(text) => Value::from_gc(self.intern(text)?),
            Literal::String(text) => Value::from_gc(self.string(Life::Immortal, Core::String.id(), text)?),
            Literal::Array(elements) => {
                let array = self.array(Life::Immortal, Core::Array.id(), elements.len())?;
                for (i, element) in elements.iter().enumerate() {
                    let value = self.immortal_literal(element)?;
                    array.elements()[i].set(value);
                    self.heap.write_barrier(array);
                }
                Value::from_gc(array)
            }
        })
    }

    /// A number that stays with an object; equal for identical values.
    pub fn identity_hash(&mut self, value: Value) -> i64 {
        if !value.is_ref() {
            return (value.bits() >> 2) as i64;
        }
        // SAFETY: `value` is a defined reference, and the heap treats all kinds alike here.
        let hash = unsafe { self.heap.identity_hash(value.as_gc::<Instance>()) };
        i64::from(hash)
    }

    /// The hash of a value, as a small integer: equal for values that are equal by Object's `=`, that of numbers, and that of strings.
    pub(crate) fn hashcode(&mut self, value: Value) -> Value {
        Value::small(if let Some(number) = self.number(value) {
            numbers::hash(&number)
        } else if let Some(string) = value.downcast::<Str>() {
            primitives::string::hash(string.as_str())
        } else {
            self.identity_hash(value)
        })
    }

    /// Collects the whole heap.
    pub fn collect(&mut self) {
        let live = self.live_stack();
        // SAFETY: the live stack covers all frames.
        unsafe { self.heap.collect(live) };
    }

    /// A short text for a value that runs no SOM code: numbers, strings and symbols as literals, others by class.
    pub fn describe(&self, value: Value) -> String {
        if value == Value::UNDEFINED {
            return "undefined".into();
        }
        if let Some(number) = self.number(value) {
            return number.to_string();
        }
        if let Some(string) = value.downcast::<Str>() {
            let symbol = self.class_info(string.class_id()).format == InstanceFormat::Symbol;
            return if symbol { format!("#{}", string.as_str()) } else { format!("'{}'", string.as_str()) };
        }
        if let Some(class) = self.as_class(value) {
            return self.class_name(class).into();
        }
        if let Some(association) = value.downcast::<Association>() {
            return format!("global {}", association.name().as_str());
        }
        match self.literal_name(value) {
            Some(name) => name.into(),
            None => format!("instance of {}", self.class_name(self.class_of(value))),
        }
    }

    fn literal_name(&self, value: Value) -> Option<&'static str> {
        [(self.nil, "nil"), (self.true_, "true"), (self.false_, "false")]
            .into_iter()
            .find_map(|(v, name)| (v == value).then_some(name))
    }
}
