use tailor::jit;

#[jit]
fn f(x: (u64, u64)) -> u64 {
    let (ref a, _) = x;
    *a
}

fn main() {}
