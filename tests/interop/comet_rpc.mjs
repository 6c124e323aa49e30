// Uses a running node as CometBFT's users would, with the npm package @cosmjs/tendermint-rpc as it is,
// and sends it a transaction that is encoded by @mysten/bcs and signed by @noble/curves: none of our code.
// Run by comet_rpc_test.sh; argument: the URL of a node whose network takes transactions from anyone.

import { strict as assert } from 'node:assert';
import { ed25519 } from '@noble/curves/ed25519.js';
import { Comet1Client, Comet38Client, connectComet } from '@cosmjs/tendermint-rpc';
import { fromHex, toHex } from '@mysten/bcs';
import { signedTransaction, transaction } from './schemas.mjs';

const url = process.argv[2];
const text = (string) => Buffer.from(string, 'utf8');
const upper = (bytes) => toHex(bytes).toUpperCase();

async function rpc(method, params = {}) {
  const response = await fetch(url, {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  });
  assert.equal(response.status, 200, `${method}: HTTP status of a POST`);
  return response.json();
}

async function make_put(secret, chain_id, nonce, key, value) {
  const body = {
    chain_id,
    sender: toHex(ed25519.getPublicKey(secret)),
    nonce,
    valid_until: (Date.now() + 60_000).toString(),
    operations: [{ put: { key: toHex(text(key)), value: toHex(text(value)), until: null } }],
  };
  const signed_bytes = Buffer.concat([
    text('quorate:transaction\0'),
    fromHex(chain_id),
    transaction.serialize(body).toBytes(),
  ]);
  const signature = toHex(ed25519.sign(signed_bytes, secret));
  return signedTransaction.serialize({ body, signature }).toBytes();
}

async function read_everything(client, height) {
  await client.health();
  const status = await client.status();
  const genesis = await client.genesis();
  assert.equal(genesis.chainId, status.nodeInfo.network);
  assert.equal(genesis.validators.length, (await client.validatorsAll(height)).total);
  assert.equal((await client.abciInfo()).data, 'quorate');
  const { block, blockId } = await client.block(height);
  assert.equal(block.header.height, height);
  const results = await client.blockResults(height);
  assert.equal(results.results.length, block.txs.length);
  const commit = await client.commit(height);
  assert.equal(commit.commit.height, height);
  assert.deepEqual(commit.commit.blockId.hash, blockId.hash);
  const signers = commit.commit.signatures.filter((vote) => vote.blockIdFlag === 2);
  assert.ok(signers.length * 3 > genesis.validators.length * 2, 'a quorum committed the block');
  const chain = await client.blockchain(1, height);
  assert.ok(chain.blockMetas.length <= 20);
  assert.deepEqual(chain.blockMetas[0].blockId.hash, blockId.hash);
  const page = await client.validators({ height, page: 1, per_page: 2 });
  assert.equal(page.count, Math.min(2, genesis.validators.length));
  await client.numUnconfirmedTxs();
  await client.block();
}

async function refused(method, params, number, code) {
  const { error } = await rpc(method, params);
  assert.equal(error?.code, number, `${method} ${JSON.stringify(params)}`);
  assert.equal(error.data.code, code);
  assert.ok(error.data.message.length > 0);
}

const client = await connectComet(url);
assert.ok(client instanceof Comet38Client, 'the version that the node reports');
const chain_id = (await client.status()).nodeInfo.network;
const secret = ed25519.utils.randomSecretKey();

// Submitting, in each way; the same bytes again are a success.
const first = await make_put(secret, chain_id, '1', 'interop', 'one');
const committed = await client.broadcastTxCommit({ tx: first });
assert.equal(committed.checkTx.code, 0);
assert.equal(committed.txResult.code, 0);
assert.ok(committed.height > 0);
const again = await client.broadcastTxCommit({ tx: first });
assert.equal(again.height, committed.height);
assert.deepEqual(again.hash, committed.hash);
assert.equal((await client.broadcastTxSync({ tx: first })).code, 0);
const second = await make_put(secret, chain_id, '2', 'interop', 'two');
assert.equal((await client.broadcastTxAsync({ tx: second })).code, 0);

// Refusals: a number, a reason, a hash.
const rival = await client.broadcastTxSync({
  tx: await make_put(secret, chain_id, '1', 'interop', 'three'),
});
assert.equal(rival.code, 1);
assert.equal(rival.codespace, 'quorate');
assert.ok(rival.log.includes('nonce'));
assert.equal((await client.broadcastTxSync({ tx: text('no transaction') })).code, 100);

// Finding it again.
const found = await client.tx({ hash: committed.hash, prove: true });
assert.equal(found.height, committed.height);
assert.deepEqual(Buffer.from(found.tx), Buffer.from(first));
assert.equal(upper(found.hash), upper(committed.hash));
assert.ok(found.proof.proof.total > found.proof.proof.index);
const { block } = await client.block(committed.height);
assert.deepEqual(found.proof.rootHash, block.header.dataHash);
assert.deepEqual(Buffer.from(block.txs[found.index]), Buffer.from(first));
const value = await client.abciQuery({ path: '/key', data: text('interop') });
assert.equal(value.code, 0);
assert.ok(['one', 'two'].includes(Buffer.from(value.value).toString()));
const absent = await client.abciQuery({ path: '/key', data: text('no such key') });
assert.equal(absent.value.length, 0);

// Every read, with both of the package's decoders for this dialect.
await read_everything(client, committed.height);
await read_everything(await Comet38Client.connect(url), 1);
await read_everything(await Comet1Client.connect(url), 1);

// What is wrong is refused by name, at HTTP status 200.
await refused('block', { height: 'ten' }, -32602, 'param-malformed');
await refused('block', { hieght: '1' }, -32602, 'param-unknown');
await refused('block', { height: '99999999' }, -32000, 'block-not-found');
await refused('tx', { hash: '00'.repeat(32) }, -32000, 'tx-not-found');
await refused('no_such_method', {}, -32601, 'rpc-method-unknown');

// The dialect's GET form.
const get = await (await fetch(`${url}/abci_query?path="/key"&data="interop"`)).json();
assert.equal(get.result.response.code, 0);
const by_hash = await (await fetch(`${url}/tx?hash=0x${upper(committed.hash)}&prove=true`)).json();
assert.equal(by_hash.result.hash, upper(committed.hash));

client.disconnect();
console.log(`${url}: all of @cosmjs/tendermint-rpc's calls decode; committed at ${committed.height}`);
