//! Mistakes are found by the assembler, at their lines, with a remedy.

use tla::assembler::assemble;

/// Each text, in a function `main` whose first line is line 2, and what is said about it.
const MISTAKES: &[(&str, &str)] = &[
    ("nop", "line 2: there is no instruction `nop`; there are const, dup, pop, load"),
    ("const x", "line 2: `x` is not a number of 64 bits"),
    ("const 9223372036854775808", "line 2: `9223372036854775808` is not a number of 64 bits"),
    ("const", "line 2: `const` takes one operand, not 0"),
    ("const 1 2", "line 2: `const` takes one operand, not 2"),
    ("add 1 2", "line 2: `add` takes no operand; what it works on is on the stack"),
    ("load x", "line 2: `x` is no parameter and no local; declare it: local x"),
    ("local n", "line 2: `n` is there already; use another name"),
    ("local a\nlocal a", "line 3: `a` is there already; use another name"),
    ("const 1\nlocal a", "line 3: `local a` must stand before all instructions"),
    ("here:\nlocal a", "line 3: `local a` must stand before all instructions"),
    ("here:\nhere:", "line 3: the label `here:` is there twice; rename one"),
    ("jump there", "line 2: there is no label `there` in this function; add a line `there:`"),
    ("jump end\nend:", "line 2: nothing follows the label `end:`; add a `return`"),
    ("call f", "line 2: there is no function `f`"),
    ("return", "line 2: `return` takes 1 word, and 0 are on the stack; push more"),
    ("local a\nreturn", "line 3: `return` takes 1 word, and 0 are on the stack; push more"),
    ("const 1\nadd\nreturn", "line 3: `add` takes 2 words, and 1 is on the stack; push more"),
    ("const 1", "line 2: `main` goes on behind its end; it needs a `return` here"),
    ("const 1\nreturn\nconst 2\nreturn", "line 4: no path leads here; remove it"),
    (
        "load n\njump_if b\nconst 1\nb:\nconst 2\nreturn",
        "line 6: `const` is reached with 2 words in use on one path and 1 on another; make them agree",
    ),
    ("again:\nconst 1\njump again", "line 3: `const` is reached with 1 words in use on one path and 2 on another"),
    ("const 1\nreturn\nfunction main", "line 4: the function `main` is there twice; rename one"),
    ("const 1\nreturn\nfunction", "line 4: a function needs a name: function NAME PARAMETER ..."),
    ("const 1\nreturn\nfunction f\nfunction g", "line 5: `f` has no instructions; it needs a `return` at least"),
];

#[test]
fn mistakes_are_told() {
    for (text, expected) in MISTAKES {
        let mistake = assemble(&format!("function main n\n{text}")).expect_err(text).to_string();
        assert!(mistake.starts_with(expected), "{text:?}:\n{mistake}\n{expected}");
    }
    let mistake = |text: &str| assemble(text).expect_err(text).to_string();
    assert_eq!(mistake("const 3"), "line 1: this is in no function; begin with `function main`");
    assert_eq!(
        mistake("function f\nconst 3\nreturn"),
        "line 3: there is no function `main`, with which programs begin"
    );
    let pushes = "const 1\n".repeat(300);
    assert_eq!(
        mistake(&format!("function main\n{pushes}")),
        "line 258: a function may use 256 words at most; split it"
    );
    let parameters: String = (0..256).map(|number| format!(" p{number}")).collect();
    assert_eq!(mistake(&format!("function main{parameters}")), "line 1: a function has at most 255 parameters");
}
