//! A small world for random units to work in: objects of some shapes, arrays, a guest stack, a heap to allocate from, and functions to call. Every run starts from
//! the same state, and what a run leaves behind can be compared.
//!
//! # Shapes
//! Each object begins with a header word that says its shape; old ones (those that are there from the start) have the bit that asks for the write barrier. Every word of every
//! shape has a kind ([`Kind`]) of value, and accesses keep to it: so units that are made of well-kinded accesses are sound.

use std::cell::RefCell;
use std::rc::Rc;

use super::callees::{Callees, callees};
use super::functions::{self, Function};
use super::generate::PARAMETERS;
use super::memory::{LENGTH, LOG_BIT, Layout, Memory, STACK_KINDS, State};
use super::shapes::{BOXING, Kind, Shape};
use crate::ir::{
    AliasClass, AliasSet, AllocDesc, AllocId, BoxDesc, BoxId, CallDesc, CallId, Descriptors, EntryDesc, EntryId,
    LabelId, MemDesc, MemId, MemKind, Type, Unit, Width,
};
use crate::runtime::Runtime;

/// A place in an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its descriptor.
    pub mem: MemId,
    /// What it holds.
    pub kind: Kind,
    /// The largest index, if it has one.
    pub last_index: u64,
    /// Written only when its object is new.
    pub immutable: bool,
}

/// A unit, and one of its entries.
pub struct Linked {
    /// What others name it by.
    pub entry: EntryId,
    /// The unit.
    pub unit: Unit,
    /// Where it is entered.
    pub label: LabelId,
}

/// See the module's header.
pub struct World {
    /// What units refer to.
    pub descriptors: Descriptors,
    /// How to allocate.
    pub runtime: Runtime,
    /// Fields by shape.
    pub fields: Vec<Vec<Field>>,
    /// How to box doubles, and how to load them from objects.
    pub boxing: (BoxId, MemId),
    /// What to allocate, by shape.
    pub allocs: Vec<AllocId>,
    /// The guest stack's words by displacement from the base: one descriptor for each of -8..8.
    pub stack: Vec<MemId>,
    /// The functions.
    pub functions: Vec<(CallId, &'static Function)>,
    /// The units that can be called.
    pub callees: Callees,
    /// The entry of the loop of a pair of units; it takes what all random units take.
    pub outer: EntryId,
    /// Further units that are continued in.
    pub linked: Vec<Linked>,
    /// What they were made of: for what is resumed after an exit.
    pub originals: Vec<Linked>,
    /// Where things lie.
    pub layout: Layout,
    memory: Rc<RefCell<Memory>>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A world in a place of its own.
    ///
    /// # Panics
    /// If there are 64 already, or the system refuses the address.
    pub fn new() -> World {
        let memory = Memory::claim();
        let layout = memory.layout;
        let runtime = Runtime {
            cursor: layout.front(),
            limit: layout.front() + 8,
            alloc_slow: functions::alloc_slow,
            log_bit: LOG_BIT,
            barrier_slow: functions::barrier_slow,
            is_lasting: functions::is_lasting,
            context: 0,
            harmless: 0,
            stack_limit: layout.front() + 16,
        };
        let mut world = World {
            descriptors: Descriptors::default(),
            runtime,
            fields: Vec::new(),
            boxing: (BoxId(0), MemId(0)),
            allocs: Vec::new(),
            stack: Vec::new(),
            functions: Vec::new(),
            callees: Callees::default(),
            outer: EntryId(0),
            linked: Vec::new(),
            originals: Vec::new(),
            layout,
            memory: Rc::new(RefCell::new(memory)),
        };
        world.describe();
        let arguments = PARAMETERS.iter().map(|kind| kind.ty()).collect();
        let outer = EntryDesc { name: "outer".into(), arguments, result: Type::Void, stack_arguments: Vec::new() };
        world.outer = world.descriptors.intern_entry(outer).expect("there are few descriptors");
        world.callees = callees(&mut world.descriptors, &World::symbol);
        world
    }

    /// Makes the descriptors.
    fn describe(&mut self) {
        for shape in Shape::ALL {
            let fields = fields(shape);
            let fields = fields.into_iter().map(|(mem, kind, last_index)| Field {
                mem: self.descriptors.intern_mem(mem).expect("there are few descriptors"),
                kind,
                last_index,
                immutable: mem.immutable,
            });
            self.fields.push(fields.collect());
            let alloc = AllocDesc { size: shape.words() as u32 * 8, header: shape.header() };
            self.allocs.push(self.descriptors.intern_alloc(alloc).expect("there are few descriptors"));
        }
        let boxed = MemDesc {
            class: AliasClass(21),
            kind: MemKind::Field,
            width: Width::F64,
            immutable: true,
            offset: BoxDesc::OFFSET,
            scale: 0,
        };
        let boxing = self.descriptors.intern_boxing(BOXING).expect("there are few descriptors");
        self.boxing = (boxing, self.descriptors.intern_mem(boxed).expect("there are few descriptors"));
        for displacement in -8..8 {
            let width = match STACK_KINDS[displacement as usize % 4] {
                Kind::Float => Width::F64,
                Kind::Object(_) => Width::Ref,
                _ => Width::I64,
            };
            let class = AliasClass(20);
            let mem =
                MemDesc { class, kind: MemKind::Stack, width, immutable: false, offset: displacement * 8, scale: 0 };
            self.stack.push(self.descriptors.intern_mem(mem).expect("there are few descriptors"));
        }
        for function in functions::ALL {
            let set = |classes: &[u8]| classes.iter().fold(AliasSet::NONE, |set, &class| set.with(AliasClass(class)));
            let desc = CallDesc {
                name: function.name.into(),
                address: function.address as usize,
                arguments: function.arguments.iter().map(|kind| kind.ty()).collect(),
                result: function.result.map_or(Type::Void, Kind::ty),
                reads: set(function.reads),
                writes: set(function.writes),
                collects: function.collects,
                elidable: function.elidable,
            };
            let call = self.descriptors.intern_call(desc).expect("there are few descriptors");
            self.functions.push((call, function));
        }
    }

    /// The address of the function with this name, for parsing texts.
    pub fn symbol(name: &str) -> Option<usize> {
        functions::ALL.iter().find(|function| function.name == name).map(|function| function.address as usize)
    }

    /// The unit and label behind an entry.
    pub fn unit(&self, entry: EntryId) -> Option<(&Unit, LabelId)> {
        self.find(&self.linked, entry)
    }

    /// The same, for what is resumed.
    pub fn original(&self, entry: EntryId) -> Option<(&Unit, LabelId)> {
        self.find(&self.originals, entry)
    }

    fn find<'a>(&'a self, linked: &'a [Linked], entry: EntryId) -> Option<(&'a Unit, LabelId)> {
        if let Some(linked) = linked.iter().find(|linked| linked.entry == entry) {
            return Some((&linked.unit, linked.label));
        }
        let mut callees = self.callees.entries.iter().chain(&self.callees.frames);
        let callee = callees.find(|callee| callee.entry == entry)?;
        let (unit, label) = callee.place;
        Some((&self.callees.units[unit], label))
    }

