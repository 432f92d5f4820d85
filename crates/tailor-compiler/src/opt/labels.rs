//! What is returned beside an optimised unit: the states of the labels of peeled loops, for who wants to enter them from elsewhere.
//!
//! A bridge that leads back into a loop may go to the loop's own label (its first iteration then tests everything anew), or, if what it has fits the state of the inner label,
//! directly there: it passes what the state's parameters stand for.

use super::peel::{Address, Key, Member, Shape};
use super::walk::Walk;
use crate::ir::{AllocId, LabelId, MemId, Ref, Type};

/// What a place holds at a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// The label's parameter of this number.
    Parameter(usize),
    /// Always this: a constant, or a value that was computed before the loop.
    Value(Ref),
    /// The virtual object with this number in [`LabelState::objects`].
    Virtual(usize),
    /// Something that the loop does not look at.
    Unused,
}

/// A virtual object at a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualShape {
    /// What it is.
    pub alloc: AllocId,
    /// Its fields.
    pub fields: Vec<(MemId, Holding)>,
}

/// A location of memory the contents of which are carried round the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedLocation {
    /// What is accessed.
    pub mem: MemId,
    /// The base: a constant, or a value that was computed before the loop.
    pub base: Ref,
    /// The index, likewise, or [`Ref::NONE`].
    pub index: Ref,
    /// What is in it.
    pub holding: Holding,
    /// Whether memory does not have it: the loop's exits store it.
    pub pending: bool,
}

/// The state that a loop's label expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelState {
    /// The loop's label in the source unit, and in the output if its first iteration can be entered separately.
    pub source: LabelId,
    /// The label of the loop proper in the output.
    pub label: LabelId,
    /// The types of its parameters.
    pub parameters: Vec<Type>,
    /// What each parameter of the source's label holds.
    pub arguments: Vec<Holding>,
    /// Virtual objects.
    pub objects: Vec<VirtualShape>,
    /// Memory.
    pub locations: Vec<CarriedLocation>,
}

impl LabelState {
    /// Calls `change` with every holding.
    pub(super) fn for_each_holding(&mut self, mut change: impl FnMut(&mut Holding)) {
        self.arguments.iter_mut().for_each(&mut change);
        self.objects.iter_mut().flat_map(|object| &mut object.fields).for_each(|(_, holding)| change(holding));
        self.locations.iter_mut().for_each(|location| change(&mut location.holding));
    }
}

impl Walk<'_> {
    /// Notes the state of the label that has just been placed for the loop under way.
    pub(super) fn describe_state(&mut self, source: LabelId, label: LabelId) {
        let state = &self.s.state;
        // What has a place in the state is a member of it.
        let number_of = |object: u32| self.s.virtuals.objects[object as usize].member.unwrap_or(0) as usize;
        let holding = |shape: Shape| match shape {
            Shape::Same(value) => Holding::Value(value),
            Shape::Parameter(number) => Holding::Parameter(number as usize),
            Shape::Virtual(object) => Holding::Virtual(number_of(object)),
        };
        let object = |member: &Member| VirtualShape {
            alloc: self.s.virtuals.objects[member.object as usize].alloc,
            fields: Vec::with_capacity(member.count as usize),
        };
        let mut described = LabelState {
            source,
            label,
            parameters: state.parameters.iter().map(|parameter| parameter.ty).collect(),
            arguments: Vec::new(),
            objects: state.objects.iter().map(object).collect(),
            locations: Vec::new(),
        };
        for place in &state.places {
            let holding = holding(place.shape);
            match place.key {
                Key::Parameter(_) => described.arguments.push(holding),
                Key::Field(object, _) => {
                    let mem = self.s.virtuals.fields[place.number as usize].mem;
                    described.objects[number_of(object)].fields.push((mem, holding));
                }
                Key::Location(Address { class, .. }) => {
                    let location = &self.s.heap.classes[usize::from(class)][place.number as usize];
                    described.locations.push(CarriedLocation {
                        mem: location.mem,
                        base: location.base,
                        index: location.index,
                        holding,
                        pending: place.dirty,
                    });
                }
                Key::Object(_) | Key::Memory | Key::Validity => {}
            }
        }
        self.s.labels.push(described);
    }
}
