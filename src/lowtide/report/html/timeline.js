// Moments and slots. A turn of an operator (some of its rows) is a slot of the map, all equally
// wide; slot 0 is when the caller hands in the inputs, the last when the outputs are taken.
class Timeline {
  constructor(runs) {
    this.runs = runs;
    this.edges = [0, 1]; // the first moment of each slot
    for (const [, , rows, ticks, , together] of runs)
      this.edges.push(this.edges.at(-1) + Math.ceil(rows / together) * ticks);
    this.last = this.edges.at(-1); // the moment after the last turn
    this.edges.push(this.last + 1);
    this.slots = this.edges.length - 1;
  }
  slot(moment) { // the slot that a moment falls into
    let low = 0, high = this.slots;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.edges[middle] <= moment) low = middle; else high = middle;
    }
    return low;
  }
  at(moment) { // where a moment begins, in slots
    const k = Math.min(this.slot(moment), this.slots - 1);
    return k + (moment - this.edges[k]) / (this.edges[k + 1] - this.edges[k]);
  }
  moment(at) { // the moment at a position
    const k = Math.min(Math.max(Math.floor(at), 0), this.slots - 1);
    const wide = this.edges[k + 1] - this.edges[k];
    return this.edges[k] + Math.min(Math.max(Math.floor((at - k) * wide), 0), wide - 1);
  }
  run(moment) { // the turn at a moment: [operator, first row, last row], or null
    const k = this.slot(moment) - 1;
    if (k < 0 || k >= this.runs.length) return null;
    const [operator, first, rows, ticks, backward, together] = this.runs[k];
    const step = Math.floor((moment - this.edges[k + 1]) / ticks);
    const from = step * together, to = Math.min(from + together, rows) - 1;
    return [operator, ...(backward ? [first + rows - 1 - to, first + rows - 1 - from] : [first + from, first + to])];
  }
}
