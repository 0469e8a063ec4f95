//! Persistence files of Pushgateway, written here as Go would: whole, cut, flipped, and past every bound.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use stdx::clock::SimClock;
use stdx::fs::Fs;
use stdx::fs::sim::SimFs;
use wire::encode::Encoder;
use wire::escaping::EscapingScheme;
use wire::negotiate::Protocol;

use super::gob::{Persisted, persisted};
use super::tests::{DIR, gateway, open, options, put, shown};
use super::{Family, Gateway, Grouping, Options};

// The types' numbers in the files that are made here.
const GROUPS: i64 = 65;
const GROUP: i64 = 66;
const LABELS: i64 = 67;
const FAMILIES: i64 = 68;
const FAMILY: i64 = 69;
const TIME: i64 = 70;
const BYTES: i64 = 71;
const STRING: i64 = 6;

fn uint(out: &mut Vec<u8>, n: u64) {
    if n < 128 {
        return out.push(u8::try_from(n).unwrap());
    }
    let bytes = n.to_be_bytes();
    let significant = &bytes[usize::try_from(n.leading_zeros()).unwrap() / 8..];
    out.push(u8::try_from(256 - significant.len()).unwrap());
    out.extend_from_slice(significant);
}

fn int(out: &mut Vec<u8>, n: i64) {
    uint(out, if n < 0 { (!n.cast_unsigned()) << 1 | 1 } else { n.cast_unsigned() << 1 });
}

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn message(out: &mut Vec<u8>, id: i64, content: &[u8]) {
    let mut inner = Vec::new();
    int(&mut inner, id);
    inner.extend_from_slice(content);
    bytes(out, &inner);
}

/// Describes type `id`: its kind, and what stands behind its name.
fn describe(out: &mut Vec<u8>, id: i64, kind: u8, rest: &[u8]) {
    let mut content = vec![kind, 1, 1];
    bytes(&mut content, b"name");
    content.push(1);
    int(&mut content, id);
    content.push(0);
    content.extend_from_slice(rest);
    content.extend_from_slice(&[0, 0]);
    message(out, -id, &content);
}

fn map(out: &mut Vec<u8>, id: i64, value: i64) {
    let mut rest = vec![1];
    int(&mut rest, STRING);
    rest.push(1);
    int(&mut rest, value);
    describe(out, id, 4, &rest);
}

fn structure(out: &mut Vec<u8>, id: i64, fields: &[(&str, i64)]) {
    let mut rest = vec![1];
    uint(&mut rest, fields.len() as u64);
    for (name, of) in fields {
        rest.push(1);
        bytes(&mut rest, name.as_bytes());
        rest.push(1);
        int(&mut rest, *of);
        rest.push(0);
    }
    describe(out, id, 3, &rest);
}

/// The descriptions of all types.
fn types() -> Vec<u8> {
    let mut out = Vec::new();
    map(&mut out, GROUPS, GROUP);
    structure(&mut out, GROUP, &[("Labels", LABELS), ("Metrics", FAMILIES)]);
    map(&mut out, LABELS, STRING);
    map(&mut out, FAMILIES, FAMILY);
    structure(&mut out, FAMILY, &[("Timestamp", TIME), ("GobbableMetricFamily", BYTES)]);
    describe(&mut out, TIME, 5, &[]);
    describe(&mut out, BYTES, 5, &[]);
    out
}

fn family(out: &mut Vec<u8>, family: &Family) {
    let mut protobuf = Vec::new();
    let mut encoder = Encoder::new(Protocol::Protobuf, EscapingScheme::AllowUtf8, &mut protobuf);
    family.encode(&mut encoder, Protocol::Protobuf);
    encoder.finish();
    let (_, prefix) = stdx::varint::uvarint(&protobuf).unwrap();
    bytes(out, family.name.as_bytes());
    let mut time = vec![1];
    time.extend_from_slice(&(family.time_ms / 1000 + 62_135_596_800).to_be_bytes());
    let nanoseconds = i32::try_from(family.time_ms % 1000).unwrap() * 1_000_000;
    time.extend_from_slice(&nanoseconds.to_be_bytes());
    time.extend_from_slice(&[0xff, 0xff]);
    out.push(1);
    bytes(out, &time);
    out.push(1);
    bytes(out, &protobuf[prefix..]);
    out.push(0);
}

