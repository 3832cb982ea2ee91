//! The rules of one gateway on the port that all share: those of its own port, each only for requests to its hosts.
//!
//! They stand in the structure of the gateway, behind a mark that makes them comments, until the whole configuration is
//! composed.

use vamp_core::digest;

/// What lines for the shared port begin with.
pub(super) const MARK: &str = "#@";
/// HAProxy takes 64 words a line.
const MOST_WORDS: usize = 60;

/// What the names of tests begin with on the shared port, where no two gateways may share one.
pub(super) fn stem(section: &str) -> String {
    ["k", &digest::of(section.as_bytes())].concat()
}

/// The rules of a frontend, marked, each for this gateway only. Without `shared`, the shared rules have nothing to decide
/// any more after these.
pub(super) fn lines(section: &str, frontend: &str, shared: bool) -> String {
    let guard = ["h", &digest::of(section.as_bytes())].concat();
    let mut lines = vec![format!("acl {guard} var(txn.g) -m str {section}")];
    if !shared {
        lines.push(format!("tcp-request content set-var(txn.own) bool(true) if {guard}"));
    }
    for line in frontend.lines().map(str::trim_start) {
        if line.starts_with("acl ") {
            lines.push(line.to_owned());
        } else if is_rule(line) && !line.contains(" set-var(txn.k) ") {
            // Clients are counted in the gateway's own table.
            let counted = [" track-sc0 src table ", section].concat();
            lines.extend(guarded(&line.replace(" track-sc0 src", &counted), &guard));
        }
    }
    if !shared {
        lines.push(format!("tcp-request content accept if {guard}"));
    }
    lines.into_iter().map(|line| [MARK, "  ", &line, "\n"].concat()).collect()
}

fn is_rule(line: &str) -> bool {
    ["tcp-request content ", "http-request ", "http-response "].iter().any(|verb| line.starts_with(verb))
}

/// A rule with one more test in each of its alternatives; several rules when one would get too long. Texts of users
/// stand in `acl` lines only.
fn guarded(rule: &str, guard: &str) -> Vec<String> {
    let Some((action, condition)) = rule.split_once(" if ") else { return vec![[rule, " if ", guard].concat()] };
    let words = |text: &str| text.split(' ').count();
    let mut rules: Vec<String> = Vec::new();
    for alternative in condition.split(" or ") {
        match rules.last_mut() {
            Some(last) if words(last) + words(alternative) + 2 <= MOST_WORDS => {
                last.extend([" or ", guard, " ", alternative]);
            }
            _ => rules.push([action, " if ", guard, " ", alternative].concat()),
        }
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alternative_has_the_guard_and_no_rule_gets_too_long() {
        assert_eq!(guarded("http-response a b", "G"), ["http-response a b if G"]);
        assert_eq!(guarded("x if { a gt 0 } or !b c", "G"), ["x if G { a gt 0 } or G !b c"]);
        let many: Vec<String> = (0..24).map(|n| format!("t{n}")).collect();
        let rules = guarded(&format!("x if {}", many.join(" or ")), "G");
        assert!(rules.len() > 1 && rules.iter().all(|rule| rule.split(' ').count() <= MOST_WORDS), "{rules:?}");
        assert_eq!(rules.iter().map(|rule| rule.matches("G t").count()).sum::<usize>(), 24);
    }

    #[test]
    fn what_is_no_rule_stays_on_the_own_port() {
        let frontend = "frontend g from x\n  bind :1\n  tcp-request content set-var(txn.k) req.cook(c)\n  acl a path / or\n  \
                        tcp-request content set-var(txn.c) str(p)\n  use_backend b\n";
        let lines = lines("g", frontend, false);
        assert!(lines.lines().all(|line| line.starts_with("#@  ")), "{lines}");
        assert!(lines.contains("#@  acl a path / or\n") && lines.contains("set-var(txn.c) str(p) if h"), "{lines}");
        assert!(!lines.contains("bind") && !lines.contains("use_backend") && !lines.contains("set-var(txn.k)"));
    }
}
