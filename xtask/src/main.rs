//! Chores of the project that are no part of the product. `cargo run -p xtask -- tidy` prints what [`tidy`] finds.

mod tidy;

use std::process::ExitCode;

#[expect(clippy::print_stderr, reason = "a command-line tool's output")]
fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    if task.as_deref() != Some("tidy") {
        eprintln!("usage: cargo run -p xtask -- tidy");
        return ExitCode::from(2);
    }
    let problems = tidy::problems(&tidy::project_root());
    for problem in &problems {
        eprintln!("{problem}");
    }
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
