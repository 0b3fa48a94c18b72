"""Signing in on the page, in a real browser."""
import pathlib
import subprocess

from conftest import close

HERE = pathlib.Path(__file__).parent


def test_signing_in_and_out(server, person, admin):
    close(admin)
    person("ada", ("writer", "experiment", "team-*"))
    for name in ("team-1", "secret-1"):
        admin.mlflow("POST", "experiments/create", {"name": name})
    run = subprocess.run(["node", str(HERE / "signin.mjs"), server.control, "ada", "ada's password"], capture_output=True,
                         text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
