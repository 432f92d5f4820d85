use tailor::jit;

#[jit::residual]
fn f(g: impl Fn(u64) -> u64) -> u64 {
    g(1)
}

fn main() {}
