use super::{Sampler, Sampling};
use crate::HeapConfig;

fn modes(text: &str) -> Option<(bool, bool, Sampling)> {
    let mut config = HeapConfig::default();
    config.set_modes(text).ok()?;
    Some((config.stress, config.verify, config.sampling))
}

#[test]
fn modes_are_named_alone_or_with_a_number() {
    let sampling = |stress, verify, seed| Sampling { stress, verify, seed };
    assert_eq!(modes(""), Some((false, false, sampling(1, 1, 0))));
    assert_eq!(modes("stress"), Some((true, false, sampling(1, 1, 0))));
    assert_eq!(modes(" stress , verify,"), Some((true, true, sampling(1, 1, 0))));
    assert_eq!(modes("stress=100,verify=7,seed=9"), Some((true, true, sampling(100, 7, 9))));
    assert_eq!(modes("seed=0,verify=4294967295"), Some((false, true, sampling(1, u32::MAX, 0))));
}

#[test]
fn what_is_no_mode_is_refused_with_those_there_are() {
    for wrong in
        ["stres", "stress=0", "stress=", "verify=-1", "verify=4294967296", "seed", "seed=x", "=3", "stress verify"]
    {
        let mut config = HeapConfig::default();
        let error = config.set_modes(wrong).expect_err(wrong).to_string();
        assert!(error.starts_with(&format!("'{wrong}' is no mode")) && error.contains("stress=N"), "{error}");
    }
}

fn chosen(stress: u32, seed: u64) -> Vec<usize> {
    let mut sampler = Sampler::new(Sampling { stress, seed, ..Sampling::default() });
    (0..100_000).filter(|_| sampler.collects()).collect()
}

#[test]
fn without_sampling_every_event_counts() {
    assert_eq!(chosen(1, 5).len(), 100_000);
    let mut sampler = Sampler::new(Sampling { verify: 1, ..Sampling::default() });
    assert!((0..100).all(|_| sampler.checks()));
}

#[test]
fn samples_have_the_right_size_and_depend_on_the_seed_alone() {
    let sample = chosen(100, 5);
    assert!((900..1100).contains(&sample.len()), "{}", sample.len());
    assert_eq!(sample, chosen(100, 5));
    let other = chosen(100, 6);
    let both = sample.iter().filter(|event| other.contains(event)).count();
    assert!(both < 50, "{both} of {} events are in both samples", sample.len());
    let mut gaps: Vec<_> = sample.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    gaps.dedup();
    assert!(gaps.len() > 100 && gaps.iter().all(|gap| (1..200).contains(gap)), "{gaps:?}");
}
