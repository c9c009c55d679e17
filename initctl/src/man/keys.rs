//! rung.unit(5) and init.conf(5), from the tables of keys.

use super::{Text, key, term};
use init::unit::{conf, keys};

const UNIT: &str = "\
A unit file describes one service (`NAME.service`) or a group of them (`NAME.target`). It holds sections of KEY=VALUE \
lines. Lines that begin with `#` or `;` are comments; a line that ends in a backslash goes on in the next.

A key that systemd has means what it means there; the pages systemd.unit(5), systemd.service(5) and systemd.exec(5) are \
what these follow. Keys that are only Rung's say so. An unknown key gets a warning with its place and the nearest known \
name; sections and keys that begin with `X-` are for others and are passed over in silence.

A key that is marked as a list gathers the values of all its lines; an empty one empties it. Of any other key the last \
value counts, so that a drop-in can change it; an empty one sets it back to its default.

A mistake makes that one unit unusable, and nothing else: `initctl verify` shows it with its place. A file that turns \
bad under a running service leaves the service alone. A changed file is seen at the next request.";

const FILES: &str = "\
Files are looked for in `/etc/rung/units`, `/run/rung/units`, `/usr/lib/rung/units`, then in systemd's folders; the \
first hit counts. `NAME.service.d/*.conf` are drop-ins, read after the file in the order of their names; of several with \
one name that in the first folder counts. `NAME@.service` is a template: `NAME@WORD.service` is read from it, with `%i` \
for WORD. A link to `/dev/null`, or an empty file, masks a unit.

A link `/etc/rung/levels/LEVEL/NAME.service` turns it on in that level; `initctl enable` makes it.";

const EXAMPLE: &str = "\
  [Unit]
  Description=Static files on port 8000
  After=network.target

  [Service]
  ExecStart=/usr/bin/python3 -m http.server 8000
  WorkingDirectory=/srv
  User=www-data
  Restart=on-failure

  [Install]
  Runlevels=2345";

pub(super) fn unit() -> String {
    let mut text = Text::new("rung.unit", 5, "unit files of Rung");
    text.section("DESCRIPTION");
    text.prose(UNIT);
    let mut section = "";
    for k in keys() {
        if k.section != section {
            section = k.section;
            text.section(&format!("[{section}]"));
        }
        text.item(key(k.name, if k.list { "LIST" } else { "VALUE" }), &meaning(k.doc, k.default, k.list));
    }
    text.section("FILES");
    text.prose(FILES);
    text.section("EXAMPLE");
    text.prose(EXAMPLE);
    text.finish("initctl(1), init.conf(5), init(8)")
}

pub(super) fn conf() -> String {
    let mut text = Text::new("init.conf", 5, "settings of Rung itself");
    text.section("SYNOPSIS");
    text.0.text(term("/etc/rung/init.conf"));
    text.section("DESCRIPTION");
    text.prose(
        "Lines of KEY=VALUE in a section [Manager], as in rung.unit(5). Without the file, all is as its defaults say. A \
         mistake is told, and the key is as if it weren't there.",
    );
    text.section("KEYS");
    for k in conf::keys() {
        text.item(key(k.name, "VALUE"), &meaning(k.doc, k.default, false));
    }
    text.finish("init(8), initctl(1), rung.unit(5)")
}

fn meaning(doc: &str, default: &str, list: bool) -> String {
    let mut text = doc.to_owned();
    if !default.is_empty() {
        text.push_str(&format!(" Default: {default}."));
    }
    if list {
        text.push_str(" A list.");
    }
    text
}
