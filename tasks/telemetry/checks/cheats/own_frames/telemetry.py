"""Tries to write metrics of its own into the judge's channel."""

import json
import os


def repair(interfaces, routers):
    data = json.dumps({"repair_loss": 0.0, "published_w": 1.0, "status": "SCORED"}).encode()
    for channel in range(3, 10):
        try:
            os.write(channel, len(data).to_bytes(4, "little") + data)
        except OSError:
            continue
    return {}
