//! Addresses of servers, and what is said when there is none.

use anyhow::anyhow;

use crate::exit::Exit;

/// Where a server is, if nothing else is said.
const DEFAULT: &str = "http://127.0.0.1:8088";
/// Where that may be said once for all commands.
const VARIABLE: &str = "KERB_SERVER";

/// The address of `--server`, of the environment, or the usual one, whichever comes first.
pub(crate) fn named(given: Option<&str>) -> Result<String, Exit> {
    let everywhere = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty());
    match (given, everywhere) {
        (Some(url), _) => checked("--server", url),
        (None, Some(url)) => checked(VARIABLE, &url),
        (None, None) => checked("--server", DEFAULT),
    }
}

/// The address without a slash behind it; wrong use if it is not one.
fn checked(said: &str, url: &str) -> Result<String, Exit> {
    match reqwest::Url::parse(url) {
        Ok(parsed) if parsed.scheme() == "http" || parsed.scheme() == "https" => {
            Ok(url.trim_end_matches('/').to_string())
        }
        _ => Err(Exit::WrongUse(format!(
            "{said}: '{url}' is not an address such as http://127.0.0.1:8088"
        ))),
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
