// The page: one moment, shown by the map, the arena, the words and the table.
const sides = [], buttons = held.sides.map(({ button }) => made("button", "", button));
let side, moment = 0, playing = 0;

const own = by("measured").textContent, measured = own.startsWith("{") ? JSON.parse(own) : null;
const map = new MemoryMap(by("map"));
const table = new Table(by("table"), (operator) => go(side.begins[operator]));
by("network").textContent = held.network;
if (measured) { // by lowtide bench --report, of the first side
  const figure = made("div", "");
  figure.append(made("dt", "", measured.words), made("dd", "", amount(sum(measured.each))));
  by("figures").append(figure);
  by("column").textContent = measured.head;
  by("operators").className = "measured";
}
function sum(numbers) { return numbers.reduce((all, one) => all + one, 0); }
function amount(one) {
  if (measured.unit !== "seconds") return bytes(one);
  return one < 1e-3 ? `${(1e6 * one).toPrecision(3)} µs` : `${Number((1e3 * one).toPrecision(4))} ms`;
}

function choose(number) {
  side = sides[number] ??= new Side(held.sides[number]);
  buttons.forEach((one, k) => one.setAttribute("aria-pressed", k === number));
  const kept = held.kept.map((one) => `${one.name}, ${bytes(one.bytes)} bytes from byte ${bytes(one.from)} on`);
  by("note").textContent = `${side.head}: ${side.note}. Arena ${bytes(side.arena)} bytes.${kept.length ? ` Kept: ${kept.join("; ")}.` : ""}`;
  by("peak").textContent = side.peak;
  by("advice").textContent = number === 0 && held.advice ? `What to do: ${held.advice}` : "";
  by("moment").max = side.time.last;
  map.show(side);
  by("column").hidden = !measured || number > 0;
  table.show(side);
  go(side.live.indexOf(side.live.reduce((a, b) => Math.max(a, b)))); // begin at the peak
}
function go(to) {
  moment = Math.min(Math.max(to, 0), side.time.last);
  by("moment").value = moment;
  map.reveal(moment);
  table.mark(side.time.run(moment)?.[0], true);
  redraw();
}
function redraw() {
  map.draw(moment);
  arena();
  words();
}
function arena() { // what lies where at this moment
  const [c, width] = sized(by("now"));
  held.kept.forEach((one) => map.hatch(c, one, 0, width));
  for (const storage of side.storages)
    for (const segment of storage.segments) {
      const span = livingAt(segment, moment);
      if (!span) continue;
      const [low, high] = span.map((k) => map.y(segment.address + k * storage.cell));
      c.fillStyle = storage.colour[0];
      c.fillRect(0, high, width, Math.max(low - high, 0.5));
    }
  c.strokeStyle = ink("--ink");
  c.strokeRect(-5, map.y(side.arena), width + 10, 5000);
}
function words() {
  const run = side.time.run(moment), one = run && side.operators[run[0]];
  const rows = run && (run[1] === run[2] ? `row ${run[1] + 1}` : `rows ${run[1] + 1} to ${run[2] + 1}`); // from 1, as moments
  const who = !one ? (moment ? "the outputs are taken" : "the inputs are handed in") : `${one.name} (${one.type}) makes ${rows} of ${one.rows}`;
  by("said").textContent = `Moment ${bytes(moment)} of ${bytes(side.time.last)}: ${who}; ${bytes(side.live[moment])} bytes in use`;
  by("full").textContent = one ? `${one.full}: ${one.type}, ${one.shape.join("x")}` : "";
  by("meant").replaceChildren(...(one ? meant(one) : []).map((said) => made("li", "", said)));
  const living = side.storages.map((storage, k) => [side.bytesAt(storage, moment), storage, k]).filter(([n]) => n);
  living.sort((a, b) => b[0] - a[0]);
  const lines = living.slice(0, 8).map(([n, storage, k]) => {
    const line = document.createElement("li"), swatch = document.createElement("i");
    swatch.style.background = storage.colour[0];
    line.append(swatch, `${storage.owner}: ${bytes(n)} of ${bytes(storage.bytes)} bytes, ${why(one, k)}`);
    return line;
  });
  if (living.length > 8) {
    const line = document.createElement("li");
    line.textContent = `and ${living.length - 8} more, ${bytes(living.slice(8).reduce((sum, [n]) => sum + n, 0))} bytes`;
    lines.push(line);
  }
  by("living").replaceChildren(...lines);
}
function meant({ type }) { // what each part of it computes: Conv and Relu of Conv+Relu
  return [...new Set(type.split("+"))].filter((one) => held.types[one]).map((one) => `${one}: ${held.types[one]}`);
}
function why(operator, storage) {
  const { kind } = side.storages[storage];
  if (kind === "scratch") return "only while its operator works";
  if (operator?.makes === storage) return "made now";
  if (operator?.reads.includes(storage)) return "read now";
  const next = side.runs.slice(side.time.slot(moment)).find(([k]) => side.operators[k].reads.includes(storage))?.[0];
  if (next !== undefined) return `waits for ${side.operators[next].name}`;
  return kept(kind) ? "kept for the next call" : "an output";
}
const kept = (kind) => kind === "state" || kind === "earlier"; // from call to call
function tip(event) {
  const box = by("map").getBoundingClientRect(), at = map.slotAt(event.clientX - box.left), address = map.addressAt(event.clientY - box.top);
  const there = at < 0 ? -1 : side.find(side.time.moment(at), address);
  if (there !== map.lit) {
    map.lit = there;
    map.draw(moment);
  }
  const storage = side.storages[there];
  if (!storage) {
    const other = held.kept.find((one) => one.from <= address && address < one.from + one.bytes);
    return tell(event, other && [`kept: ${other.name}`, `${bytes(other.bytes)} bytes at ${bytes(other.from)}`, "nobody else's: it survives the turns of other networks"]);
  }
  const makers = side.makers[there].map((k) => side.operators[k].full), reader = side.readers[there].reduce((a, b) => (a === null || side.ends[b] > side.ends[a] ? b : a), null);
  const lines = [storage.owner, `tensor ${storage.name}`, `${storage.shape.join(" x ")} ${storage.type}, ${bytes(storage.bytes)} bytes at ${bytes(storage.low)}`];
  if (storage.kind === "scratch") return tell(event, [lines[0], `${bytes(storage.bytes)} bytes at ${bytes(storage.low)}`, "only while its operator works: nothing stays in it"]);
  const state = kept(storage.kind);
  tell(event, [
    ...lines,
    makers.length ? `made by ${makers.join(", ")}` : state ? "left by the call before" : "handed in by the caller",
    reader === null ? (state ? "kept for the next call" : "read by nobody: an output") : `read last by ${side.operators[reader].full}`,
  ]);
}
function turn(way) { // the first moment of the turn before or after
  const { time } = side, k = time.slot(moment);
  go(way > 0 ? time.edges[Math.min(k + 1, time.slots - 1)] : time.edges[Math.max(moment > time.edges[k] ? k : k - 1, 0)]);
}
function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => (moment < side.time.last ? go(moment + 1) : play(false)), 60) : 0;
  by("play").textContent = on ? "Pause" : "Play";
}
function zoom(factor, x, y) {
  map.zoom(factor, x, y);
  redraw();
}
function all() {
  map.all();
  redraw();
}
const keys = {
  ArrowRight: (event) => (event.shiftKey ? turn(1) : go(moment + 1)),
  ArrowLeft: (event) => (event.shiftKey ? turn(-1) : go(moment - 1)),
  Home: () => go(0), End: () => go(side.time.last),
  "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), 0: all,
  " ": () => play(!playing), Escape: () => { play(false); away(); },
};
by("map").addEventListener("keydown", (event) => {
  if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  keys[event.key](event);
});
let drag = null;
by("map").addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, moved: false }; by("map").setPointerCapture(event.pointerId); });
by("map").addEventListener("pointermove", (event) => {
  if (!drag) return tip(event);
  const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
  if (!drag.moved && Math.hypot(dx, dy) < 4) return;
  drag = { x: event.clientX, y: event.clientY, moved: true };
  map.pan(dx, dy);
  redraw();
});
by("map").addEventListener("pointerup", (event) => {
  if (drag && !drag.moved) go(side.time.moment(map.slotAt(event.clientX - by("map").getBoundingClientRect().left)));
  drag = null;
});
function away() { // the mouse is, or as good as
  by("tip").hidden = true;
  if (map.lit < 0) return;
  map.lit = -1;
  map.draw(moment);
}
by("map").addEventListener("pointerleave", away);
by("map").addEventListener("wheel", (event) => {
  if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
  event.preventDefault();
  const box = by("map").getBoundingClientRect();
  zoom(event.deltaY < 0 ? 1.25 : 0.8, event.clientX - box.left, event.clientY - box.top);
}, { passive: false });
by("moment").addEventListener("input", () => go(Number(by("moment").value)));
buttons.forEach((one, k) => one.addEventListener("click", () => choose(k)));
by("sides").append(...buttons);
by("in").addEventListener("click", () => zoom(1.5));
by("out").addEventListener("click", () => zoom(1 / 1.5));
by("all").addEventListener("click", all);
by("back").addEventListener("click", (event) => keys.ArrowLeft(event));
by("on").addEventListener("click", (event) => keys.ArrowRight(event));
by("play").addEventListener("click", () => play(!playing));
for (const [type, said] of Object.entries(held.types)) {
  const pair = made("div", "");
  pair.append(made("dt", "", type), made("dd", "", said));
  by("types").append(pair);
}
redrawn(() => { table.draw(); redraw(); });
choose(0);
