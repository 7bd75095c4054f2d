//! Places in canonical JSON text, found by skipping what lies before them.

use memchr::memchr2;
use serde_json::Value;

use crate::error::{Error, Result};

/// What a path reaches.
pub enum Place<'a> {
    /// A value.
    Value(Node<'a>),
    /// An array in an array, which has its elements for fields, by their numbers.
    Fields(Node<'a>),
    /// Nothing.
    Missing,
}

/// The text of one value.
#[derive(Clone, Copy)]
pub struct Node<'a>(&'a str);

fn damaged() -> Error {
    Error::integrity("a JSON cell is malformed")
}

impl<'a> Node<'a> {
    /// A document. It is read as far as it is looked at.
    pub fn whole(text: &'a str) -> Result<Node<'a>> {
        if text.is_empty() {
            return Err(damaged());
        }
        Ok(Node(text))
    }

    pub fn is_object(&self) -> bool {
        self.0.starts_with('{')
    }

    pub fn is_array(&self) -> bool {
        self.0.starts_with('[')
    }

    /// The value itself.
    pub fn value(&self) -> Result<Value> {
        serde_json::from_str(self.0).map_err(|_| damaged())
    }

    /// The value of a name, given as it stands in the text.
    pub fn member(&self, quoted: &str) -> Result<Option<Node<'a>>> {
        let mut at = 1;
        while self.byte(at)? != b'}' {
            let (name, value, next) = self.pair(at)?;
            if name == quoted {
                return Ok(Some(value));
            }
            at = next;
        }
        Ok(None)
    }

    /// Whether this is an object with a name that is not among some.
    pub fn has_other_than(&self, names: &[String]) -> Result<bool> {
        if !self.is_object() {
            return Ok(true);
        }
        let others = names
            .iter()
            .map(|name| Value::String(name.clone()).to_string());
        let others: Vec<String> = others.collect();
        let mut at = 1;
        while self.byte(at)? != b'}' {
            let (name, _, next) = self.pair(at)?;
            if !others.iter().any(|other| other == name) {
                return Ok(true);
            }
            at = next;
        }
        Ok(false)
    }

    /// The elements of an array.
    pub fn elements(&self) -> Result<Vec<Node<'a>>> {
        let mut elements = Vec::new();
        let mut at = 1;
        while self.byte(at)? != b']' {
            let end = self.behind_value(at)?;
            elements.push(Node(&self.0[at..end]));
            at = self.behind_comma(end)?;
        }
        Ok(elements)
    }

    /// Name, value, and where the next pair begins.
    fn pair(&self, at: usize) -> Result<(&'a str, Node<'a>, usize)> {
        let colon = self.behind_string(at)?;
        if self.byte(colon)? != b':' {
            return Err(damaged());
        }
        let end = self.behind_value(colon + 1)?;
        Ok((
            &self.0[at..colon],
            Node(&self.0[colon + 1..end]),
            self.behind_comma(end)?,
        ))
    }

    fn byte(&self, at: usize) -> Result<u8> {
        self.0.as_bytes().get(at).copied().ok_or_else(damaged)
    }

    fn behind_comma(&self, at: usize) -> Result<usize> {
        match self.byte(at)? {
            b',' => Ok(at + 1),
            b']' | b'}' => Ok(at),
            _ => Err(damaged()),
        }
    }

    fn behind_string(&self, at: usize) -> Result<usize> {
        if self.byte(at)? != b'"' {
            return Err(damaged());
        }
        let mut from = at + 1;
        loop {
            let rest = self.0.as_bytes().get(from..).ok_or_else(damaged)?;
            let found = from + memchr2(b'"', b'\\', rest).ok_or_else(damaged)?;
            if self.byte(found)? == b'"' {
                return Ok(found + 1);
            }
            from = found + 2;
        }
    }

    fn behind_value(&self, at: usize) -> Result<usize> {
        match self.byte(at)? {
            b'"' => self.behind_string(at),
            b'{' | b'[' => self.behind_brackets(at),
            _ => {
                let rest = &self.0.as_bytes()[at..];
                let length = rest
                    .iter()
                    .position(|byte| matches!(byte, b',' | b']' | b'}'));
                Ok(at + length.unwrap_or(rest.len()))
            }
        }
    }

    fn behind_brackets(&self, mut at: usize) -> Result<usize> {
        let mut depth = 0_usize;
        loop {
            match self.byte(at)? {
                b'"' => {
                    at = self.behind_string(at)?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }
}
