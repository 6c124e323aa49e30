'use strict';

// The diagram: a line a replica, an arrow a message. Only what is in view is drawn.

class Diagram {
  constructor(run, state, canvas, overview) {
    Object.assign(this, { run, state, canvas, overview });
    this.marks = [];  // what the mouse can hit: {x, y, event}
    this.taken = [];  // where text stands
  }

  // -- Geometry ------------------------------------------------------------------------------

  layout() {
    const width = Math.max(this.canvas.clientWidth, 200);
    this.narrow = width < 560;
    this.gutter = this.narrow ? 34 : 88;
    this.top = 44;
    this.shown = this.run.lines.map((_, r) => r).filter((r) => !this.state.hidden.has(r));
    const count = Math.max(this.shown.length, 1);
    this.lane = Math.min(Math.max(440 / count, 34), 96);
    this.rows = new Map(this.shown.map((r, index) => [r, index]));
    this.width = width;
    this.height = this.top + this.lane * count + 12;
    Diagram.size(this.canvas, this.width, this.height);
    Diagram.size(this.overview, this.width, 30);
  }

  static size(canvas, width, height) {
    const ratio = window.devicePixelRatio || 1;
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.getContext('2d').setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  x(time) {
    const { axis } = this.state;
    return this.gutter + ((axis.unitOf(time) - axis.from) / axis.span) * this.inner;
  }
  get inner() { return this.width - this.gutter - 6; }
  unitAt(x) {
    return this.state.axis.from + ((x - this.gutter) / this.inner) * this.state.axis.span;
  }
  y(replica) { return this.top + this.lane * (this.rows.get(replica) + 0.62); }

  colours() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    this.paint = {};
    for (const name of ['paper', 'panel', 'edge', 'ink', 'faint', 'lane', 'bad', 'bad-paper',
      'good', 'warn', 'past', 'future', 'side-0', 'side-1', ...this.run.types]) {
      this.paint[name] = read(name);
    }
  }

  // -- The whole -----------------------------------------------------------------------------

  draw() {
    this.layout();
    this.colours();
    const pen = this.pen = this.canvas.getContext('2d');
    pen.clearRect(0, 0, this.width, this.height);
    pen.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
    this.marks = [];
    this.taken = [];
    this.discs = [];
    pen.save();
    pen.beginPath();
    pen.rect(this.gutter, 0, this.width - this.gutter, this.height);
    pen.clip();
    this.drawScale();
    for (const replica of this.shown) this.drawLine(replica);
    const loud = [];
    for (const message of this.run.messages) {
      if (message.send.side === undefined) this.drawMessage(message); else loud.push(message);
    }
    for (const message of loud) this.drawMessage(message);
    for (const replica of this.shown) this.drawEvents(replica);
    this.drawCursor();
    this.drawFindings();
    pen.restore();
    this.drawNames();
    this.drawOverview();
  }

