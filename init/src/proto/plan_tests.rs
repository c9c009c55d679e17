//! A plan reads back as it was written; truncated or garbled plans end in `Err`, never in a panic.
use super::*;
use proptest::prelude::*;
use std::ffi::CString;

fn sample(path: &CStr, number: u32) -> Vec<u8> {
    let (args, env) = (strings(["prog", "", "a b"]), strings(["A=1"]));
    let ids: Vec<u8> = [4u32, number].iter().flat_map(|v| v.to_le_bytes()).collect();
    let all = [
        Step::Session,
        Step::Signals { ignore: u64::from(number) },
        Step::Fd { index: 1, target: 2 },
        Step::Open { path, access: Access::Append, target: 1 },
        Step::Tty { path, force: true, reset: false, hangup: true },
        Step::Terminal { path, reset: false, hangup: false, clear: true },
        Step::Dup { from: 0, to: 1 },
        Step::Limit { resource: number, soft: 1, hard: u64::MAX },
        Step::Umask { mask: number },
        Step::Nice { value: -3 },
        Step::OomScore { value: -900 },
        Step::Cgroup { path, required: false },
        Step::Groups { ids: Ids::new(&ids) },
        Step::Gid { id: number },
        Step::Uid { id: number },
        Step::Chroot { path },
        Step::Chdir { path, optional: true },
        Step::PidEnv { name: path },
        Step::Foreground,
        Step::Set { what: Setting::AmbientSet, value: u64::from(number) << 20 },
        Step::Set { what: Setting::MemoryMerge, value: 1 },
        Step::Scheduler { policy: 2, priority: -1 },
        Step::Affinity { cpus: Ids::new(&ids) },
        Step::Folder { base: path, name: c"a/b", mode: number, uid: u32::MAX, gid: 3, always: true },
        Step::Link { base: path, name: c"a", target: path },
        Step::Remove { base: path, name: c"a/b" },
        Step::End,
        Step::Exec { program: path, args: Strings::new(&args), env: Strings::new(&env) },
    ];
    let mut plan = Plan::default();
    for (index, step) in all.into_iter().enumerate() {
        assert_eq!(usize::from(plan.push(step)), index);
    }
    let bytes = plan.finish().expect("short");
    let read: Vec<_> = Steps::new(&bytes).expect("header").map(|s| s.expect("step")).collect();
    assert_eq!(read, all);
    bytes
}

proptest! {
    #[test]
    fn a_plan_reads_back(path in "/[a-z /]{0,40}", number: u32) {
        sample(&CString::new(path).expect("no NUL"), number);
    }

    #[test]
    fn cut_or_garbled_plans_only_fail(cut in 0usize..900, at in 0usize..900, byte: u8) {
        let mut bytes = sample(c"/bin/true", 7);
        if let Some(b) = bytes.get_mut(at) {
            *b = byte;
        }
        bytes.truncate(cut);
        if let Ok(steps) = Steps::new(&bytes) {
            for step in steps.flatten() {
                if let Step::Exec { args, env, .. } = step {
                    prop_assert!(args.iter().count() + env.iter().count() <= bytes.len());
                }
            }
        }
    }
}

#[test]
fn too_long_a_plan_is_not_made() {
    let text = CString::new(vec![b'x'; MAX_LEN]).expect("no NUL");
    let mut plan = Plan::default();
    plan.push(Step::Chdir { path: &text, optional: false });
    assert_eq!(plan.finish(), None);
}
