//! JSON read piece by piece, without a tree: what documents are walked with.
//!
//! Strict (RFC 8259): what passes here is what every other parser takes. Nothing recurses but [`Reader::skip`], which is bounded.

/// Deepest nesting of objects and arrays in a document.
pub const DEPTH_MAX: usize = 64;

/// What is wrong with a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("invalid UTF-8")]
    Utf8,
    #[error("unexpected end of input")]
    End,
    #[error("unexpected character '{0}'")]
    Unexpected(char),
    #[error("control character (code {0}) in a string must be escaped")]
    Control(u8),
    #[error("unrecognized character escape '{0}'")]
    Escape(char),
    #[error("malformed number")]
    Number,
    #[error("objects and arrays are nested deeper than {DEPTH_MAX}")]
    Depth,
    #[error("more input after the document")]
    Trailing,
}

/// A fault, and the byte where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {at}")]
pub struct JsonError {
    pub at: usize,
    pub fault: Fault,
}

/// A string as it is written, between its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    pub raw: &'a str,
    /// Whether `raw` has escapes.
    pub is_escaped: bool,
}

/// What a value begins with; of a leaf, all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// `{`: [`Reader::key`] goes on.
    Object,
    /// `[`: [`Reader::element`] goes on.
    Array,
    Str(Text<'a>),
    /// A number as it is written, and whether it has neither fraction nor exponent.
    Number(&'a str, bool),
    Bool(bool),
    Null,
}

/// A place in a text.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the beginning of `bytes`.
    ///
    /// # Errors
    /// They are no UTF-8.
    pub fn new(bytes: &'a [u8]) -> Result<Self, JsonError> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self { text, at: 0 }),
            Err(error) => Err(JsonError { at: error.valid_up_to(), fault: Fault::Utf8 }),
        }
    }

    /// Bytes read so far.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The text from byte `start` to here.
    #[must_use]
    pub fn since(&self, start: usize) -> &'a str {
        &self.text[start..self.at]
    }

    fn fail<T>(&self, fault: Fault) -> Result<T, JsonError> {
        Err(JsonError { at: self.at, fault })
    }

    /// The character here does not belong.
    fn unexpected<T>(&self) -> Result<T, JsonError> {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(letter) => self.fail(Fault::Unexpected(letter)),
            None => self.fail(Fault::End),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte that is no white space.
    fn next_solid(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    /// Byte after white space where a value begins.
    pub fn value_start(&mut self) -> usize {
        self.next_solid();
        self.at
    }

    /// The value here.
    ///
    /// # Errors
    /// There is none, or it is malformed.
    pub fn value(&mut self) -> Result<Token<'a>, JsonError> {
        match self.next_solid() {
            Some(b'"') => self.string().map(Token::Str),
            Some(b'{') => {
                self.at += 1;
                Ok(Token::Object)
            }
            Some(b'[') => {
                self.at += 1;
                Ok(Token::Array)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Token::Bool(true)),
            Some(b'f') => self.word("false", Token::Bool(false)),
            Some(b'n') => self.word("null", Token::Null),
            Some(_) | None => self.unexpected(),
        }
    }

    fn word(&mut self, word: &str, token: Token<'a>) -> Result<Token<'a>, JsonError> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(token);
        }
        self.unexpected()
    }

    /// In an object: the next key, its colon read; `None` at its end. `is_first` right behind `{`.
    ///
    /// # Errors
    /// Neither is here.
    pub fn key(&mut self, is_first: bool) -> Result<Option<Text<'a>>, JsonError> {
        match self.next_solid() {
            Some(b'}') => {
                self.at += 1;
                return Ok(None);
            }
            Some(b',') if !is_first => self.at += 1,
            Some(b'"') if is_first => {}
            Some(_) | None => return self.unexpected(),
        }
        if self.next_solid() != Some(b'"') {
            return self.unexpected();
        }
        let key = self.string()?;
        if self.next_solid() != Some(b':') {
            return self.unexpected();
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// In an array: whether there is another element. `is_first` right behind `[`.
    ///
    /// # Errors
    /// Neither an element nor the end is here.
    pub fn element(&mut self, is_first: bool) -> Result<bool, JsonError> {
        match self.next_solid() {
            Some(b']') => {
                self.at += 1;
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if is_first => Ok(true),
            Some(_) | None => self.unexpected(),
        }
    }

    /// Only white space is left.
    ///
    /// # Errors
    /// Something else is.
    pub fn end(&mut self) -> Result<(), JsonError> {
        match self.next_solid() {
            None => Ok(()),
            Some(_) => self.fail(Fault::Trailing),
        }
    }

    /// Passes over the value here, which lies `depth` deep.
    ///
    /// # Errors
    /// It is malformed, or too deep.
    pub fn skip(&mut self, depth: usize) -> Result<(), JsonError> {
        match self.value()? {
            Token::Object => {
                self.check_depth(depth + 1)?;
                let mut is_first = true;
                while self.key(is_first)?.is_some() {
                    is_first = false;
                    self.skip(depth + 1)?;
                }
            }
            Token::Array => {
                self.check_depth(depth + 1)?;
                let mut is_first = true;
                while self.element(is_first)? {
                    is_first = false;
                    self.skip(depth + 1)?;
                }
            }
            Token::Str(_) | Token::Number(..) | Token::Bool(_) | Token::Null => {}
        }
        Ok(())
    }

    /// # Errors
    /// `depth` is too deep.
    pub fn check_depth(&self, depth: usize) -> Result<(), JsonError> {
        if depth > DEPTH_MAX { self.fail(Fault::Depth) } else { Ok(()) }
    }

    /// The string here, at its opening quote.
    fn string(&mut self) -> Result<Text<'a>, JsonError> {
        let start = self.at + 1;
        self.at = start;
        let mut is_escaped = false;
        loop {
            self.at += plain_len(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                None => return self.fail(Fault::End),
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok(Text { raw, is_escaped });
                }
                Some(b'\\') => {
                    is_escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(control) => return self.fail(Fault::Control(control)),
            }
        }
    }

    /// Behind a backslash.
    fn escape(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return self.unexpected();
                    }
                    self.at += 1;
                }
            }
            Some(_) | None => {
                let letter = self.text.get(self.at..).and_then(|rest| rest.chars().next());
                return self.fail(letter.map_or(Fault::End, Fault::Escape));
            }
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.fail(Fault::Number) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Token<'a>, JsonError> {
        let start = self.at;
        let mut is_int = true;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return self.fail(Fault::Number);
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            is_int = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            is_int = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Token::Number(&self.text[start..self.at], is_int))
    }
}

