use tailor::jit;

#[jit]
fn f(n: u64) -> u64 {
    for i in 0.. {
        if i * i > n {
            return i;
        }
    }
    0
}

fn main() {}
