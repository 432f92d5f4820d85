use tailor::jit;

#[jit]
fn f(x: &[u64]) -> u64 {
    let mut sum = 0;
    for n in x.iter().rev() {
        sum += *n;
    }
    sum
}

fn main() {}
