//! Targets from files (`file_sd_configs`). A file that cannot be read keeps the groups that it gave before.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use model::labels::Labels;

use crate::config::{FileSd, Group};

/// Largest file of targets, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// Most files that one pattern may match.
pub const FILES_MAX: usize = 10_000;

/// Reads the groups of a YAML file's bytes; the first argument is the file's path, for error texts.
pub type ParseYaml = Arc<dyn Fn(&str, &[u8]) -> Result<Vec<Group>, String> + Send + Sync>;

/// Time, length and (where there are such) inode of a file: whether it was changed.
type Stamp = (Option<SystemTime>, u64, u64);

#[derive(Debug, Clone)]
struct Known {
    stamp: Option<Stamp>,
    groups: Vec<Group>,
}

/// The files of one `file_sd_configs` entry and what they gave.
pub(crate) struct FileDiscovery {
    config: FileSd,
    yaml: Option<ParseYaml>,
    files: BTreeMap<PathBuf, Known>,
}

impl fmt::Debug for FileDiscovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileDiscovery").field("files", &self.config.files).finish_non_exhaustive()
    }
}

/// What a look at the files gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refreshed {
    pub(crate) changed: bool,
    /// Path and reason of each file that could not be read.
    pub(crate) errors: Vec<(String, String)>,
}

impl FileDiscovery {
    pub(crate) fn new(config: FileSd, yaml: Option<ParseYaml>) -> Self {
        Self { config, yaml, files: BTreeMap::new() }
    }

    pub(crate) fn refresh_interval_ms(&self) -> i64 {
        self.config.refresh_interval_ms
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.files.values().flat_map(|known| &known.groups)
    }

    /// Reads the files that changed since the last time; with `all`, every file.
    pub(crate) fn refresh(&mut self, all: bool) -> Refreshed {
        let mut out = Refreshed::default();
        let mut found = Vec::new();
        for pattern in &self.config.files {
            if let Err(error) = expand(pattern, &mut found) {
                out.errors.push((pattern.display().to_string(), error));
            }
        }
        found.sort();
        found.dedup();
        let before = self.files.len();
        self.files.retain(|path, _| found.binary_search(path).is_ok());
        out.changed |= self.files.len() != before;
        for path in found {
            self.look_at(path, all, &mut out);
        }
        out
    }

    fn look_at(&mut self, path: PathBuf, all: bool, out: &mut Refreshed) {
        let stamp = stamp(&path);
        let known = self.files.get(&path);
        if !all && stamp.is_some() && known.is_some_and(|known| known.stamp == stamp) {
            return;
        }
        match read(&path, self.yaml.as_ref()) {
            Ok(groups) => {
                out.changed |= known.is_none_or(|known| known.groups != groups);
                self.files.insert(path, Known { stamp, groups });
            }
            Err(error) => {
                out.errors.push((path.display().to_string(), error));
                // Not read again before it changes; what it gave before stays.
                self.files
                    .entry(path)
                    .or_insert_with(|| Known { stamp, groups: Vec::new() })
                    .stamp = stamp;
            }
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&meta);
    #[cfg(not(unix))]
    let inode = 0;
    Some((meta.modified().ok(), meta.len(), inode))
}

/// Adds the files that `pattern` names: itself, or what its last segment matches.
fn expand(pattern: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let name = pattern.file_name().and_then(OsStr::to_str).unwrap_or("");
    if !name.contains(['*', '?']) {
        if pattern.exists() {
            found.push(pattern.to_owned());
        }
        return Ok(());
    }
    let folder = pattern.parent().unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(());
    };
    let mut left = FILES_MAX;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.file_name().and_then(OsStr::to_str).is_some_and(|have| matches(name, have)) {
            left = left.checked_sub(1).ok_or_else(|| format!("more than {FILES_MAX} files"))?;
            found.push(path);
        }
    }
    Ok(())
}

/// Whether `name` is matched by a `pattern` of `*`, `?` and plain characters. Linear: only the last `*` is tried again.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, from)) = star else {
                    return false;
                };
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

