//! What services say of themselves, at the right time and at any other.

use super::rng::Rng;
use init::core::{Millis, Notice};
use init::unit::{NotifyAccess, Service, ServiceType};

/// Notices of one moment.
pub type Words = Vec<Notice>;

/// What a main process says that is executed at `exec`, and when.
pub fn life(rng: &mut Rng, service: &Service, exec: Millis) -> Vec<(Millis, Words)> {
    let mut said = Vec::new();
    let ready = exec + rng.below(300);
    if service.says_ready() && rng.percent(85) {
        said.push((ready, vec![Notice::Status("up".into()), Notice::Ready]));
    }
    // Some feed their watchdog well, some begin and forget it.
    if !service.readiness.watchdog.is_zero() {
        let every = u64::try_from(service.readiness.watchdog.as_millis()).unwrap_or(1000) / 2;
        let times = rng.pick(&[0, 2, 30]).unwrap_or(0);
        said.extend((0..times).map(|n| (ready + every * n, vec![Notice::Alive])));
    }
    if rng.percent(15) {
        for _ in 0..1 + rng.below(4) {
            let at = exec + rng.below(6_000);
            said.push((at, anything(rng, at)));
        }
    }
    said
}

/// The answer to `ReloadSignal=`, most of the time.
pub fn reload(rng: &mut Rng, now: Millis) -> Vec<(Millis, Words)> {
    let heard = now + rng.below(50);
    let begun = rng.percent(90).then(|| (heard, vec![Notice::Reloading(Some(heard))]));
    let done = rng.percent(80).then(|| (heard + rng.below(400), vec![Notice::Ready]));
    begun.into_iter().chain(done).collect()
}

fn anything(rng: &mut Rng, at: Millis) -> Words {
    let all = [
        Notice::Ready,
        Notice::Reloading(None),
        Notice::Reloading(Some(at)),
        Notice::Reloading(Some(at.saturating_sub(1000))),
        Notice::Stopping,
        Notice::Alive,
        Notice::Trigger,
        Notice::WatchdogEvery(0),
        Notice::WatchdogEvery(300),
        Notice::Extend(2_500),
        Notice::Errno(5),
        Notice::ExitStatus("3".into()),
        Notice::BusError("x.y".into()),
        Notice::Access(NotifyAccess::All),
    ];
    (0..1 + rng.below(3)).filter_map(|_| all.get(rng.index(all.len())).cloned()).collect()
}

/// Whether a signal is for a service's reload, and ends nothing.
pub fn is_reload(service: &Service, signal: i32) -> bool {
    service.kind == ServiceType::NotifyReload && signal == service.readiness.reload_signal
}
