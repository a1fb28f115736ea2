"""Prepares a folder's images in small shards; says when it starts, and the processes that it has started."""

import multiprocessing
import sys
import threading
import time
from pathlib import Path

from steadygan.data.sources.folder import FolderSource
from steadygan.data.sources.pixels import View
from steadygan.data.storage import preparing


def tell():
    while len(children := multiprocessing.active_children()) < int(sys.argv[2]):
        time.sleep(0.02)
    print(*(child.pid for child in children), flush=True)


if __name__ == "__main__":
    preparing.SHARD_BYTES = 8 * 3 * 64 * 64
    if int(sys.argv[2]) > 1:
        threading.Thread(target=tell, daemon=True).start()
    else:
        print("begun", flush=True)
    preparing.prepared(FolderSource(Path(sys.argv[1])), "train", View(64), int(sys.argv[2]), "refuse")
