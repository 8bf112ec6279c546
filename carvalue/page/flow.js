// The way from two photos to a price. The service's `next_action` says what comes next.

import { call, patiently, photoAddress, Problem, upload } from "./api.js";
import { emptyTile, nameOf, problemIn, showPhoto, wireTile } from "./capture.js";
import { showCandidates } from "./candidates.js";
import { showCatalogue } from "./catalogue.js";
import { showDetails } from "./details.js";
import { button, byId, say, show, showStart } from "./dom.js";
import { showHistory } from "./history.js";
import { dropCar, dropPending, keepCar, cars, keepPending, keptPending } from "./keep.js";
import { alertOf, fieldsOf, meaningOf, stepMeaning } from "./problems.js";
import { nameAndPrice, showResult } from "./result.js";
import { showRetake } from "./retake.js";
import { progressView } from "./sending.js";
import { t } from "./words.js";

const SIDES = ["front", "back"];
const LONGEST_WAIT = 5 * 60 * 1000;
const APPRAISAL = /^#(apr_[0-9a-f]{32})$/;

/** @type {import("./keep.js").Pending} */
let pending = fresh();
const tiles = {};
const takers = {};

function fresh() {
  return { key: newKey(), sending: false };
}

function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
}

/** Takes up what was begun before a reload, or shows what the address names. */
export async function begin() {
  for (const side of SIDES) {
    tiles[side] = document.querySelector(`#start .tile[data-side="${side}"]`);
    takers[side] = wireTile(tiles[side], (photo) => choose(side, photo));
  }
  byId("go").addEventListener("click", go);
  addEventListener("popstate", route);
  const kept = await keptPending();
  if (kept) {
    pending = kept;
    for (const side of SIDES) if (pending[side]) showPhoto(tiles[side], pending[side]);
  }
  if (pending.sending && !location.hash) sendPhotos();
  else await route();
}

/** Shows what an address names: "" the start, "#history", or an appraisal. */
export function goTo(hash) {
  history.pushState(null, "", hash || location.pathname + location.search);
  route();
}

async function route() {
  const [, id] = APPRAISAL.exec(location.hash) ?? [];
  if (id) await open(id);
  else if (location.hash === "#history") showHistory({ open: (one) => goTo(`#${one}`), start: () => goTo("") });
  else if (document.documentElement.dataset.ready || location.hash) showStart();
}

function choose(side, photo) {
  // Other photos are another request: only the same pair goes with the same key.
  pending = { ...pending, [side]: photo, key: newKey(), sending: false };
  byId("start-problem").replaceChildren();
  keepPending(pending);
}

/** Takes the photos of a sample as if they had been chosen. */
export async function sample({ photos }) {
  try {
    for (const side of SIDES) {
      const { body } = await call("GET", photos[side], { blob: true });
      await takers[side](body);
    }
    byId("go").focus();
  } catch (error) {
    byId("start-problem").replaceChildren(alertOf(meaningOf(error)));
  }
}

function go() {
  const missing = SIDES.find((side) => !pending[side]);
  if (!missing) return sendPhotos();
  byId("start-problem").replaceChildren(alertOf({ title: t("start.missing", { side: nameOf(tiles[missing]) }), todo: t("start.todo") }));
  tiles[missing].querySelector(".pick:not(.camera) input").focus();
}

async function sendPhotos() {
  pending = { ...pending, sending: true };
  await keepPending(pending);
  const photos = Object.fromEntries(SIDES.map((side) => [side, pending[side].readable ? URL.createObjectURL(pending[side].blob) : null]));
  const view = progressView({ title: t("sending.title"), steps: ["sending", "looking"], photos, cancel: () => putBack() });
  try {
    const { body, header } = await patiently(() => {
      const form = new FormData();
      for (const side of SIDES) form.append(side, pending[side].blob, `${side}.jpg`);
      view.at("sending", 0);
      return upload("POST", "/v1/appraisals", form, {
        headers: { "Idempotency-Key": `"${pending.key}"`, Prefer: "wait=8" },
        signal: view.signal,
        progress: (part) => (part < 1 ? view.at("sending", part) : view.at("looking")),
      });
    }, view.until);
    pending = fresh();
    await dropPending();
    for (const side of SIDES) emptyTile(tiles[side]);
    history.pushState(null, "", `#${body.id}`);
    await follow(body, header("ETag"));
  } catch (error) {
    if (error.name !== "AbortError") notSent(error);
  } finally {
    for (const one of Object.values(photos)) if (one) URL.revokeObjectURL(one);
  }
}

/** Back to the photos, which are still there. */
function putBack() {
  pending = { ...pending, sending: false };
  keepPending(pending);
  showStart();
}

function notSent(error) {
  if (["appraisal-deleted", "idempotency-key-reused"].includes(error.code)) pending.key = newKey();
  putBack();
  const wrong = fieldsOf(error).filter((one) => SIDES.includes(one));
  for (const side of wrong) problemIn(tiles[side], error.code);
  if (wrong.length > 0) tiles[wrong[0]].querySelector(".pick:not(.camera) input").focus();
  else byId("start-problem").replaceChildren(alertOf({ ...meaningOf(error), actions: [button(t("again"), go)] }));
}

/** Shows an appraisal as it stands now. */
async function open(id) {
  const view = progressView({ title: t("opening.title"), steps: ["opening"], cancel: () => goTo("") });
  view.at("opening");
  await trying(view, async () => {
    const { body, header } = await patiently(() => call("GET", `/v1/appraisals/${id}`, { signal: view.signal }), view.until);
    await follow(body, header("ETag"));
  }, () => open(id), id);
}

