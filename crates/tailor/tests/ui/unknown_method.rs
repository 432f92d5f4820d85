use tailor::jit;

#[jit]
fn f(x: u64) -> u64 {
    x.next_multiple_of(8)
}

fn main() {}
