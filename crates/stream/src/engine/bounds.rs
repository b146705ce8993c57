//! How much may be under way at once: queries that run, pull queries that are answered, push
//! queries with their clients. What is over it is refused, with a word on what to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::properties;
use crate::request::{RequestError, RequestErrorKind};

/// A bound on things of one kind.
#[derive(Debug)]
struct Bound {
    property: &'static str,
    most: usize,
    taken: Arc<AtomicUsize>,
}

/// One of the things a bound counts; it counts until this is dropped.
#[derive(Debug)]
pub struct Permit {
    taken: Arc<AtomicUsize>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Bound {
    fn of(server: &BTreeMap<String, String>, property: &'static str) -> Self {
        let most = properties::limit(server, property);
        Self { property, most, taken: Arc::default() }
    }

    /// Takes a place; `Err`: the property and its value.
    fn take(&self) -> Result<Permit, (&'static str, usize)> {
        let take = |taken: usize| (taken < self.most).then_some(taken + 1);
        match self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, take) {
            Ok(_) => Ok(Permit { taken: Arc::clone(&self.taken) }),
            Err(_) => Err((self.property, self.most)),
        }
    }
}

/// The bounds of a service.
#[derive(Debug)]
pub(crate) struct Bounds {
    pulls: Bound,
    pushes: Bound,
    persistent: usize,
}

/// The property that bounds persistent queries.
const PERSISTENT: &str = "ksql.query.persistent.active.limit";

impl Bounds {
    /// The bounds that the server's properties set.
    pub(crate) fn of(server: &BTreeMap<String, String>) -> Self {
        Self {
            pulls: Bound::of(server, "ksql.query.pull.max.concurrent.requests"),
            pushes: Bound::of(server, "ksql.max.push.queries"),
            persistent: properties::limit(server, PERSISTENT),
        }
    }

    /// A place for a pull query on a table, until its answer was written.
    pub(crate) fn pull(&self) -> Result<Permit, RequestError> {
        self.pulls.take().map_err(|(property, most)| {
            let message = format!(
                "{most} pull queries are answered already, as many as '{property}' allows. Try \
                 again in a moment, or start the server with a higher limit"
            );
            RequestError::new(RequestErrorKind::TooManyRequests, message)
        })
    }

    /// A place for a query that goes on as long as its client: push queries, pull queries on
    /// streams, PRINT.
    pub(crate) fn push(&self) -> Result<Permit, RequestError> {
        self.pushes.take().map_err(|(property, most)| {
            let message = format!(
                "{most} push queries are running already, as many as '{property}' allows. End \
                 some (/close-query, TERMINATE), or start the server with a higher limit"
            );
            RequestError::new(RequestErrorKind::TooManyQueries, message)
        })
    }

    /// May so many persistent queries run? `Err`: why not.
    pub(crate) fn persistent(&self, queries: usize) -> Result<(), String> {
        if queries <= self.persistent {
            return Ok(());
        }
        Err(format!(
            "{} persistent queries are running already, as many as '{PERSISTENT}' allows. End some \
             (TERMINATE, DROP), or start the server with a higher limit",
            self.persistent
        ))
    }
}
