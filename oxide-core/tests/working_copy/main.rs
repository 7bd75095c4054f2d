//! The working copy through the public surface: status, staging and checkout of real files with a real store.

mod checkout;
mod harness;
mod stage;
mod status;
