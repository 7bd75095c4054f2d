//! Conditions on JSON documents, as `docs/queries.md` defines them: a path reaches into objects and, through arrays, into the
//! objects that they hold; equality is typed; an order compares values of one type only.
//!
//! Documents are canonical JSON text, of which only the places that a path reaches are read.

mod order;
mod text;

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;

pub use order::sort_key;
use order::{compare, equal};
use text::{Node, Place};

use crate::error::{Error, ErrorCode, Result};

/// What must hold of a document.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// Every one of these.
    All(Vec<Condition>),
    /// One of these at least.
    Any(Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// One value at a path, at least, fulfils a test.
    At(Path, Test),
}

/// Names along the way from the top of a document.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Vec<String>")]
pub struct Path(Vec<Name>);

/// A name on a path, as it stands in canonical JSON, and as a place in an array.
#[derive(Clone, Debug)]
struct Name {
    quoted: String,
    index: Option<usize>,
}

impl From<Vec<String>> for Path {
    fn from(names: Vec<String>) -> Path {
        let name = |name: String| Name {
            quoted: Value::String(name.clone()).to_string(),
            index: name
                .parse()
                .ok()
                .filter(|index: &usize| index.to_string() == name),
        };
        Path(names.into_iter().map(name).collect())
    }
}

/// A test of one value, or of the elements of an array that stands in its place.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Test {
    /// There is a value, null included.
    Exists,
    /// There is an object with a name other than these.
    Holds(Vec<String>),
    /// Equal to one of these. Null is also equal to what is not there.
    Among(Vec<Value>),
    /// Behind this in the order of its type.
    Above(Value),
    /// Equal to this or behind it.
    Least(Value),
    /// Before this.
    Below(Value),
    /// Equal to this or before it.
    Most(Value),
    /// A text of this pattern.
    Glob(Glob),
    /// An array one element of which fulfils a condition of its own places.
    Element(Box<Condition>),
    /// An array one element of which fulfils all these.
    Every(Vec<Test>),
}

/// A pattern of texts: `*` is any run of characters, `?` any character, `[a-z]` one of some, `[!a-z]` none of them.
#[derive(Clone, Debug, Deserialize)]
pub struct Glob(Vec<Piece>);

/// A piece of a pattern.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Piece {
    /// `*`
    Run,
    /// `?`
    Any,
    /// A character.
    One(char),
    /// One of some ranges of characters, or none of them.
    Set(bool, Vec<(char, char)>),
}

impl Piece {
    fn takes(&self, character: char) -> bool {
        match self {
            Piece::Run => false,
            Piece::Any => true,
            Piece::One(one) => *one == character,
            Piece::Set(within, ranges) => {
                let found = ranges
                    .iter()
                    .any(|(first, last)| (*first..=*last).contains(&character));
                found == *within
            }
        }
    }
}

impl Glob {
    /// Whether the whole text is of this pattern. The time is at most the product of the lengths.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let characters: Vec<char> = text.chars().collect();
        let (mut piece, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None; // behind the last run, and how far it reached
        while at < characters.len() {
            match self.0.get(piece) {
                Some(Piece::Run) => {
                    piece += 1;
                    retry = Some((piece, at));
                }
                Some(here) if here.takes(characters[at]) => {
                    piece += 1;
                    at += 1;
                }
                _ => match &mut retry {
                    Some((behind, reached)) => {
                        *reached += 1;
                        (piece, at) = (*behind, *reached);
                    }
                    None => return false,
                },
            }
        }
        self.0[piece..]
            .iter()
            .all(|rest| matches!(rest, Piece::Run))
    }
}

/// Reads a condition from its JSON form, as the query planner writes it.
pub fn parse(text: &str) -> Result<Condition> {
    serde_json::from_str(text).map_err(|error| {
        Error::new(
            ErrorCode::Invalid,
            format!("a condition is malformed: {error}"),
        )
    })
}

impl Condition {
    /// Whether a document fulfils the condition; `None`: there is no document.
    pub fn holds(&self, document: Option<&str>) -> Result<bool> {
        let place = document.map_or(Ok(Place::Missing), |text| {
            Node::whole(text).map(Place::Value)
        })?;
        self.holds_at(&place)
    }

