//! Numbers for alias classes.
//!
//! A class is named by the type that owns the place and the field. Names get numbers as they come up; what needs more than there are shares
//! the last one, which is correct, if less precise.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tailor_compiler::ir::{AliasClass, AliasSet};

use crate::function::Touches;

/// The guest stack.
pub const GUEST_STACK: AliasClass = AliasClass(0);

/// All classes that came too late for a number of their own.
pub const SHARED: AliasClass = AliasClass(AliasClass::COUNT as u8 - 1);

/// Names and numbers; the index is the number less one.
static NAMES: Mutex<Names> = Mutex::new(Names { list: Vec::new(), numbers: None });

struct Names {
    list: Vec<(&'static str, &'static str)>,
    numbers: Option<HashMap<(&'static str, &'static str), AliasClass>>,
}

/// The class of a field of an owner.
pub fn class(owner: &'static str, field: &'static str) -> AliasClass {
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let Names { list, numbers } = &mut *names;
    *numbers.get_or_insert_default().entry((owner, field)).or_insert_with(|| {
        let next = AliasClass(u8::try_from(list.len() + 1).map_or(SHARED.0, |number| number.min(SHARED.0)));
        if next < SHARED {
            list.push((owner, field));
        }
        next
    })
}

/// The name of a class, for people.
pub fn name(class: AliasClass) -> String {
    let names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    match class {
        GUEST_STACK => "guest stack".to_owned(),
        SHARED => "others".to_owned(),
        AliasClass(number) => {
            names.list.get(usize::from(number) - 1).map_or_else(|| format!("{number}"), |(o, f)| format!("{o}.{f}"))
        }
    }
}

/// The set that a declaration means.
pub(crate) fn set(touches: Touches) -> AliasSet {
    match touches {
        Touches::All => AliasSet::ALL,
        Touches::Only(list) => list.iter().fold(AliasSet::NONE, |set, (owner, field)| set.with(class(owner, field))),
    }
}
