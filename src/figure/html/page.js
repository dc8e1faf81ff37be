"use strict";
// Draws what Rust packed: see `pack.rs` for the parts and their steps.
const about = JSON.parse(document.getElementById("about").textContent);
const element = (id) => document.getElementById(id);
const bytesOf = (text) => Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
const colours = bytesOf(about.colours);
const parts = {};
const [rows, cols] = about.grid;
const patches = rows * cols;
const state = { token: -1, source: "decoder", layer: -1, head: -1, shared: false, opacity: 0.8 };

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// A part with scales: `map(i)` is the i-th map.
function scaled(bytes, shape) {
  const count = shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const scales = new Float32Array(bytes.buffer.slice(0, 4 * count));
  const steps = bytes.subarray(4 * count);
  return { shape, map: (i) => Float32Array.from(steps.subarray(i * patches, (i + 1) * patches), (s) => scales[i] * (s / 255) ** 2) };
}

async function unpack() {
  const data = bytesOf(element("data").textContent);
  for (const name of ["means", "cls", "heads", "answer_heads", "shares", "no_shares"]) {
    const place = about.index[name];
    if (!place) continue;
    const bytes = await inflated(data.subarray(place.at, place.at + place.bytes));
    parts[name] = name.endsWith("shares") ? { shape: place.shape, steps: bytes } : scaled(bytes, place.shape);
  }
}

const NONE = "no number";
// JSON has null for it.
const isNone = (value) => value === null || Number.isNaN(value);
// Math.max would be none as soon as one of them is.
const largest = (values, least) => values.reduce((most, value) => (value > most ? value : most), least);
const text = (value) => {
  if (isNone(value)) return NONE;
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size < 1e-4 || size >= 1e5 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
};
const percent = (value) => (isNone(value) ? NONE : (value * 100).toFixed(1) + " %");

function mean(maps) {
  const sum = new Float32Array(patches);
  for (const map of maps) for (let i = 0; i < patches; i++) sum[i] += map[i] / maps.length;
  return sum;
}

const decoderTokens = () => parts.means.shape[0];
// The slider counts layers that were kept; this is the number of the layer itself.
const layerNumber = (place) => (state.source === "vision" ? place : about.index.layers[place]);

function decoderMap(token) {
  // The whole answer is its words: what ends it is none of them.
  const tokens = token < 0 ? about.whole : [token];
  const [, kept] = parts.means.shape;
  const places = state.layer < 0 ? [...Array(kept).keys()] : [state.layer];
  if (state.head < 0) return mean(tokens.flatMap((t) => places.map((l) => parts.means.map(t * kept + l))));
  const numbers = places.map(layerNumber);
  if (parts.heads) {
    const [, layers, heads] = parts.heads.shape;
    return mean(tokens.flatMap((t) => numbers.map((l) => parts.heads.map((t * layers + l) * heads + state.head))));
  }
  const heads = parts.answer_heads.shape[1];
  return mean(numbers.map((l) => parts.answer_heads.map(l * heads + state.head)));
}

function visionMap() {
  const [layers, heads] = parts.cls.shape;
  const inLayers = state.layer < 0 ? [...Array(layers).keys()] : [state.layer];
  const inHeads = state.head < 0 ? [...Array(heads).keys()] : [state.head];
  return mean(inLayers.flatMap((l) => inHeads.map((h) => parts.cls.map(l * heads + h))));
}

const shownMap = () => (state.source === "vision" ? visionMap() : decoderMap(state.token));
const headsOfAnswer = () => state.source === "decoder" && state.head >= 0 && !parts.heads;

let sharedCache = { key: "", value: 0 };
function range(map) {
  const own = largest(map, 0);
  if (!state.shared || state.source === "vision" || headsOfAnswer()) return own;
  const key = state.layer + "/" + state.head;
  if (sharedCache.key !== key) {
    let most = 0;
    for (let t = 0; t < decoderTokens(); t++) most = largest(decoderMap(t), most);
    sharedCache = { key, value: most };
  }
  return Math.max(own, sharedCache.value);
}

function photoWindow() {
  const [w, h] = about.photo;
  const [x0, y0, x1, y1] = about.seen;
  return [Math.min(x0, 0), Math.min(y0, 0), Math.max(x1, w), Math.max(y1, h)];
}

