use tailor::jit;

#[jit]
fn f(x: &mut u64) {
    *x += 1;
}

fn main() {}