/// One group as a map's entry, and its families.
fn group(out: &mut Vec<u8>, labels: &Grouping, families: &[Family]) {
    bytes(out, b"key");
    out.push(1);
    uint(out, labels.len() as u64);
    for (name, value) in labels.iter() {
        bytes(out, name.as_bytes());
        bytes(out, value.as_bytes());
    }
    out.push(1);
    uint(out, families.len() as u64);
    families.iter().for_each(|one| family(out, one));
    out.push(0);
}

/// A file of the gateway's groups, with where each begins.
fn file(gateway: &Gateway) -> (Vec<u8>, Vec<usize>) {
    let groups = gateway.groups();
    let mut content = vec![0];
    uint(&mut content, groups.len() as u64);
    let mut starts = Vec::new();
    for one in &groups {
        starts.push(content.len());
        let mut families: Vec<Family> = one.families.iter().map(|f| (**f).clone()).collect();
        families.extend(one.times());
        group(&mut content, &one.labels, &families);
    }
    let mut out = types();
    message(&mut out, GROUPS, &content);
    let head = out.len() - content.len();
    (out, starts.into_iter().map(|at| at + head).collect())
}

const BODY: &str = "# HELP c why\n# TYPE c counter\nc{l=\"\"} 1\nc{l=\"\u{ac00}\"} 2\n\
    # TYPE s summary\ns{quantile=\"0.5\"} 1.5\ns_sum 3\ns_count 2\n\
    # TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n";

fn filled() -> Gateway {
    let gateway = gateway(options());
    put(&gateway, "a", BODY).unwrap();
    put(&gateway, "a/instance/i", "x 1\n").unwrap();
    put(&gateway, "b/empty/", "y NaN\n# TYPE z gauge\nz -Inf\n").unwrap();
    assert!(put(&gateway, "b/empty/", "y 1 1\n").is_err());
    gateway
}

/// Written out, for a NaN is not equal to itself.
fn text(found: &Persisted) -> String {
    format!("{:#?}", found.groups)
}

#[test]
fn groups_come_back_as_they_were() {
    let gateway = filled();
    let found = persisted(&file(&gateway).0);
    assert_eq!(found.damage, [""; 0]);
    let groups = gateway.groups();
    assert_eq!(text(&found), format!("{groups:#?}"));
    assert!(!found.groups[0].last_push_successful());
}

#[test]
fn a_cut_file_gives_the_groups_before_the_cut() {
    let (whole, starts) = file(&filled());
    let all = persisted(&whole).groups;
    for len in 0..whole.len() {
        let found = persisted(&whole[..len]);
        let n = starts[1..].iter().filter(|start| **start <= len).count();
        assert_eq!(format!("{:?}", found.groups), format!("{:?}", &all[..n]), "{len} bytes");
        assert_eq!(found.damage, [format!("byte {len}: the file ends inside of a value")]);
    }
}

#[test]
fn a_flipped_byte_costs_at_most_what_is_behind_it() {
    let (whole, starts) = file(&filled());
    let all = persisted(&whole).groups;
    for at in 0..whole.len() {
        for mask in [1, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= mask;
            let found = persisted(&bytes);
            let n = starts[1..].iter().filter(|start| **start <= at).count();
            let before = found.groups.get(..n).map(|groups| format!("{groups:?}"));
            assert_eq!(before, Some(format!("{:?}", &all[..n])), "byte {at}");
        }
    }
}

fn check(bytes: &[u8], want: &Expect) {
    want.assert_eq(&persisted(bytes).damage.join("\n"));
}

/// A file with the types, one more described by `more`, and `content` as its value.
fn with(more: impl FnOnce(&mut Vec<u8>), content: &[u8]) -> Vec<u8> {
    let mut out = types();
    more(&mut out);
    message(&mut out, GROUPS, content);
    out
}