    fn holds_at(&self, place: &Place) -> Result<bool> {
        Ok(match self {
            Condition::All(parts) => {
                for part in parts {
                    if !part.holds_at(place)? {
                        return Ok(false);
                    }
                }
                true
            }
            Condition::Any(parts) => {
                for part in parts {
                    if part.holds_at(place)? {
                        return Ok(true);
                    }
                }
                false
            }
            Condition::Not(part) => !part.holds_at(place)?,
            Condition::At(path, test) => {
                walk(place, &path.0, false, &mut |place| test.fits(place))?
            }
        })
    }

    /// Whether one element of an array fulfils the condition. Fields are those of objects, and of arrays by number: what
    /// is neither fulfils nothing that is said about fields, not even that there is none.
    fn holds_of_element(&self, element: Node) -> Result<bool> {
        if !self.names_fields() || element.is_object() {
            return self.holds_at(&Place::Value(element));
        }
        Ok(element.is_array() && self.holds_at(&Place::Fields(element))?)
    }

    fn names_fields(&self) -> bool {
        match self {
            Condition::All(parts) | Condition::Any(parts) => {
                parts.iter().any(Condition::names_fields)
            }
            Condition::Not(part) => part.names_fields(),
            Condition::At(path, _) => !path.0.is_empty(),
        }
    }
}

/// Calls `visit` with every place that a path reaches until it says yes. An element of an array that is no object has no
/// places of its own, nor has one that a number leads to and that is neither object nor array.
fn walk<'a>(
    place: &Place<'a>,
    path: &[Name],
    is_element: bool,
    visit: &mut dyn FnMut(&Place<'a>) -> Result<bool>,
) -> Result<bool> {
    let Some((name, rest)) = path.split_first() else {
        return visit(place);
    };
    match place {
        Place::Value(node) if node.is_object() => {
            let below = node
                .member(&name.quoted)?
                .map_or(Place::Missing, Place::Value);
            walk(&below, rest, false, visit)
        }
        Place::Value(node) if node.is_array() && !is_element => {
            for (number, element) in node.elements()?.into_iter().enumerate() {
                let is_object = element.is_object();
                let leads_on = rest.is_empty() || is_object || element.is_array();
                let element = Place::Value(element);
                if name.index == Some(number) && leads_on && walk(&element, rest, false, visit)? {
                    return Ok(true);
                }
                if is_object && walk(&element, path, true, visit)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Place::Fields(node) => {
            let mut elements = node.elements()?.into_iter();
            let below = name
                .index
                .and_then(|index| elements.nth(index))
                .map_or(Place::Missing, Place::Value);
            walk(&below, rest, false, visit)
        }
        _ if is_element => Ok(false),
        _ => visit(&Place::Missing),
    }
}

impl Test {
    fn fits(&self, place: &Place) -> Result<bool> {
        let (Place::Value(node) | Place::Fields(node)) = place else {
            return Ok(matches!(self, Test::Among(values) if values.contains(&Value::Null)));
        };
        match self {
            Test::Exists => return Ok(true),
            Test::Holds(names) => return node.has_other_than(names),
            Test::Element(condition) => {
                if node.is_array() {
                    for element in node.elements()? {
                        if condition.holds_of_element(element)? {
                            return Ok(true);
                        }
                    }
                }
                return Ok(false);
            }
            Test::Every(tests) => {
                if node.is_array() {
                    for element in node.elements()? {
                        let element = element.value()?;
                        if tests.iter().all(|test| test.fits_value(&element)) {
                            return Ok(true);
                        }
                    }
                }
                return Ok(false);
            }
            _ => {}
        }
        let value = node.value()?;
        if self.fits_value(&value) {
            return Ok(true);
        }
        Ok(value
            .as_array()
            .is_some_and(|elements| elements.iter().any(|each| self.fits_value(each))))
    }

    fn fits_value(&self, value: &Value) -> bool {
        let order = |bound: &Value| compare(value, bound);
        match self {
            Test::Exists => true,
            Test::Among(values) => values.iter().any(|each| equal(value, each)),
            Test::Above(bound) => order(bound).is_some_and(std::cmp::Ordering::is_gt),
            Test::Least(bound) => order(bound).is_some_and(std::cmp::Ordering::is_ge),
            Test::Below(bound) => order(bound).is_some_and(std::cmp::Ordering::is_lt),
            Test::Most(bound) => order(bound).is_some_and(std::cmp::Ordering::is_le),
            Test::Glob(glob) => value.as_str().is_some_and(|text| glob.matches(text)),
            // Tests of whole arrays and objects are no tests of an element.
            Test::Holds(_) | Test::Element(_) | Test::Every(_) => false,
        }
    }
}
