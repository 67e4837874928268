//! Values as people read them: times, euros, texts with links in them.

use jiff::Timestamp;
use rust_decimal::Decimal;
use url::Url;

/// A time as a clock in Belgium shows it.
pub(crate) fn when(time: Timestamp) -> String {
    const SHOWN: &str = "%-d %b %Y, %H:%M";
    match time.in_tz("Europe/Brussels") {
        Ok(local) => local.strftime(SHOWN).to_string(),
        Err(_) => time.strftime(SHOWN).to_string(),
    }
}

/// Euros with at least two decimals.
pub(crate) fn euros(amount: Decimal) -> String {
    format!("€ {}", price(amount))
}

/// A price as it goes into a field, with at least two decimals.
pub(crate) fn price(amount: Decimal) -> String {
    let amount = amount.normalize();
    let places = usize::try_from(amount.scale()).unwrap_or_default().max(2);
    format!("{amount:.places$}")
}

/// A number as it goes into a field.
pub(crate) fn plain(number: Decimal) -> String {
    number.normalize().to_string()
}

/// A part of a text: words, or an address to go to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) link: bool,
}

/// A text, cut where a web address begins and ends. Only `http` and `https` are addresses.
pub(crate) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    while let Some(start) = next_address(rest) {
        let (before, from) = rest.split_at(start);
        words.push_str(before);
        let end = from
            .find(|c: char| c.is_whitespace() || c.is_control() || "<>\"".contains(c))
            .unwrap_or(from.len());
        // The full stop after an address ends the sentence.
        let address =
            from[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', ')', ']', '}', '”', '’']);
        if Url::parse(address).is_ok_and(|url| url.has_host()) {
            push(&mut pieces, &mut words, false);
            push(&mut pieces, &mut address.to_owned(), true);
        } else {
            words.push_str(address);
        }
        rest = &from[address.len()..];
    }
    words.push_str(rest);
    push(&mut pieces, &mut words, false);
    pieces
}

fn next_address(text: &str) -> Option<usize> {
    let at = |scheme: &str| text.find(scheme);
    at("http://").into_iter().chain(at("https://")).min()
}

fn push(pieces: &mut Vec<Piece>, text: &mut String, link: bool) {
    if !text.is_empty() {
        let text = std::mem::take(text);
        pieces.push(Piece { text, link });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mark = |piece: Piece| {
            if piece.link {
                format!("[{}]", piece.text)
            } else {
                piece.text
            }
        };
        pieces(text).into_iter().map(mark).collect()
    }

    #[test]
    fn only_web_addresses_are_links() {
        for (text, wanted) in [
            ("", ""),
            ("no link", "no link"),
            ("See https://a.be/x?y=1&z=2#q.", "See [https://a.be/x?y=1&z=2#q]."),
            (
                "(http://a.be/b), then\nhttps://c.be",
                "([http://a.be/b]), then\n[https://c.be]",
            ),
            ("http://localhost:7000/s/shop", "[http://localhost:7000/s/shop]"),
            (
                "javascript:alert(1) ftp://a.be data:text/html,x",
                "javascript:alert(1) ftp://a.be data:text/html,x",
            ),
            ("https://a.be/\"onmouseover=x", "[https://a.be/]\"onmouseover=x"),
            ("http:// and https://. end", "http:// and https://. end"),
            ("https://a.be/<b>", "[https://a.be/]<b>"),
        ] {
            assert_eq!(shown(text), wanted);
        }
    }

    #[test]
    fn amounts_and_times() {
        let amount = |text: &str| euros(text.parse().unwrap());
        assert_eq!(
            [amount("29.9"), amount("-5"), amount("0.0450"), amount("10.00")],
            ["€ 29.90", "€ -5.00", "€ 0.045", "€ 10.00"]
        );
        assert_eq!(
            when("2026-11-23T08:00:00Z".parse().unwrap()),
            "23 Nov 2026, 09:00"
        );
    }
}
