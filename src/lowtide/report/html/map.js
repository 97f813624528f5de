// The map: address over time. It draws what is seen, in bands no thinner than half a pixel.
const LEFT = 66, TOP = 10, BOTTOM = 26;

class MemoryMap {
  constructor(canvas) {
    this.canvas = canvas;
    this.lit = -1;
  }
  show(side) {
    this.side = side;
    this.all();
  }
  all() {
    this.from = 0;
    this.to = this.side.time.slots;
    this.low = 0;
    this.high = Math.max(this.side.arena, 1) * 1.03;
  }
  x(slot) { return LEFT + (slot - this.from) / (this.to - this.from) * (this.width - LEFT); }
  y(address) { return this.height - BOTTOM - (address - this.low) / (this.high - this.low) * (this.height - BOTTOM - TOP); }
  slotAt(x) { return this.from + (x - LEFT) / (this.width - LEFT) * (this.to - this.from); }
  addressAt(y) { return this.low + (this.height - BOTTOM - y) / (this.height - BOTTOM - TOP) * (this.high - this.low); }
  zoom(factor, x = (this.width + LEFT) / 2, y = this.height / 2) {
    const slot = this.slotAt(x), address = this.addressAt(y), { slots } = this.side.time;
    const wide = Math.min((this.to - this.from) / factor, slots);
    const tall = Math.min((this.high - this.low) / factor, this.side.arena * 1.03);
    this.place(slot - (slot - this.from) / (this.to - this.from) * wide, wide,
      address - (address - this.low) / (this.high - this.low) * tall, tall);
  }
  place(from, wide, low, tall) { // inside of what there is
    this.from = Math.min(Math.max(from, 0), this.side.time.slots - wide);
    this.to = this.from + wide;
    this.low = Math.min(Math.max(low, 0), this.side.arena * 1.03 - tall);
    this.high = this.low + tall;
  }
  pan(dx, dy) {
    const wide = this.to - this.from, tall = this.high - this.low;
    this.place(this.from - dx / (this.width - LEFT) * wide, wide,
      this.low + dy / (this.height - BOTTOM - TOP) * tall, tall);
  }
  reveal(moment) { // moves on where the moment is out of sight
    const at = this.side.time.at(moment), wide = this.to - this.from;
    if (at < this.from || at > this.to) this.place(at - wide / 2, wide, this.low, this.high - this.low);
  }
  draw(moment) {
    const [c, width, height] = sized(this.canvas);
    this.width = width;
    this.height = height;
    this.axes(c);
    c.save();
    c.beginPath();
    c.rect(LEFT, TOP, width - LEFT, height - BOTTOM - TOP);
    c.clip();
    held.kept.forEach((one) => this.hatch(c, one, LEFT, width));
    this.side.storages.forEach((storage, k) => this.storage(c, storage, k));
    this.curve(c);
    c.strokeStyle = ink("--ink");
    c.strokeRect(LEFT - 5, this.y(this.side.arena), width + 10, this.height);
    c.fillStyle = ink("--alarm");
    const { time } = this.side;
    const from = this.x(time.at(moment));
    c.fillRect(from - 0.75, 0, 1.5, height);
    c.globalAlpha = 0.25; // what lies there is seen through it
    c.fillRect(from, 0, this.x(time.at(moment + 1)) - from, height);
    c.globalAlpha = 1;
    this.side.storages.forEach((storage) => this.label(c, storage)); // last: no line goes through a name
    c.restore();
  }
  storage(c, storage, number) {
    if (storage.high <= this.low || storage.low >= this.high) return;
    c.globalAlpha = this.lit < 0 || this.lit === number ? 1 : 0.3;
    c.fillStyle = storage.colour[0];
    const { time } = this.side, scale = (this.height - BOTTOM - TOP) / (this.high - this.low);
    for (const s of storage.segments) {
      const tall = s.cells * storage.cell * scale;
      const bands = s.later || s.longer ? Math.min(Math.max(Math.ceil(tall * 2), 1), s.cells) : 1;
      for (let b = 0; b < bands; b++) {
        const k = Math.floor(b * s.cells / bands), end = Math.floor((b + 1) * s.cells / bands);
        const low = s.address + k * storage.cell, high = s.address + end * storage.cell;
        if (high <= this.low || low >= this.high) continue;
        const first = Math.min(s.first + k * s.later, s.first + (end - 1) * s.later);
        const last = Math.max(s.last + k * s.longer, s.last + (end - 1) * s.longer);
        if (first > last) continue;
        const left = this.x(time.at(first)), right = this.x(time.at(last + 1));
        if (right < LEFT || left > this.width) continue;
        c.fillRect(left, this.y(high), Math.max(right - left, 0.5), Math.max(this.y(low) - this.y(high), 0.5));
      }
    }
    c.globalAlpha = 1;
  }
  hatch(c, { from, bytes: size }, left, right) { // bytes that are kept from call to call
    const low = this.y(from), high = this.y(from + size);
    c.save();
    c.beginPath();
    c.rect(left, high, right - left, low - high);
    c.strokeStyle = ink("--grey");
    c.stroke();
    c.clip();
    c.globalAlpha = 0.5;
    c.beginPath();
    for (let x = left - (low - high); x < right; x += 7) {
      c.moveTo(x, low);
      c.lineTo(x + low - high, high);
    }
    c.stroke();
    c.restore();
  }
  label(c, storage) { // the name, in its largest segment, where there is room
    const { time } = this.side;
    let best = null, most = 0;
    for (const s of storage.segments.length > 64 ? [] : storage.segments) {
      const left = Math.max(this.x(time.at(Math.max(s.first, s.first + (s.cells - 1) * s.later))), LEFT);
      const right = Math.min(this.x(time.at(Math.min(s.last, s.last + (s.cells - 1) * s.longer) + 1)), this.width);
      const top = this.y(s.address + s.cells * storage.cell), bottom = this.y(s.address);
      if ((right - left) * (bottom - top) > most && bottom - top > 13) {
        most = (right - left) * (bottom - top);
        best = [left, right, (top + bottom) / 2];
      }
    }
    if (!best || c.measureText(storage.owner).width > best[1] - best[0] - 6) return;
    const at = [storage.owner, (best[0] + best[1] - c.measureText(storage.owner).width) / 2, best[2] + 4];
    c.strokeStyle = storage.colour[0];
    c.lineWidth = 3;
    c.strokeText(...at);
    c.fillStyle = "#17202a"; // colours are light in both schemes
    c.fillText(...at);
  }
  curve(c) { // the live bytes
    const { time, live } = this.side;
    c.beginPath();
    const first = time.moment(this.from), last = Math.min(time.moment(this.to) + 1, time.last + 1);
    let before = -1;
    for (let moment = first; moment <= last; moment++) {
      if (live[moment] === before) continue; // level: the next step draws it
      const x = this.x(time.at(moment));
      if (before >= 0) c.lineTo(x, this.y(before));
      c.lineTo(x, this.y(live[moment]));
      before = live[moment];
    }
    c.lineTo(this.x(time.at(last + 1)), this.y(Math.max(before, 0)));
    c.strokeStyle = ink("--paper");
    c.lineWidth = 3;
    c.stroke();
    c.strokeStyle = ink("--ink");
    c.lineWidth = 1;
    c.stroke();
  }
  axes(c) {
    const rough = (this.high - this.low) / 6, power = 2 ** Math.floor(Math.log2(Math.max(rough, 1)));
    const step = power * (rough / power > 1.4 ? 2 : 1);
    c.textAlign = "right";
    for (let at = Math.ceil(this.low / step) * step; at < this.high; at += step) {
      c.fillStyle = ink("--line");
      c.fillRect(LEFT, this.y(at), this.width - LEFT, 1);
      c.fillStyle = ink("--grey");
      c.fillText(bytes(at), LEFT - 5, this.y(at) + 4);
    }
    c.textAlign = "left";
    this.turns(c);
  }
  turns(c) { // names along the time, each once; of those that begin near by the one that is as far
    const { time, operators } = this.side; // in the network as its turn is in time
    let free = LEFT, best = null;
    this.named = new Set();
    const write = () => {
      if (!best) return;
      c.fillRect(best.x, this.height - BOTTOM, 1, 6);
      c.fillText(best.name, best.x + 2, this.height - 9);
      this.named.add(best.name);
      free = best.x + best.wide + 14;
      best = null;
    };
    for (let k = Math.floor(this.from); k < this.to && k < time.slots; k++) {
      const x = Math.max(this.x(k), LEFT), run = time.runs[k - 1], at = run ? run[0] : k ? operators.length : 0;
      if (best && x > best.until) write();
      const name = run ? operators[at].brief ?? operators[at].name : k ? "outputs" : "inputs", wide = c.measureText(name).width;
      if (x < free || x + 2 + wide > this.width || this.named.has(name)) continue;
      const off = Math.abs(at / operators.length - k / time.slots), until = best?.until ?? x + 40;
      if (!best || off < best.off) best = { name, x, wide, off, until };
    }
    write();
  }
}
