// Where a number lies between two ends, and which round numbers are written there: linear, log, or
// plus, log(1 + number): as log, from 0 up. As scale.py has it for front.svg.
class Scale {
  constructor(numbers, plus) {
    const high = numbers.reduce((a, b) => Math.max(a, b), 0);
    const least = numbers.reduce((a, b) => Math.min(a, b), high);
    this.kind = plus ? "plus" : least > 0 && high > 6 * least ? "log" : "linear";
    if (this.kind === "log") [this.low, this.high] = [least / 1.5, high * 1.25];
    else [this.low, this.high] = [0, plus ? Math.max(high, 10) : Math.max(high, 1e-9) * 1.12];
  }
  get words() { return this.kind === "linear" ? "linear" : "logarithmic"; }
  bent(number) { return { linear: number, log: Math.log(number), plus: Math.log(1 + Math.max(number, 0)) }[this.kind]; }
  at(number) { return (this.bent(number) - this.bent(this.low)) / (this.bent(this.high) - this.bent(this.low)); }
  ticks() {
    const found = [];
    if (this.kind === "linear") {
      const rough = (this.high - this.low) / 6, unit = 10 ** Math.floor(Math.log10(rough));
      const step = unit * [1, 2, 5, 10].find((m) => m * unit >= rough * 0.999);
      for (let k = Math.ceil(this.low / step); k * step <= this.high; k++) found.push(k * step);
      return found;
    }
    if (this.kind === "plus") found.push(0);
    for (let unit = this.kind === "plus" ? 1 : 10 ** Math.floor(Math.log10(this.low)); unit <= this.high; unit *= 10)
      for (const m of [1, 2, 5]) if (m * unit >= this.low && m * unit <= this.high) found.push(m * unit);
    return found;
  }
}
