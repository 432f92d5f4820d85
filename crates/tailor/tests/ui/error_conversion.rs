use tailor::jit;

#[jit]
fn f(x: Option<u8>) -> Result<u64, u64> {
    let y: Result<u8, u8> = x.ok_or(3);
    Ok(u64::from(y?))
}

fn main() {}
