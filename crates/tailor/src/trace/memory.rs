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
use tailor_compiler::ir::{AliasClass, AliasSet, MemDesc, MemKind, Op, OpCode, Ref, Type, Width};
use tailor_jitcode::analysis::alias;
use tailor_jitcode::code::Position;
use tailor_jitcode::tape::{Memory, Mutability};

use super::{Step, Stop, Sym, Tracer};
use crate::engine::Abort;

/// A place in an object.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    base: Ref,
    offset: i32,
    width: Width,
}

/// See the module.
#[derive(Default)]
pub struct Known {
    /// Words of the guest stack: offset from the root, what is there, and its type.
    stack: FxHashMap<i32, (Sym, Type)>,
    /// By alias class.
    fields: FxHashMap<AliasClass, Vec<(Place, Sym)>>,
    /// What never changes.
    immutable: FxHashMap<(AliasClass, Place), Sym>,
}

impl Known {
    /// Forgets what a call may write.
    pub fn forget(&mut self, written: AliasSet) {
        if written.contains(alias::GUEST_STACK) {
            self.stack.clear();
        }
        self.fields.retain(|&class, _| !written.contains(class));
    }

    /// Forgets words of the guest stack from an offset on.
    pub fn forget_stack(&mut self, from: i32) {
        self.stack.retain(|&offset, _| offset < from);
    }
}

/// An access: where, for the unit and for now.
struct Access {
    address: u64,
    base: Sym,
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
unsafe fn read(width: Width, address: u64) -> u64 {
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
        let within = access.base.base == self.root && access.index.is_none() && access.offset >= 0;
        if memory.kind != MemKind::Stack || within {
            return Ok(());
        }
        self.exit_here();
        Err(Stop::End(super::End::Complete))
    }

    /// The kind of an access. Places of a class are fields only as long as none of them is reached by an address that was computed: a bridge does not know how the addresses that it is given
    /// were made.
    fn kind_of(&mut self, memory: &Memory, base: Ref) -> MemKind {
        if memory.kind != MemKind::Field {
            return memory.kind;
        }
        let class = self.driver.class(memory);
        let computed = base.as_op().is_some_and(|op| self.unit.ops[op].code == OpCode::PtrAdd);
        let indexed = &mut self.driver.indexed;
        if computed {
            *indexed = indexed.with(class);
        }
        if indexed.contains(class) { MemKind::Element } else { MemKind::Field }
    }

    fn access(&mut self, memory: &Memory, base: (u64, Sym), index: Option<(u64, Sym)>) -> Step<Access> {
        let (base_word, mut base) = base;
        let index_word = index.map_or(0, |(word, _)| word);
        let scaled = index_word.wrapping_mul(u64::from(memory.scale));
        let address = base_word.wrapping_add(i64::from(memory.offset) as u64).wrapping_add(scaled);
        let mut offset = i64::from(memory.offset) + i64::from(base.offset);
        let mut rest = None;
        if let Some((word, sym)) = index {
            match self.constant_of(sym) {
                Some(_) => offset = offset.wrapping_add((word as i64).wrapping_mul(i64::from(memory.scale))),
                None => rest = Some(self.value(sym)),
            }
        }
        base.offset = 0;
        let too_far = Stop::End(super::End::Aborted(Abort::TooDeep));
        let offset = i32::try_from(offset).map_err(|_| too_far)?;
        let scale = if rest.is_some() { memory.scale as u8 } else { 0 };
        let kind = self.kind_of(memory, base.base);
        Ok(Access { address, base, offset, index: rest, scale, kind })
    }

    fn descriptor(&mut self, memory: &Memory, access: &Access) -> Step<u16> {
        let desc = MemDesc {
            class: self.driver.class(memory),
            kind: access.kind,
            width: memory.width,
            immutable: memory.mutability == Mutability::Immutable,
            offset: access.offset,
            scale: access.scale,
        };
        let full = Stop::End(super::End::Aborted(Abort::TablesFull));
        self.driver.descriptors.intern_mem(desc).map(|id| id.0).ok_or(full)
    }

