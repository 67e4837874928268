//! Rewrites one source file so that it holds all mutants that cargo-mutants lists for it, each behind a switch of its own, and one
//! build serves for all of them: `mutants FILE < LIST > REWRITTEN`, the list as `cargo mutants --list --json` prints it, with the number of
//! each mutant as `id`.
//!
//! What is written for a mutant stands between `/*m17<*/` and `/*m17>*/`, so that an error of the compiler tells which one does not fit.

use serde::Deserialize;
use std::io::{Read as _, Write as _};
use std::ops::Range;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Arm, Expr, ExprBinary, ExprStruct, ExprUnary, Member};

/// A place as cargo-mutants counts: both from 1, columns in characters.
#[derive(Clone, Copy, Deserialize, PartialEq)]
struct Place {
    line: usize,
    column: usize,
}

#[derive(Deserialize)]
struct Span {
    start: Place,
}

#[derive(Deserialize)]
struct Mutant {
    id: usize,
    genre: String,
    replacement: String,
    span: Span,
}

/// Where something is inserted among other insertions at the same place.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
enum Rank {
    /// Ends of expressions, the innermost first.
    End(std::cmp::Reverse<usize>),
    /// A statement at the start of a function.
    Function,
    /// Beginnings of expressions, the outermost first.
    Start(usize),
}

struct Switches<'a> {
    source: &'a str,
    mutants: &'a [Mutant],
    edits: Vec<(usize, Rank, String)>,
    seen: usize,
}

fn on(id: usize) -> String {
    format!("::switch::on({id})")
}

fn marked(id: usize, text: &str) -> String {
    format!("/*m{id}<*/{text}/*m{id}>*/")
}

fn holds_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(binary) => holds_let(&binary.left) || holds_let(&binary.right),
        Expr::Paren(inner) => holds_let(&inner.expr),
        _ => false,
    }
}

impl Switches<'_> {
    fn at(&self, genre: &str, span: proc_macro2::Span) -> Vec<&Mutant> {
        let start = span.start();
        let place = Place {
            line: start.line,
            column: start.column + 1,
        };
        let mutants = self.mutants.iter();
        mutants
            .filter(|mutant| mutant.genre == genre && mutant.span.start == place)
            .collect()
    }

    fn text(&self, range: Range<usize>) -> &str {
        &self.source[range]
    }

    fn around(&mut self, range: Range<usize>, before: String, after: String) {
        self.seen += 1;
        self.edits.push((range.start, Rank::Start(self.seen), before));
        let rank = Rank::End(std::cmp::Reverse(self.seen));
        self.edits.push((range.end, rank, after));
    }

    /// `(if on(1) { … } else { ` before and ` })` after.
    fn instead(&mut self, range: Range<usize>, branches: &[(usize, String)]) {
        let mut before = "(".to_owned();
        for (id, text) in branches {
            let branch = marked(*id, text);
            before.push_str(&format!("if {} {{ {branch} }} else ", on(*id)));
        }
        before.push_str("{ ");
        self.around(range, before, " })".to_owned());
    }
}

