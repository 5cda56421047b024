//! Timers by the tick at which they are due: a hierarchical wheel, without a clock of its own.
//!
//! Level 0 has a slot for each of the next 64 ticks, level 1 for each of the next 64 times 64, and
//! so on. A timer lies in the lowest level in whose present turn it is due, and moves down as its
//! slot comes up: setting and unsetting take constant time, and a timer is touched once for each
//! level. Most deadlines move or go before that.

use std::task::Waker;

const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
/// With a millisecond for each tick, the highest level ends after 139 years.
const LEVELS: usize = 7;
/// Later than this is this.
const LAST: u64 = (1 << (BITS as usize * LEVELS)) - 1;

/// See the module.
pub(super) struct Wheel {
    /// Timers due at this tick or before it have fired.
    now: u64,
    /// A bit for each slot that is not empty.
    occupied: [u64; LEVELS],
    /// The first timer in each slot.
    heads: [[u32; SLOTS]; LEVELS],
    entries: Vec<Entry>,
    /// The first entry that is not in use; they are chained by `next`.
    free: u32,
    /// Entries in use.
    len: usize,
    /// How many timers have been set; it begins anew after 2³² of them. Of the wheel, not of each
    /// place: keys outlive the memory of the entries.
    count: u32,
}

/// A timer: doubly linked with the others of its slot.
struct Entry {
    /// `None` while not in use.
    waker: Option<Waker>,
    at: u64,
    /// The number of the timer that has this place, so that the key of an earlier one means nothing.
    number: u32,
    next: u32,
    /// [`NONE`] for the first one of a slot.
    previous: u32,
    level: u8,
    slot: u8,
}

/// Which timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    index: u32,
    number: u32,
}

/// The end of a chain.
const NONE: u32 = u32::MAX;

