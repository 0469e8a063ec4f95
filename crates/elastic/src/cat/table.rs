//! Tables of texts: which columns are shown, how they are sorted and written.

use std::cmp::Ordering;

use logs::mapping::simple_match;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::rest::{Answer, Call};

/// A cell: how it is shown, and what it is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Missing,
    Text(String),
    Count(u64),
    Bytes(u64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

/// A column: its name, other names, whether it is shown unasked, and what it says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    name: &'static str,
    aliases: &'static str,
    shown: bool,
    about: &'static str,
}

/// A column that is shown.
pub(super) const fn column(
    name: &'static str,
    aliases: &'static str,
    about: &'static str,
) -> Column {
    Column { name, aliases, shown: true, about }
}

/// A column that is shown when it is asked for.
pub(super) const fn hidden(
    name: &'static str,
    aliases: &'static str,
    about: &'static str,
) -> Column {
    Column { name, aliases, shown: false, about }
}

#[derive(Debug)]
pub(super) struct Table {
    columns: &'static [Column],
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(super) fn new(columns: &'static [Column]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row: a cell for each column.
    pub(super) fn row(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        self.rows.push(cells);
    }

    /// The table as the call wants it.
    pub(super) fn answer(mut self, call: &Call<'_>) -> Result<Answer, Error> {
        if call.flag("help", false)? {
            return Ok(Answer::text(self.help()));
        }
        self.sort(call)?;
        let shown = self.shown(call)?;
        let unit = Unit::of(call)?;
        let accept = call.request.header("accept");
        let default = if accept.starts_with("application/json")
            || accept.starts_with("application/vnd.elasticsearch+json")
        {
            "json"
        } else if accept.starts_with("application/yaml") {
            "yaml"
        } else {
            "text"
        };
        match call.param("format").unwrap_or(default).to_ascii_lowercase().as_str() {
            "json" => Ok(Answer::json(self.json(&shown, unit))),
            "yaml" => Ok(Answer::text(self.yaml(&shown, unit))),
            "text" | "txt" => Ok(Answer::text(self.text(&shown, unit, call.flag("v", false)?))),
            other => Err(Error::illegal(format!(
                "unknown format [{other}]: json, yaml and text are known"
            ))),
        }
    }

    fn help(&self) -> String {
        let width = |pick: fn(&Column) -> &'static str| {
            self.columns.iter().map(|column| pick(column).len()).max().unwrap_or(0)
        };
        let (names, aliases) = (width(|c| c.name), width(|c| c.aliases));
        let line = |column: &Column| {
            format!("{:names$} | {:aliases$} | {}\n", column.name, column.aliases, column.about)
        };
        self.columns.iter().map(line).collect()
    }

    fn find(&self, name: &str) -> Option<usize> {
        let named = self.columns.iter().position(|column| column.name == name);
        named.or_else(|| {
            let has = |column: &Column| column.aliases.split(',').any(|alias| alias == name);
            self.columns.iter().position(has)
        })
    }

    fn sort(&mut self, call: &Call<'_>) -> Result<(), Error> {
        let mut keys = Vec::new();
        for key in call.params.list("s").unwrap_or_default() {
            let (name, order) = key.split_once(':').unwrap_or((key, "asc"));
            let at = self.find(name).ok_or_else(|| {
                let reason = format!("Unable to sort by unknown sort key `{name}`");
                Error::new(400, "unsupported_operation_exception", reason)
            })?;
            keys.push((at, order == "desc"));
        }
        self.rows.sort_by(|a, b| {
            keys.iter().fold(Ordering::Equal, |found, (at, descending)| {
                let order = compare(&a[*at], &b[*at]);
                found.then(if *descending { order.reverse() } else { order })
            })
        });
        Ok(())
    }

    /// The columns that are shown, each with the name that it was asked for by.
    fn shown(&self, call: &Call<'_>) -> Result<Vec<(usize, String)>, Error> {
        let stamps = call.flag("ts", true)?;
        let Some(names) = call.params.list("h") else {
            let all = self.columns.iter().enumerate().filter(|(_, column)| {
                column.shown && (stamps || !matches!(column.name, "epoch" | "timestamp"))
            });
            return Ok(all.map(|(at, column)| (at, column.name.to_owned())).collect());
        };
        let mut shown = Vec::new();
        for name in names {
            if name.contains('*') {
                let fitting = self.columns.iter().enumerate();
                let fitting = fitting.filter(|(_, column)| simple_match(name, column.name));
                shown.extend(fitting.map(|(at, column)| (at, column.name.to_owned())));
            } else if let Some(at) = self.find(name) {
                shown.push((at, name.to_owned()));
            }
        }
        Ok(shown)
    }

