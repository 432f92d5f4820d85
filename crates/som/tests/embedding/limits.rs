//! Deep recursion and full heaps end in errors of the guest.

use som::errors::ErrorKind;
use tailor_gc::HeapConfig;

use crate::support::{Guest, config};

const DEEP: &str = "Deep = (
    down: n = ( n = 0 ifTrue: [ ^ 0 ]. ^ 1 + (self down: n - 1) )
    forever = ( ^ self forever )
    viaBlock = ( ^ [ self viaBlock ] value )
    viaPerform = ( ^ self perform: #viaPerform )
    viaArguments: a = ( ^ self perform: #viaArguments: withArguments: (Array with: a) )
    viaOperator = ( ^ self + self )
    + other = ( ^ other + self )
    viaLoop = ( #(1) do: [:each | self viaLoop ] )
    viaStub = ( ^ self and: [ self viaStub ] )
    and: block = ( ^ block value )
    viaSuper = ( ^ Deeper new viaSuper )
    viaUnknown = ( ^ self missing )
    viaGlobal = ( ^ Unheard )
    unknownGlobal: name = ( ^ self viaGlobal )
    doesNotUnderstand: selector arguments: arguments = ( ^ self missing )
)";
const DEEPER: &str = "Deeper = Deep ( viaSuper = ( ^ super viaSuper ) )";

#[test]
fn a_million_activations_fit_the_default_stack() {
    let stack_size = som::vm::DEFAULT_STACK_SIZE;
    let mut guest = Guest::with(som::Config { stack_size, ..config() });
    guest.load(DEEP).expect("it loads");
    assert_eq!(guest.shown("Deep new down: 1000000"), "1000000");
}

/// All of them, on a VM that interprets or compiles.
fn assert_overflows(guest: &mut Guest) {
    for code in [
        "forever",
        "viaBlock",
        "viaPerform",
        "viaArguments: 1",
        "viaOperator",
        "viaLoop",
        "viaStub",
        "viaSuper",
        "viaUnknown",
        "viaGlobal",
    ] {
        let error = guest.error(&format!("Deep new {code}"));
        assert_eq!(error.kind, ErrorKind::StackOverflow, "{code}: {}", error.message);
        assert!(error.message.contains("1024 KiB") && error.message.contains("--stack-size"), "{}", error.message);
    }
    guest.assert_usable();
}

#[test]
fn endless_recursion_of_every_kind_is_a_stack_overflow() {
    assert_overflows(&mut Guest::of(&[DEEP, DEEPER]));
}

/// What overflowed is compiled by the second round, and enters code from code.
#[test]
fn endless_recursion_in_compiled_code_is_a_stack_overflow() {
    for parameters in ["", "inline_depth=0", "native_stack=20000", "threshold=3,function_threshold=7,trace_eagerness=2"]
    {
        let mut guest = Guest::of(&[DEEP, DEEPER]);
        guest.compile(parameters);
        assert_overflows(&mut guest);
        assert_overflows(&mut guest);
        assert!(guest.vm.jit_stats().is_some_and(|stats| stats.units > 0), "{parameters}");
    }
}

/// The same on a thread whose native stack is small, as is that of many hosts' threads.
#[test]
fn recursion_in_compiled_code_fits_a_small_native_stack() {
    let run = || {
        let stack_size = som::vm::DEFAULT_STACK_SIZE;
        let mut guest = Guest::with(som::Config { stack_size, ..config() });
        guest.load(DEEP).expect("it loads");
        guest.compile("native_stack=1000000000");
        for depth in [10, 1_000, 20_000, 300_000, 1_000_000, 1_000_000] {
            assert_eq!(guest.shown(&format!("Deep new down: {depth}")), depth.to_string());
        }
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    thread.spawn(run).expect("there is room for a small stack").join().expect("it ends");
}

#[test]
fn the_trace_of_a_deep_stack_leaves_its_middle_out() {
    let error = Guest::of(&[DEEP]).error("Deep new forever");
    assert_eq!(error.trace.len(), 40);
    assert_eq!(error.trace[0].method, "Nil>>evaluate");
    assert_eq!(error.trace[39].method, "Deep>>forever");
    let (left_out, after) = error.omitted.expect("it is deep");
    assert!(left_out > 1000 && after == 20);
    assert!(error.traceback().contains(&format!("... {left_out} calls left out ...")));
}

#[test]
fn the_smallest_stack_still_runs_small_programs() {
    let mut guest = Guest::with(som::Config { stack_size: 0, ..config() });
    guest.assert_usable();
    guest.load(DEEP).expect("it loads");
    assert_eq!(guest.error("Deep new forever").kind, ErrorKind::StackOverflow);
    guest.assert_usable();
}

#[test]
fn a_request_beyond_the_limit_is_out_of_memory_and_does_no_harm() {
    let mut guest =
        Guest::with(som::Config { heap: HeapConfig { limit: 16 << 20, ..HeapConfig::default() }, ..config() });
    for code in ["Array new: 100000000", "Array new: 4611686018427387903"] {
        let error = guest.error(code);
        assert_eq!(error.kind, ErrorKind::OutOfMemory, "{code}: {}", error.message);
    }
    guest.assert_usable();
}

#[test]
fn filling_the_heap_bit_by_bit_is_out_of_memory() {
    let mut guest =
        Guest::with(som::Config { heap: HeapConfig { limit: 16 << 20, ..HeapConfig::default() }, ..config() });
    let list = "| list | list := nil. [ true ] whileTrue: [ | a | a := Array new: 100. a at: 1 put: list. list := a ]";
    let error = guest.error(list);
    assert_eq!(error.kind, ErrorKind::OutOfMemory);
    assert!(error.message.contains("--heap-size"), "{}", error.message);
}

#[test]
fn a_heap_too_small_to_start_in_is_a_load_error() {
    let config = som::Config { heap: HeapConfig { limit: 4 << 10, ..HeapConfig::default() }, ..config() };
    assert!(som::Vm::new(config).is_err());
}

#[test]
fn an_array_of_negative_size_is_an_error() {
    let mut guest = Guest::new();
    assert_eq!(guest.error("Array new: -1").kind, ErrorKind::Primitive);
    assert_eq!(guest.error("Array new: (1 << 80)").kind, ErrorKind::Primitive);
    guest.assert_usable();
}
