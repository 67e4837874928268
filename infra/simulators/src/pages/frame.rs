//! What all pages share: whose they are, the links between them, the navigation.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One of the two peers.
pub(crate) struct House {
    /// `Robaws`.
    pub(crate) name: &'static str,
    /// What its pages belong to, and the query parameter that names one: `tenant`.
    pub(crate) owner: &'static str,
    /// Label and path of each section, in order.
    pub(crate) sections: &'static [(&'static str, &'static str)],
}

/// Whose pages these are, and how a link says so.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) house: &'static House,
    /// `None` while nobody is chosen.
    pub(crate) owner: Option<String>,
    /// Whether there are others, so that a link must name the owner.
    pub(crate) named: bool,
}

impl Scope {
    pub(crate) fn new(house: &'static House, owner: &str, named: bool) -> Self {
        Self {
            house,
            owner: Some(owner.to_owned()),
            named,
        }
    }

    pub(crate) fn nobody(house: &'static House) -> Self {
        Self {
            house,
            owner: None,
            named: false,
        }
    }

    /// The link to a page; each part of its path is encoded by itself.
    pub(crate) fn link(&self, parts: &[&str]) -> String {
        let mut link = String::new();
        for part in parts {
            link.push('/');
            link.extend(utf8_percent_encode(part, RESERVED));
        }
        if link.is_empty() {
            link.push('/');
        }
        match &self.owner {
            Some(owner) if self.named => {
                let owner = utf8_percent_encode(owner, RESERVED);
                format!("{link}?{}={owner}", self.house.owner)
            }
            _ => link,
        }
    }
}

/// A page around its content.
pub(crate) struct Frame {
    pub(crate) scope: Scope,
    pub(crate) title: String,
    /// The path of the section that it is in; empty for none.
    pub(crate) section: &'static str,
    /// What was just done.
    pub(crate) notice: Option<&'static str>,
}

impl Frame {
    pub(crate) fn list(&self, kind: &str) -> String {
        self.scope.link(&[kind])
    }

    pub(crate) fn one(&self, kind: &str, id: &str) -> String {
        self.scope.link(&[kind, id])
    }

    pub(crate) fn act(&self, kind: &str, id: &str, action: &str) -> String {
        self.scope.link(&[kind, id, action])
    }
}

/// The sentence for a `note` of the query; only these can be made to appear.
pub(crate) fn notice(note: &str) -> Option<&'static str> {
    Some(match note {
        "saved" => "Saved.",
        "unchanged" => "Nothing was changed.",
        "created" => "Created.",
        "placed" => "The order is placed.",
        "shipped" => "The order is shipped.",
        "accepted" => "The order is accepted.",
        "cancelled" => "The order is cancelled.",
        "reopened" => "The order is open again.",
        "removed" => "The order is gone.",
        "ticked" => "The article is ticked for ProductFlow.",
        "unticked" => "The article is no longer ticked for ProductFlow.",
        "archived" => "The article is archived.",
        "restored" => "The article is back.",
        "stock" => "The stock is set.",
        "booked" => "The document is booked.",
        "deleted" => "The draft is deleted.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    static HOUSE: House = House {
        name: "Robaws",
        owner: "tenant",
        sections: &[],
    };

    #[test]
    fn links_encode_every_part_and_name_the_owner_when_there_are_others() {
        let alone = Scope::new(&HOUSE, "demo", false);
        assert_eq!(alone.link(&[]), "/");
        assert_eq!(
            alone.link(&["orders", "a/b?c&d é"]),
            "/orders/a%2Fb%3Fc%26d%20%C3%A9"
        );
        let among = Scope::new(&HOUSE, "a&b", true);
        assert_eq!(among.link(&[]), "/?tenant=a%26b");
        assert_eq!(among.link(&["articles", "12"]), "/articles/12?tenant=a%26b");
    }
}
