#!/usr/bin/env python3
"""Writes a first corpus: every token vector, and of the signed ones the payload as well; bundle files and frames."""

import glob
import hashlib
import json
import os
import tomllib

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
        wide = data.find(b"\xa0\x59")
        if at > 0 or wide > 0:
            payload = data[at + 3 : at + 3 + data[at + 2]]
            if wide > 0 and (at < 0 or wide < at):
                payload = data[wide + 4 : wide + 4 + int.from_bytes(data[wide + 2 : wide + 4], "big")]
            keep("documents", payload)
            keep("canonical", payload)

for path in glob.glob(os.path.join(FIXTURES, "..", "bundles", "*.toml")):
    with open(path, "rb") as f:
        keep("files", f.read())
keep("files", b"04090B01 = 100000\n04090B02 = 05\n")
keep("files", b"Meter No.,Customer,Last reading (kWh)\n47,Wang,10.5\n")
for path in glob.glob(os.path.join(FIXTURES, "..", "frames", "dlt645", "*.toml")):
    with open(path, "rb") as f:
        for row in tomllib.load(f).get("frame", []):
            if isinstance(row.get("hex"), str):
                keep("answers", b"\x07" + bytes.fromhex("".join(row["hex"].split())))
