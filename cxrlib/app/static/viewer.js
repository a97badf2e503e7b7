// The film on its light box: zoom, window and level, invert; heat map and lungs over it.

const $ = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const MOST_ZOOM = 12;

// Black through violet and orange to yellow, as matplotlib's "inferno".
const COLOURS = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];

export class Viewer {
  constructor() {
    this.stage = $("stage");
    this.sheet = $("sheet");
    this.film = $("film");
    this.grey = null; // 8 bits a pixel
    this.pointers = new Map();
    this.#listen();
    this.reset();
  }

  // === The film ===

  async show(address, description, signal) {
    const picture = new Image();
    picture.src = address;
    await picture.decode();
    if (signal.aborted) return; // The film was cleared, or another came.
    const { naturalWidth: width, naturalHeight: height } = picture;
    Object.assign(this.film, { width, height });
    const context = this.film.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    this.pixels = context.getImageData(0, 0, width, height);
    this.grey = new Uint8Array(width * height);
    for (let i = 0; i < this.grey.length; i++) this.grey[i] = this.pixels.data[4 * i];
    this.setHeat(null);
    this.setOutline(null);
    $("empty").hidden = true;
    this.sheet.hidden = $("tools").hidden = false;
    this.stage.classList.add("shown");
    this.stage.setAttribute("aria-label", description);
    this.reset();
  }

  clear() {
    this.grey = null;
    this.setHeat(null);
    this.setOutline(null);
    this.sheet.hidden = $("tools").hidden = true;
    this.stage.classList.remove("shown");
    this.stage.style.touchAction = "";
    $("scale").hidden = true;
    $("empty").hidden = false;
    this.stage.setAttribute("aria-label", "No film yet. Drop one here, or choose a file above.");
  }

  reset() {
    this.zoom = 1;
    this.x = this.y = 0;
    $("window").value = 100;
    $("level").value = 50;
    this.inverted = false;
    this.render();
    this.place();
  }

  // Greys through the window: its width in % of all greys, its middle at the level.
  render() {
    const width = Math.max(1, 2.55 * $("window").value);
    const low = 2.55 * $("level").value - width / 2;
    for (const id of ["window", "level", "opacity"]) {
      document.querySelector(`output[for=${id}]`).value = `${$(id).value} %`;
    }
    $("invert").setAttribute("aria-pressed", this.inverted);
    if (!this.grey) return;
    const table = new Uint8Array(256);
    for (let i = 0; i < 256; i++) {
      const value = Math.round(clamp((255 * (i - low)) / width, 0, 255));
      table[i] = this.inverted ? 255 - value : value;
    }
    const data = this.pixels.data;
    for (let i = 0; i < this.grey.length; i++) {
      data[4 * i] = data[4 * i + 1] = data[4 * i + 2] = table[this.grey[i]];
      data[4 * i + 3] = 255;
    }
    this.film.getContext("2d").putImageData(this.pixels, 0, 0);
  }

  // The sheet at zoom 1 fills the stage; it can't be moved out of it.
  place() {
    if (!this.grey) return;
    const { clientWidth: wide, clientHeight: high } = this.stage;
    const fit = Math.min(wide / this.film.width, high / this.film.height);
    const width = this.film.width * fit * this.zoom;
    const height = this.film.height * fit * this.zoom;
    const reach = [Math.max(0, width - wide) / 2, Math.max(0, height - high) / 2];
    this.x = clamp(this.x, -reach[0], reach[0]);
    this.y = clamp(this.y, -reach[1], reach[1]);
    const left = (wide - width) / 2 + this.x;
    const top = (high - height) / 2 + this.y;
    Object.assign(this.sheet.style, {
      width: `${width}px`, height: `${height}px`, transform: `translate(${left}px, ${top}px)`,
    });
    $("scale").textContent = `${Math.round(100 * this.zoom)} %`;
    $("scale").hidden = this.zoom === 1;
    // A finger on a film that isn't enlarged still moves the page.
    this.stage.style.touchAction = this.zoom > 1 ? "none" : "pan-y";
  }

  zoomBy(factor, x = 0, y = 0) {
    const before = this.zoom;
    this.zoom = clamp(before * factor, 1, MOST_ZOOM);
    const real = this.zoom / before;
    this.x = x + (this.x - x) * real; // The place under the pointer stays.
    this.y = y + (this.y - y) * real;
    this.place();
  }

  // === Over the film ===

  setHeat(values, label = "") {
    this.heat = values;
    const canvas = $("heat");
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    $("show-heat").hidden = $("opacity-part").hidden = !values;
    this.toggle("heat", Boolean(values));
    if (!values) return;
    const image = context.createImageData(canvas.width, canvas.height);
    for (let row = 0; row < canvas.height; row++) {
      for (let column = 0; column < canvas.width; column++) {
        const value = between(values, (row + 0.5) / canvas.height, (column + 0.5) / canvas.width);
        const at = 4 * (row * canvas.width + column);
        colour(value).forEach((each, i) => { image.data[at + i] = each; });
        image.data[at + 3] = 255 * Math.min(1, 1.5 * value); // What lowers it stays bare.
      }
    }
    context.putImageData(image, 0, 0);
    canvas.setAttribute("aria-label", `Heat map of ${label}`);
  }

