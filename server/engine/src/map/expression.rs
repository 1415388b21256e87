//! Expressions of CEL, the Common Expression Language, from their text to what is computed: every
//! name and function in one is known, and every number in it is exact.
//!
//! It has no loops, no names but those given to it, and no way out to files, clocks or networks.
//! What one costs is bounded by its length and its row.

use std::collections::BTreeSet;

use cel::Env;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

/// The name of the value that the rules before have made.
pub(crate) const VALUE: &str = "value";

/// Makes a number of a text, and of a number of CEL's own.
pub(crate) const NUMBER: &str = "number";

/// The functions of ours that an expression may call, and how many arguments each takes.
pub(crate) const OWN: &[(&str, usize)] = &[
    (NUMBER, 1),
    ("text", 1),
    ("lower", 1),
    ("upper", 1),
    ("trim", 1),
    ("substring", 3),
    ("replace", 3),
    ("part", 3),
    ("round", 2),
    ("abs", 1),
    ("date", 1),
    ("year", 1),
    ("month", 1),
    ("day", 1),
    ("add_days", 2),
    ("add_months", 2),
    ("days_between", 2),
    ("years_between", 2),
    ("is_number", 1),
    ("is_date", 1),
];

/// Functions of CEL itself whose cost is bounded by their arguments.
const OF_CEL: &[&str] = &["size", "contains", "startsWith", "endsWith", "matches"];

/// Longer ones are programs, and belong elsewhere.
const LONGEST: usize = 2_000;

#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) root: IdedExpr,
    /// Numbers that it writes out, by the place in their [names](constant).
    pub(crate) constants: Vec<String>,
    /// The names that it reads.
    pub(crate) names: BTreeSet<String>,
}

/// How deep an expression nests at most.
const DEEPEST: usize = 80;

const OPERATORS: &[&str] = &[
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::IN,
];

/// Says what is wrong with an expression that cannot be computed for any row.
pub(crate) fn prepare(text: &str, columns: &[String]) -> Result<Prepared, String> {
    if text.len() > LONGEST {
        return Err(format!("the expression is longer than {LONGEST} bytes"));
    }
    // The parser goes as deep as a text does.
    if nesting(text) > DEEPEST {
        return Err(TOO_DEEP.to_owned());
    }
    let mut seen = BTreeSet::new();
    for column in columns {
        if column == VALUE || !seen.insert(column) {
            return Err(format!("the expression reads {column} twice"));
        }
    }
    // Without macros, which are the only loops that CEL has.
    let parser = Env::default().with_optional_support(false).parser();
    let mut root = parser.parse(text).map_err(|errors| {
        let first = errors.errors.first().map(|error| error.pos);
        first.map_or_else(
            || "the expression cannot be read".to_owned(),
            |(line, column)| format!("the expression cannot be read at {line}:{column}"),
        )
    })?;
    let mut preparing = Preparing { columns, constants: Vec::new(), names: BTreeSet::new() };
    preparing.visit(&mut root, 0)?;
    let Preparing { constants, names, .. } = preparing;
    if let Some(unread) = columns.iter().find(|column| !names.contains(*column)) {
        return Err(format!("the expression is given {unread} and does not read it"));
    }
    Ok(Prepared { root, constants, names })
}

/// Digits of which every number is the one that was written.
const EXACT_DIGITS: usize = 15;

const TOO_DEEP: &str = "the expression nests too deeply";

/// The place of a constant, by the name that no text can have.
pub(crate) fn constant(name: &str) -> Option<usize> {
    name.strip_prefix('#')?.parse().ok()
}

/// How deep brackets and signs before a value can be nested, at most.
fn nesting(text: &str) -> usize {
    let (mut deepest, mut open, mut signs) = (0, 0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b'!' | b'-' | b'?' => signs += 1,
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => {
                deepest = deepest.max(open + signs);
                signs = 0;
            }
        }
        deepest = deepest.max(open + signs);
    }
    deepest
}

struct Preparing<'t> {
    columns: &'t [String],
    constants: Vec<String>,
    names: BTreeSet<String>,
}

impl Preparing<'_> {
    fn visit(&mut self, expression: &mut IdedExpr, depth: usize) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(TOO_DEEP.to_owned());
        }
        match &mut expression.expr {
            Expr::Ident(name) => {
                if name != VALUE && !self.columns.contains(name) {
                    return Err(format!(
                        "the expression reads `{name}`, which is not among its columns"
                    ));
                }
                self.names.insert(name.clone());
            }
            Expr::Literal(literal) => {
                let number = match literal {
                    LiteralValue::Int(number) => Some(number.inner().to_string()),
                    LiteralValue::UInt(number) => Some(number.inner().to_string()),
                    LiteralValue::Double(number) => Some(number.inner().to_string()),
                    _ => None,
                };
                if let Some(number) = number {
                    let digits = number.bytes().filter(u8::is_ascii_digit).count();
                    if matches!(literal, LiteralValue::Double(_)) && digits > EXACT_DIGITS {
                        return Err(format!("write a number of so many digits as {NUMBER}('…')"));
                    }
                    expression.expr = Expr::Ident(format!("#{}", self.constants.len()));
                    self.constants.push(number);
                }
            }
            Expr::List(list) => {
                for element in &mut list.elements {
                    self.visit(element, depth + 1)?;
                }
            }
            Expr::Call(call) => {
                let is_counted = self.call(call, depth)?;
                if is_counted {
                    // What CEL counts is a number like any other.
                    let counted = std::mem::take(expression);
                    expression.expr = Expr::Call(CallExpr {
                        func_name: NUMBER.to_owned(),
                        target: None,
                        args: vec![counted],
                    });
                }
            }
            Expr::Select(_) | Expr::Struct(_) | Expr::Map(_) => {
                return Err("the expression asks for a field, and values have none".to_owned());
            }
            Expr::Comprehension(_) | Expr::Unspecified => {
                return Err("the expression has a part that is not known".to_owned());
            }
        }
        Ok(())
    }

    /// True where it yields a number of CEL's own.
    fn call(&mut self, call: &mut CallExpr, depth: usize) -> Result<bool, String> {
        let name = call.func_name.as_str();
        let is_of_cel = OF_CEL.contains(&name);
        let own = OWN.iter().find(|(own, _)| *own == name);
        if let Some((_, count)) = own
            && (call.target.is_some() || call.args.len() != *count)
        {
            return Err(format!("the function {name} takes {count} arguments, in brackets"));
        }
        if own.is_none() && !is_of_cel && !OPERATORS.contains(&name) {
            return Err(format!("the expression calls `{name}`, which is not known"));
        }
        let is_counted = name == "size";
        for part in call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args) {
            self.visit(part, depth + 1)?;
        }
        Ok(is_counted)
    }
}
