//! What Go accepts, refuses and matches, as its `regexp` package does.

use super::Regex;

#[track_caller]
fn refused(pattern: &str, want: &str) {
    let error = Regex::matcher(pattern).expect_err(pattern);
    assert_eq!(error.to_string(), format!("error parsing regexp: {want}"));
}

#[track_caller]
fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    let regex = Regex::matcher(pattern).expect(pattern);
    for text in yes {
        assert!(regex.is_match(text), "{pattern} on {text:?}");
    }
    for text in no {
        assert!(!regex.is_match(text), "{pattern} on {text:?}");
    }
}

#[test]
fn errors_have_gos_words() {
    refused("a(", "missing closing ): `a(`");
    refused("a)", "unexpected ): `a)`");
    refused("*", "missing argument to repetition operator: `*`");
    refused("(|*)", "missing argument to repetition operator: `*`");
    refused("a**", "invalid nested repetition operator: `**`");
    refused("a{2}{3}", "invalid nested repetition operator: `{2}{3}`");
    refused("a{1001}", "invalid repeat count: `{1001}`");
    refused("a{3,2}", "invalid repeat count: `{3,2}`");
    refused("(a{100}){11}", "invalid repeat count: `{11}`");
    refused("[a", "missing closing ]: `[a`");
    refused("[a--]", "invalid character class range: `a--`");
    refused("[b-a]", "invalid character class range: `b-a`");
    refused("[[:foo:]]", "invalid character class range: `[:foo:]`");
    refused(r"\pX", r"invalid character class range: `\pX`");
    refused(r"\p{lu}", r"invalid character class range: `\p{lu}`");
    refused(r"\8", r"invalid escape sequence: `\8`");
    refused(r"\1", r"invalid escape sequence: `\1`");
    refused(r"\C", r"invalid escape sequence: `\C`");
    refused(r"\xZ", r"invalid escape sequence: `\xZ`");
    refused("a\\", "trailing backslash at end of expression: ``");
    refused("(?=a)", "invalid or unsupported Perl syntax: `(?=`");
    refused("(?i-)", "invalid or unsupported Perl syntax: `(?i-)`");
    refused("(?P<n", "invalid named capture: `(?P<n`");
    refused("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`");
    refused("(?P<a>x)(?P<a>y)", "invalid named capture: `a`");
}

#[test]
fn syntax_that_differs_from_rusts() {
    check(r"\d+\w", &["12a"], &["١٢a", "12é"]);
    check("[[]", &["["], &["[["]);
    check("[a&&b]", &["a", "&", "b"], &["c"]);
    check("[--a]", &["-", "0", "a"], &["b"]);
    check("[]a]", &["]", "a"], &["b"]);
    check("[^]a]", &["b", "\n"], &["]"]);
    check("{gid}", &["{gid}"], &["gid"]);
    check("a{,2}", &["a{,2}"], &["aa"]);
    check("a{01}", &["a{01}"], &["a"]);
    check(r"\Qa.b\E+", &["a.b", "a.bb"], &["axb"]);
    check(r"\101\x42\x{43}\07", &["ABC\x07"], &[]);
    check("a b#c", &["a b#c"], &["ab"]);
    check(r"\_\-\/", &["_-/"], &[]);
    check("[a-]", &["a", "-"], &["b"]);
    check(r"[\d-z]", &["5", "-", "z"], &["a"]);
}

#[test]
fn whole_text_and_line_breaks() {
    check("a.c", &["abc", "a\nc", "a한c"], &["xabc", "abcx", "ac"]);
    check("(?-s)a.c", &["abc"], &["a\nc"]);
    check("a|b", &["a", "b"], &["ab", ""]);
    check("", &[""], &["a"]);
    check("a$|^b", &["a", "b"], &["a\n"]);
    check("(?m)a$\n^b", &["a\nb"], &["ab"]);
    check("(?i)straSSe|k", &["STRASSE", "K", "\u{212a}"], &["straße"]);
    check("(?i:a)b", &["Ab", "ab"], &["aB"]);
    check("(a(?i)b)c", &["aBc"], &["aBC"]);
    check(r"\p{Hangul}+", &["경보"], &["alarm"]);
    check(r"\P{Hangul}+", &["alarm"], &["경보"]);
    check(r"[[:alpha:]]\b", &["a"], &["é"]);
}

#[test]
fn shapes() {
    let set =
        |pattern: &str| Regex::matcher(pattern).unwrap().set_matches().map(<[String]>::to_vec);
    let texts = |all: &[&str]| Some(all.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
    assert_eq!(set("foo|bar|b"), texts(&["b", "bar", "foo"]));
    assert_eq!(
        set("prod-(eu|us)-[12]"),
        texts(&["prod-eu-1", "prod-eu-2", "prod-us-1", "prod-us-2"])
    );
    assert_eq!(set("(?i)ab"), texts(&["AB", "Ab", "aB", "ab"]));
    assert_eq!(set("foo?"), texts(&["fo", "foo"]));
    assert_eq!(set("fo+"), None);
    assert_eq!(set("^a$"), None);
    let prefix = |pattern: &str| Regex::matcher(pattern).unwrap().prefix().to_owned();
    assert_eq!(prefix("http_.*"), "http_");
    assert_eq!(prefix("http_[0-9]+"), "http_");
    assert_eq!(prefix("(http|tcp)_.*"), "");
    check("http_.*_total", &["http_a_total", "http__total"], &["http_total", "http_a_totals"]);
    check(".*err.*", &["error", "an err"], &["er"]);
    check("a.*b.*c", &["abc", "axbxc"], &["acb", "ac"]);
    check("aa.*a", &["aaa"], &["aa"]);
    check(".*", &["", "a\n"], &[]);
    check(".+", &["a"], &[""]);
}

#[test]
fn templates_expand_as_gos() {
    let regex = Regex::wrapped("(?P<first>[^-]*)-(.*)").unwrap();
    for (template, want) in [
        ("$1", "a"),
        ("${2}x", "bx"),
        ("$2x", ""),
        ("$first.$2", "a.b"),
        ("$$1", "$1"),
        ("$", "$"),
        ("${1", "${1"),
        ("$9", ""),
        ("$01", ""),
        ("plain", "plain"),
    ] {
        assert_eq!(regex.expand("a-b", template).as_deref(), Some(want), "{template}");
    }
    assert_eq!(regex.expand("ab", "$1"), None);
}

#[test]
fn wrapped_patterns_are_read_as_prometheus_wraps_them() {
    let error = Regex::wrapped("(").unwrap_err().to_string();
    assert_eq!(error, "error parsing regexp: missing closing ): `^(?s:()$`");
    let split = Regex::wrapped("a)(b").unwrap();
    assert_eq!(split.expand("ab", "$1").as_deref(), Some("b"));
}

#[test]
fn bounds() {
    let deep = |n: usize| "(".repeat(n) + &")".repeat(n);
    assert!(Regex::matcher(&deep(250)).is_ok());
    assert!(Regex::matcher(&deep(251)).unwrap_err().message.contains("nests too deeply"));
    assert!(Regex::matcher(&"a".repeat(super::PATTERN_BYTES_MAX)).is_ok());
    assert!(Regex::matcher(&"a".repeat(super::PATTERN_BYTES_MAX + 1)).is_err());
}
