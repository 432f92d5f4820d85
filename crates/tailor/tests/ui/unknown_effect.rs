use tailor::jit;

#[jit::residual(no_gc)]
fn f(x: u64) -> u64 {
    x
}

fn main() {}
