//! Long lists, a page at a time.

use super::Ask;

const ROWS: usize = 50;

/// Which part of a list a page shows, and the way to the others.
pub(crate) struct Pager {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) total: usize,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
}

impl Pager {
    /// The rows of the page that is asked for by `page`, from 1.
    pub(crate) fn cut<T>(ask: &Ask<'_>, path: &[&str], rows: Vec<T>) -> (Self, Vec<T>) {
        let total = rows.len();
        let pages = total.div_ceil(ROWS).max(1);
        let asked = ask.param("page").and_then(|page| page.parse().ok());
        let page = asked.unwrap_or(1).clamp(1, pages);
        let start = (page - 1) * ROWS;
        let rows: Vec<T> = rows.into_iter().skip(start).take(ROWS).collect();
        let link = |page: usize| {
            let link = ask.scope.link(path);
            let sign = if link.contains('?') { '&' } else { '?' };
            format!("{link}{sign}page={page}")
        };
        let pager = Self {
            first: start + usize::from(!rows.is_empty()),
            last: start + rows.len(),
            total,
            previous: (page > 1).then(|| link(page - 1)),
            next: (page < pages).then(|| link(page + 1)),
        };
        (pager, rows)
    }
}
