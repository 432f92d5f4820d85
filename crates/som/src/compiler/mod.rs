//! From syntax to bytecode.
//!
//! Compilation of a method has two walks over its syntax: [`analysis`] finds captured variables, then [`Compiler`] emits code
//! for the method and all closures in it. What is compiled in place is decided by [`inline`].
//!
//! # Where variables live
//! A variable that no closure refers to has a register. A captured one has a slot in the heap [`Context`]
//! of its scope; a scope without captured variables has no context. A block compiled in place that has captured variables gets
//! its context afresh each time it is entered, so that closures made in different rounds of a loop do not share
//! variables - just as if the block had been called. Contexts are chained outwards; a closure holds the innermost one.
//!
//! # Registers
//! `r0` receiver (or block), arguments, locals, then temporaries in stack discipline. A destination may coincide with a
//! temporary that the computation itself uses: every construct writes its destination last.

mod analysis;
mod control;
mod expr;
mod function;
mod inline;
mod stub;

use std::rc::Rc;

use tailor_gc::Gc;

use crate::bytecode::{NO_REGISTER, Op};
use crate::errors::{ErrorKind, Raise};
use crate::method::{Code, Definition, DefinitionBody, Invokable, Method, NewMethod, Undeclared};
use crate::objects::{ClassId, Context, Str};
use crate::syntax::ast::{Body, Expr, ExprKind, Ident, Literal, MethodBody, MethodDef, Span};
use crate::syntax::{Diagnostic, Source, is_pseudo_variable};
use crate::value::Value;
use crate::vm::Vm;
use analysis::Analysis;
use expr::Want;
use function::{Function, Location, Scope};
use inline::Inlining;

/// Why a method cannot be compiled.
#[derive(Clone, Debug)]
pub struct CompileError {
    /// Where.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Whether it is the method's fault, or memory has run out.
    pub kind: ErrorKind,
}

impl CompileError {
    fn new(span: Span, message: impl ToString) -> CompileError {
        CompileError { span, message: message.to_string(), help: None, kind: ErrorKind::Load }
    }

    /// An error of the VM while it compiled what stands at `span`.
    fn raised(span: Span, raise: &Raise) -> CompileError {
        CompileError { kind: raise.error_kind().unwrap_or(ErrorKind::Load), ..CompileError::new(span, raise) }
    }

    /// As an error of the running program whose method cannot be compiled.
    pub(crate) fn raise(self, source: &Source) -> Raise {
        match self.kind {
            ErrorKind::OutOfMemory => Raise::of(self.kind, self.message),
            kind => Raise::of(kind, self.diagnostic(source).to_string()),
        }
    }

    /// As it is shown to people.
    pub fn diagnostic(self, source: &Source) -> Diagnostic {
        let diagnostic = Diagnostic::new(source, self.span, self.message);
        match self.help {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        }
    }
}

type Result<T> = std::result::Result<T, CompileError>;

/// Checks the names that a method assigns to; the other checks are made when it is compiled.
///
/// # Errors
/// One for each assignment to something that is no variable.
pub fn check(
    vm: &Vm,
    holder: ClassId,
    method: &MethodDef,
    undeclared: Undeclared,
) -> std::result::Result<(), Vec<CompileError>> {
    analyse(vm, holder, method, Inlining::On, undeclared).map(|_| ())
}

fn analyse(
    vm: &Vm,
    holder: ClassId,
    method: &MethodDef,
    inlining: Inlining,
    undeclared: Undeclared,
) -> std::result::Result<Analysis, Vec<CompileError>> {
    let is_field = |name: &str| vm.field_index(holder, name).is_some();
    analysis::analyse(method, inlining, undeclared, &is_field).map_err(|errors| {
        let class = vm.class_name(holder);
        let describe = |analysis::UnknownVariable { name, span }| {
            let (message, help) = if is_pseudo_variable(&name) {
                let help = "Assign to a local variable, an argument or a field.";
                (format!("'{name}' can't be assigned to"), help.to_string())
            } else {
                let help = format!("Declare '{name}' as a field of '{class}' or as a local variable.");
                (format!("No such field '{name}' in class"), help)
            };
            CompileError { help: Some(help), ..CompileError::new(span, message) }
        };
        errors.into_iter().map(describe).collect()
    })
}

