// Holds our canonical encoding against the npm package @mysten/bcs: each line of the vector file is
// encoded and decoded with a schema of that library. Run by bcs_test.sh; argument: the vector file.

import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '@mysten/bcs';
import { schemas } from './schemas.mjs';

const lines = readFileSync(process.argv[2], 'utf8').trim().split('\n');
const used = new Set();
let failures = 0;
const fail = (number, what) => {
  failures += 1;
  console.error(`line ${number}: ${what}`);
};

lines.forEach((line, index) => {
  const { type, value, bytes: hex } = JSON.parse(line);
  const schema = schemas[type];
  if (schema === undefined) return fail(index + 1, `no schema for the type ${type}`);
  used.add(type);
  const encoded = toHex(schema.serialize(value, { maxSize: 1 << 20 }).toBytes());
  if (encoded !== hex) fail(index + 1, `${type}: @mysten/bcs makes ${encoded}, expected ${hex}`);
  const decoded = JSON.stringify(schema.parse(fromHex(hex)));
  const expected = JSON.stringify(value);
  if (decoded !== expected) fail(index + 1, `${type}: reads as ${decoded}, expected ${expected}`);
});
for (const type of Object.keys(schemas)) {
  if (!used.has(type)) fail(0, `no line has the type ${type}`);
}
if (failures > 0) process.exit(1);
console.log(`${lines.length} values: @mysten/bcs reads and writes the same bytes`);
