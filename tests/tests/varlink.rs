//! The control socket as a foreign Varlink client sees it: Python's `varlink`, which reads the interface's description and
//! checks what it sends and gets against it.

use rung_tests::world::{World, off};
use std::path::Path;

/// Asks for everything that changes nothing, a start with `more`, and what must be refused.
const SCRIPT: &str = r#"
import sys, varlink
from varlink import Client, VarlinkError
with Client(address="unix:" + sys.argv[1]) as client:
    interfaces = client.get_interfaces()
    assert "org.rung.Manager" in interfaces, interfaces
    described = client.get_interface("org.rung.Manager")
    with client.open("org.rung.Manager") as rung:
        # The client drops what isn't described and refuses what doesn't fit: all described must be there.
        def ask(method, **parameters):
            reply = getattr(rung, method)(**parameters)
            missing = set(f for f in described.get_method(method).out_type.fields if f not in reply)
            assert missing <= {"previous", "switching_to", "going_down"}, (method, missing)
            return reply
        names = [u["name"] for u in ask("List")["units"]]
        assert "web.service" in names, names
        assert ask("Status", names=["web"])["units"][0]["state"] == "inactive"
        assert ask("Runlevel")["current"] == "3"
        assert ask("Why", name="web")["unit"]["name"] == "web.service"
        assert ask("Explain", name="web")["commands"][0]["key"] == "ExecStart"
        assert ask("Levels", names=["web"])["rows"]
        assert ask("Version")["managers"] >= 0
        last = ask("Events", count=5)
        assert last["events"] and last["missed"] == 0, last
        # A start, followed to its end.
        replies = list(rung.Change(_more=True, verb="start", names=["web"], request=4711, wait=True))
        assert replies[-1]["done"] and any(e["result"] == "done" for r in replies for e in r["ended"]), replies
        unit = ask("Status", names=["web"])["units"][0]
        assert unit["state"] == "active" and unit["cause"]["asked"]["uid"] == 0, unit
        news = ask("Events", after=last["last"], boot=last["boot"])["events"]
        assert [e["kind"] for e in news if e["unit"] == "web.service"][:2] == ["request", "starting"], news
        # Events as they come.
        stream = rung.Events(_more=True, count=1)
        assert len(next(stream)["events"]) == 1
    with client.open("org.rung.Manager") as rung:
        for call, error in [
            (lambda: rung.Status(names=["nosuch"]), "org.rung.Manager.NoSuchUnit"),
            (lambda: rung.Why(name="nosuch"), "org.rung.Manager.NoSuchUnit"),
        ]:
            try:
                call()
                sys.exit("no error")
            except VarlinkError as e:
                assert e.error() == error and e.parameters()["text"], e.as_dict()
print("all well")
"#;

#[test]
fn a_foreign_client_reads_the_description_and_uses_it() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/python");
    if !python.exists() {
        println!("skipped: there is no Python with `varlink` in target/python (tests/all makes it)");
        return;
    }
    let unit = off("[Service]\nType=exec\nExecStart=/bin/sleep infinity\n");
    let world = World::new().unit("web.service", &unit).boot();
    let socket = world.path("/run/rung/control");
    let out = std::process::Command::new(python).args(["-c", SCRIPT]).arg(socket).output().expect("python");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        out.status.success() && text(&out.stdout).contains("all well"),
        "{}\n{}",
        text(&out.stdout),
        text(&out.stderr)
    );
}
