//! Names that were perhaps meant.

/// `did you mean [x]?`, when one or several of `known` are near; names are alike when less than half of the longer one's letters have to be changed.
pub(crate) fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|have| {
            let longest = name.chars().count().max(have.chars().count());
            let distance = distance(name, have);
            (2 * distance < longest).then(|| (distance * 1_000 / longest, have))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    match near.as_slice() {
        [] => None,
        [(_, one)] => Some(format!("did you mean [{one}]?")),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, name)| *name).collect();
            Some(format!("did you mean any of [{}]?", names.join(", ")))
        }
    }
}

/// How many letters have to be changed, added or removed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(100).enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (above + 1).min(row[j] + 1).min(before + usize::from(x != *y));
            before = above;
        }
    }
    row[b.len()]
}
