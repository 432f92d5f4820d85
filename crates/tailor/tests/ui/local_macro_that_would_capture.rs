use tailor::jit;

#[jit]
fn f(x: u64) -> u64 {
    let y = x;
    macro_rules! m {
        ($e:expr) => {{
            let y = 1;
            y + $e
        }};
    }
    m!(y)
}

fn main() {}
