// SPDX-License-Identifier: Apache-2.0
// node --test tests/browser/: what the console computes, without a page.
import assert from "node:assert/strict";
import {test} from "node:test";
import {between, duration, line, milliseconds, quantile, roundUp} from "../../console/figures.js";

const look = (unix_ms, answered, counts, more = {}) => ({
  unix_ms, uptime_ms: unix_ms, busy_ms: 0, ready_ms: 0,
  requests: {answered, refused: 0, latency_bounds_ms: [10, 20], latency_counts: counts}, ...more});

test("what happened between two looks", () => {
  const now = between(look(1000, 10, [10, 0, 0], {busy_ms: 100, ready_ms: 1000}),
                      look(3000, 20, [15, 5, 0], {busy_ms: 600, ready_ms: 2000}));
  assert.deepEqual(now, {rate: 5, refused: 0, p50: 10, p99: 19.8, busy: 0.5});
});

test("a replaced gateway counts from zero", () => {
  assert.equal(between(look(4000, 100, [100, 0, 0]), look(6000, 8, [8, 0, 0], {uptime_ms: 2000})).rate, 4);
});

test("looks that cannot be compared", () => {
  assert.equal(between(null, look(1, 0, [0, 0, 0])), null);
  assert.equal(between(look(5, 0, [0, 0, 0]), look(5, 0, [0, 0, 0])), null);
});

test("quantiles", () => {
  assert.equal(quantile([10, 20], [0, 0, 0], 0.5), null);
  assert.equal(quantile([10, 20], [4, 0, 0], 0.5), 5);
  assert.equal(quantile([10, 20], [0, 0, 4], 0.5), Infinity);
});

test("words", () => {
  assert.equal(duration(59_999), "59 s");
  assert.equal(duration(3_600_000 * 5 + 180_000), "5 h 3 min");
  assert.equal(duration(86_400_000 * 2), "2 d 0 h");
  assert.equal(milliseconds(null), "–");
  assert.equal(milliseconds(7.26), "7.3 ms");
  assert.equal(milliseconds(1234), "1.2 s");
  assert.equal(milliseconds(Infinity), "over 30 s");
});

test("a line has gaps where there is no value", () => {
  assert.equal(line([0, 5, null, 10], 30, 100, 10, 4), "M0.0 100.0L10.0 50.0M30.0 0.0");
});

test("charts end at round numbers", () => {
  assert.deepEqual([0, 0.3, 1, 7, 11, 60, 201].map(roundUp), [1, 0.5, 1, 10, 20, 100, 500]);
});
