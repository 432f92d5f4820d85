//! Pieces: chunks and how they are linked, sites, hatches, counters; finding pieces by names.

use std::cell::Cell;

use super::Fixture;
use crate::backend::Left;
use crate::backend::native::Table;
use crate::backend::pieces::{Chunk, Link};
use crate::ir::OpCode;

/// The first word of the frame, and what pieces go on in.
const DECLARED: &str = "unit {
  mem m0 = stack class=0 offset=0 i64
  entry goal = (ref)
}";

/// Adds `number` to the first word of the frame, and goes on in the goal.
fn adding(number: i64) -> String {
    format!(
        "
{DECLARED}
entry(%f: ref):
  %a = load.m0 %f
  %b = add %a, {number}
  store.m0 %f, %b
  jump_unit.goal(%f)"
    )
}

/// Hands out the first word of the frame and a number.
fn returning(number: i64) -> String {
    format!(
        "
unit {{
  mem m0 = stack class=0 offset=0 i64
}}
entry(%f: ref):
  %a = load.m0 %f
  return({number}, %a)"
    )
}

/// Leaves unless the first word of the frame is below a limit.
fn guarding(limit: i64) -> String {
    format!(
        "
{DECLARED}
entry(%f: ref):
  %a = load.m0 %f
  %c = lt %a, {limit}
  guard_true %c [ 0@0 {{ %f }} ]
  %b = add %a, 1
  store.m0 %f, %b
  jump_unit.goal(%f)"
    )
}

impl Fixture {
    /// Appends a piece that goes on in this goal, and whose site has its number; where it begins.
    fn piece(&mut self, chunk: &mut Chunk, text: &str, goal: u32) -> u32 {
        let mut unit = self.parse(text);
        unit.ops.iter_mut().filter(|op| op.code == OpCode::JumpUnit).for_each(|op| op.c = 0);
        let template = self.compiler.compile_piece(&self.machine, &unit, &self.descriptors, 0).unwrap();
        chunk.append(&template, &[], &[goal], [40 + goal, 60 + goal])
    }

    /// Runs a piece in a frame; the words that it hands out, or the site.
    fn run_piece(&self, piece: u32, frame: &mut [u64]) -> Result<Vec<u64>, u32> {
        let root = frame.as_mut_ptr() as u64;
        // SAFETY: the pieces of these tests stay in their frames.
        match unsafe { self.machine.run_piece(piece, root) } {
            Left::Returned(words) => Ok(words.words().collect()),
            Left::Site(site, left) => {
                assert_eq!(left, root);
                Err(site)
            }
        }
    }
}

/// The number of a site.
fn number(sites: &[(u32, u32)], site: u32) -> u32 {
    sites.iter().find(|&&(at, _)| at == site).expect("the site is the chunk's").1
}

#[test]
fn pieces_go_on_in_pieces_of_their_chunk_and_of_others() {
    let mut fixture = Fixture::new();
    let mut chunk = Chunk::default();
    let end = fixture.piece(&mut chunk, &returning(7), 0);
    let first = chunk.place(&fixture.machine).unwrap();
    let end = first.start() + end;
    // In the order 10, 1, 100; executed in the order 1, 10, 100.
    let ten = fixture.piece(&mut chunk, &adding(10), 3);
    let one = fixture.piece(&mut chunk, &adding(1), 2);
    let hundred = fixture.piece(&mut chunk, &adding(100), 4);
    chunk.link(|goal| match goal {
        2 => Link::Here(ten),
        3 => Link::Here(hundred),
        _ => Link::Arena(end),
    });
    let second = chunk.place(&fixture.machine).unwrap();
    for (start, sum) in [(one, 111), (ten, 110), (hundred, 100)] {
        assert_eq!(fixture.run_piece(second.start() + start, &mut [5, 0]), Ok(vec![7, 5 + sum]));
    }
}

#[test]
fn a_piece_falls_into_the_next_one() {
    let sizes = [false, true].map(|falls| {
        let mut fixture = Fixture::new();
        let mut chunk = Chunk::default();
        let one = fixture.piece(&mut chunk, &adding(1), 8);
        assert_eq!(chunk.falls_to(), Some(8));
        if falls {
            chunk.fall();
            assert_eq!(chunk.falls_to(), None);
        }
        let end = fixture.piece(&mut chunk, &returning(3), 0);
        assert_eq!(chunk.falls_to(), None);
        chunk.link(|_| Link::Here(end));
        let placed = chunk.place(&fixture.machine).unwrap();
        assert_eq!(fixture.run_piece(placed.start() + one, &mut [5, 0]), Ok(vec![3, 6]));
        placed.size()
    });
    assert_eq!(sizes[0], sizes[1] + 5, "the jump is not there");
}

