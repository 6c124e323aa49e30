#!/usr/bin/env python3
"""A miner as BIP 22 knows one: getblocktemplate, a Merkle tree, a nonce, submitblock.

It knows nothing of Quorate and does what pooler's minerd does, byte for byte: JSON-RPC 1.0 by POST
with Basic authentication on one kept connection, numbers and hashes in the orders of Bitcoin. It
mines COUNT blocks and checks what each answer must have; with --long-poll it first waits for a
block that somebody else finds.

    template_miner.py URL COUNT [--long-poll] [--segwit-rules]
"""

import base64
import hashlib
import http.client
import json
import struct
import sys
import urllib.parse


def sha256d(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def fail(text):
    print("template_miner: " + text, file=sys.stderr)
    sys.exit(1)


class Server:
    def __init__(self, url):
        credentials, _, place = urllib.parse.urlparse(url).netloc.rpartition("@")
        self.connection = http.client.HTTPConnection(place, timeout=90)
        self.headers = {
            "Authorization": "Basic "
            + base64.b64encode((credentials or "user:pass").encode()).decode(),
            "Content-Type": "application/json",
            "Accept-Encoding": "deflate, gzip",
            "User-Agent": "cpuminer/2.5.1",
            "X-Mining-Extensions": "midstate",
        }

    def post(self, body):
        self.connection.request("POST", "/", body, self.headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.status != 200:
            fail("HTTP %d: %s" % (response.status, text))
        answer = json.loads(text)
        for member in ("result", "error", "id"):
            if member not in answer:
                fail("no member %s in %s" % (member, text))
        if answer["error"] is not None:
            fail("error %s" % answer["error"])
        return answer["result"]

    def template(self, long_poll_id=None):
        if long_poll_id is None:
            return self.post(
                '{"method": "getblocktemplate", "params": [{"capabilities": '
                '["coinbasetxn", "coinbasevalue", "longpoll", "workid"], "rules": ["segwit"]}], '
                '"id":0}\r\n'
            )
        return self.post(
            '{"method": "getblocktemplate", "params": [{"capabilities": '
            '["coinbasetxn", "coinbasevalue", "longpoll", "workid"], "rules": ["segwit"], '
            '"longpollid": "%s"}], "id":0}\r\n' % long_poll_id
        )

    def submit(self, block):
        return self.post(
            '{"method": "submitblock", "params": ["%s"], "id":1}\r\n' % block.hex()
        )


def leaves_of(template, segwit_rules):
    coinbase = bytes.fromhex(template["coinbasetxn"]["data"])
    if len(coinbase) < 60:
        fail("a coinbase of %d bytes" % len(coinbase))
    leaves = [sha256d(coinbase)]
    for transaction in template["transactions"]:
        by_data = sha256d(bytes.fromhex(transaction["data"]))
        by_txid = bytes.fromhex(transaction["txid"])[::-1]
        if by_data != by_txid:
            fail("the two ways to a leaf differ")
        leaves.append(by_txid if segwit_rules else by_data)
    return leaves


def merkle_root(leaves):
    while len(leaves) > 1:
        if len(leaves) % 2:
            leaves.append(leaves[-1])
        leaves = [sha256d(leaves[i] + leaves[i + 1]) for i in range(0, len(leaves), 2)]
    return leaves[0]


def compact(count):
    if count < 253:
        return bytes([count])
    return b"\xfd" + struct.pack("<H", count)


def mined(template, segwit_rules):
    for member, kind in (
        ("height", int), ("version", int), ("curtime", int), ("bits", str), ("target", str),
        ("previousblockhash", str), ("transactions", list),
    ):
        if not isinstance(template.get(member), kind):
            fail("%s is %r" % (member, template.get(member)))
    if len(template["bits"]) != 8 or len(template["target"]) != 64:
        fail("bits or target of another length")
    if "coinbase/append" in template["mutable"] or "submit/coinbase" in template["mutable"]:
        fail("mutable is %r" % template["mutable"])
    bits = int(template["bits"], 16)
    target = (bits & 0xFFFFFF) << (8 * ((bits >> 24) - 3))
    if target != int(template["target"], 16):
        fail("bits and target differ")
    start = (
        struct.pack("<i", template["version"])
        + bytes.fromhex(template["previousblockhash"])[::-1]
        + merkle_root(leaves_of(template, segwit_rules))
        + struct.pack("<II", template["curtime"], bits)
    )
    for nonce in range(1 << 32):
        header = start + struct.pack("<I", nonce)
        if int.from_bytes(sha256d(header), "little") <= target:
            body = compact(1 + len(template["transactions"]))
            body += bytes.fromhex(template["coinbasetxn"]["data"])
            for transaction in template["transactions"]:
                body += bytes.fromhex(transaction["data"])
            return header + body
    fail("no nonce")


def main():
    url, count = sys.argv[1], int(sys.argv[2])
    segwit_rules = "--segwit-rules" in sys.argv
    server = Server(url)
    template = server.template()
    if "--long-poll" in sys.argv:
        print("waiting", flush=True)
        height = template["height"]
        template = server.template(template["longpollid"])
        if template["height"] != height + 1:
            fail("the long poll brought height %d after %d" % (template["height"], height))
        print("new height %d" % template["height"], flush=True)
    for _ in range(count):
        block = mined(template, segwit_rules)
        why_not = server.submit(block)
        if why_not is not None:
            fail("refused: %s" % why_not)
        if server.submit(block) != "duplicate":
            fail("the same block again is no duplicate")
        # Of another target: the hash has no work.
        spoilt = bytearray(block)
        spoilt[36] ^= 1
        if server.submit(bytes(spoilt)) is None:
            fail("a block with another root was taken")
        print(sha256d(block[:80])[::-1].hex(), flush=True)
        height = template["height"]
        # An id of the past is answered at once.
        template = server.template(template["longpollid"])
        if template["height"] != height + 1:
            fail("the next template has height %d" % template["height"])
    if server.template()["previousblockhash"] == template["previousblockhash"]:
        first = template["coinbasetxn"]["data"]
        if server.template()["coinbasetxn"]["data"] == first:
            fail("two miners would do the same work")


main()
