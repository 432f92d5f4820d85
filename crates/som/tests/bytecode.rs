//! What the compiler makes of small methods: exact disassembly.
//!
//! Each test is named for the property that its dump pins down. A change of the compiler that alters a dump is not wrong for
//! that, but it should be meant: compare, and put the new text here.
//!
//! The classes are compiled against the embedded core library, which admits all fast paths. At the end are the dumps that only
//! running code shows: what a send becomes by quickening.

use std::rc::Rc;

use som::bytecode::disassemble;
use som::objects::ClassId;
use som::syntax::Source;
use som::{Config, Execution, Output, Vm};
use tailor_gc::HeapConfig;

fn vm() -> Vm {
    let config = Config {
        class_path: Vec::new(),
        heap: HeapConfig { limit: 64 << 20, ..HeapConfig::default() },
        stack_size: 1 << 20,
        output: Output::captured(),
        execution: Execution::Native,
    };
    Vm::new(config).unwrap_or_else(|e| panic!("the VM starts: {e}"))
}

fn load(vm: &mut Vm, name: &str, text: &str) -> ClassId {
    let source = Rc::new(Source::new(format!("{name}.som"), text));
    vm.load_source(&source, None, Some(name)).unwrap_or_else(|e| panic!("the class loads: {e}"))
}

/// The disassembly of all methods of a class, instance side first.
fn dump(vm: &mut Vm, class: ClassId) -> String {
    let methods: Vec<_> =
        vm.class_info(class).methods.iter().chain(&vm.metaclass_info(class).methods).copied().collect();
    let texts = methods.into_iter().map(|method| {
        vm.make_executable(method).unwrap_or_else(|e| panic!("it compiles: {e}"));
        disassemble(vm, method)
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// A text without the indentation that all of it has, without space at the ends of lines, and without empty lines around it.
fn plain(text: &str) -> String {
    let filled = || text.lines().filter(|line| !line.trim().is_empty());
    let margin = filled().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines: Vec<_> = text.lines().map(|line| line.get(margin..).unwrap_or_default().trim_end()).collect();
    lines.join("\n").trim_matches('\n').to_string()
}

/// Compiles class `T` with the given body and compares.
#[track_caller]
fn check(body: &str, expected: &str) {
    let mut vm = vm();
    let class = load(&mut vm, "T", &format!("T = {body}"));
    let (actual, expected) = (plain(&dump(&mut vm, class)), plain(expected));
    assert!(actual == expected, "expected:\n{expected}\n\nfound:\n{actual}");
}

#[test]
fn a_getter_a_setter_and_constants_need_no_code() {
    check(
        "(
            | field other |
            get = ( ^ other )
            set: x = ( other := x )
            number = ( ^ 42 )
            symbol = ( ^ #here )
            truth = ( ^ true )
        )",
        "
        T>>get
          returns field 1

        T>>set:
          sets field 1

        T>>number
          returns 42

        T>>symbol
          returns #here

        T>>truth
          returns true
        ",
    );
}

/// A parameter hides a field, `self` is no constant, and a global may change.
#[test]
fn what_is_almost_trivial_has_code() {
    check(
        "(
            | field |
            set: x = ( ^ field := x )
            me = ( ^ self )
            global = ( ^ Object )
        )",
        "
        T>>set:
          1 arguments, 0 locals, 9 registers
             0 SetField           r0[0] <- r1
             1 Move               r2 <- r1
             2 Return             r2

        T>>me
          0 arguments, 0 locals, 7 registers
             0 Return             r0

        T>>global
          0 arguments, 0 locals, 8 registers
             0 LoadGlobal         r1 <- global Object
             1 Return             r1
        ",
    );
}

#[test]
fn a_class_side_field_lies_behind_the_slot_that_names_the_class() {
    check(
        "(
            ----
            | count |
            count = ( ^ count )
            next = ( count := count + 1. ^ count )
        )",
        "
        T class>>count
          returns field 1

        T class>>next
          0 arguments, 0 locals, 8 registers
             0 GetField           r1 <- r0[1]
             1 AddImm             r1 <- r1, 1
             2 SetField           r0[1] <- r1
             3 GetField           r1 <- r0[1]
             4 Return             r1
        ",
    );
}

#[test]
fn a_method_without_return_returns_self() {
    check(
        "( empty = ( ) effect = ( self foo ) )",
        "
        T>>empty
          0 arguments, 0 locals, 7 registers
             0 Return             r0

        T>>effect
          0 arguments, 0 locals, 10 registers
             0 Move               r3 <- r0
             1 Send               r1 <- r3 #foo
             2 Return             r0
        ",
    );
}

#[test]
fn locals_follow_arguments_and_assignments_compute_in_place() {
    check(
        "(
            of: a and: b = ( | x y | x := a + b. y := x * x. a := y. ^ y - a )
        )",
        "
        T>>of:and:
          2 arguments, 2 locals, 12 registers
             0 Add                r3 <- r1, r2
             1 Mul                r4 <- r3, r3
             2 Move               r1 <- r4
             3 Sub                r5 <- r4, r1
             4 Return             r5
        ",
    );
}

