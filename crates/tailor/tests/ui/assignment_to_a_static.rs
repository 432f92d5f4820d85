use tailor::jit;

static mut COUNT: u64 = 0;

#[jit]
fn f(x: u64) {
    unsafe { COUNT = x }
}

fn main() {}