fn read(path: &Path, yaml: Option<&ParseYaml>) -> Result<Vec<Group>, String> {
    let shown = path.display().to_string();
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if meta.len() > FILE_BYTES_MAX {
        return Err(format!("larger than {FILE_BYTES_MAX} bytes"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or("").to_lowercase();
    let mut groups = match extension.as_str() {
        "json" => parse_json(&bytes)?,
        "yml" | "yaml" => match yaml {
            Some(parse) => parse(&shown, &bytes)?,
            None => return Err("no YAML reader".to_owned()),
        },
        other => return Err(format!("unknown extension {other:?}; allowed: json, yml, yaml")),
    };
    for group in &mut groups {
        let with_path = group.labels.iter().chain([("__meta_filepath", shown.as_str())]);
        group.labels = Labels::from_pairs(with_path);
    }
    Ok(groups)
}

/// Groups of `[{"targets": ["host:port", …], "labels": {…}}, …]`.
///
/// # Errors
/// What was found instead.
pub fn parse_json(bytes: &[u8]) -> Result<Vec<Group>, String> {
    use serde_json::Value;
    let value: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let groups = match value {
        Value::Array(groups) => groups,
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return Err("expected a list of target groups".to_owned());
        }
    };
    groups
        .into_iter()
        .enumerate()
        .map(|(i, group)| json_group(&group).map_err(|error| format!("group {i}: {error}")))
        .collect()
}

fn json_group(group: &serde_json::Value) -> Result<Group, String> {
    let fields = group.as_object().ok_or("nil target group item found")?;
    let mut out = Group::default();
    let mut labels = Vec::new();
    for (key, value) in fields {
        match key.as_str() {
            "targets" => {
                for target in value.as_array().ok_or("targets: expected a list")? {
                    let address = target.as_str().ok_or("targets: expected texts")?;
                    out.targets.push(address.to_owned());
                }
            }
            "labels" => {
                for (name, value) in value.as_object().ok_or("labels: expected an object")? {
                    if name.is_empty() {
                        return Err("labels: \"\" is not a valid label name".to_owned());
                    }
                    let value =
                        value.as_str().ok_or_else(|| format!("label {name:?}: expected a text"))?;
                    labels.push((name.as_str(), value));
                }
            }
            other => return Err(format!("json: unknown field {other:?}")),
        }
    }
    out.labels = Labels::from_pairs(labels);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, matched) in [
            ("*.json", "a.json", true),
            ("*.json", ".json", true),
            ("*.json", "a.yml", false),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern, name), matched, "{pattern} {name}");
        }
    }

    #[test]
    fn json_groups() {
        let groups =
            parse_json(br#"[{"targets": ["a:1", "b:2"], "labels": {"x": "y"}}, {}]"#).unwrap();
        assert_eq!(groups[0].targets, ["a:1", "b:2"]);
        assert_eq!(groups[0].labels.get("x"), Some("y"));
        assert_eq!(groups[1], Group::default());
        for (text, error) in [
            ("{}", "expected a list of target groups"),
            ("[null]", "group 0: nil target group item found"),
            (r#"[{"targets": "a"}]"#, "group 0: targets: expected a list"),
            (r#"[{"targets": [1]}]"#, "group 0: targets: expected texts"),
            (r#"[{"labels": {"a": 1}}]"#, "group 0: label \"a\": expected a text"),
            (r#"[{"target": []}]"#, "group 0: json: unknown field \"target\""),
        ] {
            assert_eq!(parse_json(text.as_bytes()).unwrap_err(), error);
        }
        let deep = "[".repeat(100_000);
        assert!(parse_json(deep.as_bytes()).is_err());
    }

    #[expect(clippy::disallowed_methods, reason = "a test's files need no durability")]
    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn files_are_followed_and_a_broken_one_keeps_its_groups() {
        let dir = std::env::temp_dir().join(format!("mangru-file-sd-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let config =
            FileSd { files: vec![dir.join("*.json"), dir.join("b.yml")], refresh_interval_ms: 1 };
        let yaml: ParseYaml = Arc::new(|_, bytes| {
            let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
            Ok(vec![Group { targets: vec![text.to_owned()], labels: Labels::default() }])
        });
        let mut files = FileDiscovery::new(config, Some(yaml));
        let addresses = |files: &FileDiscovery| -> Vec<String> {
            files.groups().flat_map(|group| group.targets.clone()).collect()
        };
        assert_eq!(files.refresh(true), Refreshed::default());
        write(&dir.join("a.json"), r#"[{"targets": ["a"]}]"#);
        write(&dir.join("b.yml"), "b");
        assert!(files.refresh(false).changed);
        assert_eq!(addresses(&files), ["a", "b"]);
        let path = dir.join("a.json").display().to_string();
        assert_eq!(
            files.groups().next().unwrap().labels.get("__meta_filepath"),
            Some(path.as_str())
        );
        assert!(!files.refresh(false).changed);

        write(&dir.join("a.json"), "[broken");
        let refreshed = files.refresh(false);
        assert!(!refreshed.changed);
        assert_eq!(refreshed.errors[0].0, path);
        assert_eq!(addresses(&files), ["a", "b"]);

        std::fs::remove_file(dir.join("a.json")).unwrap();
        assert!(files.refresh(false).changed);
        assert_eq!(addresses(&files), ["b"]);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
