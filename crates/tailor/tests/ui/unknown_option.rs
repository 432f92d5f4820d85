use tailor::jit;

#[jit(fast)]
fn f(x: u64) -> u64 {
    x
}

fn main() {}
