//! The files around a configuration: reading within bounds, patterns, `scrape_config_files`, and what is missing.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::schema::{Failure, Record};
use crate::yaml::{Content, FILE_BYTES_MAX, Node, parse};

use super::{Config, ConfigError, read_text, scrape};

/// The text of a file.
///
/// # Errors
/// [`ConfigError`]: not there, too large, or not UTF-8.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    let name = path.display();
    let open =
        |error: &std::io::Error| ConfigError(format!("{name}: open {name}: {}", reason(error)));
    let metadata = std::fs::metadata(path).map_err(|error| open(&error))?;
    if metadata.is_dir() {
        return Err(ConfigError(format!("{name}: read {name}: is a directory")));
    }
    if metadata.len() > u64::try_from(FILE_BYTES_MAX).unwrap_or(u64::MAX) {
        let text = format!(
            "{name}: the file has {} bytes; at most {FILE_BYTES_MAX} are read",
            metadata.len()
        );
        return Err(ConfigError(text));
    }
    let bytes = std::fs::read(path).map_err(|error| open(&error))?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = &error.as_bytes()[..at];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|b| **b != b'\n').count();
        ConfigError(format!(
            "{name}:{line}:{column}: parsing YAML file {name}: yaml: invalid UTF-8 at byte {at}"
        ))
    })
}

/// The system's words, as Go puts them.
fn reason(error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::NotFound {
        "no such file or directory".to_owned()
    } else if error.kind() == std::io::ErrorKind::PermissionDenied {
        "permission denied".to_owned()
    } else {
        error.to_string()
    }
}

/// Files that match a pattern, sorted. `*`, `?` and `[…]` in the last part of the path.
pub(super) fn glob(pattern: &Path) -> Vec<PathBuf> {
    let last =
        pattern.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !last.contains(['*', '?', '[']) {
        return if pattern.exists() { vec![pattern.to_owned()] } else { Vec::new() };
    }
    let dir = pattern.parent().unwrap_or(Path::new(""));
    let listed = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let Ok(entries) = std::fs::read_dir(listed) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut found: Vec<PathBuf> = names
        .filter(|name| matches(last.as_bytes(), name.as_bytes()))
        .map(|name| dir.join(name))
        .collect();
    found.sort();
    found
}

/// Whether `name` fits `pattern`. Linear but for the last star, so no pattern can be slow.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p + 1, n));
            p += 1;
        } else if let Some(length) = one(&pattern[p..], name[n]) {
            p += length;
            n += 1;
        } else if let Some((star, at)) = retry {
            retry = Some((star, at + 1));
            (p, n) = (star, at + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// The length of the pattern's first element when it takes `byte`.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => {
            let end = 1 + pattern[1..].iter().position(|b| *b == b']')?;
            let (negated, class) = match &pattern[1..end] {
                [b'^', class @ ..] => (true, class),
                class => (false, class),
            };
            (in_class(class, byte) != negated).then_some(end + 1)
        }
        b'\\' => (*pattern.get(1)? == byte).then_some(2),
        literal => (*literal == byte).then_some(1),
    }
}

fn in_class(mut class: &[u8], byte: u8) -> bool {
    loop {
        match class {
            [from, b'-', to, rest @ ..] => {
                if (*from..=*to).contains(&byte) {
                    return true;
                }
                class = rest;
            }
            [one, rest @ ..] => {
                if *one == byte {
                    return true;
                }
                class = rest;
            }
            [] => return false,
        }
    }
}

