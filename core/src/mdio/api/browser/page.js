// Browses the slices of one volume: asks the server for float32 values and draws them; no library, no other origin.
"use strict";

const MAPS = {
  grey: ["#000", "#fff"],
  "red-white-blue": ["#053061", "#4393c3", "#f7f7f7", "#d6604d", "#67001f"],
  "brown-white-black": ["#000", "#fff", "#7a3b10"],
  viridis: ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"],
};
const MARGIN = { left: 64, right: 84, top: 8, bottom: 40 };
const KEPT = 24;

const state = { dims: [], fixed: [], shown: [0, 1], colours: "grey", gain: 3, wiggles: false, slice: null, drawn: null };
const cache = new Map();
const at = (id) => document.getElementById(id);
let wanted = 0;

// -- the volume ----------------------------------------------------------------------------------------------------

async function start() {
  const facts = await ask("volume.json").then((answer) => answer.json());
  state.dims = facts.dims;
  state.fixed = facts.dims.map((dim) => Math.floor(dim.size / 2));
  at("source").textContent = "\u200e" + facts.source;
  at("source").title = facts.source;
  document.title = facts.source.split("/").filter(Boolean).pop() + " · mdio";
  for (const name of Object.keys(MAPS)) at("colours").add(new Option(name, name));
  viewButtons();
  show(views()[0].shown);
  at("colours").onchange = () => { state.colours = at("colours").value; draw(); };
  at("gain").oninput = () => setGain(2 ** Number(at("gain").value));
  at("wiggles").onchange = () => { state.wiggles = at("wiggles").checked; draw(); };
  at("picture").onmousemove = (event) => readOut(event);
  at("picture").onmouseleave = () => { at("readout").textContent = "–"; };
  at("picture").onwheel = (event) => { event.preventDefault(); move(Math.sign(event.deltaY)); };
  document.onkeydown = keyDown;
  new ResizeObserver(draw).observe(at("picture"));
  setGain(state.gain);
}

// Every pair of axes can be shown; in three dimensions a view is called by the axis that is left out.
function views() {
  const found = [];
  const dims = state.dims;
  for (let fast = dims.length - 1; fast > 0; fast--) {
    for (let slow = fast - 1; slow >= 0; slow--) {
      const left = dims.filter((_, axis) => axis !== slow && axis !== fast);
      const name = left.length === 1 ? left[0].label : dims[slow].label + " × " + dims[fast].label;
      found.push({ name, shown: [slow, fast] });
    }
  }
  return found;
}

function viewButtons() {
  views().forEach((view, number) => {
    const button = document.createElement("button");
    button.textContent = view.name;
    button.title = "Key " + (number + 1);
    button.setAttribute("role", "radio");
    button.onclick = () => { show(view.shown); button.blur(); };
    at("views").append(button);
  });
}

function show(shown) {
  state.shown = shown;
  [...at("views").children].forEach((button, number) => {
    button.setAttribute("aria-checked", String(String(views()[number].shown) === String(shown)));
  });
  at("sliders").replaceChildren(...fixedAxes().map(slider));
  load();
}

const fixedAxes = () => state.dims.map((_, axis) => axis).filter((axis) => !state.shown.includes(axis));

function slider(axis) {
  const dim = state.dims[axis];
  const row = document.createElement("div");
  row.className = "row";
  const label = Object.assign(document.createElement("span"), { textContent: dim.label });
  const range = Object.assign(document.createElement("input"), { type: "range", min: 0, max: dim.size - 1, step: 1 });
  const number = Object.assign(document.createElement("input"), { type: "number", step: "any" });
  const unit = Object.assign(document.createElement("span"), { className: "unit", textContent: dim.unit });
  range.id = "at-" + dim.name;
  number.id = "number-" + dim.name;
  range.setAttribute("aria-label", dim.label);
  number.setAttribute("aria-label", dim.label + " number");
  range.oninput = () => { state.fixed[axis] = Number(range.value); tell(); load(); };
  number.onchange = () => { state.fixed[axis] = nearest(dim, Number(number.value)); tell(); load(); };
  const tell = () => { range.value = state.fixed[axis]; number.value = coordinate(dim, state.fixed[axis]); };
  row.tell = tell;
  row.append(label, range, number, unit);
  tell();
  return row;
}

