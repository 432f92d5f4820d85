use tailor::jit;

#[jit]
fn f(x: u64) -> u64 {
    macro_rules! m {
        (a) => { 1 };
        (b) => { 2 };
    }
    x + m!(a) + m!(b)
}

fn main() {}
