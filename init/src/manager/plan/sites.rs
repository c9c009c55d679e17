//! The sites of plans that a child is at work on: asked for only where a step fails, and forgotten once the program runs.

use super::Site;
use crate::proto::pid1::Key;
use std::collections::BTreeMap;
use std::rc::Rc;

/// By process. In a boot there are as many as services; those that are alike have sites that are alike, and share them.
#[derive(Debug, Default)]
pub struct Sites {
    plans: BTreeMap<Key, Rc<[Site]>>,
    /// Those that went out last.
    last: Option<Rc<[Site]>>,
}

impl Sites {
    /// A plan goes out.
    pub fn keep(&mut self, key: Key, sites: Vec<Site>) {
        let same = self.last.take().filter(|last| **last == *sites);
        let sites = same.unwrap_or_else(|| sites.into());
        self.last = Some(Rc::clone(&sites));
        self.plans.insert(key, sites);
    }

    /// Its child is through, or has failed.
    pub fn take(&mut self, key: Key) -> Option<Rc<[Site]>> {
        let sites = self.plans.remove(&key);
        self.last.take_if(|_| self.plans.is_empty());
        sites
    }

    /// Nothing more is heard of the instance.
    pub fn forget(&mut self, token: u64) {
        let of = |step| Key { token, step };
        let keys: Vec<Key> = self.plans.range(of(0)..=of(u32::MAX)).map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| drop(self.take(key)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_that_are_alike_share_their_sites_while_one_of_them_is_there() {
        let sites = |doing: &'static str| vec![Site { key: "ExecStart", place: None, doing: doing.into() }];
        let key = |token, step| Key { token, step };
        let mut kept = Sites::default();
        for (key, doing) in [(key(1, 0), "run a"), (key(1, 1), "run a"), (key(2, 0), "run b"), (key(3, 0), "run b")] {
            kept.keep(key, sites(doing));
        }
        let shared = |kept: &Sites, a, b| Rc::ptr_eq(&kept.plans[&a], &kept.plans[&b]);
        assert!(shared(&kept, key(1, 0), key(1, 1)) && shared(&kept, key(2, 0), key(3, 0)));
        kept.forget(1);
        assert_eq!(kept.plans.len(), 2, "another's stay");
        assert_eq!(kept.take(key(2, 0)).as_deref(), Some(sites("run b").as_slice()));
        assert!(kept.take(key(3, 0)).is_some() && kept.take(key(3, 0)).is_none());
        assert!(kept.last.is_none(), "nobody needs them any more");
    }
}