function coordinate(dim, position) {
  if (dim.coords) return dim.coords[position];
  return dim.size > 1 ? dim.ends[0] + (position * (dim.ends[1] - dim.ends[0])) / (dim.size - 1) : dim.ends[0];
}

function nearest(dim, value) {
  if (!Number.isFinite(value)) return 0;
  if (!dim.coords) {
    const share = (value - dim.ends[0]) / (dim.ends[1] - dim.ends[0] || 1);
    return Math.min(dim.size - 1, Math.max(0, Math.round(share * (dim.size - 1))));
  }
  let best = 0;
  dim.coords.forEach((one, position) => { if (Math.abs(one - value) < Math.abs(dim.coords[best] - value)) best = position; });
  return best;
}

// -- slices --------------------------------------------------------------------------------------------------------

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({ error: answer.statusText }));
    throw new Error(said.error);
  }
  return answer;
}

function address(fixed) {
  const box = at("picture").getBoundingClientRect();
  // Twice the pixels there are: every second sample of a reflection alone would alias.
  const dense = 2 * Math.ceil(devicePixelRatio);
  const query = new URLSearchParams(fixedAxes().map((axis) => [state.dims[axis].name, fixed[axis]]));
  // In steps, so that a window that grows a little asks for nothing new.
  query.set("columns", Math.min(4096, 512 * Math.ceil((box.width * dense) / 512)));
  query.set("rows", Math.min(4096, 512 * Math.ceil((box.height * dense) / 512)));
  return "slice.f32?" + query;
}

function fetched(path) {
  if (!cache.has(path)) {
    const promise = ask(path).then(async (answer) => {
      const facts = JSON.parse(answer.headers.get("X-Slice"));
      const raw = new DataView(await answer.arrayBuffer());
      const values = new Float32Array(raw.byteLength / 4);
      for (let index = 0; index < values.length; index++) values[index] = raw.getFloat32(4 * index, true);
      return { facts, values };
    });
    promise.catch(() => cache.delete(path));
    cache.set(path, promise);
    if (cache.size > KEPT) cache.delete(cache.keys().next().value);
  }
  return cache.get(path);
}

let pending = null;
let busy = false;

// One slice is asked for at a time: a slider that is dragged skips what it passed.
async function load() {
  pending = { path: address(state.fixed), number: ++wanted };
  if (busy) return;
  busy = true;
  while (pending) {
    const { path, number } = pending;
    pending = null;
    const begun = performance.now();
    try {
      const slice = await fetched(path);
      if (number !== wanted) continue;
      state.slice = slice;
      const [rows, columns] = slice.facts.shape;
      say(`${slice.facts.title || "whole"} · ${columns} × ${rows} · ${Math.round(performance.now() - begun)} ms`);
      draw();
      ahead();
    } catch (error) {
      say(error.message, true);
    }
  }
  busy = false;
}

// The next slices in both directions are there before they are asked for.
function ahead() {
  const axis = fixedAxes()[0];
  if (axis === undefined) return;
  for (const step of [1, -1]) {
    const fixed = [...state.fixed];
    fixed[axis] += step;
    if (fixed[axis] >= 0 && fixed[axis] < state.dims[axis].size) fetched(address(fixed)).catch(() => {});
  }
}

function say(text, wrong = false) {
  at("status").textContent = text;
  at("status").className = wrong ? "wrong" : "";
}

// -- keys ----------------------------------------------------------------------------------------------------------

function move(step) {
  const axis = fixedAxes()[0];
  if (axis === undefined) return;
  state.fixed[axis] = Math.min(state.dims[axis].size - 1, Math.max(0, state.fixed[axis] + step));
  [...at("sliders").children].forEach((row) => row.tell());
  load();
}