    /// A load: executed and recorded.
    pub(super) fn load(
        &mut self,
        memory: &Memory,
        base: (u64, Sym),
        index: Option<(u64, Sym)>,
        position: Position,
    ) -> Step<(u64, Sym)> {
        let access = self.access(memory, base, index)?;
        self.check_stack(memory, &access)?;
        // SAFETY: the interpreter reads there.
        let word = unsafe { read(memory.width, access.address) };
        let ty = memory.width.ty();
        let constant = access.base.base.as_constant().is_some() && access.index.is_none();
        match memory.mutability {
            Mutability::Immutable if constant => return Ok((word, self.constant(ty, word))),
            Mutability::QuasiImmutable if constant => {
                self.depend(access.address, position);
                return Ok((word, self.constant(ty, word)));
            }
            _ => {}
        }
        let class = self.driver.class(memory);
        let place = Place { base: access.base.base, offset: access.offset, width: memory.width };
        if access.index.is_none()
            && let Some(sym) = self.remembered(memory, class, place, word)
        {
            return Ok((word, sym));
        }
        let desc = self.descriptor(memory, &access)?;
        let index = access.index.unwrap_or(Ref::NONE);
        let op = Op { aux: desc, a: place.base.word(), b: index.word(), c: 0, ..Op::new(OpCode::Load, ty) };
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
            if place.base != self.root {
                return None;
            }
            let &(sym, ty) = self.memory.stack.get(&place.offset)?;
            return (ty == memory.width.ty()).then(|| self.resolve(sym));
        }
        if memory.mutability == Mutability::Immutable {
            if let Some(&header) = self.fresh.get(&place.base)
                && place.offset >= 0
                && place.offset + place.width.bytes() as i32 <= 8
            {
                debug_assert!(header >> (8 * place.offset) & 0xff == word & 0xff);
                return Some(self.constant(Type::Int, word));
            }
            let sym = *self.memory.immutable.get(&(class, place))?;
            return Some(self.resolve(sym));
        }
        let &(_, sym) = self.memory.fields.get(&class)?.iter().find(|(known, _)| *known == place)?;
        Some(self.resolve(sym))
    }

    fn remember(&mut self, memory: &Memory, class: AliasClass, place: Place, sym: Sym) {
        if memory.kind == MemKind::Stack {
            if place.base == self.root && memory.width.bytes() == 8 {
                self.memory.stack.insert(place.offset, (sym, memory.width.ty()));
            }
        } else if memory.mutability == Mutability::Immutable {
            self.memory.immutable.insert((class, place), sym);
        } else {
            self.memory.fields.entry(class).or_default().push((place, sym));
        }
    }

    /// A store: executed and recorded.
    pub(super) fn store(
        &mut self,
        memory: &Memory,
        base: (u64, Sym),
        index: Option<(u64, Sym)>,
        value: (u64, Sym),
    ) -> Step {
        let access = self.access(memory, base, index)?;
        self.check_stack(memory, &access)?;
        // SAFETY: the interpreter writes there.
        unsafe { write(memory.width, access.address, value.0) };
        self.record_store(memory, access, value.1)
    }

    fn record_store(&mut self, memory: &Memory, access: Access, sym: Sym) -> Step {
        let class = self.driver.class(memory);
        let desc = self.descriptor(memory, &access)?;
        let stored = self.value(sym);
        let (base, index) = (access.base.base, access.index.unwrap_or(Ref::NONE));
        let op =
            Op { aux: desc, a: base.word(), b: index.word(), c: stored.word(), ..Op::new(OpCode::Store, Type::Void) };
        self.unit.push(op);
        let place = Place { base, offset: access.offset, width: memory.width };
        self.overwritten(access.kind, class, place, access.index.is_some());
        if access.index.is_none() {
            self.remember(memory, class, place, sym);
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
        let fresh = &self.fresh;
        let survives = |(known, _): &(Place, Sym)| {
            let apart = known.base != place.base && fresh.contains_key(&known.base) && fresh.contains_key(&place.base);
            apart || (!indexed && kind == MemKind::Field && !overlap(known, &place)) || {
                !indexed && known.base == place.base && !overlap(known, &place)
            }
        };
        if let Some(known) = self.memory.fields.get_mut(&class) {
            known.retain(survives);
        }
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
        if mem.kind == MemKind::Stack {
            if base == self.root && mem.width.bytes() == 8 {
                self.memory.stack.insert(mem.offset, (Sym::of(value), mem.width.ty()));
            }
        } else if mem.immutable {
            self.memory.immutable.insert((mem.class, place), Sym::of(value));
        } else {
            self.memory.fields.entry(mem.class).or_default().push((place, Sym::of(value)));
        }
    }
}
