//! Locations: what is known of each point of the guest program that was asked about.
//!
//! Entering a unit takes not much longer than a call does, so finding its location must not either: [`Locations::recall`] remembers which one was the last with a hash, and compares the greens in place.

use std::rc::Rc;

use rustc_hash::FxHashMap;
use tailor_compiler::exit::Code;
use tailor_compiler::ir::{Descriptors, EntryDesc, EntryId, Type};
use tailor_compiler::opt::LoopEntry;
use tailor_jitcode::handle::ALIGNMENT;

use super::profit::Profit;

/// Number of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocationId(pub u32);

/// A point of the guest program; see [`super`].
#[derive(Debug)]
pub struct Location {
    /// The words of the portal's greens.
    pub greens: Box<[u64]>,
    /// By which units name it.
    pub entry: EntryId,
    /// The words of its frame that its unit is passed in registers, by their offsets; `None` as long as nobody has settled that. See [`Locations::settle`].
    pub passed: Option<Rc<[i32]>>,
    /// Its unit.
    pub code: Option<Rc<Code>>,
    /// How its loop is entered behind the first iteration.
    pub loop_entry: Option<LoopEntry>,
    /// Whether its unit is too short to be entered from the interpreter, other than to see whether it still is; other units call it.
    pub short: bool,
    /// How often its unit has returned to the interpreter since it was last left by an exit.
    pub calm: u32,
    /// Whether entering its unit pays.
    pub profit: Profit,
    /// How often it was asked about while its counter belonged to another location too.
    pub asked: u32,
    /// How often tracing it failed, in a row.
    pub aborts: u32,
    /// How often what was recorded was not compiled, since it returned soon.
    pub brief: u32,
    /// Whether its calls are inlined into traces.
    pub inlined: bool,
    /// How many operations have been recorded in bridges that begin in its calls.
    pub branched: u32,
}

/// How many hashes are told apart when locations are recalled, a power of two.
const RECALLED: usize = 1024;

/// Where a hash's location is remembered.
fn place(hash: u64) -> usize {
    (hash / ALIGNMENT) as usize % RECALLED
}

/// All locations.
#[derive(Debug)]
pub struct Locations {
    list: Vec<Location>,
    numbers: FxHashMap<Box<[u64]>, LocationId>,
    /// By hash of the greens: which location was the last.
    recent: Box<[Option<LocationId>; RECALLED]>,
}

impl Default for Locations {
    fn default() -> Self {
        Locations { list: Vec::new(), numbers: FxHashMap::default(), recent: Box::new([None; RECALLED]) }
    }
}

impl Locations {
    /// The location with these greens, if anything has asked about it.
    pub fn known(&self, greens: &[u64]) -> Option<LocationId> {
        self.numbers.get(greens).copied()
    }

    /// The location with these greens; `None` if there are more than units can name. `result` is what its unit returns.
    pub fn find(&mut self, greens: &[u64], descriptors: &mut Descriptors, result: Type) -> Option<LocationId> {
        if let Some(&id) = self.numbers.get(greens) {
            return Some(id);
        }
        let id = LocationId(self.list.len() as u32);
        let entry = EntryDesc {
            name: format!("location{}", id.0),
            arguments: vec![Type::Ref],
            result,
            stack_arguments: Vec::new(),
        };
        let entry = descriptors.intern_entry(entry)?;
        let greens: Box<[u64]> = greens.into();
        self.numbers.insert(greens.clone(), id);
        self.list.push(Location {
            greens,
            entry,
            passed: None,
            code: None,
            loop_entry: None,
            short: false,
            calm: 0,
            profit: Profit::default(),
            asked: 0,
            aborts: 0,
            brief: 0,
            inlined: true,
            branched: 0,
        });
        Some(id)
    }

    /// The location with the greens of this state, which are its words numbered `greens`, if it is the last that was remembered with this hash.
    pub fn recall(&self, hash: u64, state: &[u64], greens: &[usize]) -> Option<LocationId> {
        let id = self.recent[place(hash)]?;
        let known = &self[id].greens;
        greens.iter().zip(known).all(|(&at, &word)| state[at] == word).then_some(id)
    }

    /// Remembers a location for [`Locations::recall`].
    pub fn remember(&mut self, hash: u64, id: LocationId) {
        self.recent[place(hash)] = Some(id);
    }

    /// Settles which words of its frame a location's unit is passed, unless that has been done: before the unit, or one that calls it, is compiled.
    ///
    /// It does not matter to what the unit does: whoever enters it has, or loads, these words, and the unit stores them at its beginning, in effect. So they should be those that callers have just computed.
    pub fn settle(&mut self, id: LocationId, offsets: &[i32], descriptors: &mut Descriptors) {
        let location = &mut self.list[id.0 as usize];
        if location.passed.is_some() {
            return;
        }
        let EntryDesc { name, mut arguments, result, .. } = descriptors.entry(location.entry).clone();
        arguments.extend(offsets.iter().map(|_| Type::Int));
        let desc = EntryDesc { name, arguments, result, stack_arguments: offsets.into() };
        // If there are too many entries, there is the one that passes none.
        let (entry, offsets) = match descriptors.intern_entry(desc) {
            Some(entry) => (entry, offsets),
            None => (location.entry, &[][..]),
        };
        (location.entry, location.passed) = (entry, Some(offsets.into()));
    }

    /// The words of its frame that a location's unit is passed.
    pub fn passed(&self, id: LocationId) -> &[i32] {
        self[id].passed.as_deref().unwrap_or_default()
    }

    /// The location with this number.
    pub fn numbered(&self, number: u64) -> Option<LocationId> {
        u32::try_from(number).ok().filter(|&number| (number as usize) < self.list.len()).map(LocationId)
    }

    /// The location whose entry this is.
    pub fn of_entry(&self, entry: EntryId) -> Option<LocationId> {
        self.list.iter().position(|location| location.entry == entry).map(|at| LocationId(at as u32))
    }

    /// The location that has this code.
    pub fn of_code(&self, code: &Rc<Code>) -> Option<LocationId> {
        let has = |location: &Location| location.code.as_ref().is_some_and(|own| Rc::ptr_eq(own, code));
        self.list.iter().position(has).map(|at| LocationId(at as u32))
    }
}

impl std::ops::Index<LocationId> for Locations {
    type Output = Location;
    fn index(&self, id: LocationId) -> &Location {
        &self.list[id.0 as usize]
    }
}

impl std::ops::IndexMut<LocationId> for Locations {
    fn index_mut(&mut self, id: LocationId) -> &mut Location {
        &mut self.list[id.0 as usize]
    }
}

#[cfg(test)]
mod tests {
    use tailor_compiler::ir::{Descriptors, Type};

    use super::Locations;

    #[test]
    fn locations_with_one_hash_are_told_apart() {
        let (mut locations, mut descriptors) = (Locations::default(), Descriptors::default());
        let first = locations.find(&[7, 8], &mut descriptors, Type::Ref).unwrap();
        let second = locations.find(&[7, 9], &mut descriptors, Type::Ref).unwrap();
        // The state has another word between the greens.
        let (here, there) = ([7, 0, 8], [7, 0, 9]);
        assert_eq!(locations.recall(5, &here, &[0, 2]), None);
        locations.remember(5, first);
        assert_eq!(locations.recall(5, &here, &[0, 2]), Some(first));
        assert_eq!(locations.recall(5, &there, &[0, 2]), None);
        locations.remember(5, second);
        assert_eq!(locations.recall(5, &here, &[0, 2]), None);
        assert_eq!(locations.recall(5, &there, &[0, 2]), Some(second));
    }
}
