use tailor::jit;

#[jit]
fn f(x: u64) -> u64 {
    fn g(x: u64) -> u64 {
        x
    }
    g(x)
}

fn main() {}
