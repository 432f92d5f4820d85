//! The abstract syntax of SOM.
//!
//! The tree is what the grammar says and nothing more: names are not resolved, control structures are
//! ordinary sends, and a cascade of assignments `a := b := c` is nested [`ExprKind::Assign`]s. Resolution
//! (local, argument, field, global) and inlining belong to the bytecode compiler.
//!
//! Every node carries a [`Span`] of byte offsets into its source, so that compiled code can point back at it.

use std::rc::Rc;

use dashu_int::IBig;

/// A half-open range of byte offsets into one source text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A name as it stands in the source.
#[derive(Clone, Debug)]
pub struct Ident {
    /// Its text.
    pub name: Rc<str>,
    /// Where it stands.
    pub span: Span,
}

/// One class: a whole file.
#[derive(Clone, Debug)]
pub struct ClassDef {
    /// The class's name.
    pub name: Ident,
    /// What it inherits from.
    pub superclass: Superclass,
    /// Fields and methods of its instances.
    pub instance_side: Side,
    /// Fields and methods of the class itself (behind the separator).
    pub class_side: Side,
}

/// What stands between `=` and `(`.
#[derive(Clone, Debug)]
pub enum Superclass {
    /// Nothing: `Object` is meant.
    Default,
    /// `nil`: the class is a root.
    Nil,
    /// A named class.
    Named(Ident),
}

/// The instance side or the class side of a class.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Declared fields, in order.
    pub fields: Vec<Ident>,
    /// Methods, in order of declaration.
    pub methods: Vec<Rc<MethodDef>>,
}

/// A method definition.
#[derive(Clone, Debug)]
pub struct MethodDef {
    /// The selector (`at:put:` for a keyword pattern), spanning the pattern.
    pub selector: Ident,
    /// Parameters, without `self`.
    pub params: Vec<Ident>,
    /// `primitive` or code.
    pub body: MethodBody,
    /// The whole definition, pattern to closing parenthesis.
    pub span: Span,
}

/// What a method does.
#[derive(Clone, Debug)]
pub enum MethodBody {
    /// `= primitive`: supplied by the virtual machine.
    Primitive,
    /// `= ( ... )`.
    Code(Body),
}

/// Locals and statements of a method or a block.
#[derive(Clone, Debug)]
pub struct Body {
    /// Declared locals.
    pub locals: Vec<Ident>,
    /// Statements in order; an [`ExprKind::Return`] is the last one if there is one.
    pub statements: Vec<Expr>,
    /// The closing bracket or parenthesis: the position of an implicit return.
    pub end: Span,
}

/// A block literal `[ :a :b | | locals | ... ]`.
#[derive(Clone, Debug)]
pub struct BlockDef {
    /// Block arguments (0 to 2).
    pub params: Vec<Ident>,
    /// Its locals and statements.
    pub body: Body,
}

/// An expression with its place.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands, without enclosing parentheses.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A variable or pseudo-variable (`self`, `super`, `nil`, `true`, `false`, `system`, ...), or a global.
    Var(Rc<str>),
    /// `target := value`.
    Assign(Ident, Box<Expr>),
    /// A message send; a receiver `Var("super")` makes it a super send.
    Send(Box<Send>),
    /// A block literal.
    Block(Rc<BlockDef>),
    /// A literal.
    Literal(Literal),
    /// `^ value`; only as the last statement of a body.
    Return(Box<Expr>),
}

/// A message send.
#[derive(Clone, Debug)]
pub struct Send {
    /// The receiver.
    pub receiver: Expr,
    /// The selector; its span is that of the first selector part.
    pub selector: Ident,
    /// The arguments.
    pub args: Vec<Expr>,
}

/// A literal value.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// An integer of any size; the sign is part of it.
    Integer(IBig),
    /// A double; the sign is part of it.
    Double(f64),
    /// `#name`, `#at:put:`, `#+`, `#'any text'`.
    Symbol(Rc<str>),
    /// A string, escapes resolved.
    String(Rc<str>),
    /// `#( ... )`.
    Array(Vec<Literal>),
}
