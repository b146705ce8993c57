//! The routes, called as a service over an engine in memory: a file for each URL.

mod routes {
    mod close_query;
    mod info;
    mod inserts_stream;
    mod kerb;
    mod ksql;
    mod query;
    mod query_stream;
    mod status;
    mod support;
}
