//! What public functions must say in their docs: `# Errors`, when they return a `Result`.

use syn::visit::Visit;
use syn::{Attribute, Expr, ImplItemFn, ItemFn, Lit, Meta, ReturnType, Signature, Type, Visibility};
use tidy::assert_no_findings;
use tidy::tree::read_files;

/// Public functions that return a `Result`: line and name, and whether the docs have a section `# Errors`.
#[derive(Default)]
struct FallibleFunctions(Vec<(usize, String, bool)>);

impl FallibleFunctions {
    fn from_text(text: &str) -> Self {
        let mut functions = Self::default();
        functions.visit_file(&syn::parse_file(text).unwrap());
        functions
    }

    fn add_function(&mut self, visibility: &Visibility, attributes: &[Attribute], signature: &Signature) {
        if let Visibility::Public(_) = visibility
            && let ReturnType::Type(_, returned) = &signature.output
            && let Type::Path(returned) = &**returned
            && returned.path.segments.last().is_some_and(|last| last.ident == "Result")
        {
            let (line, name) = (signature.ident.span().start().line, signature.ident.to_string());
            let documents_errors = attributes.iter().any(is_errors_heading);
            self.0.push((line, name, documents_errors));
        }
    }
}

impl<'ast> Visit<'ast> for FallibleFunctions {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add_function(&function.vis, &function.attrs, &function.sig);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add_function(&function.vis, &function.attrs, &function.sig);
    }
}

/// Whether an attribute is the line `# Errors` of a doc comment.
fn is_errors_heading(attribute: &Attribute) -> bool {
    if let Meta::NameValue(meta) = &attribute.meta
        && let Expr::Lit(value) = &meta.value
        && let Lit::Str(text) = &value.lit
    {
        return meta.path.is_ident("doc") && text.value().trim() == "# Errors";
    }
    false
}

#[test]
fn what_can_fail_says_when() {
    let mut all = 0;
    let mut undocumented = Vec::new();
    for (path, text) in read_files("shared/", "rs") {
        for (line, name, documents_errors) in FallibleFunctions::from_text(&text).0 {
            all += 1;
            if !documents_errors {
                undocumented.push(format!("{path}:{line}: {name}"));
            }
        }
    }
    assert!(all > 50, "only {all} functions that can fail were found");
    assert_no_findings(
        undocumented,
        "A public function of shared/ that returns a Result has a section `# Errors`: say there in one line when it fails.",
    );
}

#[test]
fn functions_that_return_a_result_are_told_from_others() {
    let text = "/// Reads.\n///\n/// # Errors\n/// Never.\n#[must_use]\npub fn documented() -> Result<u8, ()> {}\n\
                impl A { pub async fn undocumented(&self) -> std::io::Result<()> {} }\n\
                pub fn maybe(a: Result<u8, ()>) -> Option<Result<u8, ()>> {}\nfn private() -> Result<u8, ()> {}\n";
    let expected = [(6, "documented", true), (7, "undocumented", false)];
    let expected = expected.map(|(line, name, documents_errors)| (line, name.to_owned(), documents_errors));
    assert_eq!(FallibleFunctions::from_text(text).0, expected);
}
