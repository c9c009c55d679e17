//! The interface description and the serde types name the same fields and words.
use super::*;
use crate::core::{Course, Whom};
use std::collections::BTreeMap;

/// Fields of a `(...)`, with their types; members of an enum have none.
type Fields = BTreeMap<String, Option<String>>;

/// What a description declares.
#[derive(Debug, Default)]
struct Interface {
    types: BTreeMap<String, Fields>,
    methods: BTreeMap<String, (Fields, Fields)>,
    errors: BTreeMap<String, Fields>,
}

/// Just enough of Varlink's grammar; panics on what it can't read.
fn parse(text: &str) -> Interface {
    let bare: String = text.lines().map(|l| l.split('#').next().unwrap_or("")).collect::<Vec<_>>().join(" ");
    let mut words: Vec<String> = Vec::new();
    for c in bare.replace("->", " ").chars() {
        match c {
            '(' | ')' | ',' | ':' => words.extend([c.to_string(), String::new()]),
            c if c.is_whitespace() => words.push(String::new()),
            c => match words.last_mut() {
                Some(word) => word.push(c),
                None => words.push(c.to_string()),
            },
        }
    }
    words.retain(|w| !w.is_empty());
    let mut words = words.into_iter();
    let fields = |words: &mut dyn Iterator<Item = String>| {
        assert_eq!(words.next().as_deref(), Some("("));
        let mut all = Fields::new();
        let mut name = String::new();
        loop {
            match words.next().expect("unbalanced").as_str() {
                ")" if name.is_empty() => return all,
                ")" => {
                    all.entry(name).or_insert(None);
                    return all;
                }
                "," => drop(all.entry(std::mem::take(&mut name)).or_insert(None)),
                ":" => drop(all.insert(name.clone(), words.next())),
                word => name = word.to_owned(),
            }
        }
    };
    let mut interface = Interface::default();
    while let Some(keyword) = words.next() {
        let name = words.next().expect("a name");
        match keyword.as_str() {
            "interface" => assert_eq!(name, INTERFACE),
            "type" => drop(interface.types.insert(name, fields(&mut words))),
            "error" => drop(interface.errors.insert(name, fields(&mut words))),
            "method" => {
                let pair = (fields(&mut words), fields(&mut words));
                interface.methods.insert(name, pair);
            }
            other => panic!("`{other}`"),
        }
    }
    interface
}

/// The description says exactly these fields, and a type that fits each value.
fn agree<T: Serialize>(what: &str, interface: &Interface, declared: &Fields, full: T) {
    let value = serde_json::to_value(full).expect("json");
    let object = value.as_object().expect("an object");
    let names = |k: &mut dyn Iterator<Item = &String>| k.cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names(&mut declared.keys()), names(&mut object.keys()), "{what}");
    for (name, kind) in declared {
        fits(&format!("{what}.{name}"), interface, kind.as_deref().expect("a field has a type"), &object[name]);
    }
}

fn fits(what: &str, interface: &Interface, kind: &str, value: &Value) {
    if let Some(inner) = kind.strip_prefix('?') {
        assert!(!value.is_null(), "{what}: the sample must be full");
        return fits(what, interface, inner, value);
    }
    if let Some(inner) = kind.strip_prefix("[]") {
        let items = value.as_array().unwrap_or_else(|| panic!("{what} is an array"));
        assert!(!items.is_empty(), "{what}: the sample must be full");
        return items.iter().for_each(|item| fits(what, interface, inner, item));
    }
    match kind {
        "string" => assert!(value.is_string(), "{what}"),
        "int" => assert!(value.is_i64() || value.is_u64(), "{what}"),
        "bool" => assert!(value.is_boolean(), "{what}"),
        "object" => {}
        named => {
            let fields = interface.types.get(named).unwrap_or_else(|| panic!("{what}: no type `{named}`"));
            match value {
                Value::String(word) => assert_eq!(fields.get(word), Some(&None), "{what}: `{word}`"),
                object => agree(what, interface, fields, object),
            }
        }
    }
}

fn name() -> UnitName {
    UnitName::new("a").expect("name")
}

