//! What the VM knows about classes.
//!
//! Classes live in a table, two entries each: the class and its metaclass. An object's header names its class by
//! [`ClassId`]; the class *object* that programs see is an [`Instance`] that holds its own id.

use std::path::PathBuf;

use rustc_hash::FxHashMap;
use tailor::jit;
use tailor_gc::Gc;

use crate::method::Method;
use crate::objects::{ClassId, Instance, Str};

/// The representation of a class's instances; subclasses inherit it.
#[jit::value]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InstanceFormat {
    /// Header and fields.
    Instance,
    /// [`crate::objects::Array`]
    Array,
    /// [`crate::objects::Str`]
    String,
    /// [`crate::objects::Str`], interned.
    Symbol,
    /// A small integer or [`crate::objects::BigInt`].
    Integer,
    /// An immediate double or [`crate::objects::BoxedDouble`].
    Double,
    /// [`crate::objects::Block`]
    Block,
    /// [`Method`]
    Method,
    /// A class object: an instance whose first slot holds its id.
    Class,
}

impl InstanceFormat {
    /// Slots in front of the declared fields.
    pub fn hidden_slots(self) -> usize {
        usize::from(self == InstanceFormat::Class)
    }

    /// Whether classes of this format may declare fields.
    pub fn allows_fields(self) -> bool {
        matches!(self, InstanceFormat::Instance | InstanceFormat::Class)
    }
}

/// One class or metaclass.
#[derive(Debug)]
pub struct ClassInfo {
    /// Its number.
    pub id: ClassId,
    /// Its name, a symbol.
    pub name: Gc<Str>,
    /// Index of its superclass.
    pub superclass: Option<usize>,
    /// The class object; absent only while the VM starts.
    pub object: Option<Gc<Instance>>,
    /// How its instances look.
    pub format: InstanceFormat,
    /// Fields of its instances, inherited ones first.
    pub fields: Vec<Gc<Str>>,
    /// Its own methods, in order of declaration.
    pub methods: Vec<Gc<Method>>,
    /// The same by selector.
    pub by_selector: FxHashMap<usize, Gc<Method>>,
    /// Where it was loaded from; none for embedded classes.
    pub file: Option<PathBuf>,
    /// Whether this is a metaclass.
    pub is_metaclass: bool,
}

impl ClassInfo {
    /// Its own method for a selector.
    pub fn own_method(&self, selector: Gc<Str>) -> Option<Gc<Method>> {
        self.by_selector.get(&(selector.as_ptr() as usize)).copied()
    }

    /// Adds a method; a later definition of a selector replaces an earlier one.
    pub fn add_method(&mut self, method: Gc<Method>) {
        let key = method.selector().as_ptr() as usize;
        if self.by_selector.insert(key, method).is_some() {
            self.methods.retain(|m| m.selector().as_ptr() as usize != key);
        }
        self.methods.push(method);
    }
}

/// Classes that the VM itself refers to. The discriminant is the class's index in the class table; its metaclass follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
#[allow(missing_docs)]
pub enum Core {
    Object = 0,
    Class = 2,
    Metaclass = 4,
    Nil = 6,
    Boolean = 8,
    True = 10,
    False = 12,
    Integer = 14,
    Double = 16,
    String = 18,
    Symbol = 20,
    Array = 22,
    Block = 24,
    Block1 = 26,
    Block2 = 28,
    Block3 = 30,
    Method = 32,
    Primitive = 34,
    System = 36,
}

impl Core {
    /// All of them, in order of their index, superclasses before subclasses.
    pub const ALL: [Core; 19] = [
        Core::Object,
        Core::Class,
        Core::Metaclass,
        Core::Nil,
        Core::Boolean,
        Core::True,
        Core::False,
        Core::Integer,
        Core::Double,
        Core::String,
        Core::Symbol,
        Core::Array,
        Core::Block,
        Core::Block1,
        Core::Block2,
        Core::Block3,
        Core::Method,
        Core::Primitive,
        Core::System,
    ];

    /// Its index in the class table.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Its id; only for classes whose instances have no slots.
    pub const fn id(self) -> ClassId {
        ClassId::new(self as usize, 0)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Core::Object => "Object",
            Core::Class => "Class",
            Core::Metaclass => "Metaclass",
            Core::Nil => "Nil",
            Core::Boolean => "Boolean",
            Core::True => "True",
            Core::False => "False",
            Core::Integer => "Integer",
            Core::Double => "Double",
            Core::String => "String",
            Core::Symbol => "Symbol",
            Core::Array => "Array",
            Core::Block => "Block",
            Core::Block1 => "Block1",
            Core::Block2 => "Block2",
            Core::Block3 => "Block3",
            Core::Method => "Method",
            Core::Primitive => "Primitive",
            Core::System => "System",
        }
    }

    /// The representation of its instances.
    pub fn format(self) -> InstanceFormat {
        match self {
            Core::Class | Core::Metaclass => InstanceFormat::Class,
            Core::Integer => InstanceFormat::Integer,
            Core::Double => InstanceFormat::Double,
            Core::String => InstanceFormat::String,
            Core::Symbol => InstanceFormat::Symbol,
            Core::Array => InstanceFormat::Array,
            Core::Block | Core::Block1 | Core::Block2 | Core::Block3 => InstanceFormat::Block,
            Core::Method | Core::Primitive => InstanceFormat::Method,
            _ => InstanceFormat::Instance,
        }
    }

    /// The core class with this name.
    pub fn named(name: &str) -> Option<Core> {
        Core::ALL.into_iter().find(|c| c.name() == name)
    }
}
