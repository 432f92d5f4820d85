//! The tree of a generated program: just enough syntax to print it in several forms, and to take parts out.
//!
//! It is not the syntax tree of crate `som`: a program must reach the parser as text, and an own tree can hold what
//! has no syntax there, as the fuel of a body.
//!
//! # Terms
//! - *Fuel*: a body with `ticks` begins with a statement that counts down and, at zero, leaves for the start of the
//!   unit. All methods and all bodies of loops tick, hence every program ends.
//! - *Part*: a statement, or a send that is an operand. Parts are numbered in the order of the text. A statement
//!   can be left out, and an operand replaced by `nil`, without making the program ill-formed.

use std::collections::BTreeSet;

/// A class.
#[derive(Clone, Debug)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// That of its superclass.
    pub superclass: String,
    /// What its instances have.
    pub instance: Side,
    /// What the class itself has.
    pub class: Side,
}

/// Fields and methods.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// Names of the fields.
    pub fields: Vec<String>,
    /// The methods, in order of declaration.
    pub methods: Vec<Method>,
}

/// A method.
#[derive(Clone, Debug)]
pub struct Method {
    /// Its selector.
    pub selector: String,
    /// Names of its parameters.
    pub params: Vec<String>,
    /// Its code.
    pub body: Body,
}

/// Locals and statements.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// Whether it takes fuel.
    pub ticks: bool,
    /// Names of the locals.
    pub locals: Vec<String>,
    /// The statements.
    pub statements: Vec<Expr>,
}

/// A block as written in the source.
#[derive(Clone, Debug)]
pub struct Block {
    /// Names of its parameters.
    pub params: Vec<String>,
    /// Its code.
    pub body: Body,
}

/// An expression; as a statement it may be a return.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A variable or literal, as it is written.
    Text(String),
    /// `name := value`.
    Assign(String, Box<Expr>),
    /// A message.
    Send(Box<Send>),
    /// A block.
    Block(Box<Block>),
    /// `^ value`; only as the last statement of a body.
    Return(Box<Expr>),
}

/// A message with its receiver.
#[derive(Clone, Debug)]
pub struct Send {
    /// The receiver.
    pub receiver: Expr,
    /// The selector.
    pub selector: String,
    /// As many arguments as the selector takes.
    pub args: Vec<Expr>,
}

impl Expr {
    /// A variable or literal.
    pub fn text(text: impl Into<String>) -> Expr {
        Expr::Text(text.into())
    }

    /// A unary message to this.
    pub fn unary(self, selector: &str) -> Expr {
        self.send(selector, Vec::new())
    }

    /// A message with one argument to this.
    pub fn with(self, selector: &str, arg: Expr) -> Expr {
        self.send(selector, vec![arg])
    }

    /// A message to this.
    pub fn send(self, selector: &str, args: Vec<Expr>) -> Expr {
        Expr::Send(Box::new(Send { receiver: self, selector: selector.into(), args }))
    }

    /// An assignment of this.
    pub fn assigned_to(self, name: &str) -> Expr {
        Expr::Assign(name.into(), Box::new(self))
    }

    /// A return of this.
    pub fn returned(self) -> Expr {
        Expr::Return(Box::new(self))
    }

    /// A block.
    pub fn block(params: Vec<String>, body: Body) -> Expr {
        Expr::Block(Box::new(Block { params, body }))
    }
}

impl Body {
    /// A body without locals that takes no fuel.
    pub fn of(statements: Vec<Expr>) -> Body {
        Body { ticks: false, locals: Vec::new(), statements }
    }
}

/// Takes parts out of a program, and counts them.
#[derive(Debug)]
pub struct Pruner<'a> {
    without: &'a BTreeSet<usize>,
    /// The parts seen so far.
    pub parts: usize,
}

impl<'a> Pruner<'a> {
    /// A pruner that takes out the parts with these numbers.
    pub fn new(without: &'a BTreeSet<usize>) -> Pruner<'a> {
        Pruner { without, parts: 0 }
    }

    /// The class without those parts.
    pub fn class(&mut self, class: &Class) -> Class {
        Class { instance: self.side(&class.instance), class: self.side(&class.class), ..class.clone() }
    }

    fn side(&mut self, side: &Side) -> Side {
        let methods = side.methods.iter().map(|m| Method { body: self.body(&m.body), ..m.clone() }).collect();
        Side { methods, fields: side.fields.clone() }
    }

    fn is_out(&mut self) -> bool {
        self.parts += 1;
        self.without.contains(&(self.parts - 1))
    }

    fn body(&mut self, body: &Body) -> Body {
        let mut statements = Vec::new();
        for statement in &body.statements {
            let out = self.is_out();
            // Inner parts are numbered all the same, so that numbers do not depend on what is out.
            let pruned = self.expr(statement);
            if !out {
                statements.push(pruned);
            }
        }
        Body { statements, ..body.clone() }
    }

    fn operand(&mut self, expr: &Expr) -> Expr {
        let out = matches!(expr, Expr::Send(_)) && self.is_out();
        let pruned = self.expr(expr);
        if out { Expr::text("nil") } else { pruned }
    }

    fn expr(&mut self, expr: &Expr) -> Expr {
        match expr {
            Expr::Text(text) => Expr::Text(text.clone()),
            Expr::Assign(name, value) => self.operand(value).assigned_to(name),
            Expr::Return(value) => self.operand(value).returned(),
            Expr::Block(block) => Expr::block(block.params.clone(), self.body(&block.body)),
            Expr::Send(send) => {
                let receiver = self.operand(&send.receiver);
                let args = send.args.iter().map(|arg| self.operand(arg)).collect();
                receiver.send(&send.selector, args)
            }
        }
    }
}
