use tailor::jit;

#[jit]
fn f(x: u64) -> u32 {
    x
}

fn main() {}
