//! The function (method, closure or stub) that code is being generated for: its instructions, tables, registers and scopes.

use std::collections::HashMap;
use std::rc::Rc;

use super::CompileError;
use crate::bytecode::{Instr, LINK, NO_REGISTER, Op};
use crate::method::{CacheEntry, Code, Method, Site};
use crate::objects::Str;
use crate::syntax::ast::Span;
use crate::value::Value;
use tailor_gc::Gc;

/// Where a variable of the current function lives.
#[derive(Clone, Copy, Debug)]
pub(super) enum Location {
    Register(u16),
    /// A slot of the context of the variable's scope.
    Slot(u16),
}

/// One scope: the function itself or a block compiled in place.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub variables: Vec<(Rc<str>, Location)>,
    /// The register of the scope's context, if it has one.
    pub context: Option<u16>,
    /// Whether that context is a home context.
    pub is_home: bool,
}

/// An instruction whose jump target is not known yet.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(super) struct Patch(usize);

/// A function under construction.
#[derive(Debug)]
pub(super) struct Function {
    instructions: Vec<Instr>,
    operator_sites: Vec<u16>,
    spans: Vec<Span>,
    literals: Vec<Value>,
    literal_index: HashMap<Value, u16>,
    sites: Vec<Site>,
    pub blocks: Vec<Gc<Method>>,
    pub scopes: Vec<Scope>,
    pub is_block: bool,
    /// The register that holds `self`.
    pub self_register: u16,
    /// Registers `0 .. next` are taken.
    pub next: u16,
    most: u16,
    pub locals: u16,
    pub home: Option<u16>,
    pub restart: usize,
    is_stub: bool,
    /// Number of inlined sites so far.
    pub inlined_sites: u16,
    /// The source of what is being compiled.
    pub span: Span,
}

/// Registers a function may use; a bound well below the operand width, so that sums of a few do not overflow.
const MAX_REGISTERS: u16 = 60_000;
const MAX_INDEX: usize = 65_000;

impl Function {
    pub fn new(is_block: bool, span: Span) -> Function {
        Function {
            instructions: Vec::new(),
            operator_sites: Vec::new(),
            spans: Vec::new(),
            literals: Vec::new(),
            literal_index: HashMap::new(),
            sites: Vec::new(),
            blocks: Vec::new(),
            scopes: Vec::new(),
            is_block,
            self_register: 0,
            next: 1,
            most: 1,
            locals: 0,
            home: None,
            restart: 0,
            is_stub: false,
            inlined_sites: 0,
            span,
        }
    }

    /// A stub that runs in the frame of `original`, above the registers in use there.
    pub fn stub_of(original: &Function) -> Function {
        Function {
            scopes: original.scopes.clone(),
            self_register: original.self_register,
            next: original.next,
            most: original.most,
            home: original.home,
            is_stub: true,
            ..Function::new(original.is_block, original.span)
        }
    }

    fn too_large(&self, what: &str) -> CompileError {
        CompileError::new(
            self.span,
            format!("The method has too many {what}. You may be able to split up this method into multiple."),
        )
    }

    /// The index of the next instruction.
    pub fn here(&self) -> usize {
        self.instructions.len()
    }

    pub fn emit(&mut self, op: Op, a: u16, b: u16, c: u16) {
        self.emit_instr(Instr::new(op, a, b, c));
    }

    pub fn emit_instr(&mut self, instr: Instr) {
        self.instructions.push(instr);
        self.operator_sites.push(NO_REGISTER);
        self.spans.push(self.span);
    }

    /// Emits an operator that may turn out to be the send of site `site`.
    pub fn emit_operator(&mut self, instr: Instr, site: u16) {
        self.emit_instr(instr);
        if let Some(last) = self.operator_sites.last_mut() {
            *last = site;
        }
    }

    /// Emits a jump whose target is set by [`Function::patch`].
    pub fn emit_jump(&mut self, op: Op, a: u16, site: u16) -> Patch {
        self.emit(op, a, 0, site);
        Patch(self.here() - 1)
    }

    /// Makes a jump lead to `target`.
    pub fn patch_to(&mut self, patch: Patch, target: usize) -> Result<(), CompileError> {
        self.instructions[patch.0].b = self.target(target)?;
        Ok(())
    }

