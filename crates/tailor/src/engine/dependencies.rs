//! What units rest on: quasi-immutable fields, by their addresses.
//!
//! It is asked in the midst of compiled code, by the native functions that write such fields; so it is apart from the driver, and all it does is to let the code's `guard_valid`s leave. The
//! driver takes the code away when it is next asked for something.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use rustc_hash::FxHashMap;
use tailor_compiler::exit::Code;

/// See the module.
#[derive(Debug, Default)]
pub struct Dependencies {
    by_address: RefCell<FxHashMap<u64, Vec<Weak<Code>>>>,
    invalid: RefCell<Vec<Rc<Code>>>,
}

impl Dependencies {
    /// `code` rests on what is at these addresses.
    pub fn add(&self, addresses: &[u64], code: &Rc<Code>) {
        let mut by_address = self.by_address.borrow_mut();
        for &address in addresses {
            by_address.entry(address).or_default().push(Rc::downgrade(code));
        }
    }

    /// What is at an address has changed.
    pub fn changed(&self, address: u64) {
        let Some(codes) = self.by_address.borrow_mut().remove(&address) else { return };
        for code in codes.iter().filter_map(Weak::upgrade) {
            code.invalidate();
            self.invalid.borrow_mut().push(code);
        }
    }

    /// The code that has become invalid since this was last asked.
    pub fn take_invalid(&self) -> Vec<Rc<Code>> {
        std::mem::take(&mut *self.invalid.borrow_mut())
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.by_address.borrow_mut().clear();
        self.invalid.borrow_mut().clear();
    }
}
