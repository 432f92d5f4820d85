use tailor::jit;

#[jit::object]
struct Node {
    children: Vec<u64>,
    size: usize,
}

#[jit]
fn f(n: &Node) -> usize {
    n.size
}

fn main() {}
