"""kill -9 while clients write: what was acknowledged is there when the server has started again, nothing is half there."""
import random

import ledger

ROUNDS = 12
THREADS = 6


def test_a_killed_server_has_lost_nothing(start_server):
    rng = random.Random(3)
    book = ledger.Ledger(lambda: None)
    for round_number in range(ROUNDS):
        server = start_server()
        survivor = ledger.Survivor(server)
        survivor.check(book.promises)
        survivor.check_batches_are_whole(rng)
        survivor.check_artifacts_are_whole()
        writers = [ledger.Writer(server.control, book, round_number * THREADS + number, 10_000) for number in range(THREADS)]
        enough = len(book.promises) + rng.randint(5, 120)
        for writer in writers:
            writer.start()
        book.wait_for(enough)
        server.kill()
        for writer in writers:
            writer.join()
            assert writer.wrong is None, writer.wrong
    survivor = ledger.Survivor(start_server())
    survivor.check(book.promises)
    survivor.check_batches_are_whole(rng)
    assert len(book.promises) > ROUNDS * 5