/// Entries that an empty wheel keeps; with more, it gives their memory back.
const KEPT: usize = 64;

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            now: 0,
            occupied: [0; LEVELS],
            heads: [[NONE; SLOTS]; LEVELS],
            entries: Vec::new(),
            free: NONE,
            len: 0,
            count: 0,
        }
    }

    /// Sets a timer. One that is due already fires at the next tick.
    pub(super) fn insert(&mut self, at: u64, waker: Waker) -> Key {
        let at = at.clamp(self.now + 1, LAST);
        if self.free == NONE {
            self.free = self.entries.len() as u32; // timers are fewer than 2³²
            let (next, previous) = (NONE, NONE);
            self.entries.push(Entry {
                waker: None,
                at: 0,
                number: 0,
                next,
                previous,
                level: 0,
                slot: 0,
            });
        }
        let index = self.free;
        let entry = &mut self.entries[index as usize];
        self.free = entry.next;
        entry.waker = Some(waker);
        entry.at = at;
        let number = self.count;
        entry.number = number;
        self.count = number.wrapping_add(1);
        self.len += 1;
        self.link(index);
        Key { index, number }
    }

    /// Has a timer wake another task. `false`: it has fired.
    pub(super) fn rewake(&mut self, key: Key, waker: Waker) -> bool {
        match self.entry(key) {
            Some(entry) => {
                entry.waker = Some(waker);
                true
            }
            None => false,
        }
    }

    /// Unsets a timer, unless it has fired.
    pub(super) fn remove(&mut self, key: Key) -> Option<Waker> {
        self.entry(key)?;
        self.unlink(key.index);
        self.release(key.index)
    }

    /// The next tick at which there is something to do: to fire timers, or to move them down.
    pub(super) fn next(&self) -> Option<u64> {
        // In each level only slots ahead of the present one are occupied, and those of a lower
        // level come before those of a higher one.
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let slot = u64::from(self.occupied[level].trailing_zeros());
        let shift = BITS * level as u32;
        let turn = self.now >> (shift + BITS) << (shift + BITS);
        Some(turn | slot << shift)
    }

    /// Goes on to the tick `to`, and gathers the wakers of what is due by then.
    pub(super) fn advance(&mut self, to: u64, due: &mut Vec<Waker>) {
        while let Some(next) = self.next()
            && next <= to
        {
            self.now = next;
            let level = self.occupied.iter().position(|slots| *slots != 0).unwrap_or(0);
            let slot = self.occupied[level].trailing_zeros() as usize;
            self.occupied[level] &= !(1 << slot);
            let mut index = std::mem::replace(&mut self.heads[level][slot], NONE);
            while index != NONE {
                let entry = &self.entries[index as usize];
                let following = entry.next;
                if entry.at <= next {
                    due.extend(self.release(index));
                } else {
                    self.link(index);
                }
                index = following;
            }
        }
        self.now = self.now.max(to);
        if self.len == 0 && self.entries.len() > KEPT {
            self.entries = Vec::new();
            self.free = NONE;
        }
    }

    fn entry(&mut self, key: Key) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(key.index as usize)?;
        (entry.number == key.number && entry.waker.is_some()).then_some(entry)
    }

    fn link(&mut self, index: u32) {
        let at = self.entries[index as usize].at;
        // The highest bit in which the two differ tells the level.
        let differ = (self.now ^ at) | (SLOTS as u64 - 1);
        let level = (63 - differ.leading_zeros()) / BITS;
        let slot = (at >> (BITS * level)) as usize % SLOTS;
        let level = level as usize;
        let next = std::mem::replace(&mut self.heads[level][slot], index);
        if next != NONE {
            self.entries[next as usize].previous = index;
        }
        self.occupied[level] |= 1 << slot;
        let entry = &mut self.entries[index as usize];
        (entry.next, entry.previous) = (next, NONE);
        (entry.level, entry.slot) = (level as u8, slot as u8); // below 7, below 64
    }

    fn unlink(&mut self, index: u32) {
        let Entry { next, previous, level, slot, .. } = self.entries[index as usize];
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if previous != NONE {
            self.entries[previous as usize].next = next;
            return;
        }
        self.heads[level as usize][slot as usize] = next;
        if next == NONE {
            self.occupied[level as usize] &= !(1 << slot);
        }
    }

    fn release(&mut self, index: u32) -> Option<Waker> {
        let entry = &mut self.entries[index as usize];
        entry.next = std::mem::replace(&mut self.free, index);
        self.len -= 1;
        entry.waker.take()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::task::Wake;

    use proptest::prelude::*;

    use super::*;

    /// A timer that notes that it fired.
    struct Note(usize, Arc<Mutex<Vec<usize>>>);

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// As many at once.
        Set(u64, usize),
        Unset(usize),
        Advance(u64),
    }

    fn span() -> impl Strategy<Value = u64> {
        prop_oneof![0..70_u64, 0..5_000_u64, 0..3_000_000_u64]
    }

    /// Some never fire; most wheels of chance have none of them, and become empty now and then.
    fn spans() -> impl Strategy<Value = BoxedStrategy<u64>> {
        prop_oneof![
            1 => Just(prop_oneof![span(), Just(u64::MAX)].boxed()),
            3 => Just(span().boxed()),
        ]
    }

    fn step(span: BoxedStrategy<u64>) -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (span, 1..40_usize).prop_map(|(span, count)| Step::Set(span, count)),
            2 => (0..10_000_usize).prop_map(Step::Unset),
            3 => (0..20_000_u64).prop_map(Step::Advance),
            1 => (0..5_000_000_u64).prop_map(Step::Advance),
        ]
    }

    proptest! {
        /// Beside a sorted map: the same timers fire, neither early nor late.
        #[test]
        fn timers_fire_when_they_are_due(
            steps in spans().prop_flat_map(|span| proptest::collection::vec(step(span), 1..200)),
        ) {
            let fired = Arc::new(Mutex::new(Vec::new()));
            let (mut wheel, mut model) = (Wheel::new(), BTreeMap::new());
            let mut keys = Vec::new();
            let mut now = 0_u64;
            for step in steps {
                match step {
                    Step::Set(span, count) => {
                        let at = now.saturating_add(span);
                        for _ in 0..count {
                            let note = Arc::new(Note(keys.len(), Arc::clone(&fired)));
                            model.insert(keys.len(), at.max(now + 1));
                            keys.push(wheel.insert(at, note.into()));
                        }
                    }
                    Step::Unset(n) if !keys.is_empty() => {
                        let n = n % keys.len();
                        prop_assert_eq!(wheel.remove(keys[n]).is_some(), model.remove(&n).is_some());
                    }
                    Step::Unset(_) => {}
                    Step::Advance(by) => {
                        now += by;
                        let mut due = Vec::new();
                        wheel.advance(now, &mut due);
                        due.into_iter().for_each(Waker::wake);
                        let mut fired = std::mem::take(&mut *fired.lock().unwrap());
                        fired.sort_unstable();
                        let expected: Vec<_> =
                            model.extract_if(.., |_, at| *at <= now).map(|(n, _)| n).collect();
                        prop_assert_eq!(fired, expected);
                        let next = wheel.next();
                        prop_assert!(next.is_none_or(|next| next > now));
                        let first = model.values().min().copied();
                        prop_assert_eq!(next.is_some(), first.is_some());
                        prop_assert!(next <= first.map(|first| first.min(LAST)), "it would be late");
                    }
                }
            }
        }
    }

    /// The wheel began its generations anew with the memory that it gave back, and a hundred actors
    /// that slept in a loop lost half of their timers: each unset the one of another.
    #[test]
    fn a_key_of_a_timer_that_has_fired_means_no_other() {
        let mut wheel = Wheel::new();
        let set = |wheel: &mut Wheel, at| wheel.insert(at, Waker::noop().clone());
        let fired: Vec<_> = (0..100).map(|_| set(&mut wheel, 10)).collect();
        wheel.advance(10, &mut Vec::new());
        let next: Vec<_> = (0..100).map(|_| set(&mut wheel, 20)).collect();
        for key in fired {
            assert!(!wheel.rewake(key, Waker::noop().clone()));
            assert!(wheel.remove(key).is_none());
        }
        for key in next {
            assert!(wheel.rewake(key, Waker::noop().clone()));
            assert!(wheel.remove(key).is_some());
        }
    }

    #[test]
    fn an_empty_wheel_holds_no_timers() {
        let mut wheel = Wheel::new();
        for at in 0..1000 {
            wheel.insert(at, Waker::noop().clone());
        }
        let mut due = Vec::new();
        wheel.advance(1000, &mut due);
        assert_eq!(due.len(), 1000);
        assert_eq!(wheel.entries.capacity(), 0);
        assert_eq!(wheel.next(), None);
    }
}
