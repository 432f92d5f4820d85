//! What memory is known to hold, while recording.
//!
//! The optimiser does this again, and better. Here it serves to find constants: methods and program counters in links of inlined frames, methods of blocks made in the trace, classes that
//! have been tested.
//!
//! # Rules
//! A place is known by alias class, base, offset and width. What is stored is known until something may have written there: a store to the same class at bytes that overlap, at
//! another base (unless both are objects that the unit made, which are different), or a call that declares so. Words of the guest stack are known by their distance from the root.
//! What never changes is known for ever.
//!
//! # Below the root
//! The words of the guest stack below the root are not the unit's: who called it may not have written them yet. A trace that touches them ends.

use rustc_hash::FxHashMap;
use tailor_compiler::ir::{AliasClass, AliasSet, AllocId, MemDesc, MemKind, Op, OpCode, Ref, Type, Width};
use tailor_jitcode::analysis::alias;
use tailor_jitcode::code::Position;
use tailor_jitcode::tape::{Memory, Mutability};

use super::{End, Operand, Step, Stop, Sym, Tracer};
use crate::engine::Abort;

/// A place in an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    base: Ref,
    offset: i32,
    width: Width,
}

/// How many places of a class are remembered: they are searched one after the other.
const PLACES: usize = 128;

/// How many words of the guest stack are remembered.
const STACK: usize = 1 << 14;

/// See the module.
pub struct Known {
    /// Words of the guest stack from the root on: what is there, `NONE` if that is not known, and its type.
    stack: Vec<(Sym, Type)>,
    /// By alias class.
    fields: [Vec<(Place, Sym)>; AliasClass::COUNT],
    /// The classes of which something is known.
    classes: AliasSet,
    /// What never changes.
    immutable: FxHashMap<(AliasClass, Place), Sym>,
}

impl Default for Known {
    fn default() -> Self {
        Known {
            stack: Vec::new(),
            fields: [const { Vec::new() }; AliasClass::COUNT],
            classes: AliasSet::NONE,
            immutable: FxHashMap::default(),
        }
    }
}

impl Known {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.forget(AliasSet::ALL);
        self.immutable.clear();
    }

    /// Forgets what a call may write.
    pub fn forget(&mut self, written: AliasSet) {
        if written.contains(alias::GUEST_STACK) {
            self.stack.clear();
        }
        let mut classes = self.classes.0 & written.0;
        self.classes.0 &= !written.0;
        while classes != 0 {
            self.fields[classes.trailing_zeros() as usize].clear();
            classes &= classes - 1;
        }
    }

    /// Forgets words of the guest stack from an offset on.
    pub fn forget_stack(&mut self, from: i32) {
        self.stack.truncate(from.max(0).unsigned_abs().div_ceil(8) as usize);
    }

    /// What is known of a word of the guest stack.
    pub fn stack(&self, offset: i32, ty: Type) -> Option<Sym> {
        let &(sym, known) = self.stack.get(word_at(offset)?)?;
        (sym != Sym::NONE && known == ty).then_some(sym)
    }

    /// Notes what a word of the guest stack holds, if it is not too far away.
    pub fn set_stack(&mut self, offset: i32, sym: Sym, ty: Type) {
        match word_at(offset) {
            Some(word) if word < STACK => {
                if word >= self.stack.len() {
                    self.stack.resize(word + 1, (Sym::NONE, Type::Void));
                }
                self.stack[word] = (sym, ty);
            }
            Some(_) => {}
            None => self.stack.clear(),
        }
    }

    /// What is known of a field.
    fn field(&self, class: AliasClass, place: Place) -> Option<Sym> {
        self.fields[usize::from(class.0)].iter().rev().find(|(known, _)| *known == place).map(|&(_, sym)| sym)
    }

    /// Notes what a field of which nothing is known holds.
    fn set_field(&mut self, class: AliasClass, place: Place, sym: Sym) {
        let places = &mut self.fields[usize::from(class.0)];
        if places.len() == PLACES {
            places.drain(..PLACES / 2);
        }
        places.push((place, sym));
        self.classes = self.classes.with(class);
    }
}

/// The number of the word of the guest stack at this distance from the root.
fn word_at(offset: i32) -> Option<usize> {
    usize::try_from(offset).ok().filter(|offset| offset % 8 == 0).map(|offset| offset / 8)
}

/// An access: where, for the unit and for now.
struct Access {
    address: u64,
    /// What it is the base of; for a constant, the object's address.
    base: Operand,
    class: AliasClass,
    /// From the base without its own offset, the constant part of the index included.
    offset: i32,
    /// Fields are those of objects; an address within an object is that of an element.
    kind: MemKind,
    /// The part of the index that is not constant.
    index: Option<Ref>,
    scale: u8,
}

fn overlap(a: &Place, b: &Place) -> bool {
    let end = |place: &Place| place.offset + place.width.bytes() as i32;
    a.offset < end(b) && b.offset < end(a)
}

