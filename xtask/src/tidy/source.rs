//! Just enough of Rust's lexical grammar to measure functions: comments, strings and characters are blanked, then a
//! function reaches from its `fn` to the brace that closes its body.

use std::path::{Path, PathBuf};

/// All `.rs` files of the workspace, sorted.
pub(crate) fn rust_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs: Vec<PathBuf> = ["crates", "xtask", "fuzz"].iter().map(|d| root.join(d)).collect();
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && name != "node_modules" {
                    dirs.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Names and lengths of the functions with more than `lines_max` lines.
pub(crate) fn long_functions(text: &str, lines_max: usize) -> Vec<(String, usize)> {
    let blank = blanked(text);
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = blank.get(from..).and_then(|rest| rest.find("fn ")).map(|at| at + from) {
        from = at + 3;
        let before = blank[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let name: String =
            blank[from..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let Some(end) = body_end(&blank[from..]).map(|end| end + from) else { continue };
        let lines = blank[at..end].matches('\n').count() + 1;
        if lines > lines_max && !name.is_empty() {
            found.push((name, lines));
        }
    }
    found
}

/// Byte after the closing brace of the body that begins in `text`; `None` when a `;` ends the item first.
fn body_end(text: &str) -> Option<usize> {
    let mut round = 0_usize;
    let mut curly = 0_usize;
    for (i, c) in text.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round = round.saturating_sub(1),
            '{' => curly += 1,
            '}' => {
                curly = curly.saturating_sub(1);
                if curly == 0 {
                    return Some(i + 1);
                }
            }
            ';' if curly == 0 && round == 0 => return None,
            _ => {}
        }
    }
    None
}

/// `text` with every comment, string and character literal turned into spaces; line breaks stay.
fn blanked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    while i < chars.len() {
        let end = literal_end(&chars, i);
        if end == i {
            out.push(chars[i]);
            i += 1;
            continue;
        }
        out.extend(chars[i..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        i = end;
    }
    out
}

/// End of the comment or literal that begins at `i`; `i` itself when none does.
fn literal_end(chars: &[char], i: usize) -> usize {
    let at = |j: usize| chars.get(j).copied().unwrap_or('\0');
    match (at(i), at(i + 1)) {
        ('/', '/') => (i..chars.len()).find(|&j| chars[j] == '\n').unwrap_or(chars.len()),
        ('/', '*') => block_comment_end(chars, i),
        ('r', '#' | '"') if i == 0 || !(at(i - 1).is_alphanumeric() || at(i - 1) == '_') => {
            raw_string_end(chars, i)
        }
        ('"', _) => quoted_end(chars, i, '"'),
        ('\'', '\\') => quoted_end(chars, i, '\''),
        ('\'', c) if c != '\'' && at(i + 2) == '\'' => i + 3,
        _ => i,
    }
}

fn block_comment_end(chars: &[char], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut i = start;
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], start: usize) -> usize {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    let open = start + 1 + hashes;
    if chars.get(open) != Some(&'"') {
        return start;
    }
    for i in open + 1..chars.len() {
        if chars[i] == '"'
            && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
        {
            return i + 1 + hashes;
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], start: usize, quote: char) -> usize {
    let mut i = start + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            c if c == quote => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}
