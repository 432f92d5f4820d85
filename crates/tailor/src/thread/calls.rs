//! Calls: of jitcode, which is gone on in, and of Rust.

use tailor_compiler::ir::{AllocDesc, Op, OpCode, Ref, Type};
use tailor_jitcode::code::Register;
use tailor_jitcode::{JitFunction, Role};

use super::Unrecorded;
use super::paths::{Frame, Given, Path};
use super::record::{Recorder, Step, fixed, input, named};
use super::tape::{Input, MOST_ARGUMENTS, Node};
use crate::trace::{LARGEST_NEW, Operand, Rust, Sym};

impl Recorder<'_> {
    /// A call in the innermost frame; whether the path goes on.
    pub(super) fn call(
        &mut self,
        function: &'static JitFunction,
        registers: &'static [Register],
        results: &'static [Register],
    ) -> Step<bool> {
        let mut arguments: Vec<Operand> = Vec::with_capacity(registers.len());
        for &register in registers {
            arguments.push(self.operand(register));
        }
        if function.traits.elidable
            && arguments.len() <= MOST_ARGUMENTS
            && arguments.iter().all(|&operand| input(operand).is_some())
        {
            // (Taken from a list whose length is known, it lies in one piece of memory at once.)
            let arguments: Box<[Input]> =
                arguments.iter().map(|&operand| input(operand).map_or((0, 0), named)).collect();
            let node = Node::Call { function, arguments, results: results.len() as u32 };
            let first = self.tape.node(node).ok_or(Unrecorded::Unsuitable)?;
            for (number, &dest) in (first..).zip(results) {
                self.set(dest, fixed((self.tape.word(number), number)));
            }
            self.frame().position += 1;
            return Ok(true);
        }
        if function.traits.cold && !self.wishes.all && !self.path.effects {
            return self.leave();
        }
        let given = Given::of(&arguments);
        let called = function.traits.portal || self.driver.is_called(function, given);
        if !function.is_residual() && !called {
            self.tape.looks_into(function, given);
            self.push_frame(function, given)?;
            for (at, &value) in arguments.iter().enumerate() {
                self.set(Register(at as u16), value);
            }
            return Ok(true);
        }
        match (function.role, arguments.as_slice(), results) {
            (Role::Barrier, [_, object, ..], _) => {
                let object = self.value(*object, Type::Ref);
                self.unit.push(Op { a: object.word(), ..Op::new(OpCode::Barrier, Type::Void) });
                self.path.effects = true;
            }
            (Role::Allocate, &[.., size, header], &[dest])
                if size.1.is_constant()
                    && header.1.is_constant()
                    && (8..=LARGEST_NEW).contains(&self.pin(size).0)
                    && size.0.is_multiple_of(8) =>
            {
                let (header, _) = self.pin(header);
                let desc = AllocDesc { size: size.0 as u32, header };
                let alloc = self.driver.descriptors.intern_alloc(desc).ok_or(Unrecorded::TablesFull)?;
                let object = self.unit.push(Op { aux: alloc.0, ..Op::new(OpCode::New, Type::Ref) });
                self.set_value(dest, object);
                self.path.effects = true;
            }
            _ => return self.residual(function, registers, &arguments, results),
        }
        self.frame().position += 1;
        Ok(true)
    }

    /// Joins paths before a cold call: where an earlier one has come here in the same state, this one goes on in what has been recorded for that. Whether it does.
    ///
    /// The state must depend on the root and on constants only: what one path has computed, the other does not have.
    fn join(&mut self, arguments: &[Operand]) -> bool {
        let mut state = Vec::new();
        let last = self.path.frames.len() - 1;
        for at in 0..=last {
            let Frame { code, base, position, .. } = self.path.frames[at];
            state.push((std::ptr::from_ref(code) as u64, Sym { base: Ref::NONE, offset: position as i32 }));
            for &register in code.live_across(position).unwrap_or_default() {
                state.push(self.path.values[base + register.index()]);
            }
        }
        state.extend_from_slice(arguments);
        let Path { effects, counted, .. } = self.path;
        state.push((u64::from(effects) << 1 | u64::from(counted), Sym::CONSTANT));
        let fixed = |&(_, sym): &Operand| sym.base == self.root || sym.base.as_op().is_none();
        if !state.iter().all(fixed) {
            return false;
        }
        let none = self.unit.list(&[]).0;
        let known = self.joins.iter().find(|(known, _)| *known == state).map(|&(_, label)| label);
        let label = known.unwrap_or_else(|| self.unit.new_label());
        self.unit.push(Op { a: label.0, b: none, ..Op::new(OpCode::Jump, Type::Void) });
        if known.is_some() {
            return true;
        }
        self.joins.push((state, label));
        self.place(label);
        self.path.forget();
        false
    }

    /// Calls Rust: a residual function, or one that loops.
    fn residual(
        &mut self,
        function: &'static JitFunction,
        registers: &'static [Register],
        arguments: &[Operand],
        results: &'static [Register],
    ) -> Step<bool> {
        let code = self.frame().code;
        if function.traits.cold && self.join(arguments) {
            return Ok(false);
        }
        let mut values = Vec::with_capacity(arguments.len());
        for (&argument, &register) in arguments.iter().zip(registers) {
            values.push(self.value(argument, code.type_of(register)));
        }
        let mut rust = Rust { driver: &mut *self.driver, unit: &mut self.unit };
        let (first, _) = rust.call(function, &values, results.len()).ok_or(Unrecorded::TablesFull)?;
        if !function.traits.elidable {
            self.path.effects = true;
            self.path.forget_stack();
        }
        for (at, &dest) in results.iter().enumerate() {
            let mut rust = Rust { driver: &mut *self.driver, unit: &mut self.unit };
            let value = rust.result(first, at, code.type_of(dest)).ok_or(Unrecorded::TablesFull)?;
            self.set_value(dest, value);
        }
        self.frame().position += 1;
        Ok(true)
    }
}
