//! Calls: of jitcode, of Rust, and of compiled guest code.

use tailor_compiler::ir::{
    AliasSet, AllocDesc, AllocId, BoxDesc, BoxId, Coding, ListRange, MemDesc, MemKind, Op, OpCode, Ref, Type, Width,
};
use tailor_jitcode::analysis::alias;
use tailor_jitcode::code::{Operation, Register};
use tailor_jitcode::{JitFunction, Role};

use super::{End, Operand, Rust, Step, Stop, Sym, Tracer, memory};
use crate::engine::{Abort, Done, LocationId, PASSED};

/// Larger allocations are made by the language's own function.
pub const LARGEST_NEW: u64 = 1 << 12;

impl Tracer<'_> {
    /// A call in the innermost frame.
    pub(super) fn call(
        &mut self,
        function: &'static JitFunction,
        arguments: &'static [Register],
        results: &'static [Register],
    ) -> Step {
        let mut values = std::mem::take(&mut self.driver.arguments);
        values.clear();
        for &register in arguments {
            values.push(self.operand(register));
        }
        let done = self.call_with(function, arguments, &values, results);
        self.driver.arguments = values;
        done
    }

    fn call_with(
        &mut self,
        function: &'static JitFunction,
        registers: &'static [Register],
        arguments: &[Operand],
        results: &'static [Register],
    ) -> Step {
        if function.role == Role::Leave {
            // Of frames at or below the root, only the root can be left, and by the portal only: else, by an unwinding, the caller of the unit has to know.
            let inlined = arguments.first().is_some_and(|(_, frame)| frame.base == self.root && frame.offset > 0);
            if !inlined {
                if self.frames.len() > 1 || !self.leaves_root(registers, arguments)? {
                    self.exit_here();
                }
                return Err(Stop::end(End::Complete));
            }
        }
        if function.traits.elidable && arguments.iter().all(|(_, sym)| sym.is_constant()) {
            self.execute(function, arguments, results.len());
            for (at, &dest) in results.iter().enumerate() {
                let word = self.driver.answered[at];
                self.set(dest, word, Sym::CONSTANT);
            }
            self.frame().position += 1;
            return Ok(());
        }
        if !function.is_residual() && !function.traits.portal {
            return self.enter_jitcode(function, arguments);
        }
        match function.role {
            Role::Barrier => self.barrier(function, arguments),
            Role::Allocate => self.allocate(function, registers, arguments, results)?,
            Role::Box => self.make_box(function, registers, arguments, results)?,
            Role::IsBoxed => self.is_boxed(arguments, results),
            Role::Unbox => self.unbox(function, registers, arguments, results)?,
            _ => self.residual(function, registers, arguments, results)?,
        }
        self.frame().position += 1;
        Ok(())
    }

    /// Goes on in a function's jitcode.
    fn enter_jitcode(&mut self, function: &'static JitFunction, arguments: &[Operand]) -> Step {
        if function.role == Role::Leave
            && let Some(&(_, frame)) = arguments.first()
            && self.frames.len() == 1
            && frame.base == self.root
        {
            self.left(frame.offset);
        }
        self.push_frame(function.code())?;
        for (at, &(word, sym)) in arguments.iter().enumerate() {
            self.set(Register(at as u16), word, sym);
        }
        Ok(())
    }

    /// Calls a function natively; the words of its results are in the driver then.
    fn execute(&mut self, function: &'static JitFunction, arguments: &[Operand], results: usize) {
        let mut words = std::mem::take(&mut self.driver.answered);
        words.clear();
        words.resize(results + 1, 0);
        words.extend(arguments.iter().map(|&(word, _)| word));
        let (answered, given) = words.split_at_mut(results + 1);
        // SAFETY: these are the arguments that the interpreter would call it with; what they refer to is held by registers of frames.
        unsafe { (function.native)(given.as_ptr(), answered.as_mut_ptr()) };
        self.driver.answered = words;
    }

    /// The result of a function that allocates; 0, if there is no memory, ends the recording.
    fn allocated(&mut self, function: &'static JitFunction, arguments: &[Operand]) -> Step<u64> {
        self.execute(function, arguments, 1);
        let word = self.driver.answered[0];
        if word == 0 { Err(Stop::abort(Abort::NotCompiled)) } else { Ok(word) }
    }

    fn barrier(&mut self, function: &'static JitFunction, arguments: &[Operand]) {
        self.execute(function, arguments, 0);
        // The heap, the object, and perhaps the slot.
        let object = self.value(arguments[1], Type::Ref);
        self.unit.push(Op { a: object.word(), ..Op::new(OpCode::Barrier, Type::Void) });
    }

    /// Allocation: the last two arguments are size and header.
    fn allocate(
        &mut self,
        function: &'static JitFunction,
        registers: &'static [Register],
        arguments: &[Operand],
        results: &'static [Register],
    ) -> Step {
        let ([.., (size, size_sym), (header, header_sym)], &[dest]) = (arguments, results) else {
            return self.residual(function, registers, arguments, results);
        };
        let (size, header) = (*size, *header);
        let constant = size_sym.is_constant() && header_sym.is_constant();
        if !constant || !(8..=LARGEST_NEW).contains(&size) || size % 8 != 0 {
            return self.residual(function, registers, arguments, results);
        }
        let object = self.allocated(function, arguments)?;
        let desc = AllocDesc { size: size as u32, header };
        let alloc = self.driver.descriptors.intern_alloc(desc).ok_or_else(|| Stop::abort(Abort::TablesFull))?;
        let value = self.new_object(alloc);
        self.set(dest, object, Sym::of(value));
        Ok(())
    }

    /// The box of a double: the last arguments are the double and how it is boxed.
    fn make_box(
        &mut self,
        function: &'static JitFunction,
        registers: &'static [Register],
        arguments: &[Operand],
        results: &'static [Register],
    ) -> Step {
        let ([.., double, bias, rotation, mask, tag, header], &[dest]) = (arguments, results) else {
            return self.residual(function, registers, arguments, results);
        };
        let how = [bias, rotation, mask, tag, header];
        let [bias, rotation, mask, tag, header] = how.map(|&(word, _)| word);
        let desc = BoxDesc { coding: Coding { bias, rotation: rotation as u32 }, mask, tag, header };
        if how.iter().any(|(_, sym)| !sym.is_constant()) || !desc.is_sound() {
            return self.residual(function, registers, arguments, results);
        }
        let word = self.allocated(function, arguments)?;
        let boxing = self.driver.descriptors.intern_boxing(desc).ok_or_else(|| Stop::abort(Abort::TablesFull))?;
        let double = self.value(*double, Type::Float);
        let value = self.boxed(double, boxing);
        self.set(dest, word, Sym::of(value));
        Ok(())
    }

    /// Records a box.
    pub(super) fn boxed(&mut self, double: Ref, boxing: BoxId) -> Ref {
        self.share(Op { aux: boxing.0, a: double.word(), ..Op::new(OpCode::Box, Type::Int) })
    }

    /// Whether a word is a box that has been recorded.
    fn is_boxed(&mut self, arguments: &[Operand], results: &'static [Register]) {
        let [(_, sym)] = arguments else { return };
        let boxed = self.unit.boxed(sym.base).is_some();
        for &dest in results {
            self.set(dest, u64::from(boxed), Sym::CONSTANT);
        }
    }

    /// The double in a box.
    fn unbox(
        &mut self,
        function: &'static JitFunction,
        registers: &'static [Register],
        arguments: &[Operand],
        results: &'static [Register],
    ) -> Step {
        if let (&[(_, sym)], &[dest]) = (arguments, results)
            && let Some((_, double)) = self.unit.boxed(sym.base)
        {
            self.execute(function, arguments, 1);
            let bits = self.driver.answered[0];
            self.set(dest, bits, Sym::of(double));
            return Ok(());
        }
        self.residual(function, registers, arguments, results)
    }

    /// Records an allocation.
    pub(super) fn new_object(&mut self, alloc: AllocId) -> Ref {
        self.unit.push(Op { aux: alloc.0, ..Op::new(OpCode::New, Type::Ref) })
    }

    /// Calls Rust, and records the call.
    fn residual(
        &mut self,
        function: &'static JitFunction,
        registers: &'static [Register],
        arguments: &[Operand],
        results: &'static [Register],
    ) -> Step {
        let code = self.frame().code;
        let types = registers.iter().map(|&register| code.type_of(register));
        let values: Vec<Ref> = arguments.iter().zip(types).map(|(&argument, ty)| self.value(argument, ty)).collect();
        let mut rust = Rust { driver: &mut *self.driver, unit: &mut self.unit };
        let Some((first, writes)) = rust.call(function, &values, results.len()) else {
            return Err(Stop::abort(Abort::TablesFull));
        };
        self.execute(function, arguments, results.len());
        self.memory.forget(writes);
        for (at, &dest) in results.iter().enumerate() {
            let mut rust = Rust { driver: &mut *self.driver, unit: &mut self.unit };
            let value = rust.result(first, at, code.type_of(dest)).ok_or_else(|| Stop::abort(Abort::TablesFull))?;
            let word = self.driver.answered[at];
            self.set(dest, word, Sym::of(value));
        }
        Ok(())
    }

    /// A load or store without index.
    fn plain_access(&mut self, code: OpCode, desc: MemDesc, base: Ref, stored: Option<Ref>) -> Step<Ref> {
        let mut rust = Rust { driver: &mut *self.driver, unit: &mut self.unit };
        rust.access(code, desc, base, stored).ok_or_else(|| Stop::abort(Abort::TablesFull))
    }

    /// Whether a call of the leaving function leaves the unit's own guest frame; then the unit returns here.
    fn leaves_root(&mut self, registers: &'static [Register], arguments: &[Operand]) -> Step<bool> {
        let Some(&(_, frame)) = arguments.first() else { return Ok(false) };
        if frame != Sym::of(self.root) {
            return Ok(false);
        }
        let (code, position) = (self.frame().code, self.frame().position);
        let Some(site) = &self.driver.portal().leave else { return Ok(false) };
        let (first, known) = (site.position, site.values.clone());
        // Another place than the first: what lives on there must be known.
        if position != first && known.is_none() {
            return Ok(false);
        }
        // What lives on in the portal must be constants: the unit returns nothing but the value.
        let mut values = Vec::new();
        for &register in code.live_across(position).unwrap_or_default() {
            let (word, sym) = self.operand(register);
            if !sym.is_constant() {
                return Ok(false);
            }
            values.push(word);
        }
        if position == first {
            if known.is_some_and(|known| known != values) {
                return Ok(false);
            }
            self.driver.set_leave_values(values);
        }
        debug_assert!(matches!(code.operation(position), Operation::Call { .. }));
        let values = arguments.iter().zip(registers).skip(1);
        let returned: Vec<Ref> = values.map(|(&value, &register)| self.value(value, code.type_of(register))).collect();
        let list = self.unit.list(&returned);
        // The frame's own words are dead: what is still to be stored there need not be.
        self.unit.push(Op { a: self.root.word(), ..Op::new(OpCode::Release, Type::Void) });
        self.unit.push(Op { a: list.0, ..Op::new(OpCode::Return, Type::Void) });
        Ok(true)
    }

    /// What the unit of a location is passed: its frame, and words of it.
    pub(super) fn unit_arguments(&mut self, location: LocationId, frame: Operand) -> Step<ListRange> {
        let passed = self.driver.locations.passed(location).to_vec();
        let mut arguments = vec![self.value(frame, Type::Ref)];
        let (address, Sym { base, offset: start }) = frame;
        for offset in passed {
            let word = match self.memory.stack(start + offset, Type::Int) {
                Some(sym) => {
                    // SAFETY: it is in the frame of a call, or of this unit, where it is known to have been written or read.
                    let word = unsafe { memory::read(Width::I64, address.wrapping_add(offset as u64)) };
                    self.value((word, self.resolve(sym)), Type::Int)
                }
                None => self.frame_access(OpCode::Load, base, start + offset, None)?,
            };
            arguments.push(word);
        }
        Ok(self.unit.list(&arguments))
    }

    /// Loads or stores a word of the guest stack.
    pub(super) fn frame_access(&mut self, code: OpCode, base: Ref, offset: i32, stored: Option<Ref>) -> Step<Ref> {
        let (class, kind, width) = (alias::GUEST_STACK, MemKind::Stack, Width::I64);
        let desc = MemDesc { class, kind, width, immutable: false, offset, scale: 0 };
        self.plain_access(code, desc, base, stored)
    }

    /// Calls the unit of a location, executes it, and goes on where its guest frame is left. `state` are the words of the portal's parameters there.
    pub(super) fn call_unit(&mut self, location: LocationId, frame: Sym, state: &[u64]) -> Step {
        let Some(site) = self.driver.portal().leave.clone() else {
            return Err(Stop::abort(Abort::LongCall));
        };
        let frame_word = state[self.driver.portal().frame];
        if self.driver.locations[location].passed.is_none() {
            let known = |at: &i32| self.memory.stack(frame.offset + at, Type::Int).is_some();
            let offsets: Vec<i32> = (0..PASSED as i32).map(|word| 8 * word).take_while(known).collect();
            self.driver.settle(location, &offsets);
            // This unit began without them.
            if self.start.is_some_and(|(start, _)| start == location) && !offsets.is_empty() {
                return Err(Stop::end(End::Instead(location, frame_word)));
            }
        }
        let list = self.unit_arguments(location, (frame_word, frame))?;
        let entry = self.driver.locations[location].entry;
        // Where the callee is left, nothing has to be rebuilt of the caller: the guest stack has it all.
        let snapshot = self.unit.snapshots.add(None);
        let ty = site.result;
        let op = Op { aux: entry.0, a: list.0, b: snapshot.0, ..Op::new(OpCode::CallUnit, ty) };
        let value = self.unit.push(op);
        self.memory.forget_stack(frame.offset);
        let stack = AliasSet::NONE.with(alias::GUEST_STACK);
        self.memory.forget(AliasSet(!stack.0));

        let (values, words) = match self.driver.execute_callee(location, frame_word, state) {
            Done::Left(values, arguments) => (values, arguments),
            Done::Returned(words) => return Err(Box::new(Stop::Portal(words))),
            Done::Unfinished(frames) => return Err(Box::new(Stop::Frames(frames, Abort::LongCall))),
        };
        // The portal goes on at the call of the function that leaves the callee's frame.
        let portal_code = self.driver.portal().function.code();
        while !self.frames.is_empty() {
            self.pop_frame();
        }
        self.push_frame(portal_code)?;
        for (&register, &word) in site.registers.iter().zip(&values) {
            self.set(register, word, Sym::CONSTANT);
        }
        self.frame().position = site.position;
        let mut arguments = vec![(words[0], frame)];
        arguments.extend(words.get(1).map(|&word| (word, Sym::of(value))));
        self.enter_jitcode(site.function, &arguments)
    }
}
