use tailor::{Jit, jit};

#[jit::object]
struct Vm {
    #[jit(opaque)]
    jit: Jit,
}

#[jit(portal, jit = vm.jit)]
fn run(vm: &mut Vm, mut pc: u64) -> u64 {
    macro_rules! back {
        () => {
            jit::can_enter!(vm, pc;)
        };
    }
    'portal: loop {
        jit::merge_point!(greens: vm, pc; reds: );
        pc += 1;
        back!();
    }
}

fn main() {}
