// Operators in the order they run, with lines to what reads them.
const ARCS = 48, LANES = 5;

class Table extends Rows {
  constructor(holder, chosen) {
    super(holder, (k) => chosen(this.order[k]));
    this.arcs = holder.querySelector("#arcs");
  }
  show(side) {
    this.side = side;
    this.order = side.operators.map((_, k) => k).filter((k) => side.begins[k]);
    this.order.sort((a, b) => side.begins[a] - side.begins[b]);
    this.place = [];
    this.order.forEach((operator, k) => { this.place[operator] = k; });
    this.wires = this.side.storages.map((_, k) => this.wire(k)).filter((one) => one.from.length && one.to.length);
    this.lanes();
    this.room();
    this.fill(this.order.length);
  }
  room() { // columns as wide as what is in them: names are not cut, where they may differ
    const { operators } = this.side, types = this.widest(["type", ...new Set(operators.map((one) => one.type))]);
    const most = (name) => bytes(operators.reduce((a, one) => Math.max(a, one[name]), 0));
    this.columns({
      name: this.widest(["operator", ...operators.map((one) => one.brief ?? one.name)]),
      type: Math.min(types, 69), types, // all of it where there is room
      shape: this.widest(["makes", ...new Set(operators.map((one) => one.shape.join("x")))]),
      macs: this.widest(["MACs", most("macs")]), weights: this.widest(["weights", most("weights")]),
    });
  }
  mark(operator, scroll) { super.mark(this.place[operator] ?? -1, scroll); }
  cells(k) {
    const one = this.side.operators[this.order[k]];
    return [["arcs", ""], ["no", k + 1], ["name", one.brief ?? one.name, "", one.full], ["type", one.type, "", meant(one).join("\n")], ["shape", one.shape.join("x")],
      ["num", bytes(one.rows)], ["num", bytes(one.macs)], ["num", bytes(one.weights)], ...this.measured(this.order[k])];
  }
  measured(operator) { // with a bar, of the most full
    if (!measured || this.side !== sides[0]) return [];
    const one = measured.each[operator], most = measured.each.reduce((a, b) => Math.max(a, b), 0), share = 100 * one / (most || 1);
    return [["num share", one === null ? "-" : amount(one), `linear-gradient(to left,var(--bar) ${share}%,transparent 0)`]];
  }
  draw() {
    const [from, to] = super.draw();
    this.draw_arcs(this.holder.scrollTop, this.holder.clientHeight, from, to);
  }
  wire(storage) { // from the operators that make it to those that read it later, as rows
    const rows = (operators) => operators.map((k) => this.place[k]).filter((k) => k !== undefined).sort((a, b) => a - b);
    const from = rows(this.side.makers[storage]), to = rows(this.side.readers[storage]).filter((k) => k > from[0]);
    const next = from.filter((k) => to.includes(k + 1)); // straight on
    const far = (k, others) => others.some((other) => other - k > 1);
    return { next, from: from.filter((k) => far(k, to) || next.includes(k)), to,
      leave: from.filter((k) => far(k, to)), arrive: to.filter((k) => from.some((other) => k - other > 1)) };
  }
  lanes() { // beside the dots, so that none lies on another where there is room
    const ends = [];
    for (const one of this.wires.filter(({ leave }) => leave.length).sort((a, b) => a.leave[0] - b.leave[0])) {
      one.end = Math.max(one.arrive.at(-1), one.leave.at(-1));
      const free = ends.findIndex((end) => end < one.leave[0]);
      one.lane = free < 0 ? Math.min(ends.length, LANES - 1) : free;
      ends[one.lane] = Math.max(ends[one.lane] ?? 0, one.end);
    }
  }
  draw_arcs(top, height, from, to) {
    this.arcs.style.cssText = `width:${ARCS}px;height:${height}px;margin-bottom:${-height}px`;
    const [c] = sized(this.arcs), x = ARCS - 8;
    const y = (k) => k * ROW + ROW / 2 - top, [accent, grey, black] = ["--accent", "--grey", "--ink"].map(ink);
    const lit = ({ from: makers, to: readers }) => makers.includes(this.at) || readers.includes(this.at);
    for (const one of [...this.wires].sort((a, b) => lit(a) - lit(b))) {
      if (one.from[0] > to || Math.max(one.to.at(-1), one.from.at(-1)) < from) continue;
      c.strokeStyle = lit(one) ? accent : grey;
      c.lineWidth = lit(one) ? 2 : 1;
      c.beginPath();
      for (const k of one.next) {
        c.moveTo(x, y(k));
        c.lineTo(x, y(k + 1));
      }
      if (one.leave.length) this.lane(c, one, x, x - 9 - 7 * one.lane, y);
      c.stroke();
    }
    for (let k = from; k < to; k++) {
      c.fillStyle = k === this.at ? accent : black;
      c.beginPath();
      c.arc(x, y(k), 3, 0, 7);
      c.fill();
    }
  }
  lane(c, { leave, arrive, end }, x, out, y) {
    const bend = ROW / 2;
    c.moveTo(out, y(leave[0]) + bend);
    c.lineTo(out, y(end) - bend);
    for (const [rows, way] of [[leave, 1], [arrive, -1]])
      for (const k of rows) {
        c.moveTo(x, y(k));
        c.quadraticCurveTo(out, y(k), out, y(k) + way * bend);
      }
  }
}