/// Compiles `method` and the blocks in it, or finds that it is trivial, and makes it executable.
///
/// # Errors
/// If it exceeds a limit of the bytecode, or memory for its literals runs out.
pub fn compile(vm: &mut Vm, method: Gc<Method>) -> Result<()> {
    let definition = method.details().definition.clone();
    let DefinitionBody::Method(def) = &definition.body else {
        unreachable!("blocks are compiled together with their method")
    };
    if let Some(invokable) = trivial(vm, method.holder(), def)? {
        method.invokable.set(invokable);
        return Ok(());
    }
    let (mut compiler, body) = Compiler::new(vm, method, &definition, def)?;
    let code = compiler.method(def, body)?;
    method.install(code);
    Ok(())
}

/// Makes the stub for inlined site `site` of `method` (a method or a block's code); see [`stub`].
///
/// # Errors
/// As for [`compile`].
pub fn compile_stub(vm: &mut Vm, method: Gc<Method>, site: u16) -> Result<Gc<Method>> {
    let mut outermost = method;
    while let Some(parent) = outermost.parent {
        outermost = parent;
    }
    let definition = outermost.details().definition.clone();
    let DefinitionBody::Method(def) = &definition.body else { unreachable!("the outermost definition is a method") };
    let (mut compiler, body) = Compiler::new(vm, outermost, &definition, def)?;
    compiler.wanted_stub = Some((method, site));
    compiler.method(def, body)?;
    compiler.finish_stub()
}

/// A body that returns the value of its last statement.
pub(crate) fn returning_last(mut body: Body) -> Body {
    if let Some(last) = body.statements.pop() {
        let span = last.span;
        body.statements.push(match last.kind {
            ExprKind::Return(_) => last,
            _ => Expr { kind: ExprKind::Return(Box::new(last)), span },
        });
    }
    body
}

