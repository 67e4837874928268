//! The fields of a form: each with its label, its hint and its faults.

pub struct Field {
    /// Name of the field in the form, and its id on the page.
    pub name: &'static str,
    pub label: String,
    /// What helps to fill the field in; may be empty.
    pub hint: String,
    /// Where the reader finds the value: URL and text of a link.
    pub link: Option<(&'static str, &'static str)>,
    pub faults: Vec<String>,
    pub kind: FieldKind,
}

/// How a field is filled in.
pub enum FieldKind {
    /// A secret. Neither a stored nor a typed secret is sent back to the browser.
    Secret,
    /// A line of text.
    Text {
        value: String,
        /// Whether the field asks for digits.
        numeric: bool,
    },
    /// A moment in Brussels time.
    Moment {
        /// Like `2026-11-23T09:30`, as the browser's field holds a moment.
        value: String,
    },
    /// One option of a list that opens.
    Select(Vec<FieldOption>),
    /// One of a few options, all in sight.
    Radios(Vec<FieldOption>),
    /// A value that is shown and cannot be changed here.
    Fixed(String),
}

/// An option of a field.
pub struct FieldOption {
    /// Value that the form sends.
    pub value: String,
    /// Text that the reader sees.
    pub text: String,
    /// Whether the option is selected.
    pub chosen: bool,
}

impl Field {
    pub fn new(name: &'static str, label: impl Into<String>, kind: FieldKind) -> Self {
        Self { name, label: label.into(), hint: String::new(), link: None, faults: Vec::new(), kind }
    }

    /// Adds a hint after those that the field has.
    pub fn with_hint(mut self, hint: &str) -> Self {
        if !self.hint.is_empty() && !hint.is_empty() {
            self.hint.push(' ');
        }
        self.hint.push_str(hint);
        self
    }

    /// Sets the link to the page where the reader finds the value.
    pub fn with_link(mut self, address: &'static str, text: &'static str) -> Self {
        self.link = Some((address, text));
        self
    }

    /// Sets the texts of the faults.
    pub fn with_faults(mut self, faults: Vec<String>) -> Self {
        self.faults = faults;
        self
    }

    /// Whether the field has a fault.
    pub fn is_wrong(&self) -> bool {
        !self.faults.is_empty()
    }

    /// The ids of hint and fault, for the attribute `aria-describedby`.
    pub fn described_by(&self) -> String {
        let hint = (!self.hint.is_empty() || self.link.is_some()).then(|| format!("{}-hint", self.name));
        let fault = self.is_wrong().then(|| format!("{}-fault", self.name));
        hint.into_iter().chain(fault).collect::<Vec<_>>().join(" ")
    }
}

impl FieldOption {
    pub fn new(value: impl Into<String>, text: impl Into<String>, chosen: bool) -> Self {
        Self { value: value.into(), text: text.into(), chosen }
    }
}
