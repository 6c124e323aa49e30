'use strict';

// The page around the diagram: filters, keys, the time cursor, the logs.

const byId = (id) => document.getElementById(id);
const root = document.documentElement;
let scriptErrors = 0;
window.addEventListener('error', () => { root.dataset.errors = String(++scriptErrors); });
root.dataset.errors = '0';

const run = readRun(JSON.parse(byId('run').textContent));
const quiet = ['status', 'bodies', 'catch-up'];
const slotsShown = 40;
const chipsShown = 300;
const state = {
  hidden: new Set(),
  types: new Set(quiet.map((name) => run.types.indexOf(name))),  // those that are not drawn
  slot: 0,
  lost: true,
  axis: new Axis(run, false),
  time: run.events.length ? run.events[run.events.length - 1].time : 0,
  at: run.events.length - 1,
  selected: null,
  past: null,
  future: null,
  finding: -1,
  slotsBack: 0,
};
const diagram = new Diagram(run, state, byId('picture'), byId('overview'));
let isDue = false;

function redraw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    diagram.draw();
  });
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// -- The cursor and what follows it --------------------------------------------------------------

function goTo(at, center) {
  if (run.events.length === 0) return;
  state.at = Math.min(Math.max(at, 0), run.events.length - 1);
  state.time = run.events[state.at].time;
  state.slotsBack = 0;
  byId('cursor').value = String(state.at);
  const unit = state.axis.unitOf(state.time);
  const { axis } = state;
  if (center || unit < axis.from || unit > axis.from + axis.span) {
    axis.show(unit - axis.span / 3, axis.span);
  }
  const event = run.events[state.at];
  byId('now').textContent = seconds(state.time);
  byId('now').title = event.replica < 0 ? '' : `replica ${event.replica}`;
  drawLogs();
  redraw();
}

function select(event) {
  state.selected = event && event.place !== undefined ? event : null;
  if (state.selected) {
    state.past = pastOf(run, event);
    state.future = futureOf(run, event);
  }
  drawDetail();
  redraw();
}

function drawDetail() {
  const panel = byId('event');
  const event = state.selected;
  panel.replaceChildren();
  if (!event) {
    panel.append('Click an event or an arrow to see its past and its future.');
    return;
  }
  const total = run.lines.reduce((sum, line) => sum + line.length, 0);
  const past = state.past.reduce((sum, place) => sum + place + 1, 0) - 1;
  const future = state.future.reduce(
    (sum, place, r) => sum + Math.max(run.lines[r].length - place, 0), 0) - 1;
  panel.append(element('b', `${seconds(event.time)}, replica ${event.replica}`),
    element('br'), eventText(run, event), element('br'),
    element('span', `${past} before`, 'past'), ' · ', element('span', `${future} after`, 'future'),
    ` · ${total - past - future - 1} concurrent`, element('br'),
    element('small', `clock ${clockText(event)}`));
}

function clockText(event) {
  const clock = clockOf(run, event);
  const shown = clock.map((count, r) => `${r}:${count}`).filter((_, r) => clock[r] > 0);
  return shown.length > 12 ? `${shown.slice(0, 12).join(' ')} …` : shown.join(' ');
}

// -- The logs ------------------------------------------------------------------------------------

function drawLogs() {
  const replicas = run.lines.map((_, r) => r).filter((r) => !state.hidden.has(r));
  const known = run.logs.filter(({ sequence, cells }) =>
    (!state.slot || sequence === state.slot) &&
    [...cells.values()].some(({ commit }) => commit.id <= state.at));
  const end = Math.max(known.length - state.slotsBack * slotsShown, 0);
  const begin = Math.max(end - slotsShown, 0);
  const table = element('table');
  const head = table.createTHead().insertRow();
  head.append(element('th', 'slot'));
  for (const r of replicas) head.append(element('th', `replica ${r}`));
  const body = table.createTBody();
  for (const { sequence, cells } of known.slice(begin, end).reverse()) {
    const row = body.insertRow();
    row.append(element('th', String(sequence)));
    const contents = new Set(replicas.filter((r) => run.liars[r] === undefined)
      .map((r) => cells.get(r)).filter((cell) => cell && cell.commit.id <= state.at)
      .map((cell) => cell.commit.content));
    for (const r of replicas) row.append(logCell(cells.get(r), contents.size > 1));
  }
  byId('table').replaceChildren(table);
  byId('logs-at').textContent = `at ${seconds(state.time)}`;
  byId('page-of').textContent = known.length
    ? `${end - begin} of ${known.length} slots` : 'nothing is committed yet';
  byId('earlier').disabled = begin === 0;
  byId('later').disabled = state.slotsBack === 0;
}

function logCell(cell, differs) {
  if (!cell || cell.commit.id > state.at) return element('td', '–', 'ahead');
  const { commit, execute } = cell;
  const done = execute && execute.id <= state.at ? ' ✓' : '';
  const made = element('td', `v${commit.view} ${commit.content.slice(0, 8)}${done}`,
    differs ? 'other' : '');
  made.append(element('span', `by ${listed(commit.voters)}`, 'votes'));
  made.title = done ? 'committed and executed' : 'committed';
  return made;
}

