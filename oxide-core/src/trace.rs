//! A span log on stderr behind `OXIDE_TRACE=1`: one line for each span, with milliseconds.

use std::sync::OnceLock;
use std::time::Instant;

fn enabled() -> bool {
    static ENABLED: OnceLock<bool> = OnceLock::new();
    *ENABLED.get_or_init(|| std::env::var_os("OXIDE_TRACE").is_some_and(|value| value == "1"))
}

/// Measures from its creation until it is dropped.
pub struct Span {
    name: &'static str,
    start: Option<Instant>,
}

/// Begins a span; it costs nothing when tracing is off.
pub fn span(name: &'static str) -> Span {
    Span {
        name,
        start: enabled().then(Instant::now),
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(start) = self.start {
            eprintln!(
                "oxide trace: {:>9.3} ms  {}",
                start.elapsed().as_secs_f64() * 1e3,
                self.name
            );
        }
    }
}
