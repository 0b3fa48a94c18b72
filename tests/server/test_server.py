"""The server as a program: start, answers, exposure, faults, stop."""
import shutil
import subprocess

import pytest
import requests


def fettle(*arguments):
    return subprocess.run(["fettle", *arguments], capture_output=True, text=True, timeout=30)


def test_it_links_no_arrow_and_no_trainer():
    linked = subprocess.run(["ldd", shutil.which("fettle-server")], capture_output=True, text=True, check=True).stdout
    assert "libsqlite3" in linked
    for library in ("arrow", "parquet", "xgboost"):
        assert library not in linked


def test_both_listeners_answer_and_stop_cleanly(start_server):
    server = start_server()
    for url in (server.control, server.predict):
        assert requests.get(url + "/health").text == "OK"
        metrics = requests.get(url + "/metrics")
        assert metrics.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "# TYPE fettle_http_requests_total counter" in metrics.text
        assert requests.get(url + "/v2/nowhere").status_code == 404
    assert server.stop() == 0


def test_a_killed_server_starts_again_on_its_data(start_server):
    start_server().kill()
    assert requests.get(start_server().control + "/health").ok


def test_one_data_folder_has_one_server(start_server):
    server = start_server()
    second = fettle("server", "--data", str(server.data), "--control", "127.0.0.1:0", "--predict", "127.0.0.1:0")
    assert second.returncode == 5
    assert "locked by another process" in second.stderr


def test_a_port_in_use_is_named(start_server, tmp_path):
    address = start_server().control.removeprefix("http://")
    second = fettle("server", "--data", str(tmp_path / "other"), "--control", address, "--predict", "127.0.0.1:0")
    assert second.returncode == 10
    assert f"({address})" in second.stderr and "is in use" in second.stderr


def test_it_refuses_to_listen_beyond_this_machine(tmp_path):
    refused = fettle("server", "--data", str(tmp_path / "data"), "--control", "0.0.0.0:0")
    assert refused.returncode == 5
    assert "--allow-unauthenticated" in refused.stderr


def test_a_damaged_database_is_said_and_left_alone(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "fettle.db").write_text("this was never a database, it only pretends to be one" * 20)
    refused = fettle("server", "--data", str(data), "--control", "127.0.0.1:0", "--predict", "127.0.0.1:0")
    assert refused.returncode == 12
    assert "restore it from a backup" in refused.stderr
    assert (data / "fettle.db").read_text().startswith("this was never")


def test_version_and_wrong_usage():
    assert fettle("--version").stdout.startswith("fettle 0.")
    assert fettle("sever").returncode == 2


@pytest.mark.parametrize("words, said", [(["rum", "list"], "there is no 'fettle rum' (did you mean 'run'?)"),
                                         (["run", "lst"], "there is no 'fettle run lst' (did you mean 'list'?); there are: "),
                                         (["sprocket"], "there is no 'fettle sprocket'; there are: ")])
def test_a_word_that_is_no_verb_is_named(words, said):
    told = subprocess.run(["fettle", *words], capture_output=True, text=True)
    assert told.returncode == 2 and said in told.stderr
