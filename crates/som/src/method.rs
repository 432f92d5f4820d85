//! Methods: the code of a class's selectors and of blocks.
//!
//! A [`Method`] is an immortal heap object, visible to SOM programs as an instance of `Method` or `Primitive`. It is born
//! with its source and becomes executable when it is first invoked ([`Invokable::Uncompiled`]), so that
//! start-up pays only for what runs.
//!
//! # Invariants
//! - `invokable`, `code`, `literals` and the other tables change once, from uncompiled to compiled. (Opcodes within `code` are quickened.)
//!   Jitted code sees methods that are compiled; to it, they are immutable.
//! - Literals and site targets are immortal or immediate, so a method holds nothing that the collector must visit.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tailor::jit;
use tailor_gc::{Gc, Header, KindId, Object, Visitor};

use crate::bytecode::Instr;
use crate::objects::{ClassId, Str, kind};
use crate::primitives::Primitive;
use crate::syntax::Source;
use crate::syntax::ast::{BlockDef, MethodDef, Span};
use crate::value::Value;

/// What invoking a method means.
#[jit::value]
#[derive(Clone, Copy, Debug)]
pub enum Invokable {
    /// To be compiled first.
    Uncompiled,
    /// Execute its bytecode.
    Bytecode,
    /// Call the VM.
    Primitive(Primitive),
    /// Return field `0` of the receiver.
    Getter(u16),
    /// Store the argument into field `0` of the receiver, return the receiver.
    Setter(u16),
    /// Return this immortal value.
    Constant(Value),
}

/// Where a method's source is.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The file.
    pub source: Rc<Source>,
    /// The syntax.
    pub body: DefinitionBody,
    /// What an assignment to an undeclared name means.
    pub undeclared: Undeclared,
}

/// What an assignment to a name means that is neither variable nor field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undeclared {
    /// A mistake: the rule.
    Error,
    /// It sets a global: in snippets, so that variables of an interactive session outlive the input that sets them.
    Global,
}

/// The syntax a method was made from.
#[derive(Clone, Debug)]
pub enum DefinitionBody {
    /// A method of a class.
    Method(Rc<MethodDef>),
    /// A block within the method or block.
    Block(Rc<BlockDef>),
}

/// One receiver class and what it led to.
#[jit::value]
#[derive(Clone, Copy, Debug)]
pub struct CacheEntry {
    /// The receiver's class.
    pub class: ClassId,
    /// A field number, for accessors.
    pub field: u32,
    /// The method.
    pub target: Option<Gc<Method>>,
}

impl CacheEntry {
    /// Matches no class.
    pub const EMPTY: CacheEntry = CacheEntry { class: ClassId(u32::MAX), field: 0, target: None };
}

/// The number of receiver classes that a polymorphic inline cache holds.
pub const POLYMORPHIC_LIMIT: usize = 4;

/// What is sent.
#[jit::value]
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// The selector.
    pub selector: Gc<Str>,
    /// Arguments without the receiver.
    pub args: u16,
}

/// A send site: the message and its inline cache.
#[jit::object]
#[derive(Debug)]
#[repr(C)]
pub struct Site {
    /// Receiver classes seen, in order of appearance.
    pub entries: [Cell<CacheEntry>; POLYMORPHIC_LIMIT],
    /// What is sent.
    #[jit(immutable)]
    pub message: Message,
}

impl Site {
    /// A site that has seen nothing yet.
    pub fn new(selector: Gc<Str>, args: u16) -> Site {
        let message = Message { selector, args };
        Site { entries: [const { Cell::new(CacheEntry::EMPTY) }; POLYMORPHIC_LIMIT], message }
    }
}

/// Code and tables of a compiled method.
#[derive(Debug, Default)]
pub struct Code {
    /// Instructions.
    pub instructions: Box<[Cell<Instr>]>,
    /// Literals.
    pub literals: Box<[Value]>,
    /// Send sites; operators have theirs too.
    pub sites: Box<[Site]>,
    /// For each instruction the site of the operator in it, if it has one.
    pub operator_sites: Box<[u16]>,
    /// For each instruction the source it was made from.
    pub spans: Box<[Span]>,
    /// Blocks created by this code, in the order of the source.
    pub blocks: Vec<Gc<Method>>,
    /// Locals, behind the arguments; nil at entry.
    pub locals: u16,
    /// Registers in all, the window for operators included.
    pub registers: u16,
    /// First register of the window for operators.
    pub scratch_window: u16,
    /// Register of the home context, if the method has one.
    pub home: Option<u16>,
    /// Where `restart` goes: behind the creation of contexts.
    pub restart: u32,
    /// Whether this is a stub, which runs in the frame of the method it belongs to.
    pub is_stub: bool,
}

