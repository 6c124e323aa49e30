'use strict';

// What stands on the lines of the diagram: events, findings, the time cursor; and the overview.

Object.assign(Diagram.prototype, {
  drawEvents(replica) {
    const y = this.y(replica);
    for (const event of this.run.lines[replica]) {
      const x = this.x(event.time);
      if (x < this.gutter - 12 || x > this.width + 12) continue;
      this.pen.globalAlpha = this.weight(event);
      this.drawEvent(event, x, y);
      this.pen.globalAlpha = 1;
    }
  },

  drawEvent(event, x, y) {
    const { pen, paint } = this;
    const isMessage = event.kind === 'send' || event.kind === 'deliver';
    if (isMessage) {
      const { send } = event.message || {};
      if (!send || !this.isShown(send)) return;
      this.marks.push({ x, y, event });
      if (event === this.state.selected) this.ring(x, y);
      return;
    }
    if (this.state.slot && ['commit', 'execute', 'stable'].includes(event.kind) &&
        event.number !== this.state.slot) return;
    if (event.kind === 'commit') {
      pen.fillStyle = paint.commit;
      pen.beginPath();
      pen.arc(x, y, 4, 0, 2 * Math.PI);
      pen.fill();
    } else if (event.kind === 'execute') {
      pen.fillStyle = paint.ink;
      pen.fillRect(x - 3, y - 3, 6, 6);
    } else if (event.kind === 'stable') {
      pen.fillStyle = paint.checkpoint;
      pen.beginPath();
      pen.moveTo(x, y + 4);
      pen.lineTo(x + 5, y + 12);
      pen.lineTo(x - 5, y + 12);
      pen.fill();
    } else if (event.kind === 'submit') {
      pen.strokeStyle = event.number ? paint.ink : paint.faint;
      pen.lineWidth = 1.5;
      pen.beginPath();
      pen.moveTo(x, y - 12);
      pen.lineTo(x, y - 3);
      pen.stroke();
    } else if (event.kind === 'crash' || event.kind === 'stop') {
      this.cross(x, y);
    } else if (event.kind === 'evidence' || event.kind === 'violation') {
      this.diamond(x, y, event.kind === 'violation' ? '!' : '✓');
    } else if (event.kind === 'start') {
      pen.fillStyle = paint.good;
      pen.beginPath();
      pen.moveTo(x, y - 7);
      pen.lineTo(x + 9, y);
      pen.lineTo(x, y + 7);
      pen.fill();
    } else if (event.kind === 'enter' || event.kind === 'leave') {
      pen.fillStyle = paint['view-change'];
      pen.fillRect(x - 1.5, y - 11, 3, 22);
    } else {
      return;
    }
    this.marks.push({ x, y, event });
    if (event === this.state.selected) this.ring(x, y);
  },

  ring(x, y) {
    const { pen, paint } = this;
    pen.strokeStyle = paint.past;
    pen.lineWidth = 2.5;
    pen.beginPath();
    pen.arc(x, y, 10, 0, 2 * Math.PI);
    pen.stroke();
  },

  cross(x, y) {
    const { pen, paint } = this;
    pen.strokeStyle = paint.bad;
    pen.lineWidth = 4;
    pen.beginPath();
    pen.moveTo(x - 9, y - 9);
    pen.lineTo(x + 9, y + 9);
    pen.moveTo(x + 9, y - 9);
    pen.lineTo(x - 9, y + 9);
    pen.stroke();
  },

  diamond(x, y, sign) {
    const { pen, paint } = this;
    pen.fillStyle = paint.bad;
    pen.beginPath();
    pen.moveTo(x, y - 10);
    pen.lineTo(x + 10, y);
    pen.lineTo(x, y + 10);
    pen.lineTo(x - 10, y);
    pen.fill();
    pen.fillStyle = paint.paper;
    pen.textAlign = 'center';
    pen.font = '700 11px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
    pen.fillText(sign, x, y + 0.5);
    pen.textAlign = 'left';
    pen.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
  },

  burst(x, y) {
    const { pen, paint } = this;
    pen.fillStyle = paint.bad;
    pen.beginPath();
    for (let i = 0; i < 20; ++i) {
      const radius = i % 2 === 0 ? 15 : 9.5;
      const angle = (Math.PI * i) / 10;
      pen.lineTo(x + radius * Math.sin(angle), y - radius * Math.cos(angle));
    }
    pen.fill();
    pen.fillStyle = paint.paper;
    pen.textAlign = 'center';
    pen.font = '700 14px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
    pen.fillText('≠', x, y + 0.5);
    pen.textAlign = 'left';
    pen.font = '12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
  },

  // Text in a box of its own, where there is room for it; says whether there was.
  note(text, x, y, colour, fill) {
    const { pen, paint } = this;
    const width = pen.measureText(text).width + 12;
    const left = Math.min(Math.max(x, this.gutter + 3), this.width - width - 3);
    if (left < this.gutter) return false;
    const box = { left, top: y - 9, right: left + width, bottom: y + 9 };
    if (box.top < 22 || box.bottom > this.height) return false;
    if (this.taken.some((each) => each.left < box.right + 3 && box.left < each.right + 3 &&
        each.top < box.bottom + 2 && box.top < each.bottom + 2)) return false;
    this.taken.push(box);
    pen.fillStyle = fill || paint.paper;
    pen.strokeStyle = colour;
    pen.lineWidth = 1.2;
    pen.beginPath();
    pen.rect(box.left, box.top, width, 18);
    pen.fill();
    pen.stroke();
    pen.fillStyle = colour;
    pen.fillText(text, box.left + 6, y + 0.5);
    return true;
  },

  drawFindings() {
    const order = ['violation', 'equivocation', 'crash', 'stop', 'enter', 'leave', 'evidence',
      'recovered'];
    const near = this.run.findings.filter(({ event, replica }) => {
      const x = this.x(this.run.events[event].time);
      return x > this.gutter - 40 && x < this.width + 40 && this.rows.has(replica);
    });
    this.drawViews(near);
    near.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
    for (const finding of near) {
      const event = this.run.events[finding.event];
      const x = this.x(event.time);
      const y = this.y(finding.replica);
      this.pen.globalAlpha = this.weight(event) < 1 ? 0.35 : 1;
      this.drawFinding(finding, event, x, y);
      this.pen.globalAlpha = 1;
    }
  },

  // Lines from top to bottom: where a view begins, and where an invariant broke.
  drawViews(findings) {
    const { pen, paint, run } = this;
    const views = new Set();
    for (const { kind, event } of findings) {
      const { number, time } = run.events[event];
      const x = this.x(time);
      if (kind === 'violation') {
        pen.fillStyle = paint.bad;
        pen.fillRect(x - 1.5, 22, 3, this.height);
      }
      if (kind !== 'enter' || views.has(number)) continue;
      views.add(number);
      pen.strokeStyle = paint['view-change'];
      pen.lineWidth = 1.5;
      pen.setLineDash([3, 4]);
      pen.beginPath();
      pen.moveTo(x, 22);
      pen.lineTo(x, this.height);
      pen.stroke();
      pen.setLineDash([]);
      this.note(`view ${number} begins`, x + 4, 32, paint['view-change']);
    }
  },

  drawFinding(finding, event, x, y) {
    const { paint } = this;
    if (finding.kind === 'equivocation') {
      if (this.state.slot && finding.about.sequence !== this.state.slot) return;
      this.burst(x, y);
      const what = this.run.types[finding.about.type];
      const place = placeText(this.run, finding.about).replace('sequence ', '#')
        .replace('view ', 'v');
      const text = this.narrow ? `≠ ${what} ${place}` : `≠ ${what} ${place}: ${finding.more}`;
      if (!this.note(text, x - 12, y - 28, paint.bad, paint['bad-paper'])) {
        this.note(`≠ ${what} ${place}`, x - 12, y + 28, paint.bad, paint['bad-paper']);
      }
    } else if (finding.kind === 'violation') {
      if (!this.note(this.narrow ? 'agreement broken' : finding.text, x + 14, y + 24, paint.bad,
        paint['bad-paper'])) {
        this.note('broken', x + 14, y - 24, paint.bad, paint['bad-paper']);
      }
    } else if (finding.kind === 'enter') {
      this.note(`view ${event.number}`, x + 5, y - 20, paint['view-change']);
    } else if (finding.kind === 'leave') {
      const text = this.narrow ? `→ v${event.number}` : `→ view ${event.number}: ${event.text}`;
      if (!this.note(text, x + 5, y - 20, paint['view-change'])) {
        this.note(`→ v${event.number}`, x + 5, y + 22, paint['view-change']);
      }
    } else if (finding.kind === 'crash' || finding.kind === 'stop') {
      this.note(finding.kind === 'crash' ? `crash (${event.text})` : `stops: ${event.text}`,
        x + 14, y - 16, paint.bad);
    } else if (finding.kind === 'evidence') {
      this.note(`proves that ${event.peer} lied`, x + 8, y + 22, paint.bad);
    } else if (finding.kind === 'recovered') {
      this.note('recovered', x + 5, y - 20, paint.good);
    }
  },

  drawCursor() {
    const { pen, paint, state } = this;
    const x = this.x(state.time);
    pen.strokeStyle = paint.past;
    pen.lineWidth = 1.2;
    pen.beginPath();
    pen.moveTo(x, 20);
    pen.lineTo(x, this.height);
    pen.stroke();
    pen.fillStyle = paint.past;
    pen.beginPath();
    pen.moveTo(x - 5, 20);
    pen.lineTo(x + 5, 20);
    pen.lineTo(x, 27);
    pen.fill();
  },

  drawOverview() {
    const { paint, run } = this;
    const { axis } = this.state;
    const pen = this.overview.getContext('2d');
    const place = (unit) => 4 + (unit / axis.end) * (this.width - 8);
    pen.clearRect(0, 0, this.width, 30);
    const counts = new Array(Math.ceil(this.width)).fill(0);
    for (const { time } of run.events) ++counts[Math.floor(place(axis.unitOf(time)))];
    const most = Math.max(...counts, 1);
    pen.fillStyle = paint.lane;
    counts.forEach((count, x) => {
      if (count > 0) pen.fillRect(x, 28 - Math.max(20 * (count / most), 1), 1, 30);
    });
    for (const finding of run.findings) {
      const isBad = ['equivocation', 'crash', 'stop', 'evidence', 'violation'].includes(
        finding.kind);
      pen.fillStyle = isBad ? paint.bad : paint['view-change'];
      pen.fillRect(place(axis.unitOf(run.events[finding.event].time)) - 1, isBad ? 0 : 3, 2, 9);
    }
    pen.strokeStyle = paint.past;
    pen.lineWidth = 2;
    const left = Math.max(place(axis.from), 1);
    pen.strokeRect(left, 1, Math.min(place(axis.from + axis.span), this.width - 1) - left, 28);
  },

  // The event nearest to a point, and how near.
  hit(x, y) {
    let best = null;
    let least = 10;
    for (const mark of this.marks) {
      let distance;
      if (mark.x0 === undefined) {
        distance = Math.hypot(mark.x - x, mark.y - y) - 3;
      } else {
        const dx = mark.x1 - mark.x0;
        const dy = mark.y1 - mark.y0;
        const length = dx * dx + dy * dy || 1;
        const share = ((x - mark.x0) * dx + (y - mark.y0) * dy) / length;
        if (share < 0 || share > 1) continue;
        distance = Math.hypot(mark.x0 + share * dx - x, mark.y0 + share * dy - y) + 1;
      }
      if (distance < least) {
        least = distance;
        best = mark.event;
      }
    }
    return best;
  },
});
