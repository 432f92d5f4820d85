//! Primitives of System.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::{Args, Primitive, PrimitiveResult, expected_instance, symbol_object, text};
use crate::classes::Core;
use crate::errors::{LoadError, Raise};
use crate::value::Value;
use crate::vm::Vm;

pub(super) fn find(selector: &str) -> Option<Primitive> {
    Some(Primitive::native(match selector {
        "global:" => global,
        "global:put:" => global_put,
        "hasGlobal:" => has_global,
        "loadFile:" => load_file,
        "load:" => load,
        "exit:" => exit,
        "printString:" => print_string,
        "printNewline" => print_newline,
        "errorPrintln:" => error_println,
        "errorPrint:" => error_print,
        "printStackTrace" => print_stack_trace,
        "time" => time,
        "ticks" => ticks,
        "fullGC" => full_gc,
        "gcStats" => gc_stats,
        "totalCompilationTime" => total_compilation_time,
        _ => return None,
    }))
}

fn global(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let name = symbol_object(vm, args.arg(1))?;
    Ok(vm.global(name).unwrap_or(vm.nil))
}

fn global_put(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let name = symbol_object(vm, args.arg(1))?;
    vm.set_global(name, args.arg(2))?;
    Ok(args.receiver())
}

fn has_global(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let name = symbol_object(vm, args.arg(1))?;
    let has = vm.global(name).is_some();
    Ok(vm.boolean(has))
}

/// The text of a file, or nil if it cannot be read.
fn load_file(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let path = text(vm, args.arg(1))?;
    match std::fs::read(Path::new(path)) {
        Ok(bytes) => vm.new_string(&String::from_utf8_lossy(&bytes)),
        Err(_) => Ok(vm.nil),
    }
}

/// The class of that name, or nil if there is none. A class that is there but wrong is an error.
fn load(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let name = symbol_object(vm, args.arg(1))?;
    match vm.class_named(name.as_str()) {
        Ok(class) => Ok(vm.class_object(class)),
        Err(LoadError::NotFound(_)) => Ok(vm.nil),
        Err(e) => Err(Raise::of(crate::errors::ErrorKind::Load, e.to_string())),
    }
}

fn exit(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let Some(code) = args.arg(1).to_small() else {
        return Err(match vm.number(args.arg(1)) {
            Some(crate::numbers::Num::Big(_)) => Raise::error("Can't represent as signed machine integer."),
            _ => expected_instance(vm, Core::Integer, args.arg(1)),
        });
    };
    match i32::try_from(code) {
        Ok(code) => Err(Raise::exit(code)),
        Err(_) => Err(Raise::error(format!("{code} is no exit code: Can't represent as signed machine integer."))),
    }
}

fn print_string(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let text = text(vm, args.arg(1))?;
    print(vm, args, text)
}

fn print_newline(vm: &mut Vm, args: Args) -> PrimitiveResult {
    print(vm, args, "\n")
}

/// Exit code of a program whose output nobody reads any more: that of one ended by the signal for it.
const EXIT_BROKEN_PIPE: i32 = 128 + 13;

fn print(vm: &mut Vm, args: Args, text: &str) -> PrimitiveResult {
    vm.output.print(text);
    if vm.output.is_closed() { Err(Raise::exit(EXIT_BROKEN_PIPE)) } else { Ok(args.receiver()) }
}

fn error_println(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let line = format!("{}\n", text(vm, args.arg(1))?);
    vm.output.print_error(&line);
    Ok(args.receiver())
}

fn error_print(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let text = text(vm, args.arg(1))?;
    vm.output.print_error(text);
    Ok(args.receiver())
}

/// Prints the stack trace at this moment, and a remark.
pub(super) fn print_trace(vm: &mut Vm, remark: &str) {
    let (trace, omitted) = vm.trace();
    let shown =
        crate::errors::RuntimeError { kind: crate::errors::ErrorKind::User, message: remark.into(), trace, omitted };
    vm.output.print_error(&format!("{}{}", shown, if remark.is_empty() { "" } else { "\n" }));
}

fn print_stack_trace(vm: &mut Vm, args: Args) -> PrimitiveResult {
    print_trace(vm, "");
    Ok(vm.boolean(!args.receiver().is_small()))
}

/// Milliseconds since 1970.
fn time(vm: &mut Vm, _: Args) -> PrimitiveResult {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    vm.new_integer(since.as_millis() as i64)
}

/// Microseconds since the VM started.
fn ticks(vm: &mut Vm, _: Args) -> PrimitiveResult {
    let elapsed = vm.started.elapsed().as_micros() as i64;
    vm.new_integer(elapsed)
}

fn full_gc(vm: &mut Vm, _: Args) -> PrimitiveResult {
    vm.collect();
    Ok(vm.true_)
}

/// Collections, milliseconds spent in them, bytes allocated.
fn gc_stats(vm: &mut Vm, _: Args) -> PrimitiveResult {
    let stats = vm.heap.stats();
    let parts = [stats.collections as i64, (stats.pause_ns / 1_000_000) as i64, stats.allocated_bytes as i64];
    vm.new_array_of(&parts.map(Value::small))
}

/// Milliseconds spent compiling to machine code: none yet.
fn total_compilation_time(_: &mut Vm, _: Args) -> PrimitiveResult {
    Ok(Value::small(0))
}
