use tailor::{Jit, jit};

#[jit::object]
struct Vm {
    #[jit(opaque)]
    jit: Jit,
    x: u64,
}

#[jit(jit = vm.jit)]
fn f(vm: &Vm) -> u64 {
    vm.x
}

fn main() {}
