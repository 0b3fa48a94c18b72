"""The same plain requests to MLflow's server and to Fettle: status, error code and body of every answer are the same, but for ids
and times. What is meant to differ is in docs/reference/mlflow.md and not among these requests.

A line of same_answers.jsonl is one request: `call`, `query` or `body` (or `raw` bytes and `headers`), and names for what its answer
holds (`save`), which later requests use as $name. "@x*300@" is 300 times x.

Both servers are empty at first: this file comes before the others that use MLflow's.
"""
import json
import pathlib
import re

import pytest
import requests

STEPS = [json.loads(line) for line in pathlib.Path(__file__).with_name("same_answers.jsonl").read_text().splitlines()]
LONG = re.compile(r"@(.)\*(\d+)@")
LEFT_OUT = ("workspace", "sqlstate", "error_class", "outputs")  # MLflow's newer servers only; outputs not in every answer


class Side:
    def __init__(self, url):
        self.url, self.names, self.session = url, {}, requests.Session()

    def fill(self, value):
        if isinstance(value, str):
            value = LONG.sub(lambda found: found[1] * int(found[2]), value)
            return re.sub(r"\$(\w+)", lambda found: self.names.get(found[1], found[0]), value)
        if isinstance(value, dict):
            return {self.fill(key): self.fill(inner) for key, inner in value.items()}
        return [self.fill(inner) for inner in value] if isinstance(value, list) else value

    def send(self, step):
        method, path = self.fill(step["call"]).split(" ", 1)
        body, raw = step.get("body"), step.get("raw")
        data = self.fill(raw).encode("latin1") if raw is not None else None if body is None else json.dumps(self.fill(body))
        headers = step.get("headers", {"Content-Type": "application/json"} if data is not None else {})
        return self.session.request(method, self.url + (path if path.startswith("/") else f"/api/2.0/mlflow/{path}"),
                                    params=self.fill(step.get("query")), data=data, headers=headers, timeout=60)

    def seen(self, step):
        """(status, what is comparable of the body)"""
        answer = self.send(step)
        self.ordered = "order_by" in json.dumps(step)
        try:
            body = answer.json()
        except ValueError:
            return answer.status_code, answer.text if answer.status_code == 200 else None
        for name, path in step.get("save", {}).items():
            found = body
            for key in path.split("."):
                found = found[key]
            self.names[name] = found
        if answer.status_code != 200:
            return answer.status_code, body.get("error_code")
        return 200, self.plain(body)

    def plain(self, value, key=""):
        if isinstance(value, dict):
            return {key: self.plain(inner, key) for key, inner in value.items() if key not in LEFT_OUT}
        if isinstance(value, list):
            items = [self.plain(inner) for inner in value]
            pairs = items and all(isinstance(item, dict) and "key" in item for item in items)
            # No order is promised of tags, params, metrics and stages, nor of what was made in one millisecond.
            unordered = pairs or key == "latest_versions" or key == "experiments" and not self.ordered
            return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if unordered else items
        if isinstance(value, int) and value > 1_600_000_000_000 or key in ("experiment_id", "next_page_token"):
            return f"<{key}>"
        if isinstance(value, str):
            for name, found in self.names.items():
                value = value.replace(found, f"<{name}>") if len(found) > 6 else value
            value = re.sub(r"mlflow-artifacts:/\d+", "mlflow-artifacts:/<experiment>", value)
            value = re.sub(r"\b(m-)?[0-9a-f]{32}\b", "<id>", value)
            return re.sub(r"^[a-z]+-[a-z]+-\d+$", "<made up>", value)
        return value


@pytest.mark.parametrize("part", ["experiments", "runs", "models"])
def test_answers_are_the_same(start_server, mlflow_server, part):
    ours, theirs = Side(start_server().control), Side(mlflow_server)
    for number, step in enumerate(step for step in STEPS if step["part"] == part):
        mine, other = ours.seen(step), theirs.seen(step)
        assert mine == other, f"request {number}, {step}: {json.dumps(mine)[:3000]} but MLflow {json.dumps(other)[:3000]}"
