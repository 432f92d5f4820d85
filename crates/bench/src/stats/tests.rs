use super::*;

fn estimate(invocations: &[&[f64]]) -> Estimate {
    let owned: Vec<Vec<f64>> = invocations.iter().map(|times| times.to_vec()).collect();
    Estimate::new(&owned, &mut Random::new()).unwrap()
}

#[test]
fn median_of_odd_and_even_counts() {
    assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
    assert_eq!(median(&mut [7.0]), 7.0);
}

#[test]
fn an_estimate_is_the_median_of_medians() {
    let estimate = estimate(&[&[1.0, 1.0, 9.0], &[5.0, 5.0, 5.0], &[2.0, 3.0, 3.0]]);
    assert_eq!(estimate.value, 3.0);
}

#[test]
fn no_data_no_estimate() {
    assert!(Estimate::new(&[], &mut Random::new()).is_none());
    assert!(Estimate::new(&[vec![]], &mut Random::new()).is_none());
    assert!(geometric_mean(&[]).is_none());
}

#[test]
fn constant_data_have_a_point_as_interval() {
    let interval = estimate(&[&[4.0; 5], &[4.0; 5]]).interval();
    assert_eq!(interval, Some(Interval { low: 4.0, high: 4.0 }));
}

#[test]
fn the_interval_holds_the_value_and_stays_within_the_data() {
    let estimate = estimate(&[&[10.0, 11.0, 12.0], &[10.5, 11.5, 13.0], &[9.0, 10.0, 11.0]]);
    let Interval { low, high } = estimate.interval().unwrap();
    assert!((9.0..=estimate.value).contains(&low), "{low}");
    assert!((estimate.value..=13.0).contains(&high), "{high}");
    assert!(low < high);
}

#[test]
fn the_interval_covers_the_true_median_about_as_often_as_it_says() {
    let mut random = Random::new();
    let mut uniform = || (random.next() >> 11) as f64 / (1u64 << 53) as f64;
    let trials = 200;
    let covered = (0..trials)
        .filter(|_| {
            let data: Vec<Vec<f64>> = (0..10).map(|_| (0..10).map(|_| uniform()).collect()).collect();
            let interval = Estimate::new(&data, &mut Random::new()).unwrap().interval().unwrap();
            interval.low <= 0.5 && 0.5 <= interval.high
        })
        .count();
    assert!(covered * 100 >= trials * 90, "{covered} of {trials}");
}

#[test]
fn a_ratio_to_itself_is_exactly_one() {
    let estimate = estimate(&[&[1.0, 2.0, 3.0], &[2.0, 3.0, 4.0]]);
    let ratio = estimate.ratio_to(&estimate);
    assert_eq!((ratio.value, ratio.interval()), (1.0, Some(Interval { low: 1.0, high: 1.0 })));
}

#[test]
fn geometric_mean_of_two_and_eight_is_four() {
    let (two, eight) = (estimate(&[&[2.0, 2.0]]), estimate(&[&[8.0, 8.0]]));
    let mean = geometric_mean(&[&two, &eight]).unwrap();
    assert!((mean.value - 4.0).abs() < 1e-12);
    assert!((mean.interval().unwrap().high - 4.0).abs() < 1e-12);
}

#[test]
fn what_rests_on_a_single_value_has_no_interval() {
    let (one, many) = (estimate(&[&[2.0]]), estimate(&[&[8.0, 9.0]]));
    assert_eq!(one.interval(), None);
    assert_eq!(many.ratio_to(&one).interval(), None);
    assert_eq!(geometric_mean(&[&one, &many]).unwrap().interval(), None);
    assert!(estimate(&[&[2.0], &[3.0]]).interval().is_some());
}
