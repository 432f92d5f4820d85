//! Expressions: variables, literals, sends and operators.

use crate::bytecode::{Instr, LINK, NO_REGISTER, Op};
use crate::syntax::ast::{Expr, ExprKind, Ident, Literal, Send};
use crate::value::Value;

use super::inline::{classify, may_assign};
use super::{Compiler, Place, Result, make_literal};

/// The instructions for a binary message that has some.
#[derive(Clone, Copy)]
pub(super) struct BinaryOps {
    pub plain: Op,
    /// With a small constant as right operand.
    pub immediate: Option<Op>,
    /// Followed by a conditional jump.
    pub fused: Option<Op>,
    /// Both.
    pub fused_immediate: Option<Op>,
}

pub(super) fn binary_ops(selector: &str) -> Option<BinaryOps> {
    let arithmetic = |plain| BinaryOps { plain, immediate: None, fused: None, fused_immediate: None };
    let with_immediate = |plain, op| BinaryOps { immediate: Some(op), ..arithmetic(plain) };
    let comparison =
        |plain, fused, both| BinaryOps { plain, immediate: None, fused: Some(fused), fused_immediate: Some(both) };
    Some(match selector {
        "+" => with_immediate(Op::Add, Op::AddImm),
        "-" => with_immediate(Op::Sub, Op::SubImm),
        "*" => arithmetic(Op::Mul),
        "/" => arithmetic(Op::Div),
        "//" => arithmetic(Op::DoubleDiv),
        "%" => arithmetic(Op::Mod),
        "rem:" => arithmetic(Op::Rem),
        "&" => arithmetic(Op::BitAnd),
        "<<" => arithmetic(Op::Shl),
        ">>>" => arithmetic(Op::Shr),
        "bitXor:" => arithmetic(Op::BitXor),
        "<" => comparison(Op::Lt, Op::LtBr, Op::LtImmBr),
        "<=" => comparison(Op::Le, Op::LeBr, Op::LeImmBr),
        ">" => comparison(Op::Gt, Op::GtBr, Op::GtImmBr),
        ">=" => comparison(Op::Ge, Op::GeBr, Op::GeImmBr),
        "=" => comparison(Op::Eq, Op::EqBr, Op::EqImmBr),
        "<>" => comparison(Op::Ne, Op::NeBr, Op::NeImmBr),
        "==" => BinaryOps { fused: Some(Op::IdenticalBr), ..arithmetic(Op::Identical) },
        "at:" => arithmetic(Op::At),
        _ => return None,
    })
}

fn unary_op(selector: &str) -> Option<Op> {
    Some(match selector {
        "not" => Op::Not,
        "isNil" => Op::IsNil,
        "notNil" => Op::NotNil,
        _ => return None,
    })
}

/// What becomes of an expression's value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// It is not needed.
    Nothing,
    /// It goes to this register.
    In(u16),
}

fn small_immediate(expr: &Expr) -> Option<i16> {
    match &expr.kind {
        ExprKind::Literal(Literal::Integer(i)) => i16::try_from(i).ok(),
        _ => None,
    }
}

fn is_super(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Var(name) if &**name == "super")
}

