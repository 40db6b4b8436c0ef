/** Writes of clients, each with the way back. */
import { ask } from "../api.js";
import { edit } from "../edits/edit.js";
import { remember } from "../edits/undo.js";
import { say } from "../said.js";

/** @type {Record<string, {name: string, type?: string, hint?: string}>} the single fields of a client */
export const FIELDS = {
  name: { name: "Name" },
  email: { name: "Email", type: "email" },
  phone: { name: "Phone", type: "tel" },
  city: { name: "City" },
  birthday: { name: "Birthday", hint: "Day/month/year, such as 29/10/2001." },
  genre: { name: "Genre" },
  external_ref: { name: "Reference", hint: "The number of this client in another system." },
};

/**
 * Change one field of a client.
 * @param {any} client  as it is known now
 * @param {string} field
 * @param {unknown} value
 * @param {string} [etag]  of the client as it is known now
 * @param {unknown} [seen]  the value that the reader saw, if it is another one by now
 * @returns {Promise<{error: string, value: any}>}
 */
export async function saveField(client, field, value, etag, seen = client[field]) {
  const label = `${(FIELDS[field]?.name ?? field).toLowerCase()} of ${client.name}`;
  const reply = await edit({ service: "clients", path: `/clients/${client.id}`, before: { [field]: seen }, after: { [field]: value }, label, etag: seen === client[field] ? etag : undefined });
  return { error: reply.error, value: reply.value };
}

/**
 * Move a client to the trash, from where it can be restored.
 * @param {any} client
 * @returns {Promise<boolean>}
 */
export async function moveToTrash(client) {
  const path = `/clients/${client.id}`;
  const reply = await ask(`/api/clients${path}`, { method: "DELETE", headers: { "If-Match": "*" } });
  if (reply.ok) remember({ label: `${client.name} to the trash`, steps: [{ service: "clients", method: "POST", path: `${path}/restore`, etag: "" }] }, `${client.name} is in the trash.`);
  else say(reply.error);
  return reply.ok;
}

/** Take a client out of the trash. @param {any} client */
export async function restore(client) {
  const reply = await ask(`/api/clients/clients/${client.id}/restore`, { method: "POST" });
  if (reply.ok) remember({ label: `${client.name} out of the trash`, steps: [{ service: "clients", method: "DELETE", path: `/clients/${client.id}`, etag: reply.etag }] }, `${client.name} is back.`);
  else say(reply.error);
  return reply.ok;
}

/**
 * Create a client.
 * @param {Record<string, string>} values
 * @param {string} key  of the request, so that it counts once if it is sent again
 * @returns {Promise<import("../api.js").Reply>}
 */
export async function create(values, key) {
  const reply = await ask("/api/clients/clients", { method: "POST", body: values, headers: { "Idempotency-Key": key } });
  if (reply.ok) remember({ label: `new client ${reply.value.name}`, steps: [{ service: "clients", method: "DELETE", path: `/clients/${reply.value.id}`, etag: reply.etag }] });
  return reply;
}
