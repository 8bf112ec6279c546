// The tiles of the front and the back photo: choose, look at it, take it again.

import { h, say } from "./dom.js";
import { alertOf } from "./problems.js";
import { BadPhoto, shrunken } from "./photos.js";
import { size, t } from "./words.js";

/**
 * Lets a tile take a photo; calls `chosen` with each one that is ready.
 * @param {HTMLElement} tile
 * @param {(photo: {blob: Blob, readable: boolean}) => void} chosen
 */
export function wireTile(tile, chosen) {
  let latest = null;

  async function take(file) {
    latest = file;
    problemIn(tile, null);
    hintOf(tile).textContent = t("tile.preparing");
    tile.toggleAttribute("aria-busy", true);
    try {
      const photo = await shrunken(file);
      if (latest !== file) return; // another one was chosen meanwhile
      showPhoto(tile, photo);
      say(`${nameOf(tile)}: ${hintOf(tile).textContent}`);
      chosen(photo);
    } catch (error) {
      hintOf(tile).textContent = t(`tile.${tile.dataset.side}`);
      problemIn(tile, error instanceof BadPhoto ? error.code : "photo-unreadable");
    } finally {
      tile.toggleAttribute("aria-busy", false);
    }
  }

  for (const input of tile.querySelectorAll("input")) {
    const read = () => {
      const file = input.files[0];
      input.value = ""; // the same file may be chosen again
      if (file) take(file);
    };
    input.addEventListener("change", read);
    read(); // someone was quicker than this script
  }
  return take;
}

/** Shows a photo that is ready in its tile. */
export function showPhoto(tile, photo) {
  const image = tile.querySelector("img");
  if (image.src) URL.revokeObjectURL(image.src);
  image.hidden = !photo.readable;
  tile.querySelector("svg").toggleAttribute("hidden", photo.readable);
  if (photo.readable) {
    image.src = URL.createObjectURL(photo.blob);
    image.alt = t("tile.alt", { side: nameOf(tile) });
  } else {
    image.removeAttribute("src");
  }
  hintOf(tile).textContent = t(photo.readable ? "tile.ready" : "tile.unseen", { size: size(photo.blob.size) });
  tile.classList.add("filled");
  const [camera, file] = tile.querySelectorAll(".verb");
  camera.textContent = t("tile.retake");
  file.textContent = t("tile.other");
}

/** Makes a tile empty again. */
export function emptyTile(tile) {
  const image = tile.querySelector("img");
  if (image.src) URL.revokeObjectURL(image.src);
  image.removeAttribute("src");
  image.hidden = true;
  tile.querySelector("svg").removeAttribute("hidden");
  tile.classList.remove("filled");
  hintOf(tile).textContent = t(`tile.${tile.dataset.side}`);
  problemIn(tile, null);
  const [camera, file] = tile.querySelectorAll(".verb");
  camera.textContent = t("tile.take");
  file.textContent = t("tile.choose");
}

/** An empty tile of the same side, for another view. */
export function anotherTile(side) {
  const tile = document.querySelector(`#start .tile[data-side="${side}"]`).cloneNode(true);
  tile.querySelectorAll("input").forEach((input, place) => {
    const id = `again-${side}-${place}`;
    input.nextElementSibling.htmlFor = id;
    input.id = id;
  });
  const image = tile.querySelector("img");
  image.removeAttribute("src"); // the address belongs to the other tile
  emptyTile(tile);
  return tile;
}

/** Says in a tile what is wrong with its photo; null takes that away. */
export function problemIn(tile, code) {
  const place = tile.querySelector(".tile-problem");
  place.replaceChildren(...(code ? [alertOf({ title: `${nameOf(tile)}: ${t(`problem.${code}`)}`, todo: t(`todo.${code}`) })] : []));
}

export const nameOf = (tile) => tile.querySelector("h2").textContent;
const hintOf = (tile) => tile.querySelector(".hint");

/** Small copies of both photos, so that one sees which car this is about. */
export function strip(addresses) {
  return h("div", { class: "strip" },
    Object.entries(addresses).map(([side, address]) => address && h("img", { src: address, alt: t("tile.alt", { side: t(`side.${side}`) }) })));
}
