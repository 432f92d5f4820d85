use tailor::jit;

trait Double {
    fn double(self) -> Self;
}
impl Double for u64 {
    fn double(self) -> u64 {
        self * 2
    }
}

#[jit]
fn f(x: u64) -> u64 {
    <u64 as Double>::double(x)
}

fn main() {}
