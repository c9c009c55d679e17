//! A graph that stays without loops, and the numbers that follow from one.

use super::{Edge, MAX_NUMBER};
use std::collections::VecDeque;

/// Who comes before whom.
pub(super) struct Graph {
    /// Direct successors.
    next: Vec<Vec<usize>>,
    /// For each, a bit for each that comes after it.
    reach: Vec<Vec<u64>>,
}

fn bit(set: &[u64], at: usize) -> bool {
    set.get(at / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
}

impl Graph {
    pub fn new(n: usize) -> Self {
        Self { next: vec![Vec::new(); n], reach: vec![vec![0; n.div_ceil(64)]; n] }
    }

    /// Whether one comes before the other, by way of others too.
    pub fn reaches(&self, one: usize, other: usize) -> bool {
        self.reach.get(one).is_some_and(|set| bit(set, other))
    }

    /// Whether this very edge is there.
    pub fn has(&self, before: usize, after: usize) -> bool {
        self.next.get(before).is_some_and(|next| next.contains(&after))
    }

    /// Adds an edge; `false`: it would close a loop, and isn't added.
    pub fn add(&mut self, before: usize, after: usize) -> bool {
        if before == after || self.reaches(after, before) {
            return false;
        }
        if !self.reaches(before, after) {
            let mut behind = self.reach.get(after).cloned().unwrap_or_default();
            if let Some(word) = behind.get_mut(after / 64) {
                *word |= 1 << (after % 64);
            }
            for at in 0..self.reach.len() {
                if at == before || self.reaches(at, before) {
                    let set = self.reach.get_mut(at).map(Vec::as_mut_slice).unwrap_or_default();
                    set.iter_mut().zip(&behind).for_each(|(word, more)| *word |= more);
                }
            }
        }
        if let Some(next) = self.next.get_mut(before) {
            next.push(after);
        }
        true
    }

    /// A shortest way from one to the other, both included.
    pub fn path(&self, from: usize, to: usize) -> Vec<usize> {
        let mut came: Vec<Option<usize>> = vec![None; self.next.len()];
        let mut work = VecDeque::from([from]);
        while let Some(at) = work.pop_front() {
            if at == to {
                break;
            }
            for next in self.next.get(at).into_iter().flatten() {
                if let Some(came) = came.get_mut(*next).filter(|came| came.is_none() && *next != from) {
                    *came = Some(at);
                    work.push_back(*next);
                }
            }
        }
        let mut path = vec![to];
        while let Some(Some(before)) = path.last().and_then(|at| came.get(*at)) {
            path.push(*before);
        }
        path.reverse();
        path
    }
}

/// The numbers insserv gives: one more than the highest of those before; an interactive one shares its number with nobody
/// that `shares` a level with it, so the others, and what follows on them, move up. Also whether they run out.
pub(super) fn numbers(
    n: usize,
    edges: &[Edge],
    interactive: &[usize],
    shares: impl Fn(usize, usize) -> bool,
) -> (Vec<u8>, bool) {
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); n];
    for edge in edges {
        if let Some(next) = next.get_mut(edge.before) {
            next.push(edge.after);
        }
    }
    let mut numbers = vec![1usize; n];
    let turns = turns(&next);
    settle(&mut numbers, &next, &turns);
    for number in 1..=usize::from(MAX_NUMBER) {
        for one in interactive.iter().filter(|one| one < &&n) {
            for other in (0..n).filter(|other| other != one) {
                let same = numbers.get(*one) == Some(&number) && numbers.get(other) == Some(&number);
                if same && shares(*one, other) {
                    if let Some(other) = numbers.get_mut(other) {
                        *other = number + 1;
                    }
                    settle(&mut numbers, &next, &turns);
                }
            }
        }
    }
    let overflow = numbers.iter().any(|number| *number > usize::from(MAX_NUMBER));
    (numbers.into_iter().map(|n| u8::try_from(n).unwrap_or(MAX_NUMBER).min(MAX_NUMBER)).collect(), overflow)
}

/// All, each behind those before it.
fn turns(next: &[Vec<usize>]) -> Vec<usize> {
    let mut waits = vec![0usize; next.len()];
    for after in next.iter().flatten() {
        if let Some(waits) = waits.get_mut(*after) {
            *waits += 1;
        }
    }
    let mut turns: Vec<usize> = (0..next.len()).filter(|at| waits.get(*at) == Some(&0)).collect();
    let mut done = 0;
    while let Some(at) = turns.get(done).copied() {
        done += 1;
        for after in next.get(at).into_iter().flatten() {
            if let Some(waits) = waits.get_mut(*after) {
                *waits -= 1;
                if *waits == 0 {
                    turns.push(*after);
                }
            }
        }
    }
    turns
}

/// Gives each at least one more than those before it.
fn settle(numbers: &mut [usize], next: &[Vec<usize>], turns: &[usize]) {
    for at in turns {
        let least = numbers.get(*at).map_or(1, |number| number + 1);
        for after in next.get(*at).into_iter().flatten() {
            if let Some(number) = numbers.get_mut(*after) {
                *number = least.max(*number);
            }
        }
    }
}
