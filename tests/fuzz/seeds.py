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


def cbor(value):
    """The one encoding of whole numbers, bytes, texts and maps of them."""
    def head(major, n):
        for info, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
            if n < 24:
                return bytes([major << 5 | n])
            if n < 1 << 8 * width:
                return bytes([major << 5 | info]) + n.to_bytes(width, "big")
        raise ValueError(n)

    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value)) + value.encode()
    pairs = [cbor(key) + cbor(one) for key, one in sorted(value.items())]
    return head(5, len(pairs)) + b"".join(pairs)


# A record of each kind (docs/store-format.md), a request of each kind (docs/sync.md): the shell, with
# next to nothing in it. What belongs there the fuzzer finds.
FEW = ({}, {1: 1}, {1: bytes(16), 2: 1}, {1: "x", 2: "y", 3: 1}, {1: bytes(32), 2: "x", 3: {}})
for kind in range(1, 40):
    for inner in FEW:
        record = {0: 2, 1: 1, 2: 1_767_225_600, 3: 5, 4: "op", 5: kind, 6: inner}
        keep("records", cbor(record))
        keep("wire", cbor(record))
for kind in range(1, 9):
    for inner in FEW:
        keep("wire", cbor({1: 1, 2: kind, 3: "hh-1", 4: bytes(16), 5: 1_767_225_600, 6: inner}))
