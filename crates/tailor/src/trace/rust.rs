//! Recording calls of Rust: what drivers do for residual functions (see [`crate::engine::residual`] for the convention).

use tailor_compiler::ir::{AliasSet, CallDesc, CallId, MemDesc, MemKind, Op, OpCode, Ref, Type, Unit, Width};
use tailor_jitcode::analysis::effects::Summary;
use tailor_jitcode::{DIRECT, JitFunction};

use crate::engine::{BUFFER, Driver, entry_of_residuals};

/// What calls of a residual function are recorded as.
#[derive(Clone, Copy, Debug)]
pub struct Called {
    desc: CallId,
    /// The first argument: where the further words of the result are put, or what names the function.
    first: u64,
    writes: AliasSet,
}

/// Records into a unit.
pub struct Rust<'a> {
    pub driver: &'a mut Driver,
    pub unit: &'a mut Unit,
}

impl Rust<'_> {
    /// Records a call of a residual function: the first word of its result, and what it may write. `None` if it has too many words, or descriptors have run out.
    pub fn call(
        &mut self,
        function: &'static JitFunction,
        arguments: &[Ref],
        results: usize,
    ) -> Option<(Ref, AliasSet)> {
        if arguments.len() > BUFFER || results > BUFFER {
            return None;
        }
        let types: Vec<Type> = arguments.iter().map(|&argument| self.unit.type_of(argument)).collect();
        let Called { desc, first, writes } = self.called(function, &types, results)?;
        let mut list = [self.unit.int(first as i64); DIRECT + 1];
        for (at, (&argument, &ty)) in arguments.iter().zip(&types).enumerate() {
            let (value, ty) = match ty {
                Type::Float => (self.converted(OpCode::FloatBits, argument), Type::Int),
                _ => (argument, ty),
            };
            if function.direct.is_some() {
                list[at + 1] = value;
            } else {
                self.buffer(OpCode::Store, at, ty, Some(value))?;
            }
        }
        let direct = if function.direct.is_some() { arguments.len() } else { 0 };
        let list = self.unit.list(&list[..=direct]);
        let first = self.unit.push(Op { aux: desc.0, a: list.0, ..Op::new(OpCode::Call, Type::Int) });
        Some((first, writes))
    }

    /// Word `at` of the result of the function that has just been called, whose first word is this; `None` if descriptors have run out.
    pub fn result(&mut self, first: Ref, at: usize, ty: Type) -> Option<Ref> {
        Some(match (at, ty) {
            (0, Type::Float) => self.converted(OpCode::BitsFloat, first),
            (0, Type::Ref) => self.converted(OpCode::IntToRef, first),
            (0, _) => first,
            _ => self.buffer(OpCode::Load, at, ty, None)?,
        })
    }

    /// What calls of a function are recorded as, whose arguments have these types.
    fn called(&mut self, function: &'static JitFunction, types: &[Type], results: usize) -> Option<Called> {
        if let Some(&called) = self.driver.called.get(&std::ptr::from_ref(function)) {
            return Some(called);
        }
        let summary = Summary::of(function);
        let (mut reads, mut writes) = (summary.reads, summary.writes);
        let (address, first) = match function.direct {
            Some(direct) => (direct as usize, if results > 1 { self.driver.residuals.buffer() } else { 0 }),
            None => {
                reads = reads.with(self.driver.buffer_class);
                (entry_of_residuals(), self.driver.residuals.address(function))
            }
        };
        if function.direct.is_none() || results > 1 {
            writes = writes.with(self.driver.buffer_class);
        }
        let mut arguments = vec![Type::Int];
        if function.direct.is_some() {
            arguments.extend(types.iter().map(|&ty| if ty == Type::Float { Type::Int } else { ty }));
        }
        let elidable = function.traits.elidable && results <= 1;
        let desc = CallDesc {
            name: function.signature.name.to_owned(),
            address,
            arguments,
            result: Type::Int,
            reads,
            writes: if elidable { AliasSet::NONE } else { writes },
            collects: summary.collects,
            elidable,
        };
        let desc = self.driver.descriptors.intern_call(desc)?;
        let called = Called { desc, first, writes };
        self.driver.called.insert(function, called);
        Some(called)
    }

    fn converted(&mut self, code: OpCode, value: Ref) -> Ref {
        let ty = match code {
            OpCode::BitsFloat => Type::Float,
            OpCode::IntToRef => Type::Ref,
            _ => Type::Int,
        };
        self.unit.push(Op { a: value.word(), ..Op::new(code, ty) })
    }

    /// Reads or writes a word of the call buffer.
    fn buffer(&mut self, code: OpCode, at: usize, ty: Type, stored: Option<Ref>) -> Option<Ref> {
        let width = match ty {
            Type::Float => Width::F64,
            Type::Ref => Width::Ref,
            _ => Width::I64,
        };
        let (class, kind, offset) = (self.driver.buffer_class, MemKind::Field, 8 * at as i32);
        let desc = MemDesc { class, kind, width, immutable: false, offset, scale: 0 };
        let buffer = self.driver.residuals.buffer();
        let base = self.unit.constant(Type::Ref, buffer);
        self.access(code, desc, base, stored)
    }

    /// A load or store without index; `None` if descriptors have run out.
    pub fn access(&mut self, code: OpCode, desc: MemDesc, base: Ref, stored: Option<Ref>) -> Option<Ref> {
        let mem = self.driver.descriptors.intern_mem(desc)?;
        let (result, c) = stored.map_or((desc.width.ty(), 0), |value| (Type::Void, value.word()));
        Some(self.unit.push(Op { aux: mem.0, a: base.word(), b: Ref::NONE.word(), c, ..Op::new(code, result) }))
    }
}
