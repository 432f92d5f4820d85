//! Primitives of String and Symbol.
//!
//! Positions count characters, from 1. Strings of ASCII text find a position at once; others walk.

use super::{Args, Primitive, PrimitiveResult, expected_instance, offset, string_object, text};
use crate::classes::Core;
use crate::errors::Raise;
use crate::objects::Str;
use crate::value::Value;
use crate::vm::Vm;

pub(super) fn find(selector: &str) -> Option<Primitive> {
    Some(Primitive::native(match selector {
        "concatenate:" => concatenate,
        "asSymbol" => as_symbol,
        "asString" => as_string,
        "hashcode" => hashcode,
        "length" => length,
        "isWhiteSpace" => is_white_space,
        "isLetters" => is_letters,
        "isDigits" => is_digits,
        "=" => equal,
        "<" => less,
        "primSubstringFrom:to:" => substring,
        "charAt:" => char_at,
        "indexOf:startingAt:" => index_of,
        "beginsWith:" => begins_with,
        "endsWith:" => ends_with,
        _ => return None,
    }))
}

fn concatenate(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let (a, b) = (text(vm, args.receiver())?, text(vm, args.arg(1))?);
    // Short results, the common ones, need no buffer of their own.
    let mut joined = String::with_capacity(a.len() + b.len());
    joined.push_str(a);
    joined.push_str(b);
    vm.new_string(&joined)
}

fn as_symbol(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let text = text(vm, args.receiver())?;
    vm.intern(text).map(Value::from_gc)
}

fn as_string(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let string = string_object(vm, args.receiver())?;
    if string.class_id() == Core::String.id() {
        return Ok(args.receiver());
    }
    vm.new_string(string.as_str())
}

/// FNV-1a (Fowler, Noll, Vo 1991), cut to a small integer that is not negative.
pub(crate) fn hash(text: &str) -> i64 {
    let hash =
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash >> 3) as i64
}

fn hashcode(vm: &mut Vm, args: Args) -> PrimitiveResult {
    Ok(Value::small(hash(text(vm, args.receiver())?)))
}

fn length(vm: &mut Vm, args: Args) -> PrimitiveResult {
    Ok(Value::small(string_object(vm, args.receiver())?.chars() as i64))
}

/// Whether there are characters, and all satisfy `test`.
fn all(vm: &mut Vm, args: Args, test: impl Fn(char) -> bool) -> PrimitiveResult {
    let text = text(vm, args.receiver())?;
    Ok(vm.boolean(!text.is_empty() && text.chars().all(test)))
}

fn is_white_space(vm: &mut Vm, args: Args) -> PrimitiveResult {
    all(vm, args, char::is_whitespace)
}

fn is_letters(vm: &mut Vm, args: Args) -> PrimitiveResult {
    all(vm, args, char::is_alphabetic)
}

fn is_digits(vm: &mut Vm, args: Args) -> PrimitiveResult {
    all(vm, args, |c| c.is_ascii_digit())
}

fn equal(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let receiver = string_object(vm, args.receiver())?;
    let same = args.arg(1).downcast::<Str>().is_some_and(|other| other.as_str() == receiver.as_str());
    Ok(vm.boolean(same))
}

fn less(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let (a, b) = (text(vm, args.receiver())?, text(vm, args.arg(1))?);
    Ok(vm.boolean(a < b))
}

/// The characters from offset `start` to before `end`.
fn slice(string: &Str, start: usize, end: usize) -> &str {
    let text = string.as_str();
    if string.is_ascii() {
        return &text[start..end];
    }
    let byte = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(i, _)| i);
    &text[byte(start)..byte(end)]
}

fn substring(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let string = string_object(vm, args.receiver())?;
    let (Some(first), Some(last)) = (args.arg(1).to_small(), args.arg(2).to_small()) else {
        let wrong = if args.arg(1).is_small() { args.arg(2) } else { args.arg(1) };
        return Err(expected_instance(vm, Core::Integer, wrong));
    };
    let length = string.chars() as i64;
    if first < 1 || last > length || last < first - 1 {
        return Err(Raise::error(format!("There are no characters {first} to {last} in a string of length {length}.")));
    }
    vm.new_string(slice(&string, first as usize - 1, last as usize))
}

fn char_at(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let string = string_object(vm, args.receiver())?;
    let length = string.chars();
    match offset(vm, args.arg(1), length) {
        // SAFETY: in ASCII text, offsets of characters are those of bytes.
        Ok(offset) if string.is_ascii() => Ok(vm.characters[usize::from(unsafe { string.byte(offset) })]),
        Ok(offset) => vm.new_string(slice(&string, offset, offset + 1)),
        Err(_) if args.arg(1).is_small() => {
            let index = args.arg(1).as_small();
            Err(Raise::error(format!("Index {index} not valid for string of length {length}.")))
        }
        Err(e) => Err(e),
    }
}

fn index_of(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let string = string_object(vm, args.receiver())?;
    let wanted = text(vm, args.arg(1))?;
    let Some(start) = args.arg(2).to_small() else {
        return Err(expected_instance(vm, Core::Integer, args.arg(2)));
    };
    if start < 1 || start as usize > string.chars() {
        return Ok(Value::small(-1));
    }
    let skipped = start as usize - 1;
    let rest = slice(&string, skipped, string.chars());
    Ok(Value::small(match rest.find(wanted) {
        Some(byte) => (skipped + rest[..byte].chars().count() + 1) as i64,
        None => -1,
    }))
}

fn begins_with(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let begins = text(vm, args.receiver())?.starts_with(text(vm, args.arg(1))?);
    Ok(vm.boolean(begins))
}

fn ends_with(vm: &mut Vm, args: Args) -> PrimitiveResult {
    let ends = text(vm, args.receiver())?.ends_with(text(vm, args.arg(1))?);
    Ok(vm.boolean(ends))
}
