//! A file for a spreadsheet: semicolons, RFC 4180 quoting, a byte order mark by which Excel knows UTF-8, and no cell that a
//! spreadsheet would take for a formula.

/// The file, row by row.
pub struct Csv(String);

impl Default for Csv {
    /// Without rows.
    fn default() -> Self {
        Self("\u{feff}".to_owned())
    }
}

impl Csv {
    /// Adds a row.
    pub fn row<T: AsRef<str>>(&mut self, cells: &[T]) {
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                self.0.push(';');
            }
            self.cell(cell.as_ref());
        }
        self.0.push_str("\r\n");
    }

    fn cell(&mut self, text: &str) {
        let text = disarmed(text);
        if text.contains([';', '"', '\r', '\n']) {
            self.0.push('"');
            self.0.push_str(&text.replace('"', "\"\""));
            self.0.push('"');
        } else {
            self.0.push_str(&text);
        }
    }

    /// The whole file.
    pub fn finish(self) -> String {
        self.0
    }
}

/// The text with an apostrophe before whatever a spreadsheet would take for the beginning of a formula: at the start, and after
/// what parts cells where the list separator is another one than here.
fn disarmed(text: &str) -> String {
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
        // Quotes and spaces before a formula are dropped by some.
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
    // Elsewhere than here commas part the cells: what follows one would begin a cell.
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
    fn cells(#[case] text: &str, #[case] expected: &str) {
        let mut csv = Csv::default();
        csv.row(&[text, "end"]);
        assert_eq!(csv.finish(), format!("\u{feff}{expected};end\r\n"));
    }
}
