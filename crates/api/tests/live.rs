//! A server on a socket, with an engine whose queries run on threads.

mod live {
    mod leaving;
    mod support;
    mod ws_query;
}
