use tailor::jit;

#[jit(portal)]
fn run(pc: usize) -> usize {
    pc
}

fn main() {}
