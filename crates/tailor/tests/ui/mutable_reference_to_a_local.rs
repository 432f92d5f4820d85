use tailor::jit;

#[jit::object]
struct Place {
    x: std::cell::Cell<u64>,
}

#[jit]
fn set(_: &mut Place) {}

#[jit]
fn f(x: u64) -> u64 {
    let mut y = x;
    let z = &mut y;
    *z += 1;
    y
}

fn main() {}
