//! A CSV file for spreadsheets: semicolons, quoting by RFC 4180, and a byte order mark by which Excel recognises UTF-8. No cell
//! can be taken for a formula.

/// A file that is written row by row.
pub struct Csv(String);

impl Default for Csv {
    /// A file without rows.
    fn default() -> Self {
        Self("\u{feff}".to_owned())
    }
}

impl Csv {
    pub fn add_row<T: AsRef<str>>(&mut self, cells: &[T]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.0.push(';');
            }
            self.add_cell(cell.as_ref());
        }
        self.0.push_str("\r\n");
    }

    fn add_cell(&mut self, text: &str) {
        let text = disarm_formulas(text);
        if text.contains([';', '"', '\r', '\n']) {
            self.0.push('"');
            self.0.push_str(&text.replace('"', "\"\""));
            self.0.push('"');
        } else {
            self.0.push_str(&text);
        }
    }

    pub fn into_text(self) -> String {
        self.0
    }
}

/// Puts an apostrophe before every character that a spreadsheet would take for the beginning of a formula: at the start, and
/// after a comma, semicolon, tab or line break, because a spreadsheet of another locale may separate cells there.
fn disarm_formulas(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    let mut may_begin = true;
    for character in text.chars() {
        let separates = matches!(character, ',' | ';' | '\t' | '\r' | '\n');
        let begins = matches!(character, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n')
            || matches!(character, '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}');
        if may_begin && begins {
            safe.push('\'');
        }
        safe.push(character);
        // Some spreadsheets drop quotes and spaces before a formula.
        may_begin = separates || (may_begin && matches!(character, ' ' | '"'));
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("plain", "plain")]
    #[case("a;b", "\"a;b\"")]
    #[case("say \"x\"", "\"say \"\"x\"\"\"")]
    #[case("two\nlines", "\"two\nlines\"")]
    #[case("=1+1", "'=1+1")]
    #[case("+32", "'+32")]
    #[case("-1", "'-1")]
    #[case("@SUM(A1)", "'@SUM(A1)")]
    #[case("\t=1", "'\t'=1")]
    #[case("\r=1", "\"'\r'=1\"")]
    #[case("=1;2", "\"'=1;2\"")]
    // In other locales commas separate cells, so a formula may begin after a comma.
    #[case("a,=1+1", "a,'=1+1")]
    #[case("a,-5,@b", "a,'-5,'@b")]
    #[case("a;+1", "\"a;'+1\"")]
    #[case("a\n=1", "\"a\n'=1\"")]
    #[case("a,\"=1", "\"a,\"\"'=1\"")]
    #[case(" =1", " '=1")]
    #[case("\u{ff1d}1", "'\u{ff1d}1")]
    #[case("A-1, B-2", "A-1, B-2")]
    #[case("2026-11-23", "2026-11-23")]
    #[case("", "")]
    fn cells_are_quoted_and_disarmed(#[case] text: &str, #[case] expected: &str) {
        let mut csv = Csv::default();
        csv.add_row(&[text, "end"]);
        assert_eq!(csv.into_text(), format!("\u{feff}{expected};end\r\n"));
    }
}