  drawScale() {
    const { pen, paint } = this;
    const { axis } = this.state;
    pen.textBaseline = 'middle';
    pen.textAlign = 'left';
    const step = this.narrow ? 92 : 122;
    for (let x = this.gutter + 4; x < this.width - 66; x += step) {
      const unit = this.unitAt(x);
      if (unit < 0 || unit > axis.end) continue;
      const time = axis.timeOf(unit);
      pen.strokeStyle = paint.edge;
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, 20);
      pen.lineTo(x, this.height);
      pen.stroke();
      pen.fillStyle = paint.faint;
      pen.fillText(`${(time / 1e6).toFixed(4)} s`, x + 3, 11);
    }
    if (axis.isTrue) return;
    // Where idle time was shortened.
    pen.fillStyle = paint.edge;
    for (let i = 1; i < axis.times.length; ++i) {
      if (axis.times[i] - axis.times[i - 1] <= axis.units[i] - axis.units[i - 1]) continue;
      const x = (this.x(axis.times[i]) + this.x(axis.times[i - 1])) / 2;
      if (x < this.gutter || x > this.width) continue;
      pen.fillRect(x - 2, 22, 1, this.height - 22);
      pen.fillRect(x + 1, 22, 1, this.height - 22);
    }
  }

  drawNames() {
    const { pen, paint } = this;
    pen.fillStyle = paint.paper;
    pen.fillRect(0, 0, this.gutter, this.height);
    pen.textBaseline = 'middle';
    pen.textAlign = 'left';
    for (const replica of this.shown) {
      const lies = this.run.liars[replica] !== undefined;
      pen.fillStyle = lies ? paint.bad : paint.ink;
      pen.font = `${lies ? '600 ' : ''}13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif`;
      pen.fillText(this.narrow ? `${replica}` : `replica ${replica}`, 8, this.y(replica));
      pen.font = '11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
      if (lies) pen.fillText(this.narrow ? 'liar' : 'lies', 8, this.y(replica) + 15);
    }
    pen.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
  }

  drawLine(replica) {
    const { pen, paint } = this;
    const y = this.y(replica);
    pen.strokeStyle = paint.edge;
    pen.lineWidth = 1;
    pen.setLineDash([2, 5]);
    pen.beginPath();
    pen.moveTo(this.gutter, y);
    pen.lineTo(this.width, y);
    pen.stroke();
    for (const life of this.run.lives[replica]) {
      const from = Math.max(this.x(life.from), this.gutter);
      const to = life.to === Infinity ? this.width : Math.min(this.x(life.to), this.width);
      if (to <= from) continue;
      pen.setLineDash(life.moves ? [7, 4] : []);
      pen.strokeStyle = life.moves ? paint['view-change'] : paint.lane;
      pen.lineWidth = life.moves ? 5 : 2.5;
      pen.beginPath();
      pen.moveTo(from, y);
      pen.lineTo(to, y);
      pen.stroke();
    }
    pen.setLineDash([]);
    this.drawReach(replica, y);
  }

  // How far the past of the selected event reaches on this line, and from where on its future.
  drawReach(replica, y) {
    const { pen, paint, state } = this;
    if (!state.selected) return;
    const line = this.run.lines[replica];
    const last = line[state.past[replica]];
    const first = line[state.future[replica]];
    pen.lineWidth = 4;
    const stroke = (from, to, colour) => {
      pen.strokeStyle = colour;
      pen.beginPath();
      pen.moveTo(Math.max(from, this.gutter), y);
      pen.lineTo(Math.min(to, this.width), y);
      pen.stroke();
    };
    if (last && this.x(last.time) > this.gutter) stroke(0, this.x(last.time), paint.past);
    if (first && this.x(first.time) < this.width) {
      stroke(this.x(first.time), this.width, paint.future);
    }
  }

  // -- Messages ------------------------------------------------------------------------------

  isShown(send) {
    const { state } = this;
    if (!this.rows.has(send.replica) || !this.rows.has(send.peer)) return false;
    if (state.types.has(send.type)) return false;
    if (!state.slot) return true;
    return send.said !== undefined && [0, state.slot].includes(send.said.sequence);
  }

  // How much an event counts beside the selected one.
  weight(event) {
    const { selected, past, future } = this.state;
    if (!selected || event === selected) return 1;
    return isInPast(past, event) || isInFuture(future, event) ? 1 : 0.1;
  }

  drawMessage(message) {
    const { send } = message;
    if (!this.isShown(send)) return;
    for (const arrival of message.delivers) this.drawArrow(send, arrival);
    if (message.drop && this.state.lost) this.drawLoss(send, message.drop);
  }

  drawArrow(send, arrival) {
    const { pen, paint } = this;
    const x0 = this.x(send.time);
    const x1 = this.x(arrival.time);
    if (x1 < this.gutter - 20 || x0 > this.width + 20) return;
    const y0 = this.y(send.replica);
    const y1 = this.y(arrival.replica);
    const isLoud = send.side !== undefined;
    pen.globalAlpha = Math.min(this.weight(send), this.weight(arrival)) * (isLoud ? 1 : 0.75);
    pen.strokeStyle = isLoud ? this.sidePaint(send.side) : paint[this.run.types[send.type]];
    pen.lineWidth = isLoud ? 2.6 : 1.2;
    pen.setLineDash(isLoud && send.side % 2 === 1 ? [7, 4] : []);
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
    pen.setLineDash([]);
    const angle = Math.atan2(y1 - y0, x1 - x0);
    const head = isLoud ? 9 : 6;
    pen.fillStyle = pen.strokeStyle;
    pen.beginPath();
    pen.moveTo(x1, y1);
    pen.lineTo(x1 - head * Math.cos(angle - 0.4), y1 - head * Math.sin(angle - 0.4));
    pen.lineTo(x1 - head * Math.cos(angle + 0.4), y1 - head * Math.sin(angle + 0.4));
    pen.fill();
    if (isLoud) this.disc(x0 + (x1 - x0) * 0.62, y0 + (y1 - y0) * 0.62, send.side);
    pen.globalAlpha = 1;
    this.marks.push({ x0, y0, x1, y1, event: arrival });
  }

  sidePaint(side) { return this.paint[side % 2 === 0 ? 'side-0' : 'side-1']; }

  disc(x, y, side) {
    const { pen, paint } = this;
    if (this.discs.some((each) => Math.hypot(each.x - x, each.y - y) < 17)) return;
    this.discs.push({ x, y });
    pen.fillStyle = this.sidePaint(side);
    pen.beginPath();
    pen.arc(x, y, 7.5, 0, 2 * Math.PI);
    pen.fill();
    pen.fillStyle = paint.paper;
    pen.font = '700 10.5px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
    pen.textAlign = 'center';
    pen.fillText(letterOf(side), x, y + 0.5);
    pen.textAlign = 'left';
    pen.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
  }

  drawLoss(send, drop) {
    const { pen, paint } = this;
    const x0 = this.x(send.time);
    if (x0 > this.width + 20 || this.x(drop.time) < this.gutter - 20) return;
    const y0 = this.y(send.replica);
    const down = Math.sign(this.y(send.peer) - y0);
    const x1 = x0 + 9;
    const y1 = y0 + down * Math.min(this.lane * 0.34, 24);
    pen.globalAlpha = this.weight(send) * 0.8;
    pen.strokeStyle = send.side !== undefined ? this.sidePaint(send.side)
      : paint[this.run.types[send.type]];
    pen.lineWidth = 1;
    pen.setLineDash([2, 2]);
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
    pen.setLineDash([]);
    pen.beginPath();
    pen.moveTo(x1 - 3, y1 - 3);
    pen.lineTo(x1 + 3, y1 + 3);
    pen.moveTo(x1 + 3, y1 - 3);
    pen.lineTo(x1 - 3, y1 + 3);
    pen.stroke();
    pen.globalAlpha = 1;
  }
}
