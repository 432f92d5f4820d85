//! Control structures compiled in place.
//!
//! Each conditional instruction of a control structure carries the number of its *inlined site*. When the instruction meets a
//! receiver that it can't decide, execution goes on in the site's [stub](super::stub), which really sends the message, puts the
//! result into the register noted here, and comes back to the instruction noted here.

use crate::bytecode::{FOR_REGISTERS, Instr, Op};
use crate::syntax::ast::{BlockDef, Expr, ExprKind, Send};

use super::expr::{Want, binary_ops};
use super::function::Patch;
use super::inline::{ForStep, Inlined, assigns, classify};
use super::stub::{SiteKind, StubSite};
use super::{Compiler, Result, ScopeKind};

/// The register that a conditional jump tests.
#[derive(Clone, Copy)]
enum Tested {
    /// Any that holds the value; this one is free for it.
    Anywhere(u16),
    /// This one, since stubs put their result there and come back to the jump.
    In(u16),
    /// This one in all jumps back, too: they tell by it which registers the next iteration has no use for.
    InLoop(u16),
}

/// Jumps to be patched to one place.
type Jumps = Vec<Patch>;

fn is_return(block: &BlockDef) -> bool {
    matches!(block.body.statements.last(), Some(Expr { kind: ExprKind::Return(_), .. }))
}

