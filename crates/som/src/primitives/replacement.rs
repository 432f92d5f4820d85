//! Methods written in SOM that get a primitive of the same meaning.
//!
//! A core library from the class path may define in SOM what this VM has as a primitive: `>` as "not less and not equal", say.
//! The primitive is much faster, and means the same - if the method is written as expected. So methods are recognised by their
//! whole syntax: its fingerprint, in which names of parameters do not matter, must be one of those listed. A library method
//! that was written to differ keeps its own code.

use super::{Primitive, find};
use crate::syntax::ast::{Body, Expr, ExprKind, Literal, MethodBody, MethodDef};

/// Class, selector, and the fingerprint of a definition that the primitive is equivalent to.
const REPLACEMENTS: &[(&str, &str, u64)] = &[
    ("Integer", "abs", 0x159a_d5a2_6b9b_4b71),
    ("Integer", "negated", 0x7039_0305_4b18_193f),
    ("Integer", "==", 0x5b7e_31d0_4822_8c76),
    ("Integer", "~=", INEQUALITY),
    ("Integer", ">", GREATER),
    ("Integer", ">=", GREATER_OR_EQUAL),
    ("Integer", "<=", LESS_OR_EQUAL),
    ("Integer", "max:", 0x4f40_5bdc_8df2_b998),
    ("Integer", "min:", 0xc701_824d_c924_5b5a),
    ("Double", "abs", 0xfe8b_2ba1_7643_757d),
    ("Double", "negated", 0x3635_6705_ccdb_3312),
    ("Double", ">", GREATER),
    ("Double", ">=", GREATER_OR_EQUAL),
    ("Double", "<=", LESS_OR_EQUAL),
];

/// `a = b`, negated.
const INEQUALITY: u64 = 0xb842_50d0_0d37_e1ab;
/// Not less, and not equal.
const GREATER: u64 = 0x4164_5397_bcc9_40c1;
/// Not less.
const GREATER_OR_EQUAL: u64 = 0x5a01_2ef4_ebc3_1de2;
/// Less, or equal.
const LESS_OR_EQUAL: u64 = 0x08f1_407e_e080_2505;

/// The primitive that may stand for a method of the class called `class`.
pub fn replacement(class: &str, method: &MethodDef) -> Option<Primitive> {
    let selector = &*method.selector.name;
    let (_, _, known) = REPLACEMENTS.iter().find(|(c, s, _)| *c == class && *s == selector)?;
    let MethodBody::Code(body) = &method.body else { return None };
    (fingerprint(method, body) == *known).then(|| find(class, selector))
}

/// Whether a method answers the opposite of `=`.
pub fn is_inequality(method: &MethodDef) -> bool {
    matches!(&method.body, MethodBody::Code(body) if fingerprint(method, body) == INEQUALITY)
}

/// Whether a method of Object or Nil, one of the `ifNil:` family, returns what code compiled in place assumes: the receiver,
/// or the value of the block that is for nil or for everything else.
pub fn is_nil_condition(class: &str, method: &MethodDef) -> bool {
    let MethodBody::Code(Body { locals, statements, .. }) = &method.body else { return false };
    let [Expr { kind: ExprKind::Return(result), .. }] = statements.as_slice() else { return false };
    // The parts of the selector are `ifNil:` and `ifNotNil:`; the one that fits the class has the block to evaluate.
    let fitting = if class == "Nil" { "ifNil:" } else { "ifNotNil:" };
    let block = method.selector.name.split_inclusive(':').position(|part| part == fitting);
    let is_var = |e: &Expr, name: &str| matches!(&e.kind, ExprKind::Var(n) if **n == *name);
    locals.is_empty()
        && match (block, &result.kind) {
            (None, ExprKind::Var(name)) => &**name == "self",
            (Some(i), ExprKind::Send(send)) => {
                &*send.selector.name == "value" && is_var(&send.receiver, &method.params[i].name)
            }
            _ => false,
        }
}

/// A hash of a method's syntax, the names of parameters and locals replaced by their numbers.
fn fingerprint(method: &MethodDef, body: &Body) -> u64 {
    let mut print = Fingerprint { hash: 0xcbf2_9ce4_8422_2325, names: Vec::new() };
    print.names.extend(method.params.iter().map(|p| p.name.to_string()));
    print.body(body);
    print.hash
}

struct Fingerprint {
    hash: u64,
    names: Vec<String>,
}

impl Fingerprint {
    fn text(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn name(&mut self, name: &str) {
        match self.names.iter().rposition(|n| n == name) {
            Some(number) => self.text(&format!("${number}")),
            None => self.text(name),
        }
    }

    fn body(&mut self, body: &Body) {
        let outer = self.names.len();
        self.names.extend(body.locals.iter().map(|l| l.name.to_string()));
        for statement in &body.statements {
            self.expr(statement);
            self.text(".");
        }
        self.names.truncate(outer);
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Var(name) => self.name(name),
            ExprKind::Assign(target, value) => {
                self.text(":=");
                self.name(&target.name);
                self.expr(value);
            }
            ExprKind::Send(send) => {
                self.text("send");
                self.text(&send.selector.name);
                self.expr(&send.receiver);
                for arg in &send.args {
                    self.expr(arg);
                }
            }
            ExprKind::Block(block) => {
                self.text("[");
                let outer = self.names.len();
                self.names.extend(block.params.iter().map(|p| p.name.to_string()));
                self.body(&block.body);
                self.names.truncate(outer);
                self.text("]");
            }
            ExprKind::Literal(literal) => self.literal(literal),
            ExprKind::Return(value) => {
                self.text("^");
                self.expr(value);
            }
        }
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Integer(i) => self.text(&format!("i{i}")),
            Literal::Double(f) => self.text(&format!("d{:x}", f.to_bits())),
            Literal::Symbol(s) => self.text(&format!("#{s}")),
            Literal::String(s) => self.text(&format!("'{s}")),
            Literal::Array(elements) => {
                self.text("#(");
                for element in elements {
                    self.literal(element);
                }
                self.text(")");
            }
        }
    }
}
