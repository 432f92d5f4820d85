//! The resolver of parallel moves: whatever the moves, the targets have in the end what the sources had at first.

use std::collections::HashMap;

use super::super::moves::{Resolver, Step};
use super::super::target::{Loc, Reg};
use crate::random::Rng;

#[test]
fn targets_get_what_sources_had() {
    let mut rng = Rng::new(1);
    let mut resolver = Resolver::default();
    let place = |number: usize| match number {
        0..6 => Loc::reg(Reg(number as u8)),
        6..9 => Loc::reg(Reg(26 + number as u8)),
        9..13 => Loc::slot(number as u16),
        _ => Loc::argument(number as u16),
    };
    let mut cycles = 0;
    for _ in 0..20_000 {
        let mut targets: Vec<usize> = (0..16).collect();
        for at in 0..16 {
            targets.swap(at, rng.below(16));
        }
        targets.truncate(rng.below(12));
        let moves: Vec<(Loc, Loc)> = targets
            .iter()
            .map(|&to| (place(to), if rng.chance(10) { Loc::CONSTANT } else { place(rng.below(16)) }))
            .collect();
        let before = |loc: Loc| if loc == Loc::CONSTANT { "constant".into() } else { format!("old {loc:?}") };
        let mut state: HashMap<Loc, String> = (0..16).map(|number| (place(number), before(place(number)))).collect();
        let mut aside = None;
        let read = |state: &HashMap<Loc, String>, loc: Loc| {
            if loc == Loc::CONSTANT { before(loc) } else { state[&loc].clone() }
        };
        for step in resolver.resolve(&moves) {
            match *step {
                Step::Move(number) => {
                    if moves[number].1 == Loc::CONSTANT {
                        assert_eq!(aside, None, "constants may need what puts things aside");
                    }
                    let word = read(&state, moves[number].1);
                    state.insert(moves[number].0, word);
                }
                Step::Aside(loc) => {
                    assert_eq!(aside.replace(state[&loc].clone()), None, "one thing at a time");
                    cycles += 1;
                }
                Step::FromAside(number) => {
                    state.insert(moves[number].0, aside.take().expect("something is aside"));
                }
            }
        }
        assert_eq!(aside, None);
        for number in 0..16 {
            let loc = place(number);
            let wanted = moves.iter().find(|(to, _)| *to == loc).map_or(before(loc), |&(_, from)| before(from));
            assert_eq!(state[&loc], wanted, "{moves:?}");
        }
    }
    assert!(cycles > 1000, "{cycles} cycles");
}
