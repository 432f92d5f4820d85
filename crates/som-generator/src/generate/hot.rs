//! Units that are worth compiling: loops of many iterations, and calls that recurse.
//!
//! Their statements are random code as everywhere, mixed with what a tracing compiler has to cope with: types that
//! change after a while, receivers of many classes, non-local returns out of blocks, closures that outlive their
//! method or change a loop's variables, arithmetic that overflows, conditions that follow no pattern, and errors in
//! an iteration long after the code has been compiled.
//!
//! # Terms
//! - *Hot variables*: those that a unit's loops work on, below. Their names are not among those that other code
//!   declares, so that nothing hides them.

use super::{Generator, Scope, ScopeKind, Type, Variable};
use crate::tree::{Body, Expr};

/// What all hot loops may use: `t` is an array, `u` an array of instances of `H0` and its subclasses, `w` a closure
/// that counts, `k` a counter of loops.
const OTHER: &[(&str, &str)] = &[("w", "Hot counter"), ("k", "0")];

/// Random code may read and change them too. With what they start from.
const VARIABLES: &[(&str, Type, &str)] = &[
    ("p", Type::Integer, "1"),
    ("q", Type::Integer, "0"),
    ("r", Type::Double, "0.5"),
    ("s", Type::String, "'s'"),
    ("v", Type::Any, "nil"),
];

/// Calls worth compiling; `N` is a variable that counts.
const CALLS: &[&str] = &[
    "Kit int: p + (Hot fib: N % 6)",
    "(Hot even: N) ifTrue: [ p ] ifFalse: [ p + 1 ]",
    "Hot find: N % 9 in: t",
    "Hot first: [ :x | (x * 7) % 11 = (N % 11) ] from: 1 to: 12",
    "Hot outer: N",
    "Hot apply: (Hot compose: [ :x | x + N ] with: [ :x | x * p ]) to: N",
    "Hot add: p to: (Hot mixed: N)",
    "Hot add: (Hot mixed: N) to: (Hot mixed: N + 1)",
    "Hot walk: N % 7 + 2 over: u",
    "Hot sorted: (Hot filled: 6)",
    "Hot interpret: #(1 3 2 5 4 0 3 1 6 0) with: N",
    "Hot sum: N % 10 with: 0",
    "Hot sums: t",
    "Hot points: N",
    "(Hot swap: (u at: N % (u length) + 1)) key",
    "(Hot cell: N) value",
    "Hot text: N",
    "Hot tak: N % 4 y: 2 z: 1",
    "Hot until: N",
    "Hot nested: N % 5",
    "Hot hash: s",
    "Hot thru: N",
    "Hot keep: N",
    "Hot global: N",
    "Hot named: N",
    "Hot send: N to: (u at: N % (u length) + 1)",
    "Hot last: (Hot kinds: N)",
    "Hot special: N",
    "Hot symbol: N",
    "Hot deep: N % 40 * 8",
];

/// Classes that hot code uses: name and source.
pub(super) fn classes() -> Vec<(&'static str, String)> {
    vec![
        ("Hot", HOT.into()),
        ("H0", H0.into()),
        ("H1", H1.into()),
        ("H2", H2.into()),
        ("H3", H3.into()),
        ("H4", H4.into()),
        ("H5", H5.into()),
        ("H6", H6.into()),
        ("H7", H7.into()),
    ]
}

