//! "Did you mean …?"

/// The known word that a mistyped one most likely stands for.
pub(super) fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.len() > 64 {
        return None;
    }
    let near = known.iter().map(|candidate| (distance(word, candidate), *candidate)).min()?;
    let tolerated = 1 + word.chars().count() / 4;
    (near.0 <= tolerated && near.0 < word.chars().count()).then_some(near.1)
}

/// How many letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_find_their_word() {
        let known = ["weight", "condition", "condition_strength", "balance", "rewrites"];
        for (typed, meant) in [
            ("weigth", Some("weight")),
            ("Weight", Some("weight")),
            ("conditon", Some("condition")),
            ("strength", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(closest(typed, &known), meant, "{typed}");
        }
        assert_eq!(closest("scala", &["scale", "breed"]), Some("scale"));
    }
}
