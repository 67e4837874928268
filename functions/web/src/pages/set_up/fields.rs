//! Fields of a form: each with its label, its hint and what is wrong with it.

/// One field.
pub struct Field {
    /// Its name in the form, and its id on the page.
    pub name: &'static str,
    /// Its label.
    pub label: String,
    /// What helps to fill it in; may be empty.
    pub hint: String,
    /// Where to find what it asks for: address and text.
    pub link: Option<(&'static str, &'static str)>,
    /// What is wrong with it.
    pub faults: Vec<String>,
    /// What it is filled in with.
    pub kind: Kind,
}

/// What a field is filled in with.
pub enum Kind {
    /// A secret: what was typed, or is stored, is never sent back.
    Secret,
    /// A text.
    Text {
        /// What stands in it.
        value: String,
        /// It is a number.
        numeric: bool,
    },
    /// A moment in the bookkeeping zone.
    Moment {
        /// What stands in it.
        value: String,
    },
    /// One of a list.
    Select(Vec<Choice>),
    /// One of a few, all in sight.
    Radios(Vec<Choice>),
    /// Shown, and not to be changed here.
    Fixed(String),
}

/// One of a list.
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What the reader sees.
    pub text: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

impl Field {
    /// A field with its label.
    pub fn new(name: &'static str, label: impl Into<String>, kind: Kind) -> Self {
        Self {
            name,
            label: label.into(),
            hint: String::new(),
            link: None,
            faults: Vec::new(),
            kind,
        }
    }

    /// With one more hint.
    pub fn hint(mut self, hint: &str) -> Self {
        if !self.hint.is_empty() && !hint.is_empty() {
            self.hint.push(' ');
        }
        self.hint.push_str(hint);
        self
    }

    /// With a link to where it is found.
    pub fn link(mut self, address: &'static str, text: &'static str) -> Self {
        self.link = Some((address, text));
        self
    }

    /// With what is wrong with it.
    pub fn faults(mut self, faults: Vec<String>) -> Self {
        self.faults = faults;
        self
    }

    /// Whether something is wrong with it.
    pub fn is_wrong(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The ids of what describes it.
    pub fn described(&self) -> String {
        let hint = (!self.hint.is_empty() || self.link.is_some()).then(|| format!("{}-hint", self.name));
        let fault = self.is_wrong().then(|| format!("{}-fault", self.name));
        hint.into_iter().chain(fault).collect::<Vec<_>>().join(" ")
    }
}

impl Choice {
    /// One of a list.
    pub fn new(value: impl Into<String>, text: impl Into<String>, chosen: bool) -> Self {
        Self {
            value: value.into(),
            text: text.into(),
            chosen,
        }
    }
}
