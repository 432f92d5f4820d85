//! Calls: of jitcode, of Rust, and of compiled guest code.

use tailor_compiler::ir::{AliasSet, AllocDesc, AllocId, CallDesc, MemDesc, MemKind, Op, OpCode, Ref, Type, Width};
use tailor_jitcode::analysis::effects::Summary;
use tailor_jitcode::code::{Operation, Register};
use tailor_jitcode::{JitFunction, Role};

use super::{End, Step, Stop, Sym, Tracer};
use crate::engine::{Abort, BUFFER, DIRECT, Done, LocationId, entry_of_residuals};

/// Larger allocations are made by the language's own function.
const LARGEST_NEW: u64 = 1 << 12;

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
        let done = self.call_with(function, &values, results);
        self.driver.arguments = values;
        done
    }

    fn call_with(
        &mut self,
        function: &'static JitFunction,
        arguments: &[(u64, Sym)],
        results: &'static [Register],
    ) -> Step {
        if function.role == Role::Leave {
            // Of frames at or below the root, only the root can be left, and by the portal only: else, by an unwinding, the caller of the unit has to know.
            let inlined = arguments.first().is_some_and(|(_, frame)| frame.base == self.root && frame.offset > 0);
            if !inlined {
                if self.frames.len() > 1 || !self.leaves_root(arguments)? {
                    self.exit_here();
                }
                return Err(Stop::End(End::Complete));
            }
        }
        let constant = arguments.iter().all(|&(_, sym)| sym.base.as_constant().is_some());
        if function.traits.elidable && constant {
            let words = self.execute(function, arguments, results.len());
            for (at, &dest) in results.iter().enumerate() {
                let ty = self.frame().code.type_of(dest);
                let sym = self.constant(ty, words[at]);
                self.set(dest, words[at], sym);
            }
            self.frame().position += 1;
            return Ok(());
        }
        if !function.is_residual() && !function.traits.portal {
            return self.enter_jitcode(function, arguments);
        }
        match function.role {
            Role::Barrier => self.barrier(function, arguments),
            Role::Allocate => self.allocate(function, arguments, results)?,
            _ => self.residual(function, arguments, results)?,
        }
        self.frame().position += 1;
        Ok(())
    }

    /// Goes on in a function's jitcode.
    fn enter_jitcode(&mut self, function: &'static JitFunction, arguments: &[(u64, Sym)]) -> Step {
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

    /// Calls a function natively; the words of its results.
    fn execute(&mut self, function: &'static JitFunction, arguments: &[(u64, Sym)], results: usize) -> Vec<u64> {
        let mut words: Vec<u64> = arguments.iter().map(|&(word, _)| word).collect();
        words.push(0);
        let mut answered = vec![0; results + 1];
        // SAFETY: these are the arguments that the interpreter would call it with; what they refer to is held by registers of frames.
        unsafe { (function.native)(words.as_ptr(), answered.as_mut_ptr()) };
        answered
    }

    fn barrier(&mut self, function: &'static JitFunction, arguments: &[(u64, Sym)]) {
        self.execute(function, arguments, 0);
        // The heap, the object, and perhaps the slot.
        let object = self.value(arguments[1].1);
        self.unit.push(Op { a: object.word(), ..Op::new(OpCode::Barrier, Type::Void) });
    }

    /// Allocation: the last two arguments are size and header.
    fn allocate(
        &mut self,
        function: &'static JitFunction,
        arguments: &[(u64, Sym)],
        results: &'static [Register],
    ) -> Step {
        let [.., (_, size), (_, header)] = arguments else { return self.residual(function, arguments, results) };
        let constants = self.constant_of(*size).zip(self.constant_of(*header));
        let (Some((size, header)), [dest]) = (constants, results) else {
            return self.residual(function, arguments, results);
        };
        if !(8..=LARGEST_NEW).contains(&size) || size % 8 != 0 {
            return self.residual(function, arguments, results);
        }
        let object = self.execute(function, arguments, 1)[0];
        if object == 0 {
            return Err(Stop::End(End::Aborted(Abort::NotCompiled)));
        }
        let full = Stop::End(End::Aborted(Abort::TablesFull));
        let alloc = self.driver.descriptors.intern_alloc(AllocDesc { size: size as u32, header }).ok_or(full)?;
        let value = self.new_object(alloc, header);
        self.set(*dest, object, Sym::of(value));
        Ok(())
    }

    /// Records an allocation.
    pub(super) fn new_object(&mut self, alloc: AllocId, header: u64) -> Ref {
        let value = self.unit.push(Op { aux: alloc.0, ..Op::new(OpCode::New, Type::Ref) });
        self.fresh.insert(value, header);
        value
    }

    /// Calls Rust, and records the call.
    fn residual(
        &mut self,
        function: &'static JitFunction,
        arguments: &[(u64, Sym)],
        results: &'static [Register],
    ) -> Step {
        let full = || Stop::End(End::Aborted(Abort::TablesFull));
        if arguments.len() > BUFFER || results.len() > BUFFER {
            return Err(full());
        }
        let buffer_class = self.driver.buffer_class;
        let summary = Summary::of(function);
        let writes = summary.writes.with(buffer_class);
        let residual = self.driver.residuals.address(function);
        let mut list = vec![self.unit.int(residual as i64)];
        let mut types = vec![Type::Int];
        for (at, &(_, sym)) in arguments.iter().enumerate() {
            let mut value = self.value(sym);
            let mut ty = self.unit.type_of(value);
            if ty == Type::Float {
                value = self.converted_value(OpCode::FloatBits, value);
                ty = Type::Int;
            }
            if arguments.len() > DIRECT {
                self.buffer_access(OpCode::Store, at, ty, Some(value))?;
            } else {
                list.push(value);
                types.push(ty);
            }
        }
        let elidable = function.traits.elidable && results.len() <= 1;
        let desc = CallDesc {
            name: function.signature.name.to_owned(),
            address: entry_of_residuals(),
            arguments: types,
            result: Type::Int,
            reads: summary.reads.with(buffer_class),
            writes: if elidable { AliasSet::NONE } else { writes },
            collects: summary.collects,
            elidable,
        };
        let id = self.driver.descriptors.intern_call(desc).ok_or_else(full)?;
        let list = self.unit.list(&list);
        let first = self.unit.push(Op { aux: id.0, a: list.0, ..Op::new(OpCode::Call, Type::Int) });

        let words = self.execute(function, arguments, results.len());
        self.memory.forget(writes);
        for (at, &dest) in results.iter().enumerate() {
            let ty = self.frame().code.type_of(dest);
            let value = match (at, ty) {
                (0, Type::Float) => self.converted_value(OpCode::BitsFloat, first),
                (0, Type::Ref) => self.converted_value(OpCode::IntToRef, first),
                (0, _) => first,
                _ => self.buffer_access(OpCode::Load, at, ty, None)?,
            };
            self.set(dest, words[at], Sym::of(value));
        }
        Ok(())
    }

    fn converted_value(&mut self, code: OpCode, value: Ref) -> Ref {
        let ty = match code {
            OpCode::BitsFloat => Type::Float,
            OpCode::IntToRef => Type::Ref,
            _ => Type::Int,
        };
        self.unit.push(Op { a: value.word(), ..Op::new(code, ty) })
    }

    /// Reads or writes a word of the call buffer.
    fn buffer_access(&mut self, code: OpCode, at: usize, ty: Type, stored: Option<Ref>) -> Step<Ref> {
        let width = match ty {
            Type::Float => Width::F64,
            Type::Ref => Width::Ref,
            _ => Width::I64,
        };
        let desc = MemDesc {
            class: self.driver.buffer_class,
            kind: MemKind::Field,
            width,
            immutable: false,
            offset: 8 * at as i32,
            scale: 0,
        };
        let full = Stop::End(End::Aborted(Abort::TablesFull));
        let mem = self.driver.descriptors.intern_mem(desc).ok_or(full)?;
        let buffer = self.driver.residuals.buffer();
        let base = self.unit.constant(Type::Ref, buffer);
        let (result, c) = stored.map_or((ty, 0), |value| (Type::Void, value.word()));
        Ok(self.unit.push(Op { aux: mem.0, a: base.word(), b: Ref::NONE.word(), c, ..Op::new(code, result) }))
    }

    /// Whether a call of the leaving function leaves the unit's own guest frame; then the unit returns here.
    fn leaves_root(&mut self, arguments: &[(u64, Sym)]) -> Step<bool> {
        let Some(&(_, frame)) = arguments.first() else { return Ok(false) };
        if frame != Sym::of(self.root) {
            return Ok(false);
        }
        let (code, position) = (self.frame().code, self.frame().position);
        let Some(site) = &self.driver.portal().leave else { return Ok(false) };
        let (first, known) = (site.position, site.values.clone());
        let registers = code.live_across(position).unwrap_or_default();
        // Another place than the first: what lives on there must be known.
        if position != first && known.is_none() {
            return Ok(false);
        }
        // What lives on in the portal must be constants: the unit returns nothing but the value.
        let mut values = Vec::new();
        for &register in registers {
            let (word, sym) = self.operand(register);
            if sym.base.as_constant().is_none() {
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
        let returned: Vec<Ref> = arguments[1..]
            .iter()
            .map(|&(_, sym)| sym)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|sym| self.value(sym))
            .collect();
        let list = self.unit.list(&returned);
        self.unit.push(Op { a: list.0, ..Op::new(OpCode::Return, Type::Void) });
        Ok(true)
    }

    /// Calls the unit of a location, executes it, and goes on where its guest frame is left. `state` are the words of the portal's parameters there.
    pub(super) fn call_unit(&mut self, location: LocationId, frame: Sym, state: &[u64]) -> Step {
        let Some(site) = self.driver.portal().leave.clone() else {
            return Err(Stop::End(End::Aborted(Abort::LongCall)));
        };
        let entry = self.driver.locations[location].entry;
        let base = self.value(frame);
        let list = self.unit.list(&[base]);
        // Where the callee is left, nothing has to be rebuilt of the caller: the guest stack has it all.
        let snapshot = self.unit.snapshots.add(None);
        let ty = site.result;
        let op = Op { aux: entry.0, a: list.0, b: snapshot.0, ..Op::new(OpCode::CallUnit, ty) };
        let value = self.unit.push(op);
        self.memory.forget_stack(frame.offset);
        let stack = AliasSet::NONE.with(tailor_jitcode::analysis::alias::GUEST_STACK);
        self.memory.forget(AliasSet(!stack.0));

        let frame_word = state[self.driver.portal().frame];
        let (values, words) = match self.driver.execute_callee(location, frame_word, state) {
            Done::Left(values, arguments) => (values, arguments),
            Done::Returned(words) => return Err(Stop::Portal(words)),
            Done::Unfinished(frames) => return Err(Stop::Frames(frames, Abort::LongCall)),
        };
        // The portal goes on at the call of the function that leaves the callee's frame.
        let portal_code = self.driver.portal().function.code();
        while !self.frames.is_empty() {
            self.pop_frame();
        }
        self.push_frame(portal_code)?;
        for (&register, &word) in site.registers.iter().zip(&values) {
            let sym = self.constant(portal_code.type_of(register), word);
            self.set(register, word, sym);
        }
        self.frame().position = site.position;
        let mut arguments = vec![(words[0], frame)];
        arguments.extend(words.get(1).map(|&word| (word, Sym::of(value))));
        self.enter_jitcode(site.function, &arguments)
    }
}
