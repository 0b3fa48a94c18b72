"""What a disk may hold after a power cut, from a recording of what a program did to it (recorder.c).

The disk keeps every promise of POSIX and no more: a file has at least what it had when it was last synced, a folder the
entries that it had when it was last synced. Of later writes any pieces may have arrived, of later entries those up to any
moment; a rename is seen in both folders or in neither.
"""
import os
import pathlib
import random
import struct

HEADER = struct.Struct("<IIIIQQQ")
CREATE, WRITE, TRUNCATE, SYNC, RENAME, REMOVE, MAKE_FOLDER = range(1, 8)
FOLDER = "folder"


class File:
    def __init__(self):
        self.durable = b""
        self.pending = []  # (offset, bytes) and (size, None), as they happened

    @staticmethod
    def apply(content: bytearray, at: int, data):
        if data is None:
            del content[at:]
            content.extend(bytes(at - len(content)))
        else:
            content.extend(bytes(max(0, at - len(content))))
            content[at:at + len(data)] = data

    def sync(self):
        content = bytearray(self.durable)
        for at, data in self.pending:
            self.apply(content, at, data)
        self.durable, self.pending = bytes(content), []

    def after_cut(self, rng: random.Random, piece: int, kept: float) -> bytes:
        content = bytearray(self.durable)
        for at, data in self.pending:
            if data is None:
                if rng.random() < kept:
                    self.apply(content, at, None)
                continue
            while data:
                size = min(len(data), piece - at % piece)
                if rng.random() < kept:
                    self.apply(content, at, data[:size])
                at, data = at + size, data[size:]
        return bytes(content)


class Change:
    """Entries that appear and vanish together: [(path, object or None)]. What lies below a folder that moves goes with it."""

    def __init__(self, *entries):
        self.entries, self.done = list(entries), False

    def apply(self, tree: dict):
        if not self.done:
            put(tree, self.entries)
        self.done = True


def put(tree: dict, entries):
    if len(entries) == 2 and entries[1][1] is FOLDER:
        (old, _), (new, _) = entries
        for path in [path for path in tree if path.startswith(old + "/")]:
            tree[new + path[len(old):]] = tree.pop(path)
    for path, held in entries:
        if held is None:
            tree.pop(path, None)
        else:
            tree[path] = held


class Disk:
    """Follows a recording; `rebuild` writes what the disk may hold at this moment into an empty folder."""

    def __init__(self, root):
        self.root = str(root)
        self.now = {}  # path -> File or FOLDER: what programs see
        self.durable = {}
        self.waiting = {}  # folder -> changes of its entries since it was last synced
        self.files = {}  # inode -> File

    def _change(self, *entries):
        change = Change(*entries)
        for path, held in entries:
            self.waiting.setdefault(os.path.dirname(path), []).append(change)
        put(self.now, entries)

    def follow(self, op, inode, offset, path, path2, data):
        if op == CREATE:
            self.files[inode] = File()
            self._change((path, self.files[inode]))
        elif op == MAKE_FOLDER:
            self._change((path, FOLDER))
        elif op in (WRITE, TRUNCATE):
            self.files[inode].pending.append((offset, data if op == WRITE else None))
        elif op == RENAME:
            moved = self.now[path]
            if moved is FOLDER:  # what waits below it, waits at the new place
                for folder in [folder for folder in self.waiting if (folder + "/").startswith(path + "/")]:
                    for change in self.waiting[folder]:
                        change.entries = [(path2 + at[len(path):] if at.startswith(path + "/") else at, held)
                                          for at, held in change.entries]
                    self.waiting[path2 + folder[len(path):]] = self.waiting.pop(folder)
            self._change((path, None), (path2, moved))
        elif op == REMOVE:
            self._change((path, None))
        elif self.now.get(path) is FOLDER or path == self.root:
            for change in self.waiting.pop(path, []):
                change.apply(self.durable)
        else:
            self.files[inode].sync()

    def rebuild(self, into: pathlib.Path, rng: random.Random):
        tree = dict(self.durable)
        undone = [change for changes in self.waiting.values() for change in changes]
        kept_share = rng.choice([0.0, 0.5, 1.0])
        for changes in self.waiting.values():
            for change in changes[:round(kept_share * rng.randint(0, len(changes)))] if kept_share < 1 else changes:
                change.apply(tree)
        for change in undone:
            change.done = False  # this was only a look at what may be
        piece, kept = rng.choice([512, 4096]), rng.choice([0.0, 0.3, 0.7, 1.0])
        for path in sorted(tree):
            target = into / os.path.relpath(path, self.root)
            if not target.parent.is_dir() or path.endswith("-shm"):  # its folder is lost; shared memory is made anew
                continue
            if tree[path] is FOLDER:
                target.mkdir()
            else:
                target.write_bytes(tree[path].after_cut(rng, piece, kept))


def read(log: pathlib.Path):
    """(end in the log, op, inode, offset, path, second path, bytes) of each record."""
    data = log.read_bytes()
    at = 0
    while at < len(data):
        op, first, second, _, inode, offset, size = HEADER.unpack_from(data, at)
        at += HEADER.size
        path = data[at:at + first].decode()
        path2 = data[at + first:at + first + second].decode()
        at += first + second
        body = data[at:at + size] if op == WRITE else b""
        at += len(body)
        yield at, op, inode, offset, path, path2, body