/// What a method does if it needs no code of its own.
fn trivial(vm: &mut Vm, holder: ClassId, def: &MethodDef) -> Result<Option<Invokable>> {
    let MethodBody::Code(Body { locals, statements, .. }) = &def.body else { return Ok(None) };
    let [statement] = statements.as_slice() else { return Ok(None) };
    if !locals.is_empty() {
        return Ok(None);
    }
    let is_param = |name: &str| def.params.iter().any(|p| *p.name == *name);
    let field = |name: &Rc<str>| if is_param(name) { None } else { vm.field_index(holder, name) };
    match &statement.kind {
        ExprKind::Return(value) => match &value.kind {
            ExprKind::Var(name) if &**name == "self" => Ok(None),
            ExprKind::Var(name) => Ok(match field(name) {
                Some(index) => Some(Invokable::Getter(index)),
                None if is_param(name) => None,
                None => vm.literal_constant(name).map(Invokable::Constant),
            }),
            ExprKind::Literal(literal) => Ok(Some(Invokable::Constant(make_literal(vm, literal, value.span)?))),
            _ => Ok(None),
        },
        ExprKind::Assign(target, value) => match (&value.kind, field(&target.name), def.params.as_slice()) {
            (ExprKind::Var(name), Some(index), [param]) if *name == param.name => Ok(Some(Invokable::Setter(index))),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// The immortal value of a literal.
fn make_literal(vm: &mut Vm, literal: &Literal, span: Span) -> Result<Value> {
    vm.immortal_literal(literal).map_err(|e| CompileError::raised(span, &e))
}

/// Generates the code of one method and of the closures in it.
struct Compiler<'a> {
    vm: &'a mut Vm,
    source: Rc<Source>,
    holder: ClassId,
    selector: Gc<Str>,
    analysis: Analysis,
    inlining: Inlining,
    /// The method and, inside it, the closures under construction; the last is the current one.
    functions: Vec<Function>,
    /// For each function, the method object it is for.
    methods: Vec<Gc<Method>>,
    /// The inlined site that a stub is wanted for: by the code it belongs to and its number there.
    wanted_stub: Option<(Gc<Method>, u16)>,
    /// That stub, while it is not known where it resumes, and then.
    pending_stub: Option<stub::PendingStub>,
    finished_stub: Option<(stub::PendingStub, usize)>,
    /// When a stub is wanted, the existing closures of each open function, to recognise the one wanted.
    existing_blocks: Vec<std::vec::IntoIter<Gc<Method>>>,
}

impl<'a> Compiler<'a> {
    fn new<'d>(
        vm: &'a mut Vm,
        method: Gc<Method>,
        definition: &Definition,
        def: &'d MethodDef,
    ) -> Result<(Compiler<'a>, &'d Body)> {
        let MethodBody::Code(body) = &def.body else { unreachable!("primitives have no code") };
        let analysis = analyse(vm, method.holder(), def, Inlining::On, definition.undeclared)
            .map_err(|mut errors| errors.swap_remove(0))?;
        let compiler = Compiler {
            source: definition.source.clone(),
            holder: method.holder(),
            selector: method.selector(),
            analysis,
            inlining: Inlining::On,
            functions: Vec::new(),
            methods: vec![method],
            wanted_stub: None,
            pending_stub: None,
            finished_stub: None,
            existing_blocks: Vec::new(),
            vm,
        };
        Ok((compiler, body))
    }

    fn analyse_without_inlining(&self) -> Result<Analysis> {
        let definition = &self.methods[0].details().definition;
        let DefinitionBody::Method(def) = &definition.body else {
            unreachable!("the outermost definition is a method")
        };
        analyse(self.vm, self.holder, def, Inlining::Off, definition.undeclared)
            .map_err(|mut errors| errors.swap_remove(0))
    }

    fn f(&mut self) -> &mut Function {
        self.functions.last_mut().expect("a function is open during the whole walk")
    }

    fn method(&mut self, def: &MethodDef, body: &Body) -> Result<Code> {
        self.begin_function(false, &def.params, body, def.span)?;
        self.statements_then_return(body)?;
        self.end_function()
    }

    /// Opens a function: lays out its registers and emits what must happen at entry.
    fn begin_function(&mut self, is_block: bool, params: &[Ident], body: &Body, span: Span) -> Result<()> {
        let mut function = Function::new(is_block, span);
        function.take(params.len() as u16)?;
        self.functions.push(function);
        let existing = self.methods.last().and_then(|m| m.compiled()).map_or(Vec::new(), |code| code.blocks.clone());
        self.existing_blocks.push(existing.into_iter());
        let needs_home = !is_block && self.analysis.needs_home;
        let uses_self = self.analysis.scope(body).uses_self;
        self.open_scope(params, body, ScopeKind::Function { is_home: needs_home })?;
        if is_block && uses_self {
            let register = self.f().take(1)?;
            self.f().self_register = register;
            self.f().emit(Op::BlockSelf, register, 0, 0);
        }
        let restart = self.f().here();
        self.f().restart = restart;
        Ok(())
    }

    fn end_function(&mut self) -> Result<Code> {
        self.existing_blocks.pop();
        self.functions.pop().expect("opened by begin_function").finish()
    }

    /// Opens a scope: its captured variables get slots in a new context, the others registers.
    ///
    /// At function level parameters are in registers already and locals are set to nil by the call; in a block compiled in
    /// place, locals are set to nil here.
    fn open_scope(&mut self, params: &[Ident], body: &Body, kind: ScopeKind) -> Result<()> {
        let (function_level, is_home, first_param) = match kind {
            ScopeKind::Function { is_home } => (true, is_home, 1),
            ScopeKind::InPlace { first_param } => (false, false, first_param),
        };
        let mut scope = Scope { is_home, ..Scope::default() };
        let mut slots: u16 = u16::from(is_home);
        let mut moves = Vec::new();
        let mut fresh = Vec::new();
        let captured = self.analysis.scope(body).captured.clone();
        for ((i, ident), captured) in params.iter().chain(&body.locals).enumerate().zip(captured) {
            let is_param = i < params.len();
            let location = if captured {
                if is_param {
                    moves.push((first_param + i as u16, slots));
                }
                slots += 1;
                Location::Slot(slots - 1)
            } else if is_param {
                Location::Register(first_param + i as u16)
            } else {
                let register = self.f().take(1)?;
                fresh.push((register, ident));
                Location::Register(register)
            };
            scope.variables.push((ident.name.clone(), location));
        }
        if function_level {
            self.f().locals = fresh.len() as u16;
        } else {
            for (register, ident) in fresh {
                if !assigned_first(body, &ident.name) {
                    self.f().emit(Op::LoadNil, register, 0, 0);
                }
            }
        }
        if slots > 0 {
            let register = self.f().take(1)?;
            self.new_context(register, slots);
            scope.context = Some(register);
            if is_home {
                self.f().emit(Op::SetHome, register, 0, 0);
                self.f().home = Some(register);
            }
            for (from, slot) in moves {
                self.f().emit(Op::SetContext, register, from, slot);
            }
        }
        self.f().scopes.push(scope);
        Ok(())
    }

    /// Emits the creation of a context inside the innermost one there is.
    fn new_context(&mut self, register: u16, slots: u16) {
        let outer = self.f().innermost_context();
        let op = if self.f().is_block && outer.is_none() { Op::NewContextInBlock } else { Op::NewContext };
        self.f().emit(op, register, outer.unwrap_or(NO_REGISTER), slots);
    }

    fn close_scope(&mut self) {
        self.f().scopes.pop();
    }

    /// The body of a function, and the return at its end.
    fn statements_then_return(&mut self, body: &Body) -> Result<()> {
        let is_block = self.f().is_block;
        let (last, before) = match body.statements.split_last() {
            Some((last, before)) => (Some(last), before),
            None => (None, &[][..]),
        };
        for statement in before {
            self.discard(statement)?;
        }
        if let Some(last) = last {
            if matches!(last.kind, ExprKind::Return(_)) {
                return self.discard(last);
            }
            if is_block {
                let value = self.any(last)?;
                self.f().emit(Op::Return, value, 0, 0);
                return Ok(());
            }
            self.discard(last)?;
        }
        self.f().span = body.end;
        if is_block {
            let nil = self.f().take(1)?;
            self.f().emit(Op::LoadNil, nil, 0, 0);
            self.f().emit(Op::Return, nil, 0, 0);
        } else {
            self.return_from_method(0);
        }
        Ok(())
    }

    fn return_from_method(&mut self, value: u16) {
        match self.f().home {
            Some(home) => self.f().emit(Op::ReturnHome, value, home, 0),
            None => self.f().emit(Op::Return, value, 0, 0),
        }
    }

    /// `^ value`, as the last statement of the innermost scope.
    ///
    /// In a closure whose home has returned, the result of `escapedBlock:` takes the place of the value of the block that the `^` stands
    /// in: it is returned from the closure, or is wanted as the value of a block compiled in place.
    fn return_statement(&mut self, value: &Expr, want: Want) -> Result<()> {
        let mark = self.f().next;
        let register = self.any(value)?;
        if self.f().is_block {
            let hops = self.hops_to_home()?;
            let window = self.f().take(crate::bytecode::LINK + 2)? + crate::bytecode::LINK;
            let result = self.f().take(1)?;
            self.f().emit(Op::Move, result, register, 0);
            self.f().emit(Op::ReturnNonLocal, result, hops, window);
            // Reached only with the result of `escapedBlock:`.
            if self.f().scopes.len() == 1 {
                self.f().emit(Op::Return, result, 0, 0);
            } else {
                self.deliver(result, want);
            }
        } else {
            self.return_from_method(register);
        }
        self.f().next = mark;
        Ok(())
    }

    /// How many contexts the home context lies out of the context of the current closure.
    fn hops_to_home(&mut self) -> Result<u16> {
        let mut hops = 0;
        // Contexts made within the current function are not on the closure's own chain.
        for function in self.functions.iter().rev().skip(1) {
            for scope in function.scopes.iter().rev().filter(|s| s.context.is_some()) {
                if scope.is_home {
                    return Ok(hops);
                }
                hops += 1;
            }
        }
        unreachable!("the analysis gives a method a home context if a closure in it returns non-locally")
    }

    /// Compiles a closure and emits its creation.
    fn closure(&mut self, block: &Rc<crate::syntax::ast::BlockDef>, target: u16) -> Result<()> {
        let span = self.f().span;
        let parent = *self.methods.last().expect("a method is open during the whole walk");
        let existing = self.existing_blocks.last_mut().and_then(Iterator::next);
        let method = match existing {
            Some(method) => method,
            None => self.new_block_method(parent, block, span)?,
        };
        self.methods.push(method);
        self.begin_function(true, &block.params, &block.body, span)?;
        self.statements_then_return(&block.body)?;
        let code = self.end_function()?;
        self.methods.pop();
        if existing.is_none() {
            method.install(code);
        }
        let context = self.f().innermost_context();
        let literal = self.f().literal(Value::from_gc(method))?;
        self.f().blocks.push(method);
        let op = if self.f().is_block { Op::MakeBlockInBlock } else { Op::MakeBlock };
        self.f().emit(op, target, literal, context.unwrap_or(NO_REGISTER));
        Ok(())
    }

    fn new_block_method(
        &mut self,
        parent: Gc<Method>,
        block: &Rc<crate::syntax::ast::BlockDef>,
        span: Span,
    ) -> Result<Gc<Method>> {
        let new = NewMethod {
            selector: self.selector,
            holder: self.holder,
            args: block.params.len() as u16,
            parent: Some(parent),
            invokable: Invokable::Uncompiled,
            definition: Definition {
                source: self.source.clone(),
                body: DefinitionBody::Block(block.clone()),
                // Decided for the method as a whole.
                undeclared: Undeclared::Error,
            },
        };
        self.vm.new_method(new).map_err(|e| CompileError::raised(span, &e))
    }

    /// The closure's chain of contexts starts at the innermost context of the function around it.
    fn resolve(&self, name: &str) -> Place {
        let mut functions = self.functions.iter().rev();
        let current = functions.next().expect("a function is open during the whole walk");
        for scope in current.scopes.iter().rev() {
            if let Some(location) = find(scope, name) {
                return match (location, scope.context) {
                    (Location::Register(r), _) => Place::Register(r),
                    (Location::Slot(slot), Some(context)) => Place::Context { context, slot },
                    (Location::Slot(_), None) => unreachable!("a scope with slots has a context"),
                };
            }
        }
        let mut hops = 0;
        for scope in functions.flat_map(|f| f.scopes.iter().rev()) {
            if let Some(location) = find(scope, name) {
                let Location::Slot(slot) = location else { unreachable!("the analysis marked `{name}` as captured") };
                return Place::Outer { hops, slot };
            }
            hops += u16::from(scope.context.is_some());
        }
        match self.vm.field_index(self.holder, name) {
            Some(field) => Place::Field(field),
            None => Place::Global,
        }
    }
}

/// Whose scope is opened.
#[derive(Clone, Copy)]
enum ScopeKind {
    /// A method's, perhaps with a home context, or a closure's.
    Function { is_home: bool },
    /// That of a block compiled in place, whose parameters are in registers from this one on.
    InPlace { first_param: u16 },
}

/// Whether the first statements assign to a local before anything could read it: code that mentions it, or the stub of a control
/// structure, which copies all variables to a heap object.
fn assigned_first(body: &Body, local: &str) -> bool {
    for statement in &body.statements {
        match &statement.kind {
            ExprKind::Assign(target, value) if !inline::mentions(value, local) && !inline::has_block(value) => {
                if *target.name == *local {
                    return true;
                }
            }
            _ => return false,
        }
    }
    false
}

/// The last declaration of a name within one scope counts.
fn find(scope: &Scope, name: &str) -> Option<Location> {
    scope.variables.iter().rev().find(|(n, _)| **n == *name).map(|(_, l)| *l)
}

/// What a name refers to.
#[derive(Clone, Copy, Debug)]
enum Place {
    Register(u16),
    Context { context: u16, slot: u16 },
    Outer { hops: u16, slot: u16 },
    Field(u16),
    Global,
}

const _: () = assert!(Context::HOME_SLOT == 0, "open_scope gives the home marker the first slot");
