"""Fixtures: bundles sent to a real server over its REST API, as the tests of the loop have them."""
import importlib.util
import pathlib

# Two files are named conftest: the loop's by its path.
_path = pathlib.Path(__file__).resolve().parent.parent / "loop/conftest.py"
_spec = importlib.util.spec_from_file_location("fettle_loop_conftest", _path)
_loop = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_loop)

models, rest, flights = _loop.models, _loop.rest, _loop.flights
