//! Expressions of a wanted type.

use super::{Generator, Message, ScopeKind, Type};
use crate::tree::Expr;

impl Generator {
    /// An expression whose value has the type, if nothing unusual happens.
    pub(super) fn value(&mut self, ty: Type) -> Expr {
        self.spend();
        if self.is_spent() {
            return self.leaf(ty);
        }
        match self.random.below(200) {
            0 => {
                let wrong = self.storable();
                self.leaf(wrong)
            }
            1..60 => self.leaf(ty),
            60..100 => self.chosen(ty),
            100..108 => self.assigned(ty),
            108..114 => self.called_at_once(ty),
            114..130 => self.message_for(ty).unwrap_or_else(|| self.operation(ty)),
            _ => self.operation(ty),
        }
    }

    /// As `value`, for results that are kept: what loops compute must not grow without end.
    pub(super) fn bounded(&mut self, ty: Type) -> Expr {
        let value = self.value(ty);
        match (ty, &value) {
            (_, Expr::Text(_)) => value,
            (Type::Integer, _) => Expr::text("Kit").with("int:", value),
            (Type::String, _) => Expr::text("Kit").with("str:", value),
            _ => value,
        }
    }

    /// A variable or literal.
    pub(super) fn leaf(&mut self, ty: Type) -> Expr {
        let variables = self.variables(ty);
        if !variables.is_empty() && self.random.chance(65) {
            return Expr::text(self.random.pick(&variables).clone());
        }
        if ty == Type::Block(0)
            && !self.place.is_class_side
            && self.random.chance(if self.resumes_escapes { 20 } else { 2 })
        {
            let value = self.integer_literal();
            return Expr::text("self").with(self.random.word(&["left:", "skipped:"]), Expr::Text(value));
        }
        Expr::Text(match ty {
            Type::Integer => self.integer_literal(),
            Type::Double => self.double_literal(),
            Type::String => self.string_literal(),
            Type::Symbol => self.symbol_literal(),
            Type::Boolean => self.random.word(&["true", "false"]).into(),
            Type::Array => self.array_literal(),
            Type::Member => return self.member_leaf(),
            Type::Block(n) => self.random.word(block_leaves(n)).into(),
            Type::Any => return self.any_leaf(),
        })
    }

    fn member_leaf(&mut self) -> Expr {
        if !self.place.is_class_side && self.random.chance(60) {
            return Expr::text("self");
        }
        self.some_class().unary("make")
    }

    fn some_class(&mut self) -> Expr {
        let number = self.random.below(self.members);
        Expr::text(self.family(number))
    }

    fn any_leaf(&mut self) -> Expr {
        match self.random.below(10) {
            0..3 => Expr::text("nil"),
            3 => Expr::text("Odd").unary("new"),
            4 => Expr::text(self.random.word(&["Object", "Integer", "Kit", "system", "nil", "true", "Array", "C0"])),
            5 if !self.place.is_class_side => Expr::text(self.random.word(&["Unknown1", "unknown2"])),
            _ => {
                let ty = *self.random.pick(&[Type::Integer, Type::String, Type::Symbol, Type::Double, Type::Boolean]);
                self.leaf(ty)
            }
        }
    }

    /// An assignment within an expression.
    fn assigned(&mut self, ty: Type) -> Expr {
        let mut targets = self.targets(ty);
        targets.retain(|name| self.declared(name) == ty);
        if targets.is_empty() {
            return self.operation(ty);
        }
        let target = self.random.pick(&targets).clone();
        self.bounded(ty).assigned_to(&target)
    }

    /// The value of a block that is evaluated where it is made.
    fn called_at_once(&mut self, ty: Type) -> Expr {
        match self.random.below(3) {
            0 => self.closure(ty, &[]).unary("value"),
            1 => {
                let arg = self.value(Type::Integer);
                self.closure(ty, &[Type::Integer]).with("value:", arg)
            }
            _ => {
                let args = vec![self.value(Type::String), self.value(Type::Any)];
                self.closure(ty, &[Type::String, Type::Any]).send("value:with:", args)
            }
        }
    }

    fn operation(&mut self, ty: Type) -> Expr {
        match ty {
            Type::Integer => self.integer(),
            Type::Double => self.double(),
            Type::String => self.string(),
            Type::Symbol => self.symbol(),
            Type::Boolean => self.boolean(),
            Type::Array => self.array(),
            Type::Member => self.some_class().unary("make"),
            Type::Block(n) => self.closure(Type::Integer, &[Type::Integer, Type::Integer][..n]),
            Type::Any => self.any(),
        }
    }

