use tailor::jit;

#[jit]
fn f(x: &[u64]) -> u64 {
    match x {
        [] => 0,
        [first, ..] => *first,
    }
}

fn main() {}
