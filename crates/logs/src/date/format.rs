//! A format: alternatives, each a list of items that texts are read and printed by.

use super::named;

/// What a number of a date is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    Month,
    Day,
    DayOfYear,
    WeekYear,
    Week,
    Weekday,
    /// 0..=23
    Hour,
    /// 1..=12
    Hour12,
    Minute,
    Second,
    Quarter,
}

/// How a zone is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZoneStyle {
    /// `+0900`; UTC as `+0000`.
    Basic,
    /// `+0900`; UTC as `Z`.
    BasicZ,
    /// `+09:00`; UTC as `Z`.
    ColonZ,
    /// `+09:00`; UTC as `+00:00`.
    Colon,
    /// `Asia/Seoul`, or an offset.
    Id,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Literal(char),
    /// Digits between these many when read, at least `width` when printed.
    Number {
        part: Part,
        min: usize,
        max: usize,
        width: usize,
    },
    /// Digits of a second's fraction.
    Fraction {
        min: usize,
        max: usize,
    },
    /// `.` (or `,` when read) and digits of a fraction.
    PointFraction {
        min: usize,
        max: usize,
    },
    MonthName {
        full: bool,
    },
    DayName {
        full: bool,
    },
    AmPm,
    Zone(ZoneStyle),
    Era,
    Optional(Vec<Item>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    EpochMillis,
    EpochSecond,
    Items(Vec<Item>),
}

/// A date format of a mapping or a request: alternatives parted by `||`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    text: String,
    pub(super) forms: Vec<Form>,
}

/// A format that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Invalid format: [{format}]: {what}")]
pub struct FormatError {
    pub format: String,
    pub what: String,
}

/// Longest format, in bytes.
const FORMAT_MAX: usize = 1_024;

impl Default for Format {
    fn default() -> Self {
        Self::parse(super::DEFAULT_FORMAT).expect("the default format is one")
    }
}

impl Format {
    /// Reads a format: names, patterns, and `||` between them.
    ///
    /// # Errors
    /// A letter that means nothing, a quote or bracket without an end.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let error = |what: String| FormatError { format: text.to_owned(), what };
        if text.is_empty() {
            return Err(error("No date pattern provided".to_owned()));
        }
        if text.len() > FORMAT_MAX {
            return Err(error(format!("longer than {FORMAT_MAX} bytes")));
        }
        let mut forms = Vec::new();
        for one in text.split("||") {
            // Before Elasticsearch 7 an 8 said that a pattern is java.time's.
            let one = one.strip_prefix('8').unwrap_or(one);
            forms.push(match named::named(one) {
                Some(form) => form,
                None => Form::Items(pattern(one).map_err(error)?),
            });
        }
        Ok(Self { text: text.to_owned(), forms })
    }

    /// The format as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Reads a `java.time` pattern.
pub(super) fn pattern(text: &str) -> Result<Vec<Item>, String> {
    let letters: Vec<char> = text.chars().collect();
    let mut open: Vec<Vec<Item>> = vec![Vec::new()];
    let mut at = 0;
    while at < letters.len() {
        let letter = letters[at];
        let mut push = |item: Item| open.last_mut().map(|items| items.push(item));
        match letter {
            '\'' => {
                at = quoted(&letters, at, &mut push)?;
                continue;
            }
            '[' => open.push(Vec::new()),
            ']' => {
                let items = open.pop().filter(|_| !open.is_empty());
                let items = items.ok_or("Pattern invalid as it contains ] without previous [")?;
                if let Some(outer) = open.last_mut() {
                    outer.push(Item::Optional(items));
                }
            }
            '{' | '}' | '#' => {
                return Err(format!("Pattern includes reserved character: '{letter}'"));
            }
            letter if letter.is_ascii_alphabetic() => {
                let count = letters[at..].iter().take_while(|next| **next == letter).count();
                let item = lettered(letter, count);
                push(item.ok_or_else(|| format!("Unknown pattern letter: {letter}"))?);
                at += count;
                continue;
            }
            other => {
                push(Item::Literal(other));
            }
        }
        at += 1;
    }
    // Brackets at the end may stay open.
    while open.len() > 1 {
        let items = open.pop().unwrap_or_default();
        if let Some(outer) = open.last_mut() {
            outer.push(Item::Optional(items));
        }
    }
    Ok(open.pop().unwrap_or_default())
}

/// A quoted literal that begins at `at`; the place behind it.
fn quoted(
    letters: &[char],
    at: usize,
    push: &mut impl FnMut(Item) -> Option<()>,
) -> Result<usize, String> {
    let mut at = at + 1;
    if letters.get(at) == Some(&'\'') {
        push(Item::Literal('\''));
        return Ok(at + 1);
    }
    while let Some(letter) = letters.get(at) {
        if *letter != '\'' {
            push(Item::Literal(*letter));
            at += 1;
        } else if letters.get(at + 1) == Some(&'\'') {
            push(Item::Literal('\''));
            at += 2;
        } else {
            return Ok(at + 1);
        }
    }
    Err("Pattern ends with an incomplete string literal".to_owned())
}

fn lettered(letter: char, count: usize) -> Option<Item> {
    let number = |part, max: usize| {
        let min = if count == 1 { 1 } else { count };
        Item::Number { part, min, max: if count == 1 { max } else { count }, width: count }
    };
    Some(match letter {
        'y' | 'u' => match count {
            2 => Item::Number { part: Part::Year, min: 2, max: 2, width: 2 },
            _ => Item::Number { part: Part::Year, min: count, max: 9.max(count), width: count },
        },
        'Y' => Item::Number { part: Part::WeekYear, min: count, max: 9.max(count), width: count },
        'M' | 'L' => match count {
            1 | 2 => number(Part::Month, 2),
            3 => Item::MonthName { full: false },
            _ => Item::MonthName { full: true },
        },
        'Q' | 'q' => number(Part::Quarter, 1),
        'd' => number(Part::Day, 2),
        'D' => number(Part::DayOfYear, 3),
        'w' => number(Part::Week, 2),
        'E' => Item::DayName { full: count >= 4 },
        'e' | 'c' => match count {
            1 | 2 => number(Part::Weekday, 1),
            3 => Item::DayName { full: false },
            _ => Item::DayName { full: true },
        },
        'H' | 'k' => number(Part::Hour, 2),
        'h' | 'K' => number(Part::Hour12, 2),
        'm' => number(Part::Minute, 2),
        's' => number(Part::Second, 2),
        'S' => Item::Fraction { min: count, max: count },
        'n' => Item::Fraction { min: 9, max: 9 },
        'a' => Item::AmPm,
        'G' => Item::Era,
        'Z' if count < 4 => Item::Zone(ZoneStyle::Basic),
        'Z' => Item::Zone(ZoneStyle::ColonZ),
        'X' if count == 3 || count == 5 => Item::Zone(ZoneStyle::ColonZ),
        'X' => Item::Zone(ZoneStyle::BasicZ),
        'x' if count == 3 || count == 5 => Item::Zone(ZoneStyle::Colon),
        'x' => Item::Zone(ZoneStyle::Basic),
        'z' | 'V' | 'v' | 'O' => Item::Zone(ZoneStyle::Id),
        _ => return None,
    })
}
