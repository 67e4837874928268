//! The record of an article: what ProductFlow was last sent, when the article is due, and its open problems.

use crate::keys::{self, Key};
use crate::model::{OpenProblem, problems_differ};
use crate::record::Record;
use crate::tally::{ProblemTally, replace_problems};
use domain::article::{ArticleFacts, Listing};
use domain::ids::{ArticleId, ConnectionId, Sku};
use domain::notification::ProblemSubject;
use domain::problem::{Problem, ProblemCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the stored shape of [`ArticleRecord`].
pub const ARTICLE_SCHEMA: u32 = 1;

/// How long a write to ProductFlow is remembered, to recognise a value that flips.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Writes remembered per article.
const MOST_REMEMBERED: usize = 100;
/// How long a number that was found unique counts as unique where a look-up takes several calls.
const UNIQUE_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Returns to an earlier value within an hour that open the problem `article_flips`.
pub const FLIP_RETURNS: usize = 5;

/// Why an article is due. The order of the variants is their precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArticleDueKind {
    /// Robaws announced a change of the article, or another article left its number.
    Change,
    /// A full push, the nightly check, or a retry. Bulk work waits while the day's Robaws requests run short.
    Bulk,
}

/// When an article is looked at next, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleDue {
    /// The look begins at this moment or later.
    pub at: Timestamp,
    pub kind: ArticleDueKind,
}

/// What ProductFlow has of an article, as far as the connector knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentListing {
    /// The article number under which product and offer were sent.
    pub sku: Sku,
    /// Digest of the product last sent. `None`: ProductFlow may hold something else, so the product is sent again.
    pub product: Option<String>,
    /// Digest of the offer last sent. `None`: ProductFlow may hold something else, so the offer is sent again.
    pub offer: Option<String>,
    /// The sent values by field name, to name the one that flips.
    pub values: BTreeMap<String, String>,
    /// When product or offer was last sent.
    pub at: Option<Timestamp>,
}

impl SentListing {
    /// Whether ProductFlow certainly holds this listing: same number, same product, same offer.
    pub fn agrees_with(&self, listing: &Listing) -> bool {
        self.sku == listing.sku
            && self.product.as_ref() == Some(&listing.product.compute_digest())
            && self.offer.as_ref() == Some(&listing.offer.compute_digest())
    }
}

/// The finding that no other live article had a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UniqueNumber {
    pub number: String,
    /// When the look-up was made.
    pub at: Timestamp,
    /// Whether so many other numbers contain this number that a look-up takes several calls.
    pub crowded: bool,
}

impl UniqueNumber {
    /// Whether the finding may be used without a new look-up: for 24 hours, and only where a look-up takes several
    /// calls. An article that takes the number meanwhile is announced by Robaws, and the nightly check compares all
    /// numbers.
    pub fn is_still_valid(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.at);
        self.crowded && age >= SignedDuration::ZERO && age < UNIQUE_FOR
    }
}

/// One write to ProductFlow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastWrite {
    pub at: Timestamp,
    /// Digest of product and offer together.
    pub digest: String,
}

/// State of an article, as the API names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArticleState {
    /// ProductFlow has the article as Robaws does.
    Sent,
    /// A look is due.
    Due,
    /// A problem is open.
    Problem,
    /// The article is not offered through ProductFlow.
    Off,
}

impl ArticleState {
    pub const ALL: [Self; 4] = [Self::Sent, Self::Due, Self::Problem, Self::Off];

    /// The word that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Due => "due",
            Self::Problem => "problem",
            Self::Off => "off",
        }
    }
}

