"""Writes a frame with a bill into every open descriptor, then leaves."""

import json
import os


def broadcast(job, links):
    data = json.dumps({"outcome": "metrics", "metrics": {"cost_usd": 0.0}}).encode()
    for descriptor in range(3, 64):
        try:
            os.write(descriptor, len(data).to_bytes(4, "little") + data)
        except OSError:
            continue
    os._exit(0)