/// Bytes at the front that are neither quote, backslash nor control character.
fn plain_len(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHS: u64 = u64::from_le_bytes([0x80; 8]);
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const SLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    const BLANKS: u64 = u64::from_le_bytes([0x20; 8]);
    let mut at = 0;
    // Eight bytes at once: the lowest byte that a test marks is truly one, only those above it may be marked wrongly.
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let (quotes, slashes) = (word ^ QUOTES, word ^ SLASHES);
        let marks = (quotes.wrapping_sub(ONES) & !quotes
            | slashes.wrapping_sub(ONES) & !slashes
            | word.wrapping_sub(BLANKS) & !word)
            & HIGHS;
        if marks != 0 {
            return at + (marks.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len())
}

/// Appends what the well-formed `raw` stands for. Returns whether that is all of it: a surrogate without its other half becomes U+FFFD.
pub fn unescape(raw: &str, out: &mut String) -> bool {
    let mut is_whole = true;
    let mut rest = raw;
    while let Some((plain, tail)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut letters = tail.chars();
        let letter = letters.next().unwrap_or('\\');
        rest = letters.as_str();
        match letter {
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'u' => {
                let (letter, behind) = unicode(rest);
                is_whole &= letter.is_some();
                out.push(letter.unwrap_or(char::REPLACEMENT_CHARACTER));
                rest = behind;
            }
            other => out.push(other),
        }
    }
    out.push_str(rest);
    is_whole
}

/// The character of four hex digits at the front, and of a second escape when it is the other half; and what is behind.
fn unicode(text: &str) -> (Option<char>, &str) {
    let Some((first, rest)) = hex4(text) else { return (None, text) };
    if let Some(letter) = char::from_u32(first) {
        return (Some(letter), rest);
    }
    let second = rest.strip_prefix("\\u").and_then(hex4);
    match second {
        Some((low @ 0xdc00..=0xdfff, behind)) if first < 0xdc00 => {
            let code = 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code), behind)
        }
        Some(_) | None => (None, rest),
    }
}

fn hex4(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}

