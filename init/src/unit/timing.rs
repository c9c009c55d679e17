//! How long starts, stops and pauses may take, and how often a service may be started.

use std::time::Duration;

/// The keys about time that most services leave alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// `RestartSec=`; 100 ms.
    pub restart_sec: Duration,
    /// `StartLimitIntervalSec=`; 10 s. Zero: no limit.
    pub start_limit_interval: Duration,
    /// `StartLimitBurst=`; 5.
    pub start_limit_burst: u32,
    /// `StartLimitPauseSec=`: an automatic restart beyond the limit is put off by this. Zero: it fails.
    pub start_limit_pause: Duration,
    /// `TimeoutStartSec=`; 90 s, none for one-shots. `None`: no limit.
    pub timeout_start: Option<Duration>,
    /// `TimeoutStopSec=`; 90 s in systemd, here too. `None`: no limit.
    pub timeout_stop: Option<Duration>,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            restart_sec: Duration::from_millis(100),
            start_limit_interval: Duration::from_secs(10),
            start_limit_burst: 5,
            start_limit_pause: Duration::ZERO,
            timeout_start: Some(Duration::from_secs(90)),
            timeout_stop: Some(Duration::from_secs(90)),
        }
    }
}
