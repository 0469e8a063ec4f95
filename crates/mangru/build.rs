//! Tells the program what it was built from: the revision, when git knows it, and the compiler.

use std::process::Command;

fn main() {
    let say = |name: &str, program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        if !text.trim().is_empty() {
            println!("cargo::rustc-env={name}={}", text.trim());
        }
    };
    say("MANGRU_REVISION", "git", &["rev-parse", "HEAD"]);
    say("MANGRU_BRANCH", "git", &["rev-parse", "--abbrev-ref", "HEAD"]);
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    say("MANGRU_RUST_VERSION", &compiler, &["--version"]);
    println!("cargo::rerun-if-env-changed=RUSTC");
    // A checkout moves HEAD; a commit on a branch writes this log.
    for file in ["HEAD", "logs/HEAD"] {
        let path = Command::new("git").args(["rev-parse", "--git-path", file]).output();
        let path =
            path.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
        if std::path::Path::new(path.trim()).exists() {
            println!("cargo::rerun-if-changed={}", path.trim());
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
}