#[test]
fn a_send_leaves_two_words_below_its_window_for_the_link() {
    check(
        "(
            go: a = ( ^ self at: a foo: 7 )
        )",
        "
        T>>go:
          1 arguments, 0 locals, 13 registers
             0 Move               r4 <- r0
             1 Move               r5 <- r1
             2 LoadInt            r6 <- 7
             3 Send               r2 <- r4 #at:foo:
             4 Return             r2
        ",
    );
}

#[test]
fn arguments_that_are_sends_nest_their_windows() {
    check(
        "(
            go: a = ( ^ a foo: (a bar) with: a baz )
        )",
        "
        T>>go:
          1 arguments, 0 locals, 15 registers
             0 Move               r4 <- r1
             1 Move               r7 <- r1
             2 Send               r5 <- r7 #bar
             3 Move               r8 <- r1
             4 Send               r6 <- r8 #baz
             5 Send               r2 <- r4 #foo:with:
             6 Return             r2
        ",
    );
}

/// Equal literals share an entry; a literal beyond 32 bits is an object of the method.
#[test]
fn integers_literals_and_globals_load_by_their_own_instructions() {
    check(
        "(
            all = ( self a: 7 b: -8 c: 4294967296 d: #sym e: 'text' f: nil g: true h: Object )
        )",
        "
        T>>all
          0 arguments, 0 locals, 18 registers
             0 Move               r3 <- r0
             1 LoadInt            r4 <- 7
             2 LoadInt            r5 <- -8
             3 LoadLiteral        r6 <- 4294967296
             4 LoadLiteral        r7 <- #sym
             5 LoadLiteral        r8 <- 'text'
             6 LoadNil            r9
             7 LoadTrue           r10
             8 LoadGlobal         r11 <- global Object
             9 Send               r1 <- r3 #a:b:c:d:e:f:g:h:
            10 Return             r0
        ",
    );
}

/// 32768 does not fit 16 bits; multiplication has no immediate form.
#[test]
fn small_constants_are_immediate_operands_of_plus_and_minus() {
    check(
        "(
            of: a = ( ^ a + 1 - -3 + 32768 * 2 )
        )",
        "
        T>>of:
          1 arguments, 0 locals, 10 registers
             0 AddImm             r2 <- r1, 1
             1 SubImm             r2 <- r2, -3
             2 LoadInt            r3 <- 32768
             3 Add                r2 <- r2, r3
             4 LoadInt            r3 <- 2
             5 Mul                r2 <- r2, r3
             6 Return             r2
        ",
    );
}

