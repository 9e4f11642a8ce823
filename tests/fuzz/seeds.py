#!/usr/bin/env python3
"""Writes a first corpus: every token vector, and of the signed ones the payload as well."""

import glob
import hashlib
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
FIXTURES = os.path.join(HERE, "..", "..", "fixtures", "tokens")


def keep(target, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, hashlib.sha256(data).hexdigest()[:16]), "wb") as f:
        f.write(data)


for path in glob.glob(os.path.join(FIXTURES, "*.json")):
    with open(path, encoding="utf-8") as f:
        rows = json.load(f)
    for row in rows if isinstance(rows, list) else []:
        data = bytes.fromhex(row["hex"])
        keep("documents", data)
        keep("canonical", data)
        # Behind the empty header outside stands the payload, a byte string, then the signature.
        at = data.find(b"\xa0\x58")
        if at > 0:
            payload = data[at + 3 : at + 3 + data[at + 2]]
            keep("documents", payload)
            keep("canonical", payload)
