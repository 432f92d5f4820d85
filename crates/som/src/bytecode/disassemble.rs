//! Bytecode as text, for `som --disassemble` and for tests.

use std::fmt::{self, Write};

use tailor_gc::Gc;

use super::{Instr, NO_REGISTER, Shape};
use crate::method::{Code, Invokable, Method};
use crate::vm::Vm;

/// The code of a method and of the blocks in it. A method that was not yet compiled must be compiled first.
pub fn disassemble(vm: &Vm, method: Gc<Method>) -> String {
    let mut out = String::new();
    write_method(vm, method, &mut out, 0).expect("writing to a string does not fail");
    out
}

fn write_method(vm: &Vm, method: Gc<Method>, out: &mut String, depth: usize) -> fmt::Result {
    let indent = "  ".repeat(depth);
    if depth == 0 {
        writeln!(out, "{}>>{}", vm.class_name(method.holder()), method.selector().as_str())?;
    }
    match method.invokable() {
        Invokable::Uncompiled => writeln!(out, "{indent}  not compiled yet")?,
        Invokable::Primitive(_) => writeln!(out, "{indent}  primitive")?,
        Invokable::Getter(field) => writeln!(out, "{indent}  returns field {field}")?,
        Invokable::Setter(field) => writeln!(out, "{indent}  sets field {field}")?,
        Invokable::Constant(value) => writeln!(out, "{indent}  returns {}", vm.describe(value))?,
        Invokable::Bytecode => {
            let Some(code) = method.compiled() else { return Ok(()) };
            writeln!(
                out,
                "{indent}  {} arguments, {} locals, {} registers",
                method.args(),
                code.locals,
                code.registers
            )?;
            for (pc, instr) in code.instructions.iter().enumerate() {
                writeln!(out, "{indent}  {pc:4} {}", line(vm, &code, instr.get()))?;
            }
            for (i, &block) in code.blocks.iter().enumerate() {
                writeln!(out, "{indent}  block {i}:")?;
                write_method(vm, block, out, depth + 1)?;
            }
        }
    }
    Ok(())
}

fn line(vm: &Vm, code: &Code, instr: Instr) -> String {
    let Instr { op, a, b, c } = instr;
    let register = |r: u16| if r == NO_REGISTER { "-".to_string() } else { format!("r{r}") };
    let literal = |k: u16| vm.describe(code.literals[k as usize]);
    let block = |k: u16| {
        let value = code.literals[k as usize];
        let index = code.blocks.iter().position(|b| crate::value::Value::from_gc(*b) == value);
        index.map_or_else(|| "block".to_string(), |i| format!("block {i}"))
    };
    let operands = match op.shape() {
        Shape::A => register(a),
        Shape::Move => format!("{} <- {}", register(a), register(b)),
        Shape::Literal => format!("{} <- {}", register(a), literal(b)),
        Shape::LiteralStore => format!("{} <- {}", literal(b), register(a)),
        Shape::Imm => format!("{} <- {}", register(a), instr.imm32()),
        Shape::Binary => format!("{} <- {}, {}", register(a), register(b), register(c)),
        Shape::BinaryImm => format!("{} <- {}, {}", register(a), register(b), c as i16),
        Shape::Load => format!("{} <- {}[{c}]", register(a), register(b)),
        Shape::Store => format!("{}[{c}] <- {}", register(a), register(b)),
        Shape::OuterLoad => format!("{} <- outer {b}[{c}]", register(a)),
        Shape::OuterStore => format!("outer {b}[{c}] <- {}", register(a)),
        Shape::NewContext => format!("{} <- {c} slots in {}", register(a), register(b)),
        Shape::Block => format!("{} <- {} in {}", register(a), block(b), register(c)),
        Shape::Jump => format!("-> {b}"),
        Shape::Branch => format!("{} -> {b}", register(a)),
        Shape::Send => {
            let site = &code.sites[c as usize];
            format!("{} <- {} #{}", register(a), register(b), site.message.selector.as_str())
        }
        Shape::Step => format!("{} -> {b}, step {c}", register(a)),
        Shape::NonLocal => format!("{} outer {b}, window {}", register(a), register(c)),
        Shape::Triple => format!("{}, {}, {}", register(a), register(b), register(c)),
    };
    format!("{:18} {operands}", format!("{op:?}"))
}