#[test]
fn every_operator_has_its_instruction() {
    check(
        "(
            of: a and: b = (
                a + b. a - b. a * b. a / b. a // b. a % b. a rem: b. a & b. a << b. a >>> b. a bitXor: b.
                a < b. a <= b. a > b. a >= b. a = b. a <> b. a == b. a ~= b.
                a not. a isNil. a notNil. a at: b )
        )",
        "
        T>>of:and:
          2 arguments, 0 locals, 13 registers
             0 Add                r3 <- r1, r2
             1 Sub                r3 <- r1, r2
             2 Mul                r3 <- r1, r2
             3 Div                r3 <- r1, r2
             4 DoubleDiv          r3 <- r1, r2
             5 Mod                r3 <- r1, r2
             6 Rem                r3 <- r1, r2
             7 BitAnd             r3 <- r1, r2
             8 Shl                r3 <- r1, r2
             9 Shr                r3 <- r1, r2
            10 BitXor             r3 <- r1, r2
            11 Lt                 r3 <- r1, r2
            12 Le                 r3 <- r1, r2
            13 Gt                 r3 <- r1, r2
            14 Ge                 r3 <- r1, r2
            15 Eq                 r3 <- r1, r2
            16 Ne                 r3 <- r1, r2
            17 Identical          r3 <- r1, r2
            18 Move               r5 <- r1
            19 Move               r6 <- r2
            20 Send               r3 <- r5 #~=
            21 Not                r3 <- r1
            22 IsNil              r3 <- r1
            23 NotNil             r3 <- r1
            24 At                 r3 <- r1, r2
            25 Return             r0
        ",
    );
}

#[test]
fn an_operand_that_a_later_operand_assigns_is_copied_first() {
    check(
        "(
            of: a = ( ^ a + (a := 5) )
        )",
        "
        T>>of:
          1 arguments, 0 locals, 10 registers
             0 Move               r2 <- r1
             1 LoadInt            r1 <- 5
             2 Move               r3 <- r1
             3 Add                r2 <- r2, r3
             4 Return             r2
        ",
    );
}

#[test]
fn at_put_is_an_instruction_only_where_its_result_is_not_used() {
    check(
        "(
            fill: a = ( a at: 1 put: 2. ^ a at: 3 put: 4 )
        )",
        "
        T>>fill:
          1 arguments, 0 locals, 13 registers
             0 LoadInt            r2 <- 1
             1 LoadInt            r3 <- 2
             2 AtPut              r1, r2, r3
             3 Move               r4 <- r1
             4 LoadInt            r5 <- 3
             5 LoadInt            r6 <- 4
             6 Send               r2 <- r4 #at:put:
             7 Return             r2
        ",
    );
}

#[test]
fn a_comparison_that_decides_a_jump_is_fused_with_it() {
    check(
        "(
            max: a = ( ^ self value < a ifTrue: [ a ] ifFalse: [ 0 ] )
            small: a = ( a >= 10 ifTrue: [ ^ #big ]. ^ #small )
        )",
        "
        T>>max:
          1 arguments, 0 locals, 12 registers
             0 Move               r5 <- r0
             1 Send               r3 <- r5 #value
             2 LtBr               r2 <- r3, r1
             3 JumpIfFalse        r2 -> 6
             4 Move               r2 <- r1
             5 Jump               -> 7
             6 LoadInt            r2 <- 0
             7 Return             r2

        T>>small:
          1 arguments, 0 locals, 10 registers
             0 GeImmBr            r3 <- r1, 10
             1 JumpIfFalse        r3 -> 4
             2 LoadLiteral        r3 <- #big
             3 Return             r3
             4 LoadLiteral        r2 <- #small
             5 Return             r2
        ",
    );
}

#[test]
fn a_condition_that_is_a_variable_is_tested_where_it_is() {
    check(
        "(
            if: a = ( a ifTrue: [ self foo ]. a ifFalse: [ ^ 1 ]. ^ a ifTrue: [ 2 ] )
        )",
        "
        T>>if:
          1 arguments, 0 locals, 12 registers
             0 JumpIfFalse        r1 -> 3
             1 Move               r5 <- r0
             2 Send               r3 <- r5 #foo
             3 JumpIfTrue         r1 -> 6
             4 LoadInt            r3 <- 1
             5 Return             r3
             6 JumpIfFalse        r1 -> 9
             7 LoadInt            r2 <- 2
             8 Jump               -> 10
             9 LoadNil            r2
            10 Return             r2
        ",
    );
}

