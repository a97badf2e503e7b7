// From a film that is dropped to what the page shows.

import { Refusal, ask, lines } from "./server.js";
import { Viewer } from "./viewer.js";
import { meaning, plain } from "./words.js";

const $ = (id) => document.getElementById(id);
const CHIPS = { present: "present", "not sure": "unsure", absent: "absent" };
const STAGES = { waiting: "Waiting for the server", reading: "Reading the films", writing: "Writing the report" };
const films = { frontal: null, lateral: null };
const viewer = new Viewer();
let model = null;
let current = new AbortController(); // Of all that is asked about the present films.
let looking = new AbortController(); // Of the heat map that was asked for last.

// === Small things ===

function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  made.append(...children);
  return made;
}

function list(id, texts) {
  $(id).replaceChildren(...texts.map((text) => make("li", { textContent: text })));
  $(id).hidden = !texts.length;
}

function say(text, working = false) {
  $("status").textContent = text;
  $("working").hidden = !working;
}

function complain(text, canRetry = false) {
  $("alert").textContent = text;
  $("alert").hidden = !text;
  $("again").hidden = !canRetry;
  if (text) inSight($("alert"));
}

// On a phone the film fills the screen: what is told below it comes into sight.
const inSight = (part) => part.scrollIntoView({ block: "nearest" });

const can = (ability) => model?.can.includes(ability);
const share = (value) => (value < 0.01 ? "< 1 %" : value > 0.99 ? "> 99 %" : `${Math.round(100 * value)} %`);

// === The model ===

async function meet() {
  try {
    const health = await (await fetch("api/health")).json();
    model = health.model;
    about(model);
  } catch {
    complain("The server does not answer. Is it still running?", true);
  }
}

function about(which) {
  $("model-name").textContent = which.name;
  $("trained-on").textContent = which.trained_on;
  $("labels").textContent = which.labels.map(plain).join(", ");
  $("ground").textContent = which.ground === "real" ? ""
    : "It has never seen a real radiograph, as far as is known: do not rely on it.";
}

// === Films come ===

function put(view, file) {
  films[view] = file ?? null;
  const slot = document.querySelector(`[data-view=${view}]`);
  slot.classList.toggle("filled", Boolean(file));
  slot.querySelector(".slot-file").textContent = file?.name
    ?? (view === "frontal" ? "choose or drop PNG, JPEG, DICOM" : "optional, for the report");
  $("empty-said").textContent = films.frontal ? "No picture yet" : "Drop a frontal chest film here";
  $("empty").classList.toggle("chosen", Boolean(films.frontal));
  $("clear").hidden = !films.frontal && !films.lateral;
}

function take(view, file) {
  put(view, file);
  if (films.frontal) diagnose();
  else if (file) say("The lateral is here. Now add the frontal.");
}

function clear() {
  for (const view of Object.keys(films)) {
    $(view).value = "";
    put(view, null);
  }
  forget();
  viewer.clear();
  say("Waiting for a film.");
}

function forget() {
  current.abort();
  looking.abort();
  current = new AbortController();
  complain("");
  list("warnings", []);
  $("summary").textContent = "";
  $("answer").hidden = true;
  $("overlay-said").textContent = "";
}

// === The diagnosis ===

async function diagnose() {
  forget();
  viewer.clear(); // The film before never stands under this one's name.
  const { signal } = current;
  say("Reading the film …", true);
  try {
    const tell = (text) => say(text, true);
    const answer = await (await ask("api/predict", films, { signal, tell })).json();
    model = answer.model;
    about(model);
    await viewer.show(answer.film.picture, picture(answer.film), signal);
    if (signal.aborted) return;
    list("warnings", [...answer.film.warnings, ...answer.film.notes]);
    $("summary").textContent = plain(answer.summary);
    const order = Object.keys(CHIPS); // Present first; else in the model's order.
    answer.findings.sort((one, other) => order.indexOf(one.answer) - order.indexOf(other.answer));
    $("findings").replaceChildren(...answer.findings.map(row));
    $("hint").hidden = !can("heatmap");
    $("answer").hidden = false;
    inSight($("summary"));
    ready();
    say("Done. Not for clinical use.");
    if (can("outline")) await outline(signal);
  } catch (error) {
    await failed(error, signal);
  }
}

const picture = (film) => `Frontal film, ${film.width} by ${film.height} pixels. Its lungs and heat map are told below.`;

async function failed(error, signal) {
  if (signal.aborted) return;
  if (!(error instanceof Refusal)) throw error;
  const { said, status } = error;
  const refused = said.reason === "not_a_frontal_chest_film";
  if (said.film) {
    await viewer.show(said.film.picture, "The picture that was refused.", signal);
    if (signal.aborted) return;
    list("warnings", said.film.warnings);
  }
  say(refused ? "No answer: the picture is refused." : "No answer.");
  complain(error.message, !refused && (status === 0 || status === 429 || status >= 500));
}

