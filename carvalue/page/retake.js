// Takes one photo again, or both.

import { anotherTile, problemIn, wireTile } from "./capture.js";
import { button, h, show } from "./dom.js";
import { alertOf, stepMeaning } from "./problems.js";
import { t } from "./words.js";

const SIDES = ["front", "back"];
/** What a photo may be refused for that the reader may know better. */
const ARGUABLE = ["photo-too-dark", "photo-too-bright", "photo-blurred", "same-photo-twice"];

/**
 * Asks for better photos of these sides; without any, of those that failed.
 * @param {any} appraisal
 * @param {string[]} sides
 * @param {any} ways
 */
export function showRetake(appraisal, sides, ways) {
  const codeOf = (side) => appraisal.steps[`${side}_categorization`].code;
  const failed = SIDES.filter((side) => appraisal.steps[`${side}_categorization`].status === "failed");
  const again = sides.length > 0 ? sides : failed.length > 0 ? failed : SIDES;
  const chosen = {};
  const problem = h("div");

  const tiles = again.map((side) => {
    const tile = anotherTile(side);
    wireTile(tile, (photo) => {
      chosen[side] = photo;
      problem.replaceChildren();
    });
    return tile;
  });
  const reasons = failed.filter((side) => again.includes(side)).map((side) => {
    const { title, todo } = stepMeaning(codeOf(side));
    return alertOf({ title: `${t(`photo.${side}`)}: ${title}`, todo });
  });

  function go() {
    const ready = again.filter((side) => chosen[side]);
    if (ready.length > 0) return ways.replace(Object.fromEntries(ready.map((side) => [side, chosen[side]])));
    problemIn(tiles[0], null);
    problem.replaceChildren(alertOf({ title: t("start.missing", { side: t(`side.${again[0]}`) }), todo: t("start.todo") }));
    tiles[0].querySelector(".pick:not(.camera) input").focus();
  }

  show(t(again.length > 1 ? "retake.both.title" : `retake.${again[0]}.title`), [
    reasons.length > 0 ? reasons : h("p", { class: "lead" }, t("retake.lead")),
    problem,
    h("div", { class: "tiles" }, tiles),
    button(t("retake.go"), go, "primary"),
    failed.length > 0 && failed.every((side) => ARGUABLE.includes(codeOf(side))) && button(t("retake.anyway"), () => ways.categorize({ accept_poor_photos: true })),
    button(t("candidates.none"), ways.catalogue),
    appraisal.candidates.length > 0 && button(t("back"), ways.candidates, "plain"),
  ]);
}
