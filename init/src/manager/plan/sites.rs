//! The sites of plans that a child is at work on: asked for only where a step fails, and forgotten once the program runs.

use super::Site;
use crate::proto::pid1::Key;
use crate::unit::Place;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// Dead sites are thrown out when there are so many at least, and more than others.
const MANY: usize = 1024;

/// By process. In a boot there are as many as services, so all of them lie in two blocks, which are given back when the last
/// is forgotten: each in memory of its own, they would leave the heap full of gaps.
#[derive(Debug, Default)]
pub struct Sites {
    plans: BTreeMap<Key, Range<usize>>,
    sites: Vec<Kept>,
    /// What is done at them, where that is no text of the program's.
    texts: String,
    /// So many sites belong to no plan any more.
    dead: usize,
}

/// A [`Site`] in the block.
#[derive(Debug, Clone)]
struct Kept {
    key: &'static str,
    place: Option<Place>,
    doing: Doing,
}

#[derive(Debug, Clone)]
enum Doing {
    Always(&'static str),
    /// A part of the texts.
    Own(u32, u32),
}

impl Sites {
    /// A plan goes out.
    pub fn keep(&mut self, key: Key, sites: Vec<Site>) {
        self.forget_one(key);
        self.add(key, sites.into_iter());
    }

    fn add(&mut self, key: Key, sites: impl Iterator<Item = Site>) {
        let start = self.sites.len();
        for Site { key, place, doing } in sites {
            let doing = match doing {
                Cow::Borrowed(text) => Doing::Always(text),
                Cow::Owned(text) => {
                    let from = self.texts.len();
                    self.texts.push_str(&text);
                    let short = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
                    Doing::Own(short(from), short(self.texts.len()))
                }
            };
            self.sites.push(Kept { key, place, doing });
        }
        self.plans.insert(key, start..self.sites.len());
    }

    fn get(&self, range: Range<usize>) -> impl Iterator<Item = Site> {
        self.sites.get(range).unwrap_or_default().iter().map(|kept| {
            let doing = match kept.doing {
                Doing::Always(text) => Cow::Borrowed(text),
                Doing::Own(from, to) => {
                    let part = usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or(usize::MAX);
                    Cow::Owned(self.texts.get(part).unwrap_or_default().to_owned())
                }
            };
            Site { key: kept.key, place: kept.place, doing }
        })
    }

    /// Its child has failed: the sites of its plan.
    pub fn take(&mut self, key: Key) -> Option<Vec<Site>> {
        let sites = self.get(self.plans.get(&key)?.clone()).collect();
        self.forget_one(key);
        Some(sites)
    }

    /// Its child is through.
    pub fn forget_one(&mut self, key: Key) {
        let Some(range) = self.plans.remove(&key) else { return };
        self.dead = self.dead.saturating_add(range.len());
        if self.plans.is_empty() {
            *self = Self::default();
        } else if self.dead > MANY.max(self.sites.len() / 2) {
            let mut live = Self::default();
            for (key, range) in &self.plans {
                live.add(*key, self.get(range.clone()));
            }
            *self = live;
        }
    }

    /// Nothing more is heard of the instance.
    pub fn forget(&mut self, token: u64) {
        let of = |step| Key { token, step };
        let keys: Vec<Key> = self.plans.range(of(0)..=of(u32::MAX)).map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.forget_one(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(n: u32) -> Vec<Site> {
        let site = |doing| Site { key: "ExecStart", place: Some(Place { file: 0, line: n }), doing };
        vec![site(Cow::Borrowed("begin a session")), site(Cow::Owned(format!("run /bin/ü{n}")))]
    }

    fn key(token: u32, step: u32) -> Key {
        Key { token: token.into(), step }
    }

    #[test]
    fn each_plan_has_its_own_and_nothing_is_left_of_the_last() {
        let mut kept = Sites::default();
        for (key, n) in [(key(1, 0), 1), (key(1, 1), 2), (key(2, 0), 3), (key(3, 0), 9), (key(3, 0), 4)] {
            kept.keep(key, sites(n));
        }
        kept.forget(1);
        assert_eq!(kept.plans.len(), 2, "another's stay");
        assert_eq!(kept.take(key(2, 0)), Some(sites(3)));
        assert!(kept.take(key(2, 0)).is_none());
        assert_eq!(kept.take(key(3, 0)), Some(sites(4)), "the last that went out");
        assert!(kept.plans.is_empty() && kept.sites.capacity() == 0 && kept.texts.capacity() == 0);
    }

    #[test]
    fn they_don_t_grow_where_some_plan_is_always_under_way() {
        let mut kept = Sites::default();
        kept.keep(key(7, 0), sites(7));
        for n in 8..20_000 {
            kept.keep(key(n, 0), sites(n));
            kept.forget_one(key(n - 1, 0));
            assert!(kept.sites.len() <= 2 * MANY + 4, "{n}");
        }
        assert_eq!(kept.take(key(19_999, 0)), Some(sites(19_999)));
    }
}