    fn integer(&mut self) -> Expr {
        let a = self.value(Type::Integer);
        match self.random.below(20) {
            0..7 => {
                let op = self.random.word(&["+", "-", "*", "+", "-", "&", "bitXor:", "max:", "min:"]);
                let b = self.value(Type::Integer);
                a.with(op, b)
            }
            7..10 => {
                let op = self.random.word(&["+", "-", "*"]);
                let by = self.small_literal(0, 9);
                a.with(op, Expr::Text(by))
            }
            10 | 11 => {
                let op = self.random.word(&["/", "%", "rem:"]);
                let by = self.small_literal(1, 9);
                a.with(op, Expr::Text(if self.random.chance(30) { format!("-{by}") } else { by }))
            }
            12 => {
                let op = self.random.word(&["<<", ">>>"]);
                let by = self.small_literal(0, 70);
                a.unary("abs").with(op, Expr::Text(by))
            }
            13 => a.unary(self.random.word(&["abs", "negated", "as32BitSignedValue", "as32BitUnsignedValue"])),
            14 => self.value(Type::String).unary("length"),
            15 => self.value(Type::Array).unary("length"),
            16 => self.value(Type::Member).unary("f0"),
            17 => self.value(Type::Block(0)).unary("value"),
            18 => self.value(Type::Block(1)).with("value:", a),
            _ => {
                let b = self.value(Type::Integer);
                self.value(Type::Block(2)).send("value:with:", vec![a, b])
            }
        }
    }

    fn double(&mut self) -> Expr {
        let a = self.value(Type::Double);
        match self.random.below(8) {
            0..4 => {
                let op = self.random.word(&["+", "-", "*", "//", "max:", "min:"]);
                let other = *self.random.pick(&[Type::Double, Type::Integer]);
                let b = self.value(other);
                a.with(op, b)
            }
            4 => {
                let op = self.random.word(&["+", "-", "*", "//"]);
                self.value(Type::Integer).with(op, a)
            }
            5 => self.value(Type::Integer).unary("asDouble"),
            6 => a.unary(self.random.word(&["abs", "negated", "sin", "cos"])),
            _ => a.unary("abs").unary("sqrt"),
        }
    }

    fn string(&mut self) -> Expr {
        match self.random.below(6) {
            0 | 1 => {
                let b = self.value(Type::Any);
                self.value(Type::String).with("+", b)
            }
            2 => {
                let ty = self.storable();
                self.value(ty).unary("asString")
            }
            3 => self.value(Type::Any).unary("class").unary("name").unary("asString"),
            4 => {
                let end = self.small_literal(0, 3);
                let start = Expr::text("1");
                self.value(Type::String)
                    .with("+", Expr::text("'...'"))
                    .send("primSubstringFrom:to:", vec![start, Expr::Text(end)])
            }
            _ => self.value(Type::Member).unary("text"),
        }
    }

    fn symbol(&mut self) -> Expr {
        match self.random.below(3) {
            0 => self.value(Type::String).unary("asSymbol"),
            1 => self.value(Type::Member).unary("class").unary("name"),
            _ => {
                let number = self.small_literal(1, 5);
                Expr::text("C0").unary("methods").with("at:", Expr::Text(number)).unary("signature")
            }
        }
    }

    fn boolean(&mut self) -> Expr {
        match self.random.below(10) {
            0..5 => {
                let op = self.random.word(&["<", ">", "<=", ">=", "=", "<>", "==", "~="]);
                let b = self.value(Type::Integer);
                self.value(Type::Integer).with(op, b)
            }
            5 => {
                let op = self.random.word(&["<", ">", "<=", ">=", "="]);
                let b = self.value(Type::Integer);
                self.value(Type::Double).with(op, b)
            }
            6 => {
                let ty = *self.random.pick(&[Type::String, Type::Member, Type::Symbol, Type::Boolean]);
                let b = self.value(ty);
                self.value(ty).with("=", b)
            }
            7 => {
                let selector = self.random.word(&["isNil", "notNil"]);
                let ty = self.storable();
                self.value(ty).unary(selector)
            }
            8 => self.value(Type::Boolean).unary("not"),
            _ => {
                let b = self.value(Type::Member);
                self.value(Type::Member).with("==", b)
            }
        }
    }

