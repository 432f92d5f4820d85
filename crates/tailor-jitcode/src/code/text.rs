//! Jitcode as text, for people and tests.
//!
//! Registers are `i0`, `f1`, `r2`: a letter for the type and one numbering for all. Constants are written as what they are. A block begins with its label; each
//! instruction is followed by the source line that it stems from, where that changes.

use std::fmt::{self, Write};

use tailor_compiler::ir::Type;

use super::{Code, Operation, Position, Register};

/// The text of a function's code.
pub fn dump(code: &Code) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_code(code, &mut text);
    text
}

fn write_code(code: &Code, out: &mut String) -> fmt::Result {
    let signature = &code.function.signature;
    write!(out, "{}(", signature.name)?;
    let mut first = 0;
    for (i, (shape, name)) in signature.parameters.iter().zip(signature.parameter_names).enumerate() {
        let count = shape.leaf_count();
        let registers: Vec<Register> = (first..first + count).map(|register| Register(register as u16)).collect();
        first += count;
        write!(out, "{}{name}: {}", if i == 0 { "" } else { ", " }, List(code, &registers))?;
    }
    writeln!(out, "), {} registers, {} constants", code.register_count(), code.constants.len())?;
    let labels = labels(code);
    let mut line = 0;
    for position in 0..code.len() as Position {
        if labels[position as usize] {
            writeln!(out, "@{position}:")?;
        }
        let mut text = String::new();
        write_operation(code, position, &mut text)?;
        let location = code.location(position);
        if location.line() == line {
            writeln!(out, "    {text}")?;
        } else {
            line = location.line();
            writeln!(out, "    {text:<50} ; {}:{line}", file_name(location.file()))?;
        }
    }
    Ok(())
}

fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

fn labels(code: &Code) -> Vec<bool> {
    let mut labels = vec![false; code.len()];
    for position in 0..code.len() as Position {
        let operation = code.operation(position);
        if matches!(operation, Operation::Jump { .. } | Operation::Branch { .. } | Operation::Switch { .. }) {
            operation.for_each_successor(position, |target| labels[target as usize] = true);
        }
    }
    labels
}

fn write_operation(code: &Code, position: Position, out: &mut String) -> fmt::Result {
    let one = |register| One(code, register);
    match code.operation(position) {
        Operation::Pure { code: op, bits, dest, .. } => {
            write!(out, "{} = {}", one(dest), op.text())?;
            if bits != 0 {
                write!(out, "{bits}")?;
            }
            let mut separator = " ";
            let mut result = Ok(());
            code.operation(position).for_each_use(|operand| {
                result = result.and_then(|()| write!(out, "{separator}{}", one(operand)));
                separator = ", ";
            });
            result
        }
        Operation::Move { dest, source } => write!(out, "{} = {}", one(dest), one(source)),
        Operation::Promote { dest, source } => write!(out, "{} = promote {}", one(dest), one(source)),
        Operation::WeAreJitted { dest } => write!(out, "{} = we_are_jitted", one(dest)),
        Operation::Release { base } => write!(out, "release {}", one(base)),
        Operation::Load { dest, memory, base, index, .. } => {
            write!(out, "{} = load {}", one(dest), Access(code, memory, base, index))
        }
        Operation::Store { memory, base, index, value, .. } => {
            write!(out, "store {}, {}", Access(code, memory, base, index), one(value))
        }
        Operation::Call { function, arguments, results } => {
            if !results.is_empty() {
                write!(out, "{} = ", List(code, results))?;
            }
            let verb = if function.is_residual() { "residual" } else { "call" };
            write!(out, "{verb} {}({})", function.signature.name, List(code, arguments))
        }
        Operation::MergePoint(mark) | Operation::CanEnter(mark) => {
            let merges = matches!(code.operation(position), Operation::MergePoint(_));
            write!(out, "{}", if merges { "merge_point" } else { "can_enter" })?;
            for variable in &mark.variables {
                let values = &mark.values[variable.first as usize..(variable.first + variable.count) as usize];
                let color = if variable.color == crate::tape::Color::Green { "green" } else { "red" };
                write!(out, " {color} {}={}", variable.name, List(code, values))?;
            }
            Ok(())
        }
        Operation::Jump { target } => write!(out, "jump @{target}"),
        Operation::Branch { condition, then, otherwise } => {
            write!(out, "branch {} @{then} @{otherwise}", one(condition))
        }
        Operation::Switch { value, table } => {
            write!(out, "switch {}", one(value))?;
            for (case, target) in &table.cases {
                write!(out, " {}:@{target}", *case as i64)?;
            }
            write!(out, " else @{}", table.default)
        }
        Operation::Return { values } => write!(out, "return {}", List(code, values)),
        Operation::Panic { template, arguments } => {
            write!(out, "panic {template:?}")?;
            if arguments.is_empty() { Ok(()) } else { write!(out, ", {}", List(code, arguments)) }
        }
    }
}

/// A register or constant.
struct One<'a>(&'a Code, Register);

impl fmt::Display for One<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let One(code, register) = *self;
        match (code.type_of(register), code.constant(register)) {
            (Type::Int | Type::Void, None) => write!(f, "i{}", register.0),
            (Type::Float, None) => write!(f, "f{}", register.0),
            (Type::Ref, None) => write!(f, "r{}", register.0),
            (Type::Int | Type::Void, Some(word)) => write!(f, "{}", word as i64),
            (Type::Float, Some(word)) => write!(f, "{:?}", f64::from_bits(word)),
            (Type::Ref, Some(word)) => write!(f, "{word:#x}"),
        }
    }
}

/// Several of them.
struct List<'a>(&'a Code, &'a [Register]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [single] = self.1 {
            return One(self.0, *single).fmt(f);
        }
        write!(f, "(")?;
        for (i, &register) in self.1.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, One(self.0, register))?;
        }
        write!(f, ")")
    }
}

/// A place in memory.
struct Access<'a>(&'a Code, &'a crate::tape::Memory, Register, Option<Register>);

impl fmt::Display for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Access(code, memory, base, index) = self;
        write!(f, "{}.{} {:?} [{}", memory.owner, memory.field, memory.width, One(code, base))?;
        if let Some(index) = index {
            write!(f, " + {} * {}", One(code, index), memory.scale)?;
        }
        if memory.offset != 0 {
            write!(f, " {} {}", if memory.offset < 0 { '-' } else { '+' }, memory.offset.unsigned_abs())?;
        }
        write!(f, "]")
    }
}
