// Operators in the order they run, with arcs to what reads them.
const ARCS = 48;

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
    this.edges = this.order.flatMap((reader) => side.operators[reader].reads
      .map((storage) => side.makers[storage])
      .filter((maker) => maker !== null && maker !== reader && this.place[maker] !== undefined)
      .map((maker) => [this.place[maker], this.place[reader]]));
    this.fill(this.order.length);
  }
  mark(operator, scroll) { super.mark(this.place[operator] ?? -1, scroll); }
  cells(k) {
    const one = this.side.operators[this.order[k]];
    return [["arcs", ""], ["no", k + 1], ["name", one.name], ["type", one.type], ["shape", one.shape.join("x")],
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
  draw_arcs(top, height, from, to) {
    this.arcs.style.cssText = `width:${ARCS}px;height:${height}px;margin-bottom:${-height}px`;
    const [c] = sized(this.arcs), x = ARCS - 8;
    const y = (k) => k * ROW + ROW / 2 - top, [accent, grey, black] = ["--accent", "--grey", "--ink"].map(ink);
    for (const [maker, reader] of this.edges) {
      if (Math.max(maker, reader) < from || Math.min(maker, reader) > to) continue;
      const lit = maker === this.at || reader === this.at;
      c.strokeStyle = lit ? accent : grey;
      c.lineWidth = lit ? 2 : 1;
      c.beginPath();
      c.moveTo(x, y(maker));
      const out = reader - maker === 1 ? x : x - Math.min(10 + 7 * Math.log2(Math.abs(reader - maker)), ARCS - 12);
      c.bezierCurveTo(out, y(maker), out, y(reader), x, y(reader));
      c.stroke();
    }
    for (let k = from; k < to; k++) {
      c.fillStyle = k === this.at ? accent : black;
      c.beginPath();
      c.arc(x, y(k), 3, 0, 7);
      c.fill();
    }
  }
}
