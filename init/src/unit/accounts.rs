//! `/etc/passwd` and `/etc/group`, as texts. No name service: what these lack, the root's own `getent` is asked for, and
//! its answer is read here too.

/// One user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// The number of its own group.
    pub gid: u32,
    /// Its home folder.
    pub home: String,
    /// Its shell.
    pub shell: String,
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// The users that belong to it beside those whose own group it is.
    pub members: Vec<String>,
}

/// Whom a process runs as. What is `None` stays as it is in the parent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// User number.
    pub uid: Option<u32>,
    /// Group number.
    pub gid: Option<u32>,
    /// All groups of the process, its own first; nothing is set where there are none.
    pub groups: Vec<u32>,
    /// The user's name; empty where only its number is known, or no user is set.
    pub name: String,
    /// The user's home folder, or empty.
    pub home: String,
    /// The user's shell, or empty.
    pub shell: String,
}

/// What the files lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// No such user.
    User(String),
    /// No such group.
    Group(String),
}

/// Users and groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Accounts {
    /// In the order of the file; the first of a name counts.
    pub users: Vec<User>,
    /// Likewise.
    pub groups: Vec<Group>,
}

impl Accounts {
    /// Reads both texts; lines that make no sense are passed over.
    pub fn parse(passwd: &str, group: &str) -> Self {
        Self {
            users: passwd.lines().filter_map(parse_user).collect(),
            groups: group.lines().filter_map(parse_group).collect(),
        }
    }

    /// By name, else by number.
    pub fn user(&self, who: &str) -> Option<&User> {
        let number = who.parse::<u32>().ok();
        let by_name = self.users.iter().find(|u| u.name == who);
        by_name.or_else(|| self.users.iter().find(|u| Some(u.uid) == number))
    }

    /// By name, else by number.
    pub fn group(&self, which: &str) -> Option<&Group> {
        let number = which.parse::<u32>().ok();
        let by_name = self.groups.iter().find(|g| g.name == which);
        by_name.or_else(|| self.groups.iter().find(|g| Some(g.gid) == number))
    }

    /// The groups of a user: `own` first, then those that list it.
    pub fn groups_of(&self, name: &str, own: u32) -> Vec<u32> {
        let mut ids = vec![own];
        for group in &self.groups {
            if !ids.contains(&group.gid) && group.members.iter().any(|m| m == name) {
                ids.push(group.gid);
            }
        }
        ids
    }

    /// Whom `User=`, `Group=` and `SupplementaryGroups=` mean. A user's number needs no entry when a group is given too (or is the same number).
    ///
    /// # Errors
    /// What the files lack.
    pub fn identity(&self, user: Option<&str>, group: Option<&str>, more: &[String]) -> Result<Identity, Missing> {
        let mut identity = self.own_identity(user, group)?;
        for name in more {
            let gid = self.gid(name)?;
            if !identity.groups.contains(&gid) {
                identity.groups.push(gid);
            }
        }
        Ok(identity)
    }

    fn gid(&self, name: &str) -> Result<u32, Missing> {
        let known = self.group(name).map(|g| g.gid).or_else(|| name.parse().ok());
        known.ok_or_else(|| Missing::Group(name.to_owned()))
    }

    fn own_identity(&self, user: Option<&str>, group: Option<&str>) -> Result<Identity, Missing> {
        let gid = group.map(|name| self.gid(name)).transpose()?;
        let Some(who) = user else {
            return Ok(Identity { gid, groups: gid.into_iter().collect(), ..Identity::default() });
        };
        match (self.user(who), who.parse::<u32>()) {
            (Some(user), _) => {
                let gid = gid.unwrap_or(user.gid);
                Ok(Identity {
                    uid: Some(user.uid),
                    gid: Some(gid),
                    groups: self.groups_of(&user.name, gid),
                    name: user.name.clone(),
                    home: user.home.clone(),
                    shell: user.shell.clone(),
                })
            }
            (None, Ok(uid)) => {
                let gid = gid.unwrap_or(uid);
                Ok(Identity { uid: Some(uid), gid: Some(gid), groups: vec![gid], ..Identity::default() })
            }
            (None, Err(_)) => Err(Missing::User(who.to_owned())),
        }
    }
}

/// `name:x:uid:gid:comment:home:shell`
pub fn parse_user(line: &str) -> Option<User> {
    let mut fields = line.trim_end().split(':');
    let (name, _) = (fields.next()?, fields.next()?);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let (_, home, shell) = (fields.next()?, fields.next()?, fields.next().unwrap_or(""));
    usable(name).then(|| User { name: name.into(), uid, gid, home: home.into(), shell: shell.into() })
}

/// `name:x:gid:member,member`
pub fn parse_group(line: &str) -> Option<Group> {
    let mut fields = line.trim_end().split(':');
    let (name, _) = (fields.next()?, fields.next()?);
    let gid = fields.next()?.parse().ok()?;
    let members = fields.next().unwrap_or("").split(',').map(str::trim).filter(|m| !m.is_empty());
    usable(name).then(|| Group { name: name.into(), gid, members: members.map(str::to_owned).collect() })
}

/// No comment, no `+` line of the old network lookups.
fn usable(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['#', '+', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/bash\n# no\n+::::::\nwww:x:33:33::/var/www:/usr/sbin/nologin\nbad:x:y:0:::\n";
    const GROUP: &str = "root:x:0:\nwww:x:33:\nssl:x:110:postfix,www\nadm:x:4:www , root\n12:x:99:\n";

    #[test]
    fn names_and_numbers_are_found() {
        let accounts = Accounts::parse(PASSWD, GROUP);
        assert_eq!(accounts.users.len(), 2);
        let www = accounts.identity(Some("www"), None, &[]).expect("www");
        assert_eq!((www.uid, www.gid, www.groups.as_slice()), (Some(33), Some(33), [33, 110, 4].as_slice()));
        assert_eq!(
            (www.name.as_str(), www.home.as_str(), www.shell.as_str()),
            ("www", "/var/www", "/usr/sbin/nologin")
        );
        assert_eq!(accounts.identity(Some("33"), Some("ssl"), &[]).expect("number").groups, [110, 4]);
        let unknown = accounts.identity(Some("1000"), None, &[]).expect("number");
        assert_eq!((unknown.uid, unknown.groups.as_slice()), (Some(1000), [1000].as_slice()));
        assert_eq!(accounts.identity(None, Some("12"), &[]).expect("group").gid, Some(99));
        assert_eq!(accounts.identity(None, None, &[]), Ok(Identity::default()));
        let more = ["ssl".to_owned(), "33".to_owned(), "7".to_owned()];
        assert_eq!(accounts.identity(Some("www"), None, &more).expect("more").groups, [33, 110, 4, 7]);
        assert_eq!(accounts.identity(None, None, &more).expect("only more").groups, [110, 33, 7]);
        assert_eq!(accounts.identity(None, None, &["x".into()]), Err(Missing::Group("x".into())));
        assert_eq!(accounts.identity(Some("nobody"), None, &[]), Err(Missing::User("nobody".into())));
        assert_eq!(accounts.identity(Some("www"), Some("x"), &[]), Err(Missing::Group("x".into())));
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "[a-z0-9:,\n+#]{0,80}") {
            let accounts = Accounts::parse(&text, &text);
            let _ = accounts.identity(Some("a"), Some("b"), &[]);
        }
    }
}