function setGain(gain) {
  state.gain = Math.min(16, Math.max(0.25, gain));
  at("gain").value = Math.log2(state.gain);
  at("gain-text").textContent = state.gain.toPrecision(2);
  draw();
}

function keyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || ["number"].includes(event.target.type)) return;
  const first = state.dims.length && fixedAxes()[0];
  const actions = {
    ArrowRight: () => move(1),
    ArrowLeft: () => move(-1),
    PageDown: () => move(10),
    PageUp: () => move(-10),
    Home: () => move(-Infinity),
    End: () => move(first === undefined ? 0 : state.dims[first].size),
    ArrowUp: () => setGain(state.gain / 1.2),
    ArrowDown: () => setGain(state.gain * 1.2),
    c: () => { const box = at("colours"); box.selectedIndex = (box.selectedIndex + 1) % box.length; box.onchange(); },
    w: () => { at("wiggles").click(); },
  };
  const view = views()[Number(event.key) - 1];
  const action = view ? () => show(view.shown) : actions[event.key];
  if (!action) return;
  event.preventDefault();
  action();
}

// -- drawing -------------------------------------------------------------------------------------------------------

function ramp(name) {
  const stops = MAPS[name].map((text) => {
    const long = text.length === 4 ? [...text.slice(1)].map((digit) => digit + digit).join("") : text.slice(1);
    return [0, 2, 4].map((from) => parseInt(long.slice(from, from + 2), 16));
  });
  const table = new Uint8ClampedArray(3 * 256);
  for (let level = 0; level < 256; level++) {
    const place = (level / 255) * (stops.length - 1);
    const below = Math.min(stops.length - 2, Math.floor(place));
    for (let part = 0; part < 3; part++) {
      table[3 * level + part] = stops[below][part] + (place - below) * (stops[below + 1][part] - stops[below][part]);
    }
  }
  return table;
}

function draw() {
  const canvas = at("picture");
  const box = canvas.getBoundingClientRect();
  const dense = devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(box.width * dense));
  canvas.height = Math.max(1, Math.round(box.height * dense));
  const pen = canvas.getContext("2d");
  pen.scale(dense, dense);
  const frame = {
    x: MARGIN.left, y: MARGIN.top,
    width: box.width - MARGIN.left - MARGIN.right, height: box.height - MARGIN.top - MARGIN.bottom,
  };
  state.drawn = null;
  if (!state.slice || frame.width < 10 || frame.height < 10) return;
  state.drawn = frame;
  const { facts } = state.slice;
  const [rows, columns] = facts.shape;
  const wiggles = state.wiggles && !facts.sliced && frame.width / columns >= 4;
  ground(pen, frame);
  if (wiggles) drawWiggles(pen, frame); else drawColours(pen, frame);
  if (state.wiggles && !wiggles) say(facts.sliced ? "a slice has no wiggles" : "too many traces for wiggles");
  pen.strokeStyle = pen.fillStyle = getComputedStyle(document.body).color;
  pen.lineWidth = 1;
  pen.strokeRect(frame.x - 0.5, frame.y - 0.5, frame.width + 1, frame.height + 1);
  pen.font = "12px system-ui, sans-serif";
  ticks(pen, frame, facts.across, columns, true);
  ticks(pen, frame, facts.down, rows, false);
  if (!wiggles) bar(pen, frame);
}

// Hatched where nothing is drawn: dead traces, and samples that are no numbers.
function ground(pen, frame) {
  pen.save();
  pen.beginPath();
  pen.rect(frame.x, frame.y, frame.width, frame.height);
  pen.clip();
  pen.fillStyle = "#e6e1d5";
  pen.fillRect(frame.x, frame.y, frame.width, frame.height);
  pen.strokeStyle = "#b8af9b";
  pen.beginPath();
  for (let x = frame.x - frame.height; x < frame.x + frame.width; x += 8) {
    pen.moveTo(x, frame.y + frame.height);
    pen.lineTo(x + frame.height, frame.y);
  }
  pen.stroke();
  pen.restore();
}