const HOT: &str = "\
Hot = (
    | x y |
    x: a y: b = ( x := a. y := b )
    x = ( ^ x )
    y = ( ^ y )
    + other = ( ^ Hot x: x + other x y: y + other y )
    ----
    | state kept |
    x: a y: b = ( ^ self new x: a y: b )
    seed: n = ( state := n. kept := Array new: 3. system global: #HotGlobal put: n )
    next = ( state := ((state * 1309) + 13849) & 65535. ^ state )
    filled: n = ( | a | a := Array new: n. 1 to: n do: [ :i | a at: i put: self next % 10 ]. ^ a )
    objects: n = (
        | a |
        a := Array new: n.
        1 to: n do: [ :i | a at: i put: (self object: self next % 8) ].
        ^ a
    )
    object: n = (
        n = 0 ifTrue: [ ^ H0 new key: 1 ].
        n = 1 ifTrue: [ ^ H1 new key: 2 ].
        n = 2 ifTrue: [ ^ H2 new key: 3.5 ].
        n = 3 ifTrue: [ ^ H3 new key: 4 ].
        n = 4 ifTrue: [ ^ H4 new key: 4611686018427387900 ].
        n = 6 ifTrue: [ ^ H6 new key: -1 ].
        n = 7 ifTrue: [ ^ H7 new key: 7 ].
        ^ H5 new key: 6
    )
    counter = ( | n | n := 0. ^ [ Fuel tick. n := n + 1. n ] )
    fib: n = ( Fuel tick. n < 2 ifTrue: [ ^ n ]. ^ (self fib: n - 1) + (self fib: n - 2) )
    even: n = ( Fuel tick. n <= 0 ifTrue: [ ^ true ]. ^ self odd: n - 1 )
    odd: n = ( n <= 0 ifTrue: [ ^ false ]. ^ self even: n - 1 )
    find: what in: array = ( array do: [ :each | Fuel tick. each = what ifTrue: [ ^ each ] ]. ^ nil )
    first: block from: a to: b = ( a to: b do: [ :i | Fuel tick. (block value: i) == true ifTrue: [ ^ i ] ]. ^ nil )
    outer: n = ( ^ 1000 + (self middle: n with: [ :x | x > 2 ifTrue: [ ^ x negated ]. x ]) )
    middle: n with: block = ( | r | r := self inner: n % 5 with: block. ^ r + 1 )
    inner: n with: block = ( n = 0 ifTrue: [ ^ 0 ]. ^ (block value: n) + (self inner: n - 1 with: block) )
    apply: block to: x = ( ^ Kit int: (block value: x) )
    compose: f with: g = ( ^ [ :x | f value: (g value: x) ] )
    mixed: i = (
        | m |
        m := i % 11.
        m = 3 ifTrue: [ ^ i asDouble ].
        m = 5 ifTrue: [ ^ i << 61 ].
        m = 7 ifTrue: [ ^ 4611686018427387903 - i ].
        m = 9 ifTrue: [ ^ (i << 61) negated ].
        ^ i
    )
    add: a to: b = ( ^ Kit int: ((a + b) * 3) - a )
    walk: n over: objects = (
        | sum |
        sum := 0.
        n timesRepeat: [ Fuel tick. sum := sum + (objects at: self next % (objects length) + 1) key ].
        ^ sum
    )
    sorted: a = (
        1 to: a length do: [ :i |
            a length to: i + 1 by: -1 do: [ :j |
                | l r |
                Fuel tick.
                l := a at: j - 1. r := a at: j.
                l > r ifTrue: [ a at: j - 1 put: r. a at: j put: l ] ] ].
        ^ (a at: 1) + (10 * (a at: a length))
    )
    interpret: code with: n = (
        | pc sum op |
        pc := 1. sum := n.
        [ Fuel tick. op := code at: pc. op = 0 ] whileFalse: [
            pc := pc + 1.
            op = 1 ifTrue: [ sum := sum + 1 ].
            op = 2 ifTrue: [ sum := sum * 2 ].
            op = 3 ifTrue: [ sum := sum - 3 ].
            op = 4 ifTrue: [ sum > 100 ifFalse: [ pc := 1 ] ].
            op = 5 ifTrue: [ sum > 7 ifTrue: [ sum := sum + 40 ] ].
            op = 6 ifTrue: [ ^ sum ] ].
        ^ sum negated
    )
    sum: n with: so = ( Fuel tick. n = 0 ifTrue: [ ^ so ]. ^ self sum: n - 1 with: so + n )
    sums: array = ( | n | n := 0. array doIndexes: [ :i | Fuel tick. n := n + i. (array at: i) == nil ifTrue: [ ^ n ] ]. ^ n )
    points: n = (
        | p |
        p := Hot x: 0 y: 1.5.
        1 to: n % 9 do: [ :i | Fuel tick. p := p + (Hot x: i y: i asDouble) ].
        ^ p x + p y
    )
    swap: object = ( object key == 1 ifTrue: [ ^ H1 new key: 9 ]. ^ object )
    cell: n = ( | c | c := n. n % 3 = 0 ifTrue: [ ^ [ c := c + 1. c ] ]. n % 3 = 1 ifTrue: [ ^ [ c * 2 ] ]. ^ n )
    text: n = ( | s | s := ''. 1 to: n % 4 do: [ :i | s := s + i asString + n asString ]. ^ s )
    tak: x y: y z: z = (
        Fuel tick.
        y < x ifFalse: [ ^ z ].
        ^ self tak: (self tak: x - 1 y: y z: z) y: (self tak: y - 1 y: z z: x) z: (self tak: z - 1 y: x z: y)
    )
    until: n = ( | i | i := 0. [ true ] whileTrue: [ Fuel tick. i := i + 1. i * i > n ifTrue: [ ^ i ] ] )
    nested: n = ( | c | c := 0. 1 to: n do: [ :i | Fuel tick. 1 to: i do: [ :j | c := c + (i * j). c > 60 ifTrue: [ ^ c ] ] ]. ^ c )
    thru: n = ( ^ 1 + (self thru: n % 4 + 1 with: [ :x | n % 3 = 0 ifTrue: [ ^ x ]. x + n ]) )
    thru: depth with: block = (
        Fuel tick.
        depth = 0 ifTrue: [ ^ block value: 5 ].
        ^ 1 + (self wrap: [ self thru: depth - 1 with: block ])
    )
    wrap: block = ( | r | r := block value. ^ r + 1 )
    keep: n = (
        | other |
        kept at: n % 3 + 1 put: [ :x | n := n + x. n ].
        other := kept at: n + 1 % 3 + 1.
        other isNil ifTrue: [ ^ 0 ].
        ^ other value: 2
    )
    global: n = ( n % 9 = 0 ifTrue: [ system global: #HotGlobal put: n ]. ^ HotGlobal )
    named: n = ( ^ self perform: (#(#fib: #even: #nested:) at: n % 3 + 1) withArguments: (Array with: n % 5) )
    send: n to: object = ( ^ object perform: (#(#key #twice #class) at: n % 3 + 1) )
    kinds: n = ( | a | a := Array new: 4. 1 to: 4 do: [ :i | a at: i put: (self kind: n + i) ]. ^ a )
    kind: i = (
        i % 6 = 1 ifTrue: [ ^ 0.5 ].
        i % 6 = 3 ifTrue: [ ^ 'x' ].
        i % 6 = 5 ifTrue: [ ^ nil ].
        ^ i
    )
    last: a = ( | v | a do: [ :e | Fuel tick. e isNil ifFalse: [ v := e ] ]. ^ v )
    special: n = (
        | d |
        d := -0.0.
        n % 4 = 0 ifTrue: [ d := 0.0 // 0.0 ].
        n % 4 = 1 ifTrue: [ d := 1.0 // 0.0 ].
        n % 4 = 2 ifTrue: [ d := -1.0 // 0.0 ].
        ^ (d < 1) asString + (d > 0.5) asString + (d = d) asString + (1 <= d) asString
            + (d * 2) asString + (d + n) asString + (d max: 3) asString
    )
    symbol: n = ( | s | s := ('s' + (n % 3) asString) asSymbol. s == #s1 ifTrue: [ ^ 1 ]. ^ s = #s2 )
    deep: n = ( n <= 0 ifTrue: [ ^ 0 ]. ^ 1 + (self deep: n - 1) )
    hash: s = ( | h | h := 7. 1 to: (s length min: 8) do: [ :i | h := (h * 31 + (s charAt: i) length) & 1048575 ]. ^ h )
)
";

const H0: &str = "H0 = ( | key | key = ( ^ key ) key: k = ( key := k ) twice = ( ^ self key + self key ) grow = ( key := key + 1 ) )\n";
const H1: &str = "H1 = H0 ( key = ( ^ 17 ) )\n";
const H2: &str = "H2 = H0 ( key = ( ^ super key + 1 ) grow = ( self key: self key * 2 ) )\n";
const H3: &str = "H3 = H0 ( key = ( #(1 2 3) do: [ :e | e = 2 ifTrue: [ ^ e + key ] ]. ^ nil ) )\n";
const H4: &str =
    "H4 = H0 ( | other | key = ( other := key + 1. ^ other ) grow = ( key := (key * 5) rem: 4611686018427387904 ) )\n";
const H6: &str = "H6 = H1 ( key = ( ^ super key + key ) twice = ( ^ super twice - 1 ) )\n";
const H7: &str =
    "H7 = H0 ( key = ( ^ [ :x | x = 3 ifTrue: [ ^ nil ]. x ] value: key ) grow = ( super grow. super grow ) )\n";
const H5: &str = "\
H5 = Object (
    | k |
    key: n = ( k := n )
    doesNotUnderstand: selector arguments: arguments = ( selector = #key ifTrue: [ ^ k ]. k := k + 1. ^ k )
)
";

impl Generator {
    /// Some hot loops, and what they computed.
    pub(super) fn hot_body(&mut self) -> Body {
        let variables = VARIABLES.iter().map(|&(name, ty, _)| Variable { name: name.into(), ty: Some(ty) }).collect();
        self.scopes.push(Scope { kind: ScopeKind::Closure, variables });
        let seed = self.random.below(65536);
        let (length, objects) = (self.random.within(3, 12), self.random.within(1, 12));
        let mut statements = vec![
            Expr::text(format!("Hot seed: {seed}")),
            Expr::text(format!("t := Hot filled: {length}")),
            Expr::text(format!("u := Hot objects: {objects}")),
        ];
        let starts = VARIABLES.iter().map(|&(name, _, start)| (name, start)).chain(OTHER.iter().copied());
        statements.extend(starts.map(|(name, start)| Expr::text(start).assigned_to(name)));
        for _ in 0..self.random.within(1, 3) {
            let most = *self.random.pick(&[15, 40, 100, 200]);
            statements.push(self.hot_loop(most, 0));
            statements.push(Expr::text("Kit show: p. Kit show: q. Kit show: r. Kit show: s. Kit show: v"));
        }
        self.scopes.pop();
        let names = ["p", "q", "r", "s", "v", "t", "u", "w", "k"];
        Body { ticks: false, locals: names.map(String::from).to_vec(), statements }
    }

    /// A loop of up to that many iterations, within so many other hot loops.
    fn hot_loop(&mut self, most: usize, depth: usize) -> Expr {
        let count = self.random.within(most.div_ceil(2).min(10), most);
        let name = ["n", "m"][depth];
        let start = *self.random.pick(&["1", "1", "1", "0", "-20", "4611686018427387890", "2147483600"]);
        let last = start.parse::<i128>().map_or(0, |start| start + count as i128 - 1).to_string();
        match self.random.below(8) {
            0..4 => {
                let body = self.hot_block(&[name], name, count, depth);
                Expr::text(start).send("to:do:", vec![Expr::text(last), body])
            }
            4 => {
                let body = self.hot_block(&[name], name, count, depth);
                Expr::text(last).send("downTo:do:", vec![Expr::text(start), body])
            }
            5 => {
                let body = self.hot_block(&[name], name, count, depth);
                Expr::text(start).send("to:by:do:", vec![Expr::text(last), Expr::text("2"), body])
            }
            6 => {
                let body = self.hot_block(&[], "k", count, depth);
                let counted = self.then(body, Expr::text("k := k + 1"));
                Expr::text(count.to_string()).with("timesRepeat:", counted)
            }
            _ => {
                let body = self.hot_block(&[], "k", count, depth);
                let condition =
                    Body { ticks: true, ..Body::of(vec![Expr::text(format!("k := k + 1. k % {count} = 0"))]) };
                Expr::block(Vec::new(), condition).with("whileFalse:", body)
            }
        }
    }

    fn then(&self, block: Expr, statement: Expr) -> Expr {
        match block {
            Expr::Block(mut block) => {
                block.body.statements.push(statement);
                Expr::Block(block)
            }
            other => other,
        }
    }

    /// The body of a hot loop; `counter` counts its iterations.
    fn hot_block(&mut self, params: &[&str], counter: &str, count: usize, depth: usize) -> Expr {
        let variables = params.iter().map(|&name| Variable { name: name.into(), ty: Some(Type::Integer) }).collect();
        self.scopes.push(Scope { kind: ScopeKind::InPlace, variables });
        let statements = (0..self.random.within(1, 4)).map(|_| self.hot_statement(counter, count, depth)).collect();
        self.scopes.pop();
        let params = params.iter().map(|&name| name.into()).collect();
        Expr::block(params, Body { ticks: true, ..Body::of(statements) })
    }

    fn hot_statement(&mut self, n: &str, count: usize, depth: usize) -> Expr {
        match self.random.below(28) {
            0..3 => {
                let op = self.random.word(&["+", "-", "*", "bitXor:", "&", "max:"]);
                let operand = self.value(Type::Integer);
                Expr::text("Kit").with("int:", Expr::text("p").with(op, operand)).assigned_to("p")
            }
            3 => Expr::text(format!("q := q + {n}")),
            4 => {
                let op = self.random.word(&["+", "-", "*", "//"]);
                let ty = *self.random.pick(&[Type::Double, Type::Integer]);
                let operand = self.value(ty);
                Expr::text("r").with(op, operand).assigned_to("r")
            }
            5 => {
                let shown = self.value(Type::Any).unary("asString");
                Expr::text("Kit").with("str:", Expr::text("s").with("+", shown)).assigned_to("s")
            }
            6 => {
                let value = self.bounded(Type::Any);
                Expr::text("t").send("at:put:", vec![Expr::text(format!("{n} % (t length) + 1")), value])
            }
            7 => Expr::text(format!("v := t at: {n} % (t length) + 1")),
            8..11 => {
                let message = self.random.word(&["key", "key", "twice", "grow", "class name", "key class name"]);
                let variable = self.random.word(&["v", "v", "p", "q"]);
                let object = Expr::text(format!("(u at: {n} % (u length) + 1) {message}"));
                if message == "grow" {
                    object
                } else {
                    object.assigned_to(if message.contains("name") { "v" } else { variable })
                }
            }
            11..16 => {
                let call = self.random.word(CALLS).replace('N', n);
                Expr::text(call).assigned_to(self.random.word(&["v", "v", "v", "p"]))
            }
            16 => Expr::text("q := w value"),
            17 => {
                let every = self.random.within(2, 9);
                Expr::text(format!("({n} % {every}) = 0")).with("ifTrue:", show("p"))
            }
            18 | 19 => self.rarely(n, count),
            20 => {
                let bound = self.random.within(1, 3);
                let arms = vec![self.hot_arm(n, count, depth), self.hot_arm(n, count, depth)];
                Expr::text(format!("(Hot next % {bound}) = 0")).send("ifTrue:ifFalse:", arms)
            }
            21 if depth == 0 => {
                let most = self.random.within(3, 12);
                self.hot_loop(most, 1)
            }
            22 => Expr::text(format!("v := [ :x | Fuel tick. p := Kit int: p + x. p + {n} ]. v := v value: 3")),
            23 => Expr::text(format!("w := [ Fuel tick. q + {n} ]")),
            24 => Expr::text(format!("u at: {n} % (u length) + 1 put: (Hot object: {n} % 6)")),
            25 => self.any_message().assigned_to("v"),
            _ => self.statement(),
        }
    }

    fn hot_arm(&mut self, n: &str, count: usize, depth: usize) -> Expr {
        self.scopes.push(Scope { kind: ScopeKind::InPlace, variables: Vec::new() });
        let statement =
            if self.scopes.len() > 6 { Expr::text(format!("p := {n}")) } else { self.hot_statement(n, count, depth) };
        self.scopes.pop();
        Expr::block(Vec::new(), Body::of(vec![statement]))
    }

    /// What happens in one iteration alone, mostly a late one.
    fn rarely(&mut self, n: &str, count: usize) -> Expr {
        let which = self.random.within(count / 2, count);
        self.scopes.push(Scope { kind: ScopeKind::InPlace, variables: Vec::new() });
        let statement = match self.random.below(12) {
            0 => Expr::text("v := nil foo"),
            1 => Expr::text("self error: 'hot'"),
            2 => Expr::text("v := t at: t length + 1"),
            3 if self.may_return() => Expr::text("p").returned(),
            4 => Expr::text("p := 4611686018427387903"),
            5 => Expr::text("r := 1"),
            6 => Expr::text("p := 2.5"),
            7 => Expr::text("v := self nobodyKnows: p"),
            8 => Expr::text("v := (self left: p) value"),
            9 => Expr::text(format!("v := Kit deep: {}", self.random.word(&["2000", "2000", "20000", "1000000"]))),
            10 => Expr::text("v := Hot perform: #nobodyKnows"),
            _ => self.statement(),
        };
        self.scopes.pop();
        let arm = Expr::block(Vec::new(), Body::of(vec![statement]));
        Expr::text(format!("{n} = {which}")).with("ifTrue:", arm)
    }
}

/// A block that shows a variable.
fn show(variable: &str) -> Expr {
    Expr::block(Vec::new(), Body::of(vec![Expr::text("Kit").with("show:", Expr::text(variable))]))
}
