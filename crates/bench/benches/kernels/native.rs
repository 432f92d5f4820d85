//! The kernels in Rust.

use std::hint::black_box;

use super::Kernel;

/// The length of the array.
const ELEMENTS: i64 = 200_000;

/// The bytes of the sieve.
const FLAGS: usize = 40_000;

/// All of them.
pub fn kernels() -> Vec<Kernel> {
    let array: &'static [i64] = Vec::from_iter([ELEMENTS].into_iter().chain((0..ELEMENTS).map(|i| i * 7 % 31))).leak();
    let flags = Vec::from_iter([FLAGS as u64].into_iter().chain((0..FLAGS / 8).map(|_| 0))).leak().as_mut_ptr();
    let object: &'static mut [u64; 4] = Box::leak(Box::new([7, 0, 0, 0]));
    let object = object.as_mut_ptr();
    // SAFETY: the object's fourth word is its partner: itself.
    unsafe { *object.add(3) = object as u64 };
    vec![
        Kernel {
            name: "integers",
            text: include_str!("integers.unit"),
            arguments: vec![3_000_000],
            native: Box::new(|| integers(black_box(3_000_000))),
        },
        Kernel {
            name: "fields",
            text: include_str!("fields.unit"),
            arguments: vec![object as u64, 1_000_000],
            native: Box::new(move || {
                // SAFETY: it is an object, and nobody else uses it now.
                unsafe { fields(black_box(object), black_box(1_000_000)) }
            }),
        },
        Kernel {
            name: "floats",
            text: include_str!("floats.unit"),
            arguments: vec![1_000_000, (-0.1f64).to_bits(), 0.3f64.to_bits()],
            native: Box::new(|| floats(black_box(1_000_000), black_box(-0.1), black_box(0.3))),
        },
        Kernel {
            name: "elements",
            text: include_str!("elements.unit"),
            arguments: vec![array.as_ptr() as u64, ELEMENTS as u64],
            native: Box::new(move || elements(black_box(array), black_box(ELEMENTS))),
        },
        Kernel {
            name: "objects",
            text: include_str!("objects.unit"),
            arguments: vec![1_000_000, 0.25f64.to_bits(), 0.75f64.to_bits()],
            native: Box::new(|| objects(black_box(1_000_000), black_box(0.25), black_box(0.75))),
        },
        Kernel {
            name: "calls",
            text: include_str!("calls.unit"),
            arguments: vec![500_000, 3, 5],
            native: Box::new(|| calls(black_box(500_000), black_box(3), black_box(5))),
        },
        Kernel {
            name: "fibonacci",
            text: include_str!("fibonacci.unit"),
            arguments: vec![25],
            native: Box::new(|| vec![fibonacci(black_box(25)).unwrap_or(0) as u64]),
        },
        Kernel {
            name: "branches",
            text: include_str!("branches.unit"),
            arguments: vec![20_000],
            native: Box::new(|| branches(black_box(20_000))),
        },
        Kernel {
            name: "sieve",
            text: include_str!("sieve.unit"),
            arguments: vec![20, flags as u64],
            native: Box::new(move || {
                // SAFETY: behind the length there are as many bytes, and nobody else uses them now.
                let flags = unsafe { std::slice::from_raw_parts_mut(flags.add(1).cast::<u8>(), FLAGS) };
                vec![sieve(black_box(20), black_box(flags)).unwrap_or(0) as u64]
            }),
        },
    ]
}

/// The functions that units call.
pub fn symbol(name: &str) -> Option<usize> {
    (name == "mix").then_some(mix as *const () as usize)
}

#[inline(never)]
fn integers(n: i64) -> Vec<u64> {
    let (mut i, mut sum) = (0i64, 0i64);
    while i < n {
        let Some(triple) = i.checked_mul(3) else { break };
        let Some(next) = sum.checked_add(triple ^ (i >> 3)) else { break };
        let Some(i1) = i.checked_add(1) else { break };
        (i, sum) = (i1, next);
    }
    vec![i as u64, sum as u64]
}