/** Runs a piece of work in its view; what fails is shown, with a way to try it again. */
async function trying(view, work, again, id = null) {
  try {
    await work();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (error instanceof Problem && error.status === 404 && id) dropCar(id);
    const { title, todo } = error instanceof Problem && error.status === 404 ? meaningOf({ code: "not-found" }) : meaningOf(error);
    show(title, [
      alertOf({ title: todo }),
      button(t("again"), again, "primary"),
      button(t("another"), () => goTo("")),
    ]);
  }
}

/**
 * Does what comes next with an appraisal. What we do not know yet is shown as far as it goes.
 * @param {any} appraisal
 * @param {string | null} etag
 */
async function follow(appraisal, etag = null) {
  const known = cars().find((one) => one.id === appraisal.id);
  keepCar({ ...nameAndPrice(appraisal), id: appraisal.id, at: known?.at ?? appraisal.created_at });
  const ways = waysOf(appraisal);
  switch (appraisal.next_action) {
    case "wait":
      return wait(appraisal, etag);
    case "confirm_car":
      return showCandidates(appraisal, ways);
    case "retry_categorization":
      return showFailed(appraisal, ways);
    case "retake_photos":
      return showRetake(appraisal, [], ways);
    case "choose_trim":
    case "request_valuation":
      return appraisal.steps.valuation.status === "failed" || appraisal.valuation
        ? showResult(appraisal, ways)
        : showDetails(appraisal, appraisal.car, ways);
    case "done":
      return showResult(appraisal, ways);
    default:
      if (appraisal.car) return showResult(appraisal, ways);
      return showCandidates(appraisal, ways);
  }
}

/** What the views may ask for. */
function waysOf(appraisal) {
  const path = `/v1/appraisals/${appraisal.id}`;
  return {
    path,
    photos: () => addressesOf(appraisal),
    another: () => goTo(""),
    candidates: () => showCandidates(appraisal, waysOf(appraisal)),
    catalogue: () => showCatalogue(appraisal, waysOf(appraisal)),
    details: (car, entered, error) => showDetails(appraisal, car, waysOf(appraisal), entered, error),
    retake: (sides) => showRetake(appraisal, sides, waysOf(appraisal)),
    categorize: (body) => ask(appraisal, "looking", "POST", `${path}/categorizations`, body, { "Idempotency-Key": `"${newKey()}"` }),
    confirm: (car, body) => ask(appraisal, "pricing", "PUT", `${path}/car`, body, {}, (error) => waysOf(appraisal).details(car, body, error)),
    replace: (photos) => replace(appraisal, photos),
    follow,
    remove: async () => {
      await call("DELETE", path);
      dropCar(appraisal.id);
      goTo("#history");
      say(t("history.deleted"));
    },
  };
}

async function addressesOf(appraisal) {
  const found = {};
  for (const one of appraisal.photos ?? []) found[one.side] = await photoAddress(one.url);
  return found;
}

/** Asks for a piece of work, and shows what came of it. `refused` shows what did not fit. */
async function ask(appraisal, step, method, path, json, headers, refused = null) {
  const view = progressView({ title: t(`${step}.title`), steps: [step], cancel: () => follow(appraisal) });
  view.at(step);
  await trying(view, async () => {
    try {
      const { body, header } = await patiently(
        () => call(method, path, { json, headers: { Prefer: "wait=8", ...headers }, signal: view.signal }), view.until);
      await follow(body, header("ETag"));
    } catch (error) {
      if (refused && error instanceof Problem && error.status === 422) refused(error);
      else throw error;
    }
  }, () => ask(appraisal, step, method, path, json, headers, refused));
}

async function replace(appraisal, photos) {
  const view = progressView({ title: t("sending.title"), steps: ["sending", "looking"], cancel: () => follow(appraisal) });
  await trying(view, async () => {
    let answer;
    for (const [side, photo] of Object.entries(photos)) {
      answer = await patiently(() => {
        const form = new FormData();
        form.append("photo", photo.blob, `${side}.jpg`);
        view.at("sending", 0);
        return upload("PUT", `/v1/appraisals/${appraisal.id}/photos/${side}`, form, {
          headers: { Prefer: "wait=8" }, signal: view.signal,
          progress: (part) => (part < 1 ? view.at("sending", part) : view.at("looking")),
        });
      }, view.until);
    }
    await follow(answer.body, answer.header("ETag"));
  }, () => replace(appraisal, photos));
}

/** Asks until something has changed; the service holds each question for some seconds. */
async function wait(appraisal, etag) {
  const step = appraisal.car ? "pricing" : "looking";
  const view = progressView({ title: t(`${step}.title`), steps: [step], cancel: () => goTo("#history"), photos: await addressesOf(appraisal) });
  view.at(step);
  const began = Date.now();
  await trying(view, async () => {
    for (let known = etag; ; ) {
      const { status, body, header } = await patiently(() => call("GET", `/v1/appraisals/${appraisal.id}`, {
        headers: { Prefer: "wait=20", ...(known ? { "If-None-Match": known } : {}) }, signal: view.signal,
      }), view.until);
      if (status === 200 && body.next_action !== "wait") return follow(body, header("ETag"));
      known = header("ETag") ?? known;
      if (Date.now() - began > LONGEST_WAIT) throw Object.assign(new Error(), { code: "takes-long" });
    }
  }, () => wait(appraisal, etag));
}

function showFailed(appraisal, ways) {
  const codes = SIDES.map((side) => appraisal.steps[`${side}_categorization`].code).filter(Boolean);
  const { title, todo } = stepMeaning(codes[0]);
  show(title, [
    alertOf({ title: todo }),
    button(t("again"), () => ways.categorize({}), "primary"),
    button(t("candidates.none"), ways.catalogue),
    button(t("another"), ways.another),
  ]);
}
