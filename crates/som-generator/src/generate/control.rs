//! Statements and control structures.

use super::{Generator, Scope, ScopeKind, Type};
use crate::tree::{Body, Expr};

impl Generator {
    pub(super) fn statement(&mut self) -> Expr {
        self.spend();
        match self.random.below(24) {
            0..4 => {
                let value = self.value(Type::Any);
                Expr::text("Kit").with("show:", value)
            }
            4..9 => self.assignment(),
            9..12 => self.conditional(),
            12..15 => self.loop_(),
            15 => self.nil_test(),
            16 => self.any_message(),
            17 => self.store(),
            18 => self.over_elements(),
            19 => self.early_return(),
            20 => self.restart(),
            21 => self.logic(Type::Any),
            _ => self.control_value(),
        }
    }

    fn assignment(&mut self) -> Expr {
        let ty = self.storable();
        let targets = self.targets(ty);
        if targets.is_empty() {
            return self.store();
        }
        let target = self.random.pick(&targets).clone();
        let value = self.bounded(ty);
        let other = self.random.pick(&targets).clone();
        if self.random.chance(15) { value.assigned_to(&other).assigned_to(&target) } else { value.assigned_to(&target) }
    }

    /// A change of an object.
    fn store(&mut self) -> Expr {
        match self.random.below(4) {
            0 => {
                let value = self.bounded(Type::Integer);
                self.value(Type::Member).with("f0:", value)
            }
            1 => {
                let value = self.value(Type::Any);
                self.value(Type::Member).with("any:", value)
            }
            2 => {
                // Field 2 is `any`.
                let value = self.value(Type::Any);
                self.value(Type::Member).send("instVarAt:put:", vec![Expr::text("2"), value])
            }
            _ => {
                let number = self.small_literal(1, 3);
                let value = self.value(Type::Any);
                // Literal arrays keep what is stored in them, so that only copies are changed.
                self.value(Type::Array).unary("copy").send("at:put:", vec![Expr::Text(number), value])
            }
        }
    }

    /// A condition: mostly a Boolean, sometimes an object that answers control messages in its own way.
    fn condition(&mut self) -> Expr {
        match self.random.below(20) {
            0 | 1 => Expr::text("Odd").unary("new"),
            2 => self.logic(Type::Boolean),
            _ => self.value(Type::Boolean),
        }
    }

    /// A block for a place where a compiler may put it in line.
    fn arm(&mut self, result: Type) -> Expr {
        self.block(ScopeKind::InPlace, result, &[], false)
    }

    /// An arm, or sometimes something else that has a value.
    fn arm_or_other(&mut self, result: Type) -> Expr {
        match self.random.below(16) {
            0 => self.leaf(Type::Block(0)),
            1 => self.leaf(result),
            2 => self.closure(result, &[]).unary("value"),
            _ => self.arm(result),
        }
    }

    fn conditional(&mut self) -> Expr {
        let receiver = self.condition();
        match self.random.below(4) {
            0 | 1 => {
                let selector = self.random.word(&["ifTrue:", "ifFalse:"]);
                let arm = self.arm_or_other(Type::Any);
                receiver.with(selector, arm)
            }
            _ => {
                let selector = self.random.word(&["ifTrue:ifFalse:", "ifFalse:ifTrue:"]);
                let arms = vec![self.arm_or_other(Type::Any), self.arm_or_other(Type::Any)];
                receiver.send(selector, arms)
            }
        }
    }

    fn nil_test(&mut self) -> Expr {
        let receiver = if self.random.chance(20) { Expr::text("Odd").unary("new") } else { self.value(Type::Any) };
        match self.random.below(4) {
            0 | 1 => {
                let selector = self.random.word(&["ifNil:", "ifNotNil:"]);
                let arm = self.arm_or_other(Type::Any);
                receiver.with(selector, arm)
            }
            _ => {
                let selector = self.random.word(&["ifNil:ifNotNil:", "ifNotNil:ifNil:"]);
                let arms = vec![self.arm(Type::Any), self.arm_or_other(Type::Any)];
                receiver.send(selector, arms)
            }
        }
    }