const limits = (facts) => [facts.centre - state.gain * facts.std, facts.centre + state.gain * facts.std];

function drawColours(pen, frame) {
  const { facts, values } = state.slice;
  const [rows, columns] = facts.shape;
  const [low, high] = limits(facts);
  const table = ramp(state.colours);
  const image = new ImageData(columns, rows);
  const scale = 255 / (high - low);
  for (let row = 0; row < rows; row++) {
    // A map has its first line at the bottom.
    const target = (facts.sliced ? rows - 1 - row : row) * columns;
    for (let column = 0; column < columns; column++) {
      const value = values[row * columns + column];
      if (Number.isNaN(value)) continue;
      const level = 3 * Math.min(255, Math.max(0, Math.round((value - low) * scale)));
      const pixel = 4 * (target + column);
      image.data[pixel] = table[level];
      image.data[pixel + 1] = table[level + 1];
      image.data[pixel + 2] = table[level + 2];
      image.data[pixel + 3] = 255;
    }
  }
  const small = new OffscreenCanvas(columns, rows);
  small.getContext("2d").putImageData(image, 0, 0);
  // Smoothing would let dead traces fade into live ones; it is of use only where pixels are fewer than samples.
  pen.imageSmoothingEnabled = columns > frame.width || rows > frame.height;
  pen.drawImage(small, frame.x, frame.y, frame.width, frame.height);
}

function drawWiggles(pen, frame) {
  const { facts, values } = state.slice;
  const [rows, columns] = facts.shape;
  const width = frame.width / columns;
  const half = state.gain * facts.std;
  const depth = (row) => frame.y + ((row + 0.5) * frame.height) / rows;
  pen.save();
  pen.beginPath();
  pen.rect(frame.x, frame.y, frame.width, frame.height);
  pen.clip();
  const live = (column) => { for (let row = 0; row < rows; row++) if (!Number.isNaN(values[row * columns + column])) return true; return false; };
  pen.fillStyle = "#fff";
  const drawn = [...Array(columns).keys()].filter(live);
  for (const column of drawn) pen.fillRect(frame.x + column * width, frame.y, width + 0.5, frame.height);
  pen.fillStyle = pen.strokeStyle = "#1a1a1a";
  pen.lineWidth = 0.6;
  for (const column of drawn) {
    const middle = frame.x + (column + 0.5) * width;
    const swing = (row) => {
      const share = (values[row * columns + column] - facts.centre) / half;
      return Number.isNaN(share) ? 0 : Math.min(1, Math.max(-1, share)) * 1.5 * width;
    };
    const line = new Path2D();
    const lobe = new Path2D();
    lobe.moveTo(middle, depth(0));
    let before = 0;
    for (let row = 0; row < rows; row++) {
      const now = swing(row);
      if (row === 0) line.moveTo(middle + now, depth(0)); else line.lineTo(middle + now, depth(row));
      if (row && before * now < 0) lobe.lineTo(middle, depth(row - now / (now - before)));
      lobe.lineTo(middle + Math.max(0, now), depth(row));
      before = now;
    }
    lobe.lineTo(middle, depth(rows - 1));
    pen.fill(lobe);
    pen.stroke(line);
  }
  pen.restore();
}

const dimOf = (axis) => state.dims.find((dim) => dim.name === axis.name);

function even(dim) {
  if (!dim.coords || dim.size < 3) return true;
  const step = (dim.ends[1] - dim.ends[0]) / (dim.size - 1);
  return step !== 0 && dim.coords.every((one, position) => Math.abs(one - dim.ends[0] - position * step) < Math.abs(step) * 1e-3);
}