fn status() -> UnitStatus {
    UnitStatus {
        name: name(),
        description: "A".into(),
        documentation: vec!["man:a(8)".into()],
        load: LoadState::Loaded,
        load_error: Some("e".into()),
        changed_on_disk: true,
        state: State::Active,
        phase: Phase::Running,
        since_ms: Some(1),
        main_pid: Some(2),
        control_pid: Some(3),
        pids: vec![2, 3],
        restarts: 1,
        last_exit: Some(ExitRecord::Core(11)),
        outcome: Some(Outcome::Success),
        reason: Some("r".into()),
        status_text: Some("s".into()),
        status_errno: Some(2),
        status_exit: Some("1".into()),
        status_bus_error: Some("e".into()),
        job: Some("start".into()),
        waits_for: vec![name()],
        timeout_in_ms: Some(4),
        levels: "2345".into(),
        cause: Some(cause()),
        source: Source::Native,
        files: vec!["/f".into()],
        requires: vec![name()],
        wants: vec![name()],
        after: vec![name()],
        before: vec![name()],
        conflicts: vec![name()],
        relations: vec![("binds_to".into(), name())],
        settings: vec![("Type".into(), "simple".into())],
    }
}

fn brief() -> UnitBrief {
    UnitBrief {
        name: name(),
        description: "A".into(),
        load: LoadState::Loaded,
        state: State::Active,
        phase: Phase::Running,
        since_ms: Some(1),
        main_pid: Some(2),
        control_pid: Some(3),
        restarts: 1,
        levels: "2345".into(),
        source: Source::Native,
        file: Some("/f".into()),
    }
}

fn cause() -> Cause {
    let asked = Asked {
        verb: "start".into(),
        asker: Asker::Client,
        uid: Some(0),
        user: Some("root".into()),
        login: Some("ann".into()),
        pid: Some(9),
        command: Some("initctl start a".into()),
        at_ms: 1,
    };
    Cause { job: "start".into(), asked, via: vec![name()], level: Some("3".into()) }
}

fn happened() -> HistoryEvent {
    HistoryEvent {
        boot: "b".into(),
        seq: 1,
        at_ms: 2,
        kind: EventKind::Ready,
        unit: Some(name()),
        state: Some(State::Active),
        text: "t".into(),
        by: "b".into(),
    }
}

fn progress() -> Progress {
    let end = JobEnd {
        name: name(),
        result: JobResult::Done,
        reason: Some("r".into()),
        hint: Some("h".into()),
        log: vec!["l".into()],
        script_status: Some(5),
    };
    Progress { ended: vec![end], open: vec![name()], done: true, notes: vec!["n".into()] }
}

fn planned() -> Planned {
    use crate::core::{Cut, Deed, Reason, Step};
    let reason = Reason::WantedBy(name());
    let step =
        Step { wave: 1, deed: Deed::Start, unit: name(), reason, restart: true, under_way: true, after: vec![name()] };
    Planned {
        steps: vec![step],
        stays: vec![name()],
        refused: vec![Refused { unit: name(), result: JobResult::Already, reason: Some("r".into()) }],
        cuts: vec![Cut { members: vec![name()], later: name(), earlier: name() }],
        links: vec![LinkChange { name: name(), path: "/p".into(), target: Some("/t".into()) }],
        notes: vec!["n".into()],
    }
}

