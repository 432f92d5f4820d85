use tailor::jit;

#[jit(leaves)]
fn leave() -> u64 {
    0
}

fn main() {}
