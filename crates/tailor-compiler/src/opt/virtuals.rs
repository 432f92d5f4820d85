//! The pass `virtuals`: objects that nobody else can see are not allocated.
//!
//! # Method
//! An allocation makes a *virtual object* first: a list of fields with their values, known to the walk only. Loads from it and stores into it are moves of values. Where
//! its address is needed (a call, a store into real memory that is not put off, a jump to where nothing is known) it is *forced*: allocated and filled, there and
//! then. Exits do not force: the snapshot describes the object by a recipe, so what only exits need is allocated there (Bolz et al., "Allocation Removal by
//! Partial Evaluation in a Tracing JIT", 2011).
//!
//! Virtual objects may refer to each other, also in circles. An Int that is the address of a virtual object (a tagged word) is the virtual object as well: conversions keep it, tag
//! tests fold, since objects lie at multiples of eight. No other word equals its address.
//!
//! # Forcing
//! All virtual objects that can be reached are allocated, fields first. The next allocation may collect, and all words of an object must be filled then: so words without a value,
//! and those that wait for an object of their circle, are filled with [`Options::harmless`](super::Options) first. What is stored after another allocation needs a barrier.
//!
//! # Why real allocations force what there is
//! An allocation that is too large to be virtual is filled by the stores that follow it, with nothing that collects between: as the source says. Forcing another object there
//! would break that.

use super::exits::NO_GROUP;
use super::facts::Fact;
use super::heap::Location;
use super::walk::{Walk, as_virtual, virtual_value};
use crate::ir::{AliasClass, AllocId, MemDesc, MemId, MemKind, Op, OpCode, Ref, Type, Width};

/// Objects of more bytes are allocated where the source says.
pub const SIZE_LIMIT: u32 = 512;

/// Bytes of an object's header.
const HEADER: i64 = 8;

/// No field.
const NONE: u32 = u32::MAX;

/// An allocation of the source that has not been done, or has been done later.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    pub alloc: AllocId,
    /// Its address, once it has been made.
    pub real: Option<Ref>,
    /// The last source operation that uses it; see [`Cfg::last_use`](super::cfg::Cfg::last_use).
    pub used_until: u32,
    /// The group of snapshots that it has a recipe in; see [`exits`](super::exits).
    pub group: u32,
    /// The recipe's number.
    pub recipe: u32,
    /// First of its fields.
    first: u32,
    seen: bool,
    /// Its place among the objects of a loop's state; see [`peel`](super::peel).
    pub member: Option<u32>,
    /// The object that stands for it at the loop's back edge; see [`close`](super::close).
    pub now: Option<u32>,
    /// The object that it stands for there.
    pub stands_for: Option<u32>,
}

/// A field that has been stored.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Without an index.
    pub mem: MemId,
    pub offset: i32,
    pub width: Width,
    pub value: Ref,
    /// Whether the value was a constant in the source.
    pub literal: bool,
    /// The source operation that stored it, + 1.
    pub stored_at: u32,
    next: u32,
}

/// All virtual objects of a walk.
#[derive(Debug, Default)]
pub struct Virtuals {
    pub objects: Vec<Object>,
    pub fields: Vec<Field>,
    /// Those that may not have been forced yet.
    pub open: Vec<u32>,
    order: Vec<u32>,
    stack: Vec<(u32, u32)>,
    late: Vec<(Ref, Field)>,
}

impl Virtuals {
    pub fn clear(&mut self) {
        self.objects.clear();
        self.fields.clear();
        self.open.clear();
    }

    /// The numbers of an object's fields, the youngest first.
    pub fn fields_of(&self, object: usize) -> impl Iterator<Item = usize> + '_ {
        let first = self.objects[object].first;
        std::iter::successors((first != NONE).then_some(first as usize), |&field| self.following(field))
    }

    /// The number of the field after one.
    pub fn following(&self, field: usize) -> Option<usize> {
        let next = self.fields[field].next;
        (next != NONE).then_some(next as usize)
    }
}

/// What an access to a virtual object finds.
enum Place {
    Header,
    Field(usize),
    Empty,
    /// Only real memory can tell.
    Unknown,
}

/// How words are filled that have no value yet: at the address itself. The class does not matter, since nobody else knows the object.
pub const WORD: MemDesc =
    MemDesc { class: AliasClass(0), kind: MemKind::Field, width: Width::I64, immutable: false, offset: 0, scale: 0 };