/// A method, a primitive, or the code of a block.
#[jit::object]
#[repr(C)]
pub struct Method {
    header: Header,
    /// What invoking it means.
    #[jit(opaque)]
    pub(crate) invokable: Cell<Invokable>,
    /// Its first instruction.
    #[jit(immutable)]
    pub(crate) code: Cell<*const Cell<Instr>>,
    /// Its literals.
    #[jit(immutable)]
    pub(crate) literals: Cell<*const Value>,
    /// Its send sites.
    #[jit(immutable)]
    pub(crate) sites: Cell<*const Site>,
    /// Registers in all.
    #[jit(immutable)]
    pub(crate) registers: Cell<u16>,
    /// Locals to set to nil at entry.
    #[jit(immutable)]
    pub(crate) locals: Cell<u16>,
    /// Arguments, without the receiver.
    #[jit(immutable)]
    pub(crate) args: u16,
    /// First register of the window for operators.
    #[jit(immutable)]
    pub(crate) scratch_window: Cell<u16>,
    /// Register of the home context, if it has one.
    #[jit(immutable)]
    pub(crate) home: Cell<Option<u16>>,
    /// For each instruction the site of the operator in it.
    #[jit(immutable)]
    pub(crate) operator_sites: Cell<*const u16>,
    /// The selector; for a block that of the method around it.
    #[jit(immutable)]
    pub(crate) selector: Gc<Str>,
    /// The class it belongs to.
    #[jit(immutable)]
    pub(crate) holder: Cell<ClassId>,
    /// For a block or a stub, the method or block around it.
    #[jit(immutable)]
    pub(crate) parent: Option<Gc<Method>>,
    /// The details that execution needs rarely.
    #[jit(opaque)]
    pub(crate) details: *const Details,
}

/// The parts of a method that are off the hot path.
#[derive(Debug)]
pub struct Details {
    /// Source and syntax.
    pub definition: Definition,
    /// Code and tables, once compiled.
    pub compiled: RefCell<Option<Rc<Code>>>,
    /// Stubs for inlined sites that met an unexpected receiver, by site.
    pub stubs: RefCell<Vec<(u16, Gc<Method>)>>,
}

impl std::fmt::Debug for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Method({})", self.selector.as_str())
    }
}

/// What a new [`Method`] is made from.
pub(crate) struct NewMethod {
    pub selector: Gc<Str>,
    pub holder: ClassId,
    pub args: u16,
    pub parent: Option<Gc<Method>>,
    pub invokable: Invokable,
    pub definition: Definition,
}

impl Method {
    /// Its size in bytes.
    pub const SIZE: usize = size_of::<Method>();

    /// Fills a new method.
    ///
    /// # Safety
    /// It was just allocated with [`Method::SIZE`] bytes. [`Method::drop_details`] is called once when the heap goes.
    pub(crate) unsafe fn init(this: Gc<Method>, new: NewMethod) {
        let details = Box::new(Details {
            definition: new.definition,
            compiled: RefCell::new(None),
            stubs: RefCell::new(Vec::new()),
        });
        // SAFETY: the caller's promise; nothing else refers to the method yet. The header, which lies before, stays.
        unsafe {
            let p = this.as_ptr();
            (&raw mut (*p).invokable).write(Cell::new(new.invokable));
            (&raw mut (*p).code).write(Cell::new(std::ptr::null()));
            (&raw mut (*p).literals).write(Cell::new(std::ptr::null()));
            (&raw mut (*p).sites).write(Cell::new(std::ptr::null()));
            (&raw mut (*p).registers).write(Cell::new(0));
            (&raw mut (*p).locals).write(Cell::new(0));
            (&raw mut (*p).args).write(new.args);
            (&raw mut (*p).scratch_window).write(Cell::new(0));
            (&raw mut (*p).home).write(Cell::new(None));
            (&raw mut (*p).operator_sites).write(Cell::new(std::ptr::null()));
            (&raw mut (*p).selector).write(new.selector);
            (&raw mut (*p).holder).write(Cell::new(new.holder));
            (&raw mut (*p).parent).write(new.parent);
            (&raw mut (*p).details).write(Box::into_raw(details));
        }
    }