// -- Findings ------------------------------------------------------------------------------------

function showFinding(index, movesCursor = true) {
  if (run.findings.length === 0) return;
  state.finding = (index + run.findings.length) % run.findings.length;
  const finding = run.findings[state.finding];
  const first = state.axis.unitOf(run.events[finding.event].time);
  const second = state.axis.unitOf(run.events[finding.until].time);
  const least = finding.about ? 26000 : 60000;
  const span = Math.max((second - first) * 2.5, diagram.narrow ? least / 2 : least);
  state.axis.show(first - span * 0.22, span);
  if (movesCursor) goTo(finding.event); else redraw();
  for (const button of byId('findings').querySelectorAll('li button')) {
    const isNow = Number(button.dataset.index) === state.finding;
    button.classList.toggle('now', isNow);
  }
}

// A primary that proposes two batches says more than a backup that votes for both.
function firstEquivocation() {
  const proposal = run.types.indexOf('pre-prepare');
  const at = run.findings.findIndex(({ about }) => about && about.type === proposal);
  return at >= 0 ? at : run.findings.findIndex(({ about }) => about);
}

function listFindings() {
  const panel = byId('findings');
  const loud = run.findings.findIndex(({ kind }) => kind === 'violation');
  const first = firstEquivocation();
  for (const index of [loud, first].filter((each) => each >= 0)) {
    const finding = run.findings[index];
    const button = element('button', undefined, 'first');
    button.type = 'button';
    const text = element('span', `${finding.text}${finding.more ? `: ${finding.more}` : ''}`);
    button.append(element('span', finding.kind === 'violation' ? '!' : '≠'), text);
    button.addEventListener('click', () => showFinding(index));
    panel.append(button);
  }
  const list = element('ol');
  const groups = new Map();
  run.findings.forEach((finding, index) => {
    const { about } = finding;
    const key = about ? `${about.replica} ${about.type} ${about.view}` : `- ${index}`;
    if (groups.has(key)) ++groups.get(key).more; else groups.set(key, { finding, index, more: 0 });
  });
  for (const { finding, index, more } of [...groups.values()].slice(0, chipsShown)) {
    const item = element('li');
    const button = element('button');
    button.type = 'button';
    button.dataset.index = String(index);
    const isBad = ['equivocation', 'violation', 'crash', 'stop', 'evidence'].includes(finding.kind);
    button.append(element('span', seconds(run.events[finding.event].time).replace(/0+ s$/, ' s')),
      ' ', element('span', finding.text, isBad ? 'bad' : 'warn'), more ? ` and ${more} more` : '');
    button.addEventListener('click', () => showFinding(index));
    item.append(button);
    list.append(item);
  }
  if (run.findings.length > 0) panel.append(list);
}

// -- Filters -------------------------------------------------------------------------------------

function toggle(text, isOn, change, className) {
  const button = element('button', undefined, `toggle ${className || ''}`);
  button.type = 'button';
  button.setAttribute('aria-pressed', String(isOn));
  button.append(...text);
  button.addEventListener('click', () => {
    const isNow = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', String(isNow));
    change(isNow);
    drawLogs();
    redraw();
  });
  return button;
}

function listFilters() {
  const counts = new Array(run.types.length).fill(0);
  for (const { send } of run.messages) ++counts[send.type];
  run.types.forEach((name, code) => {
    if (counts[code] === 0) return;
    const swatch = element('span', undefined, 'swatch');
    swatch.style.background = `var(--${name})`;
    byId('types').append(toggle([swatch, `${name} ${counts[code]}`], !state.types.has(code),
      (isOn) => (isOn ? state.types.delete(code) : state.types.add(code))));
  });
  run.lines.forEach((_, r) => {
    byId('replicas').append(toggle([String(r)], true,
      (isOn) => (isOn ? state.hidden.delete(r) : state.hidden.add(r)),
      run.liars[r] === undefined ? '' : 'liar'));
  });
  byId('slot').addEventListener('input', (event) => {
    state.slot = Number(event.target.value) || 0;
    drawLogs();
    redraw();
  });
  byId('lost').addEventListener('change', (event) => {
    state.lost = event.target.checked;
    redraw();
  });
  byId('scale').addEventListener('change', (event) => setScale(event.target.checked));
}

function setScale(isTrue) {
  byId('scale').checked = isTrue;
  state.axis = new Axis(run, isTrue);
  goTo(state.at, true);
}

function setTheme(name) {
  root.dataset.theme = name;
  redraw();
}

function zoom(factor) {
  state.axis.zoom(factor, state.axis.unitOf(state.time));
  redraw();
}

function pan(share) {
  state.axis.show(state.axis.from + share * state.axis.span, state.axis.span);
  redraw();
}
