//! Facts of many files in little memory: most files of a data set have the same ones.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use crate::media::Facts;

/// Where facts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FactsPlace(NonZeroU32);

/// Each of the facts once.
#[derive(Debug, Default)]
pub(crate) struct KnownFacts {
    distinct: Vec<Arc<Facts>>,
    places: HashMap<Arc<Facts>, FactsPlace>,
}

impl KnownFacts {
    /// Keeps facts; gives the place where they are found again.
    pub(crate) fn keep(&mut self, facts: Facts) -> Option<FactsPlace> {
        let last = NonZeroU32::new(self.distinct.len() as u32).map(FactsPlace);
        if self.distinct.last().is_some_and(|known| **known == facts) {
            return last;
        }
        if let Some(place) = self.places.get(&facts) {
            return Some(*place);
        }
        let place = NonZeroU32::new(self.distinct.len() as u32 + 1).map(FactsPlace)?;
        let facts = Arc::new(facts);
        self.distinct.push(facts.clone());
        self.places.insert(facts, place);
        Some(place)
    }

    /// What is kept at a place.
    pub(crate) fn get(&self, place: Option<FactsPlace>) -> Option<&Facts> {
        let position = place?.0.get() as usize - 1;
        self.distinct.get(position).map(Arc::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_facts_are_kept_once() {
        let facts = |width| Facts {
            width: Some(width),
            ..Facts::default()
        };
        let mut known = KnownFacts::default();
        let places = [1, 1, 2, 1, 2].map(|width| known.keep(facts(width)));
        assert_eq!(known.distinct.len(), 2);
        for (place, width) in places.into_iter().zip([1, 1, 2, 1, 2]) {
            assert_eq!(known.get(place), Some(&facts(width)));
        }
        assert_eq!(known.get(None), None);
    }
}
