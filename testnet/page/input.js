'use strict';

// Mouse, touch and keys; then the first view.

function tell(event, x, y) {
  const tip = byId('tip');
  tip.hidden = !event;
  if (!event) return;
  tip.replaceChildren(element('b', `${seconds(event.time)}, replica ${event.replica}`),
    eventText(run, event), element('small', `clock ${clockText(event)}`));
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(Math.min(x + 14, window.innerWidth - box.width - 6), 4)}px`;
  tip.style.top = `${y + 18 + box.height > window.innerHeight ? y - box.height - 12 : y + 18}px`;
}

function watchPicture() {
  const canvas = byId('picture');
  let grip = null;
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener('pointerdown', (event) => {
    const [x, y] = point(event);
    grip = { x, y, from: state.axis.from, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    const [x, y] = point(event);
    if (!grip) return tell(diagram.hit(x, y), event.clientX, event.clientY);
    if (Math.abs(x - grip.x) > 3) grip.moved = true;
    if (!grip.moved) return undefined;
    tell(null);
    state.axis.show(grip.from - ((x - grip.x) / diagram.inner) * state.axis.span, state.axis.span);
    return redraw();
  });
  canvas.addEventListener('pointerup', (event) => {
    const [x, y] = point(event);
    const wasClick = grip && !grip.moved;
    grip = null;
    if (!wasClick) return;
    const found = diagram.hit(x, y);
    select(found);
    if (found) {
      goTo(found.id);
      tell(found, event.clientX, event.clientY);
    }
  });
  canvas.addEventListener('pointercancel', () => { grip = null; });
  canvas.addEventListener('pointerleave', () => tell(null));
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const [x] = point(event);
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      pan((event.deltaX || event.deltaY) / 800);
    } else {
      state.axis.zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, diagram.unitAt(x));
      redraw();
    }
  }, { passive: false });
}

function watchOverview() {
  const canvas = byId('overview');
  let isHeld = false;
  const move = (event) => {
    const box = canvas.getBoundingClientRect();
    const unit = ((event.clientX - box.left - 4) / (box.width - 8)) * state.axis.end;
    state.axis.show(unit - state.axis.span / 2, state.axis.span);
    redraw();
  };
  canvas.addEventListener('pointerdown', (event) => {
    isHeld = true;
    canvas.setPointerCapture(event.pointerId);
    move(event);
  });
  canvas.addEventListener('pointermove', (event) => { if (isHeld) move(event); });
  canvas.addEventListener('pointerup', () => { isHeld = false; });
  canvas.addEventListener('pointercancel', () => { isHeld = false; });
}

// The next event whose arrow or mark is in the picture.
function step(direction) {
  for (let at = state.at + direction; at >= 0 && at < run.events.length; at += direction) {
    const event = run.events[at];
    const isMessage = event.kind === 'send' || event.kind === 'deliver';
    if (isMessage && !(event.message && diagram.isShown(event.message.send))) continue;
    if (['drop', 'persist', 'connect', 'disconnect'].includes(event.kind)) continue;
    if (state.selected) select(event);
    return goTo(at);
  }
  return undefined;
}

function showKeys() {
  const panel = byId('keys');
  panel.hidden = !panel.hidden;
  byId('help').setAttribute('aria-expanded', String(!panel.hidden));
}

function whole() {
  state.axis.show(-state.axis.end * 0.02, state.axis.end * 1.05);
  redraw();
}

const otherTheme = () => (root.dataset.theme === 'dark' ? 'light' : 'dark');

function onKey(event) {
  if (event.target.tagName === 'INPUT' || event.ctrlKey || event.metaKey || event.altKey) return;
  const keys = {
    ArrowLeft: () => (event.shiftKey ? pan(-0.5) : step(-1)),
    ArrowRight: () => (event.shiftKey ? pan(0.5) : step(1)),
    '+': () => zoom(1 / 1.5),
    '=': () => zoom(1 / 1.5),
    '-': () => zoom(1.5),
    0: whole,
    n: () => showFinding(state.finding + 1),
    p: () => showFinding(state.finding - 1),
    Escape: () => { select(null); tell(null); },
    t: () => setScale(!state.axis.isTrue),
    d: () => setTheme(otherTheme()),
    '?': showKeys,
  };
  if (event.target === byId('picture')) keys.Enter = () => select(run.events[state.at]);
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

// Whoever opens the page sees the worst of it first: #light and #dark choose the colours, #E an
// event.
function begin() {
  const plural = (count, one) => `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;
  document.title = `${run.title} · Quorate`;
  byId('title').textContent = run.title;
  byId('verdict').textContent = run.verdict;
  byId('verdict').classList.add(run.sound ? 'good' : 'bad');
  const left = run.left_out > 0 ? `, the first ${plural(run.left_out, 'event')} left out` : '';
  byId('figures').textContent = `${plural(run.replicas, 'replica')} · `
    + `${plural(run.counts.events, 'event')} · ${plural(run.counts.messages, 'message')}${left}`;
  byId('replay').textContent = run.replay;
  byId('cursor').max = String(Math.max(run.events.length - 1, 0));
  listFindings();
  listFilters();
  watchPicture();
  watchOverview();
  document.addEventListener('keydown', onKey);
  window.addEventListener('resize', redraw);
  byId('cursor').addEventListener('input', (event) => goTo(Number(event.target.value)));
  byId('help').addEventListener('click', showKeys);
  byId('theme').addEventListener('click', () => setTheme(otherTheme()));
  byId('nearer').addEventListener('click', () => zoom(1 / 1.5));
  byId('farther').addEventListener('click', () => zoom(1.5));
  byId('whole').addEventListener('click', whole);
  byId('earlier').addEventListener('click', () => { ++state.slotsBack; drawLogs(); });
  byId('later').addEventListener('click', () => { --state.slotsBack; drawLogs(); });

  const wanted = location.hash.slice(1).split('&');
  const prefersDark = matchMedia('(prefers-color-scheme: dark)');
  const chosen = wanted.find((word) => word === 'light' || word === 'dark');
  setTheme(chosen || (prefersDark.matches ? 'dark' : 'light'));
  if (!chosen) {
    prefersDark.addEventListener('change', () => setTheme(prefersDark.matches ? 'dark' : 'light'));
  }
  diagram.layout();
  goTo(run.events.length - 1);
  whole();
  if (run.findings.length > 0) showFinding(Math.max(firstEquivocation(), 0), false);
  const isEvent = (word) => /^\d+$/.test(word) && run.events[Number(word)];
  const event = wanted.filter(isEvent).map(Number)[0];
  if (event !== undefined) {
    goTo(event, true);
    select(run.events[event]);
  }
  diagram.draw();
  Object.assign(root.dataset, {
    events: String(run.events.length),
    messages: String(run.messages.length),
    equivocations: String(run.contradictions.length),
    viewChanges: String(run.counts.view_changes),
    crashes: String(run.counts.crashes),
    slots: String(run.logs.length),
    drawn: String(diagram.marks.length),
    ready: '1',
  });
}

begin();
