use tailor::jit;

#[jit::object(length)]
struct Node {
    size: usize,
}

fn main() {}
