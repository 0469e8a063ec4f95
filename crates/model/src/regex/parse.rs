//! Go's RE2 syntax (`regexp/syntax` with the flags `Perl | DotNL`) into a `regex-syntax` tree, by recursive descent over
//! groups. The depth is bounded, so that nothing that walks the tree overflows the stack.

use regex_syntax::hir::{Capture, Class, Hir, HirKind, Look, Repetition};

use super::PATTERN_BYTES_MAX;
use super::class;
use super::error::{Code, RegexError};
use super::escape::escape;

/// Deepest nesting of groups.
const DEPTH_MAX: usize = 250;
/// Most repetitions that a counted repeat may ask for, nested ones multiplied.
const REPEAT_MAX: u32 = 1000;

/// Parses `text`; `shown` is what a "too large" error shows.
///
/// # Errors
/// [`RegexError`] with Go's text.
pub(crate) fn parse(text: &str, shown: &str) -> Result<Hir, RegexError> {
    if text.len() > PATTERN_BYTES_MAX {
        return Err(RegexError::new(Code::Large, shown.get(..64).unwrap_or("")));
    }
    let mut parser = Parser {
        whole: text,
        rest: text,
        flags: Flags { dot_all: true, ..Flags::default() },
        names: Vec::new(),
        depth: 0,
    };
    let hir = parser.alternation()?;
    if parser.rest.is_empty() { Ok(hir) } else { Err(RegexError::new(Code::UnexpectedParen, text)) }
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_all: bool,
    swap_greed: bool,
}

struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    flags: Flags,
    /// Names of the capturing groups so far, in order.
    names: Vec<Option<&'a str>>,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Branches up to a `)` or the end.
    fn alternation(&mut self) -> Result<Hir, RegexError> {
        let mut branches = Vec::new();
        loop {
            branches.push(self.sequence()?);
            match self.rest.strip_prefix('|') {
                Some(rest) => self.rest = rest,
                None => return Ok(Hir::alternation(branches)),
            }
        }
    }

    /// Repeated items up to a `|`, a `)` or the end.
    fn sequence(&mut self) -> Result<Hir, RegexError> {
        let mut items: Vec<Hir> = Vec::new();
        // The text of the repetition operator just read, which may not be repeated itself.
        let mut repeated: Option<&'a str> = None;
        while let Some(c) = self.rest.chars().next() {
            let before = self.rest;
            if matches!(c, '|' | ')') {
                break;
            }
            if let Some((min, max)) = self.repeat_operator(c)? {
                let greedy = self.greed();
                let operator = &before[..before.len() - self.rest.len()];
                if let Some(first) = repeated {
                    // Both operators stand next to each other in the text.
                    let start = offset(self.whole, first);
                    let end = offset(self.whole, before) + operator.len();
                    return Err(RegexError::new(Code::InvalidRepeatOp, &self.whole[start..end]));
                }
                let Some(sub) = items.pop() else {
                    return Err(RegexError::new(Code::MissingRepeatArgument, operator));
                };
                let counted = c == '{' && (min >= 2 || max.is_some_and(|max| max >= 2));
                let times = max.unwrap_or(min).max(min).max(1);
                if counted && product(&sub).saturating_mul(times) > REPEAT_MAX {
                    return Err(RegexError::new(Code::InvalidRepeatSize, operator));
                }
                items.push(Hir::repetition(Repetition { min, max, greedy, sub: Box::new(sub) }));
                repeated = Some(operator);
                continue;
            }
            repeated = None;
            self.item(c, &mut items)?;
        }
        Ok(Hir::concat(items))
    }

    /// A `?` after a repetition operator, and the flag `U`.
    fn greed(&mut self) -> bool {
        let lazy = self.rest.strip_prefix('?');
        if let Some(rest) = lazy {
            self.rest = rest;
        }
        lazy.is_none() != self.flags.swap_greed
    }

    /// Reads `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}`; a `{` that is no count is a literal.
    fn repeat_operator(&mut self, c: char) -> Result<Option<(u32, Option<u32>)>, RegexError> {
        let bounds = match c {
            '*' => (0, None),
            '+' => (1, None),
            '?' => (0, Some(1)),
            '{' => {
                let Some((min, max, rest)) = counts(self.rest) else { return Ok(None) };
                let too_many =
                    min > REPEAT_MAX || max.is_some_and(|max| max > REPEAT_MAX || max < min);
                if too_many {
                    let operator = &self.rest[..self.rest.len() - rest.len()];
                    return Err(RegexError::new(Code::InvalidRepeatSize, operator));
                }
                self.rest = rest;
                return Ok(Some((min, max)));
            }
            _ => return Ok(None),
        };
        self.rest = &self.rest[1..];
        Ok(Some(bounds))
    }

    /// One item, or several for `\Q…\E`; flags such as `(?i)` give none.
    fn item(&mut self, c: char, items: &mut Vec<Hir>) -> Result<(), RegexError> {
        match c {
            '(' => return self.group(items),
            '[' => items.push(self.brackets()?),
            '\\' => return self.backslash(items),
            '.' => items.push(self.dot()),
            '^' => items.push(Hir::look(if self.flags.multi_line {
                Look::StartLF
            } else {
                Look::Start
            })),
            '$' => {
                items.push(Hir::look(if self.flags.multi_line { Look::EndLF } else { Look::End }))
            }
            c => {
                items.push(self.literal(c));
                self.rest = &self.rest[c.len_utf8()..];
                return Ok(());
            }
        }
        if matches!(c, '.' | '^' | '$') {
            self.rest = &self.rest[1..];
        }
        Ok(())
    }

    fn literal(&self, c: char) -> Hir {
        if self.flags.fold {
            return Hir::class(Class::Unicode(class::one(c, true)));
        }
        Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes())
    }

    fn dot(&self) -> Hir {
        let mut class = class::any();
        if !self.flags.dot_all {
            class.difference(&class::one('\n', false));
        }
        Hir::class(Class::Unicode(class))
    }

    fn backslash(&mut self, items: &mut Vec<Hir>) -> Result<(), RegexError> {
        let mut chars = self.rest[1..].chars();
        let letter = chars.next();
        let after = chars.as_str();
        let look = match letter {
            Some('A') => Some(Look::Start),
            Some('z') => Some(Look::End),
            Some('b') => Some(Look::WordAscii),
            Some('B') => Some(Look::WordAsciiNegate),
            _ => None,
        };
        if let Some(look) = look {
            items.push(Hir::look(look));
            self.rest = after;
        } else if letter == Some('Q') {
            let (quoted, rest) = after.split_once("\\E").unwrap_or((after, ""));
            items.extend(quoted.chars().map(|c| self.literal(c)));
            self.rest = rest;
        } else if let Some(class) = self.class_escape()? {
            items.push(Hir::class(Class::Unicode(class)));
        } else {
            let (c, rest) = escape(self.rest)?;
            items.push(self.literal(c));
            self.rest = rest;
        }
        Ok(())
    }

    /// `\d`, `\pL`, `\p{Greek}`, `\PL`, `\p{^Greek}` and the like; `None` for any other escape.
    fn class_escape(&mut self) -> Result<Option<regex_syntax::hir::ClassUnicode>, RegexError> {
        let mut chars = self.rest.chars();
        chars.next();
        let Some(letter) = chars.next() else { return Ok(None) };
        if let Some(class) = class::perl(letter) {
            self.rest = chars.as_str();
            return Ok(Some(if self.flags.fold && letter.is_lowercase() {
                class::folded(class)
            } else {
                class
            }));
        }
        if !matches!(letter, 'p' | 'P') {
            return Ok(None);
        }
        let start = self.rest;
        let after = chars.as_str();
        let (name, rest) = match after.strip_prefix('{') {
            Some(inner) => inner
                .split_once('}')
                .ok_or_else(|| RegexError::new(Code::InvalidCharRange, start))?,
            None => after.split_at(after.chars().next().map_or(0, char::len_utf8)),
        };
        let shown = &start[..start.len() - rest.len()];
        let (negated, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let mut class =
            class::unicode(name).ok_or_else(|| RegexError::new(Code::InvalidCharRange, shown))?;
        if self.flags.fold {
            class = class::folded(class);
        }
        if negated != (letter == 'P') {
            class.negate();
        }
        self.rest = rest;
        Ok(Some(class))
    }

    /// `[…]`.
    fn brackets(&mut self) -> Result<Hir, RegexError> {
        let start = self.rest;
        let missing = || RegexError::new(Code::MissingBracket, start);
        self.rest = &self.rest[1..];
        let negated = self.rest.strip_prefix('^');
        self.rest = negated.unwrap_or(self.rest);
        let mut set = regex_syntax::hir::ClassUnicode::empty();
        let mut first = true;
        loop {
            let c = self.rest.chars().next().ok_or_else(missing)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            if let Some(class) = self.named_class()? {
                set.union(&class);
                continue;
            }
            if c == '\\'
                && let Some(class) = self.class_escape()?
            {
                set.union(&class);
                continue;
            }
            let from = self.rest;
            let lo = self.class_char(start)?;
            let mut hi = lo;
            if let Some(after) = self.rest.strip_prefix('-')
                && !after.starts_with(']')
                && !after.is_empty()
            {
                self.rest = after;
                hi = self.class_char(start)?;
            }
            if hi < lo {
                let shown = &from[..from.len() - self.rest.len()];
                return Err(RegexError::new(Code::InvalidCharRange, shown));
            }
            set.union(&class::range(lo, hi, self.flags.fold));
        }
        self.rest = &self.rest[1..];
        if negated.is_some() {
            set.negate();
        }
        Ok(Hir::class(Class::Unicode(set)))
    }

    /// `[:name:]` inside of brackets.
    fn named_class(&mut self) -> Result<Option<regex_syntax::hir::ClassUnicode>, RegexError> {
        let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|t| t.split_once(":]"))
        else {
            return Ok(None);
        };
        let shown = &self.rest[..self.rest.len() - rest.len()];
        let class =
            class::posix(name).ok_or_else(|| RegexError::new(Code::InvalidCharRange, shown))?;
        self.rest = rest;
        Ok(Some(if self.flags.fold { class::folded(class) } else { class }))
    }

    fn class_char(&mut self, start: &str) -> Result<char, RegexError> {
        let c =
            self.rest.chars().next().ok_or_else(|| RegexError::new(Code::MissingBracket, start))?;
        if c == '\\' {
            let (c, rest) = escape(self.rest)?;
            self.rest = rest;
            return Ok(c);
        }
        self.rest = &self.rest[c.len_utf8()..];
        Ok(c)
    }

    /// `(…)`, `(?P<name>…)`, `(?<name>…)`, `(?flags)`, `(?flags:…)`.
    fn group(&mut self, items: &mut Vec<Hir>) -> Result<(), RegexError> {
        let outer = self.flags;
        let mut capture = None;
        if self.rest.starts_with("(?P<") || self.rest.starts_with("(?<") {
            let name = self.capture_name()?;
            self.names.push(Some(name));
            capture = Some((self.capture_index(), Some(name)));
        } else if self.rest.starts_with("(?") {
            if !self.group_flags()? {
                return Ok(());
            }
        } else {
            self.rest = &self.rest[1..];
            self.names.push(None);
            capture = Some((self.capture_index(), None));
        }
        if self.depth == DEPTH_MAX {
            return Err(RegexError::new(
                Code::NestingDepth,
                self.whole.get(..64).unwrap_or(self.whole),
            ));
        }
        self.depth += 1;
        let sub = self.alternation()?;
        self.depth -= 1;
        let Some(rest) = self.rest.strip_prefix(')') else {
            return Err(RegexError::new(Code::MissingParen, self.whole));
        };
        self.rest = rest;
        self.flags = outer;
        items.push(match capture {
            Some((index, name)) => {
                Hir::capture(Capture { index, name: name.map(Into::into), sub: Box::new(sub) })
            }
            None => sub,
        });
        Ok(())
    }

    /// The number of the group that was just counted.
    fn capture_index(&self) -> u32 {
        u32::try_from(self.names.len()).expect("a group takes bytes, and patterns are short")
    }

    fn capture_name(&mut self) -> Result<&'a str, RegexError> {
        let start = self.rest;
        let invalid = |shown: &str| RegexError::new(Code::InvalidNamedCapture, shown);
        let (head, rest) = start.split_once('>').ok_or_else(|| invalid(start))?;
        let shown = &start[..=head.len()];
        let (_, name) = head.split_once('<').ok_or_else(|| invalid(shown))?;
        if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
            return Err(invalid(shown));
        }
        if self.names.contains(&Some(name)) {
            return Err(invalid(name));
        }
        self.rest = rest;
        Ok(name)
    }

    /// Reads `(?ims-U` up to `)` or `:`; whether a group follows.
    fn group_flags(&mut self) -> Result<bool, RegexError> {
        let start = self.rest;
        let mut flags = self.flags;
        let (mut on, mut seen) = (true, false);
        let mut chars = start[2..].chars();
        while let Some(c) = chars.next() {
            match c {
                'i' => flags.fold = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_all = on,
                'U' => flags.swap_greed = on,
                '-' if on => {
                    (on, seen) = (false, false);
                    continue;
                }
                ':' | ')' if on || seen => {
                    // The closing of a bare `(?i)` leaves the flags set up to the end of the group around it.
                    self.flags = flags;
                    self.rest = chars.as_str();
                    return Ok(c == ':');
                }
                _ => {
                    let end = start.len() - chars.as_str().len();
                    return Err(RegexError::new(Code::InvalidPerlOp, &start[..end]));
                }
            }
            seen = true;
        }
        Err(RegexError::new(Code::MissingParen, self.whole))
    }
}

/// `{n}`, `{n,}` or `{n,m}` at the front: the bounds and what follows. Numbers too long to read count as too large.
fn counts(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (inner, rest) = text.strip_prefix('{')?.split_once('}')?;
    let number = |digits: &str| {
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        let valid =
            !digits.is_empty() && !leading_zero && digits.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| digits.parse::<u32>().unwrap_or(u32::MAX))
    };
    match inner.split_once(',') {
        None => number(inner).map(|n| (n, Some(n), rest)),
        Some((min, "")) => number(min).map(|n| (n, None, rest)),
        Some((min, max)) => Some((number(min)?, Some(number(max)?), rest)),
    }
}

/// How often the innermost item under nested counted repeats can stand.
fn product(hir: &Hir) -> u32 {
    match hir.kind() {
        HirKind::Repetition(repeat) => {
            let times = repeat.max.unwrap_or(repeat.min).max(1);
            product(&repeat.sub).saturating_mul(times)
        }
        HirKind::Capture(group) => product(&group.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(product).max().unwrap_or(1)
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => 1,
    }
}

/// Where `part`, a slice of `whole`, begins.
fn offset(whole: &str, part: &str) -> usize {
    part.as_ptr().addr() - whole.as_ptr().addr()
}
