use tailor::jit;

#[jit]
fn f(x: u64) -> u64 {
    let mut y = x;
    #[cfg(test)]
    {
        y += 1;
    }
    y
}

fn main() {}