#[test]
fn and_or_in_a_condition_jump_without_making_a_boolean() {
    check(
        "(
            between: a and: b = ( (self < a or: [ b < self ]) ifTrue: [ ^ false ]. ^ true )
            both: a and: b = ( ^ (a and: [ b > 3 ]) ifTrue: [ 1 ] ifFalse: [ 2 ] )
        )",
        "
        T>>between:and:
          2 arguments, 0 locals, 11 registers
             0 LtBr               r4 <- r0, r1
             1 JumpIfTrue         r4 -> 4
             2 LtBr               r4 <- r2, r0
             3 JumpIfFalse        r4 -> 6
             4 LoadFalse          r4
             5 Return             r4
             6 LoadTrue           r3
             7 Return             r3

        T>>both:and:
          2 arguments, 0 locals, 10 registers
             0 JumpIfFalse        r1 -> 5
             1 GtImmBr            r3 <- r2, 3
             2 JumpIfFalse        r3 -> 5
             3 LoadInt            r3 <- 1
             4 Jump               -> 6
             5 LoadInt            r3 <- 2
             6 Return             r3
        ",
    );
}

#[test]
fn and_or_as_a_value_leave_the_receiver_or_the_blocks_value() {
    check(
        "(
            both: a or: b = ( ^ (a and: [ b ]) or: [ self foo ] )
        )",
        "
        T>>both:or:
          2 arguments, 0 locals, 13 registers
             0 Move               r4 <- r1
             1 JumpIfFalse        r4 -> 3
             2 Move               r4 <- r2
             3 Move               r3 <- r4
             4 JumpIfTrue         r3 -> 7
             5 Move               r6 <- r0
             6 Send               r3 <- r6 #foo
             7 Return             r3
        ",
    );
}

#[test]
fn tests_for_nil_jump_on_nil() {
    check(
        "(
            a: a = ( ^ a ifNil: [ 1 ] )
            b: a = ( ^ a ifNotNil: [ 1 ] )
            c: a = ( ^ a ifNil: [ 1 ] ifNotNil: [ a foo ] )
        )",
        "
        T>>a:
          1 arguments, 0 locals, 9 registers
             0 Move               r2 <- r1
             1 JumpIfNotNil       r2 -> 3
             2 LoadInt            r2 <- 1
             3 Return             r2

        T>>b:
          1 arguments, 0 locals, 9 registers
             0 Move               r2 <- r1
             1 JumpIfNil          r2 -> 3
             2 LoadInt            r2 <- 1
             3 Return             r2

        T>>c:
          1 arguments, 0 locals, 12 registers
             0 Move               r2 <- r1
             1 JumpIfNotNil       r2 -> 4
             2 LoadInt            r2 <- 1
             3 Jump               -> 6
             4 Move               r5 <- r1
             5 Send               r2 <- r5 #foo
             6 Return             r2
        ",
    );
}

#[test]
fn a_while_loop_has_its_condition_at_the_bottom() {
    check(
        "(
            count: n = ( | i | i := 0. [ i < n ] whileTrue: [ i := i + 1 ]. ^ i )
            until: a = ( [ a foo. a isDone ] whileFalse: [ a step ] )
        )",
        "
        T>>count:
          1 arguments, 1 locals, 10 registers
             0 LoadInt            r2 <- 0
             1 Jump               -> 3
             2 AddImm             r2 <- r2, 1
             3 LtBr               r3 <- r2, r1
             4 JumpBackIfTrue     r3 -> 2
             5 Return             r2

        T>>until:
          1 arguments, 0 locals, 12 registers
             0 Jump               -> 3
             1 Move               r4 <- r1
             2 Send               r2 <- r4 #step
             3 Move               r5 <- r1
             4 Send               r3 <- r5 #foo
             5 Move               r5 <- r1
             6 Send               r2 <- r5 #isDone
             7 JumpBackIfFalse    r2 -> 1
             8 Return             r0
        ",
    );
}