#[test]
fn description_and_types_agree() {
    let i = parse(DESCRIPTION);
    let takes = |method: &str, full: Value| agree(method, &i, &i.methods[method].0, full);
    let gives = |method: &str, full: Value| agree(method, &i, &i.methods[method].1, full);
    fn json(full: impl Serialize) -> Value {
        serde_json::to_value(full).expect("json")
    }
    let empty = || Value::Object(serde_json::Map::new());
    let units = || json(Units { units: vec![status()] });
    let names = || json(Names { names: vec!["a".into()] });
    let links = || {
        let change = LinkChange { name: name(), path: "/p".into(), target: Some("/t".into()) };
        json(Links { changes: vec![change], notes: vec!["n".into()] })
    };
    let enable = || json(Enable { names: vec!["a".into()], levels: Some("2".into()) });
    takes("Brief", names());
    gives("Brief", json(Briefs { units: vec![brief()] }));
    takes("List", empty());
    gives("List", units());
    takes("Status", names());
    gives("Status", units());
    takes("Change", json(Change { verb: Verb::Start, names: vec!["a".into()], request: 1, wait: true }));
    gives("Change", json(progress()));
    takes("SetLevel", json(SetLevel { level: Level::S, request: 1, wait: true }));
    gives("SetLevel", json(progress()));
    takes("Power", json(PowerRequest { how: PowerWord::Halt, request: 1, wait: true, force: true }));
    gives("Power", json(progress()));
    takes("Runlevel", empty());
    gives(
        "Runlevel",
        json(Runlevel {
            previous: Some(Level::S),
            current: Some(Level::S),
            switching_to: Some(Level::SINGLE),
            going_down: Some(PowerWord::PowerOff),
        }),
    );
    for method in ["Enable", "Disable"] {
        takes(method, enable());
        gives(method, links());
    }
    takes("Levels", names());
    let row = LevelRow { name: name(), on: "2".into(), default: "3".into(), held_by: vec![name()] };
    gives("Levels", json(LevelTable { rows: vec![row] }));
    takes("ReloadUnits", json(ReloadUnits { choose: Some(true) }));
    gives("ReloadUnits", json(Reloaded { changed: vec![name()], findings: vec!["f".into()] }));
    takes("Wait", json(Wait { names: vec!["a".into()], states: vec![State::Active] }));
    gives("Wait", units());
    for method in ["Why", "Explain"] {
        takes(method, json(About { name: "a".into() }));
    }
    let source = UnitSource { path: "/p".into(), source: Source::Native, part: "used".into() };
    let difference = Difference { key: "k".into(), running: "r".into(), file: "f".into() };
    let texts = || vec!["t".to_owned()];
    gives(
        "Why",
        json(Why {
            unit: status(),
            verdict: "v".into(),
            because: texts(),
            waiting: texts(),
            sources: vec![source],
            differences: vec![difference],
            next: texts(),
        }),
    );
    let step = ExplainedStep { text: "t".into(), key: "k".into(), place: Some("p".into()) };
    let command = ExplainedCommand {
        key: "ExecStart".into(),
        place: Some("p".into()),
        steps: vec![step],
        problem: Some("p".into()),
    };
    gives("Explain", json(Explanation { name: name(), with: texts(), commands: vec![command] }));
    takes("Events", json(Events { after: Some(1), boot: Some("b".into()), count: Some(1) }));
    gives("Events", json(EventList { events: vec![happened()], last: 1, boot: "b".into(), missed: 1 }));
    takes("Reexec", empty());
    gives("Reexec", empty());
    takes("Processes", names());
    let group = Group { name: name(), pids: vec![1], main_pid: Some(1), cgroup: Some("/c".into()) };
    gives("Processes", json(Processes { groups: vec![group], own: vec![1], pid_namespace: Some(1) }));
    takes("StartTimes", empty());
    let unit = UnitTime {
        name: name(),
        queued_ms: Some(1),
        begun_ms: 1,
        done_ms: Some(2),
        last_begun_ms: 3,
        last_done_ms: Some(4),
    };
    let level = LevelTime { level: Level::S, begun_ms: 1, reached_ms: 2 };
    let times = StartTimes { now_ms: 1, init_ms: Some(1), container: true, levels: vec![level], units: vec![unit] };
    gives("StartTimes", json(times));
    takes("Boot", empty());
    let unit = BootUnit {
        name: name(),
        queued_ms: Some(1),
        begun_ms: Some(2),
        done_ms: Some(3),
        ended_ms: Some(4),
        state: State::Active,
        cpu_ms: Some(5),
        after: Some(name()),
    };
    let levels = vec![LevelTime { level: Level::S, begun_ms: 1, reached_ms: 2 }];
    gives("Boot", json(BootRecord { units: vec![unit], levels, load: vec![Load::default()], ..Default::default() }));
    takes("Jobs", json(AskJobs { logs: true }));
    let job = Job {
        name: name(),
        description: "d".into(),
        job: Some("stop".into()),
        phase: Phase::StopSignal,
        doing: "d".into(),
        stopping: true,
        for_ms: 1,
        timeout_in_ms: Some(1),
        waits_for: vec![name()],
        pids: vec![1],
        main_pid: Some(1),
        log: texts(),
    };
    let jobs = Jobs {
        going_down: Some(PowerWord::Halt),
        switching_to: Some(Level::HALT),
        deadline_in_ms: Some(1),
        jobs: vec![job],
        pid_namespace: Some(1),
    };
    gives("Jobs", json(jobs));
    let of = PlanOf::Units { verb: Verb::Start, names: vec!["a".into()] };
    takes("Plan", json(PlanRequest { request: of }));
    gives("Plan", json(planned()));
    takes("Version", empty());
    gives("Version", json(Version { version: "1".into(), managers: 1, reexecs: 1 }));
    takes("Run", json(RunScript { name: "a".into() }));
    let environment = vec![("n".to_owned(), "v".to_owned())];
    gives("Run", json(ScriptCall { script: "/s".into(), cgroup: Some("/c".into()), environment }));
    takes("Adopt", json(Adopt { name: "a".into(), pid: Some(2) }));
    gives("Adopt", json(Adopted { main_pid: Some(2), pids: vec![2] }));
    assert_eq!(i.methods.len(), 24, "a method without a check");
    assert_eq!(i.types.len(), 30, "a type without a check");
    for error in [errors::NO_SUCH_UNIT, errors::DENIED, errors::FAILED, errors::GOING_DOWN, errors::TOO_SLOW] {
        let short = error.strip_prefix(INTERFACE).and_then(|e| e.strip_prefix('.')).expect("ours");
        agree(error, &i, &i.errors[short], ErrorText { text: "t".into(), nearest: vec!["n".into()] });
    }
    assert_eq!(i.errors.len(), 5, "an error without a check");
}