  setOutline(lines) {
    this.lines = lines;
    const polygons = (lines ?? []).map((line) => {
      const polygon = document.createElementNS("http://www.w3.org/2000/svg", "polygon");
      polygon.setAttribute("points", line.map((point) => point.join(",")).join(" "));
      return polygon;
    });
    $("outline").replaceChildren(...polygons);
    $("show-outline").hidden = !polygons.length;
    this.toggle("outline", polygons.length > 0);
  }

  toggle(name, on) {
    const button = $(`show-${name}`);
    on ??= button.getAttribute("aria-pressed") !== "true";
    if (button.hidden) on = false;
    button.setAttribute("aria-pressed", on);
    $(name).style.visibility = on ? "visible" : "hidden";
    $("heat").style.opacity = $("opacity").value / 100;
  }

  // === Hands and keys ===

  #listen() {
    const soon = (work) => {
      let asked = false;
      return () => {
        if (asked) return;
        asked = true;
        requestAnimationFrame(() => { asked = false; work(); });
      };
    };
    const render = soon(() => this.render());
    for (const id of ["window", "level"]) $(id).addEventListener("input", render);
    $("opacity").addEventListener("input", () => {
      $("heat").style.opacity = $("opacity").value / 100;
      render();
    });
    const invert = () => { this.inverted = !this.inverted; this.render(); };
    $("zoom-in").onclick = () => this.zoomBy(1.4);
    $("zoom-out").onclick = () => this.zoomBy(1 / 1.4);
    $("reset").onclick = () => this.reset();
    $("invert").onclick = invert;
    $("show-heat").onclick = () => this.toggle("heat");
    $("show-outline").onclick = () => this.toggle("outline");
    new ResizeObserver(() => this.place()).observe(this.stage);

    const nudge = (id, by) => { $(id).value = Number($(id).value) + by; this.render(); };
    const move = (x, y) => { this.x += x; this.y += y; this.place(); };
    const keys = {
      "+": () => this.zoomBy(1.4), "=": () => this.zoomBy(1.4), "-": () => this.zoomBy(1 / 1.4),
      0: () => this.reset(), i: invert, l: () => this.toggle("outline"), h: () => this.toggle("heat"),
      w: () => nudge("window", 5), s: () => nudge("window", -5),
      d: () => nudge("level", 3), a: () => nudge("level", -3),
      ArrowLeft: () => move(40, 0), ArrowRight: () => move(-40, 0),
      ArrowUp: () => move(0, 40), ArrowDown: () => move(0, -40),
    };
    this.stage.addEventListener("keydown", (event) => {
      const work = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
      if (!work || event.ctrlKey || event.metaKey || event.altKey || !this.grey) return;
      event.preventDefault();
      work();
    });
    this.stage.addEventListener("wheel", (event) => {
      if (!this.grey) return;
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 400), ...this.#middle(event));
    }, { passive: false });
    this.stage.addEventListener("dblclick", () => this.reset());

    // One finger or the mouse moves; with Shift it sets window and level; two zoom.
    this.stage.addEventListener("pointerdown", (event) => {
      this.stage.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
    });
    this.stage.addEventListener("pointermove", (event) => {
      const before = this.pointers.get(event.pointerId);
      if (!before) return;
      const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
      const other = [...this.pointers.values()].find((each) => each.pointerId !== event.pointerId);
      this.pointers.set(event.pointerId, event);
      if (other) {
        const far = (each) => Math.hypot(each.clientX - other.clientX, each.clientY - other.clientY);
        this.zoomBy(far(event) / Math.max(1, far(before)), ...this.#middle(other));
      } else if (event.shiftKey) {
        nudge("window", x / 3);
        nudge("level", y / 5);
      } else {
        move(x, y);
      }
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.stage.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
  }

  #middle(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  }
}

// Bilinear between the centres of the cells.
function between(values, down, right) {
  const rows = values.length, columns = values[0].length;
  const y = clamp(down * rows - 0.5, 0, rows - 1), x = clamp(right * columns - 0.5, 0, columns - 1);
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [low, far] = [Math.min(top + 1, rows - 1), Math.min(left + 1, columns - 1)];
  const upper = values[top][left] * (1 - x + left) + values[top][far] * (x - left);
  const lower = values[low][left] * (1 - x + left) + values[low][far] * (x - left);
  return upper * (1 - y + top) + lower * (y - top);
}

function colour(value) {
  const at = clamp(value, 0, 1) * (COLOURS.length - 1);
  const first = Math.min(Math.floor(at), COLOURS.length - 2);
  return COLOURS[first].map((each, i) => each + (at - first) * (COLOURS[first + 1][i] - each));
}
