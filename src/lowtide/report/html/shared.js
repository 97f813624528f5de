// What every page has: its data, its elements, canvases, numbers, and words beside the mouse.
const held = JSON.parse(document.getElementById("data").textContent);
const by = (id) => document.getElementById(id);

function sized(canvas) { // the canvas at the screen's own pixels; its context, in CSS pixels
  const ratio = window.devicePixelRatio || 1, { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px ui-sans-serif, system-ui, sans-serif";
  return [context, width, height];
}
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const bytes = (n) => n.toLocaleString("en");

function made(kind, className, text = "") {
  const one = document.createElement(kind);
  one.className = className;
  one.textContent = text;
  return one;
}
function tell(event, lines) { // lines beside the mouse; none: nothing
  const shown = by("tip");
  shown.hidden = !lines;
  if (!lines) return;
  shown.textContent = lines.join("\n");
  shown.style.left = `${Math.min(event.clientX + 14, window.innerWidth - shown.offsetWidth - 8)}px`;
  shown.style.top = `${Math.min(event.clientY + 14, window.innerHeight - shown.offsetHeight - 8)}px`;
}
function redrawn(draw) { // whenever the window or the colours change
  window.addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}