#[test]
fn pieces_are_left_at_their_sites() {
    let mut fixture = Fixture::new();
    let mut chunk = Chunk::default();
    let low = fixture.piece(&mut chunk, &guarding(10), 1);
    let high = fixture.piece(&mut chunk, &guarding(20), 2);
    let end = fixture.piece(&mut chunk, &returning(3), 0);
    chunk.link(|goal| Link::Here(if goal == 1 { high } else { end }));
    let placed = chunk.place(&fixture.machine).unwrap();
    let ended = |word: u64| {
        let left = fixture.run_piece(placed.start() + low, &mut [word, 0]);
        left.map_err(|site| number(placed.sites(), site))
    };
    assert_eq!(ended(0), Ok(vec![3, 2]));
    assert_eq!(ended(10), Err(41));
    assert_eq!(ended(9), Ok(vec![3, 11]));
    let later = |word: u64| {
        let left = fixture.run_piece(placed.start() + high, &mut [word, 0]);
        left.map_err(|site| number(placed.sites(), site))
    };
    assert_eq!(later(19), Ok(vec![3, 20]));
    assert_eq!(later(20), Err(42));
}

/// Jumps of any distance: a short block and one with so many additions between a branch and its label, guards on both sides, and two ways to one goal.
fn branching(additions: usize) -> String {
    let more = |from: &str| {
        let added = (0..additions).map(|at| {
            let before = if at == 0 { from.to_owned() } else { format!("%{}{}", &from[1..], at - 1) };
            format!("  %{}{at} = add {before}, 1000\n", &from[1..])
        });
        let last = if additions == 0 { from.to_owned() } else { format!("%{}{}", &from[1..], additions - 1) };
        (added.collect::<String>(), last)
    };
    let ((long, b), (longer, d)) = (more("%x"), more("%y"));
    format!(
        "
{DECLARED}
entry(%f: ref):
  %a = load.m0 %f
  %c = lt %a, 100
  guard_true %c [ 0@0 {{ %f }} ]
  %e = lt %a, 50
  br_unless %e, M()
  %x = add %a, 1
{long}  %g = eq %a, 7
  guard_false %g [ 0@0 {{ %f }} ]
  store.m0 %f, {b}
  jump_unit.goal(%f)
M():
  %y = add %a, 2
{longer}  %h = eq %a, 77
  br_unless %h, N()
  jump_unit.goal(%f)
N():
  %i = eq %a, 78
  guard_false %i [ 0@0 {{ %f }} ]
  store.m0 %f, {d}
  jump_unit.goal(%f)"
    )
}

#[test]
fn jumps_lead_to_their_goals_however_far() {
    let mut sizes = Vec::new();
    for additions in 0..40 {
        let mut fixture = Fixture::new();
        let mut chunk = Chunk::default();
        let start = fixture.piece(&mut chunk, &branching(additions), 1);
        let size = chunk.size();
        let end = fixture.piece(&mut chunk, &returning(3), 0);
        chunk.link(|_| Link::Here(end));
        let placed = chunk.place(&fixture.machine).unwrap();
        sizes.push(size);
        let sum = 1000 * additions as u64;
        for (word, expected) in [
            (1, Ok(vec![3, 2 + sum])),
            (7, Err(41)),
            (51, Ok(vec![3, 53 + sum])),
            (77, Ok(vec![3, 77])),
            (78, Err(41)),
            (100, Err(41)),
        ] {
            let left = fixture.run_piece(placed.start() + start, &mut [word, 0]);
            assert_eq!(left.map_err(|site| number(placed.sites(), site)), expected, "{word}, {additions} additions");
        }
    }
    let grown: Vec<usize> = sizes.windows(2).map(|sizes| sizes[1] - sizes[0]).collect();
    assert!(grown.iter().any(|&more| more > grown[10]), "no jump becomes long: {sizes:?}");
}

