//! Functions, as jitcode knows them: what an annotated Rust function leaves behind beside itself.
//!
//! # Terms
//! - A *jit function* ([`JitFunction`]) is one instance of an annotated function. If it has a *builder*, its jitcode can be made; if it has none, it is
//!   *residual*: opaque, described by its [`Effects`].
//! - The *trampoline* calls the native reading with words: it reads the arguments' leaves (see [`Shape`]) from one array and writes the result's leaves to another.
//! - A *portal* is an interpreter's loop: it has merge points, and what runs in it may go on in compiled code or come from there.
//!
//! # Why so
//! - *Why is the jitcode built lazily?* A process that never compiles anything should not pay for it, and most functions of an interpreter are never traced.
//! - *Why `&'static`?* Code refers to functions and functions to code; both live as long as the process, and a plain reference is the cheapest name for them.

use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Mutex, OnceLock};

use tailor_compiler::ir::Type;

use crate::code::Code;
use crate::tape::{Shape, Tape};

/// Calls a native function: reads the arguments' words, writes the result's.
pub type Trampoline = unsafe fn(arguments: *const u64, results: *mut u64);

/// Calls a native function from machine code: takes the argument words, at most [`DIRECT`] of them, behind the place for results; answers the result's first word and writes the others into
/// their places there. What is passed beyond the arguments means nothing; nor does the place, if there is one word at most.
pub type Direct = unsafe extern "C" fn(*mut u64, u64, u64, u64, u64, u64) -> u64;

/// The most argument words of a function that is called by [`Direct`]: what is left of the registers for arguments.
pub const DIRECT: usize = 5;

/// Records a function's body on a tape.
pub type Builder = fn(&Tape);

/// What a function is to the compilers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// An interpreter's loop.
    pub portal: bool,
    /// Its result depends on its arguments and on immutable memory alone, and calling it does nothing else.
    pub elidable: bool,
    /// Its loops are unrolled when a unit is built.
    pub unroll: bool,
    /// Recorded even where a portal calls it.
    pub inline_in_tier1: bool,
    /// Natively `#[cold]`: rarely called.
    pub cold: bool,
}

impl Traits {
    /// None of them.
    pub const NONE: Traits =
        Traits { portal: false, elidable: false, unroll: false, inline_in_tier1: false, cold: false };
}

/// A function that later tiers have their own code for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// None.
    #[default]
    Ordinary,
    /// Allocates an object.
    Allocate,
    /// The write barrier.
    Barrier,
    /// Makes the box of a double, a tagged word or an object. Its last arguments are the double, and how it is boxed: bias, rotation, mask, tag, header; see
    /// [`BoxDesc`](tailor_compiler::ir::BoxDesc). It answers 0 if there is no memory.
    Box,
    /// Whether its argument is a box that the unit itself has made, so that its double can be had for nothing: false elsewhere.
    IsBoxed,
    /// The double in its argument, which is a box.
    Unbox,
    /// Leaves a guest frame: its first parameter is the frame, the others are what is handed to the caller; it answers the caller's state. It has a body, which is never recorded elsewhere,
    /// so that compilers see the call. It reads the words below the frame only (the link): those of the frame itself are dead when it is called.
    Leave,
}

/// What memory a residual function may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    /// Any.
    All,
    /// These locations only: owner and field as in [`Memory`](crate::tape::Memory).
    Only(&'static [(&'static str, &'static str)]),
}

/// What a residual function declares that it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effects {
    /// Memory it may read.
    pub reads: Touches,
    /// Memory it may write.
    pub writes: Touches,
    /// Whether a collection may happen in it.
    pub collects: bool,
    /// Whether it may run a portal.
    pub reenters: bool,
    /// Whether it may panic.
    pub panics: bool,
}

impl Effects {
    /// Everything: what is assumed of a function that declares nothing.
    pub const ANY: Effects =
        Effects { reads: Touches::All, writes: Touches::All, collects: true, reenters: true, panics: true };
    /// Nothing.
    pub const NONE: Effects = Effects {
        reads: Touches::Only(&[]),
        writes: Touches::Only(&[]),
        collects: false,
        reenters: false,
        panics: false,
    };
}

/// What a function looks like from outside.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Its name, with the arguments of its type parameters, for people.
    pub name: &'static str,
    /// Where it stands in the source.
    pub location: &'static Location<'static>,
    /// Names of its parameters.
    pub parameter_names: &'static [&'static str],
    /// Shapes of its parameters.
    pub parameters: &'static [&'static Shape],
    /// Shape of its result.
    pub result: &'static Shape,
}

