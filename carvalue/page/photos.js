// Shrinks photos before they are sent. What the browser cannot read is sent as it is.

export const LONGEST_SIDE = 1600;
export const LARGEST = 700_000;
/** Bytes; what the service takes of a photo that could not be shrunk. */
export const LARGEST_ORIGINAL = 16_000_000;
const QUALITIES = [0.85, 0.75, 0.65, 0.5];

/** The file is no photo, or too large; `code` says which. */
export class BadPhoto extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}

let turn = Promise.resolve();

/**
 * The photo as it is sent: upright, a JPEG of at most 1600 pixels and 700 kB, without what else the
 * file says (place, time, device). One at a time: a photo of 48 megapixels needs 200 MB while it is read.
 * @param {Blob} file
 * @returns {Promise<{blob: Blob, readable: boolean}>}
 */
export function shrunken(file) {
  const mine = turn.then(() => shrink(file));
  turn = mine.catch(() => {});
  return mine;
}

async function shrink(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    if (!(await isHeic(file))) throw new BadPhoto("photo-unsupported");
    if (file.size > LARGEST_ORIGINAL) throw new BadPhoto("photo-too-large");
    return { blob: new Blob([file], { type: "image/heic" }), readable: false };
  }
  try {
    for (let longest = LONGEST_SIDE; ; longest *= 0.75) {
      const blob = await within(bitmap, longest);
      if (blob.size <= LARGEST) return { blob, readable: true };
    }
  } finally {
    bitmap.close();
  }
}

/** The best JPEG of this size that is small enough, or the smallest. */
async function within(bitmap, longest) {
  const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // what was transparent would be black
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  let blob;
  for (const quality of QUALITIES) {
    blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (blob === null) throw new BadPhoto("photo-unsupported");
    if (blob.size <= LARGEST) break;
  }
  return blob;
}

/** HEIC and its like say so in their first bytes, whatever the file is called. */
async function isHeic(file) {
  const head = new TextDecoder("latin1").decode(await file.slice(4, 12).arrayBuffer());
  return /^ftyp(hei[cxms]|hev[cx]|mif1|msf1|avif)$/.test(head);
}