let shown = new Float32Array(patches);
function draw() {
  shown = shownMap();
  const top = range(shown);
  const [x0, y0, x1, y1] = photoWindow();
  const canvas = element("photo");
  const scale = Math.min(1, 1280 / (x1 - x0)) * Math.max(1, Math.min(4, 640 / (x1 - x0)));
  canvas.width = Math.round((x1 - x0) * scale);
  canvas.height = Math.round((y1 - y0) * scale);
  const at = (x, y) => [(x - x0) * scale, (y - y0) * scale];
  const context = canvas.getContext("2d");
  context.fillStyle = "#e2e2e2";
  context.fillRect(0, 0, canvas.width, canvas.height);
  const [px, py] = at(0, 0);
  context.drawImage(element("pixels"), px, py, about.photo[0] * scale, about.photo[1] * scale);
  // What the model did not see is darkened.
  const [sx, sy] = at(about.seen[0], about.seen[1]);
  const [ex, ey] = at(about.seen[2], about.seen[3]);
  context.fillStyle = "rgba(0, 0, 0, 0.55)";
  context.beginPath();
  context.rect(0, 0, canvas.width, canvas.height);
  context.rect(sx, sy, ex - sx, ey - sy);
  context.fill("evenodd");
  const small = new OffscreenCanvas(cols, rows);
  const pixels = new ImageData(cols, rows);
  for (let i = 0; i < patches; i++) {
    if (Number.isNaN(shown[i])) continue;
    const part = top > 0 ? Math.min(1, shown[i] / top) : 0;
    const colour = 3 * Math.round(part * 255);
    pixels.data.set([colours[colour], colours[colour + 1], colours[colour + 2], 255 * state.opacity * (0.15 + 0.85 * part)], 4 * i);
  }
  small.getContext("2d").putImageData(pixels, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, sx, sy, ex - sx, ey - sy);
  element("high").textContent = text(top);
  caption(top);
}

function place(noun, value) {
  return value < 0 ? `mean over ${noun}s` : `${noun} ${value}`;
}

function visionName() {
  return about.has_cls ? "Vision encoder's [CLS]" : "Attention received in the vision encoder";
}

function caption() {
  const vision = state.source === "vision";
  const layer = state.layer < 0 ? place("layer", -1) : place("layer", layerNumber(state.layer));
  const words = [vision ? visionName() : "Decoder", layer, place("head", state.head)];
  if (!vision) words.push(state.token < 0 || headsOfAnswer() ? "mean over the whole answer" : `token ${state.token} “${about.tokens[state.token].text.trim()}”`);
  const sum = shown.reduce((a, b) => a + b, 0);
  const most = Number.isNaN(sum) ? NaN : largest(shown, 0);
  const end = Number.isNaN(sum) ? "left blank: the model gave values that are no numbers" : vision ? `sum over patches ${text(sum)}` : `${percent(sum)} of the attention is on the image`;
  element("caption").textContent = `${words.join(", ")}; largest ${text(most)}, ${end}`;
  element("unit").textContent = !vision ? "attention probability a patch" : about.has_cls ? "[CLS] attention probability a patch" : "received attention a patch, mean over queries";
}

function sliders() {
  const vision = state.source === "vision";
  const layers = vision ? parts.cls.shape[0] : parts.means.shape[1];
  const heads = vision ? parts.cls.shape[1] : parts.shares.shape[2];
  const canHeads = vision || parts.heads || parts.answer_heads;
  const layer = element("layer");
  const head = element("head");
  layer.max = layers - 1;
  head.max = heads - 1;
  head.disabled = !canHeads;
  state.layer = Math.min(state.layer, layers - 1);
  state.head = canHeads ? Math.min(state.head, heads - 1) : -1;
  layer.value = state.layer;
  head.value = state.head;
  element("layer-value").textContent = state.layer < 0 ? "mean of all" : `${layerNumber(state.layer)} (of ${vision ? layers : parts.shares.shape[1]})`;
  element("head-value").textContent = state.head < 0 ? "mean of all" : `${state.head} (of ${heads})`;
  const note = !canHeads ? "Single heads are not in this page." : !vision && !parts.heads ? "Single heads are the mean over the whole answer." : "";
  element("head-note").textContent = note;
  element("opacity-value").textContent = Math.round(state.opacity * 100) + " %";
}

function share(token, layer) {
  const [, layers, heads] = parts.shares.shape;
  if (parts.no_shares && parts.no_shares.steps[token * layers + layer]) return NaN;
  const start = (token * layers + layer) * heads;
  return parts.shares.steps.subarray(start, start + heads).reduce((a, b) => a + b, 0) / heads / 255;
}

function layersPlot() {
  const canvas = element("layers");
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (!parts.shares) return;
  const [tokens, layers] = parts.shares.shape;
  const chosen = state.token < 0 ? [...Array(tokens).keys()] : [state.token];
  const values = [...Array(layers).keys()].map((l) => chosen.reduce((sum, t) => sum + share(t, l), 0) / chosen.length);
  const top = largest(values, 0.01);
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--mark");
  const x = (l) => 6 + ((canvas.width - 12) * (l + 0.5)) / layers;
  const y = (value) => canvas.height - 6 - ((canvas.height - 12) * value) / top;
  context.strokeStyle = context.fillStyle = ink;
  context.lineWidth = 2;
  context.beginPath();
  values.forEach((value, l) => (l ? context.lineTo(x(l), y(value)) : context.moveTo(x(l), y(value))));
  context.stroke();
  values.forEach((value, l) => context.fillRect(x(l) - 2, y(value) - 2, 4, 4));
  element("layers-top").textContent = percent(top);
}

