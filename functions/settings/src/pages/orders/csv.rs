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
        let text = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
            format!("'{text}")
        } else {
            text.to_owned()
        };
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
    #[case("\t=1", "'\t=1")]
    #[case("\r=1", "\"'\r=1\"")]
    #[case("=1;2", "\"'=1;2\"")]
    #[case("", "")]
    fn cells(#[case] text: &str, #[case] expected: &str) {
        let mut csv = Csv::default();
        csv.row(&[text, "end"]);
        assert_eq!(csv.finish(), format!("\u{feff}{expected};end\r\n"));
    }
}
