//! Rust source, parsed: its words, and its public functions that return a `Result`.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Attribute, Expr, ImplItemFn, ItemFn, Lit, Meta, ReturnType, Signature, Type, Visibility};

/// Public functions that return a `Result`: line and name, and whether the docs have a section `# Errors`.
#[derive(Default)]
pub(crate) struct FallibleFunctions(pub(crate) Vec<(usize, String, bool)>);

impl FallibleFunctions {
    pub(crate) fn from_text(text: &str) -> Self {
        let mut functions = Self::default();
        functions.visit_file(&syn::parse_file(text).unwrap());
        functions
    }

    fn add_function(&mut self, visibility: &Visibility, attributes: &[Attribute], signature: &Signature) {
        if let Visibility::Public(_) = visibility
            && let ReturnType::Type(_, returned) = &signature.output
            && let Type::Path(returned) = &**returned
            && returned
                .path
                .segments
                .last()
                .is_some_and(|last| last.ident == "Result")
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

/// All identifiers and keywords, those inside macros among them; no words of comments and strings.
pub(crate) fn list_words(tokens: TokenStream) -> Vec<String> {
    let words = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) => list_words(group.stream()),
        TokenTree::Ident(word) => vec![word.to_string()],
        TokenTree::Punct(_) | TokenTree::Literal(_) => Vec::new(),
    });
    words.collect()
}

#[test]
fn functions_that_return_a_result_are_told_from_others() {
    let text = "/// Reads.\n///\n/// # Errors\n/// Never.\n#[must_use]\npub fn documented() -> Result<u8, ()> {}\n\
                impl A { pub async fn undocumented(&self) -> std::io::Result<()> {} }\n\
                pub fn maybe(a: Result<u8, ()>) -> Option<Result<u8, ()>> {}\nfn private() -> Result<u8, ()> {}\n";
    let expected = [(6, "documented", true), (7, "undocumented", false)];
    let expected = expected.map(|(line, name, documents_errors)| (line, name.to_owned(), documents_errors));
    assert_eq!(FallibleFunctions::from_text(text).0, expected);
    assert_eq!(list_words("/* a */ b!(c, \"d\")".parse().unwrap()), ["b", "c"]);
}
