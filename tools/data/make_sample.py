#!/usr/bin/env python3
"""Writes examples/flights/sample/flights-sample.parquet: every 14th row of the 3 million flights, all columns.

Usage: make_sample.py [SOURCE [TARGET]]. The same source and pyarrow give the same bytes. The source comes by
`npm ci` in this folder (./run does it): the public-domain flights-3m.parquet of vega-datasets.
"""
import pathlib
import sys

import pyarrow
import pyarrow.compute
import pyarrow.parquet

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "tools/data/node_modules/vega-datasets/data/flights-3m.parquet"
TARGET = ROOT / "examples/flights/sample/flights-sample.parquet"
EVERY = 14
LIMIT_BYTES = 1_000_000


def sample(table: pyarrow.Table) -> pyarrow.Table:
    rows = table.take(pyarrow.array(range(0, table.num_rows, EVERY)))
    for name in ("origin", "destination"):  # plain texts, as in the source
        rows = rows.set_column(rows.schema.get_field_index(name), name, rows[name].cast(pyarrow.string()))
    return rows


def main() -> int:
    source = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else TARGET
    rows = sample(pyarrow.parquet.read_table(source))
    target.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(rows, target, compression="zstd", compression_level=19, row_group_size=65_536,
                                use_dictionary=["delay", "distance", "origin", "destination"],
                                column_encoding={"date": "DELTA_BINARY_PACKED"}, write_page_checksum=True)
    size = target.stat().st_size
    print(f"{target}: {rows.num_rows:,} rows, {size:,} bytes")
    if size > LIMIT_BYTES:
        print(f"make_sample.py: more than {LIMIT_BYTES:,} bytes; raise EVERY", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
