// The page: points that are shown, the one that is looked at, the one that was chosen.
const known = (name) => (one) => one[name];
const kib = (n) => (n === null ? "-" : size(n));
const percent = (n) => `${n > 0 ? "+" : ""}${Number((100 * n).toFixed(1))} %`;
const memory = { says: (n) => `${bytes(Number(n.toPrecision(3)))} KiB` };
const inKib = (name) => (one) => (one[name] === null ? null : one[name] / 1024);
const AXES = {
  arena: { words: "arena", of: inKib("arena"), ...memory },
  ram: { words: "RAM: arena, stack and state", of: inKib("ram"), ...memory },
  overhead: { words: "extra multiply-adds", of: (one) => 100 * one.overhead, says: (n) => `${n} %`, plus: true },
  traffic: { words: "weights read in a run", of: inKib("traffic"), ...memory },
  code: { words: "code", of: inKib("code"), ...memory },
  seconds: { words: "seconds to plan", of: known("seconds"), says: (n) => `${Number(n.toPrecision(3))} s` },
};
const FIGURES = [ // name, words, number in words, words at the head of the table
  ["arena", "Arena", kib, "arena"], ["ram", "RAM", kib, "RAM"], ["overhead", "Extra multiply-adds", percent, "extra"],
  ["macs", "Multiply-adds", bytes], ["traffic", "Weights read in a run", kib, "weights"], ["code", "Code", kib, "code"],
  ["seconds", "Planned in", (n) => `${n.toFixed(1)} s`],
];
const COLUMNS = FIGURES.filter(([name, , , head]) => head && held.points.some((one) => one[name] !== null));
const other = held.options.network ? "other point of its network" : "other point";
const beaten = `${other.slice(6)} needs no more of any of these, and less of one: ${held.compared}.`;
let lit = null, chosen = null, shown = [];

