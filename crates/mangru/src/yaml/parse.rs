//! Text → tree, within bounds: file size, depth, and nodes after aliases are expanded.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::{Content, Entry, Node, Pos, Scalar};

/// Largest file, in bytes.
pub(crate) const FILE_BYTES_MAX: usize = 16 << 20;
/// Deepest nesting of collections.
pub(crate) const DEPTH_MAX: usize = 100;
/// Most nodes, counting what aliases repeat: a bomb of aliases ends here.
pub(crate) const NODES_MAX: usize = 2_000_000;

/// A text that is no YAML document, or one over the bounds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct YamlError {
    pub(crate) pos: Pos,
    pub(crate) text: String,
}

/// The first document of `text`; `None` when there is none.
///
/// # Errors
/// [`YamlError`] with the place: a syntax error, or a bound of this module.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, YamlError> {
    let origin = Pos { line: 1, column: 1 };
    if text.len() > FILE_BYTES_MAX {
        let text =
            format!("yaml: the file has {} bytes; at most {FILE_BYTES_MAX} are read", text.len());
        return Err(YamlError { pos: origin, text });
    }
    let mut builder = Builder::default();
    let mut events = Parser::new_from_str(text);
    while let Some(event) = events.next_event() {
        let (event, span) = event.map_err(|error| YamlError {
            pos: Pos { line: error.marker().line(), column: error.marker().col() + 1 },
            text: format!("yaml: line {}: {}", error.marker().line(), error.info()),
        })?;
        if builder.take(event, span)? {
            break;
        }
    }
    Ok(builder.root)
}