    /// A value that depends on a condition.
    pub(super) fn chosen(&mut self, ty: Type) -> Expr {
        match (self.random.below(5), ty) {
            (_, Type::Any) => self.conditional(),
            (0 | 1, Type::Boolean) => self.logic(ty),
            (0, _) => {
                let selector = self.random.word(&["ifNil:ifNotNil:", "ifNotNil:ifNil:"]);
                let receiver = self.leaf(Type::Any);
                let arms = vec![self.arm(ty), self.arm(ty)];
                receiver.send(selector, arms)
            }
            _ => {
                let selector = self.random.word(&["ifTrue:ifFalse:", "ifFalse:ifTrue:"]);
                let receiver = self.value(Type::Boolean);
                let arms = vec![self.arm(ty), self.arm(ty)];
                receiver.send(selector, arms)
            }
        }
    }

    fn logic(&mut self, ty: Type) -> Expr {
        let selector = self.random.word(&["and:", "or:", "and:", "or:", "&&", "||"]);
        let receiver = if ty == Type::Any { self.condition() } else { self.value(Type::Boolean) };
        let arm = if self.random.chance(10) { self.leaf(Type::Boolean) } else { self.arm(Type::Boolean) };
        receiver.with(selector, arm)
    }

    /// A control structure whose value is not used for anything in particular.
    pub(super) fn control_value(&mut self) -> Expr {
        match self.random.below(4) {
            0 => self.conditional(),
            1 => self.nil_test(),
            2 => self.logic(Type::Any),
            _ => self.loop_(),
        }
    }

    fn early_return(&mut self) -> Expr {
        let in_closure = self.scopes.iter().any(|s| s.kind == ScopeKind::Closure);
        if in_closure && self.resumes_escapes {
            return self.conditional();
        }
        let condition = self.value(Type::Boolean);
        let result = self.place.result;
        let value = self.value(result);
        let arm = Expr::block(Vec::new(), Body::of(vec![value.returned()]));
        condition.with(self.random.word(&["ifTrue:", "ifFalse:"]), arm)
    }

    /// Starts the innermost block anew, if it is one that can't be in place.
    fn restart(&mut self) -> Expr {
        if self.scopes.last().is_none_or(|s| s.kind != ScopeKind::Closure) {
            return self.conditional();
        }
        let condition = self.value(Type::Boolean);
        Expr::text("Kit").with("pick:", condition).unary("restart")
    }

    // ---- loops ----

    fn loop_(&mut self) -> Expr {
        match self.random.below(8) {
            0 | 1 => self.while_loop(),
            2 => {
                let count = if self.random.chance(10) {
                    Expr::text("Odd").unary("new")
                } else {
                    Expr::Text(self.small_literal(0, 4))
                };
                let body = self.loop_body(&[]);
                count.with("timesRepeat:", body)
            }
            _ => self.counting_loop(),
        }
    }

    /// A block with the given parameters; all loops end when the fuel does.
    fn loop_body(&mut self, params: &[Type]) -> Expr {
        if self.random.chance(8) {
            return self.leaf(Type::Block(params.len()));
        }
        self.block(ScopeKind::InPlace, Type::Any, params, true)
    }

    fn while_loop(&mut self) -> Expr {
        let selector = self.random.word(&["whileTrue:", "whileTrue:", "whileFalse:"]);
        self.scopes.push(Scope { kind: ScopeKind::InPlace, variables: Vec::new() });
        let mut statements = Vec::new();
        if self.random.chance(25) {
            statements.push(self.statement());
        }
        let condition = self.loop_condition();
        // Odd conditions only for `whileTrue:`, since `whileFalse:` in place and sent ask them differently.
        statements.push(match selector {
            "whileFalse:" => condition.unary("not"),
            _ if self.random.chance(5) => Expr::text("Odd").unary("new"),
            _ => condition,
        });
        self.scopes.pop();
        let condition = Expr::block(Vec::new(), Body { ticks: true, ..Body::of(statements) });
        let body = self.loop_body(&[]);
        condition.with(selector, body)
    }

