// Rows of a table, all equally high. Only those in sight are there.
const ROW = 24;

class Rows {
  constructor(holder, chosen) { // `chosen` is told the number of a row
    this.holder = holder;
    this.rows = holder.querySelector("#rows");
    this.at = -1;
    holder.addEventListener("scroll", () => this.draw());
    for (const [event, all] of [["beforeprint", true], ["afterprint", false]])
      window.addEventListener(event, () => { this.all = all; this.draw(); });
    holder.addEventListener("keydown", (event) => {
      const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!move || !this.count) return;
      event.preventDefault();
      chosen(Math.min(Math.max(this.at + move, 0), this.count - 1));
    });
    this.rows.addEventListener("click", (event) => {
      const row = event.target.closest(".row");
      if (row && !getSelection().toString()) chosen(Number(row.dataset.row));
    });
  }
  widest(words) { // pixels of the longest
    const c = document.createElement("canvas").getContext("2d");
    c.font = `12px ${getComputedStyle(this.holder).fontFamily}`;
    return Math.ceil(words.reduce((a, one) => Math.max(a, c.measureText(one).width), 0)) + 3;
  }
  columns(wide) { // each as wide as what is in it
    for (const [name, pixels] of Object.entries(wide)) this.holder.closest(".wide").style.setProperty(`--${name}`, `${pixels}px`);
  }
  fill(count) {
    this.count = count;
    this.rows.style.height = `${count * ROW}px`;
    this.at = -1;
    this.draw();
  }
  mark(at, scroll) {
    this.at = at;
    const top = at * ROW, { scrollTop, clientHeight } = this.holder;
    if (scroll && at >= 0 && (top < scrollTop || top + ROW > scrollTop + clientHeight))
      this.holder.scrollTop = top - clientHeight / 2;
    this.draw();
  }
  draw() {
    const { scrollTop, clientHeight } = this.holder;
    const from = this.all ? 0 : Math.floor(scrollTop / ROW); // on paper nothing scrolls
    const to = this.all ? this.count : Math.min(from + Math.ceil(clientHeight / ROW) + 1, this.count);
    const rows = [];
    for (let k = from; k < to; k++) rows.push(this.row(k));
    this.rows.replaceChildren(...rows);
    return [from, to];
  }
  row(k) {
    const row = made("div", k === this.at ? "row at" : "row");
    row.dataset.row = k;
    row.setAttribute("role", "row");
    row.style.top = `${k * ROW}px`;
    row.append(...this.cells(k).map(([kind, text, background = "", full = text]) => {
      const cell = made("span", kind, text);
      cell.title = full;
      cell.style.background = background;
      cell.setAttribute("role", "cell");
      return cell;
    }));
    return row;
  }
}
