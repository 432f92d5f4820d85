//! Stubs: the way out for control structures that meet an unexpected receiver.
//!
//! `x ifTrue: [...]` is compiled in place, as if `x` were a Boolean. If it is not, the message must really be sent, with
//! blocks that see and change the variables around them and that can return from the method. All this is ordinary
//! bytecode, made on demand by [`super::compile_stub`]: the method is compiled once more, up to the site in question,
//! and there a stub is made. It runs *in the method's own frame*, above the registers in use at the site:
//!
//! 1. create a context, and copy all variables that are in registers to it;
//! 2. create the blocks, in that context, and send the message;
//! 3. copy the variables back, and resume the method behind the control structure.
//!
//! Nothing is compiled in place within the blocks of a stub: they have no inlined sites, hence no stubs of their own.
//!
//! Where the method has no home context, the stub's context serves as one while the message is executed. What differs from
//! blocks that were never in place is a block of a stub that outlives the message, kept by a receiver that is no Boolean: it has its own
//! copy of the variables from then on, and a `^` in it finds its home gone.

use tailor_gc::Gc;

use super::expr::Want;
use super::function::{Function, Location, Patch, Scope};
use super::inline::Inlining;
use super::{CompileError, Compiler, Result};
use crate::bytecode::{LINK, Op};
use crate::method::{Invokable, Method, NewMethod};
use crate::syntax::ast::{Expr, Send};

/// What a stub must do.
#[derive(Clone, Copy)]
pub(super) struct StubSite<'a> {
    pub kind: SiteKind<'a>,
    /// The register that the method expects the result in.
    pub result: u16,
}

