// SPDX-License-Identifier: Apache-2.0

// client.mjs URL PHOTO: asks a server as Node's fetch does, and prints a line an answer.
import {readFile} from 'node:fs/promises';

const [url, photo] = process.argv.slice(2);
const picture = await readFile(photo);

async function ask(name, path, options) {
  try {
    const response = await fetch(url + path, options);
    const text = await response.text();
    let parsed = {};
    try {
      parsed = JSON.parse(text);
    } catch {
      // HEAD has no body.
    }
    const word = parsed.predictions ? parsed.predictions[0].label : parsed.reason ?? '';
    console.log(`${name}|${response.status}|${word}`);
  } catch (error) {
    console.log(`${name}|failed|${error} ${error.cause}`);
  }
}

const post = (body, more) => ({method: 'POST', body, ...more});
await ask('photo', '/classify', post(picture));
await ask('again', '/classify', post(picture));
const stream = new ReadableStream({
  start(controller) {
    controller.enqueue(picture);
    controller.close();
  },
});
await ask('chunked', '/classify', post(stream, {duplex: 'half'}));
await ask('unknown', '/classify?model=nobody', post(picture));
await ask('text', '/classify', post('hello'));
await ask('large', '/classify', post(Buffer.alloc(24 << 20)));
await ask('head', '/healthz', {method: 'HEAD'});
await ask('after', '/classify', post(picture));
