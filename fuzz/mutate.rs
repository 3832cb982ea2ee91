//! Damage to documents, the same for the same seed.

/// What documents are made of: keys, marks, and values at the edge of what is allowed.
const WORDS: [&str; 64] = [
    "name: ",
    "kind: ",
    "metadata: ",
    "import: ",
    "clusters: ",
    "services: ",
    "breed: ",
    "gateways: ",
    "routes: ",
    "weight: ",
    "condition: ",
    "condition_strength: ",
    "rewrites: ",
    "selector: ",
    "sla: ",
    "escalations: ",
    "scale: ",
    "ports: ",
    "env: ",
    "constants: ",
    "dependencies: ",
    "health_checks: ",
    "arguments: ",
    "dialects: ",
    "schedule: ",
    "reference: ",
    "ref: ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\n",
    "\n  ",
    "\n- ",
    "---\n",
    "&a ",
    "*a",
    "<<: *a",
    "!!str ",
    "'",
    "\"",
    "~",
    "|\n ",
    "? ",
    "100%",
    "0%",
    "33.3333%",
    "-1",
    "65536",
    "99999999999999999999",
    "1.5GiB",
    "500m",
    "P1DT5M",
    "${a.ports.b}",
    "$$",
    "$",
    " and ",
    " or ",
    " not ",
    "(",
    ")",
    "\u{e9}\u{1f600}",
    "\0",
];

/// Damages inputs.
#[derive(Clone, Debug)]
pub(super) struct Mutator {
    state: u64,
}

impl Mutator {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number of the sequence (SplitMix64).
    const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when there is none.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX);
        if end == 0 { 0 } else { usize::try_from(self.next() % end).unwrap_or_default() }
    }

    /// One of the seeds, damaged at one to four places.
    pub(super) fn mutated(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let place = self.below(seeds.len());
        let mut input = seeds.get(place).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            self.damage(&mut input, seeds);
        }
        input
    }

    fn damage(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let end = (at + 1 + self.below(16)).min(input.len());
        match self.below(8) {
            0 => drop(input.drain(at.min(end)..end)),
            1 => {
                let part = input.get(at..end).unwrap_or_default().to_vec();
                let times = 1 + self.below(4);
                drop(input.splice(at..at, part.repeat(times)));
            }
            2 | 3 => {
                let word = WORDS[self.below(WORDS.len())];
                drop(input.splice(at..at, word.bytes()));
            }
            4 => {
                let bit = 1_u8 << self.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= bit;
                }
            }
            5 => self.line(input),
            6 => {
                let other = self.below(seeds.len());
                let other = seeds.get(other).map(Vec::as_slice).unwrap_or_default();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(other.get(from..).unwrap_or_default());
            }
            _ => {
                let random = self.next().to_le_bytes();
                if let Some(byte) = input.get_mut(at) {
                    *byte = random[0];
                }
            }
        }
    }

    /// Takes a line out, or puts it somewhere else, or a second time.
    fn line(&mut self, input: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> = input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let from = self.below(lines.len());
        let line = if self.below(2) == 0 { lines.remove(from) } else { lines[from].clone() };
        if self.below(3) > 0 {
            let to = self.below(lines.len() + 1);
            lines.insert(to, line);
        }
        *input = lines.join(&b'\n');
    }
}

/// Inputs that are there to cost something: long, deep, wide, and growing by themselves.
pub(super) fn extremes() -> Vec<Vec<u8>> {
    let many = |text: &str, times: usize| text.repeat(times).into_bytes();
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    vec![
        Vec::new(),
        vec![0xff, 0xfe, 0x80],
        b"name: \xff\n".to_vec(),
        many("[", 10_000),
        many("{a: ", 10_000),
        many("- ", 10_000),
        many("(", 10_000),
        many("not ", 10_000),
        many("${", 10_000),
        many("x", 10 << 20),
        many("a: b\n", 1 << 18),
        bomb.into_bytes(),
        b"&a [*a, *a]".to_vec(),
        b"a: &a {b: *a}".to_vec(),
    ]
}