function ticks(pen, frame, axis, count, across) {
  const dim = dimOf(axis);
  const room = across ? frame.width / 90 : frame.height / 45;
  const marks = [];
  const last = (count - 1) * axis.step;
  const [from, to] = [coordinate(dim, 0), coordinate(dim, last)];
  if (even(dim) && last > 0 && to !== from) {
    let step = 10 ** Math.floor(Math.log10(Math.abs(to - from) / room));
    step *= [1, 2, 2.5, 5, 10].find((times) => Math.abs(to - from) / (step * times) <= room) || 10;
    if (dim.coords ? dim.coords.every(Number.isInteger) : dim.ends.every(Number.isInteger)) step = Math.max(1, Math.round(step));
    const [low, high] = [Math.min(from, to), Math.max(from, to)];
    for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9 * step; value += step) {
      marks.push([((value - from) / (to - from)) * (count - 1), String(Number(value.toPrecision(8)))]);
    }
  } else {
    const step = Math.max(1, Math.ceil(count / room));
    for (let index = 0; index < count; index += step) marks.push([index, String(Number(coordinate(dim, index * axis.step).toPrecision(8)))]);
  }
  const flipped = !across && state.slice.facts.sliced;
  pen.textAlign = across ? "center" : "right";
  pen.textBaseline = across ? "top" : "middle";
  pen.beginPath();
  for (const [index, text] of marks) {
    const share = (index + 0.5) / count;
    const x = frame.x + share * frame.width;
    const y = frame.y + (flipped ? 1 - share : share) * frame.height;
    if (across) { pen.moveTo(x, frame.y + frame.height); pen.lineTo(x, frame.y + frame.height + 5); }
    else { pen.moveTo(frame.x, y); pen.lineTo(frame.x - 5, y); }
    pen.fillText(text, across ? x : frame.x - 8, across ? frame.y + frame.height + 7 : y);
  }
  pen.stroke();
  const unit = dim.unit ? ` (${dim.unit})` : "";
  const title = dim.label + unit + (axis.step > 1 ? `, one in ${axis.step}` : "");
  pen.save();
  pen.textAlign = "center";
  if (across) pen.fillText(title, frame.x + frame.width / 2, frame.y + frame.height + 24);
  else { pen.translate(10, frame.y + frame.height / 2); pen.rotate(-Math.PI / 2); pen.textBaseline = "middle"; pen.fillText(title, 0, 0); }
  pen.restore();
}

function bar(pen, frame) {
  const [low, high] = limits(state.slice.facts);
  const table = ramp(state.colours);
  const x = frame.x + frame.width + 14;
  for (let pixel = 0; pixel < frame.height; pixel++) {
    const level = 3 * Math.round(255 * (1 - pixel / frame.height));
    pen.fillStyle = `rgb(${table[level]},${table[level + 1]},${table[level + 2]})`;
    pen.fillRect(x, frame.y + pixel, 12, 1.5);
  }
  pen.fillStyle = pen.strokeStyle;
  pen.strokeRect(x - 0.5, frame.y - 0.5, 13, frame.height + 1);
  pen.textAlign = "left";
  [[high, "top", 0], [(low + high) / 2, "middle", 0.5], [low, "bottom", 1]].forEach(([value, base, share]) => {
    pen.textBaseline = base;
    pen.fillText(String(Number(value.toPrecision(3))), x + 17, frame.y + share * frame.height);
  });
}

function readOut(event) {
  if (!state.drawn) return;
  const { facts, values } = state.slice;
  const [rows, columns] = facts.shape;
  const frame = state.drawn;
  const column = Math.floor(((event.offsetX - frame.x) / frame.width) * columns);
  let row = Math.floor(((event.offsetY - frame.y) / frame.height) * rows);
  if (facts.sliced) row = rows - 1 - row;
  if (column < 0 || row < 0 || column >= columns || row >= rows) { at("readout").textContent = "–"; return; }
  const told = [[facts.across, column], [facts.down, row]].map(([axis, index]) => {
    const dim = dimOf(axis);
    return `${dim.label} ${Number(coordinate(dim, index * axis.step).toPrecision(10))}${dim.unit ? " " + dim.unit : ""}`;
  });
  const value = values[row * columns + column];
  at("readout").textContent = `${told.join(", ")}: ${Number.isNaN(value) ? "no data" : Number(value.toPrecision(6))}`;
}

start().catch((error) => say(error.message, true));