/// One instance of an annotated function. Made by the macros' expansion, as a `static` or through [`JitFunction::instance`].
pub struct JitFunction {
    /// What it looks like from outside.
    pub signature: Signature,
    /// Records its body; `None` if it is residual.
    pub builder: Option<Builder>,
    /// Its native reading.
    pub native: Trampoline,
    /// The same for machine code; `None` if it has too many arguments, or is not called from there often enough to matter.
    pub direct: Option<Direct>,
    /// What it is to the compilers.
    pub traits: Traits,
    /// Whether its body is recorded where it is called; see [`Tape::call`].
    pub inline: bool,
    /// What it declares to do, if it is residual.
    pub effects: Effects,
    /// What later tiers know of it.
    pub role: Role,
    /// Its jitcode, once it has been asked for.
    code: OnceLock<Code>,
}

impl JitFunction {
    /// A function with a body.
    pub const fn new(signature: Signature, builder: Builder, native: Trampoline, traits: Traits) -> JitFunction {
        JitFunction {
            signature,
            builder: Some(builder),
            native,
            direct: None,
            traits,
            inline: traits.inline_in_tier1,
            effects: Effects::NONE,
            role: Role::Ordinary,
            code: OnceLock::new(),
        }
    }

    /// The same, being recorded where it is called: what is natively `#[inline(always)]`.
    pub const fn inlined(mut self) -> JitFunction {
        self.inline = true;
        self
    }

    /// The same, with the role [`Role::Leave`].
    ///
    /// # Panics
    /// Its first parameter is no frame, that is, not one address; or one of the others has more than one word.
    pub const fn leaving(mut self) -> JitFunction {
        let parameters = self.signature.parameters;
        assert!(
            !parameters.is_empty() && parameters[0].is_address(),
            "the first parameter of a function that leaves guest frames is the frame: one address"
        );
        let mut i = 1;
        while i < parameters.len() {
            assert!(
                parameters[i].leaf_count() <= 1,
                "what a function that leaves guest frames hands on is at most one word a parameter"
            );
            i += 1;
        }
        self.role = Role::Leave;
        self.inline = false;
        self
    }

    /// A function of which the compilers know its effects only.
    pub const fn residual(
        signature: Signature,
        native: Trampoline,
        traits: Traits,
        effects: Effects,
        role: Role,
    ) -> JitFunction {
        JitFunction {
            signature,
            builder: None,
            native,
            direct: None,
            traits,
            inline: false,
            effects,
            role,
            code: OnceLock::new(),
        }
    }

    /// The same, being called from machine code by `direct`, unless it has more arguments than that passes.
    pub const fn called_directly(mut self, direct: Direct) -> JitFunction {
        if words_of(self.signature.parameters) <= DIRECT {
            self.direct = Some(direct);
        }
        self
    }

    /// The instance of a generic function that `template` describes; made at the first request. Instances are told apart by their functions' addresses, name, and types of leaves:
    /// rustc may merge functions whose machine code is equal, but those of different leaves are different on the tape.
    pub fn instance(template: JitFunction) -> &'static JitFunction {
        static INSTANCES: Mutex<Option<HashMap<InstanceKey, &'static JitFunction>>> = Mutex::new(None);
        let Signature { name, parameters, result, .. } = template.signature;
        let mut leaves = Vec::new();
        parameters.iter().for_each(|shape| shape.leaf_types(&mut leaves));
        result.leaf_types(&mut leaves);
        let key = (template.builder.map_or(0, |builder| builder as usize), template.native as usize, name, leaves);
        let mut instances = INSTANCES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let instances = instances.get_or_insert_default();
        instances.entry(key).or_insert_with(|| Box::leak(Box::new(template)))
    }

    /// Its jitcode, built at the first request.
    ///
    /// # Panics
    /// It is residual.
    pub fn code(&'static self) -> &'static Code {
        self.code.get_or_init(|| Code::build(self))
    }

    /// Whether its jitcode has been built.
    pub fn is_built(&self) -> bool {
        self.code.get().is_some()
    }

    /// Whether it is opaque.
    pub fn is_residual(&self) -> bool {
        self.builder.is_none()
    }

    /// How many words its arguments are.
    pub fn argument_words(&self) -> usize {
        words_of(self.signature.parameters)
    }
}

/// How many words values of these shapes are.
const fn words_of(shapes: &[&Shape]) -> usize {
    let (mut words, mut i) = (0, 0);
    while i < shapes.len() {
        words += shapes[i].leaf_count();
        i += 1;
    }
    words
}

/// Builder, trampoline, name, leaves of the signature.
type InstanceKey = (usize, usize, &'static str, Vec<Type>);

impl fmt::Debug for JitFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JitFunction").field(&self.signature.name).finish()
    }
}

impl PartialEq for JitFunction {
    fn eq(&self, other: &JitFunction) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for JitFunction {}

impl std::hash::Hash for JitFunction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self).hash(state);
    }
}