impl Compiler<'_> {
    /// Evaluates for effect.
    pub(super) fn discard(&mut self, expr: &Expr) -> Result<()> {
        let mark = self.f().next;
        self.expr(expr, Want::Nothing)?;
        self.f().next = mark;
        Ok(())
    }

    /// Evaluates into `target`. Registers from `target` on may be used before it is written.
    pub(super) fn evaluate_into(&mut self, expr: &Expr, target: u16) -> Result<()> {
        let mark = self.f().next;
        self.f().reserve(target + 1)?;
        self.expr(expr, Want::In(target))?;
        self.f().next = mark;
        Ok(())
    }

    /// Evaluates into whatever register suits: a variable's own one, or a temporary, which is then taken.
    pub(super) fn any(&mut self, expr: &Expr) -> Result<u16> {
        if let Some(register) = self.variable_register(expr) {
            return Ok(register);
        }
        let target = self.f().next;
        self.evaluate_into(expr, target)?;
        self.f().take(1)
    }

    /// The register that holds the variable that `expr` is, if one does.
    pub(super) fn variable_register(&mut self, expr: &Expr) -> Option<u16> {
        let ExprKind::Var(name) = &expr.kind else { return None };
        if matches!(&**name, "self" | "super") {
            return Some(self.f().self_register);
        }
        match self.resolve(name) {
            Place::Register(register) => Some(register),
            _ => None,
        }
    }

    /// Evaluates an operand that must keep its value while `later` is evaluated.
    pub(super) fn operand(&mut self, expr: &Expr, later: &Expr) -> Result<u16> {
        let register = self.any(expr)?;
        if self.f().is_variable(register) && may_assign(later) {
            let copy = self.f().take(1)?;
            self.f().emit(Op::Move, copy, register, 0);
            return Ok(copy);
        }
        Ok(register)
    }

    fn expr(&mut self, expr: &Expr, want: Want) -> Result<()> {
        let outer_span = self.f().span;
        self.f().span = expr.span;
        match &expr.kind {
            ExprKind::Var(name) => self.variable(name, want)?,
            ExprKind::Assign(target, value) => self.assign(target, value, want)?,
            ExprKind::Send(send) => self.send(send, want)?,
            ExprKind::Block(block) => {
                let target = self.target(want)?;
                self.closure(block, target)?;
            }
            ExprKind::Literal(literal) => self.literal(literal, want)?,
            ExprKind::Return(value) => self.return_statement(value, want)?,
        }
        self.f().span = outer_span;
        Ok(())
    }

    /// The register for a value, a scratch one if it is not wanted.
    pub(super) fn target(&mut self, want: Want) -> Result<u16> {
        match want {
            Want::In(register) => Ok(register),
            Want::Nothing => {
                let scratch = self.f().next;
                self.f().reserve(scratch + 1)?;
                Ok(scratch)
            }
        }
    }

    /// Moves `register` to where it is wanted.
    pub(super) fn deliver(&mut self, register: u16, want: Want) {
        if let Want::In(target) = want
            && target != register
        {
            self.f().emit(Op::Move, target, register, 0);
        }
    }

    fn variable(&mut self, name: &str, want: Want) -> Result<()> {
        let target = self.target(want)?;
        match name {
            "self" | "super" => {
                let register = self.f().self_register;
                self.deliver(register, want);
                return Ok(());
            }
            _ => {}
        }
        match self.resolve(name) {
            Place::Register(register) => self.deliver(register, want),
            Place::Context { context, slot } => self.f().emit(Op::GetContext, target, context, slot),
            Place::Outer { hops, slot } => self.f().emit(Op::GetOuter, target, hops, slot),
            Place::Field(field) => {
                let this = self.f().self_register;
                self.f().emit(Op::GetField, target, this, field);
            }
            Place::Global => self.global(name, target)?,
        }
        Ok(())
    }

    fn global(&mut self, name: &str, target: u16) -> Result<()> {
        match name {
            "nil" => self.f().emit(Op::LoadNil, target, 0, 0),
            "true" => self.f().emit(Op::LoadTrue, target, 0, 0),
            "false" => self.f().emit(Op::LoadFalse, target, 0, 0),
            _ => {
                let literal = self.association(name)?;
                self.f().emit(Op::LoadGlobal, target, literal, 0);
            }
        }
        Ok(())
    }

    /// The literal for a global.
    fn association(&mut self, name: &str) -> Result<u16> {
        let span = self.f().span;
        let association = self.vm.association_named(name).map_err(|e| super::CompileError::raised(span, &e))?;
        self.f().literal(Value::from_gc(association))
    }

    fn assign(&mut self, target: &Ident, value: &Expr, want: Want) -> Result<()> {
        if let Place::Register(register) = self.resolve(&target.name) {
            self.evaluate_into(value, register)?;
            self.deliver(register, want);
            return Ok(());
        }
        let register = self.any(value)?;
        self.store(&target.name, register)?;
        self.deliver(register, want);
        Ok(())
    }

    /// Stores a register into a variable that has no register.
    fn store(&mut self, name: &str, register: u16) -> Result<()> {
        match self.resolve(name) {
            Place::Context { context, slot } => self.f().emit(Op::SetContext, context, register, slot),
            Place::Outer { hops, slot } => self.f().emit(Op::SetOuter, register, hops, slot),
            Place::Field(field) => {
                let this = self.f().self_register;
                self.f().emit(Op::SetField, this, register, field);
            }
            Place::Global => {
                let literal = self.association(name)?;
                self.f().emit(Op::SetGlobal, register, literal, 0);
            }
            Place::Register(_) => unreachable!("`assign` writes registers itself"),
        }
        Ok(())
    }

    fn literal(&mut self, literal: &Literal, want: Want) -> Result<()> {
        let target = self.target(want)?;
        if let Literal::Integer(i) = literal
            && let Ok(imm) = i32::try_from(i)
        {
            self.f().emit_instr(Instr::with_imm32(Op::LoadInt, target, imm));
            return Ok(());
        }
        let span = self.f().span;
        let value = make_literal(self.vm, literal, span)?;
        let index = self.f().literal(value)?;
        self.f().emit(Op::LoadLiteral, target, index, 0);
        Ok(())
    }

    fn send(&mut self, send: &Send, want: Want) -> Result<()> {
        if is_super(&send.receiver) {
            return self.window_send(send, want, Op::SendSuper);
        }
        if let Some(inlined) = classify(send, self.inlining) {
            return self.inlined(send, inlined, want);
        }
        if !self.vm.specials().contains(&*send.selector.name) {
            return self.window_send(send, want, Op::Send);
        }
        if let Some(ops) = binary_ops(&send.selector.name) {
            let target = self.target(want)?;
            return self.binary(send, ops.plain, ops.immediate, target);
        }
        if let Some(op) = unary_op(&send.selector.name) {
            let register = self.any(&send.receiver)?;
            let target = self.target(want)?;
            let site = self.site(send)?;
            self.f().emit_operator(Instr::new(op, target, register, 0), site);
            return Ok(());
        }
        if &*send.selector.name == "at:put:" && want == Want::Nothing {
            return self.at_put(send);
        }
        self.window_send(send, want, Op::Send)
    }

    /// Emits an operator with its operands.
    pub(super) fn binary(&mut self, send: &Send, op: Op, immediate: Option<Op>, target: u16) -> Result<()> {
        let right = &send.args[0];
        if let (Some(op), Some(imm)) = (immediate, small_immediate(right)) {
            let left = self.any(&send.receiver)?;
            let site = self.site(send)?;
            self.f().emit_operator(Instr::new(op, target, left, imm as u16), site);
            return Ok(());
        }
        let left = self.operand(&send.receiver, right)?;
        let right = self.any(right)?;
        let site = self.site(send)?;
        self.f().emit_operator(Instr::new(op, target, left, right), site);
        Ok(())
    }

    fn at_put(&mut self, send: &Send) -> Result<()> {
        let [index, value] = send.args.as_slice() else { unreachable!("at:put: has two arguments") };
        let assigns_later = may_assign(index) || may_assign(value);
        let mut array = self.any(&send.receiver)?;
        if assigns_later && self.f().is_variable(array) {
            let copy = self.f().take(1)?;
            self.f().emit(Op::Move, copy, array, 0);
            array = copy;
        }
        let index = self.operand(index, value)?;
        let value = self.any(value)?;
        let site = self.site(send)?;
        self.f().emit_operator(Instr::new(Op::AtPut, array, index, value), site);
        Ok(())
    }

    /// The site of a send.
    pub(super) fn site(&mut self, send: &Send) -> Result<u16> {
        let span = self.f().span;
        let selector = self.vm.intern(&send.selector.name).map_err(|e| super::CompileError::raised(span, &e))?;
        self.f().site(selector, send.args.len() as u16)
    }

    /// A send with receiver and arguments in a call window.
    fn window_send(&mut self, send: &Send, want: Want, op: Op) -> Result<()> {
        let mark = self.f().next;
        let target = self.target(want)?;
        let window = mark + LINK;
        self.evaluate_into(&send.receiver, window)?;
        for (i, arg) in send.args.iter().enumerate() {
            let register = window + 1 + i as u16;
            self.f().reserve(register)?;
            self.f().next = register;
            self.evaluate_into(arg, register)?;
        }
        let site = self.site(send)?;
        self.f().emit(op, target, window, site);
        self.f().next = mark;
        Ok(())
    }

    /// Loads the value of a pseudo-variable or a small number.
    pub(super) fn load(&mut self, op: Op, target: u16) {
        self.f().emit(op, target, NO_REGISTER, 0);
    }
}