function size(n) {
  if (n < 1024) return `${n} B`;
  return n < 1 << 20 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / (1 << 20)).toFixed(2)} MiB`;
}
class Points extends Rows {
  cells(k) {
    const one = shown[k];
    return [["no", one.front || ""], ["name", one.name], ...COLUMNS.map(([name, , says]) => ["num", says(one[name])]),
      ...one.chips.map(([, short]) => ["chip", short])];
  }
}
const chart = new Chart(by("chart"));
const table = new Points(by("table"), (k) => choose(shown[k]));

function select(holder, words, values, start) {
  const label = made("label", "", `${words} `), one = made("select", "");
  one.append(...values.map(([value, said]) => {
    const option = made("option", "", said);
    option.value = value;
    return option;
  }));
  one.value = start;
  one.addEventListener("change", show);
  label.append(one);
  by(holder).append(label);
  return one;
}
const offered = (names) => names.filter((name) => held.points.some((one) => AXES[name].of(one) !== null))
  .map((name) => [name, AXES[name].words]);
const ups = offered(["arena", "ram"]), acrosses = offered(["overhead", "traffic", "code", "seconds"]);
const up = select("axes", "Up", ups.length ? ups : [["arena", AXES.arena.words]], ups.at(-1)?.[0] ?? "arena");
const across = select("axes", "Across", acrosses.length ? acrosses : [["overhead", AXES.overhead.words]],
  (acrosses.find(([name]) => new Set(held.points.map(AXES[name].of)).size > 1) ?? ["overhead"])[0]);
const filters = Object.entries(held.options).map(([name, values]) => {
  const all = values.map((value, k) => [String(k), value]), one = name === "network"; // fronts of two are not one
  return [name, select("filters", name, one ? all : [["", "any"], ...all], one ? "0" : "")];
});
const fits = held.chips.length ? select("filters", "fits", [["", "any or none"], ...held.chips.entries(),
  ...(held.chips.length > 1 ? [["all", "all of them"]] : [])], "") : { value: "" };
const holds = ({ chips }) => fits.value === "" || (fits.value === "all" ? chips.every(([one]) => one) : chips[fits.value][0]);

function show() { // what the filters let through
  const asked = filters.filter(([, one]) => one.value !== "");
  shown = held.points.filter((one) => (!by("best").checked || one.front)
    && holds(one) && asked.every(([name, { value }]) => one.options[name] === held.options[name][value]));
  shown.sort((a, b) => b.arena - a.arena || a.overhead - b.overhead);
  by("count").textContent = `${bytes(shown.length)} of ${bytes(held.points.length)} points shown`;
  chart.show(shown, AXES[across.value], AXES[up.value]);
  const without = shown.length - chart.points.length;
  if (without) by("count").textContent += `, ${bytes(without)} of them not measured`;
  table.fill(shown.length);
  lit = null;
  choose(shown.includes(chosen) ? chosen : unasked());
}
function unasked() { // what fit alone would make: the least memory that costs no extra work
  const of = AXES[up.value].of, known = shown.filter((one) => of(one) !== null);
  return (known.length ? known : shown).reduce((a, b) =>
    (a && (a.overhead - b.overhead || of(a) - of(b) || a.traffic - b.traffic) <= 0 ? a : b), null);
}
function look(one) {
  if (one === lit) return;
  lit = one;
  chart.draw(lit, chosen);
  by("said").textContent = one ? words(one).join("; ") : "";
}
function words(one) {
  return [`${one.front ? `${one.front}: ` : ""}${one.name}`, `${up.value === "ram" ? "RAM" : "arena"} ${kib(one[up.value])}`,
    `${percent(one.overhead)} multiply-adds`, `${size(one.traffic)} of weights read`];
}
function choose(one) {
  chosen = one;
  table.mark(shown.indexOf(one), true);
  chart.draw(lit, chosen);
  by("plan").hidden = !one;
  if (!one) return;
  by("name").textContent = one.front ? `${one.front}: ${one.name}` : one.name;
  by("rank").textContent = one.front ? `On the front: no ${other} needs less of one of these and no more of the rest: ${held.compared}.`
    : `Not on the front: another ${beaten}`;
  by("figures").replaceChildren(...[
    ...FIGURES.filter(([name]) => one[name] !== null).map(([name, said, says]) => [said, says(one[name])]),
    ...one.chips.map(([, , long], k) => [held.chips[k], long]),
  ].map(([said, says]) => {
    const pair = made("div", "");
    pair.append(made("dt", "", said), made("dd", "", says));
    return pair;
  }));
  small();
  by("command").textContent = one.command;
  by("copy").textContent = "Copy";
}
function small() { // what lies where in the plan that was chosen, as small_map.py says it
  const text = chosen?.map ?? "";
  by("small").hidden = !text;
  if (!text) return;
  const [c, width, height] = sized(by("small")), columns = text.split(";"), wide = width / columns.length;
  let spans = [];
  columns.forEach((column, k) => {
    if (column !== "=") spans = column.split(",").map(Number);
    for (let at = 0; at + 2 < spans.length; at += 3) {
      const [from, to, storage] = spans.slice(at, at + 3);
      c.fillStyle = `hsl(${(250 + 137.5 * storage) % 360} 50% 70%)`;
      const left = Math.floor(k * wide), top = Math.floor(height * (1 - to / 48));
      c.fillRect(left, top, Math.floor((k + 1) * wide) - left, Math.floor(height * (1 - from / 48)) - top);
    }
  });
}
async function copy() {
  try {
    await navigator.clipboard.writeText(chosen.command);
  } catch { // not allowed: mark it, and ask the browser in the old way
    getSelection().selectAllChildren(by("command"));
    document.execCommand("copy");
  }
  by("copy").textContent = "Copied";
}
const near = (event) => {
  const box = by("chart").getBoundingClientRect();
  return chart.near(event.clientX - box.left, event.clientY - box.top);
};
by("chart").addEventListener("pointermove", (event) => {
  const one = near(event);
  look(one);
  tell(event, one && words(one));
});
by("chart").addEventListener("pointerleave", (event) => { tell(event); look(null); });
by("chart").addEventListener("click", (event) => choose(near(event) ?? chosen));
const keys = {
  ArrowRight: () => look(chart.step(lit ?? chosen, 1)), ArrowLeft: () => look(chart.step(lit ?? chosen, -1)),
  Home: () => look(chart.order[0] ?? null), End: () => look(chart.order.at(-1) ?? null),
  Escape: () => { look(null); by("tip").hidden = true; }, Enter: () => choose(lit ?? chosen), " ": () => choose(lit ?? chosen),
};
by("chart").addEventListener("keydown", (event) => {
  if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  keys[event.key]();
});
by("best").addEventListener("change", show);
by("copy").addEventListener("click", copy);
by("network").textContent = held.network;
by("state").textContent = held.state;
by("grey").textContent = `Grey: another ${beaten}`;
by("unmeasured").textContent = held.unmeasured;
by("head").append(...[["no", "#"], ["name", "recipe"], ...COLUMNS.map(([, , , head]) => ["num", head]),
  ...held.chips.map((name) => ["chip", name])].map(([kind, text]) => made("span", kind, text)));
const name = table.widest(["recipe", ...new Set(held.points.map((one) => one.name))]);
const chip = table.widest([...held.chips, ...new Set(held.points.flatMap((one) => one.chips.map(([, short]) => short)))]);
table.columns({ name, chip });
for (const id of ["head", "table"]) by(id).style.minWidth = `${44 + name + 66 * COLUMNS.length + (chip + 6) * held.chips.length}px`;
redrawn(() => { table.draw(); chart.draw(lit, chosen); small(); });
show();
