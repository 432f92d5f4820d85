use tailor::jit;

#[jit]
fn f(x: u64, g: &[fn(u64) -> u64]) -> u64 {
    g[0](x)
}

fn main() {}
