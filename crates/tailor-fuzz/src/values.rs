//! Arguments and results as words, as trampolines and the black hole take them (see `tailor_jitcode::tape::Shape`).

use tailor_compiler::random::Rng;

use crate::generate::types::{Int, Type, Types};

/// A random value's words, appended. Words of variants that it is not are anything.
pub fn random(types: &Types, ty: &Type, rng: &mut Rng, words: &mut Vec<u64>) {
    let all = |list: &[Type], rng: &mut Rng, words: &mut Vec<u64>| {
        for ty in list {
            random(types, ty, rng, words);
        }
    };
    match ty {
        Type::Int(int) => words.push(random_int(*int, rng)),
        Type::Bool => words.push(rng.below(2) as u64),
        Type::Float => words.push(rng.float().to_bits()),
        Type::Tuple(elements) => all(elements, rng, words),
        Type::Struct(i) => all(&types.structs[*i].fields, rng, words),
        Type::Array(element, count) => (0..*count).for_each(|_| random(types, element, rng, words)),
        Type::Plain(i) => words.push(u64::from(rng.pick(&types.plain[*i]))),
        Type::Option(_) | Type::Result(..) | Type::Enum(_) => {
            let variants = variants(types, ty);
            let tag = rng.below(variants.len());
            words.push(tag as u64);
            for (i, payload) in variants.iter().enumerate() {
                if i == tag {
                    all(payload, rng, words);
                } else {
                    payload.iter().for_each(|t| (0..word_count(types, t)).for_each(|_| words.push(rng.word())));
                }
            }
        }
    }
}

/// A random integer's word.
pub fn random_int(int: Int, rng: &mut Rng) -> u64 {
    int.random(rng) as i64 as u64
}

/// A value as text; takes its words from the front.
pub fn text(types: &Types, ty: &Type, words: &mut &[u64]) -> String {
    match ty {
        Type::Int(int) if int.signed => format!("{}", next(words) as i64),
        Type::Int(_) => format!("{}", next(words)),
        Type::Bool => match next(words) {
            0 => "false".into(),
            1 => "true".into(),
            other => format!("bool({other})"),
        },
        // All NaNs are equal, zeros are not.
        Type::Float => format!("{:?}", f64::from_bits(next(words))),
        Type::Tuple(elements) => list(types, "", elements, words),
        Type::Struct(i) => list(types, &format!("Rec{i}"), &types.structs[*i].fields, words),
        Type::Array(element, count) => list(types, "array", &vec![(**element).clone(); *count], words),
        Type::Plain(i) => {
            let word = next(words);
            match types.plain[*i].iter().position(|d| u64::from(*d) == word) {
                Some(variant) => format!("Tag{i}::Is{variant}"),
                None => format!("Tag{i}({word})"),
            }
        }
        Type::Option(_) | Type::Result(..) | Type::Enum(_) => {
            let tag = next(words);
            let mut result = format!("bad tag {tag}");
            for (i, payload) in variants(types, ty).iter().enumerate() {
                if i as u64 == tag {
                    result = list(types, &variant_name(ty, i), payload, words);
                } else {
                    payload.iter().for_each(|t| (0..word_count(types, t)).for_each(|_| _ = next(words)));
                }
            }
            result
        }
    }
}

fn list(types: &Types, name: &str, of: &[Type], words: &mut &[u64]) -> String {
    let parts: Vec<_> = of.iter().map(|t| text(types, t, words)).collect();
    format!("{name}({})", parts.join(", "))
}

fn next(words: &mut &[u64]) -> u64 {
    let (first, rest) = words.split_first().expect("as many words as the type has");
    *words = rest;
    *first
}

/// The payloads of a sum's variants, in the order of their tags.
fn variants(types: &Types, ty: &Type) -> Vec<Vec<Type>> {
    match ty {
        Type::Option(inner) => vec![vec![], vec![(**inner).clone()]],
        Type::Result(ok, error) => vec![vec![(**ok).clone()], vec![(**error).clone()]],
        Type::Enum(i) => types.enums[*i].clone(),
        _ => Vec::new(),
    }
}

fn variant_name(ty: &Type, tag: usize) -> String {
    match ty {
        Type::Option(_) => ["None", "Some"][tag].into(),
        Type::Result(..) => ["Ok", "Err"][tag].into(),
        _ => format!("{}::Alt{tag}", ty.text()),
    }
}

fn word_count(types: &Types, ty: &Type) -> usize {
    let all = |list: &[Type]| list.iter().map(|t| word_count(types, t)).sum::<usize>();
    match ty {
        Type::Int(_) | Type::Bool | Type::Float | Type::Plain(_) => 1,
        Type::Tuple(elements) => all(elements),
        Type::Struct(i) => all(&types.structs[*i].fields),
        Type::Array(element, count) => count * word_count(types, element),
        Type::Option(_) | Type::Result(..) | Type::Enum(_) => {
            1 + variants(types, ty).iter().map(|payload| all(payload)).sum::<usize>()
        }
    }
}

#[cfg(test)]
mod tests {
    use tailor_compiler::random::Rng;

    use super::{random, text, word_count};
    use crate::generate::types::{INTS, Type, Types};

    #[test]
    fn values_have_as_many_words_as_their_type() {
        let mut rng = Rng::new(1);
        for seed in 0..50 {
            let types = Types::random(&mut Rng::new(seed));
            let ty = types.any(&mut rng, 3);
            let mut words = Vec::new();
            random(&types, &ty, &mut rng, &mut words);
            assert_eq!(words.len(), word_count(&types, &ty), "{ty:?}");
            let mut rest = &words[..];
            let text = text(&types, &ty, &mut rest);
            assert!(rest.is_empty(), "{ty:?}");
            assert!(!text.contains("bad tag"), "{text}");
        }
    }

    #[test]
    fn texts_show_values() {
        let types = Types::random(&mut Rng::new(1));
        let [i8, u16] = [0, 3].map(|i| Type::Int(INTS[i]));
        let option = Type::Option(Box::new(i8.clone()));
        assert_eq!(text(&types, &option, &mut &[0, 77][..]), "None()");
        assert_eq!(text(&types, &option, &mut &[1, -5i64 as u64][..]), "Some(-5)");
        let result = Type::Result(Box::new(u16), Box::new(Type::Tuple(vec![Type::Bool, Type::Float])));
        assert_eq!(text(&types, &result, &mut &[1, 9, 1, f64::NAN.to_bits()][..]), "Err((true, NaN))");
        assert_eq!(text(&types, &Type::Plain(0), &mut &[9][..]), "Tag0::Is1");
        assert_eq!(text(&types, &Type::Bool, &mut &[2][..]), "bool(2)");
        assert_ne!(text(&types, &Type::Float, &mut &[0][..]), text(&types, &Type::Float, &mut &[1 << 63][..]));
    }
}
