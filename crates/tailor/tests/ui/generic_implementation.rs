use tailor::jit;

struct Pair<T>(T, T);

#[jit]
impl<T> Pair<T> {
    fn first(self) -> T {
        self.0
    }
}

fn main() {}
