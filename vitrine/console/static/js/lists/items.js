/** Items of other services that a list refers to by their ids, such as the client of an order. */
import { ask } from "../api.js";
import { listen } from "../stream.js";
import { useValue, Value } from "../value.js";

const AT_ONCE = 4; // requests: a list has many references
const MOST = 500; // items that are kept

/** @type {Map<string, Value<any>>} */
const known = new Map();
/** @type {string[]} */
const waiting = [];
let running = 0;

listen("change", (events) => {
  for (const { service, id, type, item } of events) {
    const value = known.get(`${service}/${id}`);
    if (value) value.set(type === "deleted" ? null : (item ?? value.get()));
  }
});

/**
 * Return an item by its id: undefined until it is known, null if it cannot be seen.
 * @param {string} service
 * @param {number | string | null | undefined} id
 */
export function useItem(service, id) {
  return useValue(id == null ? NOTHING : valueOf(`${service}/${id}`));
}

const NOTHING = new Value(null);

/** @param {string} key */
function valueOf(key) {
  let value = known.get(key);
  if (!value) {
    if (known.size >= MOST) known.delete(/** @type {string} */ (known.keys().next().value));
    known.set(key, (value = new Value(undefined)));
    waiting.push(key);
    readNext();
  }
  return value;
}

async function readNext() {
  const key = running < AT_ONCE && waiting.shift();
  if (!key) return;
  running += 1;
  const [service, id] = key.split("/");
  const reply = await ask(`/api/${service}/${service}/${encodeURIComponent(id)}`).catch(() => null);
  running -= 1;
  if (reply?.ok || reply?.status === 404 || reply?.status === 403) known.get(key)?.set(reply.ok ? reply.value : null);
  else known.delete(key); // It is asked for again when it is shown again.
  readNext();
}
