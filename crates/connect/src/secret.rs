//! Values that are never shown: passwords, tokens, and whatever came out of the environment.
//!
//! `${env:NAME}` goes in, the variable's content comes out as a [`Secret`], whose `Debug` and
//! `Display` are asterisks. What is shown of a configuration keeps `${env:NAME}` as it was written.

use std::fmt;

/// What is shown in a secret's place.
pub const HIDDEN: &str = "********";

/// Text that is not to be shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Replaces every `${env:NAME}` in `text`; `Err` is the name of a variable that is not set.
pub(crate) fn expand(
    text: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${env:") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + "${env:".len()..start + length];
        out.push_str(&rest[..start]);
        out.push_str(&environment(name).ok_or_else(|| name.to_owned())?);
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Is `text` nothing but one `${env:NAME}`, and so safe to show as it is?
pub(crate) fn is_reference(text: &str) -> bool {
    text.strip_prefix("${env:")
        .and_then(|rest| rest.strip_suffix('}'))
        .is_some_and(|name| !name.contains(['$', '{', '}']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let environment = |name: &str| (name == "CITY").then(|| "Leeds".to_owned());
        let got = expand(text, &environment);
        assert_eq!(got.as_deref().map_err(String::as_str), expect, "{text}");
    }

    #[test]
    fn references_to_the_environment_are_replaced_wherever_they_stand() {
        check("plain", Ok("plain"));
        check("${env:CITY}", Ok("Leeds"));
        check("http://x/${env:CITY}?a=${env:CITY}", Ok("http://x/Leeds?a=Leeds"));
        check("${env:NOWHERE}", Err("NOWHERE"));
        check("${env:CITY", Ok("${env:CITY"));
        check("${CITY}", Ok("${CITY}"));
    }

    #[test]
    fn a_secret_shows_nothing() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {secret}"), format!("{HIDDEN} {HIDDEN}"));
        assert_eq!(secret.reveal(), "hunter2");
    }

    #[test]
    fn only_a_bare_reference_is_safe_to_show() {
        assert!(is_reference("${env:LEEDS_PW}"));
        assert!(!is_reference("Basic ${env:LEEDS_PW}"));
        assert!(!is_reference("${env:A}hunter2${env:B}"));
    }
}