    /// Makes the state that `seed` says, and lets this thread's calls work on it.
    pub fn reset(&self, seed: u64) {
        functions::enter(&self.memory);
        self.memory.borrow_mut().reset(seed);
    }

    /// What a run has left behind.
    ///
    /// # Errors
    /// What it has done that a collector would trip over.
    pub fn capture(&self) -> Result<State, String> {
        let mut state = State::default();
        let mut memory = self.memory.borrow_mut();
        memory.capture(&mut state);
        match memory.violation.take() {
            Some(violation) => Err(violation),
            None => Ok(state),
        }
    }
}

/// The places in objects of a shape: descriptor, kind, largest index.
fn fields(shape: Shape) -> Vec<(MemDesc, Kind, u64)> {
    let field = |class, offset, width, kind| {
        let class = AliasClass(class);
        (MemDesc { class, kind: MemKind::Field, width, immutable: false, offset, scale: 0 }, kind, 0)
    };
    let immutable = |(mem, kind, last): (MemDesc, Kind, u64)| (MemDesc { immutable: true, ..mem }, kind, last);
    let elements = |class, width: Width, scale, kind, last| {
        let mem =
            MemDesc { class: AliasClass(class), kind: MemKind::Element, width, immutable: false, offset: 16, scale };
        let mut all = vec![(mem, kind, last)];
        // Elements at constant indexes.
        for index in 0..=last {
            let offset = 16 + index as i32 * width.bytes() as i32;
            all.push((MemDesc { offset, scale: 0, ..mem }, kind, 0));
        }
        all
    };
    let p = Kind::Object(Shape::P);
    let length = immutable(field(11, 8, Width::I64, Kind::Int));
    match shape {
        Shape::P => vec![
            field(1, 8, Width::I64, Kind::Int),
            field(2, 16, Width::I64, Kind::Int),
            field(3, 24, Width::Ref, p),
            field(4, 32, Width::F64, Kind::Float),
            field(5, 40, Width::Ref, Kind::Maybe),
        ],
        Shape::Q => vec![
            field(6, 8, Width::I64, Kind::Tagged),
            field(7, 16, Width::I64, Kind::Int),
            field(8, 24, Width::Ref, Kind::Object(Shape::Q)),
            field(7, 16, Width::U32, Kind::Int),
            field(7, 16, Width::I32, Kind::Int),
            field(7, 20, Width::U32, Kind::Int),
            field(7, 18, Width::U16, Kind::Int),
            field(7, 20, Width::I16, Kind::Int),
            field(7, 22, Width::I8, Kind::Int),
            field(7, 22, Width::U8, Kind::Int),
            field(7, 23, Width::U8, Kind::Int),
        ],
        Shape::R => {
            vec![immutable(field(9, 8, Width::I64, Kind::Int)), immutable(field(10, 16, Width::Ref, p))]
        }
        Shape::Ints => [vec![length], elements(12, Width::I64, 8, Kind::Int, LENGTH - 1)].concat(),
        Shape::Floats => [vec![length], elements(13, Width::F64, 8, Kind::Float, LENGTH - 1)].concat(),
        Shape::Objects => [vec![length], elements(14, Width::Ref, 8, p, LENGTH - 1)].concat(),
        Shape::Bytes => [
            vec![length],
            elements(15, Width::I64, 8, Kind::Int, 0),
            elements(15, Width::U8, 1, Kind::Int, 7),
            elements(15, Width::I8, 1, Kind::Int, 7),
            elements(15, Width::U16, 2, Kind::Int, 3),
            elements(15, Width::I32, 4, Kind::Int, 1),
        ]
        .concat(),
    }
}