/// # Safety
/// `object` has four words, the last of which is the address of another such object.
#[inline(never)]
unsafe fn fields(object: *mut u64, n: i64) -> Vec<u64> {
    let object_of = |address: *mut u64| address.cast::<[i64; 4]>();
    let mut i = 0;
    // SAFETY: the caller's promise.
    unsafe {
        while i < n {
            let this = object_of(object);
            if (*this)[0] != 7 {
                break;
            }
            let Some(count) = (*this)[1].checked_add(1) else { break };
            (*this)[1] = count;
            let partner = object_of((*this)[3] as *mut u64);
            if (*partner)[0] != 7 {
                break;
            }
            let Some(total) = (*partner)[2].checked_add(count) else { break };
            (*partner)[2] = total;
            (*partner)[1] = ((*partner)[1] ^ total) & 1023;
            i += 1;
        }
    }
    vec![i as u64, object as u64]
}

#[inline(never)]
fn floats(n: i64, cr: f64, ci: f64) -> Vec<u64> {
    let (mut i, mut r, mut m) = (0i64, 0.0, 0.0);
    while i < n {
        let (rr, mm) = (r * r, m * m);
        if rr + mm > 4.0 {
            break;
        }
        let rm: f64 = r * m;
        (r, m) = (rr - mm + cr, rm + rm + ci);
        i += 1;
    }
    vec![i as u64, r.to_bits(), m.to_bits()]
}

/// The array has its length in front.
#[inline(never)]
fn elements(array: &[i64], n: i64) -> Vec<u64> {
    let (mut i, mut sum) = (0i64, 0i64);
    while i < n {
        if i as u64 >= array[0] as u64 {
            break;
        }
        // SAFETY: just checked, as the unit does.
        let x = unsafe { *array.as_ptr().add(1 + i as usize) };
        let Some(next) = sum.checked_add(x) else { break };
        sum = next;
        i += 1;
    }
    vec![i as u64, sum as u64]
}

#[inline(never)]
fn objects(n: i64, c0: f64, c1: f64) -> Vec<u64> {
    let (mut i, mut z) = (0i64, (0.0, 0.0));
    while i < n {
        let h = (z.0 * 0.5, z.1 * 0.5);
        let s = (h.0 + c0, h.1 + c1);
        if s.0 > 1000.0 {
            break;
        }
        z = s;
        i += 1;
    }
    vec![i as u64, f64::to_bits(z.0), f64::to_bits(z.1)]
}

/// A function that is called.
#[inline(never)]
extern "C" fn mix(a: u64, b: u64) -> u64 {
    (a ^ (b << 7)).wrapping_mul(0x9e37) & 0xffff_ffff
}

#[inline(never)]
fn calls(n: i64, mut a: u64, mut b: u64) -> Vec<u64> {
    let (mut i, mut sum) = (0i64, 0i64);
    let mix: extern "C" fn(u64, u64) -> u64 = black_box(mix);
    while i < n {
        let x = mix(a, i as u64);
        let y = mix(b, x);
        let Some(next) = sum.checked_add(x as i64) else { break };
        (a, b) = (y, x);
        sum = next & 0xff_ffff;
        i += 1;
    }
    vec![i as u64, a, b, sum as u64]
}

#[inline(never)]
fn fibonacci(n: i64) -> Option<i64> {
    if n < 2 {
        return Some(n);
    }
    fibonacci(n - 1)?.checked_add(fibonacci(n - 2)?)
}

#[inline(never)]
fn branches(n: i64) -> Vec<u64> {
    let (mut start, mut sum) = (1i64, 0i64);
    while start < n {
        let mut x = start;
        while x != 1 {
            sum += 1;
            if x & 1 != 0 {
                let Some(more) = x.checked_mul(3).and_then(|triple| triple.checked_add(1)) else {
                    return vec![x as u64, sum as u64];
                };
                x = more;
            } else {
                x = (x as u64 >> 1) as i64;
            }
        }
        start += 1;
    }
    vec![start as u64, sum as u64]
}

/// Each round marks what is no prime with another number.
#[inline(never)]
fn sieve(rounds: i64, flags: &mut [u8]) -> Option<i64> {
    let length = flags.len() as i64;
    let mut round = rounds;
    loop {
        let mark = round as u8;
        let mut primes = 0i64;
        for i in 2..length {
            if *flags.get(i as usize)? == mark {
                continue;
            }
            primes = primes.checked_add(1)?;
            let mut multiple = i.checked_add(i)?;
            while multiple < length {
                *flags.get_mut(multiple as usize)? = mark;
                multiple = multiple.checked_add(i)?;
            }
        }
        round -= 1;
        if round == 0 {
            return Some(primes);
        }
    }
}
