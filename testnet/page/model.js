'use strict';

// The run: events in the order in which they happened, and what follows from the order.

// Rows of the JSON, by testnet/picture.cc.
function readRun(raw) {
  const kind = new Map(raw.kinds.map((name, code) => [code, name]));
  const run = { ...raw, lines: [], messages: [], events: [] };
  for (let r = 0; r < raw.replicas; ++r) run.lines.push([]);
  const sent = new Map();
  raw.events.forEach((row, id) => {
    const event = {
      id, kind: kind.get(row[0]), time: row[1], replica: row[2], peer: row[3], number: row[4],
    };
    run.events.push(event);
    if (event.kind === 'send') {
      event.type = row[5];
      event.text = raw.texts[row[6]];
      if (row.length > 7) {
        event.said = { by: row[7], view: row[8], sequence: row[9], content: raw.texts[row[10]] };
      }
      event.message = { send: event, delivers: [], drop: null };
      run.messages.push(event.message);
      sent.set(event.number, event.message);
    } else if (event.kind === 'deliver' || event.kind === 'drop') {
      event.message = sent.get(event.number) || null;
      if (event.message && event.kind === 'deliver') event.message.delivers.push(event);
      if (event.message && event.kind === 'drop') event.message.drop = event;
    } else if (event.kind === 'commit' && row.length > 5) {
      event.view = row[5];
      event.content = raw.texts[row[6]];
      event.voters = row[7];
      event.transactions = row[8];
    } else if (row.length > 5) {
      event.text = raw.texts[row[5]];
    }
    // The network loses a packet; its sender does not notice.
    if (event.replica >= 0 && event.kind !== 'drop') {
      event.place = run.lines[event.replica].length;
      run.lines[event.replica].push(event);
    }
  });
  markSides(run);
  run.lives = run.lines.map(livesOf);
  run.findings = findingsOf(run);
  run.logs = logsOf(run);
  return run;
}

// Statements that contradict another of the same replica: which finding, and which side of it.
function markSides(run) {
  const places = new Map();
  run.contradictions.forEach((finding, index) => {
    places.set([finding.type, finding.replica, finding.view, finding.sequence].join(), index);
  });
  for (const { send } of run.messages) {
    if (!send.said) continue;
    const at = [send.type, send.said.by, send.said.view, send.said.sequence].join();
    const index = places.get(at);
    if (index === undefined) continue;
    const side = run.contradictions[index].sides.findIndex(
      (each) => each.content === send.said.content);
    if (side < 0) continue;
    send.finding = index;
    send.side = side;
  }
}

