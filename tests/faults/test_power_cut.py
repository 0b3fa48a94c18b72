"""Power cuts: a server's writes are recorded, and at many moments the disk that may be left is given to a new server, which must
have all that was acknowledged before, nothing half, and must need no repair."""
import pathlib
import random
import subprocess

import pytest

import ledger
import power_cut

THREADS = 4
STEPS = 60  # writes of each thread
CUTS = 60


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    source = pathlib.Path(__file__).with_name("recorder.c")
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


class Recorded:
    """A server whose writes below `disk` are recorded in `log`."""

    def __init__(self, server_class, recorder, folder, monkeypatch):
        self.disk, self.log = folder / "disk", folder / "log"
        self.disk.mkdir()
        with monkeypatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(recorder))
            patch.setenv("RECORD_ROOT", str(self.disk))
            patch.setenv("RECORD_LOG", str(self.log))
            self.server = server_class(self.disk)
        self.book = ledger.Ledger(lambda: self.log.stat().st_size)  # a moment is where the log ended then


def cuts(recorded: Recorded, rng: random.Random, count: int):
    """(moment, disk as it was then), at moments all over the recording, most of them just after something was promised."""
    ends = [end for end, *_ in power_cut.read(recorded.log)]
    promised = [at for at, _ in recorded.book.promises]
    moments = sorted(rng.sample(promised, min(len(promised), count * 2 // 3)) + rng.sample(ends, min(len(ends), count // 3)))
    disk = power_cut.Disk(recorded.disk)
    for end, *record in power_cut.read(recorded.log):
        while moments and moments[0] < end:
            yield moments.pop(0), disk
        disk.follow(*record)
    for moment in moments:
        yield moment, disk


def test_after_a_power_cut_all_that_was_acknowledged_is_there(server_class, recorder, tmp_path, monkeypatch):
    recorded = Recorded(server_class, recorder, tmp_path, monkeypatch)
    writers = [ledger.Writer(recorded.server.control, recorded.book, number, STEPS) for number in range(THREADS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.wrong is None, writer.wrong
    recorded.server.kill()
    assert len(recorded.book.promises) >= THREADS * STEPS
    rng = random.Random(7)
    for number, (moment, disk) in enumerate(cuts(recorded, rng, CUTS)):
        folder = tmp_path / f"cut {number}"
        folder.mkdir()
        disk.rebuild(folder, rng)
        server = server_class(folder)
        try:
            survivor = ledger.Survivor(server)
            survivor.check(recorded.book.promises, moment)
            survivor.check_batches_are_whole(rng)
            survivor.check_artifacts_are_whole()
        finally:
            server.kill()
        subprocess.run(["rm", "-r", folder], check=True)


def test_after_a_power_cut_all_outcomes_that_were_acknowledged_are_there(server_class, recorder, tmp_path, monkeypatch, rest, models,
                                                                         flights):
    recorded = Recorded(server_class, recorder, tmp_path, monkeypatch)
    api = rest(recorded.server)
    api.place(models / "first", 1)
    recorded.book.promise(0)
    frame = flights(5, seed=4).assign(origin=lambda f: f["origin"].astype(str))
    for number in range(1, STEPS // 2):
        assert api.infer(frame, f"r{number}", time_ms=986169600000).status_code == 200
        answer = api.outcomes([f"r{number}:{row}" for row in range(5)], [number % 2] * 5)
        assert answer.status_code == 200, answer.text
        recorded.book.promise(5 * number)
    recorded.server.kill()
    rng = random.Random(11)
    for number, (moment, disk) in enumerate(cuts(recorded, rng, CUTS // 3)):
        folder = tmp_path / f"cut {number}"
        folder.mkdir()
        disk.rebuild(folder, rng)
        server = server_class(folder)
        try:
            promised = max((what for at, (what,) in recorded.book.promises if at <= moment), default=None)
            if promised is not None:
                again = rest(server)
                again.post("/settle")
                assert again.get("/endpoints/flights")["outcomes"] >= promised, (number, moment)
                again.get(f"/predictions/r{promised // 5}:4" if promised else "/endpoints/flights")
        finally:
            server.kill()
        subprocess.run(["rm", "-r", folder], check=True)