/// Appends `text` as a JSON string.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    loop {
        let len = plain_len(rest.as_bytes());
        out.push_str(&rest[..len]);
        let mut letters = rest[len..].chars();
        let Some(letter) = letters.next() else { break };
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other => out.push_str(&format!("\\u{:04x}", u32::from(other))),
        }
        rest = letters.as_str();
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn whole(text: &[u8]) -> Result<(), JsonError> {
        let mut reader = Reader::new(text)?;
        reader.skip(0)?;
        reader.end()
    }

    #[test]
    fn malformed_texts_say_where() {
        let texts: [&[u8]; 22] = [
            b"",
            b"{",
            b"{\"a\"}",
            b"{\"a\":}",
            b"{\"a\":1,}",
            b"{,}",
            b"[1,]",
            b"[1 2]",
            b"[,1]",
            b"01",
            b"-",
            b"1.",
            b"1e",
            b"\"\n\"",
            b"\"\\x\"",
            b"\"\\u12g4\"",
            b"\"ab",
            b"nul",
            b"{} {}",
            b"\"\xff\"",
            b"{\"a\":NaN}",
            b"'a'",
        ];
        let lines: Vec<String> = texts
            .iter()
            .map(|text| {
                let error = whole(text).unwrap_err();
                format!("{}: {error}", String::from_utf8_lossy(text).escape_debug())
            })
            .collect();
        expect![[r#"
            : unexpected end of input at byte 0
            {: unexpected end of input at byte 1
            {\"a\"}: unexpected character '}' at byte 4
            {\"a\":}: unexpected character '}' at byte 5
            {\"a\":1,}: unexpected character '}' at byte 7
            {,}: unexpected character ',' at byte 1
            [1,]: unexpected character ']' at byte 3
            [1 2]: unexpected character '2' at byte 3
            [,1]: unexpected character ',' at byte 1
            01: malformed number at byte 1
            -: malformed number at byte 1
            1.: malformed number at byte 2
            1e: malformed number at byte 2
            \"\n\": control character (code 10) in a string must be escaped at byte 1
            \"\\x\": unrecognized character escape 'x' at byte 2
            \"\\u12g4\": unexpected character 'g' at byte 5
            \"ab: unexpected end of input at byte 3
            nul: unexpected character 'n' at byte 0
            {} {}: more input after the document at byte 3
            \"�\": invalid UTF-8 at byte 1
            {\"a\":NaN}: unexpected character 'N' at byte 5
            \'a\': unexpected character ''' at byte 0"#]]
        .assert_eq(&lines.join("\n"));
    }

    #[test]
    fn the_deepest_document_passes_and_one_deeper_does_not() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(whole(nested(DEPTH_MAX).as_bytes()), Ok(()));
        let fault = whole(nested(DEPTH_MAX + 1).as_bytes()).unwrap_err().fault;
        assert_eq!(fault, Fault::Depth);
    }

    #[test]
    fn surrogates_are_joined_or_marked() {
        let check = |raw: &str, want: &str, is_whole: bool| {
            let mut out = String::new();
            assert_eq!(unescape(raw, &mut out), is_whole, "{raw}");
            assert_eq!(out, want);
        };
        check(r"\ud83d\ude00!", "😀!", true);
        check(r"a\ud83d", "a\u{fffd}", false);
        check(r"\ud83d\u0041", "\u{fffd}A", false);
        check(r"\ude00\ud83d", "\u{fffd}\u{fffd}", false);
        check("\\u0000\\/\\b\\f\\n\\r\\t\\\\\\\"", "\0/\u{8}\u{c}\n\r\t\\\"", true);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn strings_come_back(text in "\\PC*|[\\x00-\\x7f]*|.*") {
            let mut written = String::new();
            write_string(&text, &mut written);
            let by_serde: String = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&by_serde, &text);
            let mut reader = Reader::new(written.as_bytes()).unwrap();
            let Token::Str(token) = reader.value().unwrap() else { panic!("no string") };
            let mut out = String::new();
            prop_assert!(unescape(token.raw, &mut out));
            prop_assert_eq!(out, text);
        }

        #[test]
        fn what_serde_refuses_is_refused(text in "[\\[\\]{}:,\"\\\\a0-9.eE+ -]{0,24}") {
            let by_serde = serde_json::from_str::<serde_json::Value>(&text);
            let ours = whole(text.as_bytes());
            // serde_json refuses numbers beyond f64, which is no matter of grammar.
            let is_range = by_serde.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
            if !is_range {
                prop_assert_eq!(by_serde.is_ok(), ours.is_ok(), "{:?} {:?}", by_serde, ours);
            }
        }
    }
}
