use tailor::jit;

trait Shout: Sized {
    fn shout(self) -> u64 {
        7
    }
}
impl<T> Shout for T {}

#[jit]
fn f(x: u64) -> u64 {
    x.shout();
    x
}

fn main() {}
