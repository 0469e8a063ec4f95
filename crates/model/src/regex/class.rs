//! Character classes: Perl's, POSIX's, Unicode's, and the sets in brackets.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// The ASCII class of a Perl letter (`d`, `s`, `w`; upper case negates).
pub(crate) fn perl(letter: char) -> Option<ClassUnicode> {
    let mut class = match letter.to_ascii_lowercase() {
        'd' => ranges(&[('0', '9')]),
        's' => ranges(&[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')]),
        'w' => ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        _ => return None,
    };
    if letter.is_ascii_uppercase() {
        class.negate();
    }
    Some(class)
}

/// The class of `[:name:]` or `[:^name:]`, brackets and colons taken off.
pub(crate) fn posix(name: &str) -> Option<ClassUnicode> {
    let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
    let mut class = match name {
        "alnum" => ranges(&[('0', '9'), ('A', 'Z'), ('a', 'z')]),
        "alpha" => ranges(&[('A', 'Z'), ('a', 'z')]),
        "ascii" => ranges(&[('\0', '\x7f')]),
        "blank" => ranges(&[('\t', '\t'), (' ', ' ')]),
        "cntrl" => ranges(&[('\0', '\x1f'), ('\x7f', '\x7f')]),
        "digit" => ranges(&[('0', '9')]),
        "graph" => ranges(&[('!', '~')]),
        "lower" => ranges(&[('a', 'z')]),
        "print" => ranges(&[(' ', '~')]),
        "punct" => ranges(&[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
        "space" => ranges(&[('\t', '\r'), (' ', ' ')]),
        "upper" => ranges(&[('A', 'Z')]),
        "word" => ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        "xdigit" => ranges(&[('0', '9'), ('A', 'F'), ('a', 'f')]),
        _ => return None,
    };
    if negated {
        class.negate();
    }
    Some(class)
}

/// The Unicode category or script of that name, written as Go's tables write it (`L`, `Lu`, `Greek`, `Any`).
pub(crate) fn unicode(name: &str) -> Option<ClassUnicode> {
    if name == "Any" {
        return Some(any());
    }
    let mut letters = name.chars();
    let canonical = letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && letters.all(|c| c.is_ascii_alphabetic() || c == '_');
    if !canonical || (name.len() == 2 && !name.as_bytes()[1].is_ascii_lowercase()) {
        return None;
    }
    let kind = if name.len() <= 2 { "gc" } else { "sc" };
    let hir = regex_syntax::parse(&format!("\\p{{{kind}={name}}}")).ok()?;
    if let HirKind::Class(Class::Unicode(class)) = hir.into_kind() { Some(class) } else { None }
}

/// Every character.
pub(crate) fn any() -> ClassUnicode {
    ranges(&[('\0', char::MAX)])
}

/// One character, or all that fold to the same when `fold`.
pub(crate) fn one(c: char, fold: bool) -> ClassUnicode {
    range(c, c, fold)
}

/// `lo..=hi`, with all that fold to one of them when `fold`.
pub(crate) fn range(lo: char, hi: char, fold: bool) -> ClassUnicode {
    let class = ranges(&[(lo, hi)]);
    if fold { folded(class) } else { class }
}

/// `class` with all characters that fold to one of it.
pub(crate) fn folded(mut class: ClassUnicode) -> ClassUnicode {
    class.try_case_fold_simple().expect("the case tables are compiled in");
    class
}

fn ranges(pairs: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(pairs.iter().map(|&(lo, hi)| ClassUnicodeRange::new(lo, hi)))
}