    fn array(&mut self) -> Expr {
        match self.random.below(6) {
            0 => Expr::text("Array").with("new:", Expr::text("3")),
            1 => Expr::text("C0").unary(self.random.word(&["methods", "fields"])),
            2 => self.value(Type::Array).unary("copy"),
            3 => {
                let block = self.closure(Type::Any, &[Type::Any]);
                self.value(Type::Array).with("collect:", block)
            }
            _ => {
                let args = (0..3).map(|_| self.value(Type::Any)).collect();
                Expr::text("Array").send("with:with:with:", args)
            }
        }
    }

    fn any(&mut self) -> Expr {
        match self.random.below(12) {
            0..4 => {
                let ty = self.storable();
                self.value(ty)
            }
            4 => {
                let number = self.small_literal(1, 3);
                self.value(Type::Array).with("at:", Expr::Text(number))
            }
            5 => {
                let number = self.small_literal(1, 4);
                self.value(Type::Member).with("instVarAt:", Expr::Text(number))
            }
            6 => self.value(Type::Member).with("instVarNamed:", Expr::text("#any")),
            7 => {
                let args = vec![self.value(Type::Any), self.value(Type::Any)];
                self.value(Type::Member).send("not:understood:", args)
            }
            8 => self.value(Type::Member).unary(self.random.word(&["any", "constant", "nobodyKnows"])),
            9 => {
                let selector = self.random.word(&["isNil", "notNil", "asString", "class"]);
                self.value(Type::Any).unary(selector)
            }
            10 => self.any_message(),
            _ => self.control_value(),
        }
    }

    // ---- messages of the family ----

    fn message_for(&mut self, ty: Type) -> Option<Expr> {
        // Units should get far, and methods call little, or else all fuel goes into the first call.
        let from_unit =
            self.place.result == Type::Any && self.scopes.first().is_some_and(|s| s.kind == ScopeKind::Closure);
        if !from_unit && self.random.chance(60) {
            return None;
        }
        let fitting: Vec<Message> = self.messages.iter().filter(|m| m.result == ty).cloned().collect();
        if fitting.is_empty() || ty == Type::Any {
            return None;
        }
        let message = self.random.pick(&fitting).clone();
        Some(self.sent(&message))
    }

    /// A message to an instance or class of the family, with any result.
    pub(super) fn any_message(&mut self) -> Expr {
        if self.random.chance(30) {
            let message = self.random.pick(&self.class_messages.clone()).clone();
            let args = self.arguments(&message);
            return self.some_class().send(&message.selector, args);
        }
        let message = self.random.pick(&self.messages.clone()).clone();
        self.sent(&message)
    }

    fn arguments(&mut self, message: &Message) -> Vec<Expr> {
        message.params.iter().map(|&ty| self.value(ty)).collect()
    }

    fn sent(&mut self, message: &Message) -> Expr {
        let args = self.arguments(message);
        if self.place.class > 0 && !self.place.is_class_side && self.random.chance(20) {
            return Expr::text("super").send(&message.selector, args);
        }
        let receiver = self.value(Type::Member);
        if args.is_empty() || self.random.chance(70) {
            return receiver.send(&message.selector, args);
        }
        let array = Expr::text("Array").send(&"with:".repeat(args.len()), args);
        let selector = Expr::text(format!("#{}", message.selector));
        match (self.random.below(3), self.method_number(message)) {
            (0, Some(number)) => {
                let method = Expr::text("C0").unary("methods").with("at:", Expr::text(number.to_string()));
                method.send("invokeOn:with:", vec![receiver, array])
            }
            (1, _) => {
                let class = Expr::text("C0");
                receiver.send("perform:withArguments:inSuperclass:", vec![selector, array, class])
            }
            _ => receiver.send("perform:withArguments:", vec![selector, array]),
        }
    }
}

/// The simplest blocks with that many arguments.
fn block_leaves(params: usize) -> &'static [&'static str] {
    match params {
        0 => &["[ Fuel tick. 3 ]", "[ Fuel tick. -1 ]"],
        1 => &["[ :q | Fuel tick. q ]", "[ :q | Fuel tick. 2 ]"],
        _ => &["[ :q :r | Fuel tick. q + r ]", "[ :q :r | Fuel tick. r ]"],
    }
}
