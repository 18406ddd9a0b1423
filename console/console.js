// SPDX-License-Identifier: Apache-2.0
import {between, duration, line, milliseconds, roundUp} from "./figures.js";

const PERIOD_MS = 1000;
const LONGEST_PAUSE_MS = 15000;
const PLACES = 120;  // Of a chart: two minutes.

const at = (id) => document.getElementById(id);
const history = [];
let last = null;
let pause = PERIOD_MS;

/** An element with text, never with markup: what is shown comes from outside. */
function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function show(id, text) {
  if (at(id).textContent !== text) at(id).textContent = text;
}

async function ask(path, method = "GET") {
  const answer = await fetch(path, {method, signal: AbortSignal.timeout(5000)});
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function fill(id, rows, columns, nothing) {
  const body = at(id);
  body.replaceChildren(...rows.map((row) => {
    const line = element("tr");
    line.append(...columns.map((column) => element("td", String(column(row)))));
    return line;
  }));
  if (rows.length > 0) return;
  const cell = element("td", nothing, "none");
  cell.colSpan = columns.length;
  const line = element("tr");
  line.append(cell);
  body.append(line);
}

function setState(text, kind) {
  show("state", text);
  at("state").className = `badge ${kind}`;
}

// --- Charts ---

function draw(id, series, most) {
  const paths = series.map((values, i) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", line(values, 600, 160, most, PLACES));
    if (i > 0) path.setAttribute("class", "second");
    return path;
  });
  at(id).replaceChildren(...paths);
}

function highest(values) {
  return Math.max(0, ...values.filter((value) => value !== null && Number.isFinite(value)));
}

function showCharts() {
  const rates = history.map((entry) => entry.rate);
  const p50 = history.map((entry) => entry.p50);
  const p99 = history.map((entry) => entry.p99);
  const mostRate = roundUp(highest(rates));
  const mostTime = roundUp(highest(p99));
  draw("rate-chart", [rates], mostRate);
  draw("latency-chart", [p50, p99], mostTime);
  show("rate-words", `from 0 to ${mostRate}; highest ${highest(rates).toFixed(1)}`);
  show("latency-words", `from 0 to ${milliseconds(mostTime)}; highest ${milliseconds(highest(p99))}`);
}

// --- What there is ---

function showStatus(status, deaths) {
  show("version", status.version);
  show("uptime", duration(status.uptime_ms));
  if (status.draining) setState("is ending", "bad");
  else setState(status.ready ? "ready" : "not ready", status.ready ? "good" : "bad");
  const now = between(last, status);
  last = status;
  show("queue", `${status.queue.items} of ${status.queue.items_max}`);
  show("failed", String(status.requests.failed));
  show("rescues", String(status.requests.rescues));
  if (now) {
    history.push(now);
    if (history.length > PLACES) history.shift();
    show("rate", now.rate.toFixed(1));
    show("refused", now.refused.toFixed(1));
    show("p50", milliseconds(now.p50));
    show("p99", milliseconds(now.p99));
    show("busy", now.busy === null ? "–" : `${Math.round(now.busy * 100)} %`);
    showCharts();
  }
  showWorkers(status.workers, deaths);
  fill("errors", status.errors.sort((a, b) => b.last_unix_ms - a.last_unix_ms), [
    (error) => error.reason,
    (error) => error.count,
    (error) => `${duration(Math.max(0, status.unix_ms - error.last_unix_ms))} ago`,
    (error) => error.advice,
  ], "Every request was answered.");
}

function showWorkers(workers, deaths) {
  at("workers").replaceChildren(...workers.map((worker) => {
    const tile = element("li", "", worker.state);
    tile.append(element("strong", `${worker.model} · ${worker.slot}`));
    const busy = worker.state === "busy" ? ` for ${milliseconds(worker.busy_ms)}` : "";
    tile.append(element("span", `${worker.state}${busy}`));
    tile.append(element("span", `${worker.answered} answered, lives ${duration(worker.age_ms)}`));
    tile.append(element("span", `pid ${worker.pid || "–"}, generation ${worker.generation}`));
    const own = deaths.filter((death) => death.slot === worker.slot);
    if (own.length > 0) {
      tile.append(element("span", `${own.length} died here, last: ${own[0].cause}`, "died"));
    }
    return tile;
  }));
  if (workers.length === 0) at("workers").append(element("li", "There is none yet.", "starting"));
}

function showModels(models) {
  fill("models", models, [
    (model) => model.name,
    (model) => model.version,
    (model) => model.state,
    (model) => (model.labels ?? []).join(", "),
    (model) => model.rollout ?? "",
    (model) => model.reason ?? "",
  ], "There is none.");
  const names = [...new Set(models.map((model) => model.name))];
  const select = at("model");
  const shown = [...select.options].map((option) => option.value);
  if (names.join("\n") === shown.join("\n")) return;
  const chosen = select.value;
  select.replaceChildren(...names.map((name) => new Option(name, name)));
  if (names.includes(chosen)) select.value = chosen;
}

function showDeaths(deaths) {
  fill("deaths", deaths.slice(0, 20), [
    (death) => death.time.replace("T", " ").slice(0, 19),
    (death) => `${death.model} · ${death.slot}`,
    (death) => death.cause,
    (death) => duration(death.age_ms),
    (death) => death.explanation || death.exit,
    (death) => death.advice,
  ], "None has died.");
}

function showQuarantine(entries) {
  fill("quarantine", entries, [
    (entry) => entry.model,
    (entry) => entry.digest,
    (entry) => duration(entry.expires_in_s * 1000),
  ], "No image is quarantined.");
}

async function look() {
  try {
    const [status, deaths, quarantine, models] = await Promise.all([
      ask("/debug/status"), ask("/debug/deaths"), ask("/debug/quarantine"),
      ask("/v2/repository/index", "POST")]);
    showStatus(status, deaths.deaths);
    showDeaths(deaths.deaths);
    showQuarantine(quarantine.quarantined);
    showModels(models);
    pause = PERIOD_MS;
  } catch {
    setState("does not answer", "bad");
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
  setTimeout(look, pause);
}

// --- A photo ---

async function classify(file) {
  const place = at("answer");
  const image = element("img");
  image.alt = file.name;
  image.src = URL.createObjectURL(file);
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), {once: true});
  place.replaceChildren(image, element("p", "…"));
  const model = at("model").value;
  const query = model ? `?top=5&model=${encodeURIComponent(model)}` : "?top=5";
  const begun = performance.now();
  try {
    const answer = await fetch(`/classify${query}`, {method: "POST", body: file});
    const body = await answer.json();
    if (!answer.ok) throw new Error(`${body.reason}: ${body.message}`);
    const list = element("ol");
    for (const prediction of body.predictions) {
      const percent = prediction.probability * 100;
      const row = element("li", `${prediction.label ?? prediction.index} – ${percent.toFixed(1)} %`);
      const meter = element("meter");
      meter.max = 100;
      meter.value = percent;
      meter.setAttribute("aria-hidden", "true");
      row.append(meter);
      list.append(row);
    }
    const words = element("p", `in ${milliseconds(performance.now() - begun)}`, "quiet");
    place.replaceChildren(image, list, words);
  } catch (error) {
    place.replaceChildren(image, element("p", error.message, "error"));
  }
}

at("photo").addEventListener("change", (event) => {
  if (event.target.files.length > 0) classify(event.target.files[0]);
});
const drop = at("drop");
drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (event.dataTransfer.files.length > 0) classify(event.dataTransfer.files[0]);
});

look();
