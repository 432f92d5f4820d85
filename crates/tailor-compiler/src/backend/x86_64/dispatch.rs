//! Dispatch: from a piece to one whose point is known only when it runs.
//!
//! What names the point are words in the registers of the convention, behind the root. They are looked up in a table of a fixed size in which each point has one place ([`Table`]); the
//! code for that is a dozen instructions. What is not found there is handed out.

use super::assembler::{Assembler, Cc, Goal, Mem, Rm, narrow, wide};
use super::emit::{PIECE_SLOTS, argument_word, frame_bytes};
use super::registers::{ENTRY_GENERAL, RAX, RBX, RCX, RSP, SCRATCH};

/// Places of a table, a power of two.
const PLACES: usize = 1 << 12;

/// The most words that name a point: one more would be in the anchor's register.
pub const MOST_WORDS: usize = 4;

/// Where pieces are, by the words that name their points: a cache, in which each point has two places, one beside the other, and points displace each other.
#[derive(Debug)]
pub struct Table {
    words: Box<[u64]>,
    /// How many words name a point.
    names: usize,
}

impl Table {
    /// An empty table of points that are named by so many words; `None` if these are too many, or none.
    pub fn new(names: usize) -> Option<Table> {
        if !(1..=MOST_WORDS).contains(&names) {
            return None;
        }
        // No point is named by words that are all ones: the last is a small number or an aligned address.
        Some(Table { words: vec![u64::MAX; PLACES * (names + 1).next_power_of_two()].into(), names })
    }

    /// Words of a place.
    fn size(&self) -> usize {
        (self.names + 1).next_power_of_two()
    }

    fn place(&self, names: &[u64]) -> usize {
        let (last, others) = names.split_last().expect("a point has a name");
        let sum = others.iter().fold(last.wrapping_mul(u64::from(SPREAD)), |sum, &word| sum.wrapping_add(word));
        (sum.wrapping_mul(u64::from(MIX)) >> HIGH) as usize % PLACES * self.size()
    }

    /// Says where the piece of a point is: its address. What has been in the way the longest may be forgotten.
    pub fn set(&mut self, names: &[u64], address: u64) {
        debug_assert_eq!(names.len(), self.names);
        let first = self.place(names);
        let second = first ^ self.size();
        let is = |place: usize, what: &[u64]| self.words[place..][..what.len()] == *what;
        let place = if is(first, names) || is(first, &[u64::MAX]) {
            first
        } else if is(second, names) || is(second, &[u64::MAX]) {
            second
        } else {
            self.words.copy_within(first..first + self.names + 1, second);
            first
        };
        self.words[place..][..self.names].copy_from_slice(names);
        self.words[place + self.names] = address;
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.words.fill(u64::MAX);
    }
}

/// What the last word is multiplied by before the others are added.
const SPREAD: u8 = 105;

/// What the sum is multiplied by: 2^31 divided by the golden ratio (Knuth's multiplicative hashing).
const MIX: u32 = 0x4f1b_bcdd;

/// The bits from here on are taken.
const HIGH: u32 = 20;

/// The code that looks a point up in a table, and goes there; if it is not there, it returns this word, the root and the names. The table stays where it is.
pub fn dispatcher(asm: &mut Assembler, table: &Table, what: u64) {
    let names = &ENTRY_GENERAL[1..=table.names];
    let (last, others) = (names[table.names - 1], &names[..table.names - 1]);
    asm.encode(wide(0x6b), RAX.0, Rm::Reg(last), 1);
    asm.put(u64::from(SPREAD), 1);
    for &other in others {
        asm.group1_rm(0, RAX, other);
    }
    asm.encode(wide(0x69), RAX.0, Rm::Reg(RAX), 4);
    asm.put(u64::from(MIX), 4);
    let bytes = table.size() * 8;
    asm.encode(wide(0xc1), 5, Rm::Reg(RAX), 1);
    asm.put(u64::from(HIGH - bytes.trailing_zeros()), 1);
    asm.encode(narrow(0x81), 4, Rm::Reg(RAX), 4);
    asm.put(((PLACES - 1) * bytes) as u64, 4);
    asm.constant(SCRATCH, table.words.as_ptr() as u64);
    for second in [false, true] {
        if second {
            asm.encode(narrow(0x81), 6, Rm::Reg(RAX), 4);
            asm.put(bytes as u64, 4);
        }
        let place = |at: usize| Mem::At { base: Some(SCRATCH), index: Some((RAX, 0)), displacement: 8 * at as i32 };
        let mut misses = Vec::new();
        for (at, &name) in names.iter().enumerate().rev() {
            asm.group1_rm(7, name, place(at));
            misses.push(asm.jcc_short(Cc::Ne));
        }
        asm.encode(narrow(0xff), 4, Rm::Mem(place(table.names)), 0);
        misses.into_iter().for_each(|miss| asm.land(miss));
    }
    asm.constant(RAX, what);
    for (at, &register) in std::iter::once(&RBX).chain(names).enumerate() {
        asm.store(argument_word(at as u16), register);
    }
    asm.constant(RCX, table.names as u64 + 2);
    asm.group1(0, RSP, frame_bytes(PIECE_SLOTS) as i32);
    asm.put(0xc3, 1);
    debug_assert!(asm.fixups.iter().all(|fixup| matches!(fixup.goal, Goal::Arena(_))));
}
