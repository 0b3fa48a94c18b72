"""A server that has lived: a first version with six weeks of traffic, and a second one in its rollout."""
import importlib.util
import os
import pathlib
import shutil
import subprocess

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Two files are named conftest: the outer one by its path.
_spec = importlib.util.spec_from_file_location("fettle_conftest", ROOT / "tests/conftest.py")
_outer = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_outer)


def write_traffic(project: pathlib.Path, path: pathlib.Path) -> None:
    rows = pq.read_table(project / "data/flights/flights-sample.parquet")
    date = rows["date"]
    pq.write_table(pa.table({
        "date": date, "hour": pc.hour(date), "weekday": pc.day_of_week(date), "distance": rows["distance"],
        "origin": rows["origin"], "destination": rows["destination"],
        "late": pc.cast(pc.greater_equal(rows["delay"], 15), pa.int64())}), path)


def copy_project(folder: pathlib.Path) -> pathlib.Path:
    project = folder / "project"
    shutil.copytree(ROOT / "examples/flights", project)
    (project / "data/flights").mkdir(parents=True)
    shutil.move(project / "sample/flights-sample.parquet", project / "data/flights")
    text = (project / "fettle.yaml").read_text()
    (project / "fettle.yaml").write_text(text[:text.index("\nretrain:")])  # nothing starts by itself
    return project


@pytest.fixture(scope="session")
def lived(tmp_path_factory):
    folder = tmp_path_factory.mktemp("web")
    project = copy_project(folder)
    traffic = folder / "traffic.parquet"
    write_traffic(project, traffic)
    server = _outer.Server(folder)

    def fettle(*arguments):
        subprocess.run(["fettle", *arguments], cwd=project, check=True, timeout=240,
                       env={**os.environ, "FETTLE_SERVER": server.control})

    def replay(first, last):
        fettle("endpoint", "replay", "flights", str(traffic), "--time", "date", "--label-column", "late", "--from", first,
               "--to", last, "--predict", server.predict, "--fault",
               "distance*1.609344 where origin=ATL from=2001-05-07 to=2001-05-14")

    fettle("apply")
    fettle("pipeline", "run", "--set", "rounds=30")
    replay("2001-04-02", "2001-05-15")
    fettle("pipeline", "run", "--set", "rounds=30", "--set", "as_of=2001-05-07")
    replay("2001-05-15", "2001-05-22")
    yield server
    server.kill()
