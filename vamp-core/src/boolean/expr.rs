//! [`Expr`]: a tree of `and`, `or` and `not` over leaves of any kind.

use std::{
    borrow::Cow,
    fmt::{self, Display},
};

/// A boolean expression over leaves of kind `P`.
///
/// What the parser returns is at most [`MAX_DEPTH`](super::MAX_DEPTH) deep, so that every walk over it, and its drop,
/// stays within a small stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr<P> {
    /// True or false.
    Constant(bool),
    /// An operand.
    Leaf(P),
    /// The opposite.
    Not(Box<Self>),
    /// All of them; true without any.
    And(Vec<Self>),
    /// One of them at least; false without any.
    Or(Vec<Self>),
}

/// An operand that can be written down, plain or negated.
pub trait Leaf {
    /// Writes the operand, or its negation, in the words of its own grammar.
    ///
    /// # Errors
    ///
    /// As the formatter says.
    fn write(&self, negated: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<P: Leaf + Clone> Leaf for Cow<'_, P> {
    fn write(&self, negated: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).write(negated, f)
    }
}

impl<P> Expr<P> {
    /// All of `operands`; one that is itself an `and` is taken apart, as the grouping has no meaning.
    #[must_use]
    pub fn and(mut operands: Vec<Self>) -> Self {
        if operands.iter().any(|operand| matches!(operand, Self::And(_))) {
            let open = |operand| if let Self::And(inner) = operand { inner } else { vec![operand] };
            operands = operands.into_iter().flat_map(open).collect();
        }
        join(operands, Self::And)
    }

    /// One of `operands` at least; one that is itself an `or` is taken apart.
    #[must_use]
    pub fn or(mut operands: Vec<Self>) -> Self {
        if operands.iter().any(|operand| matches!(operand, Self::Or(_))) {
            let open = |operand| if let Self::Or(inner) = operand { inner } else { vec![operand] };
            operands = operands.into_iter().flat_map(open).collect();
        }
        join(operands, Self::Or)
    }

    /// The opposite of `operand`.
    #[must_use]
    pub fn negation(operand: Self) -> Self {
        Self::Not(Box::new(operand))
    }

    /// The value, where `leaf` may not know an operand's: `None` is the answer only if it depends on one of those.
    pub fn evaluate(&self, leaf: &mut impl FnMut(&P) -> Option<bool>) -> Option<bool> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Leaf(operand) => leaf(operand),
            Self::Not(inner) => inner.evaluate(leaf).map(|value| !value),
            Self::And(operands) => decide(operands, false, leaf),
            Self::Or(operands) => decide(operands, true, leaf),
        }
    }

    /// Whether `test` holds for one of the leaves.
    pub fn any_leaf(&self, test: &mut impl FnMut(&P) -> bool) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::Leaf(operand) => test(operand),
            Self::Not(inner) => inner.any_leaf(test),
            Self::And(operands) | Self::Or(operands) => operands.iter().any(|operand| operand.any_leaf(test)),
        }
    }

    /// The same expression over other leaves, each of which may become a tree.
    #[must_use]
    pub fn replace<'e, Q>(&'e self, leaf: &mut impl FnMut(&'e P) -> Expr<Q>) -> Expr<Q> {
        match self {
            Self::Constant(value) => Expr::Constant(*value),
            Self::Leaf(operand) => leaf(operand),
            Self::Not(inner) => Expr::negation(inner.replace(leaf)),
            Self::And(operands) => Expr::and(operands.iter().map(|operand| operand.replace(leaf)).collect()),
            Self::Or(operands) => Expr::or(operands.iter().map(|operand| operand.replace(leaf)).collect()),
        }
    }

    /// The same expression with negations at leaves only, and with constants nowhere but as the whole expression.
    #[must_use]
    pub fn into_nnf(self) -> Self {
        self.push(false)
    }

    fn push(self, negated: bool) -> Self {
        match (self, negated) {
            (Self::Constant(value), _) => Self::Constant(value != negated),
            (leaf @ Self::Leaf(_), false) => leaf,
            (leaf @ Self::Leaf(_), true) => Self::negation(leaf),
            (Self::Not(inner), _) => inner.push(!negated),
            (Self::And(operands), false) | (Self::Or(operands), true) => {
                fold(operands.into_iter().map(|operand| operand.push(negated)), false, Self::and)
            }
            (Self::Or(operands), false) | (Self::And(operands), true) => {
                fold(operands.into_iter().map(|operand| operand.push(negated)), true, Self::or)
            }
        }
    }
}

/// Joins `operands`, one of which decides alone if it is the constant `decisive`.
fn fold<P>(
    operands: impl Iterator<Item = Expr<P>>,
    decisive: bool,
    join: impl FnOnce(Vec<Expr<P>>) -> Expr<P>,
) -> Expr<P> {
    let mut kept = Vec::new();
    for operand in operands {
        match operand {
            Expr::Constant(value) if value == decisive => return operand,
            Expr::Constant(_) => {}
            other => kept.push(other),
        }
    }
    if kept.is_empty() { Expr::Constant(!decisive) } else { join(kept) }
}

/// The value of operands one of which decides alone if it is `decisive`.
fn decide<P>(operands: &[Expr<P>], decisive: bool, leaf: &mut impl FnMut(&P) -> Option<bool>) -> Option<bool> {
    let mut known = true;
    for operand in operands {
        match operand.evaluate(leaf) {
            Some(value) if value == decisive => return Some(decisive),
            Some(_) => {}
            None => known = false,
        }
    }
    known.then_some(!decisive)
}

/// `operands` under one node; a single one stands for itself.
fn join<P>(mut operands: Vec<Expr<P>>, node: fn(Vec<Expr<P>>) -> Expr<P>) -> Expr<P> {
    if operands.len() == 1 { operands.remove(0) } else { node(operands) }
}

impl<P: Leaf> Display for Expr<P> {
    /// Writes the expression with as few parentheses as possible.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(value) => write!(f, "{value}"),
            Self::Leaf(operand) => operand.write(false, f),
            Self::Not(inner) => match inner.as_ref() {
                Self::Leaf(operand) => operand.write(true, f),
                other => write!(f, "not ({other})"),
            },
            Self::And(operands) if operands.is_empty() => f.write_str("true"),
            Self::Or(operands) if operands.is_empty() => f.write_str("false"),
            Self::And(operands) => list(operands, " and ", f),
            Self::Or(operands) => list(operands, " or ", f),
        }
    }
}

fn list<P: Leaf>(operands: &[Expr<P>], separator: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (place, operand) in operands.iter().enumerate() {
        if place > 0 {
            f.write_str(separator)?;
        }
        match operand {
            Expr::Or(inner) if !inner.is_empty() => write!(f, "({operand})")?,
            Expr::And(inner) if !inner.is_empty() && separator == " and " => write!(f, "({operand})")?,
            other => write!(f, "{other}")?,
        }
    }
    Ok(())
}
