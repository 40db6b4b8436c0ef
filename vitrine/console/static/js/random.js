/** Names that nobody else uses: of imports, and of requests that may be sent twice. */

/** Return a random name of 16 hexadecimal digits. */
export function randomName() {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
