use tailor::jit;

#[jit]
fn f(x: u64) -> usize {
    vec![x].len()
}

fn main() {}
