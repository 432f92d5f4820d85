use tailor::jit;

#[jit]
fn f(x: u64) -> u64 {
    if x > 3 {
        panic!("{x} is too much");
    }
    x
}

fn main() {}