function strip() {
  const box = element("strip");
  if (!parts.means) {
    element("answer").hidden = true;
    return;
  }
  const button = (label, index, kind) => {
    const one = document.createElement("button");
    one.type = "button";
    one.textContent = label;
    one.className = kind;
    one.dataset.token = index;
    one.setAttribute("role", "option");
    one.addEventListener("click", () => select(index));
    box.append(one);
    return one;
  };
  button("Whole answer", -1, "whole");
  const [tokens, layers] = parts.shares.shape;
  const shares = about.tokens.map((_, t) => (t < tokens ? [...Array(layers).keys()].reduce((sum, l) => sum + share(t, l), 0) / layers : 0));
  const most = largest(shares, 1e-9);
  about.tokens.forEach((token, index) => {
    if (token.text === "" || index >= tokens) return;
    const one = button(token.text, index, token.special ? "special" : "");
    one.title = `token ${index}, probability ${percent(token.p)}, attention on the image ${percent(shares[index])}`;
    one.style.borderBottomColor = `color-mix(in srgb, var(--mark) ${Math.round((100 * shares[index]) / most)}%, transparent)`;
  });
  box.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...box.children];
    const next = all[all.findIndex((one) => one.getAttribute("aria-selected") === "true") + step];
    if (next) {
      next.focus();
      select(Number(next.dataset.token));
    }
    event.preventDefault();
  });
}

function select(token) {
  state.token = token;
  // Whoever clicks a word asks the decoder.
  state.source = "decoder";
  element("decoder").checked = true;
  update();
}

function update() {
  for (const one of element("strip").children) one.setAttribute("aria-selected", String(Number(one.dataset.token) === state.token));
  const token = about.tokens[state.token];
  const candidates = token ? token.candidates.map(([name, p]) => `“${name.trim() || name}” ${percent(p)}`).join(", ") : "";
  element("candidates").textContent = candidates ? `In its place: ${candidates}` : "";
  sliders();
  draw();
  layersPlot();
}

function listen() {
  const numeric = (id, set) => element(id).addEventListener("input", (event) => { set(Number(event.target.value)); update(); });
  numeric("layer", (value) => { state.layer = value; });
  numeric("head", (value) => { state.head = value; });
  numeric("opacity", (value) => { state.opacity = value / 100; });
  element("shared").addEventListener("change", (event) => { state.shared = event.target.checked; update(); });
  for (const id of ["decoder", "vision"]) {
    element(id).addEventListener("change", () => {
      state.source = id;
      state.layer = id === "vision" && about.feature_layer !== null ? about.feature_layer : -1;
      state.head = -1;
      update();
    });
  }
  element("photo").addEventListener("pointermove", (event) => {
    const box = element("photo").getBoundingClientRect();
    const [x0, y0, x1, y1] = photoWindow();
    const x = x0 + ((event.clientX - box.left) / box.width) * (x1 - x0);
    const y = y0 + ((event.clientY - box.top) / box.height) * (y1 - y0);
    const [a, b, c, d] = about.seen;
    const col = Math.floor(((x - a) / (c - a)) * cols);
    const row = Math.floor(((y - b) / (d - b)) * rows);
    const inside = col >= 0 && col < cols && row >= 0 && row < rows;
    element("patch").textContent = inside ? `Patch row ${row}, column ${col}: ${text(shown[row * cols + col])}` : "The model did not see this";
  });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", layersPlot);
}

function introduce() {
  element("question").textContent = about.question || about.photo_name;
  const drawn = about.temperature > 0 ? `temperature ${about.temperature}, seed ${about.seed}` : "greedy";
  const how = about.beams > 1 ? `${about.beams} beams` : drawn;
  element("run").textContent = `${about.model}, ${about.photo_name}, ${about.strategy} decoding, ${how}`;
  for (const line of [...about.kept, "Values in 256 steps of the square root, each map to its own largest value; the photo at 640 pixels at most", ...about.warnings]) {
    const item = document.createElement("li");
    item.textContent = line;
    element("kept").append(item);
  }
  element("hashes").textContent = `gazelens ${about.version}; weights ${about.weights}; photo ${about.photo_hash}`;
  const bar = element("bar").getContext("2d");
  for (let x = 0; x < 256; x++) {
    bar.fillStyle = `rgb(${colours[3 * x]}, ${colours[3 * x + 1]}, ${colours[3 * x + 2]})`;
    bar.fillRect(x, 0, 1, 12);
  }
}

(async () => {
  introduce();
  if (parts.cls && !about.has_cls) element("vision-name").textContent = visionName();
  await unpack();
  await element("pixels").decode();
  element("vision").disabled = !parts.cls;
  element("decoder").disabled = !parts.means;
  if (!parts.means) {
    state.source = "vision";
    element("vision").checked = true;
    state.layer = about.feature_layer ?? -1;
  }
  if (!parts.means && !parts.cls) return;
  strip();
  listen();
  update();
  document.body.dataset.ready = "yes";
})();