/// What is always handed out alike is told by the site; wide constants and what lies near the anchor are what they are.
#[test]
fn constants_are_what_they_are() {
    let fixture = Fixture::new();
    let anchor = fixture.machine.runtime().context as u64;
    let near = [anchor, anchor.wrapping_add(8), anchor.wrapping_sub(1 << 31), anchor.wrapping_add((1 << 31) - 64)];
    let words = [0, 1, u64::MAX, 1 << 31, 1 << 32, 1 << 40, i64::MIN as u64, 0x1234_5678_9abc_def0, anchor ^ 1 << 33];
    for word in near.into_iter().chain(words) {
        let mut fixture = Fixture::new();
        let mut chunk = Chunk::default();
        let text = |body: &str| {
            let entry = "mem m0 = stack class=0 offset=0 i64\n  mem m1 = stack class=0 offset=8 i64";
            format!("\nunit {{\n  {entry}\n}}\nentry(%f: ref):\n  %a = load.m0 %f\n{body}")
        };
        let number = word as i64;
        let twice =
            format!("  store.m1 %f, {number}\n  %b = add %a, {number}\n  %c = load.m1 %f\n  return(%b, {number}, %c)");
        let [twice, fixed, again] =
            [twice, format!("  return(3, {number})"), format!("  return(3, {number})")].map(|body| {
                let unit = fixture.parse(&text(&body));
                let template =
                    fixture.compiler.compile_piece(&fixture.machine, &unit, &fixture.descriptors, 0).unwrap();
                let start = chunk.append(&template, &[], &[], [1, 2]);
                (start, template.returned().map(<[u64]>::to_vec))
            });
        let placed = chunk.place(&fixture.machine).unwrap();
        let run = |start: u32| fixture.run_piece(placed.start() + start, &mut [5, 0]);
        assert_eq!((run(twice.0), twice.1), (Ok(vec![word.wrapping_add(5), word, word]), None), "{word:x}");
        for (start, words) in [fixed, again] {
            assert_eq!(words, Some(vec![3, word]));
            let site = run(start).unwrap_err();
            assert_eq!(placed.sites().iter().find(|&&(at, _)| at == site).map(|&(_, number)| number), Some(2));
        }
    }
}

#[test]
fn hatches_become_jumps() {
    let mut fixture = Fixture::new();
    let mut chunk = Chunk::default();
    let one = fixture.piece(&mut chunk, &adding(1), 1);
    let hatch = chunk.hatch(&fixture.machine, 77);
    let end = fixture.piece(&mut chunk, &returning(3), 0);
    chunk.link(|_| Link::Here(hatch));
    let placed = chunk.place(&fixture.machine).unwrap();
    let (start, mut frame) = (placed.start(), [5, 0]);
    let left = fixture.run_piece(start + one, &mut frame);
    assert_eq!(left.map_err(|site| number(placed.sites(), site)), Err(77));
    assert_eq!(frame[0], 6, "what came before is done");
    fixture.machine.redirect(start + hatch, start + end);
    assert_eq!(fixture.run_piece(start + one, &mut frame), Ok(vec![3, 7]));
}

#[test]
fn counters_are_counted_down() {
    let mut fixture = Fixture::new();
    let mut chunk = Chunk::default();
    let counter = Cell::new(2_i32);
    let start = chunk.count(&fixture.machine, counter.as_ptr() as u64, 9);
    fixture.piece(&mut chunk, &returning(3), 0);
    let placed = chunk.place(&fixture.machine).unwrap();
    let run = || {
        let left = fixture.run_piece(placed.start() + start, &mut [1, 0]);
        left.map_err(|site| number(placed.sites(), site))
    };
    assert_eq!([run(), run()], [Ok(vec![3, 1]), Ok(vec![3, 1])]);
    assert_eq!(run(), Err(9), "it asks at the third entry");
    assert_eq!(run(), Err(9), "and goes on asking");
    counter.set(1);
    assert_eq!(run(), Ok(vec![3, 1]));
}

/// A piece that goes on at the point with the names that are in its frame, behind the first word.
fn going_on(names: usize) -> String {
    let types = vec!["int"; names].join(", ");
    let memory: String = (1..=names).map(|at| format!("  mem m{at} = stack class=0 offset={} i64\n", 8 * at)).collect();
    let loads: String = (1..=names).map(|at| format!("  %n{at} = load.m{at} %f\n")).collect();
    let passed: Vec<String> = (1..=names).map(|at| format!("%n{at}")).collect();
    let passed = passed.join(", ");
    format!(
        "\nunit {{\n{memory}  entry goal = (ref, {types})\n}}\nentry(%f: ref):\n{loads}  jump_unit.goal(%f, {passed})"
    )
}

