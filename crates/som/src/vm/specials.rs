//! Which fast paths hold for the classes that are loaded.
//!
//! Instructions such as `Add` know what `+` means for numbers. That is right only if the core library, which may come
//! from the class path, does not say otherwise. After the core classes are loaded, [`Vm::find_specials`] admits the messages whose
//! methods in the core classes are the VM's own; the compiler emits special instructions for these only.
//! Classes loaded later can define such messages too; the instructions check receivers, except those that any object may answer
//! (`==`, `isNil`, `ifNil:`, ...), for which [`Vm::note_overrides`] withdraws the assumption.

use super::{Assumptions, Vm};
use crate::classes::Core;
use crate::compiler;
use crate::method::{DefinitionBody, Invokable};
use crate::objects::ClassId;
use crate::primitives;
use crate::value::Value;

/// Numeric messages; Integer's and Double's methods must be primitives.
const NUMERIC: &[&str] =
    &["+", "-", "*", "/", "//", "%", "rem:", "&", "<<", ">>>", "bitXor:", "<", "<=", ">", ">=", "="];

/// Messages about nil, which Object and Nil answer with constants.
const NIL_TESTS: &[&str] = &["isNil", "notNil"];

/// Messages whose inlined forms know what all objects but nil do.
const NIL_CONDITIONS: &[&str] = &["ifNil:", "ifNotNil:", "ifNil:ifNotNil:", "ifNotNil:ifNil:"];

impl Vm {
    pub(super) fn find_specials(&mut self) {
        for &selector in NUMERIC {
            if self.is_primitive(Core::Integer, selector) && self.is_primitive(Core::Double, selector) {
                self.specials.insert(selector);
            }
        }
        if self.specials.contains("=") && self.is_inequality(Core::Integer) && self.is_inequality(Core::Double) {
            self.specials.insert("<>");
        }
        for selector in ["at:", "at:put:"] {
            if self.is_primitive(Core::Array, selector) {
                self.specials.insert(selector);
            }
        }
        if self.is_primitive(Core::Object, "==") && self.is_primitive(Core::Integer, "==") {
            self.specials.insert("==");
        }
        if self.answers(Core::True, "not", self.false_) && self.answers(Core::False, "not", self.true_) {
            self.specials.insert("not");
        }
        for &selector in NIL_TESTS {
            let nil_answer = self.boolean(selector == "isNil");
            let other_answer = self.boolean(selector != "isNil");
            if self.answers(Core::Nil, selector, nil_answer) && self.answers(Core::Object, selector, other_answer) {
                self.specials.insert(selector);
            }
        }
    }

    /// Whether instances of `core` answer `selector` by a primitive, or don't understand it (then nothing is lost).
    fn is_primitive(&mut self, core: Core, selector: &str) -> bool {
        let Ok(selector) = self.intern(selector) else { return false };
        match self.lookup_uncached(core.index(), selector) {
            Some(method) => matches!(method.invokable(), Invokable::Primitive(p) if p.is_supplied()),
            None => true,
        }
    }

    /// Whether instances of `core` answer `<>` by the opposite of `=`.
    fn is_inequality(&mut self, core: Core) -> bool {
        let Ok(selector) = self.intern("<>") else { return false };
        let Some(method) = self.lookup_uncached(core.index(), selector) else { return false };
        match (method.invokable(), &method.details().definition.body) {
            (Invokable::Primitive(p), _) => p.is_supplied(),
            (_, DefinitionBody::Method(def)) => primitives::is_inequality(def),
            _ => false,
        }
    }

    fn answers(&mut self, core: Core, selector: &str, expected: Value) -> bool {
        let Ok(selector) = self.intern(selector) else { return false };
        let Some(method) = self.lookup_uncached(core.index(), selector) else { return false };
        if let Invokable::Uncompiled = method.invokable()
            && compiler::compile(self, method).is_err()
        {
            return false;
        }
        matches!(method.invokable(), Invokable::Constant(value) if value == expected)
    }

    /// Withdraws assumptions that a newly loaded class breaks, and with them the units that rest on them.
    pub(super) fn note_overrides(&mut self, class: ClassId) {
        self.withdraw(class.index());
        let Assumptions { nil, not_nil, identity } = &self.assumptions;
        for assumption in [nil, not_nil, identity] {
            if !assumption {
                self.jit.changed(&raw const *assumption);
            }
        }
    }

    fn withdraw(&mut self, index: usize) {
        if index == Core::Object.index() {
            self.assumptions.not_nil &= self.conditions_are_known(index);
        } else if index == Core::Nil.index() {
            self.assumptions.nil &= self.conditions_are_known(index);
        } else {
            self.assumptions.not_nil &= !self.defines(index, NIL_TESTS) && !self.defines(index, NIL_CONDITIONS);
            let numbers = [Core::Integer.index(), Core::Double.index()];
            self.assumptions.identity &= numbers.contains(&index) || !self.defines(index, &["=="]);
        }
    }

    /// Whether a class or its metaclass has methods of its own for some of these messages.
    fn defines(&self, index: usize, selectors: &[&str]) -> bool {
        let mut methods = [index, index + 1].into_iter().flat_map(|i| &self.class_at(i).methods);
        methods.any(|m| selectors.contains(&m.selector().as_str()))
    }

    /// Whether the methods of Object or Nil for the `ifNil:` family are written as expected.
    fn conditions_are_known(&self, index: usize) -> bool {
        let info = self.class_at(index);
        let conditions = info.methods.iter().filter(|m| NIL_CONDITIONS.contains(&m.selector().as_str()));
        let mut known = 0;
        for method in conditions {
            let DefinitionBody::Method(def) = &method.details().definition.body else { return false };
            if !primitives::is_nil_condition(info.name.as_str(), def) {
                return false;
            }
            known += 1;
        }
        known == NIL_CONDITIONS.len()
    }
}
