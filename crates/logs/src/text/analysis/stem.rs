//! Porter's stems of English words, after his paper of 1980.

/// Cuts `word` down to its stem.
pub(super) fn porter(word: &mut String) {
    if word.len() < 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return;
    }
    let mut stem = Stem { letters: std::mem::take(word).into_bytes() };
    stem.plurals();
    stem.past();
    if stem.ends(b"y") && stem.has_vowel(1) {
        stem.replace(1, b"i");
    }
    stem.long_suffixes();
    stem.last();
    *word = String::from_utf8(stem.letters).unwrap_or_default();
}

struct Stem {
    letters: Vec<u8>,
}

impl Stem {
    fn is_consonant(&self, at: usize) -> bool {
        match self.letters[at] {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => at == 0 || !self.is_consonant(at - 1),
            _ => true,
        }
    }

    fn ends(&self, suffix: &[u8]) -> bool {
        self.letters.ends_with(suffix)
    }

    /// How often a vowel is followed by a consonant before the last `cut` letters.
    fn measure(&self, cut: usize) -> usize {
        let len = self.letters.len() - cut;
        (1..len).filter(|at| self.is_consonant(*at) && !self.is_consonant(*at - 1)).count()
    }

    fn has_vowel(&self, cut: usize) -> bool {
        (0..self.letters.len() - cut).any(|at| !self.is_consonant(at))
    }

    fn replace(&mut self, cut: usize, with: &[u8]) {
        self.letters.truncate(self.letters.len() - cut);
        self.letters.extend_from_slice(with);
    }

    /// Two same consonants at the end.
    fn is_double(&self) -> bool {
        let len = self.letters.len();
        len > 1 && self.letters[len - 1] == self.letters[len - 2] && self.is_consonant(len - 1)
    }

    /// Consonant, vowel, consonant other than `w`, `x`, `y` before the last `cut` letters.
    fn is_short(&self, cut: usize) -> bool {
        let len = self.letters.len() - cut;
        len >= 3
            && self.is_consonant(len - 3)
            && !self.is_consonant(len - 2)
            && self.is_consonant(len - 1)
            && !matches!(self.letters[len - 1], b'w' | b'x' | b'y')
    }

    fn plurals(&mut self) {
        if self.ends(b"sses") || self.ends(b"ies") {
            self.replace(2, b"");
        } else if self.ends(b"s") && !self.ends(b"ss") {
            self.replace(1, b"");
        }
    }

    fn past(&mut self) {
        if self.ends(b"eed") {
            if self.measure(3) > 0 {
                self.replace(1, b"");
            }
            return;
        }
        let cut = if self.ends(b"ed") {
            2
        } else if self.ends(b"ing") {
            3
        } else {
            return;
        };
        if !self.has_vowel(cut) {
            return;
        }
        self.replace(cut, b"");
        if self.ends(b"at") || self.ends(b"bl") || self.ends(b"iz") {
            self.replace(0, b"e");
        } else if self.is_double() && !matches!(self.letters.last(), Some(b'l' | b's' | b'z')) {
            self.replace(1, b"");
        } else if self.measure(0) == 1 && self.is_short(0) {
            self.replace(0, b"e");
        }
    }

    fn long_suffixes(&mut self) {
        const SECOND: [(&[u8], &[u8]); 22] = [
            (b"ational", b"ate"),
            (b"tional", b"tion"),
            (b"enci", b"ence"),
            (b"anci", b"ance"),
            (b"izer", b"ize"),
            (b"bli", b"ble"),
            (b"alli", b"al"),
            (b"entli", b"ent"),
            (b"eli", b"e"),
            (b"ousli", b"ous"),
            (b"ization", b"ize"),
            (b"ation", b"ate"),
            (b"ator", b"ate"),
            (b"alism", b"al"),
            (b"iveness", b"ive"),
            (b"fulness", b"ful"),
            (b"ousness", b"ous"),
            (b"aliti", b"al"),
            (b"iviti", b"ive"),
            (b"biliti", b"ble"),
            (b"logi", b"log"),
            (b"\0", b""),
        ];
        const THIRD: [(&[u8], &[u8]); 7] = [
            (b"icate", b"ic"),
            (b"ative", b""),
            (b"alize", b"al"),
            (b"iciti", b"ic"),
            (b"ical", b"ic"),
            (b"ful", b""),
            (b"ness", b""),
        ];
        for rules in [SECOND.as_slice(), THIRD.as_slice()] {
            if let Some((suffix, with)) = rules.iter().find(|(suffix, _)| self.ends(suffix))
                && self.measure(suffix.len()) > 0
            {
                self.replace(suffix.len(), with);
            }
        }
        const FOURTH: [&[u8]; 19] = [
            b"al", b"ance", b"ence", b"er", b"ic", b"able", b"ible", b"ant", b"ement", b"ment",
            b"ent", b"ion", b"ou", b"ism", b"ate", b"iti", b"ous", b"ive", b"ize",
        ];
        if let Some(suffix) = FOURTH.iter().find(|suffix| self.ends(suffix))
            && self.measure(suffix.len()) > 1
        {
            let before =
                self.letters.len().checked_sub(suffix.len() + 1).map(|at| self.letters[at]);
            if **suffix != *b"ion" || matches!(before, Some(b's' | b't')) {
                self.replace(suffix.len(), b"");
            }
        }
    }

    fn last(&mut self) {
        if self.ends(b"e") {
            let measure = self.measure(1);
            if measure > 1 || (measure == 1 && !self.is_short(1)) {
                self.replace(1, b"");
            }
        }
        if self.ends(b"ll") && self.measure(0) > 1 {
            self.replace(1, b"");
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_of_the_paper() {
        for (word, want) in [
            ("caresses", "caress"),
            ("ponies", "poni"),
            ("cats", "cat"),
            ("agreed", "agre"),
            ("plastered", "plaster"),
            ("motoring", "motor"),
            ("conflated", "conflat"),
            ("hopping", "hop"),
            ("filing", "file"),
            ("happy", "happi"),
            ("relational", "relat"),
            ("triplicate", "triplic"),
            ("hopeful", "hope"),
            ("goodness", "good"),
            ("adjustment", "adjust"),
            ("adoption", "adopt"),
            ("rate", "rate"),
            ("roll", "roll"),
            ("controll", "control"),
            ("is", "is"),
            ("connections", "connect"),
        ] {
            let mut have = word.to_owned();
            super::porter(&mut have);
            assert_eq!(have, want, "{word}");
        }
    }
}
