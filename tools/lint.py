#!/usr/bin/env python3
"""Style checks that the compiler does not make: file sizes, [[nodiscard]] on fallible functions, header hygiene."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEAVY = ("chrono", "filesystem", "regex", "thread", "iostream")
MAX_LINES = {".h": 300, ".cc": 600}
FALLIBLE = re.compile(r"^\s*(?:static |virtual |inline |friend )*(?:fettle::)?Result<[^;{}]*>\s+\w+\(", re.MULTILINE)


def check(path, text):
    name = path.relative_to(ROOT)
    lines = text.splitlines()
    if len(lines) > MAX_LINES[path.suffix]:
        yield f"{name}: {len(lines)} lines; split it (at most {MAX_LINES[path.suffix]})"
    for number, line in enumerate(lines, 1):
        if len(line) > 120:
            yield f"{name}:{number}: longer than 120 columns"
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield f"{name}:{number}: an unfinished note; finish it or file it"
        if "NOLINT" in line:
            yield f"{name}:{number}: NOLINT hides a finding; mend it"
    if path.suffix == ".h":
        if not text.startswith("//"):
            yield f"{name}: the first line says what the file is for"
        if "#pragma once" not in text and not path.stem.endswith("-inl"):  # those are read once a kind of processor
            yield f"{name}: no #pragma once"
        for header in HEAVY:
            if re.search(rf"#\s*include\s+<{header}>", text):
                yield f"{name}: <{header}> costs too much to compile in a header; use it in sources only"
        for match in FALLIBLE.finditer(text):
            yield f"{name}:{text.count(chr(10), 0, match.end()) + 1}: a function that returns Result needs [[nodiscard]]"


def main():
    listed = subprocess.run(["git", "ls-files", "src", "apps", "bench", "fuzz"], cwd=ROOT, capture_output=True, text=True, check=True)
    problems = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in MAX_LINES and path.exists():
            problems.extend(check(path, path.read_text()))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