/// The stored record of one article of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArticleRecord {
    /// [`ARTICLE_SCHEMA`] of the program that wrote the record.
    pub schema: u32,
    /// Counts the writes; every write is conditional on the version that was read. 0: not stored yet.
    pub version: u64,
    pub connection: ConnectionId,
    /// Robaws' id of the article.
    pub article_id: ArticleId,
    /// The article number, as last read.
    pub number: Option<String>,
    /// Whether the checkbox "ProductFlow" was ticked when last read.
    pub ticked: bool,
    /// What orders need to know of the article, as last read. `None`: never read.
    pub facts: Option<ArticleFacts>,
    /// Digest of everything that was last read of the article.
    pub source: Option<String>,
    /// What ProductFlow has, from the first attempt to send on.
    pub sent: Option<SentListing>,
    /// Numbers under which an offer of this article must still be withdrawn.
    pub withdraw: BTreeSet<Sku>,
    /// Counts the attempts to write to ProductFlow. An outcome is recorded only for the newest attempt.
    pub attempt: u64,
    /// Writes of the last hour, oldest first.
    pub written: Vec<PastWrite>,
    pub problems: Vec<OpenProblem>,
    /// When the article is looked at next. `None`: no look is planned.
    pub due: Option<ArticleDue>,
    /// When a queue message was last sent. No second message follows for 10 minutes.
    pub queued_at: Option<Timestamp>,
    /// The last finding that no other article had the number.
    pub unique: Option<UniqueNumber>,
    /// When the article was last read. A change announced before this moment is part of what was read.
    pub read_at: Option<Timestamp>,
    /// Looks begun since the last look that recorded an outcome.
    pub starts: u32,
    /// Failed calls in a row; the wait doubles from 1 minute to 1 hour.
    pub failures: u32,
    /// Looks in a row that found a problem; the wait doubles from 15 minutes to 24 hours.
    pub rounds: u32,
    /// When the connector first saw the article.
    pub created_at: Timestamp,
    /// When the record was last written.
    pub updated_at: Timestamp,
    /// Whether the open problems changed since the record was loaded. Not persisted.
    #[serde(skip)]
    pub problems_changed: bool,
    /// Problems opened and closed since the record was loaded. Not persisted.
    #[serde(skip)]
    pub tally: ProblemTally,
}

impl ArticleRecord {
    /// The record of an article that was never seen before. The article is not due.
    pub fn new(connection: ConnectionId, article_id: ArticleId, now: Timestamp) -> Self {
        Self {
            schema: ARTICLE_SCHEMA,
            version: 0,
            connection,
            article_id,
            number: None,
            ticked: false,
            facts: None,
            source: None,
            sent: None,
            withdraw: BTreeSet::new(),
            attempt: 0,
            written: Vec::new(),
            problems: Vec::new(),
            due: None,
            queued_at: None,
            unique: None,
            read_at: None,
            starts: 0,
            failures: 0,
            rounds: 0,
            created_at: now,
            updated_at: now,
            problems_changed: false,
            tally: ProblemTally::default(),
        }
    }

    pub fn state(&self) -> ArticleState {
        if !self.problems.is_empty() {
            ArticleState::Problem
        } else if self.due.is_some() {
            ArticleState::Due
        } else if self.sent.is_some() {
            ArticleState::Sent
        } else {
            ArticleState::Off
        }
    }

    pub fn has_problem(&self, code: ProblemCode) -> bool {
        self.problems.iter().any(|open| open.problem.code == code)
    }

    /// Makes the article due at once. A change takes precedence over bulk work. Returns whether the record changed.
    pub fn make_due_now(&mut self, kind: ArticleDueKind, now: Timestamp) -> bool {
        let known = self.due.filter(|due| due.at <= now);
        if known.is_some_and(|due| due.kind <= kind) {
            return false;
        }
        self.due = Some(ArticleDue { at: now, kind });
        self.queued_at = None;
        true
    }

    /// Forgets the digests of what was sent, so that product and offer are sent again.
    pub fn forget_sent_digests(&mut self) {
        if let Some(sent) = &mut self.sent {
            sent.product = None;
            sent.offer = None;
        }
    }

    /// Replaces the open problems by those of the last look. A known problem keeps its opening time and counts on;
    /// one that was not found closes.
    pub fn set_problems(&mut self, found: Vec<Problem>, now: Timestamp) {
        self.problems_changed |= problems_differ(&self.problems, &found);
        self.tally += replace_problems(&mut self.problems, found, now);
    }

    /// Writes of the last hour, oldest first.
    pub fn recent_writes(&self, now: Timestamp) -> Vec<PastWrite> {
        let recent = |written: &&PastWrite| now.duration_since(written.at) < REMEMBERED_FOR;
        self.written.iter().filter(recent).cloned().collect()
    }

    /// Adds a write to the remembered ones.
    pub fn remember_write(&mut self, digest: &str, now: Timestamp) {
        self.written = self.recent_writes(now);
        self.written.push(PastWrite { at: now, digest: digest.to_owned() });
        let surplus = self.written.len().saturating_sub(MOST_REMEMBERED);
        self.written.drain(..surplus);
    }

