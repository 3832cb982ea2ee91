//! [`Memo`]: what is known already about a request.

/// The values of tests that several routes share, two bits for each: whether it is known, and what it is.
///
/// It lives on the stack, in one of few sizes: nothing is allocated for a request.
#[derive(Debug)]
pub(super) struct Memo<const WORDS: usize> {
    known: [u64; WORDS],
    value: [u64; WORDS],
}

impl<const WORDS: usize> Memo<WORDS> {
    /// Nothing is known.
    pub(super) const fn new() -> Self {
        Self { known: [0; WORDS], value: [0; WORDS] }
    }

    /// The value in this place, found out by `find` unless it is known.
    pub(super) fn get_or(&mut self, slot: u32, find: impl FnOnce() -> bool) -> bool {
        let (word, bit) = (slot as usize / 64, 1 << (slot % 64));
        let (Some(known), Some(value)) = (self.known.get_mut(word), self.value.get_mut(word)) else { return find() };
        if *known & bit == 0 {
            *known |= bit;
            if find() {
                *value |= bit;
            }
        }
        *value & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::Memo;

    #[test]
    fn a_value_is_found_out_once() {
        let mut memo = Memo::<2>::new();
        for (slot, value) in [(0, true), (1, false), (127, true)] {
            let mut asked = 0;
            let mut ask = || {
                memo.get_or(slot, || {
                    asked += 1;
                    value
                })
            };
            assert_eq!((ask(), ask()), (value, value));
            assert_eq!(asked, 1);
        }
    }
}
