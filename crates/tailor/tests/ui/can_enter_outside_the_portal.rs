use tailor::jit;

#[jit]
fn jump(pc: usize) -> usize {
    jit::can_enter!(pc; pc);
    pc
}

fn main() {}
