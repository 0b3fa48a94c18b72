"""All that an MLflow server holds, read over its REST API, with names for ids and without times: to compare two servers."""
import json
import re

import requests

ALL = 1000  # more than any of these tests makes


class Reader:
    def __init__(self, url):
        self.url, self.session, self.names = url, requests.Session(), {}

    def get(self, route, **query):
        answer = self.session.get(f"{self.url}/api/2.0/mlflow/{route}", params=query, timeout=60)
        assert answer.status_code == 200, (route, query, answer.text)
        return answer.json()

    def post(self, route, **body):
        answer = self.session.post(f"{self.url}/api/2.0/mlflow/{route}", json=body, timeout=60)
        assert answer.status_code == 200, (route, body, answer.text)
        return answer.json()

    def named(self, text: str) -> str:
        """Ids by name; whatever else differs from time to time by its kind."""
        for one, name in self.names.items():
            text = text.replace(one, name)
        text = re.sub(r"\bm-[0-9a-f]{32}\b|\b[0-9a-f]{32}\b", "<id>", text)
        text = re.sub(r"mlflow-artifacts:/\d+/", "mlflow-artifacts:/<experiment>/", text)
        text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", "<time>", text)
        return re.sub(r'("(?:model_size_bytes|training_.*_time|registered_at)": )\d+', r"\1<number>", text)

    def pairs(self, holder, key):
        return {p["key"]: self.named(p.get("value", "")) for p in holder.get(key, [])}

    def files(self, run, path=None):
        found = []
        for file in self.get("artifacts/list", run_id=run, **({"path": path} if path else {})).get("files", []):
            found += self.files(run, file["path"]) if file["is_dir"] else [file["path"]]
        return sorted(found)

    def run(self, run):
        info, data, inputs = run["info"], run["data"], run.get("inputs", {})
        keys = [m["key"] for m in data.get("metrics", [])]
        history = {key: self.get("metrics/get-history", run_id=info["run_id"], metric_key=key, max_results=25000)["metrics"]
                   for key in keys}
        return {
            "info": {key: info.get(key) for key in ("status", "lifecycle_stage", "user_id")} | {"uri": self.named(info["artifact_uri"])},
            "params": self.pairs(data, "params"), "tags": self.pairs(data, "tags"),
            "metrics": {m["key"]: (m["value"], m["step"]) for m in data.get("metrics", [])},
            "history": {key: [(m["step"], m["value"]) for m in points] for key, points in history.items()},
            "inputs": sorted((d["dataset"]["name"], d["dataset"]["digest"], d["dataset"]["source_type"], d["dataset"]["source"],
                              d["dataset"].get("schema"), d["dataset"].get("profile"), json.dumps(d.get("tags")))
                             for d in inputs.get("dataset_inputs", [])),
            "models": [self.named(m["model_id"]) for m in run.get("outputs", {}).get("model_outputs", [])],
            "files": self.files(info["run_id"])}

    def experiment(self, experiment):
        number = experiment["experiment_id"]
        runs = self.post("runs/search", experiment_ids=[number], max_results=ALL, run_view_type="ALL").get("runs", [])
        models = self.post("logged-models/search", experiment_ids=[number]).get("models", [])
        assert len({r["info"]["run_name"] for r in runs}) == len(runs), "the runs of an experiment have names of their own"
        self.names.update({r["info"]["run_id"]: f"<{r['info']['run_name']}>" for r in runs})
        return {"stage": experiment["lifecycle_stage"], "tags": self.pairs(experiment, "tags"),
                "runs": {r["info"]["run_name"]: self.run(r) for r in runs},
                "models": sorted(([self.model(m) for m in models]), key=json.dumps)}

    def model(self, model):
        info, data = model["info"], model.get("data", {})
        return {"name": info["name"], "status": info["status"], "type": info.get("model_type"), "tags": self.pairs(info, "tags"),
                "run": self.named(info.get("source_run_id", "")), "uri": self.named(info["artifact_uri"]),
                "params": self.pairs(data, "params"),
                "metrics": sorted((m["key"], m["value"], m.get("dataset_name", "")) for m in data.get("metrics", []))}

    def version(self, version):
        kept = {key: version.get(key) for key in ("version", "current_stage", "status", "description", "run_link")}
        return kept | {"tags": self.pairs(version, "tags"), "source": self.named(version["source"]),
                       "run": self.named(version.get("run_id", ""))}

    def registered(self, model):
        versions = self.get("model-versions/search", filter=f"name = '{model['name']}'").get("model_versions", [])
        return {"description": model.get("description"), "tags": self.pairs(model, "tags"),
                "aliases": {a["alias"]: a["version"] for a in model.get("aliases", [])},
                "versions": [self.version(v) for v in versions], "latest": [v["version"] for v in model.get("latest_versions", [])]}


def contents(url, team):
    """What a server keeps of one team (see workflow.py)."""
    reader = Reader(url)
    experiments = reader.post("experiments/search", max_results=ALL, view_type="ALL", filter=f"name LIKE '{team}/%'")["experiments"]
    models = reader.get("registered-models/search", max_results=ALL, filter=f"name LIKE '{team} %'")["registered_models"]
    return {"experiments": {e["name"]: reader.experiment(e) for e in experiments},
            "registered": {m["name"]: reader.registered(m) for m in models}}
