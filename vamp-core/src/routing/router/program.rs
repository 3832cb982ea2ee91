//! Conditions as programs: tests with two places to go on, without recursion, short-circuits as jumps.

use super::{error::RouterError, memo::Memo};
use crate::{
    boolean::Leaf,
    condition::{Condition, Expr, Match, Predicate, Request},
};
use http::header;
use std::{
    borrow::Cow,
    collections::HashMap,
    fmt::{self, Display},
};

/// The end of a program that says yes.
pub(super) const YES: u32 = u32::MAX;
/// The end of a program that says no.
pub(super) const NO: u32 = u32::MAX - 1;
/// The test of one route: nobody else asks for its value.
const OWN: u32 = u32::MAX;

/// Words that hold what is known of a request: for few shared tests, many, and as many as a gateway may have.
pub(super) const FEW: usize = 1;
pub(super) const MANY: usize = 16;
pub(super) const MOST: usize = 1024;

/// The programs of one gateway.
#[derive(Debug)]
pub(super) struct Code {
    steps: Box<[Step]>,
    tests: Box<[Predicate]>,
    /// How many tests are shared.
    pub(super) shared: u32,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    test: u32,
    slot: u32,
    yes: u32,
    no: u32,
}

/// What runs programs for one request.
#[derive(Debug)]
pub(super) struct Tester<'w, R, const WORDS: usize> {
    code: &'w Code,
    pub(super) request: &'w R,
    memo: Memo<WORDS>,
}

impl<'w, R: Request, const WORDS: usize> Tester<'w, R, WORDS> {
    pub(super) const fn new(code: &'w Code, request: &'w R) -> Self {
        Self { code, request, memo: Memo::new() }
    }

    /// What the program says that begins at `entry`.
    #[inline]
    pub(super) fn holds(&mut self, entry: u32) -> bool {
        let (code, request) = (self.code, self.request);
        let mut at = entry;
        while let Some(step) = code.steps.get(at as usize) {
            let test = || code.tests.get(step.test as usize).is_some_and(|test| test.matches(request) == Some(true));
            let value = if step.slot == OWN { test() } else { self.memo.get_or(step.slot, test) };
            at = if value { step.yes } else { step.no };
        }
        at == YES
    }
}

/// A test while programs are written.
#[derive(Debug)]
struct Written {
    predicate: Predicate,
    /// In how many routes' programs it occurs, and in which last.
    routes: u32,
    last: Option<u32>,
}

/// Writes the programs of one gateway; equal tests become one.
#[derive(Debug, Default)]
pub(super) struct Coder {
    numbers: HashMap<String, u32>,
    tests: Vec<Written>,
    steps: Vec<Step>,
    routes: u32,
}

impl Coder {
    /// A condition over numbers of tests, with negations at tests only.
    pub(super) fn read(&mut self, condition: &Condition) -> Expr<u32> {
        condition.expanded().replace(&mut |leaf| Expr::Leaf(self.number(&plain(leaf)))).into_nnf()
    }

    /// The test with this number.
    pub(super) fn test(&self, number: u32) -> Option<&Predicate> {
        self.tests.get(number as usize).map(|test| &test.predicate)
    }

    /// Another route begins: what the programs of two routes have in common is shared.
    pub(super) const fn next_route(&mut self) {
        self.routes += 1;
    }

    /// Writes a program, in which the test `given` holds already, and says where it begins.
    pub(super) fn write(&mut self, expression: &Expr<u32>, given: Option<u32>) -> u32 {
        self.emit(expression, given, YES, NO)
    }

    fn emit(&mut self, expression: &Expr<u32>, given: Option<u32>, yes: u32, no: u32) -> u32 {
        match expression {
            Expr::Constant(value) => {
                if *value {
                    yes
                } else {
                    no
                }
            }
            Expr::Leaf(number) if Some(*number) == given => yes,
            Expr::Leaf(number) => self.step(*number, yes, no),
            Expr::Not(inner) => self.emit(inner, given, no, yes),
            // From the last to the first, as each goes on at the one behind it.
            Expr::And(operands) => operands.iter().rev().fold(yes, |next, one| self.emit(one, given, next, no)),
            Expr::Or(operands) => operands.iter().rev().fold(no, |next, one| self.emit(one, given, yes, next)),
        }
    }

    fn step(&mut self, test: u32, yes: u32, no: u32) -> u32 {
        if let Some(written) = self.tests.get_mut(test as usize)
            && written.last != Some(self.routes)
        {
            written.last = Some(self.routes);
            written.routes += 1;
        }
        self.steps.push(Step { test, slot: OWN, yes, no });
        self.steps.len() as u32 - 1
    }

    fn number(&mut self, predicate: &Predicate) -> u32 {
        let next = self.tests.len() as u32;
        let number = *self.numbers.entry(Name(predicate).to_string()).or_insert(next);
        if number == next {
            self.tests.push(Written { predicate: predicate.clone(), routes: 0, last: None });
        }
        number
    }

    /// The programs, with a place for the value of every test that routes share.
    pub(super) fn finish(self, gateway: &str) -> Result<Code, RouterError> {
        let mut shared = 0;
        let mut slot = |test: &Written| {
            let own = test.routes < 2;
            shared += u32::from(!own);
            if own { OWN } else { shared - 1 }
        };
        let slots: Vec<u32> = self.tests.iter().map(&mut slot).collect();
        if shared as usize > MOST * 64 {
            return Err(RouterError::TooManyTests { gateway: gateway.to_owned(), most: MOST * 64 });
        }
        let placed = |step: Step| Step { slot: slots.get(step.test as usize).copied().unwrap_or(OWN), ..step };
        let tests = self.tests.into_iter().map(|test| test.predicate).collect();
        Ok(Code { steps: self.steps.into_iter().map(placed).collect(), tests, shared })
    }
}

/// A test of the user agent is one of a header like any other.
fn plain(predicate: &Predicate) -> Cow<'_, Predicate> {
    let Predicate::UserAgent(agent) = predicate else { return Cow::Borrowed(predicate) };
    match agent.parts() {
        [part] => Cow::Owned(Predicate::Header { name: header::USER_AGENT, test: Match::Contains(part.clone()) }),
        _ => Cow::Borrowed(predicate),
    }
}

/// A test in canonical form: equal tests have equal names.
struct Name<'p>(&'p Predicate);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(false, f)
    }
}
