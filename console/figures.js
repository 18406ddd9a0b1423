// SPDX-License-Identifier: Apache-2.0
// What two looks at the server say of the time between them. Nothing here touches the page.

/** What happened between two answers of /debug/status; null where they cannot be compared. */
export function between(earlier, later) {
  if (!earlier || later.unix_ms <= earlier.unix_ms) return null;
  // A gateway that was replaced counts from zero.
  const replaced = later.uptime_ms < earlier.uptime_ms;
  const seconds = replaced ? later.uptime_ms / 1000 : (later.unix_ms - earlier.unix_ms) / 1000;
  if (seconds <= 0) return null;
  const since = (name) => later.requests[name] - (replaced ? 0 : earlier.requests[name]);
  const counts = later.requests.latency_counts.map(
    (count, i) => count - (replaced ? 0 : earlier.requests.latency_counts[i]));
  const bounds = later.requests.latency_bounds_ms;
  const ready = later.ready_ms - (replaced ? 0 : earlier.ready_ms);
  const busy = later.busy_ms - (replaced ? 0 : earlier.busy_ms);
  return {
    rate: since("answered") / seconds,
    refused: since("refused") / seconds,
    p50: quantile(bounds, counts, 0.5),
    p99: quantile(bounds, counts, 0.99),
    busy: ready > 0 ? Math.min(busy / ready, 1) : null,
  };
}

/** The time in ms below which a share of the requests lies, within its class in proportion; null
 *  without requests. Above the last bound it is not known: Infinity. */
export function quantile(bounds, counts, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let wanted = share * total;
  for (let i = 0; i < counts.length; ++i) {
    if (wanted <= counts[i] && counts[i] > 0) {
      if (i === bounds.length) return Infinity;
      const low = i === 0 ? 0 : bounds[i - 1];
      return low + (bounds[i] - low) * (wanted / counts[i]);
    }
    wanted -= counts[i];
  }
  return Infinity;
}

/** "3 s", "12 min", "5 h 3 min", "2 d 4 h". */
export function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** "7.3 ms", "–" for null. */
export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "–";
  if (!Number.isFinite(ms)) return "over 30 s";
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

/** A path of SVG through the values, newest at the right edge; gaps where there is no value. `most`
 *  is the value at the top. */
export function line(values, width, height, most, places) {
  const step = width / (places - 1);
  let path = "";
  let pen = "M";
  values.forEach((value, i) => {
    if (value === null || !Number.isFinite(value)) {
      pen = "M";
      return;
    }
    const x = width - (values.length - 1 - i) * step;
    const y = height - Math.min(value / most, 1) * height;
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return path;
}

/** The next of 1, 2, 5, 10, 20, … that is not below. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((digit) => digit * power).find((candidate) => candidate >= value);
}