impl<'ast> Visit<'ast> for Switches<'_> {
    fn visit_expr_binary(&mut self, expr: &'ast ExprBinary) {
        if !holds_let(&expr.left) && !holds_let(&expr.right) {
            let left = self.text(expr.left.span().byte_range()).to_owned();
            let right = self.text(expr.right.span().byte_range()).to_owned();
            let mutants = self.at("BinaryOperator", expr.op.span());
            let branches: Vec<_> = mutants
                .iter()
                .map(|mutant| (mutant.id, format!("({left}) {} ({right})", mutant.replacement)))
                .collect();
            if !branches.is_empty() {
                self.instead(expr.span().byte_range(), &branches);
            }
        }
        visit::visit_expr_binary(self, expr);
    }

    fn visit_expr_unary(&mut self, expr: &'ast ExprUnary) {
        let operand = self.text(expr.expr.span().byte_range()).to_owned();
        let mutants = self.at("UnaryOperator", expr.op.span());
        let branches: Vec<_> = mutants
            .iter()
            .map(|mutant| (mutant.id, format!("{} ({operand})", mutant.replacement)))
            .collect();
        if !branches.is_empty() {
            self.instead(expr.span().byte_range(), &branches);
        }
        visit::visit_expr_unary(self, expr);
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        let deleted: Vec<usize> = self
            .at("MatchArm", arm.pat.span())
            .iter()
            .map(|mutant| mutant.id)
            .collect();
        for id in deleted {
            let not = marked(id, &format!("!{}", on(id)));
            match &arm.guard {
                Some((_, guard)) => {
                    self.around(guard.span().byte_range(), format!("{not} && ("), ")".to_owned())
                }
                None => {
                    let end = arm.pat.span().byte_range().end;
                    self.around(end..end, format!(" if {not}"), String::new());
                }
            }
        }
        if let Some((_, guard)) = &arm.guard
            && !holds_let(guard)
        {
            let mut before = "(".to_owned();
            let mut after = ")".to_owned();
            let found = self.at("MatchArmGuard", guard.span());
            for mutant in &found {
                if mutant.replacement == "true" {
                    before = format!("{before}{} || (", marked(mutant.id, &on(mutant.id)));
                    after = format!("){after}");
                } else {
                    before = format!(
                        "{before}{} && (",
                        marked(mutant.id, &format!("!{}", on(mutant.id)))
                    );
                    after = format!("){after}");
                }
            }
            if !found.is_empty() {
                self.around(guard.span().byte_range(), before, after);
            }
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, expr: &'ast ExprStruct) {
        for field in &expr.fields {
            let (Member::Named(name), Some(rest)) = (&field.member, &expr.rest) else {
                continue;
            };
            let base = self.text(rest.span().byte_range()).to_owned();
            let path = self.text(expr.path.span().byte_range()).to_owned();
            let found: Vec<usize> = self
                .at("StructField", field.span())
                .iter()
                .map(|mutant| mutant.id)
                .collect();
            for id in found {
                let value = match **rest {
                    Expr::Path(_) => format!("{base}.{name}"),
                    _ => format!("{{ let base: {path} = {base}; base.{name} }}"),
                };
                let branch = format!("if {} {{ {} }} else {{ ", on(id), marked(id, &value));
                if field.colon_token.is_some() {
                    self.around(field.expr.span().byte_range(), branch, " }".to_owned());
                } else {
                    let end = name.span().byte_range().end;
                    self.around(end..end, format!(": {branch}{name} }}"), String::new());
                }
            }
        }
        visit::visit_expr_struct(self, expr);
    }
}

/// Where a place is in a text, in bytes.
fn offset(source: &str, place: Place) -> Option<usize> {
    let before: usize = source
        .split_inclusive('\n')
        .take(place.line - 1)
        .map(str::len)
        .sum();
    let line = &source[before..];
    let (column, _) = line.char_indices().nth(place.column - 1)?;
    Some(before + column)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("mutants FILE < LIST")?;
    let source = std::fs::read_to_string(&path)?;
    let mut list = String::new();
    std::io::stdin().read_to_string(&mut list)?;
    let mutants: Vec<Mutant> = serde_json::from_str(&list)?;
    let mut switches = Switches {
        source: &source,
        mutants: &mutants,
        edits: Vec::new(),
        seen: 0,
    };
    for mutant in mutants.iter().filter(|mutant| mutant.genre == "FnValue") {
        let at = offset(&source, mutant.span.start).ok_or("a span beyond the file")?;
        let text = marked(mutant.id, &format!("return {};", mutant.replacement));
        let statement = format!("if {} {{ {text} }} ", on(mutant.id));
        switches.edits.push((at, Rank::Function, statement));
    }
    switches.visit_file(&syn::parse_file(&source)?);
    switches.edits.sort_by_key(|(at, rank, _)| (*at, *rank));
    let mut rewritten = String::new();
    let mut from = 0;
    for (at, _, text) in &switches.edits {
        rewritten.push_str(&source[from..*at]);
        rewritten.push_str(text);
        from = *at;
    }
    rewritten.push_str(&source[from..]);
    std::io::stdout().write_all(rewritten.as_bytes())?;
    Ok(())
}