    /// Makes a conditional jump lead back to `target`, the beginning of a loop.
    pub fn patch_back(&mut self, patch: Patch, target: usize) -> Result<(), CompileError> {
        let op = &mut self.instructions[patch.0].op;
        *op = if *op == Op::JumpIfTrue { Op::JumpBackIfTrue } else { Op::JumpBackIfFalse };
        self.patch_to(patch, target)
    }

    /// Makes a jump lead here.
    pub fn patch(&mut self, patch: Patch) -> Result<(), CompileError> {
        self.patch_to(patch, self.here())
    }

    /// A jump target as operand.
    pub fn target(&self, pc: usize) -> Result<u16, CompileError> {
        if pc < MAX_INDEX { Ok(pc as u16) } else { Err(self.too_large("instructions")) }
    }

    /// Takes `count` registers, the first of which is returned.
    pub fn take(&mut self, count: u16) -> Result<u16, CompileError> {
        let first = self.next;
        self.reserve(first + count)?;
        self.next = first + count;
        Ok(first)
    }

    /// Makes sure that registers below `end` exist.
    pub fn reserve(&mut self, end: u16) -> Result<(), CompileError> {
        if end > MAX_REGISTERS {
            return Err(self.too_large("variables and temporaries"));
        }
        self.most = self.most.max(end);
        Ok(())
    }

    pub fn literal(&mut self, value: Value) -> Result<u16, CompileError> {
        if let Some(&index) = self.literal_index.get(&value) {
            return Ok(index);
        }
        if self.literals.len() >= MAX_INDEX {
            return Err(self.too_large("literals"));
        }
        let index = self.literals.len() as u16;
        self.literals.push(value);
        self.literal_index.insert(value, index);
        Ok(index)
    }

    pub fn site(&mut self, selector: Gc<Str>, args: u16) -> Result<u16, CompileError> {
        if self.sites.len() >= MAX_INDEX {
            return Err(self.too_large("sends"));
        }
        self.sites.push(Site::new(selector, args));
        Ok(self.sites.len() as u16 - 1)
    }

    /// A site for `Op::SendSuper` that always invokes `method`.
    pub fn fixed_site(&mut self, method: Gc<Method>) -> Result<u16, CompileError> {
        let index = self.site(method.selector(), method.args())?;
        let entry = CacheEntry { target: Some(method), ..CacheEntry::EMPTY };
        self.sites[usize::from(index)].entries[0].set(entry);
        Ok(index)
    }

    /// A number for the next inlined site.
    pub fn inlined_site(&mut self) -> Result<u16, CompileError> {
        if usize::from(self.inlined_sites) >= MAX_INDEX {
            return Err(self.too_large("control structures"));
        }
        self.inlined_sites += 1;
        Ok(self.inlined_sites - 1)
    }

    /// The register of the innermost context of this function, if it has made one.
    pub fn innermost_context(&self) -> Option<u16> {
        self.scopes.iter().rev().find_map(|s| s.context)
    }

    /// Whether `register` holds a variable (and not a temporary).
    pub fn is_variable(&self, register: u16) -> bool {
        register == self.self_register
            || self
                .scopes
                .iter()
                .any(|s| s.variables.iter().any(|(_, l)| matches!(l, Location::Register(r) if *r == register)))
    }

    /// The finished code. The operators' window is placed behind all other registers.
    pub fn finish(mut self) -> Result<Code, CompileError> {
        let scratch_window = self.most + LINK;
        // Receiver and up to two arguments: `at:put:` is the operator with most operands; one more takes unused results.
        self.reserve(scratch_window + 4)?;
        Ok(Code {
            instructions: self.instructions.into_iter().map(std::cell::Cell::new).collect(),
            literals: self.literals.into(),
            sites: self.sites.into(),
            operator_sites: self.operator_sites.into(),
            spans: self.spans.into(),
            blocks: self.blocks,
            locals: self.locals,
            registers: self.most,
            scratch_window,
            home: self.home,
            restart: self.restart as u32,
            is_stub: self.is_stub,
        })
    }
}
