// Makes elements, and shows one view at a time. Text is set as text: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. `on` has listeners, `class` is its class; true, false and null are for attributes
 * that are there or not; children are nodes, text, or nothing.
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...any} children
 */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "value" || name === "checked" || name === "selected") {
      element[name] = value;
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

/**
 * Shows one view in place of the others, and moves the focus to its heading.
 * @param {"start" | "view" | "key"} name
 */
export function turnTo(name) {
  for (const one of ["start", "view", "key"]) byId(one).hidden = one !== name;
  const heading = byId(name).querySelector("h1");
  document.title = `${heading.textContent} – carvalue`;
  window.scrollTo(0, 0);
  heading.focus({ preventScroll: true });
}

/** Which of them is shown now. */
export function shown() {
  return ["start", "view", "key"].find((one) => !byId(one).hidden);
}

let leaving = () => {};

/**
 * Shows a view with this heading. `leave` is called when the next one takes its place.
 * @param {string} title
 * @param {any[]} children
 * @param {() => void} [leave]
 */
export function show(title, children, leave = () => {}) {
  leaving();
  leaving = leave;
  byId("view").replaceChildren(h("h1", { tabindex: -1 }, title), ...children.flat(Infinity).filter(Boolean));
  turnTo("view");
}

/** Shows the start again, and ends what the view before it was doing. */
export function showStart() {
  leaving();
  leaving = () => {};
  byId("view").replaceChildren();
  turnTo("start");
}

/** A button; `kind` is primary, quiet or danger. */
export function button(text, click, kind = "quiet", props = {}) {
  return h("button", { type: "button", class: kind, on: { click }, ...props }, text);
}

/** Text that is read to those who do not see it. */
export const unseen = (text) => h("span", { class: "unseen" }, text);

/** Tells those who do not see the page what has changed, without moving the focus. */
export function say(text) {
  byId("status").textContent = text;
}

let ids = 0;
export const newId = () => `n${++ids}`;

/** A group of radio buttons; calls `change` with the value that is chosen. */
export function radios({ legend, options, value, change, kind }) {
  const name = newId();
  return h(
    "fieldset",
    { class: `radios ${kind}`, role: "radiogroup" },
    h("legend", {}, legend),
    options.map((one) => {
      const id = newId();
      const input = h("input", {
        type: "radio", name, id, value: one.value, checked: one.value === value, disabled: one.disabled,
        on: { change: () => change(one.value) },
      });
      return h("div", { class: "radio" }, input, h("label", { for: id }, one.label));
    }),
  );
}

/** A field with its label, a hint, and a place for what is wrong with it. */
export function field(label, control, hint = null) {
  const id = control.id || newId();
  control.id = id;
  const hintId = `${id}-hint`;
  if (hint) control.setAttribute("aria-describedby", hintId);
  return h("div", { class: "field" }, h("label", { for: id }, label), hint && h("p", { class: "hint", id: hintId }, hint), control);
}
