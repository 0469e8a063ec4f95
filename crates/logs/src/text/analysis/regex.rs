//! Regular expressions of analyzers' settings, in linear time and bounded size.

use regex_automata::meta::Regex;

/// Most bytes of one expression's automaton.
const AUTOMATON_BYTES_MAX: usize = 1024 * 1024;

/// Reads an expression with Java's flags (`CASE_INSENSITIVE|COMMENTS`). What needs to look ahead or back is refused.
pub(super) fn parse(pattern: &str, flags: Option<&str>) -> Result<Regex, String> {
    let mut letters = String::new();
    for flag in flags.unwrap_or("").split('|').map(str::trim).filter(|flag| !flag.is_empty()) {
        letters.push_str(match flag {
            "CASE_INSENSITIVE" => "i",
            "MULTILINE" => "m",
            "DOTALL" => "s",
            "COMMENTS" => "x",
            "UNICODE_CASE"
            | "CANON_EQ"
            | "UNIX_LINES"
            | "LITERAL"
            | "UNICODE_CHAR_CLASS"
            | "UNICODE_CHARACTER_CLASS" => "",
            other => return Err(format!("Unknown regex flag [{other}]")),
        });
    }
    let whole =
        if letters.is_empty() { pattern.to_owned() } else { format!("(?{letters}:{pattern})") };
    let config = Regex::config()
        .nfa_size_limit(Some(AUTOMATON_BYTES_MAX))
        .hybrid_cache_capacity(AUTOMATON_BYTES_MAX);
    Regex::builder().configure(config).build(&whole).map_err(|error| {
        let error = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
        format!("pattern [{pattern}]: {error}")
    })
}

/// `text` with what matches replaced, and where each replacement was: `each` gets the replaced bytes and the new length.
pub(super) fn replace(
    regex: &Regex,
    text: &str,
    with: &str,
    all: bool,
    mut each: impl FnMut(usize, usize, usize),
) -> String {
    let mut replaced = String::new();
    let mut last = 0;
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get_match() else { continue };
        replaced.push_str(&text[last..whole.start()]);
        let before = replaced.len();
        expand(with, &mut replaced, &|group| {
            captures.get_group(group).map_or("", |span| &text[span.start..span.end])
        });
        each(whole.start(), whole.end(), replaced.len() - before);
        last = whole.end();
        if !all {
            break;
        }
    }
    replaced.push_str(&text[last..]);
    replaced
}

/// Java's replacements: `$1` is a group, `\` takes the next letter as it is.
fn expand<'t>(with: &str, into: &mut String, group: &impl Fn(usize) -> &'t str) {
    let mut letters = with.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => into.extend(letters.next()),
            '$' => match letters.peek().and_then(|digit| digit.to_digit(10)) {
                Some(digit) => {
                    letters.next();
                    into.push_str(group(digit as usize));
                }
                None => into.push('$'),
            },
            other => into.push(other),
        }
    }
}