#[test]
fn what_is_no_persistence_file() {
    check(b"", &expect!["byte 0: the file ends inside of a value"]);
    check(b"metric 1\n", &expect!["byte 2: a field that its type does not have"]);
    check(&[0xf0; 40], &expect!["byte 0: a number of more than 8 bytes"]);
    check(&with(|_| {}, &[1]), &expect!["byte 206: no map of groups"]);
    let mut behind = with(|_| {}, &[0, 0]);
    behind.push(7);
    check(&behind, &expect!["byte 208: bytes behind the groups"]);
    let mut nobody = vec![0, 1];
    group(&mut nobody, &Grouping::from_pairs([("instance", "i")]), &[]);
    check(&with(|_| {}, &nobody), &expect!["byte 208: a group without a job is left out"]);
}

#[test]
fn a_family_that_is_no_protobuf_costs_its_group() {
    let gateway = filled();
    let (mut bytes, _) = file(&gateway);
    let at = bytes.windows(3).position(|three| three == b"\x0a\x01x").unwrap();
    bytes[at] = 0xff;
    let found = persisted(&bytes);
    let labels: Vec<&Grouping> = found.groups.iter().map(|group| &group.labels).collect();
    assert_eq!(format!("{labels:?}"), r#"[{"empty": "", "job": "b"}, {"job": "a"}]"#);
    let [text] = &found.damage[..] else { panic!("one is damaged: {:?}", found.damage) };
    let begin = format!(
        "byte {at}: a family of the group {{\"instance\": \"i\", \"job\": \"a\"}}, which is left out: "
    );
    assert!(text.starts_with(&begin), "{text}");
}

#[test]
fn descriptions_are_bounded() {
    let many = |n: i64| with(|out| (0..n).for_each(|i| describe(out, 1000 + i, 5, &[])), &[0, 0]);
    check(&many(249), &expect![""]);
    check(&many(250), &expect!["byte 4935: too many types"]);
    let wide = |n: usize| with(|out| structure(out, 1000, &vec![("f", 2); n]), &[0, 0]);
    check(&wide(256), &expect![""]);
    check(&wide(257), &expect!["byte 223: a type of too many fields"]);
    // A struct in a struct and so on, as a field that nobody knows.
    let deep = |n: i64| {
        let mut content = vec![0, 1, 1, b'k'];
        content.extend(vec![1; usize::try_from(n).unwrap() + 1]);
        content.push(5);
        content.extend(vec![0; usize::try_from(n).unwrap() + 1]);
        let types = |out: &mut Vec<u8>| {
            structure(out, GROUP, &[("Other", 1000)]);
            (0..n).for_each(|i| {
                let of = if i + 1 == n { 2 } else { 1001 + i };
                structure(out, 1000 + i, &[("f", of)]);
            });
        };
        with(types, &content)
    };
    check(&deep(16), &expect!["byte 701: a group without a job is left out"]);
    check(&deep(17), &expect!["byte 750: values lie too deep in each other"]);
}

#[test]
fn the_first_start_takes_a_file_over_and_leaves_it_alone() {
    let (fs, clock) = (SimFs::new(1), Arc::new(SimClock::at(1_800_000_000_000)));
    let old = filled();
    let (mut bytes, starts) = file(&old);
    bytes.truncate(starts[2] + 9);
    let path = Path::new("pushgateway.data");
    stdx::fs::write_atomic(&fs, path, &bytes).unwrap();
    let ttl = Duration::from_secs(60);
    let with_file = || Options { persistence_file: Some(path.to_owned()), ttl, ..options() };
    let first = open(&fs, &clock, with_file());
    let import = first.recovery().imported.clone().unwrap();
    assert_eq!((import.file.as_path(), import.groups), (path, 2));
    assert_eq!(import.damage, [format!("byte {}: the file ends inside of a value", bytes.len())]);
    old.delete(&super::tests::key("a")).unwrap();
    assert_eq!(shown(&first), shown(&old));
    // A crash right behind the start finds the groups in the journal.
    fs.crash();
    let second = open(&fs, &clock, with_file());
    assert_eq!((second.recovery().imported.clone(), second.groups().len()), (None, 2));
    assert_eq!(stdx::fs::read_all(&fs, path, 1 << 20).unwrap(), bytes);
    clock.advance(ttl);
    assert_eq!(second.groups().len(), 0);
    assert!(fs.exists(Path::new(DIR)).unwrap());
}
