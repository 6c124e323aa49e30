'use strict';

// From time to pixels. Work comes in bursts with idle time between them, so idle time is shortened
// unless the true scale is wanted: a gap counts for `gap` at most.

class Axis {
  constructor(run, isTrue) {
    const gap = 6000;
    this.isTrue = isTrue;
    this.times = [];
    this.units = [];
    let unit = 0;
    let last = null;
    for (const { time } of run.events) {
      if (time === last) continue;
      if (last !== null) unit += isTrue ? time - last : Math.min(time - last, gap);
      this.times.push(time);
      this.units.push(unit);
      last = time;
    }
    if (this.times.length === 0) {
      this.times.push(0);
      this.units.push(0);
    }
    this.end = Math.max(unit, 1);
    this.from = 0;
    this.span = this.end;
  }

  unitOf(time) { return Axis.map(this.times, this.units, time); }
  timeOf(unit) { return Axis.map(this.units, this.times, unit); }

  static map(from, to, value) {
    let low = 0;
    let high = from.length - 1;
    if (value <= from[0]) return to[0];
    if (value >= from[high]) return to[high];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (from[middle] <= value) low = middle; else high = middle;
    }
    const width = from[high] - from[low];
    return width > 0 ? to[low] + ((value - from[low]) / width) * (to[high] - to[low]) : to[low];
  }

  // Half a picture of nothing may stand before the first event and behind the last.
  show(from, span) {
    this.span = this.bounded(span);
    this.from = Math.min(Math.max(from, -this.span / 2), this.end - this.span / 2);
  }

  zoom(factor, unit) {
    const share = (unit - this.from) / this.span;
    const span = this.bounded(this.span * factor);
    this.show(unit - share * span, span);
  }

  bounded(span) { return Math.min(Math.max(span, 200), this.end * 1.08 + 400); }
}