#[test]
fn a_counting_loop_keeps_counter_and_limit_in_two_registers() {
    check(
        "(
            up: n = ( 1 to: n do: [:i | self foo: i ] )
            down: n = ( n downTo: 1 do: [:i | self foo: i ] )
            by: n = ( 1 to: n by: 3 do: [:i | self foo: i ] )
            times: n = ( n timesRepeat: [ self foo ] )
        )",
        "
        T>>up:
          1 arguments, 0 locals, 15 registers
             0 LoadInt            r2 <- 1
             1 Move               r3 <- r1
             2 ForPrep            r2 -> 7
             3 Move               r7 <- r0
             4 Move               r8 <- r2
             5 Send               r5 <- r7 #foo:
             6 ForLoop            r2 -> 3
             7 Return             r0

        T>>down:
          1 arguments, 0 locals, 15 registers
             0 Move               r2 <- r1
             1 LoadInt            r3 <- 1
             2 ForDownPrep        r2 -> 7
             3 Move               r7 <- r0
             4 Move               r8 <- r2
             5 Send               r5 <- r7 #foo:
             6 ForDownLoop        r2 -> 3
             7 Return             r0

        T>>by:
          1 arguments, 0 locals, 15 registers
             0 LoadInt            r2 <- 1
             1 Move               r3 <- r1
             2 ForPrep            r2 -> 7
             3 Move               r7 <- r0
             4 Move               r8 <- r2
             5 Send               r5 <- r7 #foo:
             6 ForStepLoop        r2 -> 3, step 3
             7 Return             r0

        T>>times:
          1 arguments, 0 locals, 14 registers
             0 Move               r4 <- r1
             1 Move               r3 <- r4
             2 LoadInt            r2 <- 1
             3 ForPrep            r2 -> 7
             4 Move               r7 <- r0
             5 Send               r5 <- r7 #foo
             6 ForLoop            r2 -> 4
             7 Return             r0
        ",
    );
}

#[test]
fn a_loop_body_that_assigns_its_parameter_works_on_a_copy() {
    check(
        "(
            up: n = ( 1 to: n do: [:i | i := i * 2. self foo: i ] )
        )",
        "
        T>>up:
          1 arguments, 0 locals, 16 registers
             0 LoadInt            r2 <- 1
             1 Move               r3 <- r1
             2 ForPrep            r2 -> 10
             3 Move               r5 <- r2
             4 LoadInt            r6 <- 2
             5 Mul                r5 <- r5, r6
             6 Move               r8 <- r0
             7 Move               r9 <- r5
             8 Send               r6 <- r8 #foo:
             9 ForLoop            r2 -> 3
            10 Return             r0
        ",
    );
}

#[test]
fn a_step_that_is_no_positive_literal_is_a_send() {
    check(
        "(
            by: n = ( 1 to: n by: n do: [:i | i ] )
        )",
        "
        T>>by:
          1 arguments, 0 locals, 14 registers
             0 LoadInt            r4 <- 1
             1 Move               r5 <- r1
             2 Move               r6 <- r1
             3 MakeBlock          r7 <- block 0 in -
             4 Send               r2 <- r4 #to:by:do:
             5 Return             r0
          block 0:
            1 arguments, 0 locals, 8 registers
               0 Return             r1
        ",
    );
}

#[test]
fn a_captured_variable_lives_in_a_context_and_others_in_registers() {
    check(
        "(
            make: a = ( | x y | x := 1. y := 2. ^ [:n | x := x + n + y. a ] )
        )",
        "
        T>>make:
          1 arguments, 0 locals, 10 registers
             0 NewContext         r2 <- 3 slots in -
             1 SetContext         r2[0] <- r1
             2 LoadInt            r3 <- 1
             3 SetContext         r2[1] <- r3
             4 LoadInt            r3 <- 2
             5 SetContext         r2[2] <- r3
             6 MakeBlock          r3 <- block 0 in r2
             7 Return             r3
          block 0:
            1 arguments, 0 locals, 10 registers
               0 GetOuter           r2 <- outer 0[1]
               1 Add                r2 <- r2, r1
               2 GetOuter           r3 <- outer 0[2]
               3 Add                r2 <- r2, r3
               4 SetOuter           outer 0[1] <- r2
               5 GetOuter           r2 <- outer 0[0]
               6 Return             r2
        ",
    );
}