/// A fixture with pieces that hand out their numbers, where they are, and one that goes on by names.
fn dispatching(table: &Table, names: usize, count: i64) -> (Fixture, crate::backend::pieces::Placed, Vec<u32>, u32) {
    let mut fixture = Fixture::new();
    let mut chunk = Chunk::default();
    let dispatcher = chunk.dispatcher(table, 6);
    let start = fixture.piece(&mut chunk, &going_on(names), 0);
    let ends: Vec<u32> = (0..count).map(|at| fixture.piece(&mut chunk, &returning(1000 + at), 0)).collect();
    chunk.link(|_| Link::Here(dispatcher));
    let placed = chunk.place(&fixture.machine).unwrap();
    let ends = ends.into_iter().map(|end| placed.start() + end).collect();
    let start = placed.start() + start;
    (fixture, placed, ends, start)
}

#[test]
fn points_are_found_by_all_of_their_names() {
    assert!(Table::new(0).is_none() && Table::new(5).is_none());
    for names in 1..=4 {
        let mut table = Table::new(names).unwrap();
        let (fixture, _placed, ends, start) = dispatching(&table, names, 2);
        let mut frame: Vec<u64> = (0..=names as u64).map(|at| 0x1234_5678_0000 + at * 64).collect();
        let mut missed = vec![6, frame.as_ptr() as u64];
        missed.extend(&frame[1..]);
        assert_eq!(fixture.run_piece(start, &mut frame), Ok(missed), "{names} names");
        table.set(&frame[1..], fixture.machine.address(ends[0]));
        let first = frame[0];
        assert_eq!(fixture.run_piece(start, &mut frame), Ok(vec![1000, first]), "{names} names");
        // Each name counts.
        for at in 1..=names {
            let mut other = frame.clone();
            other[at] ^= 1 << 40;
            let words = fixture.run_piece(start, &mut other).unwrap();
            assert_eq!((words[0], words[1 + at]), (6, other[at]), "name {at} of {names}");
        }
        // What is set anew replaces what was there.
        table.set(&frame[1..], fixture.machine.address(ends[1]));
        assert_eq!(fixture.run_piece(start, &mut frame), Ok(vec![1001, first]), "{names} names");
        table.clear();
        assert_eq!(fixture.run_piece(start, &mut frame).unwrap()[0], 6);
    }
}

/// Three times as many points as the table has places: each is found right or not at all, most places are used, and the last ones are there.
#[test]
fn points_displace_each_other() {
    let (pieces, points) = (50, 12_000_u64);
    let mut table = Table::new(2).unwrap();
    let (fixture, _placed, ends, start) = dispatching(&table, 2, pieces);
    let names = |point: u64| [0x7f00_0000 + point / 100 * 96, point % 100];
    let piece = |point: u64| point % pieces as u64;
    let found = |point: u64| {
        let [method, at] = names(point);
        match fixture.run_piece(start, &mut [0, method, at]).unwrap()[0] {
            6 => None,
            number => Some(number - 1000),
        }
    };
    for point in 0..points {
        table.set(&names(point), fixture.machine.address(ends[piece(point) as usize]));
        assert_eq!(found(point), Some(piece(point)), "what has just been set is there");
    }
    let there = (0..points).filter(|&point| found(point).inspect(|&found| assert_eq!(found, piece(point))).is_some());
    let there = there.count();
    assert!((3000..=4096).contains(&there), "{there} points are found");
}

/// What a site returns to may lie just behind the arena.
#[test]
fn sites_at_the_end_of_the_arena_are_sites() {
    let mut fixture = Fixture::new();
    let mut last = 0;
    // Where the first lie, so that some end where the arena does.
    for small in 0..10 {
        fixture.machine = crate::backend::Machine::new(*fixture.machine.runtime(), 1 << 14).unwrap();
        let mut placed = Vec::new();
        // From 160 bytes, which are 32 hatches and a multiple of what blocks are rounded to, down to what is left.
        for (hatches, most) in std::iter::once((1, small)).chain((1..=32).rev().map(|hatches| (hatches, usize::MAX))) {
            for _ in 0..most {
                let mut chunk = Chunk::default();
                for site in 0..hatches {
                    chunk.hatch(&fixture.machine, site);
                }
                let Ok(there) = chunk.place(&fixture.machine) else { break };
                last = last.max(there.start() + there.size());
                for hatch in 0..hatches {
                    let site = fixture.run_piece(there.start() + 5 * hatch, &mut [0]).unwrap_err();
                    assert_eq!(number(there.sites(), site), hatch);
                }
                placed.push(there);
            }
        }
    }
    assert_eq!(last, 1 << 14, "no site lies at the end");
}
