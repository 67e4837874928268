//! The findings as text for people: refuted ones first, then undecided ones, then confirmed ones.

use crate::finding::{Finding, Verdict};

/// Columns after which a line is wrapped.
const LINE_WIDTH: usize = 100;

/// The findings as text for a terminal, without colours.
pub fn render_findings(findings: &[Finding]) -> String {
    let mut out = String::new();
    for (verdict, heading) in [
        (Verdict::Refuted, "REFUTED: the connector assumes otherwise"),
        (Verdict::NotDecidable, "NOT DECIDED by reading"),
        (Verdict::Confirmed, "CONFIRMED"),
    ] {
        let these: Vec<&Finding> = findings.iter().filter(|finding| finding.verdict == verdict).collect();
        if these.is_empty() {
            continue;
        }
        write_paragraph(&mut out, 0, &format!("{heading} ({})", these.len()));
        out.push('\n');
        for finding in these {
            render_finding(&mut out, finding);
        }
        out.push('\n');
    }
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let summary = format!(
        "{} refuted, {} not decided, {} confirmed. Nothing was written to either side.",
        count(Verdict::Refuted),
        count(Verdict::NotDecidable),
        count(Verdict::Confirmed)
    );
    write_paragraph(&mut out, 0, &summary);
    out
}

fn render_finding(out: &mut String, finding: &Finding) {
    write_paragraph(out, 2, &format!("{}  {}: {}", finding.id, finding.peer.name(), finding.assumption));
    if !finding.found.is_empty() {
        write_paragraph(out, 6, &format!("found: {}", finding.found));
    }
    if let Some(place) = &finding.place {
        let text = format!("where: {} {}", place.file, place.symbol);
        write_paragraph(out, 6, &text);
    }
    if let Some(advice) = finding.advice {
        let label = if finding.verdict == Verdict::Refuted { "what to do" } else { "by hand" };
        write_paragraph(out, 6, &format!("{label}: {advice}"));
    }
}

/// Writes one paragraph, wrapped at [`WIDTH`], its further lines indented by two more columns.
fn write_paragraph(out: &mut String, indent: usize, text: &str) {
    let mut column = indent;
    out.extend(std::iter::repeat_n(' ', indent));
    for (at, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if at > 0 && column + 1 + length > LINE_WIDTH {
            column = indent + 2;
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', column));
        } else if at > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_hang() {
        let mut out = String::new();
        write_paragraph(&mut out, 2, &"word ".repeat(30));
        let lines: Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.chars().count() <= LINE_WIDTH));
        assert!(lines[1].starts_with("    word"));
    }
}
