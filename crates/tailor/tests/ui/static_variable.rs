use tailor::jit;

static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

#[jit]
fn f(x: u64) -> u64 {
    COUNT.fetch_add(x, std::sync::atomic::Ordering::Relaxed)
}

fn main() {}
