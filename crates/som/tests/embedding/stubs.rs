//! Control structures compiled in place, when the receiver is not what was expected: they mean what the message means.

use crate::support::Guest;

/// Understands the control messages, and is neither Boolean nor nil.
const ODD: &str = "Odd = (
    ifTrue: a = ( ^ a value )
    ifFalse: a = ( ^ a value )
    ifTrue: a ifFalse: b = ( a value. ^ b value )
    ifFalse: a ifTrue: b = ( a value. ^ b value )
    and: a = ( ^ a value )
    or: a = ( ^ a value )
    || a = ( ^ a value )
    && a = ( ^ a value )
    to: limit do: block = ( block value: limit. ^ #looped )
    to: limit by: step do: block = ( block value: step. ^ #stepped )
    downTo: limit do: block = ( block value: limit. ^ #counted )
    timesRepeat: block = ( block value. block value. ^ #repeated )
    keep: block = ( ^ block )
)";

fn guest() -> Guest {
    Guest::of(&[ODD])
}

#[test]
fn each_control_message_is_really_sent() {
    let mut guest = guest();
    for (code, answer) in [
        ("Odd new ifTrue: [ 1 ]", "1"),
        ("Odd new ifFalse: [ 2 ]", "2"),
        ("Odd new ifTrue: [ 1 ] ifFalse: [ 2 ]", "2"),
        ("Odd new ifFalse: [ 1 ] ifTrue: [ 2 ]", "2"),
        ("Odd new and: [ 3 ]", "3"),
        ("Odd new or: [ 4 ]", "4"),
        ("Odd new && [ 5 ]", "5"),
        ("Odd new || [ 6 ]", "6"),
        ("Odd new to: 7 do: [:i | i ]", "#looped"),
        ("Odd new to: 7 by: 2 do: [:i | i ]", "#stepped"),
        ("Odd new downTo: 7 do: [:i | i ]", "#counted"),
        ("Odd new timesRepeat: [ 1 ]", "#repeated"),
    ] {
        assert_eq!(guest.shown(code), answer, "{code}");
        assert_eq!(guest.shown(&format!("#before. {code}. #after")), "#after", "{code} for effect");
        assert_eq!(guest.shown(&format!("| x | x := {code}. x")), answer, "{code} assigned");
        assert_eq!(guest.shown(&format!("[ {code} ] value")), answer, "{code} in a block");
        assert_eq!(guest.shown(&format!("Array with: ({code})")), "instance of Array", "{code} as argument");
    }
}

#[test]
fn blocks_of_a_stub_see_and_change_the_variables_around_them() {
    let mut guest = guest();
    assert_eq!(guest.shown("| x y | x := 1. y := 10. Odd new ifTrue: [ x := x + y. y := 20 ]. x * 100 + y"), "1120");
    assert_eq!(guest.shown("| x | x := 1. Odd new ifTrue: [ x := 2 ] ifFalse: [ x := x * 10 ]. x"), "20");
    assert_eq!(guest.shown("| sum | sum := 0. Odd new timesRepeat: [ sum := sum + 5 ]. sum"), "10");
    assert_eq!(guest.shown("| x | x := Odd new and: [ x := 3. x + 1 ]. x"), "4");
    assert_eq!(guest.shown("| x | x := 1. [:a | Odd new ifTrue: [ x := x + a. a := 9 ]. x * 10 + a ] value: 5"), "69");
}

#[test]
fn variables_that_closures_captured_are_the_same_inside_a_stub() {
    let mut guest = guest();
    let code =
        "| x add | x := 1. add := [:n | x := x + n ]. Odd new ifTrue: [ add value: 10. x := x * 2 ]. add value: 1. x";
    assert_eq!(guest.shown(code), "23");
}

#[test]
fn a_local_of_an_inner_scope_hides_an_outer_one_in_a_stub() {
    let mut guest = guest();
    let code = "| x | x := 1. true ifTrue: [ | x | x := 50. Odd new ifTrue: [ x := x + 1 ]. x ]";
    assert_eq!(guest.shown(code), "51");
    assert_eq!(guest.shown("| x | x := 1. true ifTrue: [ | x | x := 5. Odd new ifTrue: [ x := 6 ] ]. x"), "1");
}

#[test]
fn a_return_in_a_stubs_block_leaves_the_method() {
    let mut guest = guest();
    guest
        .load(
            "Leaves = (
        early = ( Odd new ifTrue: [ ^ #early ]. ^ #late )
        fromLoop = ( Odd new to: 3 do: [:i | ^ i ]. ^ #late )
        fromBlock = ( #(1 2 3) do: [:each | Odd new and: [ ^ each ] ]. ^ #late )
        both = ( #(1 2) do: [:each | each = 2 ifTrue: [ ^ #inner ] ]. Odd new ifTrue: [ ^ #stub ]. ^ #late )
        after = ( | b | Odd new ifTrue: [ b := 1 ]. ^ b )
        escaping = ( ^ Odd new keep: (Odd new ifTrue: [ [ ^ 1 ] ]) )
        escapedBlock: block = ( ^ #escaped )
    )",
        )
        .expect("it loads");
    for _ in 0..2 {
        assert_eq!(guest.shown("Leaves new early"), "#early");
        assert_eq!(guest.shown("Leaves new fromLoop"), "3");
        assert_eq!(guest.shown("Leaves new fromBlock"), "1");
        assert_eq!(guest.shown("Leaves new both"), "#inner");
        assert_eq!(guest.shown("Leaves new after"), "1");
        assert_eq!(guest.shown("Leaves new escaping value"), "#escaped");
    }
}

#[test]
fn loops_over_doubles_and_big_integers_go_the_long_way() {
    let mut guest = guest();
    assert_eq!(guest.shown("| s | s := 0. 1.5 to: 4 do: [:x | s := s + x ]. s"), "7.5");
    assert_eq!(guest.shown("| s | s := 0. 1 to: 2.5 do: [:x | s := s + x ]. s"), "3");
    let limit = "4611686018427387904";
    assert_eq!(guest.shown(&format!("| n | n := 0. {limit} to: {limit} + 2 do: [:x | n := n + 1 ]. n")), "3");
    let last = "4611686018427387903";
    assert_eq!(guest.shown(&format!("| n | n := 0. {last} - 1 to: {last} do: [:x | n := n + 1 ]. n")), "2");
}

#[test]
fn the_value_of_a_counting_loop_is_its_receiver() {
    let mut guest = guest();
    assert_eq!(guest.shown("1 to: 3 do: [:i | i ]"), "1");
    assert_eq!(guest.shown("3 downTo: 1 do: [:i | i ]"), "3");
    assert_eq!(guest.shown("1 to: 9 by: 2 do: [:i | i ]"), "1");
    assert_eq!(guest.shown("4 timesRepeat: [ 0 ]"), "4");
    assert_eq!(guest.shown("[ false ] whileTrue: [ 0 ]"), "nil");
}

#[test]
fn a_loop_body_may_assign_its_parameter_without_harm_to_the_count() {
    let mut guest = guest();
    assert_eq!(guest.shown("| n | n := 0. 1 to: 4 do: [:i | i := i * 100. n := n + i ]. n"), "1000");
}

#[test]
fn closures_made_in_a_loop_have_each_their_own_variables() {
    let mut guest = guest();
    let code = "| all | all := Array new: 3.
        1 to: 3 do: [:i | | twice | twice := i * 2. all at: i put: [ twice + i ] ].
        ((all at: 1) value * 100) + ((all at: 2) value * 10) + (all at: 3) value";
    assert_eq!(guest.shown(code), "369");
    let code = "| all n | all := Array new: 2. n := 0.
        [ n < 2 ] whileTrue: [ | own | n := n + 1. own := n * 7. all at: n put: [ own ] ].
        (all at: 1) value + (all at: 2) value";
    assert_eq!(guest.shown(code), "21");
}

#[test]
fn a_local_of_a_loop_body_is_nil_in_each_round() {
    let mut guest = guest();
    let code = "| seen | seen := 0. 1 to: 3 do: [:i | | x | x isNil ifTrue: [ seen := seen + 1 ]. x := i ]. seen";
    assert_eq!(guest.shown(code), "3");
}

#[test]
fn a_loop_condition_that_is_no_boolean_is_not_understood() {
    let mut guest = guest();
    for code in ["[ nil ] whileTrue: [ 1 ]", "[ 3 ] whileFalse: [ 1 ]", "[ ] whileTrue: [ 1 ]"] {
        let message = guest.error(code).message;
        assert!(message.contains("not found in class"), "{code}: {message}");
    }
    guest.assert_usable();
}

#[test]
fn nil_has_no_booleans_messages() {
    let mut guest = guest();
    for code in ["nil ifTrue: [ 1 ]", "nil and: [ true ]", "(nil or: [ true ]) ifTrue: [ 1 ]"] {
        assert!(guest.error(code).message.contains("not found in class Nil"), "{code}");
    }
    assert_eq!(guest.shown("nil ifNil: [ 1 ] ifNotNil: [ 2 ]"), "1");
    assert_eq!(guest.shown("3 ifNil: [ 1 ]"), "3");
    assert_eq!(guest.shown("nil ifNotNil: [ 1 ]"), "nil");
}

#[test]
fn conditions_joined_by_and_or_leave_at_the_right_part() {
    let mut guest = guest();
    for (code, answer) in [
        ("(true and: [ false ]) ifTrue: [ 1 ] ifFalse: [ 2 ]", "2"),
        ("(false or: [ true ]) ifTrue: [ 1 ] ifFalse: [ 2 ]", "1"),
        ("(false and: [ 1 / 0 ]) ifTrue: [ 1 ] ifFalse: [ 2 ]", "2"),
        ("(true or: [ 1 / 0 ]) ifTrue: [ 1 ] ifFalse: [ 2 ]", "1"),
        ("((1 < 2 and: [ 2 < 3 ]) or: [ 1 / 0 ]) ifTrue: [ 1 ] ifFalse: [ 2 ]", "1"),
        ("((1 < 2 or: [ 1 / 0 ]) and: [ 3 < 2 ]) ifTrue: [ 1 ] ifFalse: [ 2 ]", "2"),
        ("(Odd new and: [ true ]) ifTrue: [ 1 ] ifFalse: [ 2 ]", "1"),
        ("(Odd new or: [ false ]) ifTrue: [ 1 ] ifFalse: [ 2 ]", "2"),
        ("(true and: [ Odd new ]) ifTrue: [ 1 ] ifFalse: [ 2 ]", "2"),
        ("((Odd new and: [ Odd new ]) or: [ false ]) ifFalse: [ 3 ]", "3"),
    ] {
        assert_eq!(guest.shown(code), answer, "{code}");
    }
}

#[test]
fn restart_begins_the_activation_again_with_its_variables_as_they_are() {
    let mut guest = guest();
    assert_eq!(guest.shown("| n | n := 0. [ n := n + 1. n < 5 ifTrue: [ [ 0 ] restart ]. n ] value"), "5");
    guest
        .load(
            "Again = ( | n | method = ( n isNil ifTrue: [ n := 0 ]. n := n + 1. n < 4 ifTrue: [ [ ] restart ]. ^ n ) )",
        )
        .expect("it loads");
    assert_eq!(guest.shown("Again new method"), "4");
}
