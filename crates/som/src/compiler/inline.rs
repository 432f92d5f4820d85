//! Which sends are compiled in place.
//!
//! A control structure whose blocks stand literally in the source needs no block objects: its code is put in line. The
//! decision depends on the syntax alone, so that [analysis](super::analysis) and code generation always agree.
//!
//! Meaning is unchanged where the receiver is not what was expected (say, an object of a class that defines `ifTrue:` itself):
//! the branch instruction then leaves for a *stub*, made on demand, that creates the blocks and really sends the message; see
//! [`super::stub`].

use std::rc::Rc;

use crate::syntax::ast::{BlockDef, Expr, ExprKind, Literal, Send};

/// A send that is compiled in place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inlined<'a> {
    /// `ifTrue:` and its kin: jumps over a part if the receiver is `when`.
    If { first_when: bool, first: &'a Rc<BlockDef>, second: Option<&'a Rc<BlockDef>> },
    /// `ifNil:` and its kin: `on_nil` runs for nil, `on_other` for everything else.
    IfNil { nil_first: bool, on_nil: Option<&'a Rc<BlockDef>>, on_other: Option<&'a Rc<BlockDef>> },
    /// `and:`, `or:`, `&&`, `||`: the block runs if the receiver is `when`.
    Logic { when: bool, block: &'a Rc<BlockDef> },
    /// `whileTrue:`, `whileFalse:`: the loop goes on as long as the condition is `when`.
    While { when: bool, condition: &'a Rc<BlockDef>, body: &'a Rc<BlockDef> },
    /// `to:do:`, `downTo:do:`, `to:by:do:`, `timesRepeat:`.
    For { step: ForStep, body: &'a Rc<BlockDef> },
}

/// How a counting loop counts.
#[derive(Clone, Copy, Debug)]
pub(super) enum ForStep {
    /// From the receiver up to the argument.
    Up,
    /// From the receiver down to the argument.
    Down,
    /// From the receiver up to the argument by a positive literal.
    By(u16),
    /// From 1 up to the receiver.
    Times,
}

fn block(expr: &Expr, params: usize) -> Option<&Rc<BlockDef>> {
    match &expr.kind {
        ExprKind::Block(block) if block.params.len() == params => Some(block),
        _ => None,
    }
}

fn positive_step(expr: &Expr) -> Option<u16> {
    match &expr.kind {
        ExprKind::Literal(Literal::Integer(i)) => u16::try_from(i).ok().filter(|&i| i > 0 && i < 1 << 15),
        _ => None,
    }
}

/// Whether blocks are compiled in place at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inlining {
    /// The rule.
    On,
    /// Within stubs.
    Off,
}

/// Whether and how `send` is compiled in place.
pub(super) fn classify(send: &Send, inlining: Inlining) -> Option<Inlined<'_>> {
    if inlining == Inlining::Off {
        return None;
    }
    let arg = |i: usize, params| block(&send.args[i], params);
    Some(match &*send.selector.name {
        "ifTrue:" => Inlined::If { first_when: true, first: arg(0, 0)?, second: None },
        "ifFalse:" => Inlined::If { first_when: false, first: arg(0, 0)?, second: None },
        "ifTrue:ifFalse:" => Inlined::If { first_when: true, first: arg(0, 0)?, second: Some(arg(1, 0)?) },
        "ifFalse:ifTrue:" => Inlined::If { first_when: false, first: arg(0, 0)?, second: Some(arg(1, 0)?) },
        "ifNil:" => Inlined::IfNil { nil_first: true, on_nil: Some(arg(0, 0)?), on_other: None },
        "ifNotNil:" => Inlined::IfNil { nil_first: false, on_nil: None, on_other: Some(arg(0, 0)?) },
        "ifNil:ifNotNil:" => Inlined::IfNil { nil_first: true, on_nil: Some(arg(0, 0)?), on_other: Some(arg(1, 0)?) },
        "ifNotNil:ifNil:" => Inlined::IfNil { nil_first: false, on_nil: Some(arg(1, 0)?), on_other: Some(arg(0, 0)?) },
        "and:" | "&&" => Inlined::Logic { when: true, block: arg(0, 0)? },
        "or:" | "||" => Inlined::Logic { when: false, block: arg(0, 0)? },
        "whileTrue:" => Inlined::While { when: true, condition: block(&send.receiver, 0)?, body: arg(0, 0)? },
        "whileFalse:" => Inlined::While { when: false, condition: block(&send.receiver, 0)?, body: arg(0, 0)? },
        "to:do:" => Inlined::For { step: ForStep::Up, body: arg(1, 1)? },
        "downTo:do:" => Inlined::For { step: ForStep::Down, body: arg(1, 1)? },
        "to:by:do:" => Inlined::For { step: ForStep::By(positive_step(&send.args[1])?), body: arg(2, 1)? },
        "timesRepeat:" => Inlined::For { step: ForStep::Times, body: arg(0, 0)? },
        _ => return None,
    })
}

/// Whether a name stands anywhere in an expression, also within blocks.
pub(super) fn mentions(expr: &Expr, name: &str) -> bool {
    any(expr, &|e| match &e.kind {
        ExprKind::Var(n) => **n == *name,
        ExprKind::Assign(target, _) => *target.name == *name,
        _ => false,
    })
}

/// Whether a block stands anywhere in an expression; without one, nothing in it is compiled in place.
pub(super) fn has_block(expr: &Expr) -> bool {
    any(expr, &|e| matches!(e.kind, ExprKind::Block(_)))
}

/// Whether a block, or a block within it, assigns a variable of this name.
pub(super) fn assigns(block: &BlockDef, name: &str) -> bool {
    let is_assignment = |e: &Expr| matches!(&e.kind, ExprKind::Assign(target, _) if *target.name == *name);
    block.body.statements.iter().any(|s| any(s, &is_assignment))
}

/// Whether a predicate holds for an expression or one inside it.
fn any(expr: &Expr, predicate: &dyn Fn(&Expr) -> bool) -> bool {
    let inside = |e: &Expr| any(e, predicate);
    predicate(expr)
        || match &expr.kind {
            ExprKind::Var(_) | ExprKind::Literal(_) => false,
            ExprKind::Assign(_, value) | ExprKind::Return(value) => inside(value),
            ExprKind::Send(send) => inside(&send.receiver) || send.args.iter().any(inside),
            ExprKind::Block(block) => block.body.statements.iter().any(inside),
        }
}

/// Whether evaluating `expr` may assign a variable of the method that it is compiled into.
pub(super) fn may_assign(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Assign(..) => true,
        ExprKind::Var(_) | ExprKind::Literal(_) | ExprKind::Block(_) => false,
        ExprKind::Return(value) => may_assign(value),
        ExprKind::Send(send) => {
            // Blocks compiled in place may assign; looking into them is not worth it.
            classify(send, Inlining::On).is_some() || may_assign(&send.receiver) || send.args.iter().any(may_assign)
        }
    }
}
