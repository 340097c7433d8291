// The light curve that can be looked into: drag or keys to zoom, hover to read, click to go there.
// Without this script the page shows a picture and a table of the same points.
"use strict";

const NAMESPACE = "http://www.w3.org/2000/svg";
const WIDTH = 900, HEIGHT = 340, LEFT = 78, RIGHT = 16, TOP = 14, BOTTOM = 46;

function element(name, attributes, parent) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (parent) parent.appendChild(made);
  return made;
}

// Round steps of 1, 2 or 5 that cut a stretch into about `count` parts.
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
  const made = [];
  for (let k = Math.ceil(low / step); k * step <= high + step * 1e-9; k += 1) made.push(k * step);
  return { made, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

class Curve {
  constructor(figure, told) {
    this.told = told;
    this.points = told.rows;
    this.figure = figure;
    // Stars of unlike fluxes are shown each over its median; what is read of a point stays in mJy.
    this.several = new Set(told.rows.map((one) => one.target)).size > 1;
    for (const one of this.points) {
      one.shown = this.several ? one.relative : one.flux;
      one.bar = Math.abs((one.error || 0) * (this.several ? one.relative / one.flux : 1));
    }
    this.zero = Math.floor(this.points[0].time);
    this.all = this.span(this.points);
    this.view = { ...this.all };
    this.chosen = -1;
    this.build();
    this.draw();
  }

  // What a view must hold to show some points; the fluxes without what lies far out of the rest.
  span(points) {
    const times = points.map((one) => one.time), fluxes = points.map((one) => one.shown).sort((a, b) => a - b);
    const at = (share) => fluxes[Math.round(share * (fluxes.length - 1))];
    const middle = at(0.5), reach = 12 * Math.max(at(0.84) - middle, middle - at(0.16));
    const low = Math.max(fluxes[0], middle - reach), high = Math.min(fluxes[fluxes.length - 1], middle + reach);
    const first = Math.min(...times), last = Math.max(...times);
    const bars = points.map((one) => one.bar).sort((a, b) => a - b), bar = bars[Math.floor(bars.length / 2)];
    const beside = (last - first || 0.01) * 0.02, above = 1.2 * bar + (high - low || Math.abs(middle) * 0.01 || 1) * 0.12;
    return { t0: first - beside, t1: last + beside, f0: low - above, f1: high + above };
  }

  x(time) { return LEFT + ((time - this.view.t0) / (this.view.t1 - this.view.t0)) * (WIDTH - LEFT - RIGHT); }
  y(flux) { return HEIGHT - BOTTOM - ((flux - this.view.f0) / (this.view.f1 - this.view.f0)) * (HEIGHT - TOP - BOTTOM); }
  time(x) { return this.view.t0 + ((x - LEFT) / (WIDTH - LEFT - RIGHT)) * (this.view.t1 - this.view.t0); }

  build() {
    this.svg = element("svg", {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`, tabindex: "0", role: "application",
      "aria-label": `Light curve of ${this.points.length} points: left and right go from one to the next, Enter opens it, plus and minus zoom, 0 shows all`,
    });
    this.said = document.createElement("p");
    this.said.className = "said";
    this.said.setAttribute("aria-live", "polite");
    this.said.textContent = "Drag to zoom; click a point to open it.";
    const keys = document.createElement("p");
    keys.className = "keys";
    for (const [name, act] of [["Zoom in", () => this.zoom(0.5)], ["Zoom out", () => this.zoom(2)], ["Show all", () => this.show(this.all)]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", act);
      keys.appendChild(button);
    }
    this.figure.querySelector("img").replaceWith(this.svg, this.said, keys);
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerdown", (event) => { this.from = this.place(event); });
    this.svg.addEventListener("pointerup", (event) => this.up(event));
    this.svg.addEventListener("pointerleave", () => { this.from = undefined; this.draw(); });
    this.svg.addEventListener("dblclick", () => this.show(this.all));
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * WIDTH, y: ((event.clientY - box.top) / box.height) * HEIGHT };
  }

  nearest(place) {
    let best = -1, least = 24 ** 2;
    this.points.forEach((one, index) => {
      const far = (this.x(one.time) - place.x) ** 2 + (this.y(one.shown) - place.y) ** 2;
      if (far < least) { least = far; best = index; }
    });
    return best;
  }

  move(event) {
    const place = this.place(event);
    if (this.from && Math.abs(place.x - this.from.x) > 4) {
      this.until = place;
      this.draw();
      return;
    }
    const found = this.nearest(place);
    if (found >= 0 && found !== this.chosen) this.choose(found);
  }

  up(event) {
    const from = this.from, place = this.place(event);
    this.from = this.until = undefined;
    if (from && Math.abs(place.x - from.x) > 12) {
      const [t0, t1] = [this.time(from.x), this.time(place.x)].sort((a, b) => a - b);
      const inside = this.points.filter((one) => one.time >= t0 && one.time <= t1);
      const fluxes = inside.length ? this.span(inside) : this.view;
      this.show({ t0, t1, f0: fluxes.f0, f1: fluxes.f1 });
      return;
    }
    const found = this.nearest(place);
    if (found >= 0) window.location.assign(this.points[found].address);
  }

  key(event) {
    const acts = {
      ArrowRight: () => this.choose(Math.min(this.points.length - 1, this.chosen + 1)),
      ArrowLeft: () => this.choose(Math.max(0, this.chosen - 1)),
      Home: () => this.choose(0), End: () => this.choose(this.points.length - 1),
      Enter: () => { if (this.chosen >= 0) window.location.assign(this.points[this.chosen].address); },
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.show(this.all),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : acts[event.key];
    if (act) { event.preventDefault(); act(); }
  }

  choose(index) {
    this.chosen = index;
    const one = this.points[index];
    const error = one.error === null ? "" : ` ± ${Number(one.error.toPrecision(2))}`;
    const kept = one.kept === false ? ", left out" : "";
    this.said.textContent = `${one.label}: ${Number(one.flux.toPrecision(6))}${error} mJy at ${one.time.toFixed(5)} (${one.target})${kept}`;
    if (one.time < this.view.t0 || one.time > this.view.t1) {
      const half = (this.view.t1 - this.view.t0) / 2;
      this.view = { ...this.view, t0: one.time - half, t1: one.time + half };
    }
    this.draw();
  }

  zoom(by) {
    const middle = this.chosen >= 0 ? this.points[this.chosen].time : (this.view.t0 + this.view.t1) / 2;
    const half = ((this.view.t1 - this.view.t0) / 2) * by;
    this.show({ ...this.view, t0: middle - half, t1: middle + half });
  }

  show(view) { this.view = { ...view }; this.draw(); }

  draw() {
    this.svg.replaceChildren();
    this.axes();
    const drawing = element("g", {}, this.svg);
    this.points.forEach((one, index) => this.point(one, index, drawing));
    if (this.from && this.until) {
      const [a, b] = [this.from.x, this.until.x].sort((p, q) => p - q);
      element("rect", { class: "stretch", x: a, y: TOP, width: b - a, height: HEIGHT - TOP - BOTTOM }, this.svg);
    }
  }

  axes() {
    const across = ticks(this.view.t0 - this.zero, this.view.t1 - this.zero, 7), up = ticks(this.view.f0, this.view.f1, 5);
    for (const one of across.made) {
      const x = this.x(one + this.zero);
      element("line", { class: "grid", x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }, this.svg);
      element("text", { x, y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, this.svg).textContent = one.toFixed(across.digits);
    }
    for (const one of up.made) {
      const y = this.y(one);
      element("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y }, this.svg);
      element("text", { x: LEFT - 7, y: y + 4, "text-anchor": "end" }, this.svg).textContent = one.toFixed(up.digits);
    }
    element("rect", { class: "axis", fill: "none", x: LEFT, y: TOP, width: WIDTH - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM }, this.svg);
    element("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, this.svg).textContent = `${this.told.time_scale} − ${this.zero}  [days]`;
    element("text", { x: 15, y: (TOP + HEIGHT - BOTTOM) / 2, "text-anchor": "middle", transform: `rotate(-90 15 ${(TOP + HEIGHT - BOTTOM) / 2})` }, this.svg).textContent = this.several ? "Flux density over its median" : "Flux density [mJy]";
  }

  // One beyond the stretch of fluxes stands at its edge as a triangle, so that it is not lost.
  point(one, index, drawing) {
    const x = this.x(one.time);
    if (x < LEFT || x > WIDTH - RIGHT) return;
    const inside = one.shown >= this.view.f0 && one.shown <= this.view.f1;
    const kind = one.kept === false ? "left-out" : one.kept === null ? "unknown" : "point";
    if (!inside) {
      const above = one.shown > this.view.f1, y = above ? TOP + 2 : HEIGHT - BOTTOM - 2, to = above ? 8 : -8;
      element("path", { class: kind, d: `M${x - 5} ${y + to}L${x + 5} ${y + to}L${x} ${y}Z` }, drawing);
      if (index === this.chosen) element("circle", { class: "chosen", cx: x, cy: y + to / 2, r: 9 }, drawing);
      return;
    }
    const y = this.y(one.shown);
    if (one.bar) {
      const top = Math.max(TOP, this.y(one.shown + one.bar)), bottom = Math.min(HEIGHT - BOTTOM, this.y(one.shown - one.bar));
      element("line", { class: "error", x1: x, x2: x, y1: top, y2: bottom }, drawing);
    }
    if (kind === "left-out") element("path", { class: kind, d: `M${x - 4} ${y - 4}L${x + 4} ${y + 4}M${x - 4} ${y + 4}L${x + 4} ${y - 4}` }, drawing);
    else element("circle", { class: kind, cx: x, cy: y, r: 3.2 }, drawing);
    if (index === this.chosen) element("circle", { class: "chosen", cx: x, cy: y, r: 8 }, drawing);
  }
}

// `data-state` tells when it is done: drawn, or left as the picture that was there.
async function begin(figure) {
  try {
    const answer = await fetch(figure.dataset.points);
    const told = answer.ok ? await answer.json() : { rows: [] };
    told.rows = told.rows.filter((one) => one.flux && one.relative !== null && one.time !== null);
    if (told.rows.length > 1) new Curve(figure, told);
    figure.dataset.state = told.rows.length > 1 ? "drawn" : "picture";
  } catch {
    figure.dataset.state = "picture";
  }
}

for (const figure of document.querySelectorAll("figure.curve[data-points]")) begin(figure);