#[derive(Clone, Copy)]
pub(super) enum SiteKind<'a> {
    /// Send the message with its blocks to the value that was tested.
    Send(&'a Send),
    /// Send the message with its block to the loop's first value.
    CountingLoop { send: &'a Send, limit: u16 },
    /// Decide whether a loop goes on that does so as long as its condition is `when`.
    LoopCondition { when: bool },
}

impl<'a> StubSite<'a> {
    pub fn of(send: &'a Send, result: u16) -> StubSite<'a> {
        StubSite { kind: SiteKind::Send(send), result }
    }
}

/// The stub that is being waited for, until it is known where it returns to.
pub(super) struct PendingStub {
    method: Gc<Method>,
    function: Function,
    resume: Patch,
}

impl Compiler<'_> {
    /// Numbers a site; `value` is the register with the value that it tests. If its stub is wanted, makes it.
    pub(super) fn begin_site(&mut self, site: StubSite<'_>, value: u16) -> Result<u16> {
        let number = self.f().inlined_site()?;
        let current = *self.methods.last().expect("a method is open during the whole walk");
        if self.wanted_stub == Some((current, number)) {
            self.make_stub(site, value)?;
        }
        Ok(number)
    }

    /// Says that the stub of `site` resumes at the next instruction.
    pub(super) fn resume_here(&mut self, site: Option<u16>) {
        let here = self.f().here();
        self.resume_at(site, here);
    }

    /// Says that the stub of `site` resumes at `pc`.
    pub(super) fn resume_at(&mut self, site: Option<u16>, pc: usize) {
        let current = *self.methods.last().expect("a method is open during the whole walk");
        if let (Some(site), Some(wanted)) = (site, self.wanted_stub)
            && wanted == (current, site)
            && let Some(pending) = self.pending_stub.take()
        {
            self.finished_stub = Some((pending, pc));
        }
    }

    fn make_stub(&mut self, site: StubSite<'_>, value: u16) -> Result<()> {
        let without_inlining = self.analyse_without_inlining()?;
        let analysis = std::mem::replace(&mut self.analysis, without_inlining);
        self.inlining = Inlining::Off;
        let stub = Function::stub_of(self.f());
        let original = std::mem::replace(self.f(), stub);
        self.existing_blocks.push(Vec::new().into_iter());

        let copies = self.copy_variables_out()?;
        let result = self.f().take(1)?;
        self.stub_send(site.kind, value, result)?;
        for (register, slot) in copies.variables {
            self.f().emit(Op::GetContext, register, copies.context, slot);
        }
        if copies.is_home {
            self.f().emit(Op::KillHome, copies.context, 0, 0);
        }
        // Last, since the method may expect the result in the register of a variable.
        self.f().emit(Op::Move, site.result, result, 0);
        let resume = self.f().emit_jump(Op::Resume, 0, 0);

        self.existing_blocks.pop();
        let function = std::mem::replace(self.f(), original);
        let method = self.new_stub_method()?;
        self.analysis = analysis;
        self.inlining = Inlining::On;
        self.pending_stub = Some(PendingStub { method, function, resume });
        Ok(())
    }

    fn new_stub_method(&mut self) -> Result<Gc<Method>> {
        let parent = *self.methods.last().expect("a method is open during the whole walk");
        let span = self.f().span;
        let new = NewMethod {
            selector: self.selector,
            holder: self.holder,
            args: parent.args(),
            parent: Some(parent),
            invokable: Invokable::Uncompiled,
            definition: parent.details().definition.clone(),
        };
        self.vm.new_method(new).map_err(|e| CompileError::raised(span, &e))
    }

    /// Makes a context with a copy of each variable that is in a register, and puts it around everything that follows.
    fn copy_variables_out(&mut self) -> Result<Copies> {
        let is_home = !self.f().is_block && self.f().home.is_none();
        let mut variables = Vec::new();
        let mut scope = Scope { is_home, ..Scope::default() };
        let mut slots = u16::from(is_home);
        for outer in self.f().scopes.clone() {
            for (name, location) in outer.variables {
                // Later declarations hide earlier ones of the same name: lookup finds the last.
                let location = match location {
                    Location::Register(register) => {
                        variables.push((register, slots));
                        slots += 1;
                        Location::Slot(slots - 1)
                    }
                    // Its own scope still has it; hide copies of outer variables of the same name.
                    Location::Slot(_) => {
                        scope.variables.retain(|(n, _)| *n != name);
                        continue;
                    }
                };
                scope.variables.push((name, location));
            }
        }
        let context = self.f().take(1)?;
        self.new_context(context, slots);
        scope.context = Some(context);
        if is_home {
            self.f().emit(Op::SetHome, context, 0, 0);
            self.f().home = Some(context);
        }
        for &(register, slot) in &variables {
            self.f().emit(Op::SetContext, context, register, slot);
        }
        self.f().scopes.push(scope);
        Ok(Copies { context, variables, is_home })
    }

    fn stub_send(&mut self, kind: SiteKind<'_>, value: u16, result: u16) -> Result<()> {
        match kind {
            SiteKind::Send(send) => self.send_with_blocks(send, value, None, &send.args, result),
            SiteKind::CountingLoop { send, limit } => match send.args.split_first() {
                Some((_, rest)) if send.args.len() > 1 => self.send_with_blocks(send, value, Some(limit), rest, result),
                _ => self.send_with_blocks(send, value, None, &send.args, result),
            },
            SiteKind::LoopCondition { when } => {
                let window = self.f().take(LINK + 1)? + LINK;
                self.f().emit(Op::Move, window, value, 0);
                let span = self.f().span;
                let method = self.vm.loop_condition(when).map_err(|e| CompileError::new(span, e))?;
                let site = self.f().fixed_site(method)?;
                self.f().emit(Op::SendSuper, result, window, site);
                Ok(())
            }
        }
    }

    fn send_with_blocks(
        &mut self,
        send: &Send,
        receiver: u16,
        first: Option<u16>,
        rest: &[Expr],
        result: u16,
    ) -> Result<()> {
        let mark = self.f().next;
        let operands = 1 + first.iter().len() + rest.len();
        let window = self.f().take(LINK + operands as u16)? + LINK;
        self.f().emit(Op::Move, window, receiver, 0);
        let mut next = window + 1;
        if let Some(first) = first {
            self.f().emit(Op::Move, next, first, 0);
            next += 1;
        }
        for arg in rest {
            self.evaluate_into_taken(arg, next)?;
            next += 1;
        }
        let site = self.site(send)?;
        self.f().emit(Op::Send, result, window, site);
        self.f().next = mark;
        Ok(())
    }

    /// Evaluates into a register that is taken already.
    fn evaluate_into_taken(&mut self, expr: &Expr, target: u16) -> Result<()> {
        let value = self.any(expr)?;
        self.deliver(value, Want::In(target));
        Ok(())
    }

    /// Completes the wanted stub, once the method around it is compiled.
    pub(super) fn finish_stub(&mut self) -> Result<Gc<Method>> {
        let Some((pending, pc)) = self.finished_stub.take() else {
            unreachable!("the walk passes every site of the method")
        };
        let PendingStub { method, mut function, resume } = pending;
        function.patch_to(resume, pc)?;
        method.install(function.finish()?);
        Ok(method)
    }
}

struct Copies {
    context: u16,
    variables: Vec<(u16, u16)>,
    is_home: bool,
}
