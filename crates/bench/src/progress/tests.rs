use super::*;

fn keys(names: &[&str]) -> Vec<Key> {
    names.iter().map(|name| ("vm".to_string(), name.to_string())).collect()
}

#[test]
fn durations_are_readable() {
    assert_eq!(human(Duration::from_secs(59)), "59 s");
    assert_eq!(human(Duration::from_secs(61)), "1 min 01 s");
    assert_eq!(human(Duration::from_secs(3725)), "1 h 02 min");
}

#[test]
fn time_left_uses_earlier_rounds_and_the_mean() {
    let mut progress = Progress::new(keys(&["a", "b", "a"]));
    assert_eq!(progress.position(), "[1/3, time left unknown]");
    progress.skip();
    progress.seen.insert(keys(&["a"]).remove(0), Duration::from_secs(10));
    assert_eq!(progress.position(), "[2/3, 20 s left]");
    progress.seen.insert(keys(&["b"]).remove(0), Duration::from_secs(50));
    assert_eq!(progress.position(), "[2/3, 1 min 00 s left]");
}
