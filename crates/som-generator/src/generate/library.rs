//! The parts of a program that come from templates: what all programs need, and classes that behave oddly.

use super::{Generator, Message};
use crate::random::Random;
use crate::tree::{Body, Expr, Method};

/// Counts steps; at zero, leaves for the start of the unit, by a non-local return through everything that is under way.
const FUEL: &str = "\
Fuel = (
    ----
    | left limit |
    run: block = ( left := 4000. limit := [ ^ #exhausted ]. ^ block value )
    tick = ( left := left - 1. left < 1 ifTrue: [ left := 0. limit value ] )
)
";

/// Prints; keeps numbers and strings from growing without end; uses up stack and heap.
const KIT: &str = "\
Kit = (
    ----
    show: value = ( value asString println. ^ value )
    int: n = (
        n class == Integer ifFalse: [ ^ n ].
        n abs > 1000000000000000000000000000000000000000000000 ifTrue: [ ^ n rem: 1000000007 ].
        ^ n
    )
    str: s = ( s length > 60 ifTrue: [ ^ s primSubstringFrom: 1 to: 20 ]. ^ s )
    pick: bool = ( bool == true ifTrue: [ ^ [ 1 ] ]. ^ self )
    restart = ( ^ #noBlock )
    deep: n = ( n = 0 ifTrue: [ ^ 0 ]. ^ 1 + (self deep: n - 1) )
    nest: n with: block = ( n = 0 ifTrue: [ ^ block value ]. ^ self nest: n - 1 with: [ 1 + block value ] )
    out: n from: block = ( n = 0 ifTrue: [ block value ]. ^ self out: n - 1 from: block )
    leave: n = ( self out: n from: [ ^ n ]. ^ #never )
    wide: n = ( n = 0 ifTrue: [ ^ 0 ]. ^ self wide: n a: 1 b: 2 c: 3 d: 4 )
    wide: n a: a b: b c: c d: d = (
        | e f g h |
        e := a + b. f := c + d. g := [ e + f ]. h := g value.
        ^ h + (self perform: #wide: withArguments: (Array with: n - 1))
    )
    hoard = ( | list | list := nil. [ true ] whileTrue: [ list := Array with: list with: (Array new: 500) with: 'x' + list ] )
    hoardNumbers = ( | list | list := nil. [ true ] whileTrue: [ list := Array with: list with: 1 << 1000 with: 0.1 + 1.0e300 ] )
    hoardBlocks = ( | last | last := [ 1 ]. [ true ] whileTrue: [ | inner | inner := last. last := [ :x | inner value ] ] )
    swell = ( | s | s := 'abc'. [ true ] whileTrue: [ s := s + s ] )
)
";

/// What an odd object may do instead of choosing: `(selector, parameters, answers to pick from)`.
const ODD_METHODS: &[(&str, &[&str])] = &[
    ("ifTrue: a", &["a value", "self", "nil", "a value. ^ 5", "#ifTrue"]),
    // While loops ask by ifFalse: too, in place with `false`, and the argument must not be seen to differ.
    ("ifFalse: a", &["a value", "self", "a value", "true"]),
    ("ifTrue: a ifFalse: b", &["b value", "a value. ^ b value", "self", "nil"]),
    ("ifFalse: a ifTrue: b", &["b value", "a value. ^ b value", "self", "nil"]),
    ("ifNil: a", &["a value", "self", "nil", "a value. ^ a value"]),
    ("ifNotNil: a", &["a value", "self", "nil"]),
    ("ifNil: a ifNotNil: b", &["a value", "b value. ^ a value"]),
    ("ifNotNil: a ifNil: b", &["b value", "a value. ^ b value"]),
    ("and: a", &["a value", "true", "self"]),
    ("or: a", &["a value", "false", "self"]),
    ("&& a", &["a value", "false"]),
    ("|| a", &["a value", "true"]),
    ("to: a do: b", &["b value: 3", "b value: 1. b value: 2", "nil"]),
    ("downTo: a do: b", &["b value: 3", "b value: 1. b value: 2", "nil"]),
    ("to: a by: s do: b", &["b value: s", "b value: s + 1. b value: 2"]),
    ("timesRepeat: a", &["a value", "a value. a value", "#never"]),
    ("isNil", &["true", "7"]),
    ("notNil", &["true", "7"]),
    ("== other", &["true", "other"]),
    ("+ other", &["other", "3"]),
    ("< other", &["true", "false", "other"]),
    ("<= other", &["true", "self"]),
    ("> other", &["true", "false", "other"]),
    ("= other", &["true", "self"]),
    ("value", &["1", "self"]),
];

/// The classes made from templates: name and source.
pub(super) fn classes(random: &mut Random) -> Vec<(&'static str, String)> {
    let mut classes = vec![("Fuel", FUEL.into()), ("Kit", KIT.into()), ("Odd", odd(random))];
    classes.extend(super::hot::classes());
    classes
}

fn odd(random: &mut Random) -> String {
    let mut source = String::from("Odd = (\n    asString = ( ^ 'odd' )\n");
    if random.chance(70) {
        source.push_str("    doesNotUnderstand: selector arguments: arguments = ( selector println. ^ selector )\n");
    }
    for (pattern, answers) in ODD_METHODS {
        if random.chance(75) {
            source.push_str(&method_text(pattern, random.word(answers)));
        }
    }
    source.push_str(")\n");
    source
}

/// The last statement is answered.
fn method_text(pattern: &str, answer: &str) -> String {
    match answer.rsplit_once(". ") {
        Some((before, last)) if last.starts_with('^') => format!("    {pattern} = ( {before}. {last} )\n"),
        Some((before, last)) => format!("    {pattern} = ( {before}. ^ {last} )\n"),
        None => format!("    {pattern} = ( ^ {answer} )\n"),
    }
}

fn method(selector: &str, params: &[&str], statements: &[&str]) -> Method {
    let statements = statements.iter().map(|s| Expr::text(*s)).collect();
    Method {
        selector: selector.into(),
        params: params.iter().map(|p| (*p).into()).collect(),
        body: Body { ticks: false, locals: Vec::new(), statements },
    }
}

/// The methods by which the family handles what others treat as errors.
pub(super) fn root_hooks(resumes_escapes: bool) -> Vec<Method> {
    let mut methods = vec![
        method("doesNotUnderstand:arguments:", &["selector", "arguments"], &["selector println", "^ arguments length"]),
        method("unknownGlobal:", &["name"], &["^ (system load: name) ifNil: [ name ]"]),
        method("asString", &[], &["^ 'a ' + self class name"]),
    ];
    if resumes_escapes {
        methods.push(method("escapedBlock:", &["block"], &["'escaped' println", "^ 11"]));
    }
    // Blocks whose method has returned: by itself, and by a non-local return through it.
    methods.push(method("left:", &["value"], &["^ [ Fuel tick. ^ value ]"]));
    methods.push(method("skipped:", &["value"], &["self skip: [ :block | ^ block ] with: value", "^ nil"]));
    methods.push(method("skip:with:", &["leave", "value"], &["leave value: [ Fuel tick. ^ value ]", "^ nil"]));
    methods
}

/// The class side of the family's root.
pub(super) fn root_class_methods() -> Vec<Method> {
    vec![method("make", &[], &["^ self new init"])]
}

/// The initialisation of one member's fields.
pub(super) fn init(number: usize) -> Method {
    if number == 0 {
        method("init", &[], &["f0 := 1", "any := nil", "text := 'x'", "kept := [ Fuel tick. 7 ]"])
    } else {
        method("init", &[], &["super init", &format!("f{number} := {number}")])
    }
}

/// Trivial methods, which a VM may treat specially.
pub(super) fn accessors(number: usize) -> Vec<Method> {
    let field = format!("f{number}");
    let mut methods = vec![
        method(&field, &[], &[&format!("^ {field}")]),
        method(&format!("{field}:"), &["value"], &[&format!("{field} := value")]),
        method("constant", &[], &[["^ 1", "^ nil", "^ #abc", "^ 2.5"][number % 4]]),
    ];
    if number == 0 {
        methods.push(method("any", &[], &["^ any"]));
        methods.push(method("text", &[], &["^ text"]));
        methods.push(method("kept", &[], &["^ kept"]));
        methods.push(method("any:", &["value"], &["any := value"]));
    }
    methods
}

/// `Main>>run`: what `som -cp DIR Main` does.
pub(super) fn run(units: usize) -> Method {
    let statements: Vec<String> = (1..=units).map(|i| format!("(self unit{i}) println")).collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    method("run", &[], &statements)
}

impl Generator {
    /// The number of a message's method among those that class `C0` declares.
    pub(super) fn method_number(&self, message: &Message) -> Option<usize> {
        let before = root_hooks(self.resumes_escapes).len() + 1 + accessors(0).len();
        let among = self.messages.iter().position(|m| m.selector == message.selector)?;
        Some(before + among + 1)
    }
}