impl Compiler<'_> {
    pub(super) fn inlined(&mut self, send: &Send, inlined: Inlined<'_>, want: Want) -> Result<()> {
        let mark = self.f().next;
        match inlined {
            Inlined::If { first_when, first, second } => self.if_(send, first_when, first, second, want)?,
            Inlined::IfNil { nil_first, on_nil, on_other } => {
                self.if_nil(send, nil_first, on_nil.map(|b| &**b), on_other.map(|b| &**b), want)?
            }
            Inlined::Logic { when, block } => self.logic(send, when, block, want)?,
            Inlined::While { when, condition, body } => self.while_(when, condition, body, want)?,
            Inlined::For { step, body } => self.for_(send, step, body, want)?,
        }
        self.f().next = mark;
        Ok(())
    }

    /// A block's body in place; its value goes where it is wanted.
    fn in_place(&mut self, block: &BlockDef, want: Want) -> Result<()> {
        self.in_place_with(block, 0, want)
    }

    /// As `in_place`, for a block with a parameter.
    fn in_place_with(&mut self, block: &BlockDef, first_param: u16, want: Want) -> Result<()> {
        let mark = self.f().next;
        self.open_scope(&block.params, &block.body, ScopeKind::InPlace { first_param })?;
        match block.body.statements.split_last() {
            None => {
                if let Want::In(target) = want {
                    self.load(Op::LoadNil, target);
                }
            }
            Some((last, before)) => {
                for statement in before {
                    self.discard(statement)?;
                }
                match want {
                    Want::Nothing => self.discard(last)?,
                    Want::In(target) => self.evaluate_into(last, target)?,
                }
            }
        }
        self.close_scope();
        self.f().next = mark;
        Ok(())
    }

    /// A destination that may be written before the construct is finished.
    fn safe_target(&mut self, want: Want) -> Result<u16> {
        match want {
            Want::In(register) if !self.f().is_variable(register) && register >= self.f().next => {
                self.f().next = register + 1;
                self.f().reserve(register + 1)?;
                Ok(register)
            }
            _ => self.f().take(1),
        }
    }

    fn if_(
        &mut self,
        send: &Send,
        first_when: bool,
        first: &BlockDef,
        second: Option<&std::rc::Rc<BlockDef>>,
        want: Want,
    ) -> Result<()> {
        // Both parts write the result as their last action, so it may be any register. The stub needs one in any case.
        let result = match want {
            Want::In(register) => register,
            Want::Nothing => self.f().take(1)?,
        };
        let inner = if want == Want::Nothing { Want::Nothing } else { Want::In(result) };
        let mark = self.f().next;
        let (condition, site) = self.condition(&send.receiver, !first_when, StubSite::of(send, result))?;
        self.f().next = mark;
        self.in_place(first, inner)?;
        if second.is_none() && want == Want::Nothing {
            self.patch_all(condition)?;
        } else {
            // In a closure, execution may go on behind a `^`: with the result of `escapedBlock:`.
            let goes_on = self.f().is_block || !is_return(first);
            let done = goes_on.then(|| self.f().emit_jump(Op::Jump, 0, 0));
            self.patch_all(condition)?;
            match second {
                Some(second) => self.in_place(second, inner)?,
                None => self.load(Op::LoadNil, result),
            }
            if let Some(done) = done {
                self.f().patch(done)?;
            }
        }
        self.resume_here(site);
        Ok(())
    }

    fn patch_all(&mut self, jumps: Jumps) -> Result<()> {
        jumps.into_iter().try_for_each(|jump| self.f().patch(jump))
    }

    /// Code that jumps if `expr` is `when`, and goes on if it is the opposite. The given site is for the jump that decides a
    /// value other than a Boolean; its number is returned.
    fn condition(&mut self, expr: &Expr, when: bool, site: StubSite<'_>) -> Result<(Jumps, Option<u16>)> {
        let mark = self.f().next;
        let register = self.f().take(1)?;
        let mut jumps = Jumps::new();
        let site = self.branch(expr, when, Tested::Anywhere(register), &mut jumps, site)?;
        self.f().next = mark;
        Ok((jumps, site))
    }

    /// As `condition`; returns the number of the site.
    fn branch(
        &mut self,
        expr: &Expr,
        when: bool,
        tested: Tested,
        jumps: &mut Jumps,
        site: StubSite<'_>,
    ) -> Result<Option<u16>> {
        let (Tested::Anywhere(register) | Tested::In(register) | Tested::InLoop(register)) = tested;
        let outer_span = self.f().span;
        if let ExprKind::Send(send) = &expr.kind {
            if let Some(Inlined::Logic { when: stays, block }) = classify(send, self.inlining)
                && block.body.locals.is_empty()
                && let [value] = block.body.statements.as_slice()
                && !matches!(value.kind, ExprKind::Return(_))
            {
                self.f().span = expr.span;
                let inner_site = StubSite::of(send, register);
                // `a and: [b]` jumping on false: either one being false jumps. Jumping on true: a false `a` goes on.
                let mut skips = Jumps::new();
                let in_loop = matches!(tested, Tested::InLoop(_));
                let (first_jumps, first_when) = if when == stays { (&mut skips, !stays) } else { (&mut *jumps, when) };
                let first = if in_loop && when != stays { tested } else { Tested::Anywhere(register) };
                let first_site = self.branch(&send.receiver, first_when, first, first_jumps, inner_site)?;
                self.open_scope(&[], &block.body, ScopeKind::InPlace { first_param: 0 })?;
                self.f().span = outer_span;
                let last = if in_loop { tested } else { Tested::In(register) };
                let last_site = self.branch(value, when, last, jumps, site)?;
                self.close_scope();
                // The first part's stub comes back to the last jump, with the value of the whole in `register`.
                let last_jump = self.f().here() - 1;
                self.resume_at(first_site, last_jump);
                self.patch_all(skips)?;
                return Ok(last_site);
            }
            if let Some(ops) = binary_ops(&send.selector.name)
                && let Some(fused) = ops.fused
                && self.vm.specials().contains(&*send.selector.name)
                && !matches!(&send.receiver.kind, ExprKind::Var(name) if &**name == "super")
            {
                self.f().span = expr.span;
                let mark = self.f().next;
                self.binary(send, fused, ops.fused_immediate, register)?;
                self.f().next = mark;
                self.f().span = outer_span;
                return self.jump_on(when, register, jumps, site);
            }
        }
        if let Tested::Anywhere(_) = tested
            && let Some(variable) = self.variable_register(expr)
        {
            return self.jump_on(when, variable, jumps, site);
        }
        self.evaluate_into(expr, register)?;
        self.jump_on(when, register, jumps, site)
    }

    fn jump_on(&mut self, when: bool, register: u16, jumps: &mut Jumps, site: StubSite<'_>) -> Result<Option<u16>> {
        let op = if when { Op::JumpIfTrue } else { Op::JumpIfFalse };
        let number = self.begin_site(site, register)?;
        jumps.push(self.f().emit_jump(op, register, number));
        Ok(Some(number))
    }

    fn if_nil(
        &mut self,
        send: &Send,
        nil_first: bool,
        on_nil: Option<&BlockDef>,
        on_other: Option<&BlockDef>,
        want: Want,
    ) -> Result<()> {
        let result = self.safe_target(want)?;
        let inner = if want == Want::Nothing { Want::Nothing } else { Want::In(result) };
        self.evaluate_into(&send.receiver, result)?;
        let site = self.begin_site(StubSite::of(send, result), result)?;
        let (first, second, skip) =
            if nil_first { (on_nil, on_other, Op::JumpIfNotNil) } else { (on_other, on_nil, Op::JumpIfNil) };
        let skip = self.f().emit_jump(skip, result, site);
        if let Some(first) = first {
            self.in_place(first, inner)?;
        }
        // Where there is no second part, the value is the receiver, which is there already.
        match second {
            None => self.f().patch(skip)?,
            Some(second) => {
                let done = self.f().emit_jump(Op::Jump, 0, 0);
                self.f().patch(skip)?;
                self.in_place(second, inner)?;
                self.f().patch(done)?;
            }
        }
        self.resume_here(Some(site));
        self.deliver(result, want);
        Ok(())
    }

    fn logic(&mut self, send: &Send, when: bool, block: &BlockDef, want: Want) -> Result<()> {
        let result = self.safe_target(want)?;
        let mut jumps = Jumps::new();
        // The receiver is the value if the block is not needed.
        self.evaluate_into(&send.receiver, result)?;
        let site = self.jump_on(!when, result, &mut jumps, StubSite::of(send, result))?;
        self.in_place(block, Want::In(result))?;
        self.patch_all(jumps)?;
        self.resume_here(site);
        self.deliver(result, want);
        Ok(())
    }

    /// The condition comes behind the body, so that a round takes one jump. What the body and the condition compute lies above the registers in
    /// use before, and the value of the condition above the condition's own variables: what is there is of no use to the next round, as the jump back says.
    fn while_(&mut self, when: bool, condition: &BlockDef, body: &BlockDef, want: Want) -> Result<()> {
        let entry = self.f().emit_jump(Op::Jump, 0, 0);
        let top = self.f().here();
        self.in_place(body, Want::Nothing)?;
        self.f().patch(entry)?;
        let mark = self.f().next;
        self.open_scope(&[], &condition.body, ScopeKind::InPlace { first_param: 0 })?;
        let register = self.f().take(1)?;
        let mut back = Jumps::new();
        let site = StubSite { kind: SiteKind::LoopCondition { when }, result: register };
        let site = match condition.body.statements.split_last() {
            Some((last, before)) => {
                for statement in before {
                    self.discard(statement)?;
                }
                self.branch(last, when, Tested::InLoop(register), &mut back, site)?
            }
            None => {
                self.load(Op::LoadNil, register);
                self.jump_on(when, register, &mut back, site)?
            }
        };
        let last_jump = self.f().here() - 1;
        self.resume_at(site, last_jump);
        for jump in back {
            self.f().patch_back(jump, top)?;
        }
        self.close_scope();
        self.f().next = mark;
        if let Want::In(target) = want {
            self.load(Op::LoadNil, target);
        }
        Ok(())
    }

    fn for_(&mut self, send: &Send, step: ForStep, body: &BlockDef, want: Want) -> Result<()> {
        let counter = self.f().take(2)?;
        let limit = counter + 1;
        // The value of a counting loop is its receiver; the stub sends the message to it, and writes the result.
        let result = self.f().take(1)?;
        let is_needed = want != Want::Nothing || matches!(step, ForStep::Times);
        let receiver = if is_needed { result } else { counter };
        self.evaluate_into(&send.receiver, receiver)?;
        if let ForStep::Times = step {
            self.f().emit(Op::Move, limit, result, 0);
            self.f().emit_instr(Instr::with_imm32(Op::LoadInt, counter, 1));
        } else {
            self.evaluate_into(&send.args[0], limit)?;
            if is_needed {
                self.f().emit(Op::Move, counter, result, 0);
            }
        }
        let prep = if let ForStep::Down = step { Op::ForDownPrep } else { Op::ForPrep };
        let site = StubSite { kind: SiteKind::CountingLoop { send, limit }, result };
        let site = self.begin_site(site, receiver)?;
        let exit = self.f().emit_jump(prep, counter, site);
        let top = self.f().here();
        let mark = self.f().next;
        // The jump back relies on it.
        debug_assert_eq!(mark, counter + FOR_REGISTERS, "nothing is kept above a counting loop's registers");
        let mut first_param = counter;
        if body.params.iter().any(|param| assigns(body, &param.name)) {
            first_param = self.f().take(1)?;
            self.f().emit(Op::Move, first_param, counter, 0);
        }
        self.in_place_with(body, first_param, Want::Nothing)?;
        self.f().next = mark;
        let target = self.f().target(top)?;
        match step {
            ForStep::Up | ForStep::Times => self.f().emit(Op::ForLoop, counter, target, 0),
            ForStep::Down => self.f().emit(Op::ForDownLoop, counter, target, 0),
            ForStep::By(step) => self.f().emit(Op::ForStepLoop, counter, target, step),
        }
        self.f().patch(exit)?;
        self.resume_here(Some(site));
        self.deliver(result, want);
        Ok(())
    }
}
