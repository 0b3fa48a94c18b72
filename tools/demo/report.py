"""The ten points of the demo: what was done, the figures, whether it held."""
import json
import pathlib
import sys
import time

BOLD, GREEN, RED, DIM, PLAIN = ("\033[1m", "\033[32m", "\033[31m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("",) * 5


class Report:
    def __init__(self):
        self.points = {}
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{DIM}{time.monotonic() - self.started:6.1f} s{PLAIN}  {text}", flush=True)

    def head(self, text: str) -> None:
        print(f"\n{BOLD}{text}{PLAIN}", flush=True)

    def point(self, number: int, title: str, figures: dict, **claims: bool) -> None:
        """Claims are named yes-or-no statements about the figures; a point holds if all of them do. May be called again
        for one number: claims and figures are added."""
        point = self.points.setdefault(number, {"point": number, "title": title, "figures": {}, "claims": {}})
        point["figures"].update(figures)
        point["claims"].update({name.replace("_", " "): bool(held) for name, held in claims.items()})
        point["held"] = all(point["claims"].values())
        for name, held in claims.items():
            mark = f"{GREEN}yes{PLAIN}" if held else f"{RED}NO {PLAIN}"
            self.say(f"[{number}] {mark} {name.replace('_', ' ')}")

    def fail(self, error: Exception) -> None:
        self.failure = f"{type(error).__name__}: {error}"
        print(f"{RED}{self.failure}{PLAIN}", file=sys.stderr, flush=True)

    failure = ""

    def held(self) -> bool:
        return not self.failure and len(self.points) == 10 and all(p["held"] for p in self.points.values())

    def write(self, path: pathlib.Path) -> None:
        seconds = round(time.monotonic() - self.started, 1)
        document = {"held": self.held(), "seconds": seconds, "failure": self.failure,
                    "points": [self.points[n] for n in sorted(self.points)]}
        path.write_text(json.dumps(document, indent=2, default=str) + "\n")
        self.head(f"{sum(p['held'] for p in self.points.values())} of 10 points held, in {seconds} s; {path.name} tells more")
        for point in document["points"]:
            mark = f"{GREEN}held  {PLAIN}" if point["held"] else f"{RED}BROKEN{PLAIN}"
            print(f"  {point['point']:2}  {mark}  {point['title']}")
