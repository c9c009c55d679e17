//! Single services: restart, enable, a killed master.

use super::guest::{Guest, holds};
use super::{Step, step};
use crate::error::{Result, fail};

/// In this order.
pub const STEPS: &[Step] = &[
    step("`initctl restart sshd` over ssh keeps that very session", restart_sshd),
    step("`initctl disable` and `enable nginx --levels 2345` move its links", enable),
    step("`initctl stop`, `start` and `reload` do what they say", stop_start_reload),
    step("nginx's master killed by SIGKILL: it is back, and no old worker is left", kill_nginx),
    step("a mistyped name gets the nearest one", mistyped),
];

fn restart_sshd(guest: &mut Guest) -> Result<String> {
    let before = guest.pids()?;
    let session = guest.run("echo $PPID $$")?;
    guest.run("initctl restart sshd")?;
    let after = guest.pids()?;
    if before.get("sshd.service") == after.get("sshd.service") {
        return fail(format!("sshd is still the same process: {:?}", after.get("sshd.service")));
    }
    if guest.run("echo $PPID $$")? != session {
        return fail("the session is another one");
    }
    let (_end, mut second) = guest.new_ssh()?;
    second.run("true")?;
    Ok("and a new one can be opened".to_owned())
}

fn enable(guest: &mut Guest) -> Result<String> {
    guest.run("initctl disable nginx")?;
    guest.refused("initctl is-enabled nginx")?;
    guest.run("! ls /etc/rung/levels/*/nginx.service")?;
    guest.run("initctl enable nginx --levels 2345")?;
    guest.run("initctl is-enabled nginx")?;
    let links = guest.run("cd /etc/rung/levels && ls -d */nginx.service; cd /")?;
    if links.lines().eq(["2/nginx.service", "3/nginx.service", "4/nginx.service", "5/nginx.service"]) {
        Ok(String::new())
    } else {
        fail(format!("its links are:\n{links}"))
    }
}

fn stop_start_reload(guest: &mut Guest) -> Result<String> {
    guest.run("initctl stop nginx")?;
    guest.run("! pgrep -x nginx")?;
    guest.run("[ \"$(initctl is-active nginx)\" = inactive ]")?;
    guest.run("initctl start nginx && initctl is-active nginx && curl -sSo /dev/null http://127.0.0.1/")?;
    let before = guest.pids()?;
    guest.run("pgrep -x nginx -P \"$(cat /run/nginx.pid)\" >/tmp/workers && initctl reload nginx")?;
    guest.until("! kill -0 $(cat /tmp/workers) 2>/dev/null", 60)?;
    guest.same(&before)
}

fn kill_nginx(guest: &mut Guest) -> Result<String> {
    let before = guest.run("pgrep -x nginx")?;
    let master = guest.run("cat /run/nginx.pid")?;
    guest.run(&format!("kill -9 {master}"))?;
    guest.until(&format!("[ \"$(cat /run/nginx.pid)\" != {master} ] && initctl -q is-active nginx && curl -sSo /dev/null http://127.0.0.1/"), 60)?;
    let old: Vec<_> = before.lines().collect();
    guest.run(&format!("! ps -o pid,ppid,args -p {}", old.join(",")))?;
    Ok(format!("{} old processes gone", old.len()))
}

fn mistyped(guest: &mut Guest) -> Result<String> {
    let said = guest.refused("initctl status ngnix")?;
    holds(&said, &["ngnix", "nginx"])?;
    Ok(String::new())
}