#[test]
fn a_block_without_captured_variables_needs_no_context() {
    check(
        "(
            make = ( ^ [:a :b | a + b ] )
            self = ( ^ [ self ] )
        )",
        "
        T>>make
          0 arguments, 0 locals, 8 registers
             0 MakeBlock          r1 <- block 0 in -
             1 Return             r1
          block 0:
            2 arguments, 0 locals, 10 registers
               0 Add                r3 <- r1, r2
               1 Return             r3

        T>>self
          0 arguments, 0 locals, 8 registers
             0 MakeBlock          r1 <- block 0 in -
             1 Return             r1
          block 0:
            0 arguments, 0 locals, 8 registers
               0 BlockSelf          r1
               1 Return             r1
        ",
    );
}

#[test]
fn variables_further_out_are_reached_by_the_number_of_contexts_between() {
    check(
        "(
            nest: a = ( ^ [:b | [:c | [ a + b + c ] ] ] )
        )",
        "
        T>>nest:
          1 arguments, 0 locals, 10 registers
             0 NewContext         r2 <- 1 slots in -
             1 SetContext         r2[0] <- r1
             2 MakeBlock          r3 <- block 0 in r2
             3 Return             r3
          block 0:
            1 arguments, 0 locals, 10 registers
               0 NewContextInBlock  r2 <- 1 slots in -
               1 SetContext         r2[0] <- r1
               2 MakeBlockInBlock   r3 <- block 0 in r2
               3 Return             r3
            block 0:
              1 arguments, 0 locals, 10 registers
                 0 NewContextInBlock  r2 <- 1 slots in -
                 1 SetContext         r2[0] <- r1
                 2 MakeBlockInBlock   r3 <- block 0 in r2
                 3 Return             r3
              block 0:
                0 arguments, 0 locals, 9 registers
                   0 GetOuter           r1 <- outer 2[0]
                   1 GetOuter           r2 <- outer 1[0]
                   2 Add                r1 <- r1, r2
                   3 GetOuter           r2 <- outer 0[0]
                   4 Add                r1 <- r1, r2
                   5 Return             r1
        ",
    );
}

#[test]
fn a_captured_loop_variable_has_a_context_in_each_round() {
    check(
        "(
            all: n = ( 1 to: n do: [:i | | j | j := i * i. self keep: [ i + j ] ] )
            again: n = ( [ n > 0 ] whileTrue: [ | own | own := n. n := n - 1. self keep: [ own ] ] )
        )",
        "
        T>>all:
          1 arguments, 0 locals, 16 registers
             0 LoadInt            r2 <- 1
             1 Move               r3 <- r1
             2 ForPrep            r2 -> 13
             3 NewContext         r5 <- 2 slots in -
             4 SetContext         r5[0] <- r2
             5 GetContext         r6 <- r5[0]
             6 GetContext         r7 <- r5[0]
             7 Mul                r6 <- r6, r7
             8 SetContext         r5[1] <- r6
             9 Move               r8 <- r0
            10 MakeBlock          r9 <- block 0 in r5
            11 Send               r6 <- r8 #keep:
            12 ForLoop            r2 -> 3
            13 Return             r0
          block 0:
            0 arguments, 0 locals, 9 registers
               0 GetOuter           r1 <- outer 0[0]
               1 GetOuter           r2 <- outer 0[1]
               2 Add                r1 <- r1, r2
               3 Return             r1

        T>>again:
          1 arguments, 0 locals, 13 registers
             0 Jump               -> 7
             1 NewContext         r2 <- 1 slots in -
             2 SetContext         r2[0] <- r1
             3 SubImm             r1 <- r1, 1
             4 Move               r5 <- r0
             5 MakeBlock          r6 <- block 0 in r2
             6 Send               r3 <- r5 #keep:
             7 GtImmBr            r2 <- r1, 0
             8 JumpBackIfTrue     r2 -> 1
             9 Return             r0
          block 0:
            0 arguments, 0 locals, 8 registers
               0 GetOuter           r1 <- outer 0[0]
               1 Return             r1
        ",
    );
}

