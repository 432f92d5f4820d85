use tailor::jit;

#[jit]
fn f(x: u64) -> u64 {
    (x as i128 * 3) as u64
}

fn main() {}
