//! How traces begin: at a location, or at an exit.
//!
//! A bridge begins with what the unit before it had put off: virtual objects are allocated and filled anew (virtually again, if nothing else happens to them), pending stores repeated. For
//! execution, the exit has done so already; for the unit, the bridge has to.

use rustc_hash::{FxHashMap, FxHashSet};
use tailor_compiler::ir::{Coding, Derivation, FrameId, Op, OpCode, Ref, Slot, Type};
use tailor_jitcode::code::Register;

use super::frames::{ROOT_FRAME, WORDS};
use super::{Step, Sym, Tracer, Workspace};
use crate::engine::{Driver, ExitState, LocationId};

impl<'d> Tracer<'d> {
    fn new(driver: &'d mut Driver) -> Tracer<'d> {
        let Workspace { mut unit, mut words, mut syms, mut known, mut pure, mut memory } =
            std::mem::take(&mut driver.workspace);
        unit.clear();
        words.clear();
        words.reserve_exact(WORDS);
        syms.clear();
        known.clear();
        pure.clear();
        memory.clear();
        Tracer {
            driver,
            unit,
            frames: Vec::new(),
            words,
            syms,
            known,
            pure,
            memory,
            root: Ref::NONE,
            root_word: 0,
            root_frame: FrameId(0),
            start: None,
            guest_frame: 0,
            inlined: Vec::new(),
            outer_call: None,
            largest: None,
            headers: FxHashSet::default(),
            enters: None,
            at_beginning: false,
            gets_on: false,
            closed: false,
            dependencies: Vec::new(),
        }
    }

    fn set_root(&mut self, root: Ref, word: u64, guest_frame: i32) {
        (self.root, self.root_word) = (root, word);
        self.guest_frame = guest_frame;
        self.renew_root_frame();
    }

    /// A trace that begins at a location, in this state; `None` if the tables of descriptors are full.
    pub fn at_location(driver: &'d mut Driver, location: LocationId, state: &[u64]) -> Option<Tracer<'d>> {
        let mut tracer = Tracer::new(driver);
        let passed = tracer.driver.locations.passed(location).to_vec();
        let (root, header) = tracer.open(&passed).ok()?;
        let word = state[tracer.driver.portal().frame];
        tracer.outer_call = Some((location, 0));
        tracer.set_root(root, word, 0);
        tracer.start = Some((location, header));
        let (code, frame) = (tracer.driver.portal().function.code(), tracer.driver.portal().frame);
        // The first frame has room.
        let _: Step = tracer.push_frame(code);
        for (at, &word) in state.iter().enumerate() {
            let register = Register(at as u16);
            tracer.set(register, word, if at == frame { Sym::of(root) } else { Sym::CONSTANT });
        }
        // Who enters the loop behind its first iteration leaves here if the unit is not valid any more.
        tracer.guard_valid(0);
        Some(tracer)
    }

    /// A trace that begins at an exit; if that is at a `header` whose loop could not be entered, it goes on at the loop's beginning.
    pub fn at_exit(driver: &'d mut Driver, exit: &ExitState, header: Option<LocationId>) -> Option<Tracer<'d>> {
        let (parent, id) = exit.source.clone()?;
        let mut tracer = Tracer::new(driver);
        tracer.enters = header;
        let entry = tracer.unit.new_label();
        tracer.place(entry);
        let mut map = FxHashMap::default();
        for value in parent.exit_values(id) {
            if value.as_op().is_some() {
                let param = tracer.unit.push(Op::new(OpCode::Param, parent.type_of(value)));
                map.insert(value, param);
            }
        }
        // Words that the exit computes are computed anew.
        for (word, double, derivation) in parent.exit_coded(id) {
            if let Some(&double) = map.get(&double) {
                let derived = match derivation {
                    Derivation::Coded(coding) => tracer.coded(double, coding),
                    Derivation::Boxed(boxing) => tracer.boxed(double, boxing),
                };
                map.insert(word, derived);
            }
        }
        // What is another of the values, converted, is converted anew: so it is known to be the same.
        for (copy, value) in parent.exit_copies(id) {
            if let Some(&of) = map.get(&value) {
                let copied = tracer.converted_to(of, parent.type_of(copy));
                map.insert(copy, copied);
            }
        }
        let all = parent.snapshots();
        let snapshot = &all.snapshots[parent.snapshot_of(id)?.0 as usize];
        let recipes = &all.recipes[snapshot.recipes.start as usize..snapshot.recipes.end as usize];
        let stores = &all.stores[snapshot.stores.start as usize..snapshot.stores.end as usize];
        let chain: Vec<FrameId> = all.chain(snapshot.frames).collect();

        // The root comes first: what is known of the guest stack is known from there.
        let (&root_frame, frames) = chain.split_last()?;
        debug_assert_eq!(all.frames[root_frame.0 as usize].code, ROOT_FRAME);
        let &[root, _] = all.slots_of(root_frame) else { return None };
        let objects: Vec<Ref> = recipes.iter().map(|recipe| tracer.new_object(recipe.alloc)).collect();
        let root = tracer.slot(&parent, &map, &objects, root, Type::Ref);
        let guest_frame = all.frames[root_frame.0 as usize].position as i32;
        tracer.outer_call = exit.call.map(|location| (location, guest_frame));
        tracer.set_root(root, exit.root, guest_frame);
        for (recipe, &object) in recipes.iter().zip(&objects) {
            for &(mem, slot) in &recipe.fields {
                let ty = tracer.driver.descriptors.mem(mem).width.ty();
                let value = tracer.slot(&parent, &map, &objects, slot, ty);
                tracer.pending_store(mem.0, object, None, value);
            }
        }
        for store in stores {
            let ty = tracer.driver.descriptors.mem(store.mem).width.ty();
            let base = tracer.slot(&parent, &map, &objects, store.base, Type::Ref);
            let index = store.index.map(|index| tracer.slot(&parent, &map, &objects, index, Type::Int));
            let value = tracer.slot(&parent, &map, &objects, store.value, ty);
            tracer.pending_store(store.mem.0, base, index, value);
            if store.barrier {
                tracer.unit.push(Op { a: base.word(), ..Op::new(OpCode::Barrier, Type::Void) });
            }
        }
        // Frames, outermost first, with the words that the exit has put there.
        let count = frames.len();
        for (at, (&frame, saved)) in frames.iter().rev().zip(&exit.frames).enumerate() {
            let described = all.frames[frame.0 as usize];
            let shape = tracer.driver.shape_of(described.code).clone();
            let code = shape.function.code();
            tracer.push_frame(code).ok()?;
            tracer.frame().position = described.position;
            let registers = if at + 1 == count {
                code.live(described.position)
            } else {
                code.live_across(described.position).unwrap_or_default()
            };
            let slots = all.slots_of(frame);
            for (number, (&register, &word)) in registers.iter().zip(&saved.values).enumerate() {
                let sym = if slots[number] == Slot::Dead {
                    Sym::NONE
                } else if shape.relative.contains(&(number as u16)) {
                    let offset = word.wrapping_sub(exit.root) as i64;
                    Sym { base: root, offset: offset as i32 }
                } else {
                    Sym::of(tracer.slot(&parent, &map, &objects, slots[number], code.type_of(register)))
                };
                tracer.set(register, word, sym);
            }
        }
        Some(tracer)
    }

    /// What a slot of the unit before is here, as a value of this type.
    fn slot(
        &mut self,
        parent: &tailor_compiler::exit::Code,
        map: &FxHashMap<Ref, Ref>,
        objects: &[Ref],
        slot: Slot,
        ty: Type,
    ) -> Ref {
        let value = match slot {
            Slot::Value(value) => match map.get(&value) {
                Some(&value) => value,
                None => return self.intern(ty, parent.constant_word(value)),
            },
            Slot::Virtual(number) => objects[number as usize],
            Slot::Dead => return self.intern(ty, 0),
        };
        self.converted_to(value, ty)
    }

    /// The word that codes a double.
    fn coded(&mut self, double: Ref, coding: Coding) -> Ref {
        let bits = self.converted_to(double, Type::Int);
        let bias = self.intern(Type::Int, coding.bias);
        let sum = self.unit.push(Op { a: bits.word(), b: bias.word(), ..Op::new(OpCode::Add, Type::Int) });
        let rotation = self.intern(Type::Int, u64::from(coding.rotation));
        self.unit.push(Op { a: sum.word(), b: rotation.word(), ..Op::new(OpCode::RotL, Type::Int) })
    }

    /// The same word as a value of this type.
    fn converted_to(&mut self, value: Ref, ty: Type) -> Ref {
        let conversion = match (self.unit.type_of(value), ty) {
            (Type::Ref, Type::Int) => OpCode::RefToInt,
            (Type::Int, Type::Ref) => OpCode::IntToRef,
            (Type::Float, Type::Int) => OpCode::FloatBits,
            (Type::Int, Type::Float) => OpCode::BitsFloat,
            _ => return value,
        };
        self.unit.push(Op { a: value.word(), ..Op::new(conversion, ty) })
    }
}