    /// Counts a variable up from somewhere below 8, mostly.
    fn loop_condition(&mut self) -> Expr {
        let mut counters = self.targets(Type::Integer);
        counters.retain(|name| self.declared(name) == Type::Integer);
        if counters.is_empty() || self.random.chance(10) {
            return self.value(Type::Boolean);
        }
        let counter = self.random.pick(&counters).clone();
        let next =
            Expr::text(counter.clone()).with("&", Expr::text("7")).with("+", Expr::text("1")).assigned_to(&counter);
        let bound = self.small_literal(1, 8);
        let is_below = next.with("<", Expr::Text(bound));
        if self.random.chance(20) {
            let arm = self.arm(Type::Boolean);
            return is_below.with("and:", arm);
        }
        is_below
    }

    fn counting_loop(&mut self) -> Expr {
        let (from, to, is_up) = self.range();
        let receiver = if self.random.chance(5) { Expr::text("Odd").unary("new") } else { from };
        let body = self.loop_body(&[Type::Integer]);
        if !is_up {
            return receiver.send("downTo:do:", vec![to, body]);
        }
        if self.random.chance(40) {
            let step =
                self.random.word(&["1", "2", "3", "(1 + 1)", "32767", "32768", "4611686018427387903", "-1", "0"]);
            return receiver.send("to:by:do:", vec![to, Expr::text(step), body]);
        }
        receiver.send("to:do:", vec![to, body])
    }

    /// Where a counting loop starts and ends.
    fn range(&mut self) -> (Expr, Expr, bool) {
        let is_up = self.random.chance(65);
        let length = self.random.below(5) as i128;
        let (low, high) = match self.random.below(12) {
            0 | 1 => {
                let borders: &[i128] = &[(1 << 31) - 2, (1 << 61) - 2, (1 << 62) - 2, -(1 << 62) - 2, (1 << 63) - 2];
                let low = *self.random.pick(borders);
                (Expr::text(low.to_string()), Expr::text((low + length).to_string()))
            }
            2 => (Expr::text("1"), Expr::text(self.random.word(&["3.5", "2.0", "0.5"]))),
            3 => (Expr::text(self.random.word(&["1.5", "1.0"])), Expr::Text(length.to_string())),
            4 => {
                let start = self.value(Type::Integer);
                (start, Expr::Text(length.to_string()))
            }
            5 => {
                let end = self.value(Type::Integer);
                (Expr::text("1"), end)
            }
            _ => (Expr::text("1"), Expr::Text(length.to_string())),
        };
        if is_up { (low, high, true) } else { (high, low, false) }
    }

    fn over_elements(&mut self) -> Expr {
        let array = self.value(Type::Array);
        match self.random.below(3) {
            0 => {
                let block = self.closure(Type::Any, &[Type::Any]);
                array.with("do:", block)
            }
            1 => {
                let block = self.closure(Type::Any, &[Type::Integer]);
                array.with("doIndexes:", block)
            }
            _ => {
                // One send meets many classes.
                let body = Body {
                    ticks: true,
                    ..Body::of(vec![Expr::text(
                        "Kit show: (each = 3). Kit show: each class name. Kit show: (each ifNil: [ 'none' ]) asString",
                    )])
                };
                let others = Expr::text("Array").send(
                    "with:with:with:",
                    vec![
                        array,
                        Expr::text("(Array with: 1 with: 'x' with: nil)"),
                        Expr::text("(Array with: Odd new with: 2.5 with: [ 1 ])"),
                    ],
                );
                let inner = Expr::text("some").with("do:", Expr::block(vec!["each".into()], body));
                others.with("do:", Expr::block(vec!["some".into()], Body::of(vec![inner])))
            }
        }
    }
}
