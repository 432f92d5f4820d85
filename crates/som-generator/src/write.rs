//! Prints the tree of a program as SOM source, in one of several *forms* that must all behave the same.
//!
//! The compiler puts a control structure in place when its blocks stand literally in the source. In the other forms
//! they do not, so that blocks are made and messages sent: what a control structure means by the definition of the
//! language. A program whose output depends on the form has met a bug.

use crate::tree::{Block, Body, Class, Expr, Method, Send, Side};

/// How control structures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Naturally, with literal blocks.
    InPlace,
    /// Each block as the value of a block around it.
    Sent,
    /// By `perform:withArguments:`.
    Performed,
}

impl Form {
    /// All forms.
    pub const ALL: [Form; 3] = [Form::InPlace, Form::Sent, Form::Performed];
}

/// Selectors that a compiler may put in place.
const CONTROL: &[&str] = &[
    "ifTrue:",
    "ifFalse:",
    "ifTrue:ifFalse:",
    "ifFalse:ifTrue:",
    "ifNil:",
    "ifNotNil:",
    "ifNil:ifNotNil:",
    "ifNotNil:ifNil:",
    "and:",
    "or:",
    "&&",
    "||",
    "whileTrue:",
    "whileFalse:",
    "to:do:",
    "downTo:do:",
    "to:by:do:",
    "timesRepeat:",
];

/// How tightly an expression binds; an operand that binds less tightly than its place demands is put in parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Atom,
    Unary,
    Binary,
    Loose,
}

/// The source of a class in the given form.
pub fn class_source(class: &Class, form: Form) -> String {
    let mut writer = Writer { out: String::new(), form, indent: 1 };
    writer.text(&format!("{} = {} (\n", class.name, class.superclass));
    writer.side(&class.instance);
    writer.text("    ----\n");
    writer.side(&class.class);
    writer.text(")\n");
    writer.out
}

struct Writer {
    out: String,
    form: Form,
    indent: usize,
}

fn is_operator(selector: &str) -> bool {
    !selector.starts_with(|c: char| c.is_alphabetic())
}

fn is_block(expr: &Expr) -> bool {
    matches!(expr, Expr::Block(_))
}

/// Whether a compiler may put this send in place.
fn is_control(send: &Send) -> bool {
    CONTROL.contains(&&*send.selector) && send.args.iter().any(is_block)
}

impl Writer {
    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.push_str(&"    ".repeat(self.indent));
    }

    fn side(&mut self, side: &Side) {
        if !side.fields.is_empty() {
            self.text(&format!("    | {} |\n", side.fields.join(" ")));
        }
        for method in &side.methods {
            self.method(method);
        }
    }

    fn method(&mut self, method: &Method) {
        self.text("    ");
        let parts: Vec<&str> = method.selector.split_inclusive(':').collect();
        if method.params.is_empty() {
            self.text(&method.selector);
        } else {
            let pattern: Vec<_> = parts.iter().zip(&method.params).map(|(k, p)| format!("{k} {p}")).collect();
            self.text(&pattern.join(" "));
        }
        self.text(" = (");
        self.indent += 1;
        self.body(&method.body);
        self.indent -= 1;
        self.line();
        self.text(")\n");
    }

    fn body(&mut self, body: &Body) {
        if !body.locals.is_empty() {
            self.line();
            self.text(&format!("| {} |", body.locals.join(" ")));
        }
        if body.ticks {
            self.line();
            self.text("Fuel tick.");
        }
        for (i, statement) in body.statements.iter().enumerate() {
            if i > 0 {
                self.text(".");
            }
            self.line();
            self.expr(statement);
        }
    }

    fn block(&mut self, block: &Block) {
        self.text("[");
        for param in &block.params {
            self.text(&format!(" :{param}"));
        }
        if !block.params.is_empty() {
            self.text(" |");
        }
        self.indent += 1;
        self.body(&block.body);
        self.indent -= 1;
        self.text(" ]");
    }

    fn binding(&self, expr: &Expr) -> Binding {
        match expr {
            Expr::Text(_) | Expr::Block(_) => Binding::Atom,
            Expr::Send(send) if self.form == Form::Performed && is_control(send) => Binding::Loose,
            Expr::Send(send) if send.args.is_empty() => Binding::Unary,
            Expr::Send(send) if is_operator(&send.selector) => Binding::Binary,
            Expr::Send(_) | Expr::Assign(..) | Expr::Return(_) => Binding::Loose,
        }
    }

    fn operand(&mut self, expr: &Expr, place: Binding) {
        if self.binding(expr) <= place {
            self.expr(expr);
        } else {
            self.text("(");
            self.expr(expr);
            self.text(")");
        }
    }

    /// An operand of a control message; if wanted, a block as the value of a block, which no compiler looks through.
    fn control_operand(&mut self, expr: &Expr, place: Binding) {
        match expr {
            Expr::Block(block) if self.form == Form::Sent => {
                self.text("[ ");
                self.block(block);
                self.text(" ] value");
            }
            _ => self.operand(expr, place),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Text(text) => self.text(text),
            Expr::Assign(name, value) => {
                self.text(&format!("{name} := "));
                self.expr(value);
            }
            Expr::Return(value) => {
                self.text("^ ");
                self.expr(value);
            }
            Expr::Block(block) => self.block(block),
            Expr::Send(send) if is_control(send) => match self.form {
                Form::Performed => self.performed(send),
                Form::InPlace | Form::Sent => self.send(send, Self::control_operand),
            },
            Expr::Send(send) => self.send(send, Self::operand),
        }
    }

    fn send(&mut self, send: &Send, operand: impl Fn(&mut Self, &Expr, Binding)) {
        match send.args.as_slice() {
            [] => {
                operand(self, &send.receiver, Binding::Unary);
                self.text(&format!(" {}", send.selector));
            }
            [arg] if is_operator(&send.selector) => {
                operand(self, &send.receiver, Binding::Binary);
                self.text(&format!(" {} ", send.selector));
                operand(self, arg, Binding::Unary);
            }
            args => {
                operand(self, &send.receiver, Binding::Binary);
                for (keyword, arg) in send.selector.split_inclusive(':').zip(args) {
                    self.text(&format!(" {keyword} "));
                    operand(self, arg, Binding::Binary);
                }
            }
        }
    }

    /// The message sent by reflection.
    fn performed(&mut self, send: &Send) {
        self.operand(&send.receiver, Binding::Binary);
        self.text(&format!(" perform: #{} withArguments: (Array", send.selector));
        for arg in &send.args {
            self.text(" with: ");
            self.operand(arg, Binding::Binary);
        }
        self.text(")");
    }
}
