use tailor::jit;

#[jit::object(size)]
struct Node {
    children: Vec<u64>,
    size: usize,
    depth: usize,
}

#[jit]
fn f(n: &Node) -> usize {
    n.size + n.depth
}

fn main() {}
