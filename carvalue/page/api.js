// Asks the API, on the page's own origin only.

import { language } from "./words.js";

const TOKEN = "carvalue-key";
const OURS = { Accept: "application/json", "Accept-Language": language };

/** The service has refused; `code` says why, for programs. */
export class Problem extends Error {
  constructor(status, body, headers) {
    super(body.detail ?? `HTTP ${status}`);
    this.status = status;
    this.code = body.code ?? `http-${status}`;
    this.title = body.title ?? "";
    this.detail = body.detail ?? "";
    this.errors = Array.isArray(body.errors) ? body.errors : [];
    this.knownYears = body.known_years ?? null;
    const wait = Number.parseInt(headers("Retry-After") ?? "", 10);
    this.retryAfter = Number.isFinite(wait) ? wait : null;
  }

  /** What passes by itself: too much to do, too many requests, the same request still being read. */
  get passes() {
    return [429, 503].includes(this.status) || this.code === "idempotency-in-progress";
  }
}

/** The service could not be reached, or the answer was cut off. */
export class Unreachable extends Error {
  constructor() {
    super("unreachable");
    this.code = "unreachable";
    this.passes = true;
    this.retryAfter = null;
  }
}

let asker = async () => {};
let asking = null;

/** `ask` is called when the service wants a key; it ends when there is one to try. */
export function askForKeyWith(ask) {
  asker = ask;
}

export const hasKey = () => sessionStorage.getItem(TOKEN) !== null;
export const keepKey = (key) => sessionStorage.setItem(TOKEN, key);

function authorization() {
  const key = sessionStorage.getItem(TOKEN);
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

/** Repeats what was refused for want of a key, once there is one. */
async function withKey(send) {
  for (;;) {
    try {
      return await send(authorization());
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      asking ??= asker().finally(() => (asking = null));
      await asking;
    }
  }
}

/**
 * Asks once. Throws `Problem` and `Unreachable`; 304 is an answer without a body.
 * @returns {Promise<{status: number, body: any, header: (name: string) => string | null}>}
 */
export function call(method, path, { json, headers = {}, signal, blob = false } = {}) {
  return withKey(async (authorized) => {
    let answer, body;
    try {
      answer = await fetch(path, {
        method,
        signal,
        headers: { ...OURS, ...(json ? { "Content-Type": "application/json" } : {}), ...headers, ...authorized },
        body: json ? JSON.stringify(json) : undefined,
        redirect: "error",
      });
      body = answer.ok && blob ? await answer.blob() : read(await answer.text());
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Unreachable();
    }
    const header = (name) => answer.headers.get(name);
    if (!answer.ok && answer.status !== 304) throw new Problem(answer.status, body ?? {}, header);
    return { status: answer.status, body, header };
  });
}

/** Sends a form, and tells how much of it has left: `fetch` cannot. */
export function upload(method, path, form, { headers = {}, signal, progress = () => {} } = {}) {
  return withKey(
    (authorized) =>
      new Promise((done, failed) => {
        const request = new XMLHttpRequest();
        request.open(method, path);
        for (const [name, value] of Object.entries({ ...OURS, ...headers, ...authorized })) {
          request.setRequestHeader(name, value);
        }
        request.upload.addEventListener("progress", (event) => {
          if (event.lengthComputable) progress(event.loaded / event.total);
        });
        request.upload.addEventListener("load", () => progress(1));
        request.addEventListener("load", () => {
          const header = (name) => request.getResponseHeader(name);
          const body = read(request.responseText);
          if (request.status >= 200 && request.status < 300) done({ status: request.status, body, header });
          else failed(new Problem(request.status, body ?? {}, header));
        });
        request.addEventListener("error", () => failed(new Unreachable()));
        request.addEventListener("abort", () => failed(new DOMException("", "AbortError")));
        signal?.addEventListener("abort", () => request.abort());
        request.send(form);
      }),
  );
}

function read(text) {
  try {
    const body = JSON.parse(text);
    return typeof body === "object" ? body : null;
  } catch {
    return null; // an answer of something between us and the service
  }
}

const WAITS = [1, 2, 4, 8, 15];
const LONGEST_WAIT = 60;

/**
 * Tries again while the failure is one that passes, some times. `wait(seconds, time, times, error)`
 * lets the time go by and shows it.
 */
export async function patiently(attempt, wait) {
  for (let time = 0; ; time += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!error.passes || time >= WAITS.length) throw error;
      await wait(Math.min(error.retryAfter ?? WAITS[time], LONGEST_WAIT), time + 1, WAITS.length, error);
    }
  }
}

/** The photo of an appraisal as an address for an image, or null where it is not kept any more. */
export async function photoAddress(url) {
  try {
    const { body } = await call("GET", url, { blob: true });
    return URL.createObjectURL(body);
  } catch {
    return null;
  }
}
