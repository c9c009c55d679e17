//! The driver of shells, on a shell of the host.

use super::*;
use std::process::{Child, Command, Stdio};

fn shell() -> (Child, Shell) {
    let mut child = Command::new("/bin/sh").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let shell = Shell::new(child.stdin.take().unwrap().into(), child.stdout.take().unwrap().into()).unwrap();
    (child, shell)
}

fn end(mut child: Child, shell: Shell) {
    drop(shell);
    child.wait().unwrap();
}

#[test]
fn commands_give_text_and_status() {
    let (child, mut shell) = shell();
    assert_eq!(shell.run("echo one; echo two >&2").unwrap(), "one\ntwo");
    assert_eq!(shell.run("printf 'no newline'").unwrap(), "no newline");
    assert_eq!(shell.run("cat").unwrap(), "", "a command has no input to eat our next lines from");
    let done = shell.done("echo why; (exit 7)").unwrap();
    assert_eq!((done.status, done.text.as_str()), (7, "why"));
    assert!(shell.run("(exit 7)").unwrap_err().to_string().contains("ended with 7"));
    assert_eq!(shell.run("head -c 300000 /dev/zero | tr '\\0' x").unwrap().len(), 300_000);
    end(child, shell);
}

#[test]
fn conditions_are_waited_for() {
    let (child, mut shell) = shell();
    shell.run("n=0").unwrap();
    shell.until("n=$((n+1)); [ $n -ge 3 ]", 10).unwrap();
    assert_eq!(shell.run("echo $n").unwrap(), "3");
    assert!(shell.until("false", 0).is_err());
    end(child, shell);
}

#[test]
fn a_text_that_does_not_come_is_told_with_what_came() {
    let (child, mut shell) = shell();
    shell.send("echo something else; exec sleep 1000\n").unwrap();
    shell.expect("something", PATIENCE).unwrap();
    let why = shell.expect("never", Duration::from_millis(50)).unwrap_err().to_string();
    assert!(why.starts_with("time ran out before `never` came") && why.contains("else"), "{why}");
    let mut child = child;
    child.kill().unwrap();
    let why = shell.expect("never", PATIENCE).unwrap_err().to_string();
    assert!(why.starts_with("the other end closed"), "{why}");
    end(child, shell);
}
