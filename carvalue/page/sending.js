// Shows honestly how far a piece of work is, and waits for what passes.

import { button, h, say, show } from "./dom.js";
import { strip } from "./capture.js";
import { meaningOf } from "./problems.js";
import { number, percent, t } from "./words.js";

/**
 * A view of the steps of some work. `at` says which one it is at, `until` waits between two tries.
 * @param {{title: string, steps: string[], photos?: Record<string, string | null>, cancel: () => void}} options
 */
export function progressView({ title, steps, photos = {}, cancel }) {
  const ended = new AbortController();
  const lines = steps.map((one) => h("li", {}, h("span", { class: "step" }, t(`step.${one}`)), h("span", { class: "far" })));
  const bar = h("progress", { "aria-label": title });
  const trouble = h("div", { class: "trouble" });

  show(title, [strip(photos), h("ol", { class: "steps" }, lines), bar, trouble, button(t("cancel"), cancel)], () => ended.abort());

  return {
    signal: ended.signal,

    /** The work is at this step; `part` of it is done, where that is known. */
    at(step, part = null) {
      const place = steps.indexOf(step);
      lines.forEach((line, one) => {
        line.className = one < place ? "done" : one === place ? "now" : "";
        if (one === place) line.setAttribute("aria-current", "step");
        else line.removeAttribute("aria-current");
        line.lastChild.textContent = one < place ? t("step.done") : one === place && part !== null ? percent(part * 100) : "";
      });
      if (part === null) bar.removeAttribute("value");
      else bar.value = part;
      if (part === null) say(t(`step.${step}`));
    },

    /** Waits so many seconds, or until the reader wants it or the line is back; says why. */
    until: (seconds, time, times, error) => untilThen(trouble, ended.signal, seconds, time, times, error),
  };
}

/** Shows in `place` why it waits; without a line it waits for the line, as long as it takes. */
export function untilThen(place, signal, seconds, time, times, error) {
  const offline = !navigator.onLine;
  const { title } = meaningOf(error);
  const left = h("span", { "aria-hidden": "true" });
  return new Promise((done, failed) => {
    let rest = seconds;
    const tick = () => (left.textContent = offline ? "" : t("again.in", { n: number(rest) }));
    const timer = setInterval(() => {
      rest -= 1;
      tick();
      if (rest <= 0 && !offline) end();
    }, 1000);
    const end = () => {
      clearInterval(timer);
      removeEventListener("online", end);
      place.replaceChildren();
      done();
    };
    signal.addEventListener("abort", () => {
      end();
      failed(new DOMException("", "AbortError"));
    });
    addEventListener("online", end);
    tick();
    place.replaceChildren(
      h("div", { class: "note" },
        h("p", { class: "alert-title", role: "status" }, offline ? t("offline.note") : title),
        h("p", {}, offline ? "" : t("again.time", { time: number(time), times: number(times) }), " ", left),
        button(t("again.now"), end)),
    );
  });
}
