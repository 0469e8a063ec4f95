//! Builds the page and writes it down as compressed assets. In this order:
//!
//! 1. `MANGRU_UI=skip`: a page that says how to get the page. `MANGRU_UI=DIR`: the finished page in that folder.
//! 2. `web/dist`, when it is newer than everything it is made of.
//! 3. Node and npm: `npm ci` when `web/node_modules` is missing, then `vite build` into `OUT_DIR`.
//! 4. `web/dist` as it is; else the page that says how to get the page, and a warning.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;

/// What the page is made of, below `web/`.
const SOURCES: [&str; 7] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "vite.config.ts",
];

const EXPLANATION: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Mangru</title>
<body style=\"font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem\">
<h1>This build has no page</h1>
<p>The server works; its page was left out: REASON</p>
<p>Install Node 20.19 or newer with npm, then build again: <code>make run</code>.</p>
<p>The HTTP API is at <a href=\"api/v1/query?query=up\">api/v1</a>, the server's own metrics are at <a href=\"metrics\">metrics</a>.</p>
</body>
</html>
";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed=MANGRU_UI");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    let home = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let web = home.join("../../web");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", web.join(source).display());
    }
    let files = match page(&web, &out) {
        Ok(dir) => files(&dir, &dir)?,
        Err(reason) => {
            if reason != SKIPPED {
                println!("cargo::warning=the page is not built in: {reason}");
            }
            let text = EXPLANATION.replace("REASON", &escaped(&reason));
            vec![("index.html".to_owned(), text.into_bytes())]
        }
    };
    write_assets(&out, &files)
}

const SKIPPED: &str = "MANGRU_UI=skip was set.";

/// The folder with the finished page, or why there is none.
fn page(web: &Path, out: &Path) -> Result<PathBuf, String> {
    match std::env::var("MANGRU_UI") {
        Ok(skip) if skip == "skip" => return Err(SKIPPED.to_owned()),
        Ok(dir) if !dir.is_empty() => {
            let dir = PathBuf::from(dir);
            let found = dir.join("index.html").exists();
            return if found { Ok(dir) } else { Err(format!("{}: no index.html", dir.display())) };
        }
        Ok(_) | Err(_) => {}
    }
    let dist = web.join("dist");
    let made = modified(&dist.join("index.html"));
    let changed = SOURCES.iter().filter_map(|source| newest(&web.join(source))).max();
    if made.is_some() && made >= changed {
        return Ok(dist);
    }
    match build(web, out) {
        Ok(dir) => Ok(dir),
        Err(_) if made.is_some() => Ok(dist),
        Err(reason) => Err(reason),
    }
}

fn build(web: &Path, out: &Path) -> Result<PathBuf, String> {
    if !web.join("package.json").exists() {
        return Err("there is no web/ beside crates/.".to_owned());
    }
    for program in ["node", "npm"] {
        Command::new(program)
            .arg("--version")
            .output()
            .map_err(|error| format!("{program} cannot be run: {error}."))?;
    }
    if !web.join("node_modules").exists() {
        run(web, "npm", &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    }
    let dist = out.join("dist");
    let target = dist.display().to_string();
    run(
        web,
        "node",
        &["node_modules/vite/bin/vite.js", "build", "--emptyOutDir", "--outDir", &target],
    )?;
    Ok(dist)
}

fn run(dir: &Path, program: &str, args: &[&str]) -> Result<(), String> {
    let done = Command::new(program).args(args).current_dir(dir).output();
    let done = done.map_err(|error| format!("{program}: {error}."))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(format!("{program} {} failed: {last}", args.first().unwrap_or(&"")))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

/// The newest change at or below `path`.
fn newest(path: &Path) -> Option<SystemTime> {
    let below = fs::read_dir(path).into_iter().flatten().flatten();
    below.filter_map(|entry| newest(&entry.path())).chain(modified(path)).max()
}

/// All files below `dir` with their paths from `root`, sorted.
fn files(root: &Path, dir: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(root, &path)?);
        } else if let Ok(name) = path.strip_prefix(root) {
            found.push((name.display().to_string().replace('\\', "/"), fs::read(&path)?));
        }
    }
    found.sort();
    Ok(found)
}

/// Writes each file compressed, and `assets.rs`, the table of them.
fn write_assets(out: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    let mut table = String::from("static ASSETS: &[Asset] = &[\n");
    for (i, (path, bytes)) in files.iter().enumerate() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes)?;
        let packed = out.join(format!("{i}.gz"));
        fs::File::create(&packed)?.write_all(&encoder.finish()?)?;
        let (kind, immutable, tag) = (kind(path), path.starts_with("assets/"), fnv64(bytes));
        writeln!(
            table,
            "Asset {{ path: {path:?}, kind: {kind:?}, etag: \"\\\"{tag:016x}\\\"\", immutable: {immutable}, \
             gzip: include_bytes!({packed:?}) }},"
        )
        .map_err(io::Error::other)?;
    }
    table.push_str("];\n");
    fs::File::create(out.join("assets.rs"))?.write_all(table.as_bytes())
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, end)| end) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// FNV-1a: an entity tag tells versions apart, nothing more.
fn fnv64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