#[test]
fn a_return_from_a_block_needs_a_home_context() {
    check(
        "(
            find: a = ( a do: [:e | e foo ifTrue: [ ^ e ] ]. ^ nil )
        )",
        "
        T>>find:
          1 arguments, 0 locals, 13 registers
             0 NewContext         r2 <- 1 slots in -
             1 SetHome            r2
             2 Move               r5 <- r1
             3 MakeBlock          r6 <- block 0 in r2
             4 Send               r3 <- r5 #do:
             5 LoadNil            r3
             6 ReturnHome         r3 <- r2
          block 0:
            1 arguments, 0 locals, 13 registers
               0 Move               r5 <- r1
               1 Send               r2 <- r5 #foo
               2 JumpIfFalse        r2 -> 7
               3 Move               r6 <- r1
               4 ReturnNonLocal     r6 outer 0, window r4
               5 Move               r2 <- r6
               6 Jump               -> 8
               7 LoadNil            r2
               8 Return             r2
        ",
    );
}

#[test]
fn a_send_to_super_has_its_own_instruction_and_is_never_an_operator() {
    check(
        "(
            foo = ( ^ super foo )
            + a = ( ^ super + a )
            value = ( super isNil ifTrue: [ ^ super == 3 ]. [ super foo ] value )
        )",
        "
        T>>foo
          0 arguments, 0 locals, 10 registers
             0 Move               r3 <- r0
             1 SendSuper          r1 <- r3 #foo
             2 Return             r1

        T>>+
          1 arguments, 0 locals, 12 registers
             0 Move               r4 <- r0
             1 Move               r5 <- r1
             2 SendSuper          r2 <- r4 #+
             3 Return             r2

        T>>value
          0 arguments, 0 locals, 12 registers
             0 Move               r5 <- r0
             1 SendSuper          r2 <- r5 #isNil
             2 JumpIfFalse        r2 -> 7
             3 Move               r4 <- r0
             4 LoadInt            r5 <- 3
             5 SendSuper          r2 <- r4 #==
             6 Return             r2
             7 MakeBlock          r3 <- block 0 in -
             8 Send               r1 <- r3 #value
             9 Return             r0
          block 0:
            0 arguments, 0 locals, 11 registers
               0 BlockSelf          r1
               1 Move               r4 <- r1
               2 SendSuper          r2 <- r4 #foo
               3 Return             r2
        ",
    );
}

#[test]
fn fields_are_read_and_written_through_self_also_in_blocks() {
    check(
        "(
            | a b |
            swap = ( | t | t := a. a := b. b := t )
            later = ( ^ [ a := a + 1. b ] )
        )",
        "
        T>>swap
          0 arguments, 1 locals, 9 registers
             0 GetField           r1 <- r0[0]
             1 GetField           r2 <- r0[1]
             2 SetField           r0[0] <- r2
             3 SetField           r0[1] <- r1
             4 Return             r0

        T>>later
          0 arguments, 0 locals, 8 registers
             0 MakeBlock          r1 <- block 0 in -
             1 Return             r1
          block 0:
            0 arguments, 0 locals, 9 registers
               0 BlockSelf          r1
               1 GetField           r2 <- r1[0]
               2 AddImm             r2 <- r2, 1
               3 SetField           r1[0] <- r2
               4 GetField           r2 <- r1[1]
               5 Return             r2
        ",
    );
}

#[test]
fn a_primitive_without_code_says_so() {
    check(
        "( fly = primitive )",
        "
        T>>fly
          primitive
        ",
    );
}

/// The opcodes of one method as they are now.
fn opcodes(vm: &mut Vm, class: ClassId, selector: &str) -> Vec<String> {
    let dump = dump(vm, class);
    let of_method = dump.split("T>>").find(|part| part.starts_with(&format!("{selector}\n"))).expect("it has code");
    let opcode = |line: &str| line.split_whitespace().nth(1).map(str::to_string);
    of_method.lines().skip(2).filter_map(opcode).collect()
}

