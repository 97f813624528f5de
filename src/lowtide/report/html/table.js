// Operators in the order they run, with arcs to what reads them. Only rows in sight are there.
const ROW = 24, ARCS = 48;

class Table {
  constructor(holder, chosen) {
    this.holder = holder;
    this.rows = holder.querySelector("#rows");
    this.arcs = holder.querySelector("#arcs");
    this.at = -1;
    holder.addEventListener("scroll", () => this.draw());
    holder.addEventListener("keydown", (event) => {
      const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!move) return;
      event.preventDefault();
      chosen(this.order[Math.min(Math.max(this.place[this.at] + move, 0), this.order.length - 1)] ?? this.order[0]);
    });
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row) chosen(Number(row.dataset.operator));
    });
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
    this.rows.style.height = `${this.order.length * ROW}px`;
    this.at = -1;
    this.draw();
  }
  mark(operator, scroll) {
    this.at = operator ?? -1;
    const top = this.place[this.at] * ROW, { scrollTop, clientHeight } = this.holder;
    if (scroll && top >= 0 && (top < scrollTop || top + ROW > scrollTop + clientHeight))
      this.holder.scrollTop = top - clientHeight / 2;
    this.draw();
  }
  draw() {
    const { scrollTop, clientHeight } = this.holder;
    const from = Math.floor(scrollTop / ROW), to = Math.min(from + Math.ceil(clientHeight / ROW) + 1, this.order.length);
    this.rows.replaceChildren(...this.order.slice(from, to).map((operator, k) => this.row(operator, from + k)));
    this.draw_arcs(scrollTop, clientHeight, from, to);
  }
  row(operator, k) {
    const one = this.side.operators[operator], row = document.createElement("div");
    row.className = operator === this.at ? "row at" : "row";
    row.dataset.operator = operator;
    row.setAttribute("role", "row");
    row.style.top = `${k * ROW}px`;
    const cells = [["arcs", ""], ["no", k + 1], ["name", one.name], ["type", one.type], ["shape", one.shape.join("x")],
      ["num", bytes(one.rows)], ["num", bytes(one.macs)], ["num", bytes(one.weights)]];
    row.append(...cells.map(([kind, text]) => {
      const cell = document.createElement("span");
      cell.className = kind;
      cell.setAttribute("role", "cell");
      cell.textContent = cell.title = text;
      return cell;
    }));
    return row;
  }
  draw_arcs(top, height, from, to) {
    this.arcs.style.cssText = `width:${ARCS}px;height:${height}px;margin-bottom:${-height}px`;
    const [c] = sized(this.arcs), x = ARCS - 8;
    const y = (k) => k * ROW + ROW / 2 - top, [accent, grey, black] = ["--accent", "--grey", "--ink"].map(ink);
    for (const [maker, reader] of this.edges) {
      if (Math.max(maker, reader) < from || Math.min(maker, reader) > to) continue;
      const lit = this.order[maker] === this.at || this.order[reader] === this.at;
      c.strokeStyle = lit ? accent : grey;
      c.lineWidth = lit ? 2 : 1;
      c.beginPath();
      c.moveTo(x, y(maker));
      const out = reader - maker === 1 ? x : x - Math.min(10 + 7 * Math.log2(Math.abs(reader - maker)), ARCS - 12);
      c.bezierCurveTo(out, y(maker), out, y(reader), x, y(reader));
      c.stroke();
    }
    for (let k = from; k < to; k++) {
      c.fillStyle = this.order[k] === this.at ? accent : black;
      c.beginPath();
      c.arc(x, y(k), 3, 0, 7);
      c.fill();
    }
  }
}
