//! Addresses of servers, and what is said when there is none.

use anyhow::{Result, anyhow, bail};

/// The address without a slash behind it; an error if it is not one.
pub(crate) fn checked(url: &str) -> Result<String> {
    match reqwest::Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "http" || parsed.scheme() == "https" => {
            Ok(url.trim_end_matches('/').to_string())
        }
        _ => bail!("--server: '{url}' is not an address such as http://127.0.0.1:8088"),
    }
}

/// What is said when a server does not answer.
pub(crate) fn not_reached(base: &str, error: &reqwest::Error) -> anyhow::Error {
    match error.is_connect() {
        true => anyhow!(
            "no server answers at {base}; start one with `kerb up`, or name another with --server"
        ),
        false => anyhow!("{base}: the answer broke off ({error})"),
    }
}
