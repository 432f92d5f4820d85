//! Generated source, as text of which parts can be left out.
//!
//! # Terms
//! - *Code* is text with holes filled by other code.
//! - A *part* is code that can be left out: another text then stands in its place (nothing for a statement, the default value for an expression). Parts are
//!   numbered within a function in the order of the text, parts within a part right after it, so a number means the same part whatever else is left out.
//!
//! # Why text and not a syntax tree?
//! The generator knows types while it writes, and nothing has to be looked up in the result; all that is done with it is printing, and leaving out parts to make
//! a failing function smaller.

use std::collections::BTreeSet;

/// A piece of source.
#[derive(Clone, Debug, Default)]
pub struct Code(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Part { code: Code, instead: String },
}

impl Code {
    /// Plain text.
    pub fn text(text: impl Into<String>) -> Code {
        Code(vec![Piece::Text(text.into())])
    }

    /// The template, with the codes for its `#`s.
    ///
    /// # Panics
    /// There are not as many codes as `#`s.
    pub fn fill(template: &str, codes: impl IntoIterator<Item = Code>) -> Code {
        let mut result = Code::default();
        let mut codes = codes.into_iter();
        for (i, text) in template.split('#').enumerate() {
            if i > 0 {
                result.append(codes.next().expect("a code for each hole"));
            }
            result.0.push(Piece::Text(text.to_string()));
        }
        assert!(codes.next().is_none(), "a hole for each code in `{template}`");
        result
    }

    /// The codes with a text between them.
    pub fn join(codes: impl IntoIterator<Item = Code>, between: &str) -> Code {
        let mut result = Code::default();
        for code in codes {
            if !result.0.is_empty() {
                result.0.push(Piece::Text(between.to_string()));
            }
            result.append(code);
        }
        result
    }

    /// The same as a part, which `instead` replaces when it is left out.
    pub fn part(self, instead: impl Into<String>) -> Code {
        Code(vec![Piece::Part { code: self, instead: instead.into() }])
    }

    /// Adds code at the end.
    pub fn append(&mut self, other: Code) {
        self.0.extend(other.0);
    }

    /// How many parts it has.
    pub fn parts(&self) -> usize {
        self.0.iter().map(|piece| if let Piece::Part { code, .. } = piece { 1 + code.parts() } else { 0 }).sum()
    }

    /// The source without some of its parts, one statement a line.
    pub fn write(&self, without: &BTreeSet<usize>) -> String {
        let mut text = String::new();
        self.write_to(&mut text, without, &mut 0);
        indent(&without_idle_variables(text))
    }

    fn write_to(&self, text: &mut String, without: &BTreeSet<usize>, number: &mut usize) {
        for piece in &self.0 {
            match piece {
                Piece::Text(t) => text.push_str(t),
                Piece::Part { code, instead } => {
                    let own = *number;
                    *number += 1;
                    if without.contains(&own) {
                        text.push_str(instead);
                        *number += code.parts();
                    } else {
                        code.write_to(text, without, number);
                    }
                }
            }
        }
    }
}

/// Marks, at the end of its line, a declaration that stands for one left out: it is dropped, too, if nothing mentions the variable.
pub const IDLE: &str = " // if needed";

fn without_idle_variables(text: String) -> String {
    if !text.contains(IDLE) {
        return text;
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let names: Vec<&str> = text.split(|c| !is_name(c)).collect();
    let needed = |line: &&str| {
        let Some(declaration) = line.trim().strip_suffix(IDLE.trim_start()) else { return true };
        let name = declaration.trim_start_matches("let mut ").split(|c| !is_name(c)).next();
        names.iter().filter(|n| Some(**n) == name).count() > 1
    };
    text.lines().filter(needed).map(|line| line.trim_end_matches(IDLE)).collect::<Vec<_>>().join("\n")
}

fn indent(text: &str) -> String {
    let mut result = String::new();
    let mut depth = 0usize;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let closing = line.chars().take_while(|c| *c == '}').count();
        result += &"    ".repeat(depth.saturating_sub(closing));
        result += line;
        result.push('\n');
        depth = (depth + line.matches('{').count()).saturating_sub(line.matches('}').count());
    }
    result
}
