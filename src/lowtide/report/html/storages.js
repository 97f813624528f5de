// Storages as segments: cells side by side in memory whose lives grow evenly. Cell k of a segment
// lies at address + k * cell and lives from first + k * later to last + k * longer.
function segmentsOf(storage) {
  const cells = storage.live.reduce((sum, run) => sum + run[0], 0);
  const each = cells / storage.rows.length, found = [];
  let done = 0;
  for (const [count, first, last, later, longer] of storage.live) {
    for (let k = 0; k < count;) {
      const row = Math.floor((done + k) / each), end = Math.min(count, (row + 1) * each - done);
      const address = storage.rows[row] + (done + k - row * each) * storage.cell;
      found.push({ address, cells: end - k, first: first + k * later, last: last + k * longer, later, longer });
      k = end;
    }
    done += count;
  }
  return found;
}

// The cells of a segment that live at a moment, [from, to): they are neighbours.
function livingAt(segment, moment) {
  let from = 0, to = segment.cells;
  const { first, last, later, longer } = segment;
  if (later > 0) to = Math.min(to, Math.floor((moment - first) / later) + 1);
  else if (later < 0) from = Math.max(from, Math.ceil((moment - first) / later));
  else if (first > moment) return null;
  if (longer > 0) from = Math.max(from, Math.ceil((moment - last) / longer));
  else if (longer < 0) to = Math.min(to, Math.floor((moment - last) / longer) + 1);
  else if (last < moment) return null;
  return from < to ? [from, to] : null;
}

// One side: its storages with what is asked of them often.
class Side {
  constructor(held) {
    Object.assign(this, held);
    this.time = new Timeline(held.runs);
    this.readers = this.storages.map(() => []);
    this.makers = this.storages.map(() => []); // several where tensors are joined in it
    this.begins = this.operators.map(() => 0); // the moment of its first turn
    this.ends = this.operators.map(() => 0);
    held.runs.forEach(([operator], k) => {
      if (!this.begins[operator]) this.begins[operator] = this.time.edges[k + 1];
      this.ends[operator] = this.time.edges[k + 2] - 1;
    });
    this.operators.forEach((one, k) => {
      for (const storage of one.reads) this.readers[storage].push(k);
      this.makers[one.makes].push(k);
    });
    for (const storage of this.storages) {
      storage.segments = segmentsOf(storage);
      storage.bytes = storage.segments.reduce((sum, one) => sum + one.cells * storage.cell, 0);
      storage.low = Math.min(...storage.rows);
      storage.high = Math.max(...storage.segments.map((s) => s.address + s.cells * storage.cell));
    }
    this.live = this.curve();
  }
  curve() { // the live bytes at each moment
    const change = new Float64Array(this.time.last + 3);
    for (const { segments, cell } of this.storages)
      for (const s of segments)
        for (let k = 0; k < s.cells; k++) {
          const first = s.first + k * s.later, last = s.last + k * s.longer;
          if (first <= last) { change[first] += cell; change[last + 1] -= cell; }
        }
    for (let k = 1; k < change.length; k++) change[k] += change[k - 1];
    return change;
  }
  bytesAt(storage, moment) {
    let cells = 0;
    for (const segment of storage.segments) {
      const span = livingAt(segment, moment);
      if (span) cells += span[1] - span[0];
    }
    return cells * storage.cell;
  }
  find(moment, address) { // the number of the storage that lives there, or -1
    return this.storages.findIndex((storage) => storage.low <= address && address < storage.high
      && storage.segments.some((s) => {
        const k = Math.floor((address - s.address) / storage.cell);
        if (k < 0 || k >= s.cells) return false;
        return s.first + k * s.later <= moment && moment <= s.last + k * s.longer;
      }));
  }
}
