//! Descriptors: what memory accesses, calls and allocations mean. They are interned, so that equal descriptors have equal numbers and can
//! be compared by them. The tables live as long as the compiler; units refer to them by number.

use rustc_hash::FxHashMap;

use super::{BoxDesc, Type};

/// A set of memory locations that no access of another class touches. The front end numbers them; at most [`AliasClass::COUNT`] exist, and who
/// needs more lets several share a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AliasClass(pub u8);

impl AliasClass {
    /// Numbers are below this.
    pub const COUNT: usize = 64;
}

/// A set of alias classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AliasSet(pub u64);

impl AliasSet {
    /// No memory.
    pub const NONE: AliasSet = AliasSet(0);
    /// All memory.
    pub const ALL: AliasSet = AliasSet(u64::MAX);

    /// Whether it contains `class`.
    pub fn contains(self, class: AliasClass) -> bool {
        self.0 >> class.0 & 1 == 1
    }

    /// With `class`.
    pub fn with(self, class: AliasClass) -> AliasSet {
        AliasSet(self.0 | 1 << class.0)
    }
}

/// How many bytes an access touches, and how a narrow integer is extended to a word when loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Width {
    /// One byte, sign-extended.
    I8,
    /// One byte, zero-extended.
    U8,
    /// Two bytes, sign-extended.
    I16,
    /// Two bytes, zero-extended.
    U16,
    /// Four bytes, sign-extended.
    I32,
    /// Four bytes, zero-extended.
    U32,
    /// A word.
    I64,
    /// A double.
    F64,
    /// An address.
    Ref,
}

impl Width {
    /// All widths, in order.
    pub const ALL: [Width; 9] =
        [Width::I8, Width::U8, Width::I16, Width::U16, Width::I32, Width::U32, Width::I64, Width::F64, Width::Ref];

    /// Bytes touched.
    pub fn bytes(self) -> u32 {
        match self {
            Width::I8 | Width::U8 => 1,
            Width::I16 | Width::U16 => 2,
            Width::I32 | Width::U32 => 4,
            Width::I64 | Width::F64 | Width::Ref => 8,
        }
    }

    /// The type of the value.
    pub fn ty(self) -> Type {
        match self {
            Width::F64 => Type::Float,
            Width::Ref => Type::Ref,
            _ => Type::Int,
        }
    }
}

/// What kind of place a location is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MemKind {
    /// A field of an object: no index.
    Field,
    /// An element of an array: with an index, or at a constant offset.
    Element,
    /// A slot of the guest stack: bases are related by constants.
    Stack,
}

/// What an access touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemDesc {
    /// Its alias class.
    pub class: AliasClass,
    /// The kind of place.
    pub kind: MemKind,
    /// Bytes and extension.
    pub width: Width,
    /// Written at most once, before a unit can read it.
    pub immutable: bool,
    /// Bytes from the base.
    pub offset: i32,
    /// Bytes per unit of the index: 1, 2, 4 or 8; 0 if there is no index.
    pub scale: u8,
}

/// What is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AllocDesc {
    /// Bytes in all, a multiple of 8, the header included.
    pub size: u32,
    /// The first word of a new object.
    pub header: u64,
}

/// What a call does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallDesc {
    /// For people.
    pub name: String,
    /// The function, `extern "C"`.
    pub address: usize,
    /// Types of its arguments.
    pub arguments: Vec<Type>,
    /// Type of its result.
    pub result: Type,
    /// What it may read.
    pub reads: AliasSet,
    /// What it may write.
    pub writes: AliasSet,
    /// May a collection happen in it: then addresses held in virtual objects' stead do not survive it, and pending initialisations must be done.
    pub collects: bool,
    /// A function of its arguments and of immutable memory: calls with equal arguments may be shared, unused ones dropped.
    pub elidable: bool,
}

/// An entry of a unit that other units call or continue in. What code stands behind it is bound later, and can change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryDesc {
    /// For people; entries of the same name and types are the same.
    pub name: String,
    /// Types of its arguments.
    pub arguments: Vec<Type>,
    /// Type of the value that the unit returns, `Void` if none: callers by `CallUnit` receive it.
    pub result: Type,
    /// Words of the guest stack that are passed as the last arguments: their offsets from the first Ref argument, which comes before them. See rule 15 of
    /// [`crate::ir`].
    pub stack_arguments: Vec<i32>,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u16);
    )*};
}

ids! {
    /// Number of a [`MemDesc`].
    MemId
    /// Number of an [`AllocDesc`].
    AllocId
    /// Number of a [`BoxDesc`].
    BoxId
    /// Number of a [`CallDesc`].
    CallId
    /// Number of an [`EntryDesc`].
    EntryId
}

/// One interned table.
#[derive(Clone, Debug)]
struct Table<T> {
    entries: Vec<T>,
    numbers: FxHashMap<T, u16>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { entries: Vec::new(), numbers: FxHashMap::default() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Table<T> {
    fn intern(&mut self, entry: T) -> Option<u16> {
        if let Some(&number) = self.numbers.get(&entry) {
            return Some(number);
        }
        let number = u16::try_from(self.entries.len()).ok()?;
        self.entries.push(entry.clone());
        self.numbers.insert(entry, number);
        Some(number)
    }
}

/// All descriptors.
#[derive(Clone, Debug, Default)]
pub struct Descriptors {
    mems: Table<MemDesc>,
    allocs: Table<AllocDesc>,
    boxings: Table<BoxDesc>,
    calls: Table<CallDesc>,
    entries: Table<EntryDesc>,
}

macro_rules! tables {
    ($($intern:ident $get:ident $count:ident $table:ident $id:ident $entry:ident)*) => {$(
        /// The number of a descriptor; `None` if there are 65,536 others already.
        pub fn $intern(&mut self, entry: $entry) -> Option<$id> {
            self.$table.intern(entry).map($id)
        }

        /// The descriptor with this number.
        pub fn $get(&self, id: $id) -> &$entry {
            &self.$table.entries[usize::from(id.0)]
        }

        /// How many of these descriptors there are; their numbers are below it.
        pub fn $count(&self) -> usize {
            self.$table.entries.len()
        }
    )*};
}

impl Descriptors {
    tables! {
        intern_mem mem mem_count mems MemId MemDesc
        intern_alloc alloc alloc_count allocs AllocId AllocDesc
        intern_boxing boxing boxing_count boxings BoxId BoxDesc
        intern_call call call_count calls CallId CallDesc
        intern_entry entry entry_count entries EntryId EntryDesc
    }
}