    /// Frees what lies outside the heap.
    ///
    /// # Safety
    /// Called at most once, when nothing uses the method any more.
    pub(crate) unsafe fn drop_details(this: Gc<Method>) {
        // SAFETY: made by `Box::into_raw` in `init`; the caller promises that this is the only time.
        drop(unsafe { Box::from_raw(this.details.cast_mut()) });
    }

    /// Installs the result of compilation.
    pub(crate) fn install(&self, code: Code) {
        let code = Rc::new(code);
        self.code.set(code.instructions.as_ptr());
        self.literals.set(code.literals.as_ptr());
        self.sites.set(code.sites.as_ptr());
        self.registers.set(code.registers);
        self.locals.set(code.locals);
        self.scratch_window.set(code.scratch_window);
        self.home.set(code.home);
        self.operator_sites.set(code.operator_sites.as_ptr());
        self.invokable.set(Invokable::Bytecode);
        *self.details().compiled.borrow_mut() = Some(code);
    }

    /// The parts that are off the hot path.
    pub fn details(&self) -> &Details {
        // SAFETY: set by `init`; freed only with the heap.
        unsafe { &*self.details }
    }

    /// Code and tables, if it is compiled.
    pub fn compiled(&self) -> Option<Rc<Code>> {
        self.details().compiled.borrow().clone()
    }

    /// The selector; for a block that of the method around it.
    pub fn selector(&self) -> Gc<Str> {
        self.selector
    }

    /// The class it belongs to.
    pub fn holder(&self) -> ClassId {
        self.holder.get()
    }

    /// Arguments, without the receiver.
    pub fn args(&self) -> u16 {
        self.args
    }

    /// Whether this is the code of a block.
    pub fn is_block(&self) -> bool {
        matches!(self.details().definition.body, DefinitionBody::Block(_))
    }

    /// Method or Primitive.
    pub fn class_id(&self) -> ClassId {
        ClassId(self.header.tag())
    }
}

#[jit]
impl Method {
    /// What invoking it means. Jitted code asks only methods that have been made executable, which never change again.
    #[jit::residual(pure, elidable)]
    #[inline(always)]
    pub fn invokable(&self) -> Invokable {
        self.invokable.get()
    }

    /// Instruction `pc`. Its opcode may become another form of the same one; to jitted code, one form is as good as the other.
    ///
    /// # Safety
    /// The method is compiled, `code` is its first instruction, and `pc` is the index of one of its instructions.
    #[jit::residual(pure, elidable)]
    #[inline(always)]
    pub(crate) unsafe fn instruction(code: *const Cell<Instr>, pc: usize) -> Instr {
        // SAFETY: the caller's promise.
        unsafe { (*code.add(pc)).get() }
    }

    /// Rewrites the opcode of instruction `pc`.
    ///
    /// # Safety
    /// The method is compiled, `pc` is the index of one of its instructions, and the new opcode takes the same operands.
    #[jit::native]
    pub(crate) unsafe fn quicken(&self, pc: usize, op: crate::bytecode::Op) {
        // SAFETY: the caller's promise.
        let cell = unsafe { &*self.code.get().add(pc) };
        cell.set(Instr { op, ..cell.get() });
    }

    /// Send site `index`.
    ///
    /// # Safety
    /// The method is compiled and `index` is the index of one of its sites.
    #[inline(always)]
    pub(crate) unsafe fn site(&self, index: u16) -> &Site {
        // SAFETY: the caller's promise.
        unsafe { &*self.sites.get().add(index as usize) }
    }

    /// The site of the operator at `pc`.
    ///
    /// # Safety
    /// The method is compiled, and instruction `pc` is an operator.
    #[jit::residual(pure, elidable)]
    pub(crate) unsafe fn operator_site(&self, pc: usize) -> &Site {
        // SAFETY: the caller's promise; there is an entry for each instruction.
        unsafe { self.site(*self.operator_sites.get().add(pc)) }
    }

    /// Literal `index`.
    ///
    /// # Safety
    /// The method is compiled and `index` is the index of one of its literals.
    #[jit::residual(pure, elidable)]
    #[inline(always)]
    pub(crate) unsafe fn literal(&self, index: u16) -> Value {
        // SAFETY: the caller's promise.
        unsafe { *self.literals.get().add(index as usize) }
    }
}

// SAFETY: `repr(C)`, begins with the header, fixed size; what it refers to is immortal. `drop_details` frees the rest.
unsafe impl Object for Method {
    const KIND: KindId = kind::METHOD;
    const NAME: &'static str = "Method";
    fn size(&self) -> usize {
        Self::SIZE
    }
    fn trace(&self, _: &mut Visitor<'_>) {}
}
