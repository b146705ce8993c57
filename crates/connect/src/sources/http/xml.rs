//! XML to JSON, names by namespace.
//!
//! An element becomes an object of its attributes (`@name`), its text (`#text`) and its children,
//! each under its name, several of one name as an array; an element of text alone becomes that
//! text, an empty one null. Text is never made a number: that is SQL's part. The prefix of a name
//! is the one that the configuration gives its namespace, whatever the document uses; so too in
//! the value of `xsi:type`.

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{Prefix, QName, ResolveResult};
use serde_json::{Map, Value as Json};

use crate::config::{ConfigError, Settings};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Elements within elements; deeper documents are refused.
const DEPTH_MAX: usize = 100;

/// Which prefix names of a namespace get.
#[derive(Debug)]
pub(crate) struct Namespaces(Vec<(String, String)>);

impl Namespaces {
    pub(crate) fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let read = |text: &String| match text.split_once('=') {
            Some((prefix, address)) if !prefix.trim().is_empty() && !address.trim().is_empty() => {
                Ok((prefix.trim().to_owned(), address.trim().to_owned()))
            }
            _ => Err(ConfigError::new("xml.namespaces", format!("{text:?} is not prefix=address"))),
        };
        settings.list("xml.namespaces").iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    fn prefix(&self, namespace: &str) -> Option<&str> {
        let is_it = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => namespace.starts_with(start),
            None => namespace == pattern,
        };
        let given =
            self.0.iter().find(|(_, pattern)| is_it(pattern)).map(|(prefix, _)| prefix.as_str());
        given.or_else(|| (namespace == XSI).then_some("xsi"))
    }

    fn name(&self, resolved: &ResolveResult<'_>, local: &str) -> String {
        match resolved {
            ResolveResult::Bound(namespace) => match self.prefix(namespace.0) {
                Some(prefix) => format!("{prefix}:{local}"),
                None => local.to_owned(),
            },
            ResolveResult::Unbound | ResolveResult::Unknown(_) => local.to_owned(),
        }
    }

    /// The whole document as an object with one member, its root element.
    pub(crate) fn to_json(&self, text: &str) -> Result<Json, String> {
        let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
        reader.config_mut().expand_empty_elements = true;
        let mut open = vec![Element::default()];
        loop {
            let event = reader.read_event().map_err(|error| {
                format!("the document is not XML: {error} (at byte {})", reader.error_position())
            })?;
            match event {
                Event::Start(start) => {
                    if open.len() > DEPTH_MAX {
                        return Err(format!("the document is more than {DEPTH_MAX} elements deep"));
                    }
                    open.push(self.element(&reader, &start)?);
                }
                Event::End(_) => {
                    let Some(element) = open.pop() else { continue };
                    let parent = open.last_mut().ok_or("the document ends before it begins")?;
                    parent.add(element.name.clone(), element.into_json());
                }
                Event::Text(text) => push_text(&mut open, &text.xml10_content()),
                Event::CData(data) => push_text(&mut open, &data),
                Event::GeneralRef(reference) => {
                    let resolved = match reference.resolve_char_ref() {
                        Ok(Some(character)) => Some(character.to_string()),
                        Ok(None) => resolve_xml_entity(&reference).map(str::to_owned),
                        Err(_) => None,
                    };
                    let resolved = resolved.ok_or_else(|| {
                        format!("the document uses &{};, which is not XML's", &*reference)
                    })?;
                    push_text(&mut open, &resolved);
                }
                Event::Eof => break,
                Event::Empty(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
        match (open.pop(), open.is_empty()) {
            (Some(root), true) if !root.members.is_empty() => Ok(Json::from(root.members)),
            (Some(_), true) => Err("the document has no element".to_owned()),
            _ => Err("the document ends in the middle of an element".to_owned()),
        }
    }

    fn element(&self, reader: &NsReader<&[u8]>, start: &BytesStart<'_>) -> Result<Element, String> {
        let (resolved, local) = reader.resolver().resolve_element(start.name());
        let mut element =
            Element { name: self.name(&resolved, local.into_inner()), ..Element::default() };
        for attribute in start.attributes() {
            let attribute =
                attribute.map_err(|error| format!("the document is not XML: {error}"))?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (resolved, local) = reader.resolver().resolve_attribute(attribute.key);
            let name = self.name(&resolved, local.into_inner());
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| format!("the document is not XML: {error}"))?;
            let is_type = matches!(&resolved, ResolveResult::Bound(n) if n.0 == XSI)
                && local.into_inner() == "type";
            let value = if is_type { self.type_name(reader, &value) } else { value.into_owned() };
            element.members.insert(format!("@{name}"), Json::from(value));
        }
        Ok(element)
    }

    /// A name in a value, with the prefix that the configuration gives its namespace.
    fn type_name(&self, reader: &NsReader<&[u8]>, value: &str) -> String {
        let name = QName(value.trim());
        let (local, prefix): (_, Option<Prefix<'_>>) = name.decompose();
        let resolved = reader.resolver().resolve_prefix(prefix, true);
        self.name(&resolved, local.into_inner())
    }
}

/// An element that is being read.
#[derive(Debug, Default)]
struct Element {
    name: String,
    members: Map<String, Json>,
    text: String,
}

impl Element {
    /// Adds a child: the second of a name makes an array of both.
    fn add(&mut self, name: String, child: Json) {
        match self.members.get_mut(&name) {
            None => drop(self.members.insert(name, child)),
            Some(Json::Array(children)) => children.push(child),
            Some(first) => *first = Json::from(vec![first.take(), child]),
        }
    }

    fn into_json(mut self) -> Json {
        let text = self.text.trim();
        match (self.members.is_empty(), text.is_empty()) {
            (true, true) => Json::Null,
            (true, false) => Json::from(text),
            (false, true) => Json::from(self.members),
            (false, false) => {
                self.members.insert("#text".to_owned(), Json::from(text));
                Json::from(self.members)
            }
        }
    }
}

fn push_text(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

#[cfg(test)]
mod tests;