/// What is at an address.
///
/// # Safety
/// It can be read.
pub unsafe fn read(width: Width, address: u64) -> u64 {
    // SAFETY: the caller's promise.
    unsafe {
        match width {
            Width::I8 => (address as *const i8).read() as u64,
            Width::U8 => u64::from((address as *const u8).read()),
            Width::I16 => (address as *const i16).read_unaligned() as u64,
            Width::U16 => u64::from((address as *const u16).read_unaligned()),
            Width::I32 => (address as *const i32).read_unaligned() as u64,
            Width::U32 => u64::from((address as *const u32).read_unaligned()),
            Width::I64 | Width::F64 | Width::Ref => (address as *const u64).read_unaligned(),
        }
    }
}

/// Writes to an address.
///
/// # Safety
/// It can be written.
pub unsafe fn write(width: Width, address: u64, word: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        match width.bytes() {
            1 => (address as *mut u8).write(word as u8),
            2 => (address as *mut u16).write_unaligned(word as u16),
            4 => (address as *mut u32).write_unaligned(word as u32),
            _ => (address as *mut u64).write_unaligned(word),
        }
    }
}

impl Tracer<'_> {
    /// Ends the trace at an access of the guest stack below the root, or elsewhere than at a known distance from it.
    fn check_stack(&mut self, memory: &Memory, access: &Access) -> Step {
        let within = access.base.1.base == self.root && access.index.is_none() && access.offset >= 0;
        if memory.kind != MemKind::Stack || within {
            return Ok(());
        }
        self.exit_here();
        Err(Stop::end(End::Complete))
    }

    /// The kind of an access. Places of a class are fields only as long as none of them is reached by an address that was computed: a bridge does not know how the addresses that it is given
    /// were made.
    fn kind_of(&mut self, memory: &Memory, class: AliasClass, base: Ref) -> MemKind {
        if memory.kind != MemKind::Field {
            return memory.kind;
        }
        let computed = base.as_op().is_some_and(|op| self.unit.ops[op].code == OpCode::PtrAdd);
        let indexed = &mut self.driver.indexed;
        if computed {
            *indexed = indexed.with(class);
        }
        if indexed.contains(class) { MemKind::Element } else { MemKind::Field }
    }

    fn access(
        &mut self,
        (memory, class): (&Memory, AliasClass),
        (base_word, base): Operand,
        index: Option<Operand>,
    ) -> Step<Access> {
        let mut offset = i64::from(memory.offset) + i64::from(base.offset);
        let mut address = base_word.wrapping_add(i64::from(memory.offset) as u64);
        let mut rest = None;
        if let Some((word, sym)) = index {
            let scaled = word.wrapping_mul(u64::from(memory.scale));
            address = address.wrapping_add(scaled);
            if sym.is_constant() {
                offset = offset.wrapping_add(scaled as i64);
            } else {
                rest = Some(self.value((word, sym), Type::Int));
            }
        }
        let offset = i32::try_from(offset).map_err(|_| Stop::abort(Abort::TooDeep))?;
        let scale = if rest.is_some() { memory.scale as u8 } else { 0 };
        let kind = self.kind_of(memory, class, base.base);
        let base = (base_word.wrapping_sub(i64::from(base.offset) as u64), Sym { offset: 0, ..base });
        Ok(Access { address, base, class, offset, index: rest, scale, kind })
    }

    fn descriptor(&mut self, memory: &Memory, access: &Access) -> Step<u16> {
        let desc = MemDesc {
            class: access.class,
            kind: access.kind,
            width: memory.width,
            immutable: memory.mutability == Mutability::Immutable,
            offset: access.offset,
            scale: access.scale,
        };
        self.driver.descriptors.intern_mem(desc).map(|id| id.0).ok_or_else(|| Stop::abort(Abort::TablesFull))
    }

    /// A load: executed and recorded.
    pub(super) fn load(
        &mut self,
        (memory, class): (&Memory, AliasClass),
        base: Operand,
        index: Option<Operand>,
        position: Position,
    ) -> Step<Operand> {
        let access = self.access((memory, class), base, index)?;
        self.check_stack(memory, &access)?;
        // SAFETY: the interpreter reads there.
        let word = unsafe { read(memory.width, access.address) };
        if access.base.1.is_constant() && access.index.is_none() {
            match memory.mutability {
                Mutability::Immutable => return Ok((word, Sym::CONSTANT)),
                Mutability::QuasiImmutable => {
                    self.depend(access.address, position);
                    return Ok((word, Sym::CONSTANT));
                }
                Mutability::Mutable => {}
            }
        }
        let base = self.value(access.base, Type::Ref);
        let place = Place { base, offset: access.offset, width: memory.width };
        if access.index.is_none()
            && let Some(sym) = self.remembered(memory, class, place, word)
        {
            return Ok((word, sym));
        }
        let desc = self.descriptor(memory, &access)?;
        let index = access.index.unwrap_or(Ref::NONE);
        let op = Op { aux: desc, a: base.word(), b: index.word(), c: 0, ..Op::new(OpCode::Load, memory.width.ty()) };
        let sym = Sym::of(self.unit.push(op));
        if access.index.is_none() {
            self.remember(memory, class, place, sym);
        }
        Ok((word, sym))
    }

    /// Notes that the unit holds only as long as a field keeps its value.
    fn depend(&mut self, address: u64, position: Position) {
        if !self.dependencies.contains(&address) {
            self.dependencies.push(address);
        }
        self.guard_valid(position);
    }

    /// Leaves at `position` once the unit is not valid any more.
    pub(super) fn guard_valid(&mut self, position: Position) {
        let snapshot = self.snapshot(position);
        self.unit.push(Op { a: snapshot.0, ..Op::new(OpCode::GuardValid, Type::Void) });
    }

    /// What is known of a place that has just been read.
    fn remembered(&mut self, memory: &Memory, class: AliasClass, place: Place, word: u64) -> Option<Sym> {
        if memory.kind == MemKind::Stack {
            let sym = self.memory.stack(place.offset, memory.width.ty()).filter(|_| place.base == self.root)?;
            return Some(self.resolve(sym));
        }
        let sym = if memory.mutability == Mutability::Immutable {
            if place.offset >= 0
                && place.offset + place.width.bytes() as i32 <= 8
                && let Some(header) = self.header_of_new(place.base)
            {
                debug_assert!(header >> (8 * place.offset) & 0xff == word & 0xff);
                return Some(Sym::CONSTANT);
            }
            *self.memory.immutable.get(&(class, place))?
        } else {
            self.memory.field(class, place)?
        };
        Some(self.resolve(sym))
    }

    /// The header of an object that the unit has allocated.
    fn header_of_new(&self, value: Ref) -> Option<u64> {
        let op = self.unit.ops[value.as_op()?];
        (op.code == OpCode::New).then(|| self.driver.descriptors.alloc(AllocId(op.aux)).header)
    }

    fn remember(&mut self, memory: &Memory, class: AliasClass, place: Place, sym: Sym) {
        if memory.kind == MemKind::Stack {
            if place.base == self.root && memory.width.bytes() == 8 {
                self.memory.set_stack(place.offset, sym, memory.width.ty());
            }
        } else if memory.mutability == Mutability::Immutable {
            self.memory.immutable.insert((class, place), sym);
        } else {
            self.memory.set_field(class, place, sym);
        }
    }

    /// A store: executed and recorded.
    pub(super) fn store(
        &mut self,
        (memory, class): (&Memory, AliasClass),
        base: Operand,
        index: Option<Operand>,
        value: Operand,
    ) -> Step {
        let access = self.access((memory, class), base, index)?;
        self.check_stack(memory, &access)?;
        // SAFETY: the interpreter writes there.
        unsafe { write(memory.width, access.address, value.0) };
        let desc = self.descriptor(memory, &access)?;
        let stored = self.value(value, memory.width.ty());
        let base = self.value(access.base, Type::Ref);
        let index = access.index.unwrap_or(Ref::NONE);
        let op =
            Op { aux: desc, a: base.word(), b: index.word(), c: stored.word(), ..Op::new(OpCode::Store, Type::Void) };
        self.unit.push(op);
        let place = Place { base, offset: access.offset, width: memory.width };
        self.overwritten(access.kind, class, place, access.index.is_some());
        if access.index.is_none() {
            self.remember(memory, class, place, value.1);
        }
        Ok(())
    }

    /// Forgets what a store may have changed.
    fn overwritten(&mut self, kind: MemKind, class: AliasClass, place: Place, indexed: bool) {
        if kind == MemKind::Stack {
            if place.base != self.root || indexed || place.width.bytes() != 8 {
                self.memory.stack.clear();
            }
            return;
        }
        let ops = &self.unit.ops;
        let is_new = |value: Ref| value.as_op().is_some_and(|op| ops[op].code == OpCode::New);
        let base_is_new = is_new(place.base);
        self.memory.fields[usize::from(class.0)].retain(|(known, _)| {
            let same = known.base == place.base;
            (!same && base_is_new && is_new(known.base))
                || (!indexed && (same || kind == MemKind::Field) && !overlap(known, &place))
        });
    }

    /// Records, for a bridge, a store that the unit before it has put off; it has been executed.
    pub(super) fn pending_store(&mut self, desc: u16, base: Ref, index: Option<Ref>, value: Ref) {
        let mem = *self.driver.descriptors.mem(tailor_compiler::ir::MemId(desc));
        let at = index.unwrap_or(Ref::NONE);
        let op = Op { aux: desc, a: base.word(), b: at.word(), c: value.word(), ..Op::new(OpCode::Store, Type::Void) };
        self.unit.push(op);
        let place = Place { base, offset: mem.offset, width: mem.width };
        self.overwritten(mem.kind, mem.class, place, index.is_some());
        if index.is_some() {
            return;
        }
        let sym = Sym::of(value);
        if mem.kind == MemKind::Stack {
            if base == self.root && mem.width.bytes() == 8 {
                self.memory.set_stack(mem.offset, sym, mem.width.ty());
            }
        } else if mem.immutable {
            self.memory.immutable.insert((mem.class, place), sym);
        } else {
            self.memory.set_field(mem.class, place, sym);
        }
    }
}
