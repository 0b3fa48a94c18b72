#!/usr/bin/env python3
"""Checks that every include of ours stays within what the module links, and prints sizes per module.

Reads modules.txt, which configuring writes (module, rank, links). A file of src/<module>/ may include headers of its
own module and of modules that it links, directly or through them; apps/fettle-serve must not reach SQL, Arrow or the
trainer. Exits 1 with one line a violation.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_]+)/', re.MULTILINE)
THIRD_PARTY = {  # a third-party library is included by one module only
    "arrow/": {"blob", "table"}, "parquet/": {"table"}, "sqlite3.h": {"sql"}, "libpq-fe.h": {"sql"},
    "yaml-cpp/": {"config"}, "boost/asio": {"http"},
    "boost/beast": {"http"}, "boost/json": {"json"}, "simdjson.h": {"serving"}, "grpcpp/": {"serving"},
    "xgboost/": {"train"}, "spdlog/": {"base"}, "openssl/evp.h": {"base"}, "sodium.h": {"auth"}, "xxhash.h": {"event"},
}
FORBIDDEN_IN_DATA_PLANE = {"sql", "table", "train", "tracking", "registry", "dataset", "pipeline", "control", "api"}


def read_modules(path):
    modules = {}
    for line in path.read_text().splitlines():
        name, rank, *links = line.split()
        modules[name] = (int(rank), links)
    return modules


def reachable(modules, name, seen=None):
    seen = set() if seen is None else seen
    for link in modules[name][1]:
        if link in modules and link not in seen:
            seen.add(link)
            reachable(modules, link, seen)
    return seen


def main():
    build = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "dev"
    modules = read_modules(build / "modules.txt")
    problems = []
    print(f"{'module':<10} {'rank':>4} {'files':>5} {'source':>7} {'tests':>6}  links")
    for name, (rank, links) in modules.items():
        files = [p for p in sorted((ROOT / "src" / name).rglob("*")) if p.suffix in (".h", ".cc")]
        lines = {p: p.read_text().count("\n") for p in files}
        tests = sum(n for p, n in lines.items() if p.stem.endswith("_test"))
        print(f"{name:<10} {rank:>4} {len(files):>5} {sum(lines.values()) - tests:>7} {tests:>6}  {' '.join(links)}")
        allowed = reachable(modules, name) | {name}
        for path in files:
            text = path.read_text()
            where = path.relative_to(ROOT)
            for target in INCLUDE.findall(text):
                if target in modules and target not in allowed:
                    problems.append(f"{where}: includes {target}/, which module {name} does not link")
            for prefix, owners in THIRD_PARTY.items():
                owned = name in owners or path.stem.endswith("_test")
                if not owned and re.search(rf'#\s*include\s+[<"]{re.escape(prefix)}', text):
                    problems.append(f"{where}: includes {prefix}, which belongs to {', '.join(sorted(owners))}")
    for bad in sorted(reachable(modules, "serving") & FORBIDDEN_IN_DATA_PLANE):
        problems.append(f"module serving reaches {bad}: the data plane links no SQL, no Arrow, no trainer")
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