    /// How often the sent value returned to an earlier one in the last hour. `next`: a digest that is about to be
    /// written and counts too.
    pub fn count_returns(&self, next: Option<&str>, now: Timestamp) -> usize {
        let recent = self.recent_writes(now);
        let mut seen = BTreeSet::new();
        let mut before = None;
        let digests = recent.iter().map(|written| written.digest.as_str()).chain(next);
        digests
            .filter(|digest| {
                let returns = !seen.insert(*digest) && before != Some(*digest);
                before = Some(*digest);
                returns
            })
            .count()
    }
}

impl Record for ArticleRecord {
    const NAME: &'static str = "an article";
    const SCHEMA: u32 = ARTICLE_SCHEMA;

    fn key(&self) -> Key {
        keys::article_key(&self.connection, &self.article_id)
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn next_version(&self, now: Timestamp) -> Self {
        Self {
            version: self.version + 1,
            updated_at: now,
            problems_changed: false,
            tally: ProblemTally::default(),
            ..self.clone()
        }
    }

    fn due_index_entry(&self) -> Option<(String, Timestamp)> {
        let due = self.due?;
        Some((keys::due_articles_pk(&self.connection, due.kind), due.at))
    }

    fn newest_index_entry(&self) -> (String, Timestamp) {
        (keys::newest_articles_pk(&self.connection), self.created_at)
    }

    fn open_index_entry(&self) -> Option<(String, Timestamp, ProblemSubject)> {
        let opened_at = self.problems.iter().map(|open| open.opened_at).min()?;
        let subject =
            ProblemSubject::Article { article_id: self.article_id.clone(), number: self.number.clone() };
        Some((self.connection.to_string(), opened_at, subject))
    }

    fn connection_to_notify(&self) -> Option<&ConnectionId> {
        self.problems_changed.then_some(&self.connection)
    }

    fn tally(&self) -> ProblemTally {
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::article::{Offer, Product};
    use domain::problem::{Holds, build_args};

    #[test]
    fn only_a_return_to_an_earlier_value_is_a_flip() {
        let start: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let at = |minutes: i64| start.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        let connection = ConnectionId::parse("shop").unwrap();
        let mut record = ArticleRecord::new(connection, ArticleId::parse("1").unwrap(), start);
        for (minute, digest) in [(0, "a"), (1, "b"), (2, "c"), (3, "c")] {
            record.remember_write(digest, at(minute));
        }
        assert_eq!(record.count_returns(None, at(4)), 0);
        assert_eq!(record.count_returns(Some("c"), at(4)), 0);
        assert_eq!(record.count_returns(Some("a"), at(4)), 1);
        record.remember_write("a", at(4));
        record.remember_write("b", at(5));
        assert_eq!(record.count_returns(None, at(6)), 2);
        // An hour later it is forgotten.
        assert_eq!(record.count_returns(None, at(64)), 0);
        assert_eq!(record.count_returns(None, at(60)), 1);
    }

    #[test]
    fn a_change_goes_before_bulk_work() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let connection = ConnectionId::parse("shop").unwrap();
        let mut record = ArticleRecord::new(connection, ArticleId::parse("1").unwrap(), now);
        assert_eq!(record.state(), ArticleState::Off);
        assert!(record.make_due_now(ArticleDueKind::Bulk, now));
        assert!(!record.make_due_now(ArticleDueKind::Bulk, now));
        assert!(record.make_due_now(ArticleDueKind::Change, now));
        assert!(!record.make_due_now(ArticleDueKind::Bulk, now));
        assert_eq!(record.due.map(|due| due.kind), Some(ArticleDueKind::Change));
        assert_eq!(record.state(), ArticleState::Due);
    }

    #[test]
    fn what_is_stored_next_has_the_next_version_and_nothing_left_to_tell() {
        let at = |minute: i64| Timestamp::from_second(1_790_000_000 + minute * 60).unwrap();
        let connection = ConnectionId::parse("shop").unwrap();
        let mut record = ArticleRecord::new(connection, ArticleId::parse("1").unwrap(), at(0));
        record.make_due_now(ArticleDueKind::Change, at(1));
        record.problems_changed = true;
        record.tally = ProblemTally::from_closed(1);
        let next = record.next_version(at(2));
        assert_eq!((next.version, next.created_at, next.updated_at), (1, at(0), at(2)));
        assert!(!next.problems_changed && next.tally == ProblemTally::default());
        assert_eq!((next.due, next.article_id), (record.due, record.article_id));
    }

    fn new_article() -> ArticleRecord {
        let connection = ConnectionId::parse("shop").unwrap();
        let now = Timestamp::from_second(1_790_000_000).unwrap();
        ArticleRecord::new(connection, ArticleId::parse("1").unwrap(), now)
    }

    fn new_problem(code: ProblemCode) -> Problem {
        Problem::new(code, Holds::Everything, build_args([]))
    }

    #[test]
    fn an_article_is_sent_again_unless_its_number_its_product_and_its_offer_are_the_same() {
        let sku = |text: &str| Sku::parse(text).unwrap();
        let listing = Listing {
            sku: sku("A-1"),
            product: Product { language: "nl".to_owned(), title: "Kaars".to_owned(), description: None },
            offer: Offer { title: "Kaars".to_owned(), quantity: 3, cost_price: None, sale_price: None },
            problems: Vec::new(),
        };
        let sent = SentListing {
            sku: listing.sku.clone(),
            product: Some(listing.product.compute_digest()),
            offer: Some(listing.offer.compute_digest()),
            values: listing.to_values(),
            at: None,
        };
        assert!(sent.agrees_with(&listing));
        let other = || Some("other".to_owned());
        for differs in [
            SentListing { sku: sku("A-2"), ..sent.clone() },
            SentListing { product: other(), ..sent.clone() },
            SentListing { product: None, ..sent.clone() },
            SentListing { offer: other(), ..sent.clone() },
            SentListing { offer: None, ..sent.clone() },
            SentListing { sku: sku("A-2"), product: other(), offer: other(), ..sent.clone() },
        ] {
            assert!(!differs.agrees_with(&listing), "{differs:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_article_is_told_when_it_changes_and_counted_once() {
        let mut record = new_article();
        let now = record.created_at;
        record.set_problems(Vec::new(), now);
        assert_eq!(Record::connection_to_notify(&record), None, "nothing was and is wrong");
        let found = || vec![new_problem(ProblemCode::ArticleNotUnique)];
        record.set_problems(found(), now);
        assert_eq!(Record::connection_to_notify(&record), Some(&record.connection));
        assert_eq!(Record::tally(&record), ProblemTally { opened: 1, closed: 0 });
        record.set_problems(found(), now);
        assert_eq!(Record::connection_to_notify(&record), Some(&record.connection), "it is not stored yet");
        let mut stored = record.next_version(now);
        stored.set_problems(found(), now);
        assert_eq!(Record::connection_to_notify(&stored), None, "it was told");
        stored.set_problems(Vec::new(), now);
        assert_eq!(Record::connection_to_notify(&stored), Some(&record.connection));
        assert_eq!(Record::tally(&stored), ProblemTally { opened: 0, closed: 1 });
    }

    #[test]
    fn an_article_with_problems_is_found_among_the_open_ones_since_its_first() {
        let mut record = new_article();
        assert_eq!(record.open_index_entry(), None);
        let at = |minutes: i64| record.created_at + SignedDuration::from_mins(minutes);
        let (later, first) = (at(9), at(3));
        record.number = Some("A-1".to_owned());
        record.set_problems(vec![new_problem(ProblemCode::ArticleNotUnique)], later);
        record.set_problems(
            vec![new_problem(ProblemCode::ArticleNotUnique), new_problem(ProblemCode::ArticleFlips)],
            first,
        );
        let subject =
            ProblemSubject::Article { article_id: record.article_id.clone(), number: record.number.clone() };
        assert_eq!(record.open_index_entry(), Some(("shop".to_owned(), first, subject)));
    }

    #[test]
    fn a_number_seen_to_be_unique_is_taken_for_so_for_a_day_only_where_asking_is_dear() {
        let seen_at = new_article().created_at;
        let after = |crowded, seconds| {
            let unique = UniqueNumber { number: "A-1".to_owned(), at: seen_at, crowded };
            unique.is_still_valid(seen_at + SignedDuration::from_secs(seconds))
        };
        let day = 24 * 60 * 60;
        for (seconds, holds) in [(-1, false), (0, true), (day - 1, true), (day, false)] {
            assert_eq!(after(true, seconds), holds, "{seconds}");
            assert!(!after(false, seconds), "{seconds}");
        }
    }

    #[test]
    fn an_article_has_the_problems_that_are_open_on_it_and_no_others() {
        let mut record = new_article();
        let now = record.created_at;
        assert!(!record.has_problem(ProblemCode::ArticleFlips));
        record.set_problems(vec![new_problem(ProblemCode::ArticleFlips)], now);
        assert!(record.has_problem(ProblemCode::ArticleFlips));
        assert!(!record.has_problem(ProblemCode::ArticleNotUnique));
        assert_eq!(record.state(), ArticleState::Problem);
    }
}