    fn json(&self, shown: &[(usize, String)], unit: Unit) -> Value {
        let row = |row: &Vec<Cell>| {
            let cells = shown.iter().map(|(at, name)| {
                let missing = row[*at] == Cell::Missing;
                let value = if missing { Value::Null } else { unit.text(&row[*at]).into() };
                (name.clone(), value)
            });
            Value::Object(cells.collect::<Map<String, Value>>())
        };
        Value::Array(self.rows.iter().map(row).collect())
    }

    fn yaml(&self, shown: &[(usize, String)], unit: Unit) -> String {
        let mut out = "---\n".to_owned();
        for row in &self.rows {
            for (i, (at, name)) in shown.iter().enumerate() {
                let lead = if i == 0 { "- " } else { "  " };
                let value = Value::from(unit.text(&row[*at]));
                out.push_str(&format!("{lead}{name}: {value}\n"));
            }
        }
        out
    }

    fn text(&self, shown: &[(usize, String)], unit: Unit, head: bool) -> String {
        let mut lines: Vec<Vec<(String, bool)>> = Vec::new();
        if head {
            lines.push(shown.iter().map(|(_, name)| (name.clone(), false)).collect());
        }
        for row in &self.rows {
            let cells = shown.iter().map(|(at, _)| {
                let right = matches!(row[*at], Cell::Count(_) | Cell::Bytes(_));
                (unit.text(&row[*at]), right)
            });
            lines.push(cells.collect());
        }
        let width =
            |at: usize| lines.iter().map(|line| line[at].0.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..shown.len()).map(width).collect();
        let mut out = String::new();
        for line in &lines {
            for (at, (text, right)) in line.iter().enumerate() {
                let width = widths[at];
                if at > 0 {
                    out.push(' ');
                }
                if *right {
                    out.push_str(&format!("{text:>width$}"));
                } else if at + 1 == line.len() {
                    out.push_str(text);
                } else {
                    out.push_str(&format!("{text:<width$}"));
                }
            }
            out.push('\n');
        }
        out
    }
}

fn compare(a: &Cell, b: &Cell) -> Ordering {
    let rank = |cell: &Cell| match cell {
        Cell::Missing => 0,
        Cell::Count(_) | Cell::Bytes(_) => 1,
        Cell::Text(_) => 2,
    };
    let number = |cell: &Cell| match cell {
        Cell::Count(number) | Cell::Bytes(number) => *number,
        Cell::Missing | Cell::Text(_) => 0,
    };
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        (a, b) => rank(a).cmp(&rank(b)).then(number(a).cmp(&number(b))),
    }
}

/// How bytes are written: in a unit, or with the one that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unit(Option<u64>);

impl Unit {
    fn of(call: &Call<'_>) -> Result<Self, Error> {
        let Some(name) = call.param("bytes") else { return Ok(Self(None)) };
        let power = match name {
            "b" => 0,
            "k" | "kb" => 10,
            "m" | "mb" => 20,
            "g" | "gb" => 30,
            "t" | "tb" => 40,
            "p" | "pb" => 50,
            other => return Err(Error::illegal(format!("unknown unit of bytes [{other}]"))),
        };
        Ok(Self(Some(1 << power)))
    }

    fn text(self, cell: &Cell) -> String {
        match cell {
            Cell::Missing => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Bytes(bytes) => {
                self.0.map_or_else(|| size(*bytes), |unit| (bytes / unit).to_string())
            }
        }
    }
}

/// `283b`, `1.2kb`, `64mb`
fn size(bytes: u64) -> String {
    let units = [("pb", 50), ("tb", 40), ("gb", 30), ("mb", 20), ("kb", 10)];
    let Some((name, power)) = units.into_iter().find(|(_, power)| bytes >> power > 0) else {
        return format!("{bytes}b");
    };
    let tenths = (u128::from(bytes) * 10) >> power;
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole}{name}"),
        (whole, tenth) => format!("{whole}.{tenth}{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, want) in
            [(0, "0b"), (1023, "1023b"), (1024, "1kb"), (1_300, "1.2kb"), (u64::MAX, "16383.9pb")]
        {
            assert_eq!(size(bytes), want);
        }
    }
}