/// The instruction that the only send of `T>>go:` has become after it was executed for each of the receivers.
fn quickened(receivers: &[&str]) -> String {
    let mut vm = vm();
    for (name, text) in [
        ("A", "A = ( | f | it = ( ^ self foo ) foo = ( ^ 1 ) )"),
        ("B", "B = ( | f | it = ( ^ f ) )"),
        ("C", "C = ( it = ( ^ 1 ) )"),
        ("D", "D = ( it = ( | x | ^ x ) )"),
        ("E", "E = A ( )"),
    ] {
        load(&mut vm, name, text);
    }
    let class = load(&mut vm, "T", "T = ( go: x = ( x it ) )");
    for receiver in receivers {
        // An error is as good as an answer here.
        let _ = vm.evaluate("test", &format!("T new go: {receiver}"));
    }
    opcodes(&mut vm, class, "go:").into_iter().find(|op| op.starts_with("Send")).expect("it sends")
}

#[test]
fn a_send_becomes_the_form_for_what_it_first_meets() {
    assert_eq!(quickened(&[]), "Send");
    assert_eq!(quickened(&["A new"]), "SendMethod");
    assert_eq!(quickened(&["B new"]), "SendGetter");
    assert_eq!(quickened(&["C new"]), "SendConstant");
}

#[test]
fn a_send_that_nobody_understood_stays_as_it_was() {
    assert_eq!(quickened(&["3"]), "Send");
    assert_eq!(quickened(&["3", "A new"]), "SendMethod");
}

#[test]
fn a_second_class_makes_a_send_polymorphic_and_a_fifth_megamorphic() {
    assert_eq!(quickened(&["A new", "A new"]), "SendMethod");
    assert_eq!(quickened(&["A new", "B new"]), "SendPoly");
    assert_eq!(quickened(&["A new", "B new", "C new", "D new"]), "SendPoly");
    assert_eq!(quickened(&["A new", "B new", "C new", "D new", "E new"]), "SendMega");
}

#[test]
fn primitives_setters_and_blocks_have_forms_of_their_own() {
    let mut vm = vm();
    let class = load(
        &mut vm,
        "T",
        "T = ( | f | f: x = ( f := x ) go = ( self f: 3. self hashcode. [ 3 ] value. self perform: #hashcode ) )",
    );
    assert!(vm.evaluate("test", "T new go").is_ok());
    let sends: Vec<_> = opcodes(&mut vm, class, "go").into_iter().filter(|op| op.starts_with("Send")).collect();
    assert_eq!(sends, ["SendSetter", "SendPrimitive", "SendBlock", "SendPoly"]);
}

#[test]
fn a_local_of_a_block_in_place_is_set_to_nil_unless_it_is_assigned_before_anything_could_read_it() {
    check(
        "(
            plain: a = ( 1 to: 2 do: [:i | | k | k := a foo. k bar ] )
            control: a = ( 1 to: 2 do: [:i | | k | k := a ifTrue: [ 1 ] ifFalse: [ 2 ]. k bar ] )
        )",
        "
        T>>plain:
          1 arguments, 0 locals, 15 registers
             0 LoadInt            r2 <- 1
             1 LoadInt            r3 <- 2
             2 ForPrep            r2 -> 8
             3 Move               r8 <- r1
             4 Send               r5 <- r8 #foo
             5 Move               r8 <- r5
             6 Send               r6 <- r8 #bar
             7 ForLoop            r2 -> 3
             8 Return             r0

        T>>control:
          1 arguments, 0 locals, 15 registers
             0 LoadInt            r2 <- 1
             1 LoadInt            r3 <- 2
             2 ForPrep            r2 -> 11
             3 LoadNil            r5
             4 JumpIfFalse        r1 -> 7
             5 LoadInt            r5 <- 1
             6 Jump               -> 8
             7 LoadInt            r5 <- 2
             8 Move               r8 <- r5
             9 Send               r6 <- r8 #bar
            10 ForLoop            r2 -> 3
            11 Return             r0
        ",
    );
}