/// A collection that is being read.
struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<(Scalar, Pos)>,
    /// Mappings named by `<<`, applied when the collection ends: what is written out wins.
    merges: Vec<Node>,
}

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl Builder {
    /// Takes an event; true when the first document has ended.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<bool, YamlError> {
        let pos = Pos { line: span.start.line(), column: span.start.col() + 1 };
        match event {
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => Ok(false),
            Event::StreamEnd | Event::DocumentEnd => Ok(true),
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let scalar = Scalar::new(text.into_owned(), plain, core_tag(tag.as_deref()))
                    .ok_or_else(|| fail(pos, "!!binary value contains invalid base64 data"))?;
                self.value(Node { pos, content: Content::Scalar(scalar) }, anchor).map(|()| false)
            }
            Event::Alias(anchor) => {
                let aliased = self.anchors.get(&anchor).cloned();
                let node = aliased.ok_or_else(|| fail(pos, "an anchor's value contains itself"))?;
                if self.open.len() + depth(&node) > DEPTH_MAX {
                    return Err(too_deep(pos));
                }
                self.count(pos, size(&node))?;
                self.value(node, 0).map(|()| false)
            }
            Event::SequenceStart(anchor, _) => self.begin(pos, Content::Seq(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.begin(pos, Content::Map(Vec::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self
                    .open
                    .pop()
                    .ok_or_else(|| fail(pos, "a collection ends that did not begin"))?;
                let node = merged(open.node, open.merges)?;
                self.value(node, open.anchor).map(|()| false)
            }
        }
    }

    fn begin(&mut self, pos: Pos, content: Content, anchor: usize) -> Result<bool, YamlError> {
        if self.open.len() >= DEPTH_MAX {
            return Err(too_deep(pos));
        }
        self.open.push(Open { node: Node { pos, content }, anchor, key: None, merges: Vec::new() });
        Ok(false)
    }

    fn count(&mut self, pos: Pos, nodes: usize) -> Result<(), YamlError> {
        self.nodes += nodes;
        if self.nodes > NODES_MAX {
            let text = format!("document contains excessive aliasing: over {NODES_MAX} values");
            return Err(fail(pos, &text));
        }
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn value(&mut self, node: Node, anchor: usize) -> Result<(), YamlError> {
        self.count(node.pos, 1)?;
        if anchor > 0 {
            self.count(node.pos, size(&node))?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        match &mut open.node.content {
            Content::Seq(items) => items.push(node),
            Content::Map(entries) => match open.key.take() {
                Some((key, _)) if key.plain && key.text == "<<" => open.merges.push(node),
                Some((key, pos)) => entries.push(Entry { key, pos, value: node }),
                None => match node.content {
                    Content::Scalar(key) => open.key = Some((key, node.pos)),
                    Content::Seq(_) | Content::Map(_) => {
                        return Err(fail(node.pos, "a key must be a scalar"));
                    }
                },
            },
            Content::Scalar(_) => return Err(fail(node.pos, "a value inside a scalar")),
        }
        Ok(())
    }
}

/// `node` with the keys of `merges` that it does not have itself.
fn merged(mut node: Node, merges: Vec<Node>) -> Result<Node, YamlError> {
    let Content::Map(entries) = &mut node.content else { return Ok(node) };
    for merge in merges {
        let maps = match merge.content {
            Content::Seq(items) => items,
            Content::Map(_) | Content::Scalar(_) => vec![merge],
        };
        for map in maps {
            let Content::Map(more) = map.content else {
                return Err(fail(
                    map.pos,
                    "map merge requires map or sequence of maps as the value",
                ));
            };
            let own: std::collections::HashSet<String> =
                entries.iter().map(|entry| entry.key.text.clone()).collect();
            entries.extend(more.into_iter().filter(|entry| !own.contains(&entry.key.text)));
        }
    }
    Ok(node)
}

fn core_tag(tag: Option<&Tag>) -> Option<String> {
    tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.clone())
}

fn fail(pos: Pos, text: &str) -> YamlError {
    YamlError { pos, text: format!("yaml: line {}: {text}", pos.line) }
}

fn too_deep(pos: Pos) -> YamlError {
    fail(pos, &format!("exceeded max depth of {DEPTH_MAX}"))
}

/// Nodes in the tree. Recursion is bounded by [`DEPTH_MAX`].
fn size(node: &Node) -> usize {
    1 + match &node.content {
        Content::Scalar(_) => 0,
        Content::Seq(items) => items.iter().map(size).sum(),
        Content::Map(entries) => entries.iter().map(|entry| 1 + size(&entry.value)).sum(),
    }
}

fn depth(node: &Node) -> usize {
    match &node.content {
        Content::Scalar(_) => 0,
        Content::Seq(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Content::Map(entries) => {
            1 + entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as `line:column value`, a node a line.
    fn outline(node: &Node, indent: usize, out: &mut String) {
        use std::fmt::Write as _;
        let pad = " ".repeat(indent);
        match &node.content {
            Content::Scalar(scalar) => {
                writeln!(
                    out,
                    "{pad}{}:{} {} {:?}",
                    node.pos.line,
                    node.pos.column,
                    node.tag(),
                    scalar.text
                )
                .unwrap();
            }
            Content::Seq(items) => {
                writeln!(out, "{pad}{}:{} seq", node.pos.line, node.pos.column).unwrap();
                items.iter().for_each(|item| outline(item, indent + 2, out));
            }
            Content::Map(entries) => {
                writeln!(out, "{pad}{}:{} map", node.pos.line, node.pos.column).unwrap();
                for entry in entries {
                    writeln!(
                        out,
                        "{pad}  {}:{} {}:",
                        entry.pos.line, entry.pos.column, entry.key.text
                    )
                    .unwrap();
                    outline(&entry.value, indent + 4, out);
                }
            }
        }
    }

    fn check(text: &str, expected: &expect_test::Expect) {
        let mut out = String::new();
        match parse(text) {
            Ok(Some(node)) => outline(&node, 0, &mut out),
            Ok(None) => out.push_str("nothing\n"),
            Err(error) => out = format!("{}:{} {error}\n", error.pos.line, error.pos.column),
        }
        expected.assert_eq(&out);
    }

    use expect_test::expect;

    #[test]
    fn trees() {
        check(
            "",
            &expect![[r#"
            nothing
        "#]],
        );
        check(
            "# only a comment\n",
            &expect![[r#"
            nothing
        "#]],
        );
        check(
            "a: 1\nb: [x, 'y', yes]\n",
            &expect![[r#"
            1:1 map
              1:1 a:
                1:4 !!int "1"
              2:1 b:
                2:4 seq
                  2:5 !!str "x"
                  2:8 !!str "y"
                  2:13 !!bool "yes"
        "#]],
        );
        check(
            "- a: |\n    two\n    lines\n  b: >-\n    folded\n    text\n",
            &expect![[r#"
            1:1 seq
              1:3 map
                1:3 a:
                  2:5 !!str "two\nlines\n"
                4:3 b:
                  5:5 !!str "folded text"
        "#]],
        );
        check(
            "a: 1\n---\nb: 2\n",
            &expect![[r#"
            1:1 map
              1:1 a:
                1:4 !!int "1"
        "#]],
        );
    }

    #[test]
    fn anchors_and_merges() {
        check(
            "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\nz: *x\n",
            &expect![[r#"
            1:1 map
              1:1 x:
                1:4 map
                  1:8 a:
                    1:11 !!int "1"
                  1:14 b:
                    1:17 !!int "2"
              2:1 y:
                3:3 map
                  4:3 b:
                    4:6 !!int "3"
                  1:8 a:
                    1:11 !!int "1"
              5:1 z:
                1:4 map
                  1:8 a:
                    1:11 !!int "1"
                  1:14 b:
                    1:17 !!int "2"
        "#]],
        );
        check(
            "<<: [{a: 1}, {a: 2, b: 2}]\n",
            &expect![[r#"
            1:1 map
              1:7 a:
                1:10 !!int "1"
              1:21 b:
                1:24 !!int "2"
        "#]],
        );
        check(
            "<<: 1\n",
            &expect![[r#"
            1:5 yaml: line 1: map merge requires map or sequence of maps as the value
        "#]],
        );
        check(
            "a: &a [*a]\n",
            &expect![[r#"
            1:8 yaml: line 1: an anchor's value contains itself
        "#]],
        );
        check(
            "a: *nobody\n",
            &expect![[r#"
            1:4 yaml: line 1: while parsing node, found unknown anchor
        "#]],
        );
    }

    #[test]
    fn syntax_errors() {
        check(
            "a: [1, 2\n",
            &expect![[r#"
            2:1 yaml: line 2: while parsing a flow sequence, expected ',' or ']'
        "#]],
        );
        check(
            "a: b: c\n",
            &expect![[r#"
            1:5 yaml: line 1: mapping values are not allowed in this context
        "#]],
        );
        check(
            "a:\n\t- b\n",
            &expect![[r#"
            2:2 yaml: line 2: tabs disallowed within this context (block indentation)
        "#]],
        );
        check(
            "{a: 1}: b\n",
            &expect![[r#"
            1:1 yaml: line 1: a key must be a scalar
        "#]],
        );
        check(
            "a: \"open\n",
            &expect![[r#"
            1:4 yaml: line 1: while scanning a quoted scalar, found unexpected end of stream
        "#]],
        );
    }

    #[test]
    fn depth_at_the_bound_and_one_past() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse(&nested(DEPTH_MAX)).is_ok());
        let error = parse(&nested(DEPTH_MAX + 1)).unwrap_err();
        assert!(error.text.contains("exceeded max depth of 100"), "{error}");
        assert!(parse(&nested(1_000_000)).is_err());
        let aliased = |depth: usize| format!("a: &a {}\nb: [*a]\n", nested(depth));
        assert!(parse(&aliased(DEPTH_MAX - 2)).is_ok());
        assert!(parse(&aliased(DEPTH_MAX - 1)).is_err());
    }

    #[test]
    fn size_at_the_bound_and_one_past() {
        let text = format!("#{}", "x".repeat(FILE_BYTES_MAX - 1));
        assert_eq!(parse(&text), Ok(None));
        let error = parse(&format!("{text}x")).unwrap_err();
        assert!(error.text.contains("at most 16777216"), "{error}");
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..10 {
            let before = format!("*a{}, ", i - 1).repeat(10);
            text.push_str(&format!("a{i}: &a{i} [{before}]\n"));
        }
        let error = parse(&text).unwrap_err();
        assert!(error.text.contains("excessive aliasing"), "{error}");
    }

    #[test]
    fn nodes_at_the_bound_and_one_past() {
        let mut builder = Builder::default();
        assert!(builder.count(Pos::default(), NODES_MAX).is_ok());
        assert!(builder.count(Pos::default(), 1).is_err());
    }
}
