/** The loaded part of the tree: the children of a category are read when it is opened. */
import { ask } from "../api.js";
import { Value } from "../value.js";

const KEY = "vitrine.tree"; // the open categories of this tab
const PER = 100; // children of one request
const MOST_PAGES = 50; // that are read to find one category
const FIELDS = "id,slug,name,parent,position,path,product_count";

/**
 * @typedef {object} Category
 * @property {any} id
 * @property {string} slug
 * @property {string} name
 * @property {string | null} parent
 * @property {string[]} path
 * @property {number | null} product_count
 */

/**
 * @typedef {object} Branch  the children of one category
 * @property {Category[]} items
 * @property {number} total
 * @property {string | null} cursor  of further ones
 * @property {string} error
 * @property {import("../api.js").Reply | null} reply
 */

/** @typedef {{item: Category, level: number, isOpen: boolean, hasChildren: boolean, place: number, of: number}} Row */

export class Branches {
  /** Changes whenever the tree is to be drawn again. */
  version = new Value(0);
  /** @type {Map<string, Branch>} by the slug of the parent; the top level by "" */
  #branches = new Map();
  /** @type {Map<string, number>} the number of children, as far as it is known */
  #counts = new Map();
  /** @type {Set<string>} parents whose children have all their counts known */
  #counted = new Set();
  /** @type {Set<string>} */
  #open = new Set(kept());
  /** @type {Map<string, Promise<void>>} the last reading of each branch: one follows the other */
  #reading = new Map();
  #isDirty = false;
  /** @type {Promise<void> | null} */
  #refreshing = null;

  /** @param {string} parent */
  branch(parent) {
    return this.#branches.get(parent);
  }

  /** Read the top level, and what was open before. */
  async start() {
    await this.load("");
    for (const slug of [...this.#open]) if (!this.#branches.has(slug)) await this.load(slug);
  }

  /** @param {string} slug */
  isOpen(slug) {
    return this.#open.has(slug);
  }

  /** The rows that are shown, from the top. @returns {Row[]} */
  rows() {
    /** @type {Row[]} */
    const rows = [];
    const add = (/** @type {string} */ parent, /** @type {number} */ level) => {
      const branch = this.#branches.get(parent);
      branch?.items.forEach((item, at) => {
        const isOpen = this.#open.has(item.slug);
        rows.push({ item, level, isOpen, hasChildren: this.#mayHaveChildren(item), place: at + 1, of: branch.total });
        if (isOpen && level < 40) add(item.slug, level + 1);
      });
    };
    add("", 1);
    return rows;
  }

  /** @param {Category} item */
  #mayHaveChildren(item) {
    const own = this.#branches.get(item.slug);
    if (own) return own.total > 0;
    return this.#counts.has(item.slug) || !this.#counted.has(item.parent ?? "");
  }

  /**
   * Read the children of a category as far as they are shown, or the next ones.
   * @param {string} parent @param {boolean} [more]
   */
  load(parent, more = false) {
    const reading = (this.#reading.get(parent) ?? Promise.resolve()).then(() => (more ? this.#readMore(parent) : this.#readPages(parent)));
    this.#reading.set(parent, reading);
    return reading;
  }

  /** @param {string} parent */
  async #readPages(parent) {
    const before = this.#branches.get(parent);
    const count = before?.items.length ?? 0;
    /** @type {Branch | undefined} */
    let branch;
    do branch = await this.#page(parent, branch);
    while (!branch.error && branch.cursor && branch.items.length < count);
    this.#store(parent, branch.error && before ? { ...before, error: branch.error, reply: branch.reply } : branch);
    this.#draw();
    if (!branch.error) await this.#count(parent);
  }

  /** @param {string} parent */
  async #readMore(parent) {
    const before = this.#branches.get(parent);
    if (!before?.cursor) return; // The reading before has brought all.
    this.#store(parent, await this.#page(parent, before));
    this.#draw();
  }

  /** Store a branch, and take its items out of others: where one is, the newest reading says. @param {string} parent @param {Branch} branch */
  #store(parent, branch) {
    const slugs = new Set(branch.error ? [] : branch.items.map(({ slug }) => slug));
    for (const [other, old] of this.#branches) {
      const items = old.items.filter(({ slug }) => !slugs.has(slug));
      if (items.length < old.items.length) this.#branches.set(other, { ...old, items, total: old.total - old.items.length + items.length });
    }
    this.#branches.set(parent, branch);
  }

  /** Return a branch with one page more. @param {string} parent @param {Branch} [before] @returns {Promise<Branch>} */
  async #page(parent, before) {
    const query = new URLSearchParams({ per: String(PER), fields: FIELDS, sort: "position,name" });
    if (parent) query.set("parent", parent);
    else query.set("root", "true");
    if (before?.cursor) query.set("cursor", before.cursor);
    const reply = await ask(`/api/categories/categories?${query}`);
    const items = reply.ok ? [...(before?.items ?? []), ...reply.value.items] : (before?.items ?? []);
    const total = reply.ok ? reply.value.total : items.length;
    const cursor = reply.ok ? reply.value.next_cursor : (before?.cursor ?? null);
    return { items, total, cursor, error: reply.error, reply };
  }

  /** Learn which children have children themselves, by one request. @param {string} parent */
  async #count(parent) {
    const query = new URLSearchParams({ per: "1", fields: "id", facets: "parent" });
    if (parent) query.set("below", parent);
    const reply = await ask(`/api/categories/categories?${query}`);
    const facet = reply.ok ? reply.value.facets?.parent : null;
    if (!facet) return;
    for (const { value, count } of facet.values) this.#counts.set(value, count);
    if (!facet.more) this.#counted.add(parent);
    this.#draw();
  }

  /** @param {string} slug */
  async open(slug) {
    this.#open.add(slug);
    this.#keep();
    if (!this.#branches.has(slug)) await this.load(slug);
  }

  /** @param {string} slug */
  close(slug) {
    this.#open.delete(slug);
    this.#keep();
  }

  /**
   * Open all categories above one, and find it.
   * @param {string[]} path  slugs from the top
   */
  async reveal(path) {
    for (const [at, slug] of path.entries()) {
      const parent = path[at - 1] ?? "";
      if (parent) await this.open(parent);
      for (let pages = 0; pages < MOST_PAGES; pages += 1) {
        const branch = this.#branches.get(parent);
        if (!branch?.cursor || branch.items.some((item) => item.slug === slug)) break;
        await this.load(parent, true);
      }
    }
  }

  /** Read all that is loaded again, since something has changed; once more if that happens meanwhile. */
  refresh() {
    this.#isDirty = true;
    this.#refreshing ??= this.#refreshAll().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #refreshAll() {
    while (this.#isDirty) {
      this.#isDirty = false;
      this.#counts.clear();
      this.#counted.clear();
      for (const parent of [...this.#branches.keys()]) {
        if (parent && !this.#open.has(parent)) this.#branches.delete(parent);
        else await this.load(parent);
      }
    }
  }

  #keep() {
    sessionStorage.setItem(KEY, JSON.stringify([...this.#open].slice(-200)));
    this.#draw();
  }

  #draw() {
    this.version.set(this.version.get() + 1);
  }
}

/** @returns {string[]} */
function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  } catch {
    return [];
  }
}
