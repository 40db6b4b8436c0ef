/** The pages: address, name, key after `g`, and the module that is loaded when a page is opened. */

/** @typedef {{path: string, name: string, key: string, icon: any, load: () => Promise<{Page: any}>}} PageEntry */

/** @type {PageEntry[]} */
export const PAGES = [
  { path: "/", name: "Overview", key: "o", icon: "overview", load: () => import("./pages/overview.js") },
  { path: "/cache", name: "Cache", key: "c", icon: "cache", load: () => import("./pages/cache.js") },
  { path: "/changes", name: "Changes", key: "h", icon: "changes", load: () => import("./pages/changes.js") },
  { path: "/jobs", name: "Jobs", key: "j", icon: "jobs", load: () => import("./pages/jobs.js") },
  { path: "/trace", name: "Trace", key: "t", icon: "trace", load: () => import("./pages/trace.js") },
  { path: "/doctor", name: "Doctor", key: "d", icon: "doctor", load: () => import("./pages/doctor.js") },
];

/**
 * Return the page of a path, or nothing.
 * @param {string} path
 */
export const pageOf = (path) =>
  PAGES.find((page) => page.path === path || (page.path !== "/" && path.startsWith(`${page.path}/`)));
