//! Random worlds. `RUNG_SIM_WORLDS=n` runs so many, `RUNG_SIM_FIRST=n` from that seed on, `RUNG_SIM_SEED=n` only that
//! one, with its steps printed if it fails.

use rung_tests::sim;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Worlds in a plain `cargo test`; CI runs 100,000.
const WORLDS: u64 = 2_000;
/// Seeds that found something once.
const FOUND: &[u64] = &[
    9, 11, 14, 132, 176, 267, 716, 2094, 2293, 3091, 3407, 3690, 5226, 6908, 10403, 14_438, 77_633, 80_129, 121_089,
    129_667, 8_468, 62_555, 75_684, 90_996, 20_698, 58_269, 66_694, 97_197, 61_450, 2179, 14_846, 53_963,
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn must(seed: u64) {
    let wrong = sim::run(seed, true).err();
    let again = format!("seed {seed}; again with: RUNG_SIM_SEED={seed} cargo test -p rung-tests --test sim");
    assert!(wrong.is_none(), "{}\n{again}", wrong.unwrap_or_default());
}

#[test]
fn seeds_that_found_something_stay_fixed() {
    FOUND.iter().copied().for_each(must);
}

#[test]
fn nothing_happens_that_never_may() {
    if let Some(seed) = number("RUNG_SIM_SEED") {
        must(seed);
        return;
    }
    let first = number("RUNG_SIM_FIRST").unwrap_or(1);
    let end = first + number("RUNG_SIM_WORLDS").unwrap_or(WORLDS);
    let next = AtomicU64::new(first);
    let (failed, steps) = (AtomicBool::new(false), AtomicU64::new(0));
    let failures = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    match sim::run(seed, false) {
                        Ok(n) => {
                            steps.fetch_add(n, Ordering::Relaxed);
                        }
                        Err(_) => {
                            failures.lock().expect("no panic under the lock").push(seed);
                            failed.store(true, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    println!("seeds {first} to {} ran, {} steps", end - 1, steps.load(Ordering::Relaxed));
    failures.into_inner().expect("no panic under the lock").into_iter().min().into_iter().for_each(must);
}