#[test]
fn the_description_has_every_word_of_every_enum() {
    let i = parse(DESCRIPTION);
    let check = |kind: &str, words: &[Value]| {
        let mut words: Vec<&str> = words.iter().map(|w| w.as_str().expect("a word")).collect();
        words.sort_unstable();
        assert_eq!(i.types[kind].keys().map(String::as_str).collect::<Vec<_>>(), words, "{kind}");
    };
    macro_rules! words {
        ($($variant:path),* $(,)?) => { [$(serde_json::to_value($variant).expect("json")),*] };
    }
    use {LoadState as L, Phase as P, PowerWord as W, Source as S, State as T};
    check("State", &words![T::Inactive, T::Activating, T::Active, T::Reloading, T::Deactivating, T::Failed]);
    check("LoadState", &words![L::Loaded, L::Missing, L::Bad, L::Masked]);
    check("Source", &words![S::Native, S::Systemd, S::Script, S::Twin, S::Inittab, S::Generated]);
    let words: Vec<Value> = EventKind::ALL.iter().map(|k| serde_json::to_value(k).expect("json")).collect();
    check("EventKind", &words);
    assert!(EventKind::ALL.iter().all(|k| words.iter().any(|w| w == k.word())), "a word of its own");
    check("Asker", &words![Asker::Client, Asker::Boot, Asker::Signal, Asker::Essential, Asker::Manager]);
    use crate::core::Deed as D;
    check("PlanDeed", &words![D::Stop, D::CallOff, D::Start, D::Reload, D::Signal, D::Reset]);
    check("BootStage", &words![BootStage::Going, BootStage::Done, BootStage::Cut]);
    check("PowerWord", &words![W::Halt, W::PowerOff, W::Reboot]);
    check(
        "Phase",
        &words![
            P::Dead,
            P::Check,
            P::Condition,
            P::StartPre,
            P::Start,
            P::StartPost,
            P::Running,
            P::Exited,
            P::Reload,
            P::Stop,
            P::StopSignal,
            P::StopAbort,
            P::StopKill,
            P::StopPost,
            P::FinalSignal,
            P::FinalKill,
            P::AutoRestart
        ],
    );
}

#[test]
fn verbs_are_written_as_described() {
    let kill = Verb::Kill { signal: 15, whom: Whom::All };
    assert_eq!(serde_json::to_value(kill).expect("json"), serde_json::json!({"kill": {"signal": 15, "whom": "all"}}));
    for (course, text) in [
        (Course::Wait { ms: 5 }, serde_json::json!({"stopping": {"wait": {"ms": 5}}})),
        (Course::Kill, serde_json::json!({"stopping": "kill"})),
    ] {
        assert_eq!(serde_json::to_value(Verb::Stopping(course)).expect("json"), text);
    }
    assert_eq!(serde_json::to_value(Verb::TryRestart).expect("json"), "try_restart");
}

#[test]
fn an_older_or_newer_side_is_understood() {
    let reply: Reply = serde_json::from_str(r#"{"parameters":{"done":true,"later":[1]},"later":1}"#).expect("reply");
    let progress: Progress = serde_json::from_value(reply.parameters).expect("progress");
    assert!(progress.done && progress.ended.is_empty());
}
