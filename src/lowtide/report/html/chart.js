// Points in a plane, lower left is better, with the front of those shown: the least memory for each
// amount of what is across.
const EDGE = { left: 62, top: 26, right: 14, bottom: 44 };

class Chart {
  constructor(canvas) { this.canvas = canvas; }
  show(points, across, up) { // axes: {words, of(point), says(number), plus}
    Object.assign(this, { across, up });
    this.points = points.filter((one) => across.of(one) !== null && up.of(one) !== null);
    this.scales = [across, up].map((axis) => new Scale(this.points.map(axis.of), axis.plus));
    const order = [...this.points].sort((a, b) => across.of(a) - across.of(b) || up.of(a) - up.of(b));
    this.stair = [];
    for (const one of order) if (!this.stair.length || up.of(one) < up.of(this.stair.at(-1))) this.stair.push(one);
    this.order = order;
  }
  place(one) {
    const { left, top, right, bottom } = EDGE, [x, y] = this.scales;
    return [left + (this.width - left - right) * (0.02 + 0.96 * x.at(this.across.of(one))),
      this.height - bottom - (this.height - bottom - top) * y.at(this.up.of(one))];
  }
  near(x, y) { // the nearest point in reach, the front's before others that lie there too
    let best = null, least = 18;
    for (const one of this.points) {
      const [px, py] = this.place(one), away = Math.hypot(px - x, py - y) - (one.front ? 2 : 0);
      if (away < least) [best, least] = [one, away];
    }
    return best;
  }
  step(one, way) { // the next point across
    const { order } = this, k = order.indexOf(one);
    return order[Math.min(Math.max(k + way, 0), order.length - 1)] ?? null;
  }
  draw(lit, chosen) {
    const [c, width, height] = sized(this.canvas);
    Object.assign(this, { width, height });
    this.axes(c);
    const places = new Map(this.points.map((one) => [one, this.place(one)]));
    c.fillStyle = ink("--grey");
    c.globalAlpha = 0.55;
    for (const one of this.points) if (!one.front) this.dot(c, places.get(one), 3, true);
    c.globalAlpha = 1;
    this.line(c, places);
    c.strokeStyle = c.fillStyle = ink("--accent");
    c.lineWidth = 1.5;
    for (const one of this.points) if (one.front) this.dot(c, places.get(one), 5, this.stair.includes(one));
    this.numbers(c, places);
    c.lineWidth = 2.5;
    for (const [one, colour, radius] of [[lit, "--ink", 8], [chosen, "--alarm", 9]]) {
      if (!places.has(one)) continue;
      c.strokeStyle = ink(colour);
      this.dot(c, places.get(one), radius, false);
    }
  }
  dot(c, [x, y], radius, full) {
    c.beginPath();
    c.arc(x, y, radius, 0, 7);
    if (full) c.fill(); else c.stroke();
  }
  line(c, places) { // the front as stairs
    c.strokeStyle = ink("--accent");
    c.lineWidth = 1.5;
    c.beginPath();
    this.stair.forEach((one, k) => {
      const [x, y] = places.get(one);
      if (k) c.lineTo(x, places.get(this.stair[k - 1])[1]);
      c.lineTo(x, y);
    });
    if (this.stair.length) c.lineTo(this.width - EDGE.right, places.get(this.stair.at(-1))[1]);
    c.stroke();
  }
  numbers(c, places) { // of the front, as in the table, where there is room
    c.fillStyle = ink("--ink");
    const best = this.points.filter((one) => one.front), taken = best.map((one) => places.get(one));
    for (const one of best) {
      const [x, y] = places.get(one), wide = c.measureText(one.front).width;
      const free = [[9, -6], [9, 13], [-8 - wide, -6], [-8 - wide, 13]].map(([dx, dy]) => [x + dx + wide / 2, y + dy - 4])
        .find(([a, b]) => !taken.some(([p, q]) => (p !== x || q !== y) && Math.abs(p - a) < 12 && Math.abs(q - b) < 11));
      if (!free) continue;
      taken.push(free);
      c.fillText(one.front, free[0] - wide / 2, free[1] + 4);
    }
  }
  axes(c) {
    const { left, top, right, bottom } = EDGE, [x, y] = this.scales;
    let free = -1;
    for (const at of x.ticks()) {
      const px = left + (this.width - left - right) * (0.02 + 0.96 * x.at(at)), words = this.across.says(at), wide = c.measureText(words).width;
      c.fillStyle = ink("--line");
      c.fillRect(px, top, 1, this.height - top - bottom);
      if (px - wide / 2 < free) continue;
      free = px + wide / 2 + 8;
      c.fillStyle = ink("--grey");
      c.textAlign = "center";
      c.fillText(words, Math.min(px, this.width - wide / 2), this.height - bottom + 15);
    }
    c.textAlign = "right";
    for (const at of y.ticks()) {
      const py = this.height - bottom - (this.height - bottom - top) * y.at(at);
      c.fillStyle = ink("--line");
      c.fillRect(left, py, this.width - left - right, 1);
      c.fillStyle = ink("--grey");
      c.fillText(this.up.says(at), left - 5, py + 4);
    }
    c.fillStyle = ink("--ink");
    c.fillText(`${this.across.words}, ${x.words} →`, this.width - right, this.height - 8);
    c.textAlign = "left";
    c.fillText(`↑ ${this.up.words}, ${y.words}`, 2, 15);
  }
}
