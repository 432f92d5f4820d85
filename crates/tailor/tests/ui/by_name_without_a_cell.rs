use tailor::jit;

#[jit::object]
struct Counter {
    #[jit(by_name)]
    count: u64,
}

fn main() {}
