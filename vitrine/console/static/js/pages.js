/** The pages: address, name, key after `g`, and the module that is loaded when a page is opened. */

/**
 * @typedef {object} PageEntry
 * @property {string} path
 * @property {string} name
 * @property {string} key
 * @property {any} icon
 * @property {"shop" | "stack"} part  of the navigation
 * @property {() => Promise<{Page: any}>} load
 */

/** @type {PageEntry[]} */
export const PAGES = [
  { path: "/", name: "Overview", key: "o", icon: "overview", part: "stack", load: () => import("./pages/overview.js") },
  { path: "/cache", name: "Cache", key: "c", icon: "cache", part: "stack", load: () => import("./pages/cache.js") },
  { path: "/changes", name: "Changes", key: "h", icon: "changes", part: "stack", load: () => import("./pages/changes.js") },
  { path: "/jobs", name: "Jobs", key: "j", icon: "jobs", part: "stack", load: () => import("./pages/jobs.js") },
  { path: "/trace", name: "Trace", key: "t", icon: "trace", part: "stack", load: () => import("./pages/trace.js") },
  { path: "/doctor", name: "Doctor", key: "d", icon: "doctor", part: "stack", load: () => import("./pages/doctor.js") },
  { path: "/products", name: "Products", key: "p", icon: "products", part: "shop", load: () => import("./pages/products.js") },
  { path: "/categories", name: "Categories", key: "k", icon: "categories", part: "shop", load: () => import("./pages/categories.js") },
  { path: "/orders", name: "Orders", key: "r", icon: "orders", part: "shop", load: () => import("./pages/orders.js") },
  { path: "/clients", name: "Clients", key: "l", icon: "clients", part: "shop", load: () => import("./pages/clients.js") },
  { path: "/import", name: "Import", key: "i", icon: "import", part: "shop", load: () => import("./pages/import.js") },
  { path: "/settings", name: "Settings", key: "s", icon: "settings", part: "stack", load: () => import("./pages/settings.js") },
];

/**
 * Return the page of a path, or nothing.
 * @param {string} path
 */
export const pageOf = (path) =>
  PAGES.find((page) => page.path === path || (page.path !== "/" && path.startsWith(`${page.path}/`)));
