//! Finding a record among many packs: newest packs first, then one merged, sorted, memory-mapped index (derived).
