//! Units that end badly: messages to the wrong objects, and the use of more stack or heap than there is.

use super::{Generator, Type};
use crate::tree::{Body, Expr};

/// Values to be combined without sense.
const VALUES: &[&str] = &[
    "nil",
    "true",
    "0",
    "1",
    "-1",
    "3",
    "4611686018427387903",
    "-4611686018427387904",
    "9223372036854775808",
    "-100000000000000000000000000",
    "0.0",
    "-0.0",
    "2.5",
    "Double PositiveInfinity",
    "(0.0 // 0.0)",
    "''",
    "'a'",
    "'äö€'",
    "'12'",
    "#a",
    "#+",
    "#value",
    "#()",
    "#(1 2 3)",
    "[ 1 ]",
    "[ :x | x ]",
    "[ :x :y | y ]",
    "Object",
    "Integer",
    "Array",
    "String",
    "Symbol",
    "Block1",
    "Method",
    "Metaclass",
    "Nil",
    "C0",
    "C0 new",
    "C0 class",
    "Main",
    "system",
    "Odd new",
    "self",
    "(C0 methods at: 1)",
    "(Integer methods at: 1)",
    "(Array methods at: 2)",
];

/// Messages of the core library. Left out are those that need not end, and those whose results differ between runs.
const SELECTORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "&",
    "<<",
    ">>>",
    "<",
    ">",
    "<=",
    ">=",
    "=",
    "==",
    "~=",
    "<>",
    ",",
    "rem:",
    "bitXor:",
    "bitOr:",
    "max:",
    "min:",
    "abs",
    "negated",
    "sqrt",
    "sin",
    "cos",
    "round",
    "floor",
    "ceiling",
    "asInteger",
    "asDouble",
    "asString",
    "asSymbol",
    "as32BitSignedValue",
    "as32BitUnsignedValue",
    "between:and:",
    "fromString:",
    "length",
    "isEmpty",
    "concatenate:",
    "isWhiteSpace",
    "isLetters",
    "isDigits",
    "beginsWith:",
    "endsWith:",
    "charAt:",
    "primSubstringFrom:to:",
    "substringFrom:to:",
    "split:",
    "indexOf:",
    "indexOf:startingAt:",
    "print",
    "println",
    "at:",
    "at:put:",
    "new",
    "new:",
    "new:withAll:",
    "copy",
    "copyFrom:",
    "copyFrom:to:",
    "replaceFrom:to:with:startingAt:",
    "from:to:do:",
    "do:",
    "doIndexes:",
    "putAll:",
    "collect:",
    "select:",
    "inject:into:",
    "join:",
    "contains:",
    "sort:",
    "sum",
    "average",
    "first",
    "last",
    "value",
    "value:",
    "value:with:",
    "class",
    "name",
    "superclass",
    "fields",
    "methods",
    "selectors",
    "hasMethod:",
    "respondsTo:",
    "signature",
    "holder",
    "invokeOn:with:",
    "instVarAt:",
    "instVarAt:put:",
    "instVarNamed:",
    "perform:",
    "perform:withArguments:",
    "perform:inSuperclass:",
    "perform:withArguments:inSuperclass:",
    "inspect",
    "error:",
    "halt",
    "isNil",
    "notNil",
    "ifNil:",
    "ifNotNil:",
    "ifTrue:",
    "ifFalse:",
    "ifTrue:ifFalse:",
    "and:",
    "or:",
    "not",
    "global:",
    "global:put:",
    "hasGlobal:",
    "load:",
    "resolve:",
    "exit:",
    "printString:",
    "errorPrintln:",
    "printStackTrace",
    "fullGC",
    "asArray",
    "asSet",
    "doesNotUnderstand:arguments:",
    "escapedBlock:",
    "unknownGlobal:",
    "subclassResponsibility",
    "nonsense",
    "nonsense:with:with:",
];

impl Generator {
    /// Messages without sense; most bodies end at the first.
    pub(super) fn wild_body(&mut self) -> Body {
        let count = self.random.within(1, 4);
        let statements = (0..count).map(|_| {
            let value = self.wild_send();
            Expr::text("Kit").with("show:", value)
        });
        Body::of(statements.collect())
    }

    fn wild_value(&mut self) -> Expr {
        if self.random.chance(10) {
            return self.leaf(Type::Any);
        }
        let value = self.random.word(VALUES);
        // As text it does not show how tightly it binds.
        if value.contains(' ') && !value.starts_with(['(', '[', '#']) {
            Expr::text(format!("({value})"))
        } else {
            Expr::text(value)
        }
    }

    fn wild_send(&mut self) -> Expr {
        let selector = self.random.word(SELECTORS);
        let is_operator = !selector.starts_with(|c: char| c.is_alphabetic());
        let args = if is_operator { 1 } else { selector.matches(':').count() };
        let args = (0..args).map(|_| self.wild_value()).collect();
        self.wild_value().send(selector, args)
    }

    /// Something that is too much for the stack or the heap, at least for small ones.
    pub(super) fn exhausting_body(&mut self) -> Body {
        let depth = self.random.word(&["10", "1000", "30000", "1000000", "-1"]);
        let kit = Expr::text("Kit");
        let depth = Expr::text(depth);
        let use_up = match self.random.below(10) {
            0 | 1 => kit.with("deep:", depth),
            2 | 3 => kit.with("leave:", depth),
            4 => kit.with("wide:", depth),
            5 => kit.send("nest:with:", vec![depth, Expr::text("[ 1 ]")]),
            6 => kit.unary("hoard"),
            7 => kit.unary("hoardNumbers"),
            8 => kit.unary("hoardBlocks"),
            _ => kit.unary("swell"),
        };
        Body::of(vec![Expr::text("Kit").with("show:", use_up)])
    }
}
