"""Fixtures: bundles sent to a real server over its REST API."""
import json
import pathlib
import sys

import pytest
import requests

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "serving"))
import bundles  # noqa: E402

API = "/api/fettle/v1"


class Rest:
    def __init__(self, server):
        self.server = server
        self.session = requests.Session()

    def get(self, path, status=200):
        return self._check(self.session.get(self.server.control + API + path, timeout=30), status)

    def post(self, path, body=None, status=200):
        return self._check(self.session.post(self.server.control + API + path, json=body, timeout=60), status)

    def put(self, path, body, status=200):
        return self._check(self.session.put(self.server.control + API + path, json=body, timeout=30), status)

    @staticmethod
    def _check(answer, status):
        assert answer.status_code == status, answer.text
        return answer.json()

    def push(self, folder: pathlib.Path) -> str:
        """Stores a bundle; its digest."""
        manifest = (folder / "bundle.json").read_bytes()
        for file in json.loads(manifest)["files"]:
            sent = self.session.put(f"{self.server.control}{API}/blobs/{file['digest']}",
                                    data=(folder / file["path"]).read_bytes(), timeout=30)
            assert sent.status_code == 200, sent.text
        sent = self.session.post(f"{self.server.control}{API}/bundles", data=manifest, timeout=30)
        assert sent.status_code == 200, sent.text
        return sent.json()["digest"]

    def place(self, folder: pathlib.Path, version: int, endpoint="flights", status=200):
        return self.post("/versions", {"model": "flights", "version": version, "bundle": self.push(folder),
                                       "endpoint": endpoint, "created_by": "test"}, status)

    def infer(self, frame, request_id: str, time_ms=None, unit=None):
        parameters = {key: value for key, value in (("time_ms", time_ms), ("unit", unit)) if value is not None}
        inputs = [{"name": "hour", "datatype": "INT64", "shape": [len(frame)], "data": frame["hour"].tolist()},
                  {"name": "distance", "datatype": "FP32", "shape": [len(frame)], "data": frame["distance"].tolist()},
                  {"name": "origin", "datatype": "BYTES", "shape": [len(frame)], "data": frame["origin"].tolist()}]
        return self.session.post(f"{self.server.predict}/v2/models/flights/infer", timeout=30,
                                 json={"id": request_id, "parameters": parameters, "inputs": inputs})

    def outcomes(self, ids, labels, time_ms=0):
        return self.session.post(f"{self.server.predict}/v2/outcomes", timeout=30,
                                 json={"ids": ids, "labels": labels, "time_ms": time_ms})


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Folders of two good bundles, one whose model knows nothing and one whose model answers Infinity."""
    folder = tmp_path_factory.mktemp("bundles")
    bundles.make(folder / "first", bundles.train(seed=1))
    bundles.make(folder / "second", bundles.train(seed=2))
    wrong = bundles.train(seed=1)
    wrong.get_booster().set_attr(note="wrong")
    frame = bundles.flights(2000, 3)
    frame["late"] = 1 - frame["late"]
    wrong.fit(frame.drop(columns="late"), frame["late"])
    bundles.make(folder / "wrong", wrong)
    bundles.make_endless(folder / "endless")
    return folder


@pytest.fixture
def rest():
    return Rest


@pytest.fixture
def flights():
    return bundles.flights
