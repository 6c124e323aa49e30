// Our formats as schemas of the npm package @mysten/bcs, written from ledger/README.md.

import { bcs, fromHex, toHex } from '@mysten/bcs';

const hexOf = (size) =>
  bcs.fixedArray(size, bcs.u8()).transform({
    input: (hex) => [...fromHex(hex)],
    output: (bytes) => toHex(Uint8Array.from(bytes)),
  });
const digest = hexOf(32);
const key = hexOf(32);
const signature = hexOf(64);
const bytes = bcs.vector(bcs.u8()).transform({
  input: (hex) => [...fromHex(hex)],
  output: (numbers) => toHex(Uint8Array.from(numbers)),
});
// The library has no signed integers; BCS writes them in two's complement.
const i64 = bcs.u64().transform({
  input: (text) => BigInt.asUintN(64, BigInt(text)),
  output: (text) => BigInt.asIntN(64, BigInt(text)).toString(),
});

const slot = {
  epoch: bcs.u64(),
  view: bcs.u64(),
  sequence: bcs.u64(),
  batch: digest,
  new_view: digest,
};
const vote = bcs.struct('Vote', { ...slot, replica: bcs.u16() });
const viewVote = bcs.struct('ViewVote', {
  epoch: bcs.u64(),
  view: bcs.u64(),
  content: digest,
  replica: bcs.u16(),
});
const checkpointVote = bcs.struct('CheckpointVote', {
  note: bcs.struct('CheckpointNote', {
    chain_id: digest,
    head: bcs.struct('TreeHead', { size: bcs.u64(), root: digest }),
    sequence: bcs.u64(),
    epoch: bcs.u64(),
    pending_boundary: bcs.option(bcs.u64()),
    state_root: digest,
  }),
  time_seconds: bcs.u64(),
  replica: bcs.u16(),
  signature,
});
const contradiction = (name, statement) =>
  bcs.struct(name, {
    phase: bcs.uleb128(),
    first: statement,
    first_signature: signature,
    second: statement,
    second_signature: signature,
  });
const withoutKind = {
  input: (value) => value,
  output: ({ $kind, ...value }) => value,
};
const evidence = bcs
  .enum('Evidence', {
    votes: contradiction('VoteEvidence', vote),
    views: contradiction('ViewEvidence', viewVote),
    checkpoints: bcs.struct('CheckpointEvidence', {
      first: checkpointVote,
      second: checkpointVote,
    }),
  })
  .transform(withoutKind);
const replicaInfo = bcs.struct('ReplicaInfo', {
  name: bcs.string(),
  vote_key: key,
  network_key: key,
});
const endorsement = bcs.struct('Endorsement', { replica: bcs.u16(), signature });
const membershipChange = bcs
  .enum('MembershipChange', {
    add: bcs.struct('AddReplica', { replica: replicaInfo }),
    remove: bcs.struct('RemoveReplica', { vote_key: key }),
    rekey: bcs.struct('RekeyReplica', { vote_key: key, replica: replicaInfo }),
  })
  .transform(withoutKind);
const operation = bcs
  .enum('Operation', {
    put: bcs.struct('Put', { key: bytes, value: bytes, until: bcs.option(bcs.u64()) }),
    delete: bcs.struct('Delete', { key: bytes }),
    compare_and_set: bcs.struct('CompareAndSet', {
      key: bytes,
      expected: bcs.option(bytes),
      value: bytes,
    }),
    add: bcs.struct('Add', { key: bytes, delta: i64 }),
    transfer: bcs.struct('Transfer', { to: key, amount: bcs.u64() }),
    record_evidence: bcs.struct('RecordEvidence', { evidence }),
    change_membership: bcs.struct('ChangeMembership', {
      body: bcs.struct('MembershipBody', { epoch: bcs.u64(), change: membershipChange }),
      endorsements: bcs.vector(endorsement),
      consent: bcs.option(signature),
    }),
  })
  .transform(withoutKind);
export const transaction = bcs.struct('Transaction', {
  chain_id: digest,
  sender: key,
  nonce: bcs.u64(),
  valid_until: bcs.u64(),
  operations: bcs.vector(operation),
});
export const signedTransaction = bcs.struct('SignedTransaction', { body: transaction, signature });
const batchHeader = bcs.struct('BatchHeader', {
  sequence: bcs.u64(),
  time: bcs.u64(),
  flags: bcs.u32(),
  transaction_count: bcs.u32(),
  transaction_root: digest,
});
const record = bcs.struct('Record', {
  epoch: bcs.u64(),
  batch: batchHeader,
  effective_time: bcs.u64(),
  results_root: digest,
});
const commitCertificate = bcs.struct('CommitCertificate', {
  ...slot,
  commits: bcs.vector(endorsement),
});
const txResult = bcs.struct('TxResult', {
  id: digest,
  outcome: bcs.uleb128(),
  failed_operation: bcs.option(bcs.u32()),
});
const epochStart = bcs.struct('EpochStart', {
  epoch: bcs.u64(),
  executed: bcs.u64(),
  boundary: bcs.u64(),
  replicas: bcs.vector(replicaInfo),
});
const receipt = bcs.struct('Receipt', {
  format: bcs.u32(),
  transaction: signedTransaction,
  index: bcs.u32(),
  transaction_path: bcs.vector(digest),
  record,
  certificate: commitCertificate,
  result: txResult,
  result_path: bcs.vector(digest),
});

export const schemas = {
  u64: bcs.u64(),
  i64,
  bool: bcs.bool(),
  string: bcs.string(),
  bytes,
  optional_u64: bcs.option(bcs.u64()),
  transaction,
  signed_transaction: signedTransaction,
  record,
  vote,
  commit_certificate: commitCertificate,
  tx_result: txResult,
  epoch_start: epochStart,
  receipt,
};