impl Walk<'_> {
    /// `New`.
    pub(super) fn new_object(&mut self, op: &Op) {
        let alloc = AllocId(op.aux);
        let can_fill = self.harmless.is_some();
        if !self.options.passes.virtuals || !can_fill || self.descriptors.alloc(alloc).size > SIZE_LIMIT {
            self.force_all();
            let value = self.allocate(alloc);
            return self.bind(self.at, value);
        }
        let number = self.s.virtuals.objects.len();
        self.s.virtuals.objects.push(Object {
            alloc,
            real: None,
            used_until: 0,
            group: NO_GROUP,
            recipe: 0,
            first: NONE,
            seen: false,
            member: None,
            now: None,
            stands_for: None,
        });
        self.s.virtuals.open.push(number as u32);
        self.bind(self.at, virtual_value(number));
    }

    fn allocate(&mut self, alloc: AllocId) -> Ref {
        let op = Op { aux: alloc.0, ..Op::new(OpCode::New, Type::Ref) };
        // Its slow half may find that memory is exhausted, and invalidate what allocates.
        self.valid = false;
        let value = self.push(op, Fact::OBJECT);
        self.epoch += 1;
        self.s.logged[self.out.ops.len() - 1] = self.epoch;
        value
    }

    /// The descriptor of an access without its index, if the index is constant or absent.
    fn without_index(&mut self, mem: MemId, index: Ref) -> Option<(MemId, MemDesc)> {
        let desc = *self.descriptors.mem(mem);
        if index == Ref::NONE {
            return Some((mem, desc));
        }
        let bytes = (self.constant_bits(index)? as i64).checked_mul(i64::from(desc.scale))?;
        let offset = i32::try_from(i64::from(desc.offset).checked_add(bytes)?).ok()?;
        let desc = MemDesc { offset, scale: 0, ..desc };
        Some((self.descriptors.intern_mem(desc)?, desc))
    }

    fn find_field(&self, object: usize, desc: &MemDesc) -> Place {
        let (start, size) = (i64::from(desc.offset), i64::from(desc.width.bytes()));
        if (0..HEADER).contains(&start) {
            return if start + size <= HEADER { Place::Header } else { Place::Unknown };
        }
        let end = i64::from(self.descriptors.alloc(self.s.virtuals.objects[object].alloc).size);
        if start < 0 || start + size > end {
            return Place::Unknown;
        }
        let mut place = Place::Empty;
        for number in self.s.virtuals.fields_of(object) {
            let field = &self.s.virtuals.fields[number];
            let (other, other_size) = (i64::from(field.offset), i64::from(field.width.bytes()));
            if other == start && other_size == size {
                place = Place::Field(number);
            } else if other < start + size && start < other + other_size {
                return Place::Unknown;
            }
        }
        place
    }

    /// What is loaded from a virtual object, if that is known.
    pub(super) fn load_virtual(&mut self, base: Ref, mem: MemId, index: Ref) -> Option<Ref> {
        let object = as_virtual(base)?;
        let (_, desc) = self.without_index(mem, index)?;
        match self.find_field(object, &desc) {
            Place::Field(number) => {
                self.count(1);
                let field = self.s.virtuals.fields[number];
                Some(self.contents(field.width, field.value, desc.width))
            }
            Place::Header => {
                let header = self.descriptors.alloc(self.s.virtuals.objects[object].alloc).header;
                let word = self.narrowed(header >> (desc.offset * 8), desc.width);
                Some(self.retype(word, desc.width.ty()))
            }
            Place::Empty | Place::Unknown => None,
        }
    }

    /// The constant that a load of this width makes of a word's low bytes.
    fn narrowed(&mut self, word: u64, width: Width) -> Ref {
        let unused = 64 - width.bytes() * 8;
        let bits = match width {
            Width::I8 | Width::I16 | Width::I32 => ((word << unused) as i64 >> unused) as u64,
            _ => word << unused >> unused,
        };
        self.constant(Type::Int, bits)
    }

    /// Stores into a virtual object; whether that was possible.
    pub(super) fn store_virtual(&mut self, base: Ref, mem: MemId, index: Ref, value: Ref, literal: bool) -> bool {
        let Some((object, (mem, desc))) = as_virtual(base).zip(self.without_index(mem, index)) else { return false };
        let stored_at = self.at as u32 + 1;
        let mut field = Field { mem, offset: desc.offset, width: desc.width, value, literal, stored_at, next: NONE };
        match self.find_field(object, &desc) {
            Place::Field(number) => {
                field.next = self.s.virtuals.fields[number].next;
                self.s.virtuals.fields[number] = field;
            }
            Place::Empty => {
                let virtuals = &mut self.s.virtuals;
                field.next = virtuals.objects[object].first;
                virtuals.objects[object].first = virtuals.fields.len() as u32;
                virtuals.fields.push(field);
            }
            Place::Header | Place::Unknown => return false,
        }
        self.count(1);
        self.changed(object);
        true
    }

    /// Recipes that describe a virtual object as it was are not to be used any more.
    pub(super) fn changed(&mut self, object: usize) {
        if self.s.exits.is_current(self.s.virtuals.objects[object].group) {
            self.s.exits.new_group();
        }
    }

    /// Pure operations on the address of a virtual object that need not know it.
    pub(super) fn of_virtual(&mut self, op: &Op) -> Option<Ref> {
        let is_virtual = |walk: &Self, word| as_virtual(walk.value(Ref::from_word(word))).is_some();
        match op.code {
            OpCode::RefToInt | OpCode::IntToRef if is_virtual(self, op.a) => Some(self.value(Ref::from_word(op.a))),
            OpCode::Eq | OpCode::Ne | OpCode::RefEq | OpCode::RefNe
                if is_virtual(self, op.a) || is_virtual(self, op.b) =>
            {
                let same = self.value(Ref::from_word(op.a)) == self.value(Ref::from_word(op.b));
                let wanted = matches!(op.code, OpCode::Eq | OpCode::RefEq);
                Some(self.constant(Type::Int, u64::from(same == wanted)))
            }
            OpCode::And => {
                let mask = |walk: &Self, word| walk.constant_bits(walk.value(Ref::from_word(word)));
                let masked = is_virtual(self, op.a) && mask(self, op.b).is_some_and(|mask| mask < 8)
                    || is_virtual(self, op.b) && mask(self, op.a).is_some_and(|mask| mask < 8);
                masked.then(|| self.constant(Type::Int, 0))
            }
            _ => None,
        }
    }

    /// The outcome of a comparison of addresses, if one is that of an object that the unit has allocated and the other was there before.
    pub(super) fn compare_with_new(&self, op: &Op) -> Option<bool> {
        let equal = match op.code {
            OpCode::Eq | OpCode::RefEq => true,
            OpCode::Ne | OpCode::RefNe => false,
            _ => return None,
        };
        let address = |word| {
            let value = Ref::from_word(word);
            let converted = value.as_op().map(|at| self.out.ops[at]).filter(|op| op.code == OpCode::RefToInt);
            converted.map_or(value, |op| Ref::from_word(op.a))
        };
        self.are_apart(address(op.a), address(op.b)).then_some(!equal)
    }

    /// What is loaded from the header of an object that the unit has allocated, if that never changes.
    pub(super) fn load_header(&mut self, location: &Location) -> Option<Ref> {
        let new = location.root.as_op().map(|at| self.out.ops[at]).filter(|op| op.code == OpCode::New)?;
        let end = location.offset + i64::from(location.width.bytes());
        if !location.immutable || location.index != Ref::NONE || location.offset < 0 || end > HEADER {
            return None;
        }
        let header = self.descriptors.alloc(AllocId(new.aux)).header;
        let word = self.narrowed(header >> (location.offset * 8), location.width);
        Some(self.retype(word, location.width.ty()))
    }

    /// Makes all virtual objects that may be used behind the operation under way.
    pub(super) fn force_used_behind(&mut self) {
        // While a loop is peeled, a use before the operation may be behind it in the next iteration.
        let keep_dead = self.peeling.is_some();
        let mut open = std::mem::take(&mut self.s.virtuals.open);
        let at = self.at as u32;
        open.retain(|&number| {
            let object = self.s.virtuals.objects[number as usize];
            if object.real.is_none() && object.used_until > at {
                self.force(virtual_value(number as usize));
                return false;
            }
            object.real.is_none() && keep_dead
        });
        self.s.virtuals.open = open;
    }

    /// Makes all virtual objects.
    pub(super) fn force_all(&mut self) {
        let open = std::mem::take(&mut self.s.virtuals.open);
        for &number in &open {
            if self.s.virtuals.objects[number as usize].real.is_none() {
                self.force(virtual_value(number as usize));
            }
        }
    }

    /// The virtual objects that `root` reaches and that have not been made, in postorder: an object comes after those it refers to, but for circles.
    fn reachable(&mut self, root: usize) {
        let virtuals = &mut self.s.virtuals;
        virtuals.order.clear();
        virtuals.stack.clear();
        virtuals.objects[root].seen = true;
        virtuals.stack.push((root as u32, virtuals.objects[root].first));
        while let Some((object, field)) = virtuals.stack.pop() {
            if field == NONE {
                virtuals.order.push(object);
                continue;
            }
            let Field { value, next, .. } = virtuals.fields[field as usize];
            virtuals.stack.push((object, next));
            if let Some(other) = as_virtual(value)
                && virtuals.objects[other].real.is_none()
                && !virtuals.objects[other].seen
            {
                virtuals.objects[other].seen = true;
                virtuals.stack.push((other as u32, virtuals.objects[other].first));
            }
        }
    }

    /// The address of a virtual object, which is made if it has not been yet.
    pub(super) fn force(&mut self, value: Ref) -> Ref {
        let resolved = self.resolve(value);
        let Some(root) = as_virtual(resolved) else { return resolved };
        self.reachable(root);
        let order = std::mem::take(&mut self.s.virtuals.order);
        let mut late = std::mem::take(&mut self.s.virtuals.late);
        late.clear();
        for &number in &order {
            self.count(1);
            self.make(number as usize, &mut late);
        }
        for &(object, field) in &late {
            self.fill(object, field);
            self.emit_barrier(object);
        }
        self.s.virtuals.order = order;
        self.s.virtuals.late = late;
        self.resolve(value)
    }

    fn make(&mut self, number: usize, late: &mut Vec<(Ref, Field)>) {
        self.changed(number);
        let alloc = self.s.virtuals.objects[number].alloc;
        let object = self.allocate(alloc);
        self.s.virtuals.objects[number].real = Some(object);
        self.s.virtuals.objects[number].seen = false;
        let (size, mut covered) = (self.descriptors.alloc(alloc).size, 1u64);
        for field in self.s.virtuals.fields_of(number) {
            let field = &self.s.virtuals.fields[field];
            let whole =
                field.width.bytes() == 8 && field.offset % 8 == 0 && as_virtual(self.resolve(field.value)).is_none();
            covered |= u64::from(whole) << (field.offset / 8);
        }
        for word in (0..size / 8).filter(|word| covered >> word & 1 == 0) {
            self.fill_harmless(object, i64::from(word) * 8);
        }
        let mut next = self.s.virtuals.objects[number].first;
        while next != NONE {
            let field = self.s.virtuals.fields[next as usize];
            next = field.next;
            if as_virtual(self.resolve(field.value)).is_some() {
                late.push((object, field));
            } else {
                self.fill(object, field);
            }
        }
    }

    /// Fills a word of a new object with something that the collector passes over.
    fn fill_harmless(&mut self, object: Ref, offset: i64) {
        let Some(mem) = self.harmless else { return };
        let offset = self.constant(Type::Int, offset as u64);
        let address = Op { a: object.word(), b: offset.word(), ..Op::new(OpCode::PtrAdd, Type::Ref) };
        let address = self.pure(address);
        let value = self.constant(Type::Int, self.options.harmless);
        let mut op = Op::new(OpCode::Store, Type::Void);
        (op.aux, op.a, op.b, op.c) = (mem.0, address.word(), Ref::NONE.word(), value.word());
        self.push(op, Fact::ANY);
    }

    /// Stores a field of an object that has just been made.
    fn fill(&mut self, object: Ref, field: Field) {
        let MemDesc { class, kind, width, immutable, .. } = *self.descriptors.mem(field.mem);
        let mut location = Location {
            computed: false,
            root: object,
            base: object,
            index: Ref::NONE,
            offset: i64::from(field.offset),
            mem: field.mem,
            kind,
            width,
            scale: 0,
            immutable,
            value: field.value,
            dirty: false,
            barrier: false,
            literal: field.literal,
            entering: Ref::NONE,
            stored_at: field.stored_at,
        };
        self.emit_store(&location);
        location.value = self.resolve(field.value);
        self.learn_contents(location, class);
    }
}