function row(finding) {
  const kind = CHIPS[finding.answer];
  const bar = make("span", { className: `bar ${kind}`, ariaHidden: "true" });
  bar.style.setProperty("--share", `${100 * finding.probability}%`);
  bar.style.setProperty("--threshold", `calc(${100 * finding.threshold}% - 1px)`);
  // Label and share stand above.
  const words = finding.words.slice(finding.words.indexOf(", ") + 2).replace(/^./, (first) => first.toUpperCase());
  const meant = make("small", { textContent: meaning(finding.label) });
  const button = make(
    "button", { type: "button", className: "finding", disabled: !can("heatmap") },
    make("span", { className: "name", textContent: plain(finding.label) }, meant),
    make("span", { className: "share", textContent: share(finding.probability) }),
    make("i", { className: `chip ${kind}`, textContent: finding.answer }),
    bar,
    make("span", { className: "words", textContent: words }),
  );
  button.setAttribute("aria-pressed", "false");
  button.dataset.label = finding.label;
  button.onclick = () => heat(finding.label);
  return make("li", {}, button);
}

// === What lies over the film ===

async function outline(signal) {
  try {
    const { outlines } = await (await ask("api/outline", { frontal: films.frontal }, { signal })).json();
    viewer.setOutline(outlines);
  } catch (error) {
    if (signal.aborted) return;
    $("overlay-said").textContent = `No outline of the lungs: ${error.message}`;
  }
}

async function heat(label) {
  looking.abort();
  looking = new AbortController();
  const { signal } = looking;
  for (const each of document.querySelectorAll(".finding")) {
    each.setAttribute("aria-pressed", each.dataset.label === label);
  }
  const tell = (text) => { $("overlay-said").textContent = text; };
  tell(`Looking for ${plain(label)} …`);
  try {
    const answer = await (await ask("api/heatmap", { frontal: films.frontal, label }, { signal, tell })).json();
    if (signal.aborted) return;
    viewer.setHeat(answer.empty ? null : answer.values, plain(label));
    tell(answer.empty ? `Nothing on the film raised the probability of ${plain(label)}.`
      : `Heat map of ${plain(label)}: strongest, yellow, ${where(answer.values)}.`);
  } catch (error) {
    if (!signal.aborted) tell(`No heat map: ${error.message}`);
  }
}

// The place of the peak in words, for whoever does not see it: the patient's sides.
function where(values) {
  let [top, left] = [0, 0];
  values.forEach((line, i) => line.forEach((value, j) => {
    if (value > values[top][left]) [top, left] = [i, j];
  }));
  const third = (at, all) => Math.min(2, Math.floor((3 * (at + 0.5)) / all));
  const row = ["at the top", "in the middle", "at the bottom"][third(top, values.length)];
  const side = ["on the picture's left", "at the centre", "on the picture's right"][third(left, values[0].length)];
  return `${row}, ${side}`;
}

// === The report ===

function ready() {
  $("report-part").hidden = !can("report");
  $("report").hidden = true;
  $("report-said").textContent = "";
  list("report-notes", []);
  $("write").hidden = false;
  $("write").disabled = false;
}

async function write() {
  const { signal } = current;
  $("write").disabled = true;
  const bar = $("report-progress");
  const said = $("report-said");
  const begun = performance.now();
  let expected = 10;
  bar.value = 0;
  bar.hidden = false;
  const timer = setInterval(() => {
    const passed = (performance.now() - begun) / 1000;
    bar.value = Math.min(0.97, passed / Math.max(1, expected)); // The end is told, not guessed.
  }, 200);
  try {
    const answer = await ask("api/report", films, { signal, tell: (text) => { said.textContent = text; } });
    for await (const line of lines(answer)) {
      if (line.stage === "refused") throw new Refusal(422, line);
      if (line.stage === "done") {
        $("report").textContent = line.text;
        $("report").hidden = false;
        list("report-notes", line.notes);
        said.textContent = "The report is written. Not for clinical use.";
        $("write").hidden = true;
        return;
      }
      expected = Math.max(expected, line.expected_seconds ?? 0);
      said.textContent = `${STAGES[line.stage]} …`;
    }
    throw new Refusal(0, { message: "The server went away while it wrote. Try again." });
  } catch (error) {
    if (signal.aborted) return;
    said.textContent = `No report: ${error.message}`;
    $("write").disabled = false;
  } finally {
    clearInterval(timer);
    bar.hidden = true;
  }
}

// === Hands ===

for (const view of Object.keys(films)) {
  $(view).addEventListener("change", (event) => take(view, event.target.files[0]));
}
$("clear").onclick = clear;
$("write").onclick = write;
$("again").onclick = async () => {
  complain("");
  if (!model) await meet();
  if (films.frontal) diagnose();
};
$("cancel").onclick = () => { forget(); say("Cancelled."); complain("Cancelled.", Boolean(films.frontal)); };

// A film may be dropped anywhere; on the lateral's slot it is the lateral.
const zone = (event) => event.target.closest?.(".slot") ?? $("stage");
let over = null;
addEventListener("dragover", (event) => {
  event.preventDefault();
  if (over !== zone(event)) over?.classList.remove("over");
  over = zone(event);
  over.classList.add("over");
});
addEventListener("dragleave", () => over?.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  over?.classList.remove("over");
  const [first, second] = event.dataTransfer.files;
  if (!first) return;
  const view = zone(event).dataset.view ?? "frontal";
  if (second) put(view === "frontal" ? "lateral" : "frontal", second);
  take(view, first);
});

meet();
