//! Which run of the machine this is: between two of them there may have been a power cut.

use std::sync::OnceLock;

/// A number that changes whenever the machine is started; always the same where the system does not tell.
pub fn boot() -> u64 {
    #[cfg(test)]
    if let Some(boot) = tests::BOOT.get() {
        return boot;
    }
    static BOOT: OnceLock<u64> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let id = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        xxhash_rust::xxh3::xxh3_64(&id)
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// What [`super::boot`] says on this thread.
        pub(crate) static BOOT: Cell<Option<u64>> = const { Cell::new(None) };
    }
}
