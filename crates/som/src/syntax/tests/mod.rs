//! Tests of lexer, parser and diagnostics.
//!
//! Trees are compared as text: [`show`] writes a tree as SOM with every nested message in parentheses, so that what
//! binds how can be seen. What it writes parses to the same tree, which is itself a test.

mod errors;
mod lexer;
mod random;
mod tree;

use super::ast::{Body, ClassDef, Expr, ExprKind, Ident, Literal, MethodBody, Side, Span, Superclass};
use super::{Diagnostic, Source, parse_class, parse_snippet};

/// A class that uses the whole language.
const SAMPLE: &str = r#""A comment" Sample = Object (
  | first second primitive |

  "Unary, binary and keyword methods."
  first = ( ^ first )
  + other = ( ^ first + other first )
  || aBlock = ( ^ self or: aBlock )
  at: index put: value = primitive
  first: f second: s = (
    | a b |
    first := f.
    a := b := s.
    second := #(1 -2 3.5 'text\n' #sym #at:put: #+ #'any text' #(4 #()) ).
    f > 3 ifTrue: [ ^ self ] ifFalse: [ :x :y | | l | l := x , y. l foo ].
    a foo; "not in SOM, so taken out below"
    [ i <= 5 ] whileTrue: [ i := i - -1. i := i -1. ].
    ^ (a first + b second) third: 123456789012345678901234567890.
  )
  empty = ( )
  ----
  | count |
  new = ( ^ super new init )
)
"#;

/// [`SAMPLE`] without what is wrong in it.
fn sample() -> String {
    SAMPLE.replace("a foo;", "")
}

fn source(text: &str) -> Source {
    Source::new("Test.som", text)
}

fn snippet(text: &str) -> Body {
    parse_snippet(&source(text)).unwrap_or_else(|errors| panic!("{text}\n{}", render(&errors)))
}

fn class(text: &str) -> ClassDef {
    parse_class(&source(text)).unwrap_or_else(|errors| panic!("{text}\n{}", render(&errors)))
}

fn render(errors: &[Diagnostic]) -> String {
    errors.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n")
}

/// The errors in a class, as `line:column message`.
fn class_errors(text: &str) -> Vec<String> {
    brief(parse_class(&source(text)).expect_err("it should not parse"))
}

/// The errors in a snippet, as `line:column message`.
fn snippet_errors(text: &str) -> Vec<String> {
    brief(parse_snippet(&source(text)).expect_err("it should not parse"))
}

fn brief(errors: Vec<Diagnostic>) -> Vec<String> {
    errors.into_iter().map(|e| format!("{}:{} {}", e.line, e.column, e.message)).collect()
}

fn show(body: &Body) -> String {
    let statements = body.statements.iter().map(show_expr).collect::<Vec<_>>().join(". ");
    format!("{}{statements}", show_names(&body.locals))
}

fn show_names(names: &[Ident]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names = names.iter().map(|ident| &*ident.name).collect::<Vec<_>>().join(" ");
    format!("| {names} | ")
}

fn show_class(class: &ClassDef) -> String {
    let superclass = match &class.superclass {
        Superclass::Default => "",
        Superclass::Nil => "nil ",
        Superclass::Named(ident) => &format!("{} ", ident.name),
    };
    let (instance, meta) = (show_side(&class.instance_side), show_side(&class.class_side));
    format!("{} = {superclass}( {instance}---- {meta})", class.name.name)
}

fn show_side(side: &Side) -> String {
    let mut out = show_names(&side.fields);
    for method in &side.methods {
        let selector = &*method.selector.name;
        let pattern = match method.params.as_slice() {
            [] => selector.to_string(),
            [param] if !selector.ends_with(':') => format!("{selector} {}", param.name),
            params => {
                let keywords = selector.split_inclusive(':');
                keywords.zip(params).map(|(k, p)| format!("{k} {}", p.name)).collect::<Vec<_>>().join(" ")
            }
        };
        match &method.body {
            MethodBody::Primitive => out.push_str(&format!("{pattern} = primitive ")),
            MethodBody::Code(body) => out.push_str(&format!("{pattern} = ( {} ) ", show(body))),
        }
    }
    out
}

fn show_expr(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Var(name) => name.to_string(),
        ExprKind::Assign(target, value) => format!("{} := {}", target.name, show_expr(value)),
        ExprKind::Literal(literal) => show_literal(literal),
        ExprKind::Return(value) => format!("^ {}", show_expr(value)),
        ExprKind::Block(block) => {
            let params: String = block.params.iter().map(|param| format!(":{} ", param.name)).collect();
            let bar = if params.is_empty() { "" } else { "| " };
            format!("[ {params}{bar}{} ]", show(&block.body))
        }
        ExprKind::Send(send) => {
            let mut out = show_operand(&send.receiver);
            let selector = &*send.selector.name;
            if send.args.is_empty() {
                return format!("{out} {selector}");
            }
            for (part, arg) in selector.split_inclusive(':').zip(&send.args) {
                out.push_str(&format!(" {part} {}", show_operand(arg)));
            }
            out
        }
    }
}

fn show_operand(expr: &Expr) -> String {
    match expr.kind {
        ExprKind::Assign(..) | ExprKind::Send(_) | ExprKind::Return(_) => format!("({})", show_expr(expr)),
        ExprKind::Var(_) | ExprKind::Literal(_) | ExprKind::Block(_) => show_expr(expr),
    }
}

fn show_literal(literal: &Literal) -> String {
    match literal {
        Literal::Integer(value) => value.to_string(),
        Literal::Double(value) => {
            let text = value.to_string();
            if text.contains('.') { text } else { format!("{text}.0") }
        }
        Literal::Symbol(name) => format!("#'{}'", escape(name)),
        Literal::String(text) => format!("'{}'", escape(text)),
        Literal::Array(elements) => {
            format!("#( {} )", elements.iter().map(show_literal).collect::<Vec<_>>().join(" "))
        }
    }
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{c}' => out.push_str("\\f"),
            '\0' => out.push_str("\\0"),
            '\'' | '\\' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

/// Calls `visit` with every expression of a body.
fn each_expr(body: &Body, visit: &mut dyn FnMut(&Expr)) {
    fn walk(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
        visit(expr);
        match &expr.kind {
            ExprKind::Var(_) | ExprKind::Literal(_) => {}
            ExprKind::Assign(_, value) | ExprKind::Return(value) => walk(value, visit),
            ExprKind::Block(block) => each_expr(&block.body, visit),
            ExprKind::Send(send) => {
                walk(&send.receiver, visit);
                send.args.iter().for_each(|arg| walk(arg, visit));
            }
        }
    }
    body.statements.iter().for_each(|statement| walk(statement, visit));
}

fn at(text: &str, part: &str) -> Span {
    let start = text.find(part).expect("part of the text") as u32;
    Span { start, end: start + part.len() as u32 }
}
