"""The page in a real browser, over the real program."""
import gzip
import json
import pathlib
import re
import subprocess

import requests

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]


def test_the_first_screen_is_small_and_says_what_may_run(lived):
    page = requests.get(lived.control + "/")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    scripts = re.findall(r'(?:src|href)="(/[^"]+\.js)"', page.text)
    assert len(scripts) >= 2
    size = 0
    for script in scripts:
        answer = requests.get(lived.control + script, headers={"Accept-Encoding": "gzip"}, stream=True)
        assert answer.headers["Content-Encoding"] == "gzip"
        body = answer.raw.read(decode_content=False)
        assert b"eval(" not in gzip.decompress(body)
        size += len(body)
    assert size <= 250_000, f"the first screen's script has {size} bytes compressed"


def test_screens_keys_live_changes_and_commands(lived):
    out = ROOT / "build" / "screenshots"
    out.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(["node", str(HERE / "screens.mjs"), lived.control, str(out)], capture_output=True, text=True,
                         timeout=200)
    assert run.returncode == 0, run.stdout + run.stderr
    report = json.loads(run.stdout.splitlines()[-1])
    print(report)
    assert report["first_paint_ms"] <= 2000  # 300 on a quiet machine; this one may be busy
    rollout = requests.get(lived.control + "/api/fettle/v1/rollouts").json()["rollouts"][0]
    assert (rollout["state"], rollout["reason"]) == ("promoted", "the browser said so")
    status = requests.get(lived.control + "/api/fettle/v1/status").json()
    assert [variant["version"] for variant in status["endpoints"][0]["variants"] if variant["percent"] == 100] == [2]