/// Reads the files of `scrape_config_files` and adds their configurations to `scrapes`.
pub(super) fn include(
    root: &Record,
    scrapes: &mut Vec<Record>,
    warnings: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let Some(global) = root.section("global") else { return Ok(()) };
    let main = scrapes
        .iter()
        .map(|scrape| (scrape.text("job_name").to_owned(), "main config file".to_owned()));
    let mut jobs: std::collections::HashMap<String, String> = main.collect();
    for pattern in root.texts("scrape_config_files") {
        let found = glob(Path::new(&pattern));
        if found.is_empty() {
            warnings.push(format!("scrape_config_files: {pattern:?} matches no file"));
        }
        for path in found {
            let text = read(&path)?;
            let quoted = format!("{:?}", absolute(&path).display().to_string());
            let fail = |failure: &Failure| {
                ConfigError(failure.describe(&path.display().to_string(), &format!("{quoted}: ")))
            };
            let mut file =
                read_text(&text, &scrape::SCRAPE_FILE).map_err(|failure| fail(&failure))?;
            for scrape in file.sections_mut("scrape_configs").flatten() {
                scrape::inherit(scrape, global).map_err(|problem| fail(&problem.into()))?;
                let job = scrape.text("job_name").to_owned();
                if let Some(first) = jobs.insert(job.clone(), quoted.clone()) {
                    let text = format!(
                        "found multiple scrape configs with job name {job:?}, first found in {first}"
                    );
                    return Err(fail(&scrape.key_problem("job_name", text).into()));
                }
                scrape.resolve_files(path.parent().unwrap_or(Path::new("")));
                scrapes.push(scrape.clone());
            }
        }
    }
    Ok(())
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Files that the configuration names and that are not there, a sentence each, in Prometheus' words.
pub(crate) fn missing(config: &Config) -> Vec<String> {
    let mut sentences = Vec::new();
    for pattern in config.rule_patterns() {
        let text = pattern.display().to_string();
        if !text.contains('*') && glob(&pattern).is_empty() {
            sentences.push(format!("{text:?} does not point to an existing file"));
        }
    }
    for scrape in &config.scrapes {
        if let Some(authorization) = scrape.section("authorization") {
            let words = "authorization credentials or bearer token file";
            sentences.extend(missing_file(authorization, "credentials_file", words));
        }
        if let Some(tls) = scrape.section("tls_config") {
            sentences.extend(missing_file(tls, "cert_file", "client cert file"));
            sentences.extend(missing_file(tls, "key_file", "client key file"));
        }
    }
    sentences
}

/// The sentence for a file that a section names and that is not there.
fn missing_file(section: &Record, key: &str, words: &str) -> Option<String> {
    let path = section.text(key);
    let error = if path.is_empty() { None } else { std::fs::metadata(path).err() }?;
    Some(format!("error checking {words} {path:?}: stat {path}: {}", reason(&error)))
}

/// The files of rules that are there.
pub(crate) fn rule_files(config: &Config) -> Vec<PathBuf> {
    config.rule_patterns().iter().flat_map(|pattern| glob(pattern)).collect()
}

/// A number that changes when the file at `path`, or one that it includes or names as a file of rules, changes.
///
/// # Errors
/// A text: the file at `path` cannot be read.
pub(crate) fn fingerprint(path: &Path) -> Result<u64, String> {
    let text = read(path).map_err(|error| error.0)?;
    let mut hasher = std::hash::DefaultHasher::new();
    text.hash(&mut hasher);
    let dir = path.parent().unwrap_or(Path::new(""));
    for pattern in included(&text) {
        for file in glob(&dir.join(pattern)) {
            file.hash(&mut hasher);
            // A file that cannot be read counts as none: the reload will say so.
            read(&file).ok().hash(&mut hasher);
        }
    }
    Ok(hasher.finish())
}

/// The patterns of files that belong to the configuration; none when the text is no YAML.
fn included(text: &str) -> Vec<String> {
    let Ok(Some(Node { content: Content::Map(entries), .. })) = parse(text) else {
        return Vec::new();
    };
    let lists = entries
        .into_iter()
        .filter(|entry| ["rule_files", "scrape_config_files"].contains(&entry.key.text.as_str()));
    let items = lists.flat_map(|entry| match entry.value.content {
        Content::Seq(items) => items,
        Content::Map(_) | Content::Scalar(_) => Vec::new(),
    });
    let scalars = items.filter_map(|item| match item.content {
        Content::Scalar(scalar) => Some(scalar.text),
        Content::Seq(_) | Content::Map(_) => None,
    });
    scalars.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_follows_the_files() {
        let dir = std::env::temp_dir().join(format!("mangru-fingerprint-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            stdx::fs::write_atomic(&stdx::fs::real::RealFs, &path, text.as_bytes()).unwrap();
        };
        let look = || fingerprint(&dir.join("m.yml")).unwrap();
        write("m.yml", "scrape_config_files: ['s*.yml']\nrule_files: [r.yml]\n");
        let mut seen = vec![look()];
        assert_eq!(look(), seen[0]);
        for (name, text) in
            [("s1.yml", "a"), ("s1.yml", "b"), ("s2.yml", ""), ("r.yml", "x"), ("m.yml", "{}")]
        {
            write(name, text);
            let now = look();
            assert!(!seen.contains(&now), "{name}");
            seen.push(now);
        }
        write("other.yml", "a");
        assert_eq!(Some(&look()), seen.last());
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(fingerprint(&dir.join("m.yml")).is_err());
    }

    #[test]
    fn patterns() {
        for (pattern, name, fits) in [
            ("*.yml", "a.yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?.yml", "a.yml", true),
            ("?.yml", "ab.yml", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[ab", "a", false),
            ("\\*", "*", true),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
        let slow = format!("{}b", "*a".repeat(50));
        assert!(!matches(slow.as_bytes(), "a".repeat(10_000).as_bytes()));
    }
}
