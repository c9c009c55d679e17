//! Whose a service's processes are, and what they find when they begin (systemd.exec(5)): the keys that most services
//! leave alone. Others of their kind are in [`super::Exec`].

use std::path::PathBuf;

/// `StandardInput=`
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Input {
    /// `/dev/null`
    #[default]
    Null,
    /// `TTYPath=`, as controlling terminal; waits until it is free.
    Tty,
    /// `TTYPath=`, taken from whoever has it.
    TtyForce,
    /// `TTYPath=`, or fail if another has it.
    TtyFail,
    /// `file:PATH`
    File(PathBuf),
    /// What PID 1 was started with (`init -- CMD`).
    Inherit,
}

/// `StandardOutput=`, `StandardError=`
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Output {
    /// To the log (the default; also what `journal`, `syslog`, `kmsg` become).
    #[default]
    Log,
    /// As standard input (output), or standard output (error).
    Inherit,
    /// `/dev/null`
    Null,
    /// `TTYPath=`
    Tty,
    /// `file:PATH`
    File(PathBuf),
    /// `append:PATH`
    Append(PathBuf),
    /// `truncate:PATH`
    Truncate(PathBuf),
    /// What PID 1 was started with (`init -- CMD`).
    Raw,
}

/// A resource limit: `LimitNOFILE=1024:4096`. `u64::MAX` is infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    /// The key, e.g. `LimitNOFILE`.
    pub key: &'static str,
    /// `RLIMIT_*`.
    pub resource: u32,
    /// Soft limit.
    pub soft: u64,
    /// Hard limit.
    pub hard: u64,
}

/// `WorkingDirectory=`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WorkingDirectory {
    /// An absolute path; `None` is `~`, the user's home.
    pub path: Option<PathBuf>,
    /// A missing folder is passed over.
    pub optional: bool,
}

/// Accounts, folder, variables, streams and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// `PIDFile=`, absolute.
    pub pid_file: Option<PathBuf>,
    /// `User=`: a name or a number.
    pub user: Option<String>,
    /// `Group=`: a name or a number.
    pub group: Option<String>,
    /// `WorkingDirectory=`; `-` before it makes a missing one harmless; `~` is the user's home.
    pub working_directory: Option<WorkingDirectory>,
    /// `UMask=`; 0022.
    pub umask: u32,
    /// `Environment=`, in order; a later name wins.
    pub environment: Vec<(String, String)>,
    /// `EnvironmentFile=`: path, and whether a missing one is harmless (`-`).
    pub environment_files: Vec<(PathBuf, bool)>,
    /// `StandardInput=`
    pub input: Input,
    /// `StandardOutput=`
    pub output: Output,
    /// `StandardError=`
    pub error: Output,
    /// `Limit*=`
    pub limits: Vec<Limit>,
    /// `IgnoreSIGPIPE=`; yes.
    pub ignore_sigpipe: bool,
    /// `Nice=`
    pub nice: Option<i32>,
    /// `OOMScoreAdjust=`
    pub oom_score_adjust: Option<i32>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            pid_file: None,
            user: None,
            group: None,
            working_directory: None,
            umask: 0o022,
            environment: Vec::new(),
            environment_files: Vec::new(),
            input: Input::Null,
            output: Output::Log,
            error: Output::Inherit,
            limits: Vec::new(),
            ignore_sigpipe: true,
            nice: None,
            oom_score_adjust: None,
        }
    }
}
