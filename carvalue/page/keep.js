// Keeps on this device what must not be lost: photos that are not answered yet, and which cars were
// appraised here.

const CARS = "carvalue-cars";
const MOST_CARS = 50;

function opened() {
  return new Promise((done, failed) => {
    const request = indexedDB.open("carvalue", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("pending");
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
  });
}

async function inStore(mode, act) {
  try {
    const database = await opened();
    try {
      return await new Promise((done, failed) => {
        const transaction = database.transaction("pending", mode);
        const request = act(transaction.objectStore("pending"));
        transaction.oncomplete = () => done(request.result);
        transaction.onabort = transaction.onerror = () => failed(transaction.error);
      });
    } finally {
      database.close();
    }
  } catch {
    return undefined; // a private window keeps nothing; the page works all the same
  }
}

/**
 * Photos that were chosen and not answered yet, and the key that they are sent with.
 * @typedef {{front?: any, back?: any, key: string, sending: boolean}} Pending
 */

/** @param {Pending} pending */
export const keepPending = (pending) => inStore("readwrite", (store) => store.put(pending, "photos"));
/** @returns {Promise<Pending | undefined>} */
export const keptPending = () => inStore("readonly", (store) => store.get("photos"));
export const dropPending = () => inStore("readwrite", (store) => store.delete("photos"));

/**
 * The cars that were appraised on this device, the newest first.
 * @returns {{id: string, name: string, price: string, at: string}[]}
 */
export function cars() {
  try {
    const kept = JSON.parse(localStorage.getItem(CARS) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

export function keepCar(car) {
  store([car, ...cars().filter((one) => one.id !== car.id)].slice(0, MOST_CARS));
}

export function dropCar(id) {
  store(cars().filter((one) => one.id !== id));
}

function store(all) {
  try {
    localStorage.setItem(CARS, JSON.stringify(all));
  } catch {
    // No room, or a private window: the list is a convenience.
  }
}
