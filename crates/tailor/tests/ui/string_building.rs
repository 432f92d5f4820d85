use tailor::jit;

#[jit]
fn f(x: u64) -> usize {
    format!("{x}").len()
}

fn main() {}
