#!/usr/bin/env python3
"""Holds a segment against the JSON lines that it was made of, by readers that are not ours.

    cargo run --release -p logs --example segment -- LINES.ndjson FOLDER
    bench/segments_foreign.py LINES.ndjson FOLDER/*.parquet

Needs pyarrow and duckdb (pip install pyarrow duckdb); says so and leaves with 0 when they are not there.
"""

import collections
import json
import sys

try:
    import duckdb
    import pyarrow.parquet as parquet
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

lines, files = sys.argv[1], sys.argv[2:]


def row(fields):
    """A row as a tuple of its fields, without those that it does not have and the system's."""
    at = fields["@timestamp"]
    if not isinstance(at, str):
        at = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
    kept = {name: value for name, value in fields.items() if value is not None and name[0] != "_"}
    return tuple(sorted((kept | {"@timestamp": at}).items()))


want = collections.Counter()
with open(lines, encoding="utf-8") as text:
    for line in text:
        want[row(json.loads(line))] += 1

have = collections.Counter()
for file in files:
    for group in parquet.ParquetFile(file).iter_batches():
        have.update(row(fields) for fields in group.to_pylist())
assert have == want, f"pyarrow: {sum((want - have).values())} rows missing, {sum((have - want).values())} strange"
print(f"pyarrow: {sum(have.values())} rows, all equal")

have = collections.Counter()
result = duckdb.execute("set timezone = 'UTC'").execute(
    "select * from read_parquet(?, union_by_name = true)", [files]
)
names = [column[0] for column in result.description]
while rows := result.fetchmany(10_000):
    have.update(row(dict(zip(names, values))) for values in rows)
assert have == want, f"duckdb: {sum((want - have).values())} rows missing, {sum((have - want).values())} strange"
print(f"duckdb: {sum(have.values())} rows, all equal")

# By the page indexes and statistics: what is left out must not be asked for.
newest = max(dict(fields)["@timestamp"] for fields in want)
count = duckdb.execute(
    """select count(*) from read_parquet(?, union_by_name = true) where "@timestamp" >= ?::timestamptz""",
    [files, newest],
).fetchone()[0]
assert count == sum(n for fields, n in want.items() if dict(fields)["@timestamp"] == newest), count
print(f"duckdb: {count} rows of the last moment, {newest}")