// When a replica was up, and in or between which views.
function livesOf(line) {
  const spans = [];
  let open = null;
  const close = (time) => {
    if (open) spans.push({ ...open, to: time });
    open = null;
  };
  for (const event of line) {
    if (event.kind === 'start') {
      close(event.time);
      open = { from: event.time, view: null, moves: false };
    } else if (event.kind === 'crash') {
      close(event.time);
    } else if (event.kind === 'leave' || event.kind === 'enter') {
      close(event.time);
      open = { from: event.time, view: event.number, moves: event.kind === 'leave' };
    }
  }
  close(Infinity);
  return spans;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const letterOf = (side) => letters[side] || '+';
const listed = (ids) => (ids.length > 8 ? `${ids.slice(0, 8).join(', ')} …` : ids.join(', '));

function sidesText(finding) {
  return finding.sides.slice(0, 4)
    .map((side, index) => `${letterOf(index)} ${side.content.slice(0, 8)} → ${listed(side.to)}`)
    .join(' · ');
}

function placeText(run, finding) {
  const parts = [];
  if (finding.sequence > 0) parts.push(`sequence ${finding.sequence}`);
  if (run.types[finding.type] !== 'checkpoint') parts.unshift(`view ${finding.view}`);
  return parts.join(', ');
}

// What is worth a look, in order of time.
function findingsOf(run) {
  const findings = [];
  for (const each of run.contradictions) {
    const second = each.sides[1].event - run.left_out;
    const first = Math.max(each.sides[0].event - run.left_out, 0);
    if (second < 0) continue;
    const what = run.types[each.type];
    findings.push({
      kind: 'equivocation', event: first, until: second, replica: each.replica, about: each,
      text: `replica ${each.replica} equivocates: two ${what}s for ${placeText(run, each)}`,
      more: sidesText(each),
    });
  }
  for (const each of run.incidents) {
    const event = each.event - run.left_out;
    if (event < 0) continue;
    const number = run.events[event].number;
    const text = {
      leave: `replica ${each.replica} moves to view ${number}: ${each.text}`,
      enter: `replica ${each.replica} enters view ${number}`,
      crash: `replica ${each.replica} crashes (${each.text})`,
      stop: `replica ${each.replica} stops: ${each.text}`,
      evidence: `replica ${each.replica} proves: ${each.text}`,
      violation: `broken: ${each.text}`,
      recovered: `replica ${each.replica} has recovered`,
    }[each.kind];
    findings.push({ kind: each.kind, event, until: event, replica: each.replica, text, more: '' });
  }
  const phase = ({ about }) => (about ? about.type : -1);
  const time = ({ event }) => run.events[event].time;
  return findings.sort((a, b) => time(a) - time(b) || phase(a) - phase(b) || a.event - b.event);
}

// Per sequence and replica: the batch that it committed, and when it executed it.
function logsOf(run) {
  const slots = new Map();
  for (const event of run.events) {
    if (event.kind !== 'commit' && event.kind !== 'execute') continue;
    if (!slots.has(event.number)) slots.set(event.number, new Map());
    const cells = slots.get(event.number);
    if (event.kind === 'commit') {
      if (!cells.has(event.replica)) cells.set(event.replica, { commit: event, execute: null });
    } else if (cells.has(event.replica)) {
      cells.get(event.replica).execute = event;
    }
  }
  return [...slots].sort((a, b) => a[0] - b[0])
    .map(([sequence, cells]) => ({ sequence, cells }));
}

// Happens-before: for each replica, the place on its line up to which events are in the past of
// this one (itself included), or from which they are in its future.
function pastOf(run, event) {
  const reach = new Array(run.replicas).fill(-1);
  const open = [event];
  while (open.length > 0) {
    const last = open.pop();
    for (let at = last.place; at > reach[last.replica]; --at) {
      const each = run.lines[last.replica][at];
      if (each.kind === 'deliver' && each.message) open.push(each.message.send);
    }
    reach[last.replica] = Math.max(reach[last.replica], last.place);
  }
  return reach;
}

function futureOf(run, event) {
  const reach = new Array(run.replicas).fill(Infinity);
  const open = [event];
  while (open.length > 0) {
    const first = open.pop();
    const line = run.lines[first.replica];
    const end = Math.min(reach[first.replica], line.length);
    for (let at = first.place; at < end; ++at) {
      if (line[at].kind === 'send') open.push(...line[at].message.delivers);
    }
    reach[first.replica] = Math.min(reach[first.replica], first.place);
  }
  return reach;
}

const isInPast = (reach, event) => event.place !== undefined && event.place <= reach[event.replica];
const isInFuture = (reach, event) =>
  event.place !== undefined && event.place >= reach[event.replica];

// The vector clock of an event: how many events of each replica it has heard of, itself included.
const clockOf = (run, event) => pastOf(run, event).map((place) => place + 1);

const seconds = (us) => `${(us / 1e6).toFixed(us % 1000 ? 6 : 3)} s`;

function eventText(run, event) {
  const to = (verb) => `${verb} replica ${event.peer}`;
  switch (event.kind) {
    case 'send': return `to replica ${event.peer}: ${event.text}`;
    case 'deliver': return `from replica ${event.peer}: ${event.message ? event.message.send.text
      : `packet ${event.number}`}`;
    case 'drop': return `lost on the way to replica ${event.peer}`;
    case 'commit': return event.content
      ? `commits sequence ${event.number}: batch ${event.content.slice(0, 8)} of view `
        + `${event.view}, ${event.transactions} transactions, votes of ${listed(event.voters)}`
      : `commits sequence ${event.number}`;
    case 'execute': return `executes sequence ${event.number}`;
    case 'leave': return `moves to view ${event.number}: ${event.text}`;
    case 'enter': return `enters view ${event.number}`;
    case 'stable': return `checkpoint ${event.number} is stable`;
    case 'submit': return `${event.number ? 'takes' : 'refuses'} ${event.text || 'a transaction'}`;
    case 'connect': return to('connects with');
    case 'disconnect': return to('loses');
    case 'persist': return 'votes are on the disk';
    case 'evidence': return `proves: ${event.text || `replica ${event.peer} lied`}`;
    default: return event.text ? `${event.kind}: ${event.text}` : event.kind;
  }
}
